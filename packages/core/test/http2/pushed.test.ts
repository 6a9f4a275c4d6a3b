/**
 * Server push on a client that accepts it (RFC 9113 section 8.4): promises, who takes them, and the pushed responses.
 */
import { isTrailers } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type Awaited, awaiting } from "./support/by-hand.ts";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { getRequest } from "./support/exchanges.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, getText, request as requestLines, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { pass, type Setup } from "./support/under-test.ts";

interface Taking {
  readonly client: ClientUnderTest;
  /** The request on stream 1. */
  readonly sent: Sent;
  /** What `onPush` was called with, and the response it asked for. */
  readonly pushes: { readonly promise: http2.PushPromise; readonly response: Awaited<HttpResponse> }[];
}

/** A client that takes every push, and has a request on stream 1 whose response has not begun. */
async function taking(
  options: http2.ClientOptions = {},
  request: HttpRequest = getRequest(),
  setup: Setup = {},
): Promise<Taking> {
  const pushes: Taking["pushes"] = [];
  const onPush = (promise: http2.PushPromise): void => {
    pushes.push({ promise, response: awaiting(promise.response()) });
  };
  const client = await connectH2({ onPush, ...options }, setup);
  const sent = send(client, request);
  await client.run();
  client.peer.take();
  return { client, sent, pushes };
}

/** What `onPush` was called with as the `index`th. @throws Error if it was not. */
function pushOf({ pushes }: Taking, index: number): Taking["pushes"][number] {
  const push = pushes[index];
  if (push === undefined) throw new Error(`there were only ${pushes.length} pushes`);
  return push;
}

/** The pushed response, which must have come. */
function responseOf(target: Taking, index: number): HttpResponse {
  const { now } = pushOf(target, index).response;
  if (typeof now === "string") throw new Error(`there is no response: ${now}`);
  return now;
}

/** The request on stream 1 gets its answer all the same. */
async function expectAnswered({ client, sent }: Taking): Promise<void> {
  client.peer.headers(1, status(200), { endStream: true });
  await expectSent(client, sent, "200");
  await expectQuiet(client);
}

describe("[h2-250] a promise comes before what it promises", () => {
  test("the program is told of the promise at once, and gets the response when its head is there", async () => {
    const target = await taking();
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/style.css", ["accept", "text/css"]));
    await expectQuiet(client);
    const { promise, response } = pushOf(target, 0);
    expect([
      promise.streamId,
      promise.request.method,
      promise.request.target.toString(),
      promise.request.version,
    ]).toEqual([2, "GET", "http://a.test/style.css", "HTTP/2"]);
    expect([...promise.request.headers]).toEqual([["accept", "text/css"]]);
    expect([response.now, client.connection.closed instanceof Promise]).toEqual(["pending", true]);
    client.peer.headers(2, status(200, ["x", "1"]));
    await client.run();
    const { body, headers } = responseOf(target, 0);
    expect([...headers]).toEqual([["x", "1"]]);
    const reading = read(body);
    client.peer.data(2, "one");
    client.peer.data(2, "two");
    client.peer.headers(2, [["x-sum", "6"]], { endStream: true });
    await expectQuiet(client);
    expect(reading).toEqual({ pieces: ["one", "two"], trailers: [["x-sum", "6"]], outcome: "ended" });
    await expectAnswered(target);
  });

  test("the response may be over with its head", async () => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    target.client.peer.headers(2, status(304), { endStream: true });
    await expectQuiet(target.client);
    expect(responseOf(target, 0).status).toBe(304);
    expect(await responseOf(target, 0).body.frame()).toBe(null);
    await expectAnswered(target);
  });

  test("DATA on a promised stream before HEADERS ends the connection", async () => {
    const { client } = await taking();
    client.peer.pushPromise(1, 2, get("/style.css"));
    client.peer.data(2, "p {}");
    const message = "DATA: not allowed on stream 2, which is reserved (remote)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "DATA_ON_RESERVED_STREAM");
  });

  test("DATA and HEADERS on a stream that was not promised end the connection", async () => {
    for (const [frame, code] of [
      ["DATA", "DATA_ON_IDLE_STREAM"],
      ["HEADERS", "HEADERS_ON_IDLE_STREAM"],
    ] as const) {
      const { client } = await taking();
      if (frame === "DATA") client.peer.data(2, "p {}");
      else client.peer.headers(2, status(200));
      const message = `${frame}: not allowed on stream 2, which is idle`;
      await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", code);
    }
  });

  test("nothing of the client's goes out on a pushed stream but credit and resets", async () => {
    const target = await taking({ initialWindowBytes: 65_535, connectionWindowBytes: 65_535 });
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/large"));
    client.peer.headers(2, status(200));
    client.peer.windowUpdate(2, 1);
    await expectQuiet(client);
    read(responseOf(target, 0).body);
    client.peer.data(2, 16_384);
    client.peer.data(2, 16_384);
    await expectFrames(client, ["WINDOW_UPDATE 2 +32768", "WINDOW_UPDATE 0 +32768"]);
  });
});

