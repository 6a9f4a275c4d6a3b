/**
 * How many streams there may be (RFC 9113 section 5.1.2): refused on a server, waited for on a client.
 */
import { channel, full } from "@sluice/body";
import { type Connection, HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import type { Http2Machine } from "../../src/h2/connection/machine.ts";
import { type ClientUnderTest, connectH2, expectSent, outcomeOf, type Sent, send } from "./support/client.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { okText } from "./support/server.ts";

function machineOf(connection: Connection): Http2Machine {
  return (connection as unknown as { readonly machine: Http2Machine }).machine;
}

function request(): HttpRequest {
  return HttpRequest.get("http://a.test/");
}

function asked(...streamIds: readonly number[]): string[] {
  return streamIds.map((id) => `HEADERS ${id} END_STREAM ${getText}`);
}

/** The response to a request on stream `streamId` has come. */
async function answer(client: ClientUnderTest, streamId: number, sent: Sent | undefined): Promise<void> {
  client.peer.headers(streamId, status(200), { endStream: true });
  if (sent !== undefined) await expectSent(client, sent, "200");
}

describe("a server refuses streams beyond its limit", () => {
  test("[h2-237] with REFUSED_STREAM, so that they can be sent again, and does not call the service", async () => {
    const { server, calls, call } = await serveHeld({ maxConcurrentStreams: 2 });
    server.peer.headers(1, post());
    server.peer.headers(3, get(), { endStream: true });
    server.peer.headers(5, get("/ok"), { endStream: true });
    server.peer.headers(7, post("/ok"));
    await expectFrames(server, ["RST_STREAM 5 REFUSED_STREAM", "RST_STREAM 7 REFUSED_STREAM"]);
    // Behind the refusal, which the client has not seen.
    server.peer.data(7, "content", { endStream: true });
    await expectQuiet(server);
    expect(calls.length).toBe(2);
    call(1).respond(new HttpResponse(200));
    await expectFrames(server, [okText(3)]);
    server.peer.headers(9, get("/ok"), { endStream: true });
    await expectFrames(server, [okText(9)]);
  });

  test("[h2-237] the same before the client has acknowledged the limit", async () => {
    const { server } = await serveHeld({ maxConcurrentStreams: 1 }, { handshake: false });
    server.peer.preface();
    server.peer.settings();
    await server.run();
    server.peer.take();
    server.peer.headers(1, post());
    server.peer.headers(3, get("/ok"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 3 REFUSED_STREAM"]);
  });

  test("[h2-237] a limit of 0 refuses all", async () => {
    const { server } = await serveHeld({ maxConcurrentStreams: 0 });
    server.peer.headers(1, get("/ok"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 REFUSED_STREAM"]);
  });

  test("[h2-237] a stream counts until both sides have ended", async () => {
    const { server, call } = await serveHeld({ maxConcurrentStreams: 1 });
    server.peer.headers(1, post(), { endStream: true });
    await server.run();
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.peer.headers(3, get("/ok"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 3 REFUSED_STREAM"]);
    sender.close();
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    server.peer.headers(5, get("/ok"), { endStream: true });
    await expectFrames(server, [okText(5)]);
  });

  test("[h2-238] with the field tables as they should be, also where the block comes in fragments", async () => {
    const { server, call } = await serveHeld({ maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    // x: y goes to the dynamic table.
    const block = Uint8Array.of(0x82, 0x86, 0x84, 0x41, 1, 0x61, 0x40, 1, 0x78, 1, 0x79);
    server.peer.headers(3, block.subarray(0, 7), { endStream: true, endHeaders: false });
    await expectQuiet(server);
    server.peer.continuation(3, block.subarray(7));
    await expectFrames(server, ["RST_STREAM 3 REFUSED_STREAM"]);
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    server.peer.headers(5, Uint8Array.of(0x82, 0x86, 0x84, 0xbf, 0xbe), { endStream: true });
    await server.run();
    expect(call(1).request.headers.get("x")).toBe("y");
    expect(call(1).request.authority).toBe("a");
  });

  for (const [what, end, frames] of [
    ["the client resets it", "rst", []],
    ["the service fails", "fail", ["RST_STREAM 1 INTERNAL_ERROR"]],
    ["the service answers and drops the rest of the request", "respond", [okText(1), "RST_STREAM 1 NO_ERROR"]],
    ["the client breaks its rules", "break", ["RST_STREAM 1 PROTOCOL_ERROR"]],
  ] as const) {
    test(`[h2-239] a stream is free for another when ${what}`, async () => {
      const { server, call } = await serveHeld({ maxConcurrentStreams: 1 });
      server.peer.headers(1, post());
      await server.run();
      if (end === "rst") server.peer.rst(1, "CANCEL");
      else if (end === "fail") call(0).fail(new Error("no"));
      else if (end === "respond") call(0).respond(new HttpResponse(200));
      else server.peer.windowUpdate(1, 0);
      await expectFrames(server, frames);
      if (end === "rst" || end === "break") {
        // The work for it goes on, and is not to pile up.
        server.peer.headers(3, get("/ok"), { endStream: true });
        await expectQuiet(server);
        call(0).respond(new HttpResponse(200));
        await expectFrames(server, [okText(3)]);
      } else {
        server.peer.headers(3, get("/ok"), { endStream: true });
        await expectFrames(server, [okText(3)]);
      }
    });
  }

  test("[h2-240] a refused stream leaves no record, and does not count as processed", async () => {
    const { server, call } = await serveHeld({ maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    for (let id = 3; id < 203; id += 2) server.peer.headers(id, get(), { endStream: true });
    await server.run();
    expect(server.peer.take().length).toBe(100);
    expect(machineOf(server.connection).streams.store.size).toBe(1);
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    server.peer.headers(2, get(), { endStream: true });
    const message = "stream identifier of the peer must be odd, got 2 (RFC 9113 5.1.1)";
    await expectGoAway(server, 1, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_PARITY");
  });

  test("a client that goes on opening streams beyond the limit is given up", async () => {
    const { server } = await serveHeld({ maxConcurrentStreams: 0, refusalsBurst: 2 });
    for (const id of [1, 3]) server.peer.headers(id, get(), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 REFUSED_STREAM", "RST_STREAM 3 REFUSED_STREAM"]);
    server.peer.headers(5, get(), { endStream: true });
    const message = "too_many_refused_streams: at most 2 at once and 100 per second are accepted";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_REFUSALS");
  });
});

describe("a server calls its service no more at a time than streams may be open", () => {
  test("[h2-248] for streams that were reset the work goes on: others wait, and are not called if reset meanwhile", async () => {
    const { server, calls, call } = await serveHeld({ maxConcurrentStreams: 1 });
    server.peer.headers(1, get("/1"), { endStream: true });
    server.peer.rst(1, "CANCEL");
    server.peer.headers(3, get("/3"), { endStream: true });
    server.peer.rst(3, "CANCEL");
    server.peer.headers(5, get("/5"), { endStream: true });
    await expectQuiet(server);
    expect(calls.map(({ request: { target } }) => target.path)).toEqual(["/1"]);
    call(0).respond(new HttpResponse(200));
    await expectQuiet(server);
    expect(calls.map(({ request: { target } }) => target.path)).toEqual(["/1", "/5"]);
    call(1).respond(new HttpResponse(200));
    await expectFrames(server, [okText(5)]);
  });

  test("[h2-248] the same when the work fails", async () => {
    const { server, calls, call } = await serveHeld({ maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.rst(1, "CANCEL");
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    call(0).fail(new Error("no"));
    await expectQuiet(server);
    expect(calls.length).toBe(2);
  });

  test("[h2-248] so many may wait; one more ends the connection", async () => {
    const { server, calls } = await serveHeld({ maxConcurrentStreams: 1, maxWaitingRequests: 4 });
    for (let id = 1; id <= 9; id += 2) {
      server.peer.headers(id, get(), { endStream: true });
      server.peer.rst(id, "CANCEL");
    }
    await expectQuiet(server);
    expect(calls.length).toBe(1);
    server.peer.headers(11, get(), { endStream: true });
    const message = "too_many_early_resets: at most 4 are accepted of requests that wait for handlers";
    await expectGoAway(server, 11, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_WAITING_REQUESTS");
    expect(calls.length).toBe(1);
  });

  test("[h2-248] by default 128 are at work, and four times as many wait", async () => {
    const { server, calls } = await serveHeld({ resetsBurst: 10_000 });
    for (let i = 0; i < 128 + 512; i++) {
      server.peer.headers(1 + 2 * i, get(), { endStream: true });
      server.peer.rst(1 + 2 * i, "CANCEL");
    }
    await expectQuiet(server);
    expect(calls.length).toBe(128);
    server.peer.headers(1281, get(), { endStream: true });
    const message = "too_many_early_resets: at most 512 are accepted of requests that wait for handlers";
    await expectGoAway(server, 1281, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_WAITING_REQUESTS");
  });
});

describe("a client waits for streams", () => {
  test("[h2-241] requests beyond the server's limit leave in the order in which they came", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 2 } });
    const paths = ["/1", "/2", "/3", "/4"];
    const sent = paths.map((path) => send(client, HttpRequest.get(`http://a.test${path}`)));
    const line = (id: number, path: string): string =>
      `HEADERS ${id} END_STREAM :method=GET :scheme=http :authority=a.test :path=${path}`;
    await expectFrames(client, [line(1, "/1"), line(3, "/2")]);
    expect(client.sender.isReady).toBe(false);
    await answer(client, 3, sent[1]);
    await expectFrames(client, [line(5, "/3")]);
    client.peer.rst(1, "REFUSED_STREAM");
    await expectFrames(client, [line(7, "/4")]);
    expect(sent.map(outcomeOf)).toEqual(["closed REFUSED_STREAM REFUSED_STREAM", "200", "pending", "pending"]);
  });

  test("[h2-241] a stream counts until both sides have ended", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const { body, sender } = channel(1);
    const first = send(client, HttpRequest.post("http://a.test/", body));
    send(client, request());
    await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/"]);
    await answer(client, 1, first);
    await expectQuiet(client);
    sender.close();
    await expectFrames(client, ["DATA 1 END_STREAM 0", ...asked(3)]);
  });

  test("[h2-241] a response that was not read to its end holds no stream once it has come whole", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, request());
    send(client, request());
    await expectFrames(client, asked(1));
    client.peer.headers(1, status(200));
    client.peer.data(1, "unread");
    await expectSent(client, first, "200");
    await expectQuiet(client);
    client.peer.data(1, "", { endStream: true });
    await expectFrames(client, asked(3));
  });

  test("[h2-241] before the server's SETTINGS by an option, behind them by what they say: no limit if nothing", async () => {
    const client = await connectH2({ initialMaxStreams: 1 }, { handshake: false });
    await client.run();
    client.peer.take();
    for (let i = 0; i < 3; i++) send(client, request());
    await expectFrames(client, asked(1));
    client.peer.settings();
    await expectFrames(client, ["SETTINGS ACK", ...asked(3, 5)]);
  });

  test("[h2-242] a limit that is lowered: those who wait go on waiting until there are fewer", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 3 } });
    const sent = [1, 2, 3, 4, 5].map(() => send(client, request()));
    await expectFrames(client, asked(1, 3, 5));
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    await expectFrames(client, ["SETTINGS ACK"]);
    await answer(client, 1, sent[0]);
    await answer(client, 3, sent[1]);
    await expectQuiet(client);
    await answer(client, 5, sent[2]);
    await expectFrames(client, asked(7));
  });

  test("[h2-242] a limit of 0 lets none through, and fails none", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 0 } });
    const sent = send(client, request());
    await expectQuiet(client);
    expect([client.sender.isReady, client.sender.isClosed, outcomeOf(sent)]).toEqual([false, false, "pending"]);
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    await expectFrames(client, ["SETTINGS ACK", ...asked(1)]);
  });

  test("[h2-243] a limit that is raised lets as many through as it allows, first come first served", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    for (const path of ["/1", "/2", "/3", "/4"]) send(client, HttpRequest.get(`http://a.test${path}`));
    await client.run();
    client.peer.take();
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 3 });
    await expectFrames(client, [
      "SETTINGS ACK",
      "HEADERS 3 END_STREAM :method=GET :scheme=http :authority=a.test :path=/2",
      "HEADERS 5 END_STREAM :method=GET :scheme=http :authority=a.test :path=/3",
    ]);
  });

  test("[h2-244, h2-302] a request that waits can be given up: nothing is written, and the others keep their order", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, HttpRequest.get("http://a.test/1"));
    const controller = new AbortController();
    const second = send(client, HttpRequest.get("http://a.test/2"), { signal: controller.signal });
    const given = HttpRequest.post("http://a.test/x", full("content"));
    const tried = client.sender.trySend(given, { signal: controller.signal });
    send(client, HttpRequest.get("http://a.test/3"));
    await client.run();
    client.peer.take();
    controller.abort();
    await expectSent(client, second, "canceled CANCELED");
    const outcome = await tried;
    expect("error" in outcome && outcome.request === given).toBe(true);
    expect(given.body.isEndStream()).toBe(false);
    await expectQuiet(client);
    await answer(client, 1, first);
    await expectFrames(client, ["HEADERS 3 END_STREAM :method=GET :scheme=http :authority=a.test :path=/3"]);
  });

  test("[h2-245] whether there is a stream can be asked for, and waited for", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    expect(client.sender.isReady).toBe(true);
    await client.sender.ready();
    const first = send(client, request());
    expect(client.sender.isReady).toBe(false);
    let ready = 0;
    for (let i = 0; i < 2; i++) client.sender.ready().then(() => ready++);
    await expectFrames(client, asked(1));
    expect(ready).toBe(0);
    await answer(client, 1, first);
    expect([client.sender.isReady, ready]).toEqual([true, 2]);
  });

  test("[h2-245] those that may not wait are refused at once, and handed back", async () => {
    const client = await connectH2({ maxQueuedRequests: 0 }, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, request());
    const second = request();
    const outcome = await client.sender.trySend(second);
    expect(outcome).toMatchObject({ error: { kind: "limit", code: "QUEUE_FULL" }, request: second });
    await expectFrames(client, asked(1));
    await answer(client, 1, first);
    send(client, second);
    await expectFrames(client, asked(3));
  });

  test("[h2-239] a stream is free for another when the program gives it up, or its body fails", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const controller = new AbortController();
    send(client, request(), { signal: controller.signal });
    const { body, sender } = channel(1);
    send(client, HttpRequest.post("http://a.test/", body));
    send(client, request());
    await expectFrames(client, asked(1));
    controller.abort();
    await expectFrames(client, [
      "RST_STREAM 1 CANCEL",
      "HEADERS 3 :method=POST :scheme=http :authority=a.test :path=/",
    ]);
    sender.abort(new Error("broken"));
    await expectFrames(client, ["RST_STREAM 3 CANCEL", ...asked(5)]);
  });

  test("[h2-241] a connection that is shut down hands back those that wait, and finishes the others", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, request());
    const waiting = send(client, request());
    await expectFrames(client, asked(1));
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    await expectSent(client, waiting, "canceled UNSENT");
    client.peer.headers(1, status(200), { endStream: true });
    await expectClosed(client);
    expect(outcomeOf(first)).toBe("200");
  });
});

