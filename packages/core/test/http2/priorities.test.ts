/**
 * Priorities as clients ask for them (RFC 9218): the `priority` field, PRIORITY_UPDATE, what a response says, and whose
 * word counts.
 */
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { connectH2, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";
import { open, shut, sized } from "./support/sized.ts";

interface Asked {
  readonly id: number;
  /** How many frames of content the response has. */
  readonly frames: number;
  /** The `priority` field. */
  readonly priority?: string;
  /** That of the response. */
  readonly answered?: string;
  readonly via?: readonly [string, string];
}

/** Asks for responses in this order, and looks at their heads. */
async function ask(server: ServerUnderTest, requests: readonly Asked[]): Promise<void> {
  for (const { id, frames, priority, answered, via } of requests) {
    const fields = [
      ...(priority === undefined ? [] : [["priority", priority] as const]),
      ...(via === undefined ? [] : [via]),
    ];
    const path = `/${frames * 16_384}${answered === undefined ? "" : `?${answered}`}`;
    server.peer.headers(id, get(path, ...fields), { endStream: true });
  }
  await server.run();
  expect(server.peer.take().map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual(
    requests.map(({ id }) => `HEADERS ${id}`),
  );
}

/** Opens the windows; the streams in the order of their frames of content. */
async function expectOrder(server: ServerUnderTest, order: readonly number[]): Promise<void> {
  open(server);
  await server.run();
  const [ack, ...frames] = server.peer.take();
  expect(ack).toBe("SETTINGS ACK");
  expect(frames.map((line) => Number(/^DATA (\d+) (?:END_STREAM )?16384$/.exec(line)?.[1]))).toEqual(order);
}

function serve(options: http2.ServerOptions = {}): Promise<ServerUnderTest> {
  return serveH2(sized, options, shut);
}

describe("the priority field", () => {
  test("[h2-226] a lower urgency number goes first, however late it was asked for", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=5" },
      { id: 3, frames: 2, priority: "u=1" },
      { id: 5, frames: 2, priority: "u=7" },
      { id: 7, frames: 2, priority: "u=0" },
    ]);
    await expectOrder(server, [7, 7, 3, 3, 1, 1, 5, 5]);
  });

  test("[h2-226] of one urgency, responses are sent one after the other in the order of their requests", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=3" },
      { id: 5, frames: 2, priority: "u=3" },
    ]);
    await expectOrder(server, [1, 1, 3, 3, 5, 5]);
  });

  test("[h2-227] incremental ones take turns", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=2, i" },
      { id: 3, frames: 3, priority: "u=2, i" },
      { id: 5, frames: 2, priority: "u=2, i=?1" },
    ]);
    await expectOrder(server, [1, 3, 5, 1, 3, 5, 3]);
  });

  test("[h2-227] incremental ones and others of one urgency alternate, other urgencies stay where they are", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=6" },
      { id: 3, frames: 2, priority: "u=2" },
      { id: 5, frames: 2, priority: "u=2" },
      { id: 7, frames: 3, priority: "u=2, i" },
      { id: 9, frames: 2, priority: "u=2, i" },
    ]);
    await expectOrder(server, [3, 7, 3, 9, 5, 7, 5, 9, 7, 1, 1]);
  });

  test("[h2-226] something more urgent goes ahead of a response that is under way", async () => {
    const server = await serveH2(sized, {}, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.headers(1, get("/131072", ["priority", "u=3"]), { endStream: true });
    await server.run();
    server.peer.take();
    server.peer.headers(3, get("/100", ["priority", "u=1"]), { endStream: true });
    await expectFrames(server, ["HEADERS 3 :status=200 content-length=100"]);
    server.peer.windowUpdate(0, 500);
    await expectFrames(server, ["DATA 3 END_STREAM 100", "DATA 1 400"]);
  });

  test("u=3 and not incremental by default, for a client that knows of priorities", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=4" },
      { id: 3, frames: 2 },
      { id: 5, frames: 2, priority: "" },
      { id: 7, frames: 2, priority: "u=2" },
    ]);
    await expectOrder(server, [7, 7, 3, 3, 5, 5, 1, 1]);
  });

  test("NO_RFC7540_PRIORITIES = 1 of a client says that it knows of them", async () => {
    const server = await serveH2(sized, {}, { settings: { INITIAL_WINDOW_SIZE: 0, NO_RFC7540_PRIORITIES: 1 } });
    await ask(server, [
      { id: 1, frames: 2 },
      { id: 3, frames: 2 },
    ]);
    await expectOrder(server, [1, 1, 3, 3]);
  });

  for (const value of ["u=8", "u=-1", "u=1.5", "u=high", "u", "u=(1)", "x=1", "u=3, i=1", '"', "u=1,", "u=1 i", "=1"]) {
    test(`[h2-231] ${value} says nothing, and harms nothing`, async () => {
      const server = await serve();
      await ask(server, [
        { id: 1, frames: 2, priority: "u=4" },
        { id: 3, frames: 2, priority: value },
        { id: 5, frames: 2, priority: "u=2" },
      ]);
      await expectOrder(server, [5, 5, 3, 3, 1, 1]);
    });
  }

  test("unknown parameters and those of members are passed over, the last of a name counts", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: 'u=7, new="x", u=1;why=?1' },
    ]);
    await expectOrder(server, [3, 3, 1, 1]);
  });

  test("several lines are one list", async () => {
    const server = await serve();
    server.peer.headers(1, get("/32768", ["priority", "u=2"], ["priority", "i"]), { endStream: true });
    server.peer.headers(3, get("/32768", ["priority", "u=2, i"]), { endStream: true });
    await server.run();
    server.peer.take();
    await expectOrder(server, [1, 3, 1, 3]);
  });
});