test("[h2-251] promises between the frames of a response", async () => {
  const target = await taking();
  const { client, sent } = target;
  client.peer.headers(1, status(200));
  client.peer.data(1, "<link>");
  client.peer.pushPromise(1, 2, get("/style.css"));
  client.peer.data(1, "<p>");
  await expectSent(client, sent, "200");
  const reading = sent.response === undefined ? undefined : read(sent.response.body);
  client.peer.headers(2, status(200), { endStream: true });
  client.peer.data(1, "", { endStream: true });
  await expectQuiet(client);
  expect(reading).toMatchObject({ pieces: ["<link><p>"], outcome: "ended" });
  expect(responseOf(target, 0).status).toBe(200);
});

describe("[h2-253] a client without onPush accepts no pushes", () => {
  test("it says so in its SETTINGS, and a promise ends the connection once they were acknowledged", async () => {
    const client = await connectH2({}, { handshake: false });
    client.peer.settings();
    await client.run();
    expect(client.peer.take()[1]).toContain("SETTINGS ENABLE_PUSH=0 ");
    client.peer.settingsAck();
    const sent = send(client, getRequest());
    await client.run();
    client.peer.take();
    client.peer.pushPromise(1, 2, get("/style.css"));
    const message = "PUSH_PROMISE: push was disabled by SETTINGS_ENABLE_PUSH = 0 (RFC 9113 6.6)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_DISABLED");
    await expectSent(client, sent, "protocol PUSH_DISABLED PROTOCOL_ERROR");
  });

  test("before that the server could not know: the push is refused", async () => {
    const client = await connectH2({}, { handshake: false });
    client.peer.settings();
    const sent = send(client, getRequest());
    await client.run();
    client.peer.take();
    client.peer.pushPromise(1, 2, get("/style.css"));
    await expectFrames(client, ["RST_STREAM 2 REFUSED_STREAM"]);
    client.peer.headers(2, status(200));
    client.peer.data(2, "late");
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectQuiet(client);
  });

  test("with onPush it says how many pushed streams it takes", async () => {
    const client = await connectH2({ onPush: () => {}, maxConcurrentStreams: 7 }, { handshake: false });
    await client.run();
    expect(client.peer.take()[1]).toMatch(/^SETTINGS MAX_CONCURRENT_STREAMS=7 /);
  });
});

describe("[h2-254] no more pushed streams than allowed", () => {
  test("promises do not count; a response too many is refused, and its program told", async () => {
    const target = await taking({ maxConcurrentStreams: 1 });
    const { client } = target;
    for (const id of [2, 4, 6]) client.peer.pushPromise(1, id, get("/style.css"));
    client.peer.headers(2, status(200));
    client.peer.headers(4, status(200));
    await expectFrames(client, ["RST_STREAM 4 REFUSED_STREAM"]);
    expect([pushOf(target, 1).response.now, pushOf(target, 2).response.now]).toEqual([
      "protocol TOO_MANY_STREAMS REFUSED_STREAM",
      "pending",
    ]);
    client.peer.data(2, "", { endStream: true });
    client.peer.headers(6, status(200), { endStream: true });
    await expectQuiet(client);
    expect(responseOf(target, 2).status).toBe(200);
    await expectAnswered(target);
  });

  test("no more promises than maxReservedStreams", async () => {
    const target = await taking({ maxReservedStreams: 2 });
    const { client } = target;
    for (const id of [2, 4, 6]) client.peer.pushPromise(1, id, get("/style.css"));
    await expectFrames(client, ["RST_STREAM 6 REFUSED_STREAM"]);
    expect(target.pushes.length).toBe(2);
    client.peer.headers(4, status(200));
    client.peer.pushPromise(1, 8, get("/style.css"));
    await expectQuiet(client);
    expect(target.pushes.length).toBe(3);
  });
});

