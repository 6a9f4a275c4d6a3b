import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { maxStreamId } from "../frame/frame-header.ts";
import {
  CLIENT,
  CLOSED_BY_END,
  CLOSED_BY_RESET_RECEIVED,
  CLOSED_BY_RESET_SENT,
  CLOSED_FORGOTTEN,
  CLOSED_IMPLICITLY,
  DATA,
  HEADERS,
  IDLE,
  nextState,
  SERVER,
  stateName,
} from "./state.ts";
import { type StoredStream, StreamStore } from "./store.ts";

interface Stream extends StoredStream {
  readonly id: number;
}

function stream(id: number): Stream {
  return { id, active: false };
}

/** Opens a stream as the peer. */
function admitted(store: StreamStore<Stream>, id: number): Stream {
  expect(store.admitRemote(id)).toBe(undefined);
  const record = stream(id);
  store.add(record);
  return record;
}

describe("identifiers", () => {
  test("ours are odd on a client and even on a server", () => {
    const client = new StreamStore<Stream>(CLIENT);
    const server = new StreamStore<Stream>(SERVER);
    expect([client.lastLocalId, server.lastLocalId]).toEqual([0, 0]);
    expect([client.takeLocalId(), client.takeLocalId(), client.lastLocalId]).toEqual([1, 3, 3]);
    expect([server.takeLocalId(), server.takeLocalId(), server.lastLocalId]).toEqual([2, 4, 4]);
    expect([client.isLocal(7), client.isLocal(8), server.isLocal(7), server.isLocal(8)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test.each([
    [CLIENT, 0x7fff_ffff],
    [SERVER, 0x7fff_fffe],
  ])("[h2-154] role %i: the last one is %i, and there is none behind it", (role, last) => {
    const store = new StreamStore<Stream>(role);
    store.startLocalIdsAt(last - 2);
    expect([store.takeLocalId(), store.hasLocalId]).toEqual([last - 2, true]);
    expect([store.takeLocalId(), store.hasLocalId]).toEqual([last, false]);
    expect([store.takeLocalId(), store.takeLocalId(), store.lastLocalId]).toEqual([0, 0, last]);
    expect(store.stateWithoutRecord(last, 0)).toBe(CLOSED_FORGOTTEN);
  });

  test("ours can start higher, but not lower or as theirs", () => {
    const store = new StreamStore<Stream>(CLIENT);
    store.startLocalIdsAt(101);
    expect(store.takeLocalId()).toBe(101);
    for (const id of [101, 104, maxStreamId + 2]) expect(() => store.startLocalIdsAt(id)).toThrow(RangeError);
  });

  test("[h2-134] theirs must have the right parity", () => {
    const server = new StreamStore<Stream>(SERVER).admitRemote(2);
    expect([server?.streamId, server?.reason, server?.code]).toEqual([0, PROTOCOL_ERROR, "STREAM_ID_PARITY"]);
    expect(server?.message).toBe("stream identifier of the peer must be odd, got 2 (RFC 9113 5.1.1)");
    const client = new StreamStore<Stream>(CLIENT).admitRemote(1);
    expect([client?.streamId, client?.reason, client?.code]).toEqual([0, PROTOCOL_ERROR, "STREAM_ID_PARITY"]);
    expect(client?.message).toBe("stream identifier of the peer must be even, got 1 (RFC 9113 5.1.1)");
  });

  test("[h2-135][h2-255] theirs must go up", () => {
    for (const [role, id] of [
      [SERVER, 5],
      [CLIENT, 6],
    ] as const) {
      const store = new StreamStore<Stream>(role);
      expect(store.admitRemote(id)).toBe(undefined);
      for (const wrong of [id, id - 2]) {
        const error = store.admitRemote(wrong);
        expect([error?.streamId, error?.reason, error?.code]).toEqual([0, PROTOCOL_ERROR, "STREAM_ID_USED"]);
        expect(error?.message).toBe(`stream identifier must be higher than ${id}, got ${wrong} (RFC 9113 5.1.1)`);
      }
      expect([store.lastRemoteId, store.admitRemote(maxStreamId - (id & 1 ? 0 : 1))]).toEqual([id, undefined]);
    }
  });

  test("[h2-098] one that was refused is used up", () => {
    const store = new StreamStore<Stream>(SERVER);
    store.admitRemote(1);
    expect(store.admitRemote(1)?.code).toBe("STREAM_ID_USED");
  });
});

describe("streams without a record", () => {
  test("[h2-136] a stream closes those below it that were not used", () => {
    const store = new StreamStore<Stream>(SERVER);
    store.admitRemote(5);
    store.admitRemote(7);
    store.admitRemote(13);
    const states = [1, 3, 5, 7, 9, 11, 13, 15].map((id) => store.stateWithoutRecord(id, 0));
    const [skipped, used] = [CLOSED_IMPLICITLY, CLOSED_FORGOTTEN];
    expect(states).toEqual([skipped, skipped, used, used, skipped, skipped, used, IDLE]);
  });

  test("on a client, promised streams are passed over too", () => {
    const store = new StreamStore<Stream>(CLIENT);
    store.admitRemote(4);
    expect([2, 4, 6].map((id) => store.stateWithoutRecord(id, 0))).toEqual([CLOSED_IMPLICITLY, CLOSED_FORGOTTEN, IDLE]);
  });

  test("ours are idle until they are taken", () => {
    const store = new StreamStore<Stream>(CLIENT);
    expect(store.stateWithoutRecord(1, 0)).toBe(IDLE);
    store.takeLocalId();
    expect([store.stateWithoutRecord(1, 0), store.stateWithoutRecord(3, 0)]).toEqual([CLOSED_FORGOTTEN, IDLE]);
  });

  test("[h2-137] a client's own that it passed over are closed", () => {
    const store = new StreamStore<Stream>(CLIENT);
    store.startLocalIdsAt(5);
    expect(nextState(CLIENT, store.stateWithoutRecord(3, 0), HEADERS)).toBeLessThan(0);
    expect(stateName(store.stateWithoutRecord(3, 0))).toBe("closed");
  });

  test("the ranges that were passed over are bounded, and the newest are known", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (let i = 1; i <= 33; i++) store.admitRemote(4 * i + 1);
    expect([store.stateWithoutRecord(3, 0), store.stateWithoutRecord(1, 0)]).toEqual([
      CLOSED_FORGOTTEN,
      CLOSED_FORGOTTEN,
    ]);
    for (let i = 2; i <= 33; i++) expect(store.stateWithoutRecord(4 * i - 1, 0)).toBe(CLOSED_IMPLICITLY);
  });

  test("identifiers without a gap take nothing of that", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (let id = 5; id < 1000; id += 2) store.admitRemote(id);
    expect([1, 3, 5].map((id) => store.stateWithoutRecord(id, 0))).toEqual([
      CLOSED_IMPLICITLY,
      CLOSED_IMPLICITLY,
      CLOSED_FORGOTTEN,
    ]);
  });

  test("[h2-141][h2-142] our reset is remembered for a second", () => {
    const store = new StreamStore<Stream>(SERVER);
    store.remove(admitted(store, 1), CLOSED_BY_RESET_SENT, 5000);
    expect(store.stateWithoutRecord(1, 5999)).toBe(CLOSED_BY_RESET_SENT);
    expect(nextState(SERVER, store.stateWithoutRecord(1, 5999), DATA)).toBe(CLOSED_BY_RESET_SENT);
    expect(store.stateWithoutRecord(1, 6000)).toBe(CLOSED_FORGOTTEN);
    expect(store.rememberedResets).toBe(0);
  });

  test("closing in another way is not", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (const [index, state] of [CLOSED_BY_END, CLOSED_BY_RESET_RECEIVED].entries()) {
      const id = 2 * index + 1;
      store.remove(admitted(store, id), state, 0);
      expect(store.stateWithoutRecord(id, 0)).toBe(CLOSED_FORGOTTEN);
    }
    expect(store.rememberedResets).toBe(0);
  });

  test("[h2-143] of too many resets the oldest are forgotten", () => {
    for (const max of [1, 50]) {
      const store = new StreamStore<Stream>(SERVER, { maxRememberedResets: max, rememberResetsMs: 1000 });
      const ids = Array.from({ length: max + 1 }, (_, index) => 2 * index + 1);
      for (const id of ids) store.remove(admitted(store, id), CLOSED_BY_RESET_SENT, 0);
      const [oldest, ...others] = ids;
      expect(store.stateWithoutRecord(oldest as number, 0)).toBe(CLOSED_FORGOTTEN);
      for (const id of others) expect(store.stateWithoutRecord(id, 0)).toBe(CLOSED_BY_RESET_SENT);
      expect(store.rememberedResets).toBe(max);
    }
  });

  test("no memory for resets means none", () => {
    const store = new StreamStore<Stream>(SERVER, { maxRememberedResets: 0, rememberResetsMs: 1000 });
    store.remove(admitted(store, 1), CLOSED_BY_RESET_SENT, 0);
    expect(store.stateWithoutRecord(1, 0)).toBe(CLOSED_FORGOTTEN);
  });

  test("expired ones make room", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (let id = 1; id < 100; id += 2) {
      store.admitRemote(id);
      store.rememberReset(id, 0);
    }
    expect(store.rememberedResets).toBe(50);
    store.admitRemote(101);
    store.rememberReset(101, 1000);
    expect(store.rememberedResets).toBe(1);
  });

  test("a reset that is repeated is remembered from then on", () => {
    const store = new StreamStore<Stream>(SERVER);
    store.admitRemote(1);
    store.rememberReset(1, 0);
    store.rememberReset(1, 800);
    expect(store.stateWithoutRecord(1, 1799)).toBe(CLOSED_BY_RESET_SENT);
    expect(store.rememberedResets).toBe(1);
  });

  test("and pushes none out, and is the newest again", () => {
    const store = new StreamStore<Stream>(SERVER, { maxRememberedResets: 2, rememberResetsMs: 1000 });
    for (const id of [1, 3, 5]) store.admitRemote(id);
    for (const id of [1, 3, 3]) store.rememberReset(id, 0);
    expect(store.stateWithoutRecord(1, 0)).toBe(CLOSED_BY_RESET_SENT);
    for (const id of [1, 5]) store.rememberReset(id, 0);
    expect(store.stateWithoutRecord(3, 0)).toBe(CLOSED_FORGOTTEN);
    expect(store.stateWithoutRecord(1, 0)).toBe(CLOSED_BY_RESET_SENT);
  });
});