describe("PRIORITY_UPDATE", () => {
  test("[h2-228] ahead of its stream: the last one is kept, and counts for more than the field", async () => {
    const server = await serve();
    server.peer.priorityUpdate(5, "u=6");
    server.peer.priorityUpdate(5, "u=1");
    await expectQuiet(server);
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=2" },
      { id: 5, frames: 2, priority: "u=7" },
    ]);
    await expectOrder(server, [5, 5, 3, 3, 1, 1]);
  });

  test("[h2-228] for a stream that is passed over is forgotten", async () => {
    const server = await serve({ maxConcurrentStreams: 2 });
    server.peer.priorityUpdate(1, "u=1");
    server.peer.priorityUpdate(3, "u=1");
    server.peer.headers(5, get("/0"), { endStream: true });
    await expectFrames(server, ["HEADERS 5 END_STREAM :status=200 content-length=0"]);
    server.peer.priorityUpdate(7, "u=1");
    server.peer.priorityUpdate(9, "u=1");
    await expectQuiet(server);
  });

  test("changes a response that waits, at once", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=3" },
      { id: 5, frames: 2, priority: "u=3" },
    ]);
    server.peer.priorityUpdate(5, "u=0");
    server.peer.priorityUpdate(1, "u=7");
    await expectOrder(server, [5, 5, 3, 3, 1, 1]);
  });

  test("changes a response that is under way", async () => {
    const server = await serveH2(sized, {}, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.headers(1, get("/131072", ["priority", "u=3"]), { endStream: true });
    server.peer.headers(3, get("/131072", ["priority", "u=3"]), { endStream: true });
    await server.run();
    server.peer.take();
    server.peer.windowUpdate(0, 100);
    await expectFrames(server, ["DATA 1 100"]);
    server.peer.priorityUpdate(3, "u=1");
    server.peer.windowUpdate(0, 100);
    await expectFrames(server, ["DATA 3 100"]);
  });

  test("what it does not say is the default, not what was said before", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=1, i" },
      { id: 5, frames: 2, priority: "u=3" },
    ]);
    server.peer.priorityUpdate(3, "");
    await expectOrder(server, [1, 1, 3, 3, 5, 5]);
  });

  test("[h2-229] the same again changes nothing, nor the order", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3, i" },
      { id: 3, frames: 2, priority: "u=3, i" },
    ]);
    for (let times = 0; times < 3; times++) server.peer.priorityUpdate(1, "u=3, i");
    await expectOrder(server, [1, 3, 1, 3]);
  });

  test("[h2-231] one that cannot be read asks for the default", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=5" },
      { id: 3, frames: 2, priority: "u=4" },
    ]);
    server.peer.priorityUpdate(1, "\x00\xff,,");
    await expectOrder(server, [1, 1, 3, 3]);
  });

  test("for a stream that is over is ignored", async () => {
    const server = await serve();
    await ask(server, [{ id: 3, frames: 0 }]);
    server.peer.priorityUpdate(3, "u=0");
    server.peer.priorityUpdate(1, "u=0");
    await expectQuiet(server);
  });

  test("makes a client one that knows of priorities", async () => {
    const server = await serve();
    server.peer.priorityUpdate(9, "u=0");
    await ask(server, [
      { id: 1, frames: 2 },
      { id: 3, frames: 2 },
    ]);
    await expectOrder(server, [1, 1, 3, 3]);
  });

  test("[h2-230] on a stream ends the connection", async () => {
    const server = await serve();
    server.peer.raw(frameTypes.PRIORITY_UPDATE, 0, 1, "00000001");
    const message = "PRIORITY_UPDATE: must be on stream 0, got stream 1 (RFC 9218 7.1)";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "PRIORITY_UPDATE_ON_STREAM");
  });

  test("[h2-230] about stream 0 ends the connection", async () => {
    const server = await serve();
    server.peer.priorityUpdate(0, "u=1");
    const message = "PRIORITY_UPDATE: the prioritized stream must not be 0 (RFC 9218 7.1)";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "PRIORITY_UPDATE_STREAM_ID");
  });

  test("shorter than an identifier ends the connection", async () => {
    const server = await serve();
    server.peer.raw(frameTypes.PRIORITY_UPDATE, 0, 0, "000001");
    const message = "PRIORITY_UPDATE: length must be at least 4, got 3 (RFC 9113 4.2, RFC 9218 7.1)";
    await expectGoAway(server, 0, "FRAME_SIZE_ERROR", message, "protocol", "PRIORITY_UPDATE_LENGTH");
  });

  test("for a push that was not promised ends the connection", async () => {
    const server = await serve();
    server.peer.priorityUpdate(2, "u=1");
    const message = "PRIORITY_UPDATE: stream 2 must have been promised to be prioritized (RFC 9218 7.1)";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "PRIORITY_UPDATE_ON_IDLE_PUSH");
  });

  test("for more streams than may be open, those that are open among them, ends the connection", async () => {
    const server = await serve({ maxConcurrentStreams: 3 });
    await ask(server, [{ id: 1, frames: 1 }]);
    server.peer.priorityUpdate(3, "u=1");
    server.peer.priorityUpdate(5, "u=1");
    server.peer.priorityUpdate(5, "u=2");
    server.peer.priorityUpdate(1, "u=2");
    await expectQuiet(server);
    server.peer.priorityUpdate(7, "u=1");
    const message =
      "PRIORITY_UPDATE: at most 3 streams may be active or prioritized ahead, got stream 7 besides (RFC 9218 7.1)";
    await expectGoAway(server, 1, "PROTOCOL_ERROR", message, "protocol", "TOO_MANY_PRIORITIZED");
  });

  test("to a client ends the connection: only clients send it", async () => {
    const client = await connectH2();
    client.peer.priorityUpdate(1, "u=1");
    const message = "PRIORITY_UPDATE: servers must not send it (RFC 9218 7.1)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PRIORITY_UPDATE_FROM_SERVER");
  });

  test("[h2-235] a flood of it ends the connection", async () => {
    const server = await serveH2(ok, { glitchesBurst: 5, glitchesPerSecond: 0 });
    for (let times = 0; times < 5; times++) server.peer.priorityUpdate(1, "u=1");
    await expectQuiet(server);
    server.peer.priorityUpdate(1, "u=1");
    const message = "too_many_glitches: ";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_GLITCHES");
  });
});

