/**
 * Server push on a server (RFC 9113 section 8.4), from a service and by hand: promises, the pushed responses, and what may
 * not be promised.
 */
import { channel, empty, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { accepted, acceptH2, awaiting, thrownBy } from "./support/by-hand.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { type Call, type Held, serveHeld } from "./support/held.ts";
import { get, post, request as requestLines } from "./support/messages.ts";
import { okText } from "./support/server.ts";
import type { Setup } from "./support/under-test.ts";

const style = (): HttpRequest => HttpRequest.get("http://a.test/style.css");
const styleText = ":method=GET :scheme=http :authority=a.test :path=/style.css";
const css = (): HttpResponse => new HttpResponse(200, { "content-type": "text/css" }, full("p {}"));
const cssHead = (streamId: number): string => `HEADERS ${streamId} :status=200 content-type=text/css content-length=4`;
const cssText = (streamId: number): string[] => [cssHead(streamId), `DATA ${streamId} END_STREAM 4 "p {}"`];

function pusherOf({ request }: Call): http2.Pusher {
  const pusher = request.extensions.get(http2.pusherKey);
  if (pusher === undefined) throw new Error("the request has no pusher");
  return pusher;
}

/** A server with a request on stream 1, that was not answered. */
async function asked(
  setup: Setup = {},
  options: http2.ServerOptions = {},
): Promise<Held & { readonly pusher: http2.Pusher }> {
  const held = await serveHeld(options, setup);
  held.server.peer.headers(1, get(), { endStream: true });
  await expectQuiet(held.server);
  return { ...held, pusher: pusherOf(held.call(0)) };
}

describe("[h2-250] a promise goes before the response it promises", () => {
  test("PUSH_PROMISE on the stream of the request, then HEADERS and DATA on the promised one", async () => {
    const { server, pusher, call } = await asked();
    expect(pusher.isEnabled).toBe(true);
    const pushed = pusher.push(style());
    expect(pushed.streamId).toBe(2);
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
    const done = awaiting(pushed.respond(css()));
    await expectFrames(server, cssText(2));
    expect(done.now).toBe(undefined);
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    expect(server.connection.streams).toMatchObject({ local: 0, remote: 0, peakLocal: 1 });
  });

  test("in one write with the head of the answer that refers to it, and before it", async () => {
    const { server, pusher, call } = await asked();
    pusher.push(style()).respond(css());
    await server.run();
    call(0).respond(new HttpResponse(200, undefined, full("<link>")));
    await server.run();
    expect(server.peer.take()).toEqual([
      `PUSH_PROMISE 1 -> 2 ${styleText}`,
      ...cssText(2),
      "HEADERS 1 :status=200 content-length=6",
      "DATA 1 END_STREAM 6 <link>",
    ]);
  });

  test("several, with identifiers that go up by two, answered in any order", async () => {
    const { server, pusher } = await asked();
    const pushes = ["/a", "/b", "/c"].map((path) => pusher.push(HttpRequest.get(`http://a.test${path}`)));
    expect(pushes.map(({ streamId }) => streamId)).toEqual([2, 4, 6]);
    await server.run();
    expect(server.peer.take().map((frame) => frame.replace(/ :method.*:path=/, " "))).toEqual([
      "PUSH_PROMISE 1 -> 2 /a",
      "PUSH_PROMISE 1 -> 4 /b",
      "PUSH_PROMISE 1 -> 6 /c",
    ]);
    pushes[2]?.respond(css());
    await expectFrames(server, cssText(6));
    pushes[0]?.respond(css());
    await expectFrames(server, cssText(2));
  });

  test("content of a pushed response keeps to its windows", async () => {
    const { server, pusher } = await asked({ settings: { INITIAL_WINDOW_SIZE: 3 } });
    const done = awaiting(pusher.push(style()).respond(css()));
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`, cssHead(2), 'DATA 2 3 "p {"']);
    expect(done.now).toBe("pending");
    server.peer.windowUpdate(2, 1);
    await expectFrames(server, ["DATA 2 END_STREAM 1 }"]);
    expect(done.now).toBe(undefined);
  });

  test("answers to HEAD, and without content", async () => {
    const { server, pusher } = await asked();
    pusher.push(HttpRequest.head("http://a.test/x")).respond(css());
    pusher.push(style()).respond(new HttpResponse(204));
    await expectFrames(server, [
      "PUSH_PROMISE 1 -> 2 :method=HEAD :scheme=http :authority=a.test :path=/x",
      "HEADERS 2 END_STREAM :status=200 content-type=text/css content-length=4",
      `PUSH_PROMISE 1 -> 4 ${styleText}`,
      "HEADERS 4 END_STREAM :status=204",
    ]);
  });

  test("a target without authority is for the Host that goes with it, and for the scheme of the request", async () => {
    const held = await serveHeld();
    const { peer } = held.server;
    // As behind a proxy that ends TLS.
    peer.headers(
      1,
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "/"],
      ],
      { endStream: true },
    );
    await expectQuiet(held.server);
    pusherOf(held.call(0)).push(HttpRequest.get("/x?y", { host: "a.test" }));
    await expectFrames(held.server, ["PUSH_PROMISE 1 -> 2 :method=GET :scheme=https :authority=a.test :path=/x?y"]);
  });
});

test("[h2-251] promises between the frames of the answer they belong to", async () => {
  const { server, pusher, call } = await asked();
  const { body, sender } = channel(4);
  call(0).respond(new HttpResponse(200, undefined, body));
  await sender.sendData(new TextEncoder().encode("one"));
  await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 3 one"]);
  const pushed = pusher.push(style());
  await sender.sendData(new TextEncoder().encode("two"));
  await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`, "DATA 1 3 two"]);
  pushed.respond(css());
  sender.close();
  await expectFrames(server, [...cssText(2), "DATA 1 END_STREAM 0"]);
});

describe("[h2-252] nothing is promised to a client that accepts no pushes", () => {
  test("it said so from the start: the request has no pusher", async () => {
    const { server, call } = await serveHeld({}, { settings: { ENABLE_PUSH: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    expect(call(0).request.extensions.get(http2.pusherKey)).toBe(undefined);
  });

  test.each([
    ["it says so while the request is being answered", { ENABLE_PUSH: 0 }],
    ["it allows no streams for them", { MAX_CONCURRENT_STREAMS: 0 }],
  ])("%s", async (_, settings) => {
    const { server, pusher, call } = await asked();
    server.peer.settings(settings);
    await expectFrames(server, ["SETTINGS ACK"]);
    expect(pusher.isEnabled).toBe(false);
    expect(thrownBy(() => pusher.push(style()))).toBe("user PUSH_DISABLED");
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
  });

  test("what was promised before is still answered", async () => {
    const { server, pusher } = await asked();
    const pushed = pusher.push(style());
    server.peer.settings({ ENABLE_PUSH: 0 });
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`, "SETTINGS ACK"]);
    pushed.respond(css());
    await expectFrames(server, cssText(2));
  });

  test("by hand the same", async () => {
    const target = await acceptH2({}, { settings: { ENABLE_PUSH: 0 } });
    target.peer.headers(1, get(), { endStream: true });
    const { respond } = await accepted(target);
    expect(thrownBy(() => respond.pushRequest(style()))).toBe("user PUSH_DISABLED");
    await expectQuiet(target);
  });
});

describe("[h2-254] pushed responses keep to the client's MAX_CONCURRENT_STREAMS", () => {
  test("promises count for nothing; the second response waits for the end of the first", async () => {
    const { server, pusher } = await asked({ settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 3 } });
    const [first, second, third] = [pusher.push(style()), pusher.push(style()), pusher.push(style())];
    await server.run();
    expect(server.peer.take()).toEqual([2, 4, 6].map((id) => `PUSH_PROMISE 1 -> ${id} ${styleText}`));
    first.respond(css());
    const waiting = awaiting(second.respond(css()));
    const last = awaiting(third.respond(css()));
    await expectFrames(server, [cssHead(2), 'DATA 2 3 "p {"']);
    expect([waiting.now, last.now, server.connection.streams.local]).toEqual(["pending", "pending", 1]);
    server.peer.windowUpdate(2, 1);
    await expectFrames(server, ["DATA 2 END_STREAM 1 }", cssHead(4), 'DATA 4 3 "p {"']);
    server.peer.rst(4, "CANCEL");
    await expectFrames(server, [cssHead(6), 'DATA 6 3 "p {"']);
    expect([waiting.now, last.now]).toEqual(["incomplete STREAM_RESET CANCEL", "pending"]);
    server.peer.windowUpdate(6, 1);
    await expectFrames(server, ["DATA 6 END_STREAM 1 }"]);
    expect([last.now, server.connection.streams.local]).toEqual([undefined, 0]);
  });

  test("a limit that is raised lets those through that wait, in their order", async () => {
    const { server, pusher } = await asked({ settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } });
    const pushes = [0, 1, 2, 3].map(() => pusher.push(style()));
    await server.run();
    server.peer.take();
    for (const pushed of pushes) pushed.respond(css());
    await expectFrames(server, [cssHead(2)]);
    server.peer.settings({ MAX_CONCURRENT_STREAMS: 3 });
    await expectFrames(server, ["SETTINGS ACK", cssHead(4), cssHead(6)]);
  });

  test("one that is reset while it waits is not sent, and its body given up", async () => {
    const { server, pusher } = await asked({ settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } });
    const [first, second, third] = [pusher.push(style()), pusher.push(style()), pusher.push(style())];
    await server.run();
    server.peer.take();
    first.respond(css());
    const { body, sender } = channel(1);
    const done = awaiting(second.respond(new HttpResponse(200, undefined, body)));
    third.respond(css());
    await expectFrames(server, [cssHead(2)]);
    server.peer.rst(4, "CANCEL");
    await expectQuiet(server);
    expect(done.now).toBe("incomplete STREAM_RESET CANCEL");
    expect(sender.isClosed).toBe(true);
    server.peer.rst(2, "CANCEL");
    await expectFrames(server, [cssHead(6)]);
  });

  test("by hand: NOT_READY while there is none, and ready() to wait for it", async () => {
    const target = await acceptH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    target.peer.headers(1, get(), { endStream: true });
    const { respond } = await accepted(target);
    const [first, second, third] = [style(), style(), style()].map((request) => respond.pushRequest(request));
    await target.run();
    target.peer.take();
    if (first === undefined || second === undefined || third === undefined) throw new Error("not reached");
    expect([first.isReady, await first.ready()]).toEqual([true, undefined]);
    const send = first.sendResponse(new HttpResponse(200));
    await expectFrames(target, ["HEADERS 2 :status=200"]);
    expect([second.isReady, thrownBy(() => second.sendResponse(new HttpResponse(200)))]).toEqual([
      false,
      "canceled NOT_READY",
    ]);
    await expectQuiet(target);
    const [ready, twice, other] = [awaiting(second.ready()), awaiting(second.ready()), awaiting(third.ready())];
    await target.run();
    expect([ready.now, twice.now, other.now]).toEqual(["pending", "pending", "pending"]);
    target.peer.rst(6, "REFUSED_STREAM");
    await target.run();
    expect([ready.now, other.now]).toEqual(["pending", "closed REFUSED_STREAM REFUSED_STREAM"]);
    expect(thrownBy(() => third.sendResponse(new HttpResponse(200)))).toBe("closed REFUSED_STREAM REFUSED_STREAM");
    send.sendData(new Uint8Array(0), true);
    await expectFrames(target, ["DATA 2 END_STREAM 0"]);
    expect([ready.now, twice.now]).toEqual([undefined, undefined]);
    second.sendResponse(new HttpResponse(204), true);
    await expectFrames(target, ["HEADERS 4 END_STREAM :status=204"]);
    expect(thrownBy(() => second.sendResponse(new HttpResponse(204)))).toBe("user ALREADY_RESPONDED");
  });
});

describe("[h2-260] where nothing can be promised", () => {
  test("a pushed response has no pusher, by hand or not, and its stream takes no promise", async () => {
    const target = await acceptH2();
    target.peer.headers(1, get(), { endStream: true });
    const { respond } = await accepted(target);
    const pushed = respond.pushRequest(style());
    expect("pushRequest" in pushed).toBe(false);
    await expectFrames(target, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
  });

  test("a request that was answered to its end", async () => {
    const { server, pusher, call } = await asked();
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    expect(pusher.isEnabled).toBe(false);
    expect(thrownBy(() => pusher.push(style()))).toBe("user PUSH_PARENT");
    await expectQuiet(server);
  });

  test("a request that the client has reset", async () => {
    const { server, pusher } = await asked();
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(thrownBy(() => pusher.push(style()))).toBe("user PUSH_PARENT");
    await expectQuiet(server);
  });

  test("a request whose content is still coming is fine", async () => {
    const held = await serveHeld();
    held.server.peer.headers(1, post());
    await expectQuiet(held.server);
    pusherOf(held.call(0)).push(style());
    await expectFrames(held.server, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
  });

  test("a connection that is over", async () => {
    const { server, pusher } = await asked();
    server.connection.abort();
    await server.run();
    expect(pusher.isEnabled).toBe(false);
    expect(thrownBy(() => pusher.push(style()))).toBe("user PUSH_PARENT");
  });
});

describe("[h2-261] requests that cannot be promised, and nothing is written", () => {
  test.each([
    ["a POST", () => HttpRequest.post("http://a.test/"), "user PUSH_METHOD"],
    ["DELETE", () => HttpRequest.delete("http://a.test/"), "user PUSH_METHOD"],
    ["CONNECT", () => HttpRequest.connect("a.test:80"), "user PUSH_METHOD"],
    ["content", () => style().withBody(full("x")), "user PUSH_CONTENT"],
    ["content of unknown length", () => style().withBody(channel(1).body), "user PUSH_CONTENT"],
    ["content-length", () => HttpRequest.get("http://a.test/", { "content-length": "1" }), "user PUSH_CONTENT"],
    ["a path without a Host", () => HttpRequest.get("/style.css"), "user INVALID_HOST"],
    ["two authorities", () => HttpRequest.get("http://a.test/", { host: "b.test" }), "user INVALID_HOST"],
    ["another scheme", () => HttpRequest.get("https://a.test/"), "user PUSH_SCHEME"],
    ["a scheme of no HTTP", () => HttpRequest.get("ftp://a.test/"), "user PUSH_SCHEME"],
  ])("%s", async (_, request, error) => {
    const { server, pusher, call } = await asked();
    expect(thrownBy(() => pusher.push(request()))).toBe(error);
    await expectQuiet(server);
    // No identifier was used up, and the connection works as before.
    pusher.push(style());
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
  });

  test("connection-specific fields: refused by hand, left out by a service as in any request", async () => {
    const upgrade = { connection: "upgrade, x-hop", upgrade: "h2c", "x-hop": "1", "x-end": "2" };
    const { server, pusher } = await asked();
    pusher.push(HttpRequest.get("http://a.test/style.css", upgrade));
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText} x-end=2`]);
    const target = await acceptH2();
    target.peer.headers(1, get(), { endStream: true });
    const { respond } = await accepted(target);
    const request = HttpRequest.get("http://a.test/style.css", upgrade);
    expect(thrownBy(() => respond.pushRequest(request))).toBe("user CONNECTION_SPECIFIC_FIELD");
    await expectQuiet(target);
  });

  test("a header list larger than the client takes, of a promise and of its response", async () => {
    const { server, pusher } = await asked({ settings: { MAX_HEADER_LIST_SIZE: 200 } });
    const large = { x: "y".repeat(200) };
    expect(thrownBy(() => pusher.push(HttpRequest.get("http://a.test/", large)))).toBe("user HEADER_LIST_TOO_LARGE");
    const pushed = pusher.push(style());
    expect(thrownBy(() => pushed.respond(new HttpResponse(200, large)))).toBe("user HEADER_LIST_TOO_LARGE");
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
    pushed.respond(css());
    await expectFrames(server, cssText(2));
  });

  test("content-length 0 says nothing wrong", async () => {
    const { server, pusher } = await asked();
    pusher.push(HttpRequest.get("http://a.test/style.css", { "content-length": "0" }));
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText} content-length=0`]);
  });
});

describe("[h2-262] a client that is going away accepts no pushes", () => {
  test("behind its GOAWAY nothing is promised; the request is answered, and the connection ends", async () => {
    const { server, pusher, call } = await asked();
    server.peer.goAway(0);
    await expectQuiet(server);
    expect(pusher.isEnabled).toBe(false);
    expect(thrownBy(() => pusher.push(style()))).toBe("closed GOAWAY");
    call(0).respond(new HttpResponse(200));
    await server.run();
    expect(server.peer.take()).toEqual([okText(1), "GOAWAY 1 NO_ERROR"]);
  });
});

describe("a pushed response that does not come to its end", () => {
  test("taken back before it was answered: a reset with CANCEL, or the code given", async () => {
    const { server, pusher } = await asked();
    const [first, second] = [pusher.push(style()), pusher.push(style())];
    await server.run();
    server.peer.take();
    first.reset();
    second.reset(http2.errorCodes.INTERNAL_ERROR);
    await expectFrames(server, ["RST_STREAM 2 CANCEL", "RST_STREAM 4 INTERNAL_ERROR"]);
    first.reset();
    expect(thrownBy(() => second.reset(-1))).toBe("RangeError");
    const { body, sender } = channel(1);
    const done = awaiting(first.respond(new HttpResponse(200, undefined, body)));
    await expectQuiet(server);
    expect([done.now, sender.isClosed]).toEqual(["canceled PUSH_CANCELED", true]);
  });

  test("refused by the client before it was answered", async () => {
    const { server, pusher } = await asked();
    const pushed = pusher.push(style());
    server.peer.rst(2, "REFUSED_STREAM");
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`]);
    expect(awaiting(pushed.respond(css()))).toMatchObject({ now: "pending" });
    await expectQuiet(server);
    expect(server.connection.streams.local).toBe(0);
  });

  test("reset by the client while it is sent: its body is given up", async () => {
    const { server, pusher } = await asked();
    const { body, sender } = channel(1);
    const done = awaiting(pusher.push(style()).respond(new HttpResponse(200, undefined, body)));
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`, "HEADERS 2 :status=200"]);
    server.peer.rst(2, "CANCEL");
    await expectQuiet(server);
    expect([done.now, sender.isClosed]).toEqual(["incomplete STREAM_RESET CANCEL", true]);
  });

  test("its body fails: a reset with INTERNAL_ERROR, and the request goes on", async () => {
    const { server, pusher, call } = await asked();
    const { body, sender } = channel(1);
    const done = awaiting(pusher.push(style()).respond(new HttpResponse(200, undefined, body)));
    await server.run();
    server.peer.take();
    sender.abort(new Error("broken"));
    await expectFrames(server, ["RST_STREAM 2 INTERNAL_ERROR"]);
    expect(done.now).toBe("user BODY_FAILED");
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
  });

  test("with the connection, whether it waits, is sent, or was not answered", async () => {
    const { server, pusher } = await asked({ settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } });
    const [first, second, third] = [pusher.push(style()), pusher.push(style()), pusher.push(style())];
    const results = [awaiting(first.respond(css())), awaiting(second.respond(css()))];
    await server.run();
    server.connection.goAway(http2.errorCodes.ENHANCE_YOUR_CALM);
    await server.run();
    results.push(awaiting(third.respond(css())));
    await server.run();
    expect(results.map(({ now }) => now)).toEqual(new Array(3).fill("canceled GOAWAY_SENT ENHANCE_YOUR_CALM"));
  });

  test("answered twice, or with what cannot be sent", async () => {
    const { server, pusher } = await asked();
    const pushed = pusher.push(style());
    const interim = new HttpResponse(200);
    interim.status = 103;
    expect(thrownBy(() => pushed.respond(interim))).toBe("user UNSUPPORTED_STATUS");
    pushed.respond(css());
    expect(thrownBy(() => pushed.respond(css()))).toBe("user ALREADY_RESPONDED");
    await expectFrames(server, [`PUSH_PROMISE 1 -> 2 ${styleText}`, ...cssText(2)]);
  });

  test("changed while it waited into what cannot be sent: a reset", async () => {
    const { server, pusher } = await asked({ settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } });
    const [first, second] = [pusher.push(style()), pusher.push(style())];
    first.respond(css());
    const response = css();
    const done = awaiting(second.respond(response));
    await server.run();
    server.peer.take();
    response.status = 103;
    server.peer.rst(2, "CANCEL");
    await expectFrames(server, ["RST_STREAM 4 INTERNAL_ERROR"]);
    expect(done.now).toBe("user UNSUPPORTED_STATUS");
  });
});

test("a shutdown waits for what was promised, and for nothing else", async () => {
  const { server, pusher, call } = await asked();
  const pushed = pusher.push(style());
  call(0).respond(new HttpResponse(200));
  await server.run();
  server.peer.take();
  server.connection.gracefulShutdown();
  await expectFrames(server, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
  server.peer.pingAck("736c756963650002");
  await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
  pushed.respond(css());
  await server.run();
  expect(server.peer.take()).toEqual(cssText(2));
  server.peer.end();
  await server.run();
  expect(server.outcome).toBe(null);
});

test("by hand: informational responses are for requests, content and trailers for both", async () => {
  const target = await acceptH2();
  target.peer.headers(1, requestLines("GET", "/"), { endStream: true });
  const { respond } = await accepted(target);
  const pushed = respond.pushRequest(style());
  expect([pushed.id, "sendInformational" in pushed]).toEqual([2, false]);
  const send = pushed.sendResponse(new HttpResponse(200, { trailer: "x" }, empty()));
  send.sendData(new TextEncoder().encode("text"));
  send.sendTrailers({ x: "1" });
  await expectFrames(target, [
    `PUSH_PROMISE 1 -> 2 ${styleText}`,
    "HEADERS 2 :status=200 trailer=x",
    "DATA 2 4 text",
    "HEADERS 2 END_STREAM x=1",
  ]);
});