describe("[h2-255] identifiers of promises go up", () => {
  test.each([
    ["the same again", [4, 4], 4],
    ["a lower one", [4, 2], 2],
  ])("%s ends the connection", async (_, ids, wrong) => {
    const { client } = await taking();
    for (const id of ids) client.peer.pushPromise(1, id, get("/style.css"));
    const message = `stream identifier must be higher than 4, got ${wrong} (RFC 9113 5.1.1)`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_USED");
  });

  test("[h2-134] an odd one ends the connection", async () => {
    const { client } = await taking();
    client.peer.pushPromise(1, 3, get("/style.css"));
    const message = "PUSH_PROMISE: the promised stream must be even and not 0, got 3";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_STREAM_ID");
  });

  test("gaps are fine, and close what they pass over", async () => {
    const target = await taking();
    const { client } = target;
    client.peer.pushPromise(1, 8, get("/style.css"));
    await expectQuiet(client);
    expect(pushOf(target, 0).promise.streamId).toBe(8);
    client.peer.headers(4, status(200), { endStream: true });
    await expectFrames(client, ["RST_STREAM 4 STREAM_CLOSED"]);
  });
});

describe("[h2-256] requests that must not be promised: the promised stream is reset, and nobody is told", () => {
  const lines = (...fields: readonly Line[]): Line[] => get("/style.css", ...fields);
  test.each<[what: string, fields: readonly Line[]]>([
    ["POST", requestLines("POST", "/")],
    ["DELETE", requestLines("DELETE", "/")],
    ["content", lines(["content-length", "4"])],
    [
      "another authority",
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":authority", "b.test"],
        [":path", "/"],
      ],
    ],
    [
      "another port",
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":authority", "a.test:81"],
        [":path", "/"],
      ],
    ],
    [
      "another scheme",
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "/"],
      ],
    ],
    [
      "no authority",
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/"],
      ],
    ],
    [
      "an authority that is none",
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":authority", "a test"],
        [":path", "/"],
      ],
    ],
    [
      "no path",
      [
        [":method", "GET"],
        [":scheme", "http"],
        [":authority", "a.test"],
      ],
    ],
    ["a status", [[":status", "200"]]],
    ["a name with capitals", lines(["X", "1"])],
    ["a connection-specific field", lines(["connection", "close"])],
  ])("%s", async (_, fields) => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, fields);
    await expectFrames(target.client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    expect(target.pushes).toEqual([]);
    target.client.peer.headers(2, status(200), { endStream: true });
    await expectQuiet(target.client);
    target.client.peer.pushPromise(1, 4, get("/style.css"));
    await expectQuiet(target.client);
    expect(target.pushes.length).toBe(1);
    await expectAnswered(target);
  });

  test("[h2-128] content-length 0 is fine, and so is an authority in capitals", async () => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, [
      [":method", "HEAD"],
      [":scheme", "http"],
      [":authority", "A.TEST"],
      [":path", "/"],
      ["content-length", "0"],
    ]);
    await expectQuiet(target.client);
    expect(target.pushes.length).toBe(1);
  });
});