describe("the priority of a response", () => {
  test("amends that of its request", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=3", answered: "u=5" },
      { id: 5, frames: 2, priority: "u=5", answered: "u=1" },
    ]);
    await expectOrder(server, [5, 5, 1, 1, 3, 3]);
  });

  test("leaves what it does not say as the request had it", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3, i", answered: "u=2" },
      { id: 3, frames: 2, priority: "u=2", answered: "i" },
    ]);
    await expectOrder(server, [1, 3, 1, 3]);
  });

  test("is sent, and counts for clients that say nothing of priorities", async () => {
    const server = await serve();
    server.peer.headers(1, get("/16384"), { endStream: true });
    server.peer.headers(3, get("/16384?u=0"), { endStream: true });
    await expectFrames(server, [
      "HEADERS 1 :status=200 content-length=16384",
      "HEADERS 3 :status=200 priority=u=0 content-length=16384",
    ]);
    await expectOrder(server, [3, 1]);
  });

  test("may be replaced by a later PRIORITY_UPDATE", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, priority: "u=3" },
      { id: 3, frames: 2, priority: "u=3", answered: "u=1" },
    ]);
    server.peer.priorityUpdate(3, "u=6");
    await expectOrder(server, [1, 1, 3, 3]);
  });
});

describe("requests that came through a proxy", () => {
  for (const via of [
    ["via", "1.1 proxy.test"],
    ["forwarded", "for=192.0.2.1"],
    ["x-forwarded-for", "192.0.2.1"],
  ] as const) {
    test(`[h2-232] with ${via[0]}: what they ask for is not listened to, all take turns`, async () => {
      const server = await serve();
      server.peer.priorityUpdate(3, "u=0");
      await ask(server, [
        { id: 1, frames: 2, via },
        { id: 3, frames: 2, priority: "u=5", via },
        { id: 5, frames: 2, priority: "u=0", via },
      ]);
      server.peer.priorityUpdate(5, "u=0");
      await expectOrder(server, [1, 3, 5, 1, 3, 5]);
    });
  }

  test("[h2-232] a response may still say", async () => {
    const server = await serve();
    await ask(server, [
      { id: 1, frames: 2, via: ["via", "1.1 a"] },
      { id: 3, frames: 2, via: ["via", "1.1 a"], answered: "u=1" },
    ]);
    await expectOrder(server, [3, 3, 1, 1]);
  });
});

