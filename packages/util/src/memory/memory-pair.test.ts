import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, drained, failure, readText, readToEnd, settle, shutdown, text } from "../../test/support/io.ts";
import { delayedTurns, fakeTimer, manualTurns, memoryPair, microtaskTurns, type Tear } from "./index.ts";

describe("as a connection", () => {
  test("chunks go over as they were written, both ways, by reference", async () => {
    const [a, b] = memoryPair();
    const chunk = bytes("ping");
    a.write([chunk, bytes("again")]);
    b.read((got) => expect(got).toBe(chunk));
    expect(await readText(b)).toBe("again");
    b.write([bytes("pong")]);
    expect(await readText(a)).toBe("pong");
  });

  test("backpressure: false at the capacity, drained below it", () => {
    const [a, b] = memoryPair({ capacityBytes: 4 });
    expect(a.write([bytes("abc")])).toBe(true);
    expect(a.write([bytes("d")])).toBe(false);
    expect(a.unreadBytes).toBe(4);
    let called = 0;
    a.drained(() => (called += 1));
    expect(() => a.drained(() => {})).toThrow(TypeError);
    expect(called).toBe(0);
    b.read(() => {});
    expect(called).toBe(1);
    expect(a.write([bytes("e")])).toBe(true);
    a.drained(() => (called += 1));
    expect(called).toBe(2);
  });

  test("half-close: the end comes after the bytes, again and again; the other way stays open", async () => {
    const [a, b] = memoryPair();
    a.write([bytes("question")]);
    await shutdown(a);
    expect(a.write([bytes("late")])).toBe(false);
    expect(await failure(drained(a))).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
    expect(await failure(shutdown(a))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
    expect(await readToEnd(b)).toBe("question");
    expect(await readText(b)).toBe(null);
    b.write([bytes("answer")]);
    await shutdown(b);
    expect(await readToEnd(a)).toBe("answer");
  });

  test("shutdown completes when what was written fits into the pipe", () => {
    const [a, b] = memoryPair({ capacityBytes: 4 });
    a.write([bytes("abc"), bytes("def")]);
    let done = false;
    a.shutdown(() => (done = true));
    expect(done).toBe(false);
    b.read(() => {});
    expect(done).toBe(true);
  });

  test("abort is a reset for the other end: unread bytes are lost, everything fails with ECONNRESET", async () => {
    const [a, b] = memoryPair({ capacityBytes: 4 });
    a.write([bytes("unread")]);
    b.write([bytes("unread")]);
    const waiting = failure(drained(b));
    const reason = new Error("enough");
    a.abort(reason);
    a.abort();
    expect(a.aborted).toBe(true);
    expect(await waiting).toMatchObject({ kind: "io", code: "ECONNRESET" });
    expect(await failure(readText(b))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    expect(await failure(readText(b))).toMatchObject({ code: "ECONNRESET" });
    expect(b.write([bytes("x")])).toBe(false);
    expect(await failure(shutdown(b))).toMatchObject({ code: "ECONNRESET" });
    expect(await failure(readText(a))).toBe(reason);
    expect(await failure(drained(a))).toBe(reason);
  });

  test("abort completes what is outstanding on its own end with the reason", () => {
    const [a, b] = memoryPair({ capacityBytes: 1 });
    const seen: unknown[] = [];
    a.write([bytes("xx")]);
    a.read((chunk, error) => seen.push(chunk, error));
    a.drained((error) => seen.push(error));
    a.shutdown((error) => seen.push(error));
    a.abort("why");
    expect(seen).toEqual([null, "why", "why", "why"]);
    b.abort();
  });

  test("abort after shutdown lets the other end read to the end; its writes fail with EPIPE", async () => {
    const [a, b] = memoryPair();
    a.write([bytes("complete")]);
    await shutdown(a);
    a.abort();
    expect(await readToEnd(b)).toBe("complete");
    expect(b.write([bytes("x")])).toBe(false);
    expect(await failure(drained(b))).toMatchObject({ kind: "io", code: "EPIPE" });
  });

  test("two outstanding reads are refused", () => {
    const [a] = memoryPair();
    a.read(() => {});
    expect(() => a.read(() => {})).toThrow(TypeError);
  });

  test("options: info and timer for both ends; bad values are refused", () => {
    const info = { secure: true };
    const timer = fakeTimer();
    for (const end of memoryPair({ info, timer })) expect([end.info, end.timer]).toEqual([info, timer]);
    expect(memoryPair()[0].info).toBe(undefined);
    expect(() => memoryPair({ capacityBytes: 0 })).toThrow(RangeError);
    expect(() => memoryPair({ tear: [] })).toThrow(RangeError);
  });
});

describe("turns", () => {
  test("sync: the reader has it before write returns", () => {
    const [a, b] = memoryPair();
    const got: (string | null)[] = [];
    b.read((chunk) => got.push(text(chunk)));
    a.write([bytes("now")]);
    expect(got).toEqual(["now"]);
  });

  test("sync: two ends that answer each other, and a reader of many chunks, do not recurse", () => {
    const [a, b] = memoryPair();
    let count = 0;
    const echo = (io: typeof a): void =>
      io.read(function again(chunk) {
        count += 1;
        if (chunk !== null && count < 100_000) {
          io.write([chunk]);
          io.read(again);
        }
      });
    echo(a);
    echo(b);
    a.write([bytes("ball")]);
    expect(count).toBe(100_000);
    const [c, d] = memoryPair({ tear: [1] });
    c.write([new Uint8Array(100_000)]);
    let read = 0;
    d.read(function again(chunk) {
      read += chunk?.length ?? 0;
      d.read(again);
    });
    expect(read).toBe(100_000);
  });

  test("sync: a callback that throws breaks nothing", () => {
    const [a, b] = memoryPair();
    b.read(() => {
      throw new Error("from a callback");
    });
    expect(() => a.write([bytes("x")])).toThrow("from a callback");
    const got: (string | null)[] = [];
    b.read((chunk) => got.push(text(chunk)));
    a.write([bytes("y")]);
    expect(got).toEqual(["y"]);
  });

  test("microtasks: not before write returns, but before the next turn", async () => {
    const [a, b] = memoryPair({ turns: microtaskTurns() });
    const got: (string | null)[] = [];
    b.read((chunk) => got.push(text(chunk)));
    a.write([bytes("soon")]);
    expect(got).toEqual([]);
    await settle(1);
    expect(got).toEqual(["soon"]);
  });

  test("manual: only when told to, one by one or all, across pairs", () => {
    const turns = manualTurns();
    const [a, b] = memoryPair({ turns });
    const [c, d] = memoryPair({ turns });
    const got: (string | null)[] = [];
    b.read((chunk) => {
      got.push(text(chunk));
      c.write([bytes("forwarded")]);
    });
    d.read((chunk) => got.push(text(chunk)));
    a.write([bytes("first")]);
    expect(turns.pending).toBe(1);
    expect(turns.step()).toBe(true);
    expect(got).toEqual(["first"]);
    expect(turns.pump()).toBe(1);
    expect(got).toEqual(["first", "forwarded"]);
    expect(turns.step()).toBe(false);
  });

  test("delayed: after the latency of the link", () => {
    const timer = fakeTimer();
    const [a, b] = memoryPair({ turns: delayedTurns(timer, 20) });
    const got: (string | null)[] = [];
    b.read((chunk) => got.push(text(chunk)));
    a.write([bytes("late")]);
    timer.advance(19);
    expect(got).toEqual([]);
    timer.advance(1);
    expect(got).toEqual(["late"]);
  });

  test("an end that was read stays an end when the other side aborts next", async () => {
    const turns = manualTurns();
    const [a, b] = memoryPair({ turns });
    const seen: unknown[] = [];
    b.read((chunk, error) => seen.push(chunk, error));
    a.shutdown(() => {});
    turns.step();
    expect(seen).toEqual([null, undefined]);
    a.abort();
    b.read((chunk, error) => seen.push(chunk, error));
    turns.pump();
    expect(seen.slice(2)).toEqual([null, undefined]);
  });

  test("an abort between a wake-up and its turn wins", () => {
    const turns = manualTurns();
    const [a, b] = memoryPair({ turns, capacityBytes: 1 });
    const seen: unknown[] = [];
    b.read((chunk, error) => seen.push(chunk, error));
    a.write([bytes("xx")]);
    b.abort("why");
    turns.pump();
    expect(seen).toEqual([null, "why"]);
  });
});

test("bytes in are bytes out, for any writes, any tearing, any capacity and any turns", () => {
  const tear: fc.Arbitrary<Tear | undefined> = fc.option(fc.array(fc.integer({ min: -1, max: 9 }), { minLength: 1 }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 30 })),
      tear,
      fc.integer({ min: 1, max: 64 }),
      fc.boolean(),
      (writes, cut, capacityBytes, manual) => {
        const turns = manualTurns();
        const [a, b] = memoryPair({ capacityBytes, ...(cut !== undefined && { tear: cut }), ...(manual && { turns }) });
        const got: number[] = [];
        let ended = false;
        b.read(function again(chunk, error) {
          expect(error).toBe(undefined);
          if (chunk === null) ended = true;
          else {
            expect(chunk.length).toBeGreaterThan(0);
            got.push(...chunk);
            b.read(again);
          }
        });
        let index = 0;
        const more = (): void => {
          while (index < writes.length) if (!a.write([writes[index++] ?? new Uint8Array(0)])) return a.drained(more);
          a.shutdown((error) => expect(error).toBe(undefined));
        };
        more();
        turns.pump();
        expect(ended).toBe(true);
        expect(got).toEqual(writes.flatMap((chunk) => [...chunk]));
      },
    ),
  );
});
