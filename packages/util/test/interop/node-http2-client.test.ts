/** The client of node:http2 and a Sluice server. */
import { once } from "node:events";
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { type Body, fromIterable, full, HeaderMap } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import { protocolKey, pusherKey } from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { startServer2 } from "./support/h2-server.ts";
import { answer, connectNode } from "./support/node-http2.ts";
import { hello, routes } from "./support/routes.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;

/** How a stream ended: with which code, and with an error or without one. */
async function ending(stream: ClientHttp2Stream): Promise<{ code: number | undefined; error: string | undefined }> {
  let error: string | undefined;
  stream.on("error", (failure: NodeJS.ErrnoException) => (error = failure.code));
  stream.resume();
  if (!stream.closed || !stream.destroyed) await new Promise((resolve) => stream.once("close", resolve));
  return { code: stream.rstCode, error };
}

describe("node:http2 as client", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("requests of every kind on one connection %s", async (_, tls) => {
    await using server = await startServer2(routes, { tls });
    await using client = await connectNode(server.origin);
    expect(await client.ask("/hello")).toMatchObject({ status: 200, headers: { "content-length": "13" } });
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    const head = await client.ask("/hello", { ":method": "HEAD" });
    expect([head.status, head.headers["content-length"], head.bytes.length]).toEqual([200, "13", 0]);
    expect(await client.ask("/empty")).toMatchObject({ status: 204, bytes: Buffer.alloc(0) });
    expect(await client.ask("/nowhere", { ":method": "DELETE" })).toMatchObject({ status: 404 });
    expect((await client.ask("/chunked")).bytes.toString()).toBe("one, two, three");
    expect((await client.ask("*", { ":method": "OPTIONS" })).headers["allow"]).toBe("GET, HEAD, POST, PUT, OPTIONS");
    expect(server.connections.length).toBe(1);
    expect(server.failures).toEqual([]);
    client.session.close();
    await expect.poll(() => server.endings).toEqual(["clean"]);
    expect(client.errors).toEqual([]);
  });

  test("a hundred streams at once, each with its own content both ways", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin);
    const sizes = Array.from({ length: 100 }, (_, i) => 1 + i * 1499);
    const answers = await Promise.all(
      sizes.map(async (size) => sha256((await client.ask("/echo", {}, content(size))).bytes)),
    );
    expect(answers).toEqual(sizes.map((size) => sha256(content(size))));
    expect(server.exchanges.length).toBe(100);
    expect(server.connections.length).toBe(1);
  });

  test("frames with as much padding as there can be, which all together is more than the window", async () => {
    await using server = await startServer2(routes, { frames: true, connectionWindowBytes: 65_535 });
    await using client = await connectNode(server.origin, { paddingStrategy: constants.PADDING_STRATEGY_MAX });
    for (let round = 0; round < 5; round++) {
      const texts = Array.from({ length: 100 }, (_, i) => `${round} ${i}`);
      const answers = await Promise.all(texts.map((text) => client.ask("/echo", {}, text)));
      expect(answers.map(({ bytes }) => bytes.toString())).toEqual(texts);
    }
    const padded = server.received.filter(({ type, flags }) => type === "DATA" && flags.includes("PADDED"));
    expect(padded.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(100_000);
  });

  test("content of 32 MiB each way", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin);
    const bytes = content(32 * mebibyte);
    expect(sha256((await client.ask("/echo", {}, bytes)).bytes)).toBe(sha256(bytes));
  });

  test("a slow reader: its windows fill up, nobody is disturbed, and nothing is lost", async () => {
    await using server = await startServer2(routes, { frames: true });
    await using client = await connectNode(server.origin, { settings: { initialWindowSize: 65_535 } });
    const slow = client.open({ ":path": `/bytes?${mebibyte}` });
    await once(slow, "response");
    // As much as fits into the stream's window, or into what node reads ahead, and no more.
    await expect.poll(() => server.sent.filter(({ type }) => type === "DATA").length).toBeGreaterThan(0);
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    const sent = server.sent.filter(({ type, streamId }) => type === "DATA" && streamId === slow.id);
    expect(sent.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(mebibyte);
    expect(sha256((await answer(slow)).bytes)).toBe(sha256(content(mebibyte)));
  });

  test("a slow service: the client is held up by our windows, and all of it arrives", async () => {
    const reading = deferred<void>();
    await using server = await startServer2(
      async (request) => {
        if (request.target.path === "/hello") return routes(request);
        await reading.promise;
        return new HttpResponse(200, {}, full((await measured(request.body)).sha256));
      },
      { frames: true, initialWindowBytes: 100_000 },
    );
    await using client = await connectNode(server.origin);
    const bytes = content(4 * mebibyte);
    const stream = client.open({ ":path": "/", ":method": "POST" });
    stream.end(bytes);
    const received = (): number =>
      server.received.filter(({ type }) => type === "DATA").reduce((sum, { length }) => sum + length, 0);
    await expect.poll(received).toBe(100_000);
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    expect(received()).toBe(100_000);
    reading.resolve();
    expect((await answer(stream)).bytes.toString()).toBe(sha256(bytes));
  });

  test("trailers both ways", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin);
    expect(await client.ask("/trailers")).toMatchObject({ trailers: { "x-checksum": "abc" } });
    const stream = client.open({ ":path": "/echo", ":method": "POST" }, { waitForTrailers: true } as never);
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    stream.end("content");
    const { bytes, trailers } = await answer(stream);
    expect([bytes.toString(), trailers?.["x-sum"]]).toEqual(["content", "1"]);
  });

  test("103 (Early Hints) and 100 (Continue) arrive before the response", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin);
    const early = client.open({ ":path": "/early" });
    const informed: IncomingHttpHeaders[] = [];
    early.on("headers", (headers) => informed.push(headers));
    expect((await answer(early)).bytes.toString()).toBe("late\n");
    expect(informed).toMatchObject([{ ":status": 103, link: "</style.css>; rel=preload" }]);

    const expecting = client.open({ ":path": "/echo", ":method": "POST", expect: "100-continue" });
    expecting.on("continue", () => expecting.end("content"));
    expect((await answer(expecting)).bytes.toString()).toBe("content");
  });

  test("100 (Continue) is sent for a service that reads the content, and for one that sends it back", async () => {
    await using server = await startServer2(async (request) => {
      if (request.target.path === "/back") return new HttpResponse(200, {}, request.body);
      return new HttpResponse(200, {}, full((await measured(request.body)).sha256));
    });
    await using client = await connectNode(server.origin);
    for (const [path, expected] of [
      ["/back", "content"],
      ["/read", sha256(Buffer.from("content"))],
    ]) {
      const stream = client.open({ ":path": path, ":method": "POST", expect: "100-continue" });
      stream.on("continue", () => stream.end("content"));
      expect((await answer(stream)).bytes.toString()).toBe(expected);
    }
  });

  test("several lines of a field, cookies, and empty values both ways", async () => {
    const seen: [string, string][] = [];
    await using server = await startServer2((request) => {
      seen.push(...request.headers);
      const headers: [string, string][] = [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["x-empty", ""],
      ];
      return new HttpResponse(200, headers);
    });
    await using client = await connectNode(server.origin);
    const { headers } = await client.ask("/", { cookie: ["a=1", "b=2"], "x-two": ["1", "2"], "x-empty": "" });
    expect(headers).toMatchObject({ "set-cookie": ["a=1", "b=2"], "x-empty": "" });
    expect(seen).toEqual([
      ["cookie", "a=1; b=2"],
      ["x-two", "1"],
      ["x-two", "2"],
      ["x-empty", ""],
    ]);
  });

  test("field sections of 60 kB in CONTINUATION both ways", async () => {
    const value = "*".repeat(60_000);
    await using server = await startServer2(
      (request) => new HttpResponse(200, { "x-large": request.headers.get("x-large") ?? "" }),
      { frames: true, maxHeaderListBytes: 65_536 },
    );
    await using client = await connectNode(server.origin, { maxSendHeaderBlockLength: 100_000 });
    const { headers } = await client.ask("/", { "x-large": value });
    expect(headers["x-large"]).toBe(value);
    expect(server.received.some(({ type }) => type === "CONTINUATION")).toBe(true);
    expect(server.sent.some(({ type }) => type === "CONTINUATION")).toBe(true);
  });

  test("a field section beyond our limit: 431, and the connection goes on", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin, { maxSendHeaderBlockLength: 100_000 });
    expect(await client.ask("/hello", { "x-large": "x".repeat(20_000) })).toMatchObject({ status: 431 });
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
  });

  test("settings, and those that change while the connection runs", async () => {
    await using server = await startServer2(routes, { maxConcurrentStreams: 77, initialWindowBytes: 70_000 });
    await using client = await connectNode(server.origin);
    await client.ask("/hello");
    expect(client.session.remoteSettings).toMatchObject({
      maxConcurrentStreams: 77,
      initialWindowSize: 70_000,
      maxHeaderListSize: 16_384,
      enableConnectProtocol: false,
    });
    const running = client.open({ ":path": `/bytes?${mebibyte}` });
    for (const settings of [{ initialWindowSize: 10 }, { initialWindowSize: 200_000, maxFrameSize: 100_000 }]) {
      await new Promise<void>((resolve) => client.session.settings(settings, () => resolve()));
    }
    expect(sha256((await answer(running)).bytes)).toBe(sha256(content(mebibyte)));
    await new Promise<void>((resolve) => client.session.settings({ headerTableSize: 0 }, () => resolve()));
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
  });

  test("PING is answered with what it carried", async () => {
    await using server = await startServer2(routes);
    await using client = await connectNode(server.origin);
    const payload = Buffer.from("8 octets");
    const answered = await new Promise((resolve) => {
      client.session.ping(payload, (error, _duration, received) => resolve([error, received.toString()]));
    });
    expect(answered).toEqual([null, "8 octets"]);
  });

  test("PINGs of ours are answered, and keep an idle connection", async () => {
    await using server = await startServer2(routes, { keepAliveIntervalMs: 1, keepAliveWhileIdle: true, frames: true });
    await using client = await connectNode(server.origin);
    const answers = (): number =>
      server.received.filter(({ type, flags }) => type === "PING" && flags.includes("ACK")).length;
    await expect.poll(answers, { timeout: 20_000 }).toBeGreaterThan(1);
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
  });

  test("a client that resets a stream: the service learns the code, and the connection goes on", async () => {
    const gone = deferred<unknown>();
    await using server = await startServer2((request) => {
      if (request.target.path === "/hello") return routes(request);
      request.signal.addEventListener("abort", () => gone.resolve(request.signal.reason));
      return new HttpResponse(200, {}, inPieces(content(64 * mebibyte)));
    });
    await using client = await connectNode(server.origin);
    const stream = client.open({ ":path": "/" });
    stream.on("error", () => {});
    await once(stream, "response");
    stream.close(NGHTTP2_ENHANCE_YOUR_CALM);
    const reason = await gone.promise;
    expect(reason).toMatchObject({ code: "STREAM_RESET", reason: NGHTTP2_ENHANCE_YOUR_CALM });
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    expect(server.exchanges).toEqual(["GET / 200 STREAM_RESET", "GET /hello 200"]);
    expect(server.failures).toEqual([]);
  });

  test("a client that resets a stream in the middle of its content: the service's read fails", async () => {
    const failure = deferred<unknown>();
    const called = deferred<void>();
    const release = deferred<void>();
    await using server = await startServer2(async (request) => {
      called.resolve();
      await release.promise;
      await measured(request.body).catch(failure.resolve);
      return new HttpResponse(200);
    });
    await using client = await connectNode(server.origin);
    const stream = client.open({ ":path": "/", ":method": "POST" });
    stream.on("error", () => {});
    // More than our window takes: of a stream that can be ended node says so before it resets it.
    stream.write(content(mebibyte));
    await called.promise;
    stream.close(NGHTTP2_CANCEL);
    await new Promise<void>((resolve) => client.session.ping(() => resolve()));
    release.resolve();
    expect(await failure.promise).toMatchObject({ code: "STREAM_RESET", reason: NGHTTP2_CANCEL });
  });

  test.each([
    ["throws", () => Promise.reject(new Error("no")), NGHTTP2_INTERNAL_ERROR],
    [
      "throws an error with a code of HTTP/2",
      () => Promise.reject(new HttpError("user", "BUSY", "busy", { reason: NGHTTP2_REFUSED_STREAM })),
      NGHTTP2_REFUSED_STREAM,
    ],
    ["gives a body that fails", () => Promise.resolve(new HttpResponse(200, {}, failing())), NGHTTP2_INTERNAL_ERROR],
  ] as const)(
    "a service that %s: the stream is reset with a code, and the connection goes on",
    async (_, fail, code) => {
      await using server = await startServer2((request) =>
        request.target.path === "/hello" ? routes(request) : (fail() as Promise<HttpResponse>),
      );
      await using client = await connectNode(server.origin);
      expect(await ending(client.open({ ":path": "/" }))).toEqual({ code, error: "ERR_HTTP2_STREAM_ERROR" });
      expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    },
  );

  test("an upload that is refused: the whole answer, and the stream ends with NO_ERROR", async () => {
    await using server = await startServer2(routes, { frames: true });
    await using client = await connectNode(server.origin);
    const stream = client.open({ ":path": "/refuse", ":method": "POST" });
    stream.on("error", () => {});
    stream.write(content(8 * mebibyte));
    const { status, bytes } = await answer(stream);
    expect([status, bytes.toString(), stream.rstCode]).toEqual([413, "too much\n", NGHTTP2_NO_ERROR]);
    expect((await client.ask("/hello")).bytes.toString()).toBe(hello);
    expect(server.sent.filter(({ type }) => type === "RST_STREAM")).toMatchObject([{ errorCode: "NO_ERROR" }]);
  });

  test("a graceful shutdown: GOAWAY, the response under way to its end, then the end", async () => {
    const called = deferred<void>();
    const release = deferred<void>();
    await using server = await startServer2(async () => {
      called.resolve();
      await release.promise;
      return new HttpResponse(200, {}, full("late"));
    });
    await using client = await connectNode(server.origin);
    const goaways: number[] = [];
    client.session.on("goaway", (code) => goaways.push(code));
    const response = client.ask("/");
    await called.promise;
    server.connections[0]?.gracefulShutdown();
    await expect.poll(() => goaways).toContain(NGHTTP2_NO_ERROR);
    release.resolve();
    expect((await response).bytes.toString()).toBe("late");
    await expect.poll(() => client.session.closed).toBe(true);
    await expect.poll(() => server.endings).toEqual(["clean"]);
    expect(new Set(goaways)).toEqual(new Set([NGHTTP2_NO_ERROR]));
  });

  test("GOAWAY of the client: what is under way is served, then the connection ends", async () => {
    await using server = await startServer2(routes, { frames: true });
    await using client = await connectNode(server.origin);
    const stream = client.open({ ":path": `/bytes?${4 * mebibyte}` });
    await once(stream, "response");
    client.session.goaway(NGHTTP2_NO_ERROR);
    client.session.close();
    expect((await answer(stream)).bytes.length).toBe(4 * mebibyte);
    await expect.poll(() => server.endings).toEqual(["clean"]);
    expect(server.received.filter(({ type }) => type === "GOAWAY").length).toBeGreaterThan(0);
  });

  test("a session that is destroyed with streams open: every service is told", async () => {
    const reasons: unknown[] = [];
    await using server = await startServer2((request) => {
      request.signal.addEventListener("abort", () => reasons.push(request.signal.reason));
      return new Promise<HttpResponse>(() => {});
    });
    await using client = await connectNode(server.origin);
    const streams = Array.from({ length: 10 }, () => client.open({ ":path": "/" }));
    for (const stream of streams) stream.on("error", () => {});
    await expect.poll(() => server.connections.length).toBe(1);
    await new Promise<void>((resolve) => client.session.ping(() => resolve()));
    client.session.destroy();
    await expect.poll(() => reasons.length).toBe(10);
    expect(reasons.every(HttpError.is)).toBe(true);
  });

  test("more streams than we allow are refused with a code that says so", async () => {
    const release = deferred<void>();
    await using server = await startServer2(
      async () => {
        await release.promise;
        return new HttpResponse(200, {}, full("x"));
      },
      { maxConcurrentStreams: 5 },
    );
    // Without our SETTINGS at hand node sends them all.
    await using client = await connectNode(server.origin, { peerMaxConcurrentStreams: 100 });
    const streams = Array.from({ length: 8 }, () => client.open({ ":path": "/" }));
    const endings = streams.map(ending);
    await new Promise<void>((resolve) => client.session.ping(() => resolve()));
    release.resolve();
    const codes = (await Promise.all(endings)).map(({ code }) => code);
    expect(codes.every((code) => code === NGHTTP2_NO_ERROR || code === NGHTTP2_REFUSED_STREAM)).toBe(true);
    expect(codes.filter((code) => code === NGHTTP2_NO_ERROR).length).toBeGreaterThanOrEqual(5);
  });

  test("a push: its request, its head, its content", async () => {
    await using server = await startServer2((request) => {
      const headers = { "x-pushed": "1" };
      request.extensions
        .get(pusherKey)
        ?.push(HttpRequest.get(`${server.origin}/pushed`, { "x-why": "test" }))
        .respond(new HttpResponse(200, headers, full(content(100_000))));
      return new HttpResponse(200, {}, full("asked for"));
    });
    await using client = await connectNode(server.origin);
    const pushed: [IncomingHttpHeaders, IncomingHttpHeaders, Promise<string>][] = [];
    client.session.on("stream", (stream, asked) => {
      stream.on("push", (headers) => {
        pushed.push([asked, headers, answer(stream).then(({ bytes }) => sha256(bytes))]);
      });
    });
    expect((await client.ask("/")).bytes.toString()).toBe("asked for");
    await expect.poll(() => pushed.length).toBe(1);
    const [asked, headers, sum] = pushed[0] ?? [];
    expect(asked).toMatchObject({ ":method": "GET", ":path": "/pushed", "x-why": "test" });
    expect(headers).toMatchObject({ ":status": 200, "x-pushed": "1" });
    expect(await sum).toBe(sha256(content(100_000)));
  });

  test("a push to a client that has switched it off is not to be had", async () => {
    const enabled: boolean[] = [];
    await using server = await startServer2((request) => {
      enabled.push(request.extensions.get(pusherKey) !== undefined);
      return routes(request);
    });
    await using client = await connectNode(server.origin, { settings: { enablePush: false } });
    await client.ask("/hello");
    expect(enabled).toEqual([false]);
  });

  test("extended CONNECT: bytes both ways to the end, and refused where it is not enabled", async () => {
    await using server = await startServer2(
      (request) => {
        const asked = request.extensions.get(protocolKey);
        if (request.method !== "CONNECT" || asked !== "echo") return new HttpResponse(400);
        upgradeOn(request).then(
          (io) => {
            const next = (): void =>
              io.read((chunk, error) => {
                if (error !== undefined) return;
                if (chunk === null) io.shutdown(() => {});
                else if (io.write([chunk])) next();
                else io.drained(next);
              });
            next();
          },
          () => {},
        );
        return new HttpResponse(200, { "x-path": request.target.pathAndQuery });
      },
      { enableConnectProtocol: true },
    );
    await using client = await connectNode(server.origin);
    await expect.poll(() => client.session.remoteSettings?.enableConnectProtocol).toBe(true);
    const tunnel = client.open({ ":method": "CONNECT", ":protocol": "echo", ":path": "/chat?a", ":scheme": "http" });
    const bytes = content(2 * mebibyte);
    tunnel.end(bytes);
    const echoed = await answer(tunnel);
    expect([echoed.status, echoed.headers["x-path"], sha256(echoed.bytes)]).toEqual([200, "/chat?a", sha256(bytes)]);
    const declined = client.open({ ":method": "CONNECT", ":protocol": "other", ":path": "/", ":scheme": "http" });
    expect((await answer(declined)).status).toBe(400);
    expect(server.exchanges).toEqual(["CONNECT /chat?a 200", "CONNECT / 400"]);
  });

  test("CONNECT: a tunnel to another server", async () => {
    await using far = await startServer2(routes);
    await using near = await startServer2(routes);
    await using client = await connectNode(near.origin);
    const tunnel = client.open({ ":method": "CONNECT", ":authority": `127.0.0.1:${far.port}` });
    await once(tunnel, "response");
    await using through = await connectNode(far.origin, { createConnection: () => tunnel } as never);
    expect((await through.ask("/hello")).bytes.toString()).toBe(hello);
    expect(sha256((await through.ask("/echo", {}, content(mebibyte))).bytes)).toBe(sha256(content(mebibyte)));
    expect(far.exchanges).toEqual(["GET /hello 200", "POST /echo 200"]);
  });

  test("a field that must not be in HTTP/2 is not sent", async () => {
    const headers = new HeaderMap({
      connection: "keep-alive, x-hop",
      "x-hop": "1",
      "keep-alive": "timeout=5",
      "x-end": "1",
    });
    await using server = await startServer2(() => new HttpResponse(200, headers, full("x")));
    await using client = await connectNode(server.origin);
    const { headers: received } = await client.ask("/");
    expect(Object.keys(received).sort()).toEqual([":status", "content-length", "date", "x-end"]);
  });
});

/** A body that breaks off. */
function failing(): Body {
  function* pieces() {
    yield Buffer.from("part");
    throw new Error("the source broke");
  }
  return fromIterable(pieces());
}
