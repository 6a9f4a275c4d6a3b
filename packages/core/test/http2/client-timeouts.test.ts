/**
 * Every time limit of a request on a client: its default, that of the connection, that of the request; what it does, and
 * that it does it exactly then, to one stream and no other.
 */
import { channel, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { getText, status } from "./support/messages.ts";
import { type Reading, read } from "./support/reading.ts";
import { pass } from "./support/under-test.ts";

const target = "http://a.test/";
const postText = ":method=POST :scheme=http :authority=a.test :path=/";

interface Asked {
  readonly client: ClientUnderTest;
  readonly sent: Sent;
}

/** Sends a request on stream 1. */
async function ask(
  request: HttpRequest,
  options: http2.ClientOptions = {},
  timeouts: http2.RequestTimeouts | undefined = undefined,
): Promise<Asked> {
  const client = await connectH2(options);
  const sent = send(client, request, { timeouts });
  await client.run();
  client.peer.take();
  return { client, sent };
}

/** Nothing happens for `ms` but the last one, and then the stream is reset; others are open to requests. */
async function expectReset({ client }: Asked, ms: number): Promise<void> {
  await pass(client, ms - 1);
  await expectQuiet(client);
  await pass(client, 1);
  await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
  client.peer.headers(1, status(200), { endStream: true });
  const next = send(client, HttpRequest.get(target));
  await expectFrames(client, [`HEADERS 3 END_STREAM ${getText}`]);
  client.peer.headers(3, status(200), { endStream: true });
  await expectSent(client, next, "200");
}

/** The same, and the request fails with this error. */
async function expectTimeout(asked: Asked, ms: number, name: string, limitMs: number, what: string): Promise<void> {
  await expectReset(asked, ms);
  await expectSent(asked.client, asked.sent, `timeout ${name}`);
  expect(asked.sent.error?.message).toBe(`${what} within ${name} = ${limitMs} ms`);
}

/** The response is being received, and read. */
async function answered(asked: Asked, fields: readonly (readonly [string, string])[] = []): Promise<Reading> {
  asked.client.peer.headers(1, status(200, ...fields));
  await expectSent(asked.client, asked.sent, "200");
  const reading = read(asked.sent.response?.body ?? full(""));
  await asked.client.run();
  return reading;
}

describe("headTimeoutMs", () => {
  const what = "no response head came";

  test("[h2-294] 60 s by default for a request without a body", async () => {
    await expectTimeout(await ask(HttpRequest.get(target)), 60_000, "headTimeoutMs", 60_000, what);
  });

  test("[h2-294] with a body, from when all of it was sent", async () => {
    const { sender, body } = channel(1);
    const asked = await ask(HttpRequest.post(target, body), { headTimeoutMs: 500 });
    await pass(asked.client, 5000);
    sender.close();
    await expectFrames(asked.client, ["DATA 1 END_STREAM 0"]);
    await expectTimeout(asked, 500, "headTimeoutMs", 500, what);
  });

  test("[h2-294] of one request: longer, shorter, and none", async () => {
    const shorter = await ask(HttpRequest.get(target), { headTimeoutMs: 500 }, { headTimeoutMs: 50 });
    await expectTimeout(shorter, 50, "headTimeoutMs", 50, what);
    const longer = await ask(HttpRequest.get(target), { headTimeoutMs: 500 }, { headTimeoutMs: 5000 });
    await expectTimeout(longer, 5000, "headTimeoutMs", 5000, what);
    const none = await ask(HttpRequest.get(target), { headTimeoutMs: 500 }, { headTimeoutMs: 0, requestTimeoutMs: 0 });
    await pass(none.client, 3_600_000);
    await expectQuiet(none.client);
  });

  test("informational responses do not end the wait, nor start it anew", async () => {
    const asked = await ask(HttpRequest.get(target), { headTimeoutMs: 500 });
    await pass(asked.client, 300);
    asked.client.peer.headers(1, status(103));
    await expectTimeout(asked, 200, "headTimeoutMs", 500, what);
  });

  test("a head at the last millisecond is in time", async () => {
    const asked = await ask(HttpRequest.get(target), { headTimeoutMs: 500, bodyTimeoutMs: 0, requestTimeoutMs: 0 });
    await pass(asked.client, 499);
    await answered(asked);
    await pass(asked.client, 3_600_000);
    await expectQuiet(asked.client);
  });

  test("does not run while the request waits for a stream", async () => {
    const client = await connectH2({ headTimeoutMs: 500 }, { settings: { MAX_CONCURRENT_STREAMS: 0 } });
    const sent = send(client, HttpRequest.get(target));
    await pass(client, 5000);
    await expectSent(client, sent, "pending");
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    await expectFrames(client, ["SETTINGS ACK", `HEADERS 1 END_STREAM ${getText}`]);
    await expectTimeout({ client, sent }, 500, "headTimeoutMs", 500, "no response head came");
  });

  test("the request is not handed back: the server may be at work", async () => {
    const client = await connectH2({ headTimeoutMs: 500 });
    const tried = client.sender.trySend(HttpRequest.get(target));
    await pass(client, 500);
    const outcome = await tried;
    expect("error" in outcome && [outcome.error.code, outcome.request]).toEqual(["headTimeoutMs", undefined]);
  });
});

describe("requestTimeoutMs", () => {
  const what = "no whole response came";
  const options = { headTimeoutMs: 0, bodyTimeoutMs: 0 };

  test("300 s by default from when the stream was opened", async () => {
    await expectTimeout(await ask(HttpRequest.get(target), options), 300_000, "requestTimeoutMs", 300_000, what);
  });

  test("runs on while the response is received, and is the error of its reader", async () => {
    const asked = await ask(HttpRequest.get(target), { ...options, requestTimeoutMs: 500 });
    await pass(asked.client, 200);
    const reading = await answered(asked);
    asked.client.peer.data(1, "hello");
    await expectReset(asked, 300);
    expect([reading.pieces, reading.outcome]).toEqual([["hello"], "timeout requestTimeoutMs"]);
  });

  test("runs while the request is being sent", async () => {
    const { body } = channel(1);
    const asked = await ask(HttpRequest.post(target, body), { ...options, requestTimeoutMs: 500 });
    await expectTimeout(asked, 500, "requestTimeoutMs", 500, what);
  });

  test("of one request, and none", async () => {
    const own = await ask(HttpRequest.get(target), { ...options, requestTimeoutMs: 500 }, { requestTimeoutMs: 70 });
    await expectTimeout(own, 70, "requestTimeoutMs", 70, what);
    const none = await ask(HttpRequest.get(target), { ...options, requestTimeoutMs: 500 }, { requestTimeoutMs: 0 });
    await pass(none.client, 3_600_000);
    await expectQuiet(none.client);
  });

  test("ends with the response", async () => {
    const asked = await ask(HttpRequest.get(target), { ...options, requestTimeoutMs: 500, idleTimeoutMs: 0 });
    asked.client.peer.headers(1, status(200), { endStream: true });
    await expectSent(asked.client, asked.sent, "200");
    await pass(asked.client, 3_600_000);
    await expectQuiet(asked.client);
    expect(asked.client.timer.pending).toBe(0);
  });

  test("a whole response that nobody has read by then is thrown away", async () => {
    const asked = await ask(HttpRequest.get(target), { ...options, requestTimeoutMs: 500 });
    asked.client.peer.headers(1, status(200));
    asked.client.peer.data(1, "hello", { endStream: true });
    await expectSent(asked.client, asked.sent, "200");
    await pass(asked.client, 500);
    await expectQuiet(asked.client);
    const reading = read(asked.sent.response?.body ?? full(""));
    await asked.client.run();
    expect([reading.pieces, reading.outcome]).toEqual([[], "timeout requestTimeoutMs"]);
  });
});

describe("bodyTimeoutMs", () => {
  test("30 s by default in which nothing comes that is waited for", async () => {
    const asked = await ask(HttpRequest.get(target));
    const reading = await answered(asked);
    await expectReset(asked, 30_000);
    expect(reading.outcome).toBe("timeout bodyTimeoutMs");
  });

  test("starts anew with each octet, and does not run while nobody waits", async () => {
    const asked = await ask(HttpRequest.get(target), { bodyTimeoutMs: 100, requestTimeoutMs: 0 });
    asked.client.peer.headers(1, status(200));
    await expectSent(asked.client, asked.sent, "200");
    await pass(asked.client, 5000);
    const reading = read(asked.sent.response?.body ?? full(""));
    await asked.client.run();
    for (let times = 0; times < 5; times++) {
      await pass(asked.client, 99);
      asked.client.peer.data(1, "x");
      await expectQuiet(asked.client);
    }
    await expectReset(asked, 100);
    expect([reading.pieces.join(""), reading.outcome]).toEqual(["xxxxx", "timeout bodyTimeoutMs"]);
  });

  test("of one request, and none", async () => {
    const own = await ask(HttpRequest.get(target), { bodyTimeoutMs: 5000 }, { bodyTimeoutMs: 60 });
    const reading = await answered(own);
    await expectReset(own, 60);
    expect(reading.outcome).toBe("timeout bodyTimeoutMs");
    const none = await ask(HttpRequest.get(target), {}, { bodyTimeoutMs: 0, requestTimeoutMs: 0 });
    await answered(none);
    await pass(none.client, 3_600_000);
    await expectQuiet(none.client);
  });

  test("is over with the body, also while the request is still being sent", async () => {
    const { sender, body } = channel(1);
    const asked = await ask(HttpRequest.post(target, body), { bodyTimeoutMs: 100 });
    const reading = await answered(asked);
    asked.client.peer.data(1, "", { endStream: true });
    await asked.client.run();
    expect(reading.outcome).toBe("ended");
    await pass(asked.client, 5000);
    await expectQuiet(asked.client);
    void sender.send(new Uint8Array(1));
    sender.close();
    await expectFrames(asked.client, ["DATA 1 1", "DATA 1 END_STREAM 0"]);
  });
});

describe("expectContinueTimeoutMs", () => {
  const request = (): HttpRequest => HttpRequest.post(target, full("hello"), { expect: "100-continue" });

  for (const [title, options, timeouts, ms] of [
    ["1 s by default, and then the content is sent all the same", {}, undefined, 1000],
    ["that of the connection", { expectContinueTimeoutMs: 50 }, undefined, 50],
    ["that of the request", { expectContinueTimeoutMs: 50 }, { expectContinueTimeoutMs: 300 }, 300],
  ] as const) {
    test(title, async () => {
      const { client, sent } = await ask(request(), options, timeouts);
      await pass(client, ms - 1);
      await expectQuiet(client);
      await pass(client, 1);
      await expectFrames(client, ["DATA 1 END_STREAM 5 hello"]);
      client.peer.headers(1, status(200), { endStream: true });
      await expectSent(client, sent, "200");
    });
  }

  test("0 is no limit: the content waits for 100 as long as for the whole", async () => {
    const asked = await ask(request(), { expectContinueTimeoutMs: 0 });
    await expectTimeout(asked, 300_000, "requestTimeoutMs", 300_000, "no whole response came");
  });

  test("the limit of the whole comes first if it is nearer", async () => {
    const asked = await ask(request(), { requestTimeoutMs: 500 });
    await expectTimeout(asked, 500, "requestTimeoutMs", 500, "no whole response came");
  });

  test("the wait for the head starts behind the content", async () => {
    const asked = await ask(request(), { headTimeoutMs: 1500 });
    await pass(asked.client, 1000);
    await expectFrames(asked.client, ["DATA 1 END_STREAM 5 hello"]);
    await expectTimeout(asked, 1500, "headTimeoutMs", 1500, "no response head came");
  });
});

describe("limits of one request", () => {
  test("that make no sense are refused, and nothing is sent", async () => {
    const client = await connectH2();
    for (const timeouts of [{ headTimeoutMs: -1 }, { bodyTimeoutMs: 1.5 }, { requestTimeoutMs: Number.NaN }]) {
      await expect(client.sender.send(HttpRequest.get(target), { timeouts })).rejects.toThrow(RangeError);
    }
    await expectQuiet(client);
  });

  test("leave those of others alone", async () => {
    const client = await connectH2({ headTimeoutMs: 5000 });
    const one = send(client, HttpRequest.get(target), { timeouts: { headTimeoutMs: 100 } });
    const two = send(client, HttpRequest.post(target, full("")));
    await expectFrames(client, [
      `HEADERS 1 END_STREAM ${getText}`,
      `HEADERS 3 END_STREAM ${postText} content-length=0`,
    ]);
    await pass(client, 100);
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, one, "timeout headTimeoutMs");
    await pass(client, 4899);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["RST_STREAM 3 CANCEL"]);
    await expectSent(client, two, "timeout headTimeoutMs");
  });
});

test("[h2-290] the end of the transport fails each request that is under way, and no other", async () => {
  const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
  const one = send(client, HttpRequest.get(target));
  const two = client.sender.trySend(HttpRequest.get(target));
  await client.run();
  client.peer.take();
  client.peer.end();
  await expectSent(client, one, "incomplete CONNECTION_LOST");
  const outcome = await two;
  expect("error" in outcome && [outcome.error.code, outcome.request !== undefined]).toEqual(["UNSENT", true]);
});

test("[h2-290] what was received whole before the end stays readable, and leaves no alarm behind", async () => {
  const client = await connectH2();
  const sent = send(client, HttpRequest.get(target));
  await client.run();
  client.peer.headers(1, status(200));
  client.peer.data(1, "hello", { endStream: true });
  client.peer.end();
  await expectSent(client, sent, "200");
  await client.run();
  expect([client.outcome, client.timer.pending]).toEqual([null, 0]);
  const reading = read(sent.response?.body ?? full(""));
  await client.run();
  expect([reading.pieces, reading.outcome, client.timer.pending]).toEqual([["hello"], "ended", 0]);
});