describe("a server that does without (priorities: false)", () => {
  test("[h2-233] does not announce NO_RFC7540_PRIORITIES, and all streams take turns whatever is said", async () => {
    const server = await serveH2(sized, { priorities: false }, { handshake: false });
    await expectFrames(server, [
      "SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=262144 MAX_HEADER_LIST_SIZE=16384",
      "WINDOW_UPDATE 0 +983041",
    ]);
    server.peer.batch(() => {
      server.peer.preface();
      server.peer.settings({ INITIAL_WINDOW_SIZE: 0, NO_RFC7540_PRIORITIES: 1 });
      server.peer.settingsAck();
    });
    await expectFrames(server, ["SETTINGS ACK"]);
    server.peer.priorityUpdate(3, "u=0");
    await ask(server, [
      { id: 1, frames: 2, priority: "u=5" },
      { id: 3, frames: 2, priority: "u=1" },
      { id: 5, frames: 2, answered: "u=0" },
    ]);
    server.peer.priorityUpdate(5, "u=0");
    await expectOrder(server, [1, 3, 5, 1, 3, 5]);
  });
});

describe("SETTINGS_NO_RFC7540_PRIORITIES", () => {
  test("is announced by a server in its first SETTINGS", async () => {
    const server = await serveH2(ok, {}, { handshake: false });
    await server.run();
    expect(server.peer.take()[0]).toMatch(/^SETTINGS .*\bNO_RFC7540_PRIORITIES=1$/);
  });

  for (const role of ["server", "client"] as const) {
    const start = () => (role === "server" ? serveH2(ok) : connectH2());

    test(`a ${role} ends the connection for any other value than 0 and 1`, async () => {
      const target = await start();
      target.peer.settings([["NO_RFC7540_PRIORITIES", 2]]);
      const message = "SETTINGS: NO_RFC7540_PRIORITIES must be 0 or 1, got 2 (RFC 9218 2.1)";
      await expectGoAway(target, 0, "PROTOCOL_ERROR", message, "protocol", "SETTINGS_NO_RFC7540_PRIORITIES");
    });

    for (const [first, second] of [
      [1, 0],
      [0, 1],
    ] as const) {
      test(`a ${role} ends the connection when ${first} becomes ${second}`, async () => {
        const target = await start();
        target.peer.settings({ NO_RFC7540_PRIORITIES: first });
        target.peer.settings({ NO_RFC7540_PRIORITIES: first });
        await expectFrames(target, ["SETTINGS ACK", "SETTINGS ACK"]);
        target.peer.settings({ NO_RFC7540_PRIORITIES: second });
        const message = "SETTINGS: NO_RFC7540_PRIORITIES must not be changed once it was sent (RFC 9218 2.1)";
        await expectGoAway(target, 0, "PROTOCOL_ERROR", message, "protocol", "SETTINGS_NO_RFC7540_PRIORITIES_CHANGED");
      });
    }
  }
});

