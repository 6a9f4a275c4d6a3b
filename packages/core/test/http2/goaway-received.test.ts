/**
 * GOAWAY of the peer (RFC 9113 section 6.8): which requests it will still answer, which can be sent elsewhere, and when
 * the connection ends.
 */
import { channel, fromIterable, full } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, send } from "./support/client.ts";
import { expectClosed, expectFailed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { errorText, read } from "./support/reading.ts";
import { roles, start } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

const target = "http://a.test/";

/** A request that was tried. */
interface Tried {
  readonly request: HttpRequest;
  outcome: http2.SendOutcome | undefined;
}

function trySend(client: ClientUnderTest, request: HttpRequest, options?: http2.SendOptions): Tried {
  const tried: Tried = { request, outcome: undefined };
  void client.sender.trySend(request, options).then((outcome) => {
    tried.outcome = outcome;
  });
  return tried;
}

/** What has become of it: `pending`, the status, or the error and whether the request was handed back. */
async function expectTried(client: ClientUnderTest, tried: Tried, text: string): Promise<void> {
  await client.run();
  const { outcome, request } = tried;
  if (outcome === undefined) expect("pending").toBe(text);
  else if ("response" in outcome) expect(`${outcome.response.status}`).toBe(text);
  else {
    const back = outcome.request === undefined ? "lost" : outcome.request === request ? "handed back" : "replaced";
    expect(`${errorText(outcome.error)}, ${back}`).toBe(text);
  }
}

function gets(client: ClientUnderTest, count: number): Tried[] {
  return Array.from({ length: count }, () => trySend(client, HttpRequest.get(target)));
}

async function taken(client: ClientUnderTest): Promise<void> {
  await client.run();
  client.peer.take();
}

describe("requests under way on a client", () => {
  test("[h2-272, h2-276] up to the last stream they finish, above it they are handed back", async () => {
    const client = await connectH2();
    const [one, two] = gets(client, 2) as [Tried, Tried];
    await taken(client);
    client.peer.goAway(1);
    await expectQuiet(client);
    await expectTried(client, one, "pending");
    await expectTried(client, two, "closed GOAWAY NO_ERROR, handed back");
    client.peer.headers(1, status(200));
    client.peer.data(1, "hello", { endStream: true });
    await expectTried(client, one, "200");
    const { outcome } = one;
    if (outcome !== undefined && "response" in outcome) {
      const reading = read(outcome.response.body);
      await client.run();
      expect([reading.pieces, reading.outcome]).toEqual([["hello"], "ended"]);
    }
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-276] a request whose body was begun is not handed back, whatever the server says", async () => {
    const client = await connectH2();
    const { body } = channel(1);
    const tried = trySend(client, HttpRequest.post(target, body));
    await taken(client);
    client.peer.goAway(0);
    await expectTried(client, tried, "closed GOAWAY NO_ERROR, lost");
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-276] a request whose body waits for 100 is handed back with it untouched", async () => {
    const client = await connectH2();
    const tried = trySend(client, HttpRequest.post(target, full("body"), { expect: "100-continue" }));
    await taken(client);
    client.peer.goAway(0);
    await expectTried(client, tried, "closed GOAWAY NO_ERROR, handed back");
    const reading = read(tried.request.body);
    await client.run();
    expect([reading.pieces, reading.outcome]).toEqual([["body"], "ended"]);
  });

  test("[h2-277] INTERNAL_ERROR that covers a stream leaves it to finish or fail, and nothing is handed back", async () => {
    const client = await connectH2();
    const [one] = gets(client, 1) as [Tried];
    await taken(client);
    client.peer.goAway(1, "INTERNAL_ERROR", "oops");
    await expectTried(client, one, "pending");
    client.peer.end();
    await client.run();
    await expectTried(client, one, "incomplete CONNECTION_LOST INTERNAL_ERROR, lost");
    await expectFailed(client, [], "incomplete", "CONNECTION_LOST");
  });

  test("[h2-278] REFUSED_STREAM hands the request back, the connection goes on", async () => {
    const client = await connectH2();
    const [one, two] = gets(client, 2) as [Tried, Tried];
    await taken(client);
    client.peer.rst(1, "REFUSED_STREAM");
    await expectTried(client, one, "closed REFUSED_STREAM REFUSED_STREAM, handed back");
    await expectTried(client, two, "pending");
    const again = trySend(client, one.request);
    await expectFrames(client, [`HEADERS 5 END_STREAM ${getText}`]);
    for (const id of [3, 5]) client.peer.headers(id, status(200), { endStream: true });
    await expectTried(client, again, "200");
    await expectTried(client, two, "200");
  });

  test("[h2-278] REFUSED_STREAM does not hand back a request whose body was begun", async () => {
    const client = await connectH2();
    const tried = trySend(client, HttpRequest.post(target, fromIterable([new Uint8Array(4)])));
    await taken(client);
    client.peer.rst(1, "REFUSED_STREAM");
    await expectTried(client, tried, "closed REFUSED_STREAM REFUSED_STREAM, lost");
  });

  for (const code of [
    "PROTOCOL_ERROR",
    "CANCEL",
    "INTERNAL_ERROR",
    "ENHANCE_YOUR_CALM",
    "HTTP_1_1_REQUIRED",
  ] as const) {
    test(`[h2-278] RST_STREAM with ${code} is the error of one request, which is not handed back`, async () => {
      const client = await connectH2();
      const [one, two] = gets(client, 2) as [Tried, Tried];
      await taken(client);
      client.peer.rst(1, code);
      await expectTried(client, one, `incomplete STREAM_RESET ${code}, lost`);
      await expectTried(client, two, "pending");
      await expectQuiet(client);
      expect(client.sender.isReady).toBe(true);
    });
  }

  test("[h2-274] the end of the transport behind GOAWAY: errors up to the last stream, handed back above it", async () => {
    const client = await connectH2();
    const [one, two, three] = gets(client, 3) as [Tried, Tried, Tried];
    await taken(client);
    client.peer.headers(1, status(200));
    client.peer.data(1, "part");
    client.peer.goAway(3);
    await expectTried(client, three, "closed GOAWAY NO_ERROR, handed back");
    client.peer.end();
    await expectTried(client, one, "200");
    await expectTried(client, two, "incomplete CONNECTION_LOST, lost");
    const { outcome } = one;
    if (outcome === undefined || !("response" in outcome)) throw new Error("no response");
    const reading = read(outcome.response.body);
    await client.run();
    expect(reading.outcome).toBe("incomplete CONNECTION_LOST");
    await expectFailed(client, [], "incomplete", "CONNECTION_LOST");
  });

  test("[h2-275] code and debug data are in the errors of requests and of bodies", async () => {
    const client = await connectH2();
    const waiting = send(client, HttpRequest.get(target));
    const reading = send(client, HttpRequest.get(target));
    const refused = send(client, HttpRequest.get(target));
    await taken(client);
    client.peer.headers(3, status(200));
    await client.run();
    const body = Promise.resolve(reading.response?.body.frame()).catch((error: unknown) => error);
    client.peer.goAway(3, "ENHANCE_YOUR_CALM", 'slow "down"');
    client.peer.end();
    await client.run();
    const said = 'the peer is going away with ENHANCE_YOUR_CALM: "slow \\"down\\""';
    expect([refused.error?.message, refused.error?.reason]).toEqual([said, 11]);
    const lost = `the peer ended the connection with streams open: ${said}`;
    expect([waiting.error?.code, waiting.error?.message, waiting.error?.reason]).toEqual(["CONNECTION_LOST", lost, 11]);
    await expect(body).resolves.toMatchObject({ code: "CONNECTION_LOST", message: lost, reason: 11 });
    expect(client.outcome?.message).toBe(lost);
  });

  test("[h2-275] GOAWAY without debug data, and without an error", async () => {
    for (const [code, message] of [
      ["INTERNAL_ERROR", "the peer ended the connection with streams open: the peer is going away with INTERNAL_ERROR"],
      ["NO_ERROR", "the peer ended the connection with streams open"],
    ] as const) {
      const client = await connectH2();
      const sent = send(client, HttpRequest.get(target));
      await taken(client);
      client.peer.goAway(1, code);
      client.peer.end();
      await client.run();
      expect(sent.error?.message).toBe(message);
    }
  });
});

