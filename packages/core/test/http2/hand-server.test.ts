/**
 * A server whose requests are accepted one by one: the queue of those that wait, and answering.
 */
import { full, HeaderMap } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { accepted, acceptH2, acceptPost, answering, awaiting, textOf, thrownBy } from "./support/by-hand.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, post } from "./support/messages.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("accepting", () => {
  test("requests come in their order, those that wait first, each with its content", async () => {
    const target = await acceptH2();
    const { peer, server } = target;
    const first = awaiting(server.accept());
    await target.run();
    expect(first.now).toBe("pending");
    peer.headers(1, get("/1"), { endStream: true });
    peer.headers(3, post("/3", ["x", "y"]));
    peer.headers(5, get("/5"), { endStream: true });
    peer.data(3, "content", { endStream: true });
    await expectQuiet(target);
    expect(first.now).toMatchObject({ request: { method: "GET" } });
    const { request, body, respond } = await accepted(target);
    expect([request.method, request.target.path, request.version, request.body.isEndStream()]).toEqual([
      "POST",
      "/3",
      "HTTP/2",
      true,
    ]);
    expect([[...request.headers], body.id, respond.id]).toEqual([[["x", "y"]], 3, 3]);
    expect([await textOf(body), await textOf(body)]).toEqual(["content", null]);
    expect((await accepted(target)).request.target.path).toBe("/5");
    const none = awaiting(server.accept());
    await target.run();
    expect(none.now).toBe("pending");
    expect(thrownBy(() => server.accept())).toBe("TypeError");
  });

  test("iterating ends with the connection", async () => {
    const target = await acceptH2();
    const paths: string[] = [];
    const loop = awaiting(
      (async () => {
        for await (const { request, respond } of target.server) {
          paths.push(request.target.path);
          respond.sendResponse(new HttpResponse(204), true);
        }
      })(),
    );
    target.peer.headers(1, get("/a"), { endStream: true });
    target.peer.headers(3, get("/b"), { endStream: true });
    await expectFrames(target, ["HEADERS 1 END_STREAM :status=204", "HEADERS 3 END_STREAM :status=204"]);
    target.peer.end();
    await expectClosed(target);
    expect([paths, loop.now]).toEqual([["/a", "/b"], undefined]);
    expect(await target.server.accept()).toBe(null);
  });

  test("a connection that fails: the error, each time, and no request of which the stream is gone", async () => {
    const target = await acceptH2();
    const waiting = awaiting(target.server.accept());
    target.peer.headers(1, get(), { endStream: true });
    target.peer.headers(3, get(), { endStream: true });
    target.peer.windowUpdate(0, 0);
    await expectGoAway(target, 3, "PROTOCOL_ERROR", "WINDOW_UPDATE: ", "protocol", "WINDOW_UPDATE_ZERO");
    expect(waiting.now).toMatchObject({ request: { method: "GET" } });
    for (let times = 0; times < 2; times++) {
      const next = awaiting(target.server.accept());
      await target.run();
      expect(next.now).toBe("protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR");
    }
  });

  test("[h2-285] GOAWAY of the client while requests wait: they are accepted and answered, then the connection ends", async () => {
    const target = await acceptH2();
    target.peer.headers(1, get("/1"), { endStream: true });
    target.peer.headers(3, get("/3"), { endStream: true });
    target.peer.goAway(0);
    await expectQuiet(target);
    (await accepted(target)).respond.sendResponse(new HttpResponse(200), true);
    await expectFrames(target, ["HEADERS 1 END_STREAM :status=200"]);
    (await accepted(target)).respond.sendResponse(new HttpResponse(200), true);
    await expectClosed(target, ["HEADERS 3 END_STREAM :status=200", "GOAWAY 3 NO_ERROR"]);
    expect(await target.server.accept()).toBe(null);
  });

  test("[h2-285] a shutdown of ours while requests wait: the same", async () => {
    const target = await acceptH2();
    target.peer.headers(1, get("/1"), { endStream: true });
    target.connection.gracefulShutdown();
    await expectFrames(target, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
    target.peer.headers(3, get("/3"), { endStream: true });
    target.peer.pingAck("736c756963650002");
    target.peer.headers(5, get("/5"), { endStream: true });
    await expectFrames(target, ["GOAWAY 3 NO_ERROR"]);
    for (const id of [1, 3]) {
      const { respond } = await accepted(target);
      expect(respond.id).toBe(id);
      respond.sendResponse(new HttpResponse(200), true);
    }
    await expectClosed(target, ["HEADERS 1 END_STREAM :status=200", "HEADERS 3 END_STREAM :status=200"]);
  });
});

describe("[h2-249] requests that the client resets while they wait", () => {
  test("are left out, and the others keep their order", async () => {
    const target = await acceptH2();
    for (const id of [1, 3, 5, 7]) target.peer.headers(id, get(`/${id}`), { endStream: true });
    target.peer.rst(3, "CANCEL");
    target.peer.rst(7, "CANCEL");
    await expectQuiet(target);
    expect((await accepted(target)).request.target.path).toBe("/1");
    expect((await accepted(target)).request.target.path).toBe("/5");
    const none = awaiting(target.server.accept());
    await target.run();
    expect(none.now).toBe("pending");
  });

  test("leave at once: hundreds cost nothing, and the resets are what counts", async () => {
    const target = await acceptH2({ maxConcurrentStreams: 2, resetsBurst: 600, resetsPerSecond: 0 });
    target.peer.headers(1, get("/kept"), { endStream: true });
    for (let id = 3; id < 3 + 2 * 600; id += 2) {
      target.peer.headers(id, get("/reset"), { endStream: true });
      target.peer.rst(id, "CANCEL");
    }
    await expectQuiet(target);
    expect(target.connection.streams).toMatchObject({ remote: 1, peakRemote: 2 });
    expect((await accepted(target)).request.target.path).toBe("/kept");
    const id = 3 + 2 * 600;
    target.peer.headers(id, get("/reset"), { endStream: true });
    target.peer.rst(id, "CANCEL");
    await expectGoAway(target, id, "ENHANCE_YOUR_CALM", "too_many_resets: ", "limit", "TOO_MANY_RESETS");
  });

  test("their content is given back to the connection's window, once", async () => {
    const target = await acceptH2({ connectionWindowBytes: 65_535 });
    target.peer.headers(1, post());
    target.peer.data(1, 16_384);
    target.peer.data(1, 16_383);
    target.peer.rst(1, "CANCEL");
    await expectQuiet(target);
    target.peer.headers(3, post());
    target.peer.data(3, 1);
    target.peer.rst(3, "CANCEL");
    await expectFrames(target, ["WINDOW_UPDATE 0 +32768"]);
  });
});

describe("answering", () => {
  test("the head, content as it comes, and its end", async () => {
    const target = await acceptPost();
    const send = target.respond.sendResponse(new HttpResponse(201, { "content-length": "6" }, full("not looked at")));
    send.sendData(text("one"));
    await expectFrames(target, ["HEADERS 1 :status=201 content-length=6", "DATA 1 3 one"]);
    send.sendData(text("two"), true);
    await expectFrames(target, ["DATA 1 END_STREAM 3 two"]);
  });

  test("[h2-162] trailers behind content, or right behind the head", async () => {
    const target = await acceptH2();
    target.peer.headers(1, get(), { endStream: true });
    target.peer.headers(3, get(), { endStream: true });
    const first = (await accepted(target)).respond.sendResponse(new HttpResponse(200));
    first.sendData(text("x"));
    first.sendTrailers({ "x-sum": "1" });
    const second = (await accepted(target)).respond.sendResponse(new HttpResponse(200));
    second.sendTrailers(new HeaderMap());
    await expectFrames(target, [
      "HEADERS 1 :status=200",
      "DATA 1 1 x",
      "HEADERS 1 END_STREAM x-sum=1",
      "HEADERS 3 :status=200",
      "HEADERS 3 END_STREAM",
    ]);
  });

  test("a head with END_STREAM is all, and its stream takes nothing more", async () => {
    const target = await acceptPost();
    const send = target.respond.sendResponse(new HttpResponse(204), true);
    await expectFrames(target, ["HEADERS 1 END_STREAM :status=204"]);
    expect([send.state, send.capacity]).toEqual(["half-closed (local)", 0]);
    expect(thrownBy(() => send.sendData(text("x")))).toBe("user STREAM_STATE");
    await expectQuiet(target);
  });

  test("a date unless there is one, if it is wanted", async () => {
    const target = await acceptH2({ autoDateHeader: true });
    target.peer.headers(1, get(), { endStream: true });
    target.peer.headers(3, get(), { endStream: true });
    (await accepted(target)).respond.sendResponse(new HttpResponse(200), true);
    (await accepted(target)).respond.sendResponse(new HttpResponse(200, { date: "now" }), true);
    await target.run();
    expect(target.peer.take()).toEqual([
      expect.stringMatching(/^HEADERS 1 END_STREAM :status=200 date="\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"$/),
      "HEADERS 3 END_STREAM :status=200 date=now",
    ]);
  });

  test("once: a second response is refused, whatever it is", async () => {
    const target = await answering();
    expect(thrownBy(() => target.respond.sendResponse(new HttpResponse(200)))).toBe("user ALREADY_RESPONDED");
    expect(thrownBy(() => target.respond.sendResponse(new HttpResponse(500), true))).toBe("user ALREADY_RESPONDED");
    await expectQuiet(target);
  });

  test("what cannot be sent is refused and leaves the request to be answered", async () => {
    const target = await acceptPost({}, { settings: { MAX_HEADER_LIST_SIZE: 100 } });
    const interim = new HttpResponse(200);
    interim.status = 199;
    for (const [response, error] of [
      [interim, "user UNSUPPORTED_STATUS"],
      [new HttpResponse(200, { connection: "close" }), "user CONNECTION_SPECIFIC_FIELD"],
      [new HttpResponse(200, { "transfer-encoding": "chunked" }), "user CONNECTION_SPECIFIC_FIELD"],
      [new HttpResponse(200, { x: "y".repeat(100) }), "user HEADER_LIST_TOO_LARGE"],
    ] as const) {
      expect(thrownBy(() => target.respond.sendResponse(response))).toBe(error);
    }
    await expectQuiet(target);
    target.respond.sendResponse(new HttpResponse(200), true);
    await expectFrames(target, ["HEADERS 1 END_STREAM :status=200"]);
  });

  test("behind the end of the stream: what ended it", async () => {
    const target = await acceptPost();
    target.peer.rst(1, "CANCEL");
    await expectQuiet(target);
    expect(thrownBy(() => target.respond.sendResponse(new HttpResponse(200)))).toBe("incomplete STREAM_RESET CANCEL");
    expect(thrownBy(() => target.respond.pushRequest(HttpRequest.get("http://a.test/")))).toBe("user PUSH_PARENT");
    expect(target.respond.sendInformational(103)).toBe(false);
    target.respond.sendReset();
    await expectQuiet(target);
  });

  test("by a reset without a response", async () => {
    const target = await acceptPost();
    target.peer.data(1, "unread");
    target.respond.sendReset(http2.errorCodes.REFUSED_STREAM);
    await expectFrames(target, ["RST_STREAM 1 REFUSED_STREAM"]);
    target.respond.sendReset();
    await expectQuiet(target);
    expect([target.request.signal.aborted, target.connection.streams.remote]).toEqual([true, 0]);
    expect(thrownBy(() => target.respond.sendResponse(new HttpResponse(200)))).toBe(
      "canceled STREAM_CANCELED REFUSED_STREAM",
    );
  });

  test("the signal of the request aborts when its stream is lost, and not by a normal end", async () => {
    const target = await acceptH2();
    target.peer.headers(1, get(), { endStream: true });
    target.peer.headers(3, get(), { endStream: true });
    const [one, three] = [await accepted(target), await accepted(target)];
    one.respond.sendResponse(new HttpResponse(204), true);
    target.peer.rst(3, "CANCEL");
    await target.run();
    target.peer.take();
    expect([one.request.signal.aborted, three.request.signal.aborted]).toEqual([false, true]);
    expect(three.request.signal.reason).toMatchObject({ code: "STREAM_RESET", reason: http2.errorCodes.CANCEL });
  });
});

describe("informational responses", () => {
  test("[h2-310] as many as wanted before the final one, never with END_STREAM", async () => {
    const target = await acceptPost();
    expect(target.respond.sendInformational(100)).toBe(true);
    expect(target.respond.sendInformational(103, { link: "</style.css>" })).toBe(true);
    expect(target.respond.sendInformational(199)).toBe(true);
    target.respond.sendResponse(new HttpResponse(200), true);
    await expectFrames(target, [
      "HEADERS 1 :status=100",
      "HEADERS 1 :status=103 link=</style.css>",
      "HEADERS 1 :status=199",
      "HEADERS 1 END_STREAM :status=200",
    ]);
  });

  test("none behind the final one", async () => {
    const target = await answering();
    expect(target.respond.sendInformational(103)).toBe(false);
    await expectQuiet(target);
  });

  test.each([200, 99, 101, 103.5, Number.NaN])("[h2-311] %d is none", async (status) => {
    const target = await acceptPost();
    expect(thrownBy(() => target.respond.sendInformational(status))).toBe("RangeError");
    await expectQuiet(target);
  });

  test("fields that cannot be sent are refused, and the connection goes on", async () => {
    const target = await acceptPost();
    expect(thrownBy(() => target.respond.sendInformational(103, { connection: "x" }))).toBe(
      "user CONNECTION_SPECIFIC_FIELD",
    );
    expect(thrownBy(() => target.respond.sendInformational(103, { "a b": "x" }))).toBe("TypeError");
    target.respond.sendInformational(103);
    await expectFrames(target, ["HEADERS 1 :status=103"]);
    target.peer.ping();
    await expectFrames(target, ["PING ACK 0011223344556677"]);
  });
});

test("[h2-296] a request that is not read: the answer is whole, then a reset with NO_ERROR by the program", async () => {
  const target = await acceptPost({}, { settings: { INITIAL_WINDOW_SIZE: 2 } });
  target.peer.data(1, "unread");
  const send = target.respond.sendResponse(new HttpResponse(413));
  send.sendData(text("no"), true);
  target.respond.sendReset(http2.errorCodes.NO_ERROR);
  await expectFrames(target, ["HEADERS 1 :status=413", "DATA 1 END_STREAM 2 no", "RST_STREAM 1 NO_ERROR"]);
  target.peer.data(1, "late");
  await expectQuiet(target);
});

test("CONNECT by hand: octets both ways; what is not DATA resets the stream", async () => {
  const target = await acceptH2();
  target.peer.headers(1, [
    [":method", "CONNECT"],
    [":authority", "b.test:443"],
  ]);
  const { request, body, respond } = await accepted(target);
  expect([request.method, request.target.authority]).toEqual(["CONNECT", "b.test:443"]);
  const send = respond.sendResponse(new HttpResponse(200));
  send.sendData(text("out"));
  target.peer.data(1, "in");
  await expectFrames(target, ["HEADERS 1 :status=200", "DATA 1 3 out"]);
  expect(await textOf(body)).toBe("in");
  target.peer.headers(1, [["x", "1"]], { endStream: true });
  await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
});

test("content beyond maxBodyBytes resets the stream, and the reader is told why", async () => {
  const target = await acceptPost({ maxBodyBytes: 5 });
  const reading = awaiting(textOf(target.body));
  target.peer.data(1, "12345");
  await expectQuiet(target);
  expect(reading.now).toBe("12345");
  const more = awaiting(textOf(target.body));
  target.peer.data(1, "6");
  await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
  expect(more.now).toBe("limit BODY_TOO_LARGE");
});

test("requests beyond what a server by hand allows are refused as ever", async () => {
  const target = await acceptH2({ maxConcurrentStreams: 1 });
  target.peer.headers(1, get(), { endStream: true });
  target.peer.headers(3, get(), { endStream: true });
  await expectFrames(target, ["RST_STREAM 3 REFUSED_STREAM"]);
  expect((await accepted(target)).respond.id).toBe(1);
});
