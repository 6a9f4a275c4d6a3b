/**
 * Floods of frames that cost the sender nothing and ask for an answer, or for nothing at all: PING (CVE-2019-9512),
 * PRIORITY (CVE-2019-9513), SETTINGS (CVE-2019-9515, CVE-2020-11080), frames that nobody knows, GOAWAY; sent to a
 * connection whose answers are read, and to one whose answers are not.
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackClient,
  attackServer,
  expectDefended,
  expectEndured,
  streamId,
  tally,
  times,
} from "../support/attack.ts";
import { outcomeOf, send } from "../support/client.ts";
import { expectAborted, expectFrames, expectQuiet } from "../support/expectations.ts";
import { get } from "../support/messages.ts";
import { ok, okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const calm = "ENHANCE_YOUR_CALM";
const octets64KiB = 65_536;

describe("CVE-2019-9512 ping flood", () => {
  const defence = {
    lastStreamId: 0,
    code: calm,
    debug: "too_many_pings: at most 10000 at once and 10000 per second are accepted of PING received",
    errorCode: "TOO_MANY_PINGS",
    counter: ["pings", 10_001],
  } as const;

  for (const [role, make] of [
    ["server", () => attackServer(ok)],
    ["client", () => attackClient()],
  ] as const) {
    test(`[h2-267] CVE-2019-9512: a ${role} answers 10,000 at once, and not one more`, async () => {
      const target = await make();
      target.peer.batch(() => times(10_000, () => target.peer.ping()));
      await target.run();
      expect(tally(target.peer.take())).toEqual({ "PING ACK 0011223344556677": 10_000 });
      target.peer.ping();
      expect(await expectDefended(target, defence)).toEqual([]);
    });
  }

  test("CVE-2019-9512: acknowledgments of no PING are let pass, but not for ever", async () => {
    const server = await attackServer(ok);
    server.peer.batch(() => times(10_000, () => server.peer.pingAck()));
    await expectQuiet(server);
    server.peer.pingAck();
    const answers = await expectDefended(server, {
      ...glitches("ignoredFrame"),
      counter: ["ignoredFrame", 10_001],
    });
    expect(answers).toEqual([]);
  });
});

describe("CVE-2019-9515 settings flood", () => {
  test("CVE-2019-9515: a thousand SETTINGS are acknowledged, and 33 a second; one more is too many", async () => {
    const server = await attackServer(ok);
    // The handshake took one.
    server.peer.batch(() => times(999, () => server.peer.settings()));
    await server.run();
    expect(tally(server.peer.take())).toEqual({ "SETTINGS ACK": 999 });
    await pass(server, 1000);
    server.peer.batch(() => times(33, () => server.peer.settings({ INITIAL_WINDOW_SIZE: 1 })));
    await server.run();
    expect(tally(server.peer.take())).toEqual({ "SETTINGS ACK": 33 });
    server.peer.settings();
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: calm,
      debug: "too_many_settings: at most 1000 at once and 33 per second are accepted of SETTINGS received",
      errorCode: "TOO_MANY_SETTINGS_FRAMES",
      counter: ["settings", 1034],
    });
    expect(answers).toEqual([]);
  });

  test("[h2-355] CVE-2020-11080: 32 entries in a frame are taken, 33 are not, whatever they are", async () => {
    const entries = (count: number) => Array.from({ length: count }, (_, index) => [0xff00 + index, 1] as const);
    const server = await attackServer(ok);
    server.peer.settings(entries(32));
    await expectFrames(server, ["SETTINGS ACK"]);
    server.peer.settings(entries(33));
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: calm,
      debug: "SETTINGS: at most 32 entries are accepted in a frame, got 33",
      errorCode: "TOO_MANY_SETTINGS",
    });
    expect(answers).toEqual([]);
  });

  test("[h2-355] CVE-2020-11080: 2,400 entries, all the same, on a client", async () => {
    const client = await attackClient();
    client.peer.settings(Array.from({ length: 2400 }, () => ["INITIAL_WINDOW_SIZE", 65_535] as const));
    const answers = await expectDefended(client, {
      lastStreamId: 0,
      code: calm,
      debug: "SETTINGS: at most 32 entries are accepted in a frame, got 2400",
      errorCode: "TOO_MANY_SETTINGS",
    });
    expect(answers).toEqual([]);
  });
});

function glitches(last: string) {
  return {
    lastStreamId: 0,
    code: calm,
    debug: `too_many_glitches: at most 10000 at once and 330 per second are accepted of frames that are ignored; last: ${last}`,
    errorCode: "TOO_MANY_GLITCHES",
  } as const;
}

describe("frames that are ignored", () => {
  const floods = [
    ["CVE-2019-9513 resource loop: PRIORITY", "priority", ({ peer }) => peer.priority(1, { dependency: 3 })],
    [
      "PRIORITY on ever new streams",
      "priority",
      ({ peer }, index) => peer.priority(streamId(index + 1), { weight: 3 }),
    ],
    ["frames of types that nobody knows", "unknownFrame", ({ peer }) => peer.raw(0xfa, 0, 0, "00")],
    ["ALTSVC, which clients do not send", "unknownFrame", ({ peer }) => peer.raw(0xa, 0, 0, "0000")],
    ["GOAWAY again and again", "repeatedGoAway", ({ peer }) => peer.goAway(0)],
  ] as const satisfies readonly (readonly [
    string,
    string,
    (target: Awaited<ReturnType<typeof attackServer>>, index: number) => void,
  ])[];

  for (const [what, counter, flood] of floods) {
    test(`${what}: 10,000 are let pass, and one more is too many`, async () => {
      const server = await attackServer(() => new Promise(() => {}));
      server.peer.headers(1, get(), { endStream: true });
      // The first GOAWAY is none too many.
      const free = counter === "repeatedGoAway" ? 1 : 0;
      server.peer.batch(() => times(10_000 + free, (index) => flood(server, index)));
      await expectQuiet(server);
      flood(server, 10_001);
      const answers = await expectDefended(server, {
        ...glitches(counter),
        lastStreamId: 1,
        counter: [counter, 10_001],
      });
      expect(answers).toEqual([]);
    });
  }

  test("PRIORITY_UPDATE for a stream that is there: the same", async () => {
    const server = await attackServer(() => new Promise(() => {}));
    server.peer.headers(1, get(), { endStream: true });
    server.peer.batch(() => times(10_000, (index) => server.peer.priorityUpdate(1, `u=${index % 8}`)));
    await expectQuiet(server);
    server.peer.priorityUpdate(1, "u=3");
    await expectDefended(server, {
      ...glitches("priorityUpdate"),
      lastStreamId: 1,
      counter: ["priorityUpdate", 10_001],
    });
  });

  test("PRIORITY_UPDATE for streams to come: as many as may be open are kept, and one more is an error", async () => {
    const server = await attackServer(ok, { maxConcurrentStreams: 10 });
    server.peer.batch(() => times(10, (index) => server.peer.priorityUpdate(streamId(index), "u=1")));
    await expectQuiet(server);
    server.peer.priorityUpdate(streamId(10), "u=1");
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: "PROTOCOL_ERROR",
      debug:
        "PRIORITY_UPDATE: at most 10 streams may be active or prioritized ahead, got stream 21 besides (RFC 9218 7.1)",
      kind: "protocol",
      errorCode: "TOO_MANY_PRIORITIZED",
    });
    expect(answers).toEqual([]);
  });

  test("all of these share one limit, of which 330 a second are given back", async () => {
    const server = await attackServer(ok);
    server.peer.batch(() => times(10_000, () => server.peer.priority(1, { dependency: 3 })));
    await pass(server, 1000);
    server.peer.batch(() => times(330, () => server.peer.raw(0xfa, 0, 0)));
    await expectQuiet(server);
    server.peer.pingAck();
    await expectDefended(server, { ...glitches("ignoredFrame"), counter: ["ignoredFrame", 1] });
  });

  test("streams opened beyond the limit: a thousand are refused, and one more is too many", async () => {
    const server = await attackServer(() => new Promise(() => {}), { maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.batch(() =>
      times(1000, (index) => server.peer.headers(streamId(1 + index), get(), { endStream: true })),
    );
    await server.run();
    expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
      "RST_STREAM REFUSED_STREAM": 1000,
    });
    server.peer.headers(streamId(1001), get(), { endStream: true });
    const answers = await expectDefended(server, {
      lastStreamId: 1,
      code: calm,
      debug:
        "too_many_refused_streams: at most 1000 at once and 100 per second are accepted of streams opened beyond MAX_CONCURRENT_STREAMS",
      errorCode: "TOO_MANY_REFUSALS",
      counter: ["refusals", 1001],
    });
    expect([answers, server.requests.length]).toEqual([[], 1]);
  });
});

describe("promises without end, on a client that takes them", () => {
  const promises: { response(): Promise<unknown> }[] = [];
  const onPush = (promise: { response(): Promise<unknown> }): void => {
    promises.push(promise);
    promise.response().catch(() => {});
  };

  test("as many as maxReservedStreams are kept, a thousand more are refused, and then it is too many", async () => {
    const client = await attackClient({ onPush });
    const { peer } = client;
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    peer.take();
    peer.batch(() => times(1200, (index) => peer.pushPromise(1, 2 + 2 * index, get(`/${index}`))));
    await client.run();
    expect(peer.take()).toEqual(
      Array.from({ length: 1000 }, (_, index) => `RST_STREAM ${2 + 2 * (200 + index)} REFUSED_STREAM`),
    );
    expect(promises).toHaveLength(200);
    peer.pushPromise(1, 2402, get());
    const answers = await expectDefended(client, {
      lastStreamId: 0,
      code: calm,
      debug:
        "too_many_refused_streams: at most 1000 at once and 100 per second are accepted of streams opened beyond MAX_CONCURRENT_STREAMS",
      errorCode: "TOO_MANY_REFUSALS",
      counter: ["refusals", 1001],
    });
    expect([answers, outcomeOf(sent)]).toEqual([[], `limit TOO_MANY_REFUSALS ${calm}`]);
  });
});

describe("answers that the peer does not read", () => {
  // What the transport takes, what is gathered behind it, and the frame that made it too much.
  const mostBytes = 1000 + octets64KiB + 9 + 8;
  const floods = [
    ["CVE-2019-9512 PING", 17, ({ peer }) => peer.ping()],
    ["CVE-2019-9515 SETTINGS", 9, ({ peer }) => peer.settings()],
    [
      "CVE-2019-9514 requests that must be reset",
      13,
      ({ peer }, index) => peer.headers(streamId(index), [[":method", "GET"]], { endStream: true }),
    ],
  ] as const satisfies readonly (readonly [
    string,
    number,
    (target: Awaited<ReturnType<typeof attackServer>>, index: number) => void,
  ])[];

  for (const [what, answerBytes, flood] of floods) {
    test(`[h2-354] ${what}: reading stops at 64 KiB of output, and goes on once the transport takes more`, async () => {
      const options = { settingsBurst: 1e6, provokedResetsBurst: 1e6 };
      const server = await attackServer(ok, options, { capacityBytes: 1000 });
      const before = server.io.written.length;
      // In chunks, as from a socket: what has not been read stays there.
      for (let done = 0; done < 9000; done += 100) {
        server.peer.batch(() => times(100, (index) => flood(server, done + index)));
      }
      await server.run();
      expect(server.io.isReading).toBe(false);
      expect(server.io.remaining).toBeGreaterThan(0);
      const held = answersTo(server.counts) * answerBytes - (server.io.written.length - before);
      expect(held).toBeGreaterThanOrEqual(octets64KiB - 17);
      expect(held).toBeLessThanOrEqual(mostBytes);
      while (server.io.remaining > 0 || !server.io.isReading) {
        server.io.drain();
        await server.run();
      }
      server.io.drain();
      await server.run();
      expect(server.io.written.length - before).toBe(9000 * answerBytes);
      expect(server.peer.take()).toHaveLength(9000);
      await expectEndured(server, []);
    });

    test(`[h2-354] CVE-2019-9517 ${what}: it is given up after writeTimeoutMs`, async () => {
      const options = { settingsBurst: 1e6, provokedResetsBurst: 1e6 };
      const server = await attackServer(ok, options, { capacityBytes: 1000 });
      for (let done = 0; done < 9000; done += 100) {
        server.peer.batch(() => times(100, (index) => flood(server, done + index)));
      }
      await server.run();
      server.peer.take();
      await pass(server, 29_999);
      await expectQuiet(server);
      await pass(server, 1);
      await expectAborted(server, [], "timeout", "writeTimeoutMs");
      await server.bystander.expectUnharmed();
    });
  }

  function answersTo(counts: ReadonlyMap<string, number>): number {
    // The handshake's own SETTINGS has been answered.
    return (counts.get("pings") ?? 0) + (counts.get("settings") ?? 1) - 1 + (counts.get("provokedResets") ?? 0);
  }

  test("[h2-354] requests that are answered at once: no more of them is read than there is room for answers", async () => {
    const server = await attackServer(ok, {}, { capacityBytes: 1000 });
    for (let done = 0; done < 10_000; done += 100) {
      server.peer.batch(() =>
        times(100, (index) => server.peer.headers(streamId(done + index), get(), { endStream: true })),
      );
    }
    await server.run();
    const answered = server.requests.length;
    expect(answered).toBeLessThan(9000);
    await expectStopped();
    while (server.io.remaining > 0 || !server.io.isReading) {
      server.io.drain();
      await server.run();
    }
    server.io.drain();
    await server.run();
    expect(server.peer.take()).toEqual(Array.from({ length: 10_000 }, (_, index) => okText(streamId(index))));

    async function expectStopped(): Promise<void> {
      await pass(server, 1000);
      expect([server.requests.length, server.io.isReading]).toEqual([answered, false]);
    }
  });
});
