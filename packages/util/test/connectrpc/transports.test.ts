/** The transports' options, and what they make of them. */
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import {
  compressionBrotli,
  compressionGzip,
  connectService,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  createUniversalClient,
  type TransportOptions,
} from "@sluice/util/connectrpc";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { describe, expect, test } from "vitest";
import { certificate } from "../interop/support/certificate.ts";
import { deferred } from "../interop/support/deferred.ts";
import { Kinds } from "./schema.ts";
import { all, errorOf, nodeServer, pong, protocols, routes, sluiceClient, sluiceServer } from "./support.ts";

const zeros = new Uint8Array(10_000);
const codings = {
  connect: ["content-encoding", "content-encoding"],
  grpc: ["grpc-encoding", "grpc-encoding"],
  "grpc-web": ["grpc-encoding", "grpc-encoding"],
} as const;

describe.each(protocols)("%s", (protocol) => {
  test.each([compressionGzip, compressionBrotli])("messages are compressed ($name)", async (compression) => {
    const asked: (string | null)[] = [];
    const answered: (string | null)[] = [];
    const [request, response] = codings[protocol];
    const watch: Interceptor = (next) => (call) => {
      asked.push(call.header.get(request));
      return next(call);
    };
    await using server = await sluiceServer({ routes: routes(), interceptors: [watch] });
    const further = { sendCompression: compression, acceptCompression: [compression] };
    await using made = sluiceClient(protocol, "2", server.baseUrl, further);
    const onHeader = (headers: Headers): void => void answered.push(headers.get(response));
    expect(await made.call.unary({ data: zeros }, { onHeader })).toEqual(pong({ data: zeros }));
    expect([asked, answered]).toEqual([[compression.name], [compression.name]]);
    expect(await all(made.call.server({ data: zeros, count: 2 }))).toEqual(
      [0, 1].map((count) => pong({ data: zeros, count })),
    );
  });

  test("messages above a limit are refused", async () => {
    await using server = await sluiceServer({ routes: routes(), readMaxBytes: 5_000 });
    await using made = sluiceClient(protocol, "2", server.baseUrl, { sendCompression: compressionGzip });
    expect((await errorOf(made.call.unary({ data: zeros }))).code).toBe(Code.ResourceExhausted);
    await using other = await sluiceServer({ routes: routes() });
    await using small = sluiceClient(protocol, "2", other.baseUrl, { readMaxBytes: 5_000 });
    expect((await errorOf(small.call.unary({ data: zeros }))).code).toBe(Code.ResourceExhausted);
    expect(await small.call.unary({ text: "next" })).toEqual(pong({ text: "next" }));
  });

  test("JSON, interceptors and a deadline for all calls", async () => {
    const types: (string | null)[] = [];
    const interceptor: Interceptor = (next) => (call) => {
      types.push(call.header.get("content-type"));
      return next(call);
    };
    await using server = await sluiceServer({ routes: routes() });
    const further = { useBinaryFormat: false, interceptors: [interceptor] };
    await using made = sluiceClient(protocol, "2", server.baseUrl, further);
    expect(await made.call.unary({ text: "hello" })).toEqual(pong({ text: "hello" }));
    const names = {
      connect: "application/json",
      grpc: "application/grpc+json",
      "grpc-web": "application/grpc-web+json",
    };
    expect(types).toEqual([names[protocol]]);
    await using hasty = sluiceClient(protocol, "2", server.baseUrl, { defaultTimeoutMs: 50 });
    expect((await errorOf(hasty.call.unary({ text: "wait" }))).code).toBe(Code.DeadlineExceeded);
  });

  test("a call that is given up before it begins is not sent", async () => {
    await using made = sluiceClient(protocol, "2", "http://127.0.0.1:9");
    const error = await errorOf(
      made.call.unary({}, { signal: AbortSignal.abort(new ConnectError("no", Code.OutOfRange)) }),
    );
    expect([error.code, error.rawMessage]).toEqual([Code.OutOfRange, "no"]);
  });
});

test("methods without side effects are called by GET where that is asked for", async () => {
  const methods: string[] = [];
  const watch: Interceptor = (next) => (request) => {
    methods.push(request.requestMethod);
    return next(request);
  };
  await using server = await nodeServer("2", { routes: routes(), interceptors: [watch] });
  await using made = sluiceClient("connect", "2", server.baseUrl, { useHttpGet: true });
  expect(await made.call.look({ text: "a" })).toEqual(pong({ text: "a" }));
  expect(await made.call.unary({ text: "b" })).toEqual(pong({ text: "b" }));
  expect(methods).toEqual(["GET", "POST"]);
});

test("a transport without a client makes its own", async () => {
  await using server = await sluiceServer({ routes: routes() });
  const { baseUrl } = server;
  const pings = {
    pingIntervalMs: 60_000,
    pingTimeoutMs: 1_000,
    pingIdleConnection: false,
    idleConnectionTimeoutMs: 1_000,
  };
  for (const transport of [
    createConnectTransport({ baseUrl }),
    createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    createGrpcTransport({ baseUrl, ...pings }),
    createGrpcWebTransport({ baseUrl, httpVersion: "2", pingIntervalMs: Number.POSITIVE_INFINITY }),
  ]) {
    expect(await createClient(Kinds, transport).unary({ text: "own" })).toEqual(pong({ text: "own" }));
  }
});

