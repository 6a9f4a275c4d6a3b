/** A Sluice client and the server of node:http2. */
import { once } from "node:events";
import {
  constants,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { connect } from "node:net";
import { collect, empty, full, HeaderMap, Trailers } from "@sluice/body";
import { type FrameFacts, HttpRequest, type HttpResponse, upgradeOn } from "@sluice/core";
import { handshake, type PushPromise, protocolKey } from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { nodeIo } from "../../src/node/index.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { connectTo2 } from "./support/h2-client.ts";
import { startNode2 } from "./support/node-http2.ts";
import { startNodeServer } from "./support/node-server.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;

/** A service of node's streams: `/echo`, `/bytes?n`, and otherwise `hello`. */
function serveStreams(server: Http2Server): void {
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const [path, query] = (headers[":path"] ?? "").split("?");
    if (path === "/echo") {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    } else if (path === "/bytes") {
      stream.respond({ ":status": 200 });
      stream.end(content(Number(query)));
    } else {
      stream.respond({ ":status": 200, "content-type": "text/plain" });
      stream.end("hello");
    }
  });
}

/** Serves each stream by `call` alone. */
function streams(call: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  return (server: Http2Server): void => {
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      call(stream, headers);
    });
  };
}

describe("node:http2 as server", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("a hundred requests at once %s, each with its own content both ways", async (_, tls) => {
    await using server = await startNode2(serveStreams, { tls });
    await using client = await connectTo2(server.port, { tls });
    const sizes = Array.from({ length: 100 }, (_value, i) => 1 + i * 1499);
    const answers = await Promise.all(
      sizes.map(async (size) => {
        const body = inPieces(content(size), { length: size });
        const response = await client.sender.send(HttpRequest.post(`${client.origin}/echo`, body));
        return measured(response.body);
      }),
    );
    expect(answers).toEqual(sizes.map((size) => ({ bytes: size, sha256: sha256(content(size)) })));
    expect(server.sessions.length).toBe(1);
  });

  test("the compatible face: method, URL, fields, content, trailers", async () => {
    const seen: unknown[] = [];
    await using server = await startNode2((listening) =>
      listening.on("request", async (request: Http2ServerRequest, response: Http2ServerResponse) => {
        let bytes = "";
        for await (const chunk of request) bytes += (chunk as Buffer).toString();
        const { method, url, headers, authority, scheme } = request;
        seen.push({
          method,
          url,
          authority,
          scheme,
          bytes,
          one: headers["x-one"],
          trailers: request.trailers["x-sum"],
        });
        response.setHeader("x-two", ["1", "2"]);
        response.setHeader("set-cookie", ["a=1", "b=2"]);
        response.addTrailers({ "x-sum": "2" });
        response.write("part, ");
        response.end("rest");
      }),
    );
    await using client = await connectTo2(server.port);
    const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
    const body = inPieces(Buffer.from("content"), { trailers });
    const response = await client.sender.send(HttpRequest.put(`${client.origin}/a?b=c`, body, { "x-one": "1" }));
    const collected = collect(response.body);
    expect(await collected.text()).toBe("part, rest");
    expect([...((await collected.trailers()) ?? [])]).toEqual([["x-sum", "2"]]);
    expect(response.headers.getAll("set-cookie")).toEqual(["a=1", "b=2"]);
    expect(response.headers.getJoined("x-two")).toBe("1, 2");
    const authority = client.origin.slice("http://".length);
    expect(seen).toEqual([
      {
        method: "PUT",
        url: "/a?b=c",
        authority,
        scheme: "http",
        bytes: "content",
        one: "1",
        trailers: "1",
      },
    ]);
  });

  test("responses without content: to HEAD, 204 and 304", async () => {
    await using server = await startNode2(
      streams((stream, headers) => {
        const status = Number(headers[":path"]?.slice(1));
        stream.respond({ ":status": status, "content-length": 5 }, { endStream: true });
      }),
    );
    await using client = await connectTo2(server.port);
    const head = await client.sender.send(HttpRequest.head(`${client.origin}/200`));
    expect([head.status, head.headers.get("content-length"), head.body.isEndStream()]).toEqual([200, "5", true]);
    expect((await client.get("/304")).response.status).toBe(304);
    const nothing = await client.get("/204");
    expect([nothing.response.status, await nothing.text()]).toEqual([204, ""]);
  });

  test("content of 32 MiB each way", async () => {
    await using server = await startNode2(serveStreams, { maxSessionMemory: 200 });
    await using client = await connectTo2(server.port);
    const bytes = content(32 * mebibyte);
    const request = HttpRequest.post(`${client.origin}/echo`, inPieces(bytes, { length: bytes.length }));
    const response = await client.sender.send(request);
    expect(await measured(response.body)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
  });

  test("a slow reader here: the server is held up by our windows, and nothing is lost", async () => {
    const frames: FrameFacts[] = [];
    await using server = await startNode2(serveStreams);
    await using client = await connectTo2(server.port, {
      initialWindowBytes: 100_000,
      observer: { frameReceived: (frame) => frames.push(frame) },
    });
    const { response } = await client.get(`/bytes?${4 * mebibyte}`);
    const received = (): number =>
      frames
        .filter(({ type, streamId }) => type === "DATA" && streamId === 1)
        .reduce((sum, { length }) => sum + length, 0);
    await expect.poll(received).toBe(100_000);
    expect(await (await client.get("/hello")).text()).toBe("hello");
    expect(received()).toBe(100_000);
    expect((await measured(response.body)).sha256).toBe(sha256(content(4 * mebibyte)));
  });

  test("a slow reader there: our body is asked for no more than fits", async () => {
    const opened = deferred<ServerHttp2Stream>();
    await using server = await startNode2(streams((stream) => opened.resolve(stream)));
    await using client = await connectTo2(server.port, { maxSendBufferBytes: 65_536 });
    const bytes = content(16 * mebibyte);
    let given = 0;
    const body = inPieces(bytes, { size: 16_384 });
    const counting = {
      frame: () => {
        given += 16_384;
        return body.frame();
      },
      isEndStream: () => body.isEndStream(),
      sizeHint: () => body.sizeHint(),
      cancel: (reason?: unknown) => body.cancel(reason),
      [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
    };
    const answered = client.sender.send(HttpRequest.post(`${client.origin}/`, counting));
    const stream = await opened.promise;
    // One full turn of the connection later, everything that may be sent has been.
    await new Promise<void>((resolve) => server.sessions[0]?.ping(() => resolve()));
    expect(given).toBeLessThan(mebibyte);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    stream.respond({ ":status": 200 }, { endStream: true });
    expect((await answered).status).toBe(200);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(bytes));
  });

  test("103 (Early Hints) and other informational responses arrive as information", async () => {
    await using server = await startNode2(
      streams((stream) => {
        stream.additionalHeaders({ ":status": 103, link: "</a>; rel=preload" });
        stream.additionalHeaders({ ":status": 102 });
        stream.respond({ ":status": 200 });
        stream.end("late");
      }),
    );
    await using client = await connectTo2(server.port);
    const informed: unknown[] = [];
    const response = await client.sender.send(HttpRequest.get(`${client.origin}/`), {
      onInformational: (status, headers) => informed.push([status, headers.get("link")]),
    });
    expect(await collect(response.body).text()).toBe("late");
    expect(informed).toEqual([
      [103, "</a>; rel=preload"],
      [102, undefined],
    ]);
  });

  test("expect: 100-continue: sent once it was asked for, and not at all if it was refused", async () => {
    await using server = await startNode2((listening) => {
      // Without a listener for these there are no others either.
      listening.on("request", () => {});
      listening.on("checkContinue", (request: Http2ServerRequest, response: Http2ServerResponse) => {
        if (request.url === "/refuse") {
          response.statusCode = 417;
          response.end();
        } else {
          response.writeContinue();
          request.pipe(response);
        }
      });
    });
    await using client = await connectTo2(server.port);
    const timeouts = { expectContinueTimeoutMs: 30_000 };
    const headers = { expect: "100-continue" };
    const asked = await client.sender.send(HttpRequest.post(`${client.origin}/`, full("content"), headers), {
      timeouts,
    });
    expect(await collect(asked.body).text()).toBe("content");
    let touched = false;
    const body = inPieces(content(10));
    const frame = body.frame.bind(body);
    body.frame = () => {
      touched = true;
      return frame();
    };
    const refused = await client.sender.send(HttpRequest.post(`${client.origin}/refuse`, body, headers), { timeouts });
    expect([refused.status, touched]).toEqual([417, false]);
  });

  test("field sections of 60 kB in CONTINUATION both ways", async () => {
    const value = "*".repeat(60_000);
    const frames: FrameFacts[] = [];
    await using server = await startNode2(
      streams((stream, headers) =>
        stream.respond({ ":status": 200, "x-large": headers["x-large"] }, { endStream: true }),
      ),
      { maxHeaderSize: 100_000, maxSendHeaderBlockLength: 100_000, settings: { maxHeaderListSize: 100_000 } } as never,
    );
    await using client = await connectTo2(server.port, {
      observer: { frameReceived: (frame) => frames.push(frame), frameSent: (frame) => frames.push(frame) },
    });
    const { response } = await client.get("/", { "x-large": value });
    expect(response.headers.get("x-large")).toBe(value);
    expect(frames.filter(({ type }) => type === "CONTINUATION").length).toBeGreaterThanOrEqual(4);
  });

  test("a response head beyond our limit: its request fails, and the next one does not", async () => {
    await using server = await startNode2(
      streams((stream, headers) => {
        const large = headers[":path"] === "/large" ? { "x-large": "*".repeat(20_000) } : {};
        stream.respond({ ":status": 200, ...large }, { endStream: true });
      }),
    );
    // Below what node holds to be its limit, which it learns from our SETTINGS.
    await using client = await connectTo2(server.port, { maxHeaderListBytes: 10_000 });
    await expect(client.get("/large")).rejects.toMatchObject({ name: "HttpError" });
    expect((await client.get("/small")).response.status).toBe(200);
  });

  test.each([
    ["CANCEL", NGHTTP2_CANCEL, { kind: "incomplete", code: "STREAM_RESET", reason: NGHTTP2_CANCEL }],
    [
      "INTERNAL_ERROR",
      NGHTTP2_INTERNAL_ERROR,
      { kind: "incomplete", code: "STREAM_RESET", reason: NGHTTP2_INTERNAL_ERROR },
    ],
    [
      "REFUSED_STREAM",
      NGHTTP2_REFUSED_STREAM,
      { kind: "closed", code: "REFUSED_STREAM", reason: NGHTTP2_REFUSED_STREAM },
    ],
  ])("a server that resets a stream with %s before the response", async (name, code, expected) => {
    await using server = await startNode2(
      streams((stream, headers) => {
        if (headers[":path"] === "/reset") stream.close(code);
        else stream.respond({ ":status": 200 }, { endStream: true });
      }),
    );
    await using client = await connectTo2(server.port);
    const request = HttpRequest.get(`${client.origin}/reset`);
    const outcome = await client.sender.trySend(request);
    expect(outcome).toMatchObject({ error: expected });
    // A request that was refused was not processed, and can be sent again.
    expect("request" in outcome ? outcome.request : undefined).toBe(name === "REFUSED_STREAM" ? request : undefined);
    expect((await client.get("/")).response.status).toBe(200);
  });

  test("a server that resets a stream in the middle of the content: an error, not an end", async () => {
    await using server = await startNode2(
      streams((stream) => {
        stream.respond({ ":status": 200 });
        stream.write("part");
        setImmediate(() => stream.destroy(new Error("no")));
      }),
    );
    await using client = await connectTo2(server.port);
    const { text } = await client.get("/");
    await expect(text()).rejects.toMatchObject({ code: "STREAM_RESET", reason: NGHTTP2_INTERNAL_ERROR });
  });

  test("a request that is given up by its signal: the server learns CANCEL", async () => {
    const closed = deferred<number>();
    const opened = deferred<void>();
    await using server = await startNode2(
      streams((stream, headers) => {
        if (headers[":path"] !== "/") return void stream.respond({ ":status": 200 }, { endStream: true });
        stream.on("close", () => closed.resolve(stream.rstCode));
        opened.resolve();
      }),
    );
    await using client = await connectTo2(server.port);
    const controller = new AbortController();
    const sent = client.sender.send(HttpRequest.get(`${client.origin}/`), { signal: controller.signal });
    const rejected = expect(sent).rejects.toMatchObject({ kind: "canceled", code: "CANCELED" });
    await opened.promise;
    controller.abort();
    await rejected;
    expect(await closed.promise).toBe(NGHTTP2_CANCEL);
    expect((await client.get("/next")).response.status).toBe(200);
  });

  test("a request whose body fails: the server learns of it", async () => {
    const closed = deferred<number>();
    await using server = await startNode2(
      streams((stream) => {
        stream.on("close", () => closed.resolve(stream.rstCode));
        stream.resume();
      }),
    );
    await using client = await connectTo2(server.port);
    const body = inPieces(content(10), { length: 20 });
    await expect(client.sender.send(HttpRequest.post(`${client.origin}/`, body))).rejects.toMatchObject({
      kind: "user",
    });
    expect(await closed.promise).toBe(NGHTTP2_CANCEL);
  });

  test("an answer before all of the request was sent: it is whole, and the rest is not sent", async () => {
    await using server = await startNode2(
      streams((stream) => {
        stream.respond({ ":status": 413 });
        stream.end("too much");
        stream.close(NGHTTP2_NO_ERROR);
      }),
    );
    await using client = await connectTo2(server.port);
    const body = inPieces(content(64 * mebibyte));
    const response = await client.sender.send(HttpRequest.post(`${client.origin}/`, body));
    expect([response.status, await collect(response.body).text()]).toEqual([413, "too much"]);
  });

  test("GOAWAY: what is under way is answered, what comes later can be sent elsewhere", async () => {
    const opened = deferred<ServerHttp2Stream>();
    await using server = await startNode2(streams((stream) => opened.resolve(stream)));
    await using client = await connectTo2(server.port);
    const first = client.get("/first");
    const stream = await opened.promise;
    server.sessions[0]?.goaway(NGHTTP2_NO_ERROR, stream.id ?? 0);
    await expect.poll(() => client.sender.isClosed).toBe(true);
    const request = HttpRequest.get(`${client.origin}/second`);
    expect(await client.sender.trySend(request)).toMatchObject({ error: { code: "GOAWAY" }, request });
    stream.respond({ ":status": 200 });
    stream.end("late");
    expect(await (await first).text()).toBe("late");
    await client.connection.closed;
  });

  test("GOAWAY with an error: what it says is in the error of the request", async () => {
    const opened = deferred<ServerHttp2Stream>();
    await using server = await startNode2(streams((stream) => opened.resolve(stream)));
    await using client = await connectTo2(server.port);
    const first = client.get("/first");
    const stream = await opened.promise;
    stream.session?.goaway(NGHTTP2_ENHANCE_YOUR_CALM, stream.id ?? 0, Buffer.from("calm down"));
    await expect.poll(() => client.sender.isClosed).toBe(true);
    const outcome = await client.sender.trySend(HttpRequest.get(`${client.origin}/second`));
    expect(outcome).toMatchObject({ error: { code: "GOAWAY", reason: NGHTTP2_ENHANCE_YOUR_CALM } });
    expect("error" in outcome && outcome.error.message).toContain('ENHANCE_YOUR_CALM: "calm down"');
    stream.respond({ ":status": 200 }, { endStream: true });
    expect((await first).response.status).toBe(200);
  });

  test("a session that is destroyed in the middle of a response: an error, not an end", async () => {
    await using server = await startNode2(
      streams((stream) => {
        stream.respond({ ":status": 200 });
        stream.write("part");
        setImmediate(() => stream.session?.destroy());
      }),
    );
    await using client = await connectTo2(server.port);
    const { text } = await client.get("/");
    await expect(text()).rejects.toMatchObject({ name: "HttpError" });
    await expect(client.connection.closed).rejects.toMatchObject({ name: "HttpError" });
  });

  test("more requests than streams: the rest wait their turn", async () => {
    let running = 0;
    let most = 0;
    await using server = await startNode2(
      streams((stream) => {
        most = Math.max(most, ++running);
        setTimeout(() => {
          running -= 1;
          stream.respond({ ":status": 200 }, { endStream: true });
        }, 2);
      }),
      { settings: { maxConcurrentStreams: 4 } },
    );
    await using client = await connectTo2(server.port);
    // What the server allows is known only from its SETTINGS.
    await client.get("/");
    const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await client.get("/")).response.status));
    expect(statuses).toEqual(Array.from({ length: 40 }, () => 200));
    expect(most).toBe(4);
  });

  test("settings of ours as the server sees them, and PING both ways", async () => {
    const frames: FrameFacts[] = [];
    await using server = await startNode2(serveStreams);
    await using client = await connectTo2(server.port, {
      initialWindowBytes: 70_000,
      maxHeaderListBytes: 30_000,
      headerTableBytes: 0,
      keepAliveIntervalMs: 1,
      keepAliveWhileIdle: true,
      observer: { frameReceived: (frame) => frames.push(frame) },
    });
    expect(await (await client.get("/hello")).text()).toBe("hello");
    expect(server.sessions[0]?.remoteSettings).toMatchObject({
      enablePush: false,
      initialWindowSize: 70_000,
      maxHeaderListSize: 30_000,
      headerTableSize: 0,
    });
    expect(await new Promise((resolve) => server.sessions[0]?.ping((error) => resolve(error)))).toBe(null);
    const answers = (): number => frames.filter(({ type, flags }) => type === "PING" && flags.includes("ACK")).length;
    await expect.poll(answers, { timeout: 20_000 }).toBeGreaterThan(1);
  });

  test("settings that change while a request is under way", async () => {
    await using server = await startNode2(serveStreams);
    await using client = await connectTo2(server.port);
    const bytes = content(2 * mebibyte);
    const sent = client.sender.send(HttpRequest.post(`${client.origin}/echo`, inPieces(bytes)));
    await expect.poll(() => server.sessions.length).toBe(1);
    for (const settings of [
      { initialWindowSize: 10, headerTableSize: 0 },
      { initialWindowSize: 300_000, maxFrameSize: 100_000, headerTableSize: 65_536 },
    ]) {
      await new Promise<void>((resolve) => server.sessions[0]?.settings(settings, () => resolve()));
    }
    expect((await measured((await sent).body)).sha256).toBe(sha256(bytes));
    expect(await (await client.get("/hello")).text()).toBe("hello");
  });

  test("a push that is wanted: its request, its head, its content", async () => {
    await using server = await startNode2(
      streams((stream) => {
        stream.pushStream({ ":path": "/pushed", "x-why": "test" }, (error, pushed) => {
          if (error !== null) throw error;
          pushed.respond({ ":status": 200, "x-pushed": "1" });
          pushed.end(content(100_000));
        });
        stream.respond({ ":status": 200 });
        stream.end("hello");
      }),
    );
    const promises: PushPromise[] = [];
    const responses: Promise<HttpResponse>[] = [];
    await using client = await connectTo2(server.port, {
      onPush: (promise) => {
        promises.push(promise);
        responses.push(promise.response());
      },
    });
    expect(await (await client.get("/")).text()).toBe("hello");
    await expect.poll(() => responses.length).toBe(1);
    const pushed = await responses[0];
    expect([pushed?.status, pushed?.headers.get("x-pushed")]).toEqual([200, "1"]);
    expect(sha256(await collect(pushed?.body ?? empty()).bytes())).toBe(sha256(content(100_000)));
    expect(promises.map(({ request }) => [request.method, `${request.target}`, request.headers.get("x-why")])).toEqual([
      ["GET", `${client.origin}/pushed`, "test"],
    ]);
  });

  test("push, which we switch off, is not allowed there", async () => {
    const allowed: unknown[] = [];
    const frames: string[] = [];
    await using server = await startNode2(
      streams((stream) => {
        allowed.push(stream.pushAllowed);
        try {
          stream.pushStream({ ":path": "/pushed" }, () => {});
        } catch (error) {
          allowed.push((error as NodeJS.ErrnoException).code);
        }
        stream.respond({ ":status": 200 });
        stream.end("hello");
      }),
    );
    await using client = await connectTo2(server.port, {
      observer: { frameReceived: ({ type }) => frames.push(type) },
    });
    expect(await (await client.get("/")).text()).toBe("hello");
    expect(allowed).toEqual([false, "ERR_HTTP2_PUSH_DISABLED"]);
    expect(frames).not.toContain("PUSH_PROMISE");
  });

  test("extended CONNECT: bytes both ways to the end", async () => {
    await using server = await startNode2(
      streams((stream, headers) => {
        stream.respond({ ":status": 200, "x-asked": `${headers[":protocol"]} ${headers[":path"]}` });
        stream.pipe(stream);
      }),
      { settings: { enableConnectProtocol: true } },
    );
    await using client = await connectTo2(server.port);
    const request = HttpRequest.connect(HttpRequest.get(`${client.origin}/chat?a`).target).extension(
      protocolKey,
      "echo",
    );
    const response = await client.sender.send(request);
    expect([response.status, response.headers.get("x-asked")]).toEqual([200, "echo /chat?a"]);
    const io = await upgradeOn(response);
    const bytes = content(2 * mebibyte);
    const received: Uint8Array[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      const next = (): void =>
        io.read((chunk, error) => {
          if (error !== undefined) return reject(error);
          if (chunk === null) return resolve();
          received.push(chunk);
          next();
        });
      next();
    });
    for (let at = 0; at < bytes.length; at += 100_000) {
      if (io.write([bytes.subarray(at, at + 100_000)])) continue;
      await new Promise<void>((resolve, reject) =>
        io.drained((error) => (error === undefined ? resolve() : reject(error))),
      );
    }
    io.shutdown(() => {});
    await ended;
    expect(sha256(Buffer.concat(received))).toBe(sha256(bytes));
  });

  test("extended CONNECT to a server that does not know it is not sent", async () => {
    await using server = await startNode2(serveStreams);
    await using client = await connectTo2(server.port);
    const target = HttpRequest.get(`${client.origin}/`).target;
    const sent = client.sender.send(HttpRequest.connect(target).extension(protocolKey, "websocket"));
    await expect(sent).rejects.toMatchObject({ kind: "user", code: "EXTENDED_CONNECT_DISABLED" });
  });

  test("CONNECT: a tunnel through which another connection is made", async () => {
    await using far = await startNode2(serveStreams);
    await using near = await startNode2(
      streams((stream, headers) => {
        const [host, port] = (headers[":authority"] ?? "").split(":");
        const socket = connect(Number(port), host);
        socket.on("connect", () => {
          stream.respond({ ":status": 200 });
          socket.pipe(stream).pipe(socket);
        });
        socket.on("error", () => stream.close(constants.NGHTTP2_CONNECT_ERROR));
      }),
    );
    await using client = await connectTo2(near.port);
    const response = await client.sender.send(HttpRequest.connect(`127.0.0.1:${far.port}`));
    const io = await upgradeOn(response);
    const through = await handshake(io);
    const answer = await through.sender.send(HttpRequest.get(`http://127.0.0.1:${far.port}/bytes?${mebibyte}`));
    expect((await measured(answer.body)).sha256).toBe(sha256(content(mebibyte)));
    through.connection.abort();
    await Promise.allSettled([through.connection.closed]);
  });

  test("a server of HTTP/1.1 is told apart from one of HTTP/2", async () => {
    await using server = await startNodeServer((_request, response) => response.end("hello"));
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    const { sender, connection } = await handshake(nodeIo(socket));
    await expect(sender.send(HttpRequest.get(`http://127.0.0.1:${server.port}/`))).rejects.toMatchObject({
      name: "HttpError",
    });
    await expect(connection.closed).rejects.toMatchObject({ name: "HttpError" });
  });
});