describe("records", () => {
  test("[h2-157] a closed stream leaves nothing behind", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (let id = 1; id < 2000; id += 2) {
      const record = admitted(store, id);
      expect([store.get(id), store.size, store.activeRemote]).toEqual([record, 1, 1]);
      store.remove(record, CLOSED_BY_END, 0);
      expect([store.get(id), store.size, store.activeRemote]).toEqual([undefined, 0, 0]);
    }
    expect(store.peaks).toEqual({ local: 0, remote: 1, size: 1 });
  });

  test("[h2-247] resetting and opening keeps memory flat", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (let id = 1; id < 20_000; id += 2) store.remove(admitted(store, id), CLOSED_BY_RESET_SENT, 0);
    expect([store.size, store.rememberedResets]).toEqual([0, 50]);
  });

  test("reserved streams count from when they are active, and only once", () => {
    const store = new StreamStore<Stream>(SERVER);
    const pushed = stream(store.takeLocalId());
    store.add(pushed, false);
    expect([store.size, store.activeLocal]).toEqual([1, 0]);
    store.activate(pushed);
    store.activate(pushed);
    expect([store.activeLocal, store.activeRemote]).toEqual([1, 0]);
    store.deactivate(pushed);
    store.deactivate(pushed);
    expect([store.size, store.activeLocal]).toEqual([1, 0]);
    store.remove(pushed, CLOSED_BY_END, 0);
    store.remove(pushed, CLOSED_BY_END, 0);
    expect([store.size, store.activeLocal, store.peaks.local]).toEqual([0, 0, 1]);
  });

  test("those there are now can be removed while they are visited", () => {
    const store = new StreamStore<Stream>(SERVER);
    for (const id of [1, 3, 5, 7, 9]) admitted(store, id);
    const visited: number[] = [];
    for (const record of store.all()) {
      visited.push(record.id);
      const next = store.get(record.id + 2);
      if (record.id % 4 === 1 && next !== undefined) store.remove(next, CLOSED_BY_END, 0);
      if (record.id === 5) store.remove(record, CLOSED_BY_END, 0);
    }
    expect(visited).toEqual([1, 3, 5, 7, 9]);
    expect([...store.all()].map(({ id }) => id)).toEqual([1, 9]);
  });

  test("does as plain maps do, in any order of operations", () => {
    const operation = fc.record({
      kind: fc.constantFrom("open", "admit", "remove", "reset", "refuse", "deactivate"),
      pick: fc.nat(20),
      pause: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.constantFrom(CLIENT, SERVER), fc.array(operation, { maxLength: 40 }), (role, operations) => {
        const limits = { maxRememberedResets: 3, rememberResetsMs: 100 };
        const store = new StreamStore<Stream>(role, limits);
        const records = new Map<number, Stream>();
        const active = new Set<number>();
        const used = new Set<number>();
        let resets: { readonly id: number; readonly until: number }[] = [];
        let now = 0;
        const remember = (id: number): void => {
          resets = [...resets.filter((reset) => reset.id !== id && reset.until > now), { id, until: now + 100 }].slice(
            -3,
          );
        };
        const highest = (local: boolean): number =>
          Math.max(0, ...[...used].filter((id) => store.isLocal(id) === local));
        for (const { kind, pick, pause } of operations) {
          now += pause;
          const chosen = [...records.values()][pick % Math.max(1, records.size)];
          if (kind === "open" || kind === "admit" || kind === "refuse") {
            const id = kind === "open" ? store.takeLocalId() : pick;
            if (kind !== "open") {
              const right = id > 0 && !store.isLocal(id) && id > highest(false);
              if (id === 0) continue;
              expect(store.admitRemote(id) === undefined).toBe(right);
              if (!right) continue;
            }
            used.add(id);
            if (kind === "refuse") {
              store.rememberReset(id, now);
              remember(id);
            } else {
              const record = stream(id);
              store.add(record);
              records.set(id, record);
              active.add(id);
            }
          } else if (chosen !== undefined && kind === "deactivate") {
            store.deactivate(chosen);
            active.delete(chosen.id);
          } else if (chosen !== undefined) {
            store.remove(chosen, kind === "reset" ? CLOSED_BY_RESET_SENT : CLOSED_BY_END, now);
            records.delete(chosen.id);
            active.delete(chosen.id);
            if (kind === "reset") remember(chosen.id);
          }
          expect(store.all()).toEqual([...records.values()].sort((a, b) => a.id - b.id));
          expect(store.activeLocal).toBe([...active].filter((id) => store.isLocal(id)).length);
          expect(store.activeRemote).toBe([...active].filter((id) => !store.isLocal(id)).length);
          expect(store.lastRemoteId).toBe(highest(false));
          expect(store.lastLocalId).toBe(highest(true));
          for (let id = 1; id <= 24; id++) {
            expect(store.get(id)).toBe(records.get(id));
            if (records.has(id)) continue;
            const remembered = resets.some((reset) => reset.id === id && reset.until > now);
            const past = used.has(id) ? CLOSED_FORGOTTEN : CLOSED_IMPLICITLY;
            const expected = id > highest(store.isLocal(id)) ? IDLE : remembered ? CLOSED_BY_RESET_SENT : past;
            if (store.stateWithoutRecord(id, now) !== expected) {
              expect([id, stateName(store.stateWithoutRecord(id, now))]).toEqual([id, stateName(expected)]);
            }
          }
        }
      }),
      { numRuns: 5000 },
    );
  });
});