describe("[h2-247] streams opened and reset again and again leave nothing", () => {
  test("on a server", async () => {
    const { server, calls } = await serveHeld({ resetsBurst: 100_000, maxRememberedResets: 50 });
    const { store } = machineOf(server.connection).streams;
    for (let i = 0; i < 2_000; i++) {
      server.peer.headers(1 + 2 * i, post("/ok"));
      server.peer.rst(1 + 2 * i, "CANCEL");
      if (i % 100 === 0) await server.run();
    }
    await server.run();
    expect([store.size, store.activeRemote]).toEqual([0, 0]);
    expect(store.rememberedResets).toBe(50);
    expect(calls.length).toBe(0);
    expect(server.outcome).toBe(undefined);
  });

  test("on a client", async () => {
    const client = await connectH2({ maxRememberedResets: 50 });
    const { store } = machineOf(client.connection).streams;
    for (let i = 0; i < 500; i++) {
      const controller = new AbortController();
      send(client, request(), { signal: controller.signal });
      controller.abort();
      await client.run();
    }
    expect([store.size, store.activeLocal]).toEqual([0, 0]);
    expect(store.rememberedResets).toBe(50);
    expect(client.peer.take().length).toBe(1_000);
    expect(client.outcome).toBe(undefined);
  });
});