describe("priorities of RFC 7540", () => {
  test("[h2-234] are read and have no effect: dependency, weight and exclusivity, in HEADERS and in PRIORITY", async () => {
    const server = await serve();
    server.peer.headers(1, get("/32768"), { endStream: true, priority: { weight: 1 } });
    server.peer.headers(3, get("/32768"), { endStream: true, priority: { dependency: 1, weight: 256 } });
    server.peer.headers(5, get("/32768"), { endStream: true, priority: { exclusive: true, weight: 256 } });
    server.peer.priority(1, { dependency: 5, weight: 256 });
    server.peer.priority(9, { dependency: 1 });
    await server.run();
    server.peer.take();
    await expectOrder(server, [1, 3, 5, 1, 3, 5]);
  });

  test("a client sends none, whatever the server says of them", async () => {
    for (const settings of [{}, { NO_RFC7540_PRIORITIES: 0 }, { NO_RFC7540_PRIORITIES: 1 }]) {
      const client = await connectH2({}, { settings });
      send(client, HttpRequest.get("http://a.test/", { priority: "u=1, i" }));
      await expectFrames(client, [`HEADERS 1 END_STREAM ${getText} priority="u=1, i"`]);
      client.peer.headers(1, status(200), { endStream: true });
      await expectQuiet(client);
    }
  });

  test("[h2-235] PRIORITY keeps nothing of what it says, and a flood of it ends the connection", async () => {
    const server = await serveH2(ok);
    server.peer.batch(() => {
      for (let times = 0; times < 10_000; times++) server.peer.priority(2 * times + 1, { dependency: 0 });
    });
    await expectQuiet(server);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.priority(3);
    const message =
      "too_many_glitches: at most 10000 at once and 330 per second are accepted of frames that are ignored";
    await expectGoAway(server, 1, "ENHANCE_YOUR_CALM", `${message}; last: priority`, "limit", "TOO_MANY_GLITCHES");
  });

  test("an unknown flag of PRIORITY_UPDATE is ignored", async () => {
    const server = await serve();
    server.peer.raw(frameTypes.PRIORITY_UPDATE, flags.ACK, 0, "00000001");
    await expectQuiet(server);
  });
});