test("[h2-257] a promise larger than the limit: the promised stream is reset, and nobody is told", async () => {
  for (const [options, fields] of [
    [{ maxHeaderListBytes: 300 }, get("/", ["x", "y".repeat(300)])],
    [{ maxHeaders: 1 }, get("/", ["a", "1"], ["b", "2"])],
  ] as const) {
    const target = await taking(options);
    target.client.peer.pushPromise(1, 2, fields);
    await expectFrames(target.client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    expect(target.pushes).toEqual([]);
    await expectAnswered(target);
  }
});

describe("[h2-258] pushes that nobody claims are refused with CANCEL", () => {
  test.each<[what: string, onPush: (promise: http2.PushPromise) => void]>([
    ["the response is not asked for while onPush runs", () => {}],
    ["it is asked for later", (promise) => queueMicrotask(() => promise.response())],
    ["onPush cancels", (promise) => promise.cancel()],
    [
      "onPush asks, and cancels all the same",
      (promise) => {
        promise.response();
        promise.cancel();
        promise.cancel();
      },
    ],
    [
      "onPush throws",
      () => {
        throw new Error("no");
      },
    ],
  ])("%s", async (_, onPush) => {
    const target = await taking({ onPush });
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    await expectFrames(target.client, ["RST_STREAM 2 CANCEL"]);
    // What was under way when the server had not seen that.
    target.client.peer.headers(2, status(200));
    target.client.peer.data(2, "p {}", { endStream: true });
    await expectQuiet(target.client);
    await expectAnswered(target);
  });

  test("one that is claimed and given up later: before its head, or by its body", async () => {
    const target = await taking();
    const { client } = target;
    for (const id of [2, 4, 6]) client.peer.pushPromise(1, id, get("/style.css"));
    await expectQuiet(client);
    pushOf(target, 0).promise.cancel();
    await expectFrames(client, ["RST_STREAM 2 CANCEL"]);
    expect(pushOf(target, 0).response.now).toBe("canceled PUSH_CANCELED");
    client.peer.headers(4, status(200));
    client.peer.data(4, "p {}");
    client.peer.headers(6, status(200));
    client.peer.data(6, "p {}");
    await expectQuiet(client);
    responseOf(target, 1).body.cancel();
    pushOf(target, 2).promise.cancel();
    await expectFrames(client, ["RST_STREAM 4 CANCEL", "RST_STREAM 6 CANCEL"]);
    const late = read(responseOf(target, 2).body);
    await client.run();
    expect(late.outcome).toBe("canceled PUSH_CANCELED");
    await expectAnswered(target);
  });
});

describe("[h2-259] interim responses on pushed streams", () => {
  test("several, then the final one", async () => {
    const target = await taking();
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/style.css"));
    client.peer.headers(2, status(100));
    client.peer.headers(2, status(103, ["link", "x"]));
    client.peer.headers(2, status(199));
    await expectQuiet(client);
    expect(pushOf(target, 0).response.now).toBe("pending");
    client.peer.headers(2, status(200), { endStream: true });
    await expectQuiet(client);
    expect(responseOf(target, 0).status).toBe(200);
  });

  test.each([
    ["more than allowed", { maxInformational: 1 }, [status(103), status(103)], false],
    ["with END_STREAM", {}, [status(103)], true],
  ] as const)("%s: the stream is reset", async (_, options, responses, endStream) => {
    const target = await taking(options);
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/style.css"));
    for (const response of responses) client.peer.headers(2, response, { endStream });
    await expectFrames(client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    expect(pushOf(target, 0).response.now).toBe("protocol INFORMATIONAL_UNEXPECTED PROTOCOL_ERROR");
    await expectAnswered(target);
  });

  test("DATA behind an interim response resets the stream", async () => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    target.client.peer.headers(2, status(103));
    target.client.peer.data(2, "p {}");
    await expectFrames(target.client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    expect(pushOf(target, 0).response.now).toBe("protocol DATA_BEFORE_HEADERS PROTOCOL_ERROR");
  });
});

describe("[h2-260] a promise belongs to an open stream of the client", () => {
  test.each([
    ["a pushed one", 2, "reserved (remote)"],
    ["an idle one", 3, "idle"],
  ])("on %s: the connection ends", async (_, parent, state) => {
    const { client } = await taking();
    client.peer.pushPromise(1, 2, get("/style.css"));
    client.peer.pushPromise(parent, 4, get("/style.css"));
    const message = `PUSH_PROMISE: not allowed on stream ${parent}, which is ${state}`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_STREAM_STATE");
  });

  test("on one that is over: the connection ends", async () => {
    const target = await taking();
    await expectAnswered(target);
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    const message = "PUSH_PROMISE: not allowed on stream 1, which is closed";
    await expectGoAway(target.client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_STREAM_STATE");
  });

  test("on one whose request is still being sent", async () => {
    const target = await taking({}, HttpRequest.post("http://a.test/upload"));
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    await expectQuiet(target.client);
    expect(target.pushes.length).toBe(1);
  });
});

describe("[h2-263] a promise on a stream that was given up is refused, and nobody is told", () => {
  test("by the client's reset, of which the server did not know yet", async () => {
    const pushes: unknown[] = [];
    const client = await connectH2({ onPush: (promise) => pushes.push(promise.response()) });
    const controller = new AbortController();
    const sent = send(client, getRequest(), { signal: controller.signal });
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.peer.pushPromise(1, 2, get("/style.css"));
    await expectFrames(client, ["RST_STREAM 2 REFUSED_STREAM"]);
    client.peer.headers(2, status(200));
    client.peer.data(2, "p {}", { endStream: true });
    await expectQuiet(client);
    expect(pushes).toEqual([]);
    await expectSent(client, sent, "canceled CANCELED");
  });

  test("behind the client's GOAWAY, which excludes it", async () => {
    const target = await taking();
    const { client } = target;
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    client.peer.pushPromise(1, 2, get("/style.css"));
    await expectFrames(client, ["RST_STREAM 2 REFUSED_STREAM"]);
    expect(target.pushes).toEqual([]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectClosed(client);
    await expectSent(client, target.sent, "200");
  });
});

describe("a pushed response that does not come to its end", () => {
  test("the server takes the promise back", async () => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    target.client.peer.rst(2, "CANCEL");
    await expectQuiet(target.client);
    expect(pushOf(target, 0).response.now).toBe("incomplete STREAM_RESET CANCEL");
    await expectAnswered(target);
  });

  test("the server resets it in the middle: what has come can be read, then the error", async () => {
    const target = await taking();
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/style.css"));
    client.peer.headers(2, status(200));
    client.peer.data(2, "p {");
    client.peer.rst(2, "INTERNAL_ERROR");
    await expectQuiet(client);
    const reading = read(responseOf(target, 0).body);
    await expectQuiet(client);
    expect(reading).toMatchObject({ pieces: ["p {"], outcome: "incomplete STREAM_RESET INTERNAL_ERROR" });
  });

  test("a content-length that END_STREAM belies: no response, and a reset", async () => {
    const target = await taking();
    target.client.peer.pushPromise(1, 2, get("/style.css"));
    target.client.peer.headers(2, status(200, ["content-length", "4"]), { endStream: true });
    await expectFrames(target.client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    expect(pushOf(target, 0).response.now).toBe("protocol CONTENT_LENGTH_WITHOUT_CONTENT PROTOCOL_ERROR");
    await expectAnswered(target);
  });

  test("a content-length of what is not sent is fine: HEAD, 204 and 304", async () => {
    for (const [method, code] of [
      ["HEAD", 200],
      ["GET", 304],
    ] as const) {
      const target = await taking();
      target.client.peer.pushPromise(1, 2, requestLines(method, "/"));
      target.client.peer.headers(2, status(code, ["content-length", "4"]), { endStream: true });
      await expectQuiet(target.client);
      expect([responseOf(target, 0).status, await responseOf(target, 0).body.frame()]).toEqual([code, null]);
    }
  });

  test("no head within headTimeoutMs, no content within bodyTimeoutMs: a reset with CANCEL", async () => {
    const target = await taking(
      { headTimeoutMs: 500, bodyTimeoutMs: 300, requestTimeoutMs: 0 },
      HttpRequest.post("http://a.test/"),
    );
    const { client } = target;
    client.peer.headers(1, status(200));
    client.peer.pushPromise(1, 2, get("/a"));
    client.peer.pushPromise(1, 4, get("/b"));
    client.peer.headers(4, status(200));
    await expectQuiet(client);
    const reading = read(responseOf(target, 1).body);
    await pass(client, 299);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["RST_STREAM 4 CANCEL"]);
    expect(reading.outcome).toBe("timeout bodyTimeoutMs");
    await pass(client, 199);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["RST_STREAM 2 CANCEL"]);
    expect(pushOf(target, 0).response.now).toBe("timeout headTimeoutMs");
  });

  test("with the connection: who waits for a head, and who reads", async () => {
    const target = await taking();
    const { client } = target;
    client.peer.pushPromise(1, 2, get("/a"));
    client.peer.pushPromise(1, 4, get("/b"));
    client.peer.headers(4, status(200));
    await expectQuiet(client);
    const reading = read(responseOf(target, 1).body);
    client.connection.abort("enough");
    await client.run();
    expect([pushOf(target, 0).response.now, reading.outcome]).toEqual(["canceled ABORTED", "canceled ABORTED"]);
    client.peer.take();
  });
});

test("a pushed response outlives the request it belongs to, and a shutdown waits for it", async () => {
  const target = await taking();
  const { client } = target;
  client.peer.pushPromise(1, 2, get("/style.css"));
  client.peer.headers(2, status(200));
  await expectAnswered(target);
  client.connection.gracefulShutdown();
  await expectFrames(client, ["GOAWAY 2 NO_ERROR"]);
  const { body } = responseOf(target, 0);
  client.peer.data(2, "p {}", { endStream: true });
  await expectClosed(client);
  const frame = await body.frame();
  expect(frame !== null && !isTrailers(frame) && new TextDecoder().decode(frame)).toBe("p {}");
});
