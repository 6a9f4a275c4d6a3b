/** The reverse proxy of docs/examples between the programs of others: nginx and grpc-js behind it, curl, grpc-js and ws before it. */
import { once } from "node:events";
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { newClient, received, startProxy, startUpstream, until } from "../examples/support.ts";
import { tlsFixture } from "../support/tls-fixtures.ts";
import { run } from "./support/command.ts";
import { content, inPieces, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { definition, serviceName } from "./support/grpc.ts";
import { program as nginxProgram, startNginx } from "./support/nginx.ts";
import { startNodeServer } from "./support/node-server.ts";
import { peer } from "./support/peer.ts";

const large = content(mebibyte);
const versions = ["http1", "http2"] as const;

describe.skipIf(nginxProgram.skipped)("nginx as upstream", () => {
  const config = {
    http: "default_type application/octet-stream; gzip on; gzip_types text/plain; keepalive_requests 1000;",
    files: { "large.bin": large, "plain.txt": Buffer.from("some text\n".repeat(5000)) },
    server: `
      types { text/plain txt; }
      client_max_body_size 2m;
      location /connection { return 200 "$connection $connection_requests $http_x_forwarded_for $host"; }
      location /moved { return 301 /hello; }
      location /away { return 302 http://elsewhere.test/; }
      location /empty { return 204; }
      location /small { client_max_body_size 1k; root /nonexistent; proxy_pass http://127.0.0.1:1; }
      location /count { return 200 "$content_length"; }
    `,
  };

  test.each(versions)(
    "[pool-24] from %s: files, ranges, conditions, HEAD, chunked, on one upstream connection",
    async (version) => {
      await using nginx = await startNginx(config);
      await using proxy = await startProxy({ routes: [{ upstream: { url: nginx.origin } }], forwarded: "replace" });
      await using client = newClient({ version });
      const ask = async (path: string, headers = {}, method = "GET") =>
        await client.request(new HttpRequest(method, `${proxy.origin}${path}`, headers));
      const bytes = async (response: HttpResponse): Promise<Uint8Array> => await collect(response.body).bytes();

      const file = await ask("/large.bin");
      expect([file.status, file.headers.get("content-length")]).toEqual([200, String(mebibyte)]);
      expect(file.headers.getAll("date").length).toBe(1);
      expect(file.headers.get("server")).toMatch(/^nginx/);
      expect(sha256(await bytes(file))).toBe(sha256(large));
      const part = await ask("/large.bin", { range: "bytes=1000-1999" });
      expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 1000-1999/${mebibyte}`]);
      expect(Buffer.from(await bytes(part)).equals(large.subarray(1000, 2000))).toBe(true);
      const same = await ask("/large.bin", { "if-none-match": file.headers.get("etag") });
      expect([same.status, (await bytes(same)).length]).toEqual([304, 0]);
      const head = await ask("/large.bin", {}, "HEAD");
      expect([head.status, head.headers.get("content-length")]).toEqual([200, String(mebibyte)]);
      const zipped = await ask("/plain.txt", { "accept-encoding": "gzip" });
      expect([zipped.headers.get("content-encoding"), zipped.headers.get("content-length")]).toEqual([
        "gzip",
        undefined,
      ]);
      await bytes(zipped);
      expect((await received(await ask("/empty"))).status).toBe(204);
      expect((await received(await ask("/nowhere"))).status).toBe(404);
      expect((await ask("/moved")).headers.get("location")).toBe(`${proxy.origin}/hello`);
      expect((await ask("/away")).headers.get("location")).toBe("http://elsewhere.test/");
      const { text } = await received(await ask("/connection"));
      const [, requests, forwardedFor, host] = text.split(" ");
      expect([forwardedFor, host]).toEqual(["127.0.0.1", "127.0.0.1"]);
      // One connection for all of them, but those whose content was dropped.
      expect(Number(requests)).toBeGreaterThanOrEqual(8);
    },
  );

  test.each(versions)(
    "[pool-24, pool-27] from %s: 1 MiB up, with a length and without, and what is too large",
    async (version) => {
      await using nginx = await startNginx(config);
      await using proxy = await startProxy(nginx.origin);
      await using client = newClient({ version });
      for (const body of [full(large), inPieces(large), inPieces(large, { length: large.length })]) {
        const response = await received(await client.request(HttpRequest.post(`${proxy.origin}/count`, body)));
        expect(response.status).toBe(200);
      }
      for (const headers of [{}, { expect: "100-continue" }]) {
        const request = HttpRequest.post(`${proxy.origin}/small`, full(content(10_000)), headers);
        expect((await received(await client.request(request))).status).toBe(413);
      }
    },
  );

  test("[pool-27] nginx goes away: 502, and once it is back the same client connection is served", async () => {
    const nginx = await startNginx(config);
    await using proxy = await startProxy(nginx.origin);
    await using client = newClient({ maxConnectionsPerHost: 1, version: "http1" });
    const ask = async () => (await received(await client.get(`${proxy.origin}/empty`))).status;
    expect(await ask()).toBe(204);
    await nginx[Symbol.asyncDispose]();
    expect(await ask()).toBe(502);
    expect(await ask()).toBe(502);
    expect([...client.stats.values()].map(({ idle }) => idle)).toEqual([1]);
  });
});

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Done = sendUnaryData<Buffer>;

interface GrpcServer extends AsyncDisposable {
  readonly origin: string;
  /** The call that waits for ever. */
  readonly waiting: Promise<Unary>;
}

async function startGrpc(): Promise<GrpcServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const waiting = deferred<Unary>();
  server.addService(definition, {
    Echo: ({ request }: Unary, done: Done) => done(null, request),
    Repeat: (call: ServerWritableStream<Buffer, Buffer>) => {
      const [, times, text] = /^(\d+) (.*)$/s.exec(call.request.toString()) ?? [];
      for (let i = 0; i < Number(times); i++) call.write(Buffer.from(text ?? ""));
      call.end();
    },
    Join: async (call: ServerReadableStream<Buffer, Buffer>, done: Done) => {
      const parts: Buffer[] = [];
      for await (const message of call) parts.push(message as Buffer);
      done(null, Buffer.concat(parts));
    },
    Shout: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (message: Buffer) => call.write(Buffer.from(message.toString().toUpperCase())));
      call.on("end", () => call.end());
    },
    Fail: (_call: Unary, done: Done) => done({ code: status.NOT_FOUND, details: "no such thing: 100% ü" }),
    Break: (call: ServerWritableStream<Buffer, Buffer>) => {
      const metadata = new Metadata();
      metadata.set("x-why", "test");
      call.write(Buffer.from("one"));
      call.emit("error", { code: status.ABORTED, details: "broken off", metadata });
    },
    Wait: (call: Unary) => waiting.resolve(call),
    Tell: (call: Unary, done: Done) => {
      call.sendMetadata(call.metadata.clone());
      done(null, Buffer.from("told"), call.metadata.clone());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    origin: `http://127.0.0.1:${port}`,
    waiting: waiting.promise,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

type Answered<T> = (error: ServiceError | null, value?: T) => void;

interface Calls extends Client {
  Echo(message: Buffer, done: Answered<Buffer>): ClientUnaryCall;
  Fail(message: Buffer, done: Answered<Buffer>): ClientUnaryCall;
  Wait(message: Buffer, options: object, done: Answered<Buffer>): ClientUnaryCall;
  Tell(message: Buffer, metadata: Metadata, done: Answered<Buffer>): ClientUnaryCall;
  Join(done: Answered<Buffer>): ClientWritableStream<Buffer>;
  Repeat(message: Buffer): ClientReadableStream<Buffer>;
  Break(message: Buffer): ClientReadableStream<Buffer>;
  Shout(): ClientDuplexStream<Buffer, Buffer>;
}

function callsTo(port: number): Calls & Disposable {
  const Constructor = makeGenericClientConstructor(definition, serviceName);
  const options = {
    "grpc.enable_http_proxy": 0,
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  };
  const client = new Constructor(`127.0.0.1:${port}`, credentials.createInsecure(), options) as unknown as Calls;
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** The outcome of a call with one answer: the message, or the error. */
function answer(call: (done: Answered<Buffer>) => void): Promise<Buffer | ServiceError> {
  return new Promise((resolve) => call((error, value) => resolve(error ?? (value as Buffer))));
}

/** All messages of a stream, and the status at its end. */
async function all(call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>) {
  const messages: string[] = [];
  let error: ServiceError | undefined;
  call.on("data", (message: Buffer) => messages.push(message.toString()));
  call.on("error", (failure: ServiceError) => (error = failure));
  const ended = await new Promise<{ code: number }>((resolve) => call.once("status", resolve));
  await new Promise(setImmediate);
  return { messages, code: ended.code, error };
}

describe("@grpc/grpc-js on both sides", () => {
  async function start() {
    const server = await startGrpc();
    const upstream = { url: server.origin, version: "http2", headMs: 0, idleMs: 0 } as const;
    const proxy = await startProxy({ routes: [{ upstream }], via: "append", forwarded: "replace" });
    const calls = callsTo(proxy.port);
    return Object.assign(calls, {
      server,
      proxy,
      async [Symbol.asyncDispose]() {
        calls.close();
        await proxy[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    });
  }

  test("[pool-26] unary calls, a hundred at once, and 4 MiB each way", async () => {
    await using calls = await start();
    const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    const answers = await Promise.all(texts.map((text) => answer((done) => calls.Echo(Buffer.from(text), done))));
    expect(answers.map(String)).toEqual(texts);
    const message = content(4 * mebibyte);
    expect(sha256((await answer((done) => calls.Echo(message, done))) as Buffer)).toBe(sha256(message));
    expect(calls.proxy.log).toEqual([]);
  });

  test("[pool-24] streams: of the server, of the client, and of both in turns", async () => {
    await using calls = await start();
    const { messages, code } = await all(calls.Repeat(Buffer.from("1000 again")));
    expect([messages, code]).toEqual([Array.from({ length: 1000 }, () => "again"), status.OK]);
    const joined = await answer((done) => {
      const call = calls.Join(done);
      for (let i = 0; i < 1000; i++) call.write(Buffer.from(`${i} `));
      call.end();
    });
    expect(String(joined)).toBe(Array.from({ length: 1000 }, (_, i) => `${i} `).join(""));
    const call = calls.Shout();
    for (const word of ["one", "two", "three"]) {
      call.write(Buffer.from(word));
      expect(String((await once(call, "data"))[0])).toBe(word.toUpperCase());
    }
    call.end();
    expect((await all(call)).code).toBe(status.OK);
  });

  test("[pool-26] errors in the head alone and in trailers, and metadata both ways", async () => {
    await using calls = await start();
    const failed = await answer((done) => calls.Fail(Buffer.from("x"), done));
    expect(failed).toMatchObject({ code: status.NOT_FOUND, details: "no such thing: 100% ü" });
    const { messages, code, error } = await all(calls.Break(Buffer.from("x")));
    expect([messages, code, error?.details]).toEqual([["one"], status.ABORTED, "broken off"]);
    expect(error?.metadata.get("x-why")).toEqual(["test"]);
    const metadata = new Metadata();
    const bytes = Buffer.from([0, 1, 2, 255, 254, 10, 13]);
    metadata.set("x-text", "some text, with commas");
    metadata.set("x-data-bin", bytes);
    const heard: Metadata[] = [];
    const told = await answer((done) => {
      const call = calls.Tell(Buffer.from("x"), metadata, done);
      call.on("metadata", (received: Metadata) => heard.push(received));
      call.on("status", ({ metadata: received }) => heard.push(received));
    });
    expect(String(told)).toBe("told");
    await until(() => heard.length === 2);
    for (const each of heard) {
      expect([each.get("x-text"), each.get("x-data-bin")]).toEqual([["some text, with commas"], [bytes]]);
    }
  });

  test.each([
    ["a deadline", { deadline: 300 }, status.DEADLINE_EXCEEDED],
    ["a call that the client cancels", {}, status.CANCELLED],
  ])("[pool-28] %s: the service is told", async (_, { deadline }: { deadline?: number }, code) => {
    await using calls = await start();
    let cancel = (): void => {};
    const outcome = answer((done) => {
      const options = deadline === undefined ? {} : { deadline: new Date(Date.now() + deadline) };
      const call = calls.Wait(Buffer.from("x"), options, done);
      cancel = () => call.cancel();
    });
    const waiting = await calls.server.waiting;
    const told = once(waiting, "cancelled");
    if (deadline === undefined) cancel();
    expect(await outcome).toMatchObject({ code });
    await told;
    expect(waiting.cancelled).toBe(true);
    expect(String(await answer((done) => calls.Echo(Buffer.from("next"), done)))).toBe("next");
  });

  test("[pool-27] the server is gone: UNAVAILABLE", async () => {
    await using calls = await start();
    await calls.server[Symbol.asyncDispose]();
    expect(await answer((done) => calls.Echo(Buffer.from("x"), done))).toMatchObject({ code: status.UNAVAILABLE });
  });
});

const curl = peer("curl");

describe.skipIf(curl.skipped).each([
  ["HTTP/1.1", [], false],
  ["HTTP/2 in the clear", ["--http2-prior-knowledge"], false],
  ["HTTP/1.1 over TLS", ["--http1.1", "--cacert", tlsFixture("ca-cert.pem")], true],
  ["HTTP/2 over TLS", ["--http2", "--cacert", tlsFixture("ca-cert.pem")], true],
] as const)("curl over %s", (_, args, tls) => {
  const output = async (url: string, more: readonly string[], input?: Uint8Array): Promise<Buffer> => {
    const options = input === undefined ? {} : { input };
    const all = ["-q", "--silent", "--show-error", "--max-time", "20", ...args, ...more, url];
    const { code, stdout, stderr } = await run(curl.path, all, options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };

  test.each(versions)(
    "[pool-24] to %s: GET, HEAD, and an upload of unknown length that comes back",
    async (version) => {
      await using upstream = await startUpstream((request) =>
        request.method === "PUT"
          ? new HttpResponse(200, {}, request.body)
          : new HttpResponse(200, { "content-type": "text/plain" }, full("hello\n")),
      );
      await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version } }] }, { tls });
      expect((await output(`${proxy.origin}/hello`, ["--include"])).toString()).toMatch(
        /^HTTP\/(?:1\.1 200 OK|2 200 )\r\ncontent-type: text\/plain\r\ncontent-length: 6\r\n\r\nhello\n$/,
      );
      expect((await output(`${proxy.origin}/hello`, ["--head"])).toString()).toMatch(/content-length: 6\r\n\r\n$/);
      const bytes = content(4 * mebibyte);
      expect(sha256(await output(`${proxy.origin}/echo`, ["--upload-file", "-"], bytes))).toBe(sha256(bytes));
      expect(proxy.log).toEqual([]);
    },
  );
});

describe("ws on both sides", () => {
  test.each([false, true])(
    "[pool-30] messages of many sizes there and back, and the close code; TLS: %s",
    async (tls) => {
      await using upstream = await startNodeServer((_request, response) => response.end("no"));
      const sockets = new WebSocketServer({ server: upstream.server });
      sockets.on("connection", (socket, request) => {
        socket.send(request.url ?? "");
        socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary }));
      });
      await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`, { tls });
      const client = new WebSocket(`${proxy.origin.replace("http", "ws")}/chat?x`, { rejectUnauthorized: false });
      const messages: string[] = [];
      client.on("message", (message: Buffer, isBinary) =>
        messages.push(isBinary ? sha256(message) : message.toString()),
      );
      await once(client, "open");
      const sent = [content(0), content(125), content(70_000), content(4 * mebibyte)];
      for (const bytes of sent) client.send(bytes);
      client.send("text");
      await until(() => messages.length === sent.length + 2);
      expect(messages).toEqual(["/chat?x", ...sent.map(sha256), "text"]);
      const closed = once(client, "close");
      for (const socket of sockets.clients) socket.close(4001, "enough");
      const [code, reason] = (await closed) as [number, Buffer];
      expect([code, String(reason)]).toEqual([4001, "enough"]);
      sockets.close();
    },
  );
});