describe("GOAWAY on a client", () => {
  test("[h2-279] without a stream ends the connection at once", async () => {
    const client = await connectH2();
    client.peer.goAway(0);
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-279] with streams ends it when the last of them ends", async () => {
    const client = await connectH2();
    const [one, two] = gets(client, 2) as [Tried, Tried];
    await taken(client);
    client.peer.goAway(3);
    client.peer.headers(3, status(200), { endStream: true });
    await expectTried(client, two, "200");
    await expectQuiet(client);
    client.peer.headers(1, status(200), { endStream: true });
    await expectTried(client, one, "200");
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-279] a graceful one in two steps: the streams of the second finish", async () => {
    const client = await connectH2();
    const [one, two] = gets(client, 2) as [Tried, Tried];
    await taken(client);
    client.peer.goAway(2 ** 31 - 1);
    await expectQuiet(client);
    await expectTried(client, two, "pending");
    client.peer.goAway(1);
    await expectTried(client, two, "closed GOAWAY NO_ERROR, handed back");
    client.peer.headers(1, status(200), { endStream: true });
    await expectTried(client, one, "200");
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-280] no request is taken any more: each is handed back, and says why", async () => {
    const client = await connectH2();
    gets(client, 1);
    await taken(client);
    client.peer.goAway(1, "ENHANCE_YOUR_CALM", "later");
    await client.run();
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    await expect(client.sender.ready()).rejects.toMatchObject({ kind: "closed", code: "GOAWAY", reason: 11 });
    const tried = trySend(client, HttpRequest.post(target, full("x")));
    await expectTried(client, tried, "closed GOAWAY ENHANCE_YOUR_CALM, handed back");
    await expectQuiet(client);
  });

  test("[h2-280] those that wait for a stream are handed back, in any number", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const [one, two, three] = gets(client, 3) as [Tried, Tried, Tried];
    const ready = client.sender.ready().catch((error: Error) => error);
    await taken(client);
    client.peer.goAway(1);
    await expectTried(client, two, "closed GOAWAY NO_ERROR, handed back");
    await expectTried(client, three, "closed GOAWAY NO_ERROR, handed back");
    await expect(ready).resolves.toMatchObject({ code: "GOAWAY" });
    client.peer.headers(1, status(200), { endStream: true });
    await expectTried(client, one, "200");
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("frames on a stream that was given up with GOAWAY do no harm", async () => {
    const client = await connectH2();
    const [one] = gets(client, 2) as [Tried];
    await taken(client);
    client.peer.goAway(1);
    client.peer.headers(1, status(200), { endStream: true });
    await expectTried(client, one, "200");
  });
});