test("over TLS, with a client that trusts the server", async () => {
  const { cert, key } = certificate();
  const urls: string[] = [];
  const watch: Interceptor = (next) => (request) => {
    urls.push(request.url);
    return next(request);
  };
  const listener = listen({ port: 0, host: "127.0.0.1", tls: { cert, key } });
  await using _serving = serveAll(listener, connectService({ routes: routes(), interceptors: [watch] }));
  const { port } = (await listener.ready) as { port: number };
  await using client = new Client({ tls: { ca: cert } });
  const baseUrl = `https://localhost:${port}`;
  for (const create of [createConnectTransport, createGrpcTransport, createGrpcWebTransport]) {
    const call = createClient(Kinds, create({ baseUrl, client }));
    expect(await call.unary({ text: "secret" })).toEqual(pong({ text: "secret" }));
  }
  expect(urls).toEqual(Array(3).fill(`${baseUrl}/sluice.test.Kinds/Unary`));
  await using stranger = sluiceClient("grpc", "2", baseUrl);
  expect((await errorOf(stranger.call.unary({}))).code).toBe(Code.Unavailable);
});

test("a server that cannot be reached, or not be found, is unavailable", async () => {
  await using gone = await sluiceServer({ routes: routes() });
  await gone[Symbol.asyncDispose]();
  for (const protocol of protocols) {
    await using made = sluiceClient(protocol, "2", gone.baseUrl);
    const error = await errorOf(made.call.unary({}));
    expect([error.code, (error.cause as { kind?: string }).kind]).toEqual([Code.Unavailable, "connect"]);
    await using unknown = sluiceClient(protocol, "2", "http://nowhere.invalid");
    expect((await errorOf(all(unknown.call.server({})))).code).toBe(Code.Unavailable);
  }
});

test("a URL that is none, and a field that cannot be sent, are internal errors", async () => {
  await using client = new Client();
  const send = createUniversalClient(client);
  const header = new Headers();
  for (const url of ["nothing", "http://127.0.0.1:9/a b"]) {
    expect((await errorOf(send({ url, method: "POST", header }))).code).toBe(Code.Internal);
  }
  header.set("x-bad", "a\x01b");
  expect((await errorOf(send({ url: "http://127.0.0.1:9/", method: "POST", header }))).code).toBe(Code.Internal);
});

test.each([
  ["the server answers without waiting", Code.Aborted],
  ["the call is given up", Code.Canceled],
])("those who make a message are told when nobody wants more of it: %s", async (why, code) => {
  const answer = deferred<HttpResponse>();
  await using server = await sluiceServer({ routes: routes(), fallback: serviceFn(() => answer.promise) });
  await using client = new Client();
  const asked = deferred<undefined>();
  const told = deferred<ConnectError>();
  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      asked.resolve(undefined);
      return new Promise(() => {});
    },
    throw(error: ConnectError) {
      told.resolve(error);
      return Promise.reject(error);
    },
  };
  const controller = new AbortController();
  const body = { [Symbol.asyncIterator]: () => iterator };
  const send = createUniversalClient(client, { version: "http2" });
  const sent = send({
    url: `${server.baseUrl}/other`,
    method: "POST",
    header: new Headers(),
    body,
    signal: controller.signal,
  });
  await asked.promise;
  if (code === Code.Canceled) {
    controller.abort();
    expect((await errorOf(sent)).code).toBe(Code.Canceled);
  } else {
    answer.resolve(new HttpResponse(404));
    expect((await sent).status).toBe(404);
  }
  expect([why, (await told.promise).code]).toEqual([why, code]);
});

test("options that make no sense are refused", () => {
  const client = new Client();
  const create = (options: unknown) => () => createConnectTransport(options as TransportOptions);
  expect(create({})).toThrow(new TypeError("createConnectTransport: baseUrl must be a string, got undefined"));
  expect(create({ baseUrl: "http://a", nodeOptions: {} })).toThrow(
    new TypeError("createConnectTransport: unknown option nodeOptions"),
  );
  expect(create({ baseUrl: "http://a", httpVersion: "3" })).toThrow(
    new TypeError("createConnectTransport: httpVersion must be 1.1 or 2, got 3"),
  );
  expect(create({ baseUrl: "http://a", client, pingTimeoutMs: 1 })).toThrow(
    new TypeError(
      "createConnectTransport: pingTimeoutMs belongs to the transport's own client, and cannot be given with another",
    ),
  );
  expect(create({ baseUrl: "http://a", readMaxBytes: 0 })).toThrow(
    new RangeError("createConnectTransport: readMaxBytes must be a whole number from 1 to 4294967295, got 0"),
  );
  expect(() => createUniversalClient({} as Client)).toThrow(new TypeError("client: must be a Client"));
  expect(() => createUniversalClient(client, { other: 1 } as never)).toThrow(
    new TypeError("createUniversalClient: unknown option other"),
  );
});

describe.each([compressionGzip, compressionBrotli])("$name", (compression) => {
  test("gives back what it was given", async () => {
    const packed = await compression.compress(zeros);
    expect(packed.length).toBeLessThan(100);
    expect(new Uint8Array(await compression.decompress(packed, 10_000))).toEqual(zeros);
    expect(await compression.decompress(new Uint8Array(0), 10_000)).toEqual(new Uint8Array(0));
  });

  test("does not inflate beyond the limit, nor what is broken", async () => {
    const packed = await compression.compress(zeros);
    const large = await errorOf(compression.decompress(packed, 9_999));
    expect([large.code, large.rawMessage]).toEqual([
      Code.ResourceExhausted,
      "the message is larger than readMaxBytes = 9999 once it is decompressed",
    ]);
    const broken = await errorOf(compression.decompress(packed.subarray(0, 8), 10_000));
    expect([broken.code, broken.rawMessage]).toEqual([Code.InvalidArgument, "decompression failed"]);
  });
});