test("[h2-283] an abrupt end by a client: every request and body fails with the code that GOAWAY names", async () => {
  const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 2 } });
  const one = send(client, HttpRequest.get(target));
  const two = send(client, HttpRequest.get(target));
  const three = trySend(client, HttpRequest.get(target));
  await taken(client);
  client.peer.headers(1, status(200));
  await client.run();
  const content = Promise.resolve(one.response?.body.frame()).catch((error: unknown) => error);
  client.peer.windowUpdate(0, 0);
  await expectGoAway(client, 0, "PROTOCOL_ERROR", "WINDOW_UPDATE: increment must", "protocol", "WINDOW_UPDATE_ZERO");
  expect([await content, two.error]).toEqual([client.outcome, client.outcome]);
  await expectTried(client, three, "canceled UNSENT, handed back");
});

describe("GOAWAY on a server", () => {
  test("[h2-281] with last stream 0 leaves requests of the client alone", async () => {
    let answer: ((response: HttpResponse) => void) | undefined;
    const server = await serveH2(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    server.peer.headers(1, get(), { endStream: true });
    server.peer.goAway(0);
    await expectQuiet(server);
    answer?.(ok());
    await expectClosed(server, [okText(1), "GOAWAY 1 NO_ERROR"]);
  });

  test("without a stream ends the connection at once", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.goAway(0, "NO_ERROR", "bye");
    await expectClosed(server, ["GOAWAY 1 NO_ERROR"]);
  });
});

for (const role of roles) {
  test(`[h2-273] on a ${role}: a last stream higher than before ends the connection`, async () => {
    const under = role === "server" ? await serveH2(() => new Promise(() => {})) : await connectH2();
    if (role === "server") under.peer.headers(1, get(), { endStream: true });
    else send(under as ClientUnderTest, HttpRequest.get(target));
    await under.run();
    under.peer.take();
    under.peer.goAway(2);
    under.peer.goAway(2);
    under.peer.goAway(1);
    await expectQuiet(under);
    under.peer.goAway(3);
    const message = "GOAWAY: the last stream must not be higher than before, 1, got 3 (RFC 9113 6.8)";
    const last = role === "server" ? 1 : 0;
    await expectGoAway(under, last, "PROTOCOL_ERROR", message, "protocol", "GOAWAY_INCREASED");
  });

  test(`on a ${role}: with an error code, the connection still ends without one`, async () => {
    const under = await start(role);
    under.peer.goAway(0, "PROTOCOL_ERROR", "you did it wrong");
    await expectClosed(under, ["GOAWAY 0 NO_ERROR"]);
  });
}
