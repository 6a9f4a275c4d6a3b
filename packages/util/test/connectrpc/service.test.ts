/** What the service answers beside calls that are in order: paths, methods, content types, versions, options. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextKey, createContextValues, type Interceptor } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { type Body, collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { type ConnectServiceOptions, connectService } from "@sluice/util/connectrpc";
import { afterAll, describe, expect, test } from "vitest";
import { deferred } from "../interop/support/deferred.ts";
import { Kinds, PingSchema } from "./schema.ts";
import { errorOf, pong, routes, Seen, sluiceClient, sluiceServer } from "./support.ts";

const client = new Client();
afterAll(() => client.close());

type Version = "http1" | "http2";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
  readonly trailers: Readonly<Record<string, string>>;
}

async function ask(
  version: Version,
  url: string,
  headers: Record<string, string>,
  body?: Body,
  method = "POST",
): Promise<Answer> {
  const response = await client.request(new HttpRequest(method, url, headers, body), { version });
  const collected = await collect(response.body);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    content: await collected.text(),
    trailers: Object.fromEntries((await collected.trailers()) ?? []),
  };
}

const unary = "/sluice.test.Kinds/Unary";
const message = toBinary(PingSchema, create(PingSchema, { text: "hello" }));

describe.each(["http1", "http2"] as const)("%s", (version) => {
  test("other paths are 404, or the fallback's", async () => {
    await using server = await sluiceServer({ routes: routes() });
    expect(await ask(version, `${server.baseUrl}/`, {})).toMatchObject({ status: 404, content: "" });
    expect(await ask(version, `${server.baseUrl}/sluice.test.Kinds/None`, {})).toMatchObject({ status: 404 });
    const fallback = serviceFn(() => new HttpResponse(418, {}, full("teapot")));
    await using other = await sluiceServer({ routes: routes(), fallback });
    expect(await ask(version, `${other.baseUrl}/`, {})).toMatchObject({ status: 418, content: "teapot" });
  });

  test("a prefix stands in front of all paths, and a query does not matter", async () => {
    await using server = await sluiceServer({ routes: routes(), requestPathPrefix: "/api" });
    const json = { "content-type": "application/json" };
    const url = `${server.baseUrl}/api${unary}?a=b`;
    expect(await ask(version, url, json, full('{"text":"hello"}'))).toMatchObject({
      status: 200,
      content: '{"text":"hello"}',
    });
    expect(await ask(version, server.baseUrl + unary, json, full("{}"))).toMatchObject({ status: 404 });
  });

  test("methods and content types are connect-es's to judge", async () => {
    await using server = await sluiceServer({ routes: routes() });
    const url = server.baseUrl + unary;
    expect(await ask(version, url, { "content-type": "application/proto" }, undefined, "PUT")).toMatchObject({
      status: 405,
    });
    expect(await ask(version, url, { "content-type": "text/plain" }, full("x"))).toMatchObject({ status: 415 });
    const query = `encoding=json&connect=v1&message=${encodeURIComponent('{"text":"seen"}')}`;
    const look = `${server.baseUrl}/sluice.test.Kinds/Look?${query}`;
    expect(await ask(version, look, {}, undefined, "GET")).toMatchObject({ status: 200, content: '{"text":"seen"}' });
    expect(await ask(version, url, { "content-type": "application/json" }, full("{"))).toMatchObject({
      status: 400,
      headers: { "content-type": "application/json" },
    });
  });

  test("the length of what is said once is announced", async () => {
    await using server = await sluiceServer({ routes: routes() });
    const answer = await ask(version, server.baseUrl + unary, { "content-type": "application/proto" }, full(message));
    expect(answer).toMatchObject({
      status: 200,
      headers: { "content-type": "application/proto", "content-length": String(message.length) },
      content: new TextDecoder().decode(message),
      trailers: {},
    });
  });

  test("gRPC says how a call went in trailers", async () => {
    await using server = await sluiceServer({ routes: routes() });
    const head = { "content-type": "application/grpc+proto", te: "trailers", "x-asked": "aloud" };
    const answer = await ask(version, server.baseUrl + unary, head, full(encodeEnvelope(0, message)));
    expect(answer).toMatchObject({
      status: 200,
      headers: { "content-type": "application/grpc+proto", "x-header": "aloud" },
    });
    expect(answer.trailers).toEqual({ "grpc-status": "0", "x-trailer": "aloud" });
  });

  test("a method that throws is no failure of the service", async () => {
    await using server = await sluiceServer({ routes: routes() });
    const json = { "content-type": "application/json" };
    const answer = await ask(version, server.baseUrl + unary, json, full('{"text":"throw"}'));
    expect(answer).toMatchObject({ status: 500, content: '{"code":"internal","message":"internal error"}' });
  });
});

test("a stream of both directions over HTTP/1.1 is refused, and the connection closed", async () => {
  await using server = await sluiceServer({ routes: routes() });
  const head = { "content-type": "application/connect+proto" };
  const answer = await ask("http1", `${server.baseUrl}/sluice.test.Kinds/Bidi`, head, full(encodeEnvelope(0, message)));
  expect(answer).toMatchObject({ status: 505, headers: { connection: "close" }, content: "" });
});

test("over HTTP/1.1 trailers are sent only to clients that take them", async () => {
  await using server = await sluiceServer({ routes: routes() });
  const head = { "content-type": "application/grpc+proto" };
  const answer = await ask("http1", server.baseUrl + unary, head, full(encodeEnvelope(0, message)));
  expect(answer).toMatchObject({ status: 200, trailers: {} });
});

test("a host that is none is refused", async () => {
  const service = connectService({ routes: routes() });
  const request = HttpRequest.post(unary, full(message), { host: "a b", "content-type": "application/proto" });
  expect((await service.call(request)).status).toBe(400);
});

test("the URL of a call has the scheme that is said", async () => {
  const urls: string[] = [];
  const watch: Interceptor = (next) => (request) => {
    urls.push(request.url);
    return next(request);
  };
  const options = { routes: routes(), interceptors: [watch] };
  for (const service of [connectService(options), connectService({ ...options, scheme: "https" })]) {
    const headers = { host: "example.org", "content-type": "application/proto" };
    expect((await service.call(HttpRequest.post(unary, full(message), headers))).status).toBe(200);
  }
  expect(urls).toEqual([`http://example.org${unary}`, `https://example.org${unary}`]);
});

test("context values are made for each request, and interceptors stand around each call", async () => {
  const key = createContextKey("none");
  const interceptor: Interceptor = (next) => async (request) => {
    const response = await next(request);
    response.header.set("x-intercepted", request.method.name);
    return response;
  };
  await using server = await sluiceServer({
    routes: (router) => void router.service(Kinds, { unary: (_ping, { values }) => ({ text: values.get(key) }) }),
    contextValues: (request) => createContextValues().set(key, request.headers.get("x-who") ?? ""),
    interceptors: [interceptor],
  });
  await using made = sluiceClient("connect", "2", server.baseUrl);
  const seen: (string | null)[] = [];
  const onHeader = (headers: Headers): void => void seen.push(headers.get("x-intercepted"));
  expect(await made.call.unary({}, { headers: { "x-who": "me" }, onHeader })).toEqual(pong({ text: "me" }));
  expect(await made.call.unary({}, { headers: { "x-who": "you" }, onHeader })).toEqual(pong({ text: "you" }));
  expect(seen).toEqual(["Unary", "Unary"]);
});

test("a deadline that the request names ends the call", async () => {
  const seen = new Seen();
  await using server = await sluiceServer({ routes: routes(seen) });
  const head = { "content-type": "application/json", "connect-timeout-ms": "30" };
  const answer = await ask("http2", server.baseUrl + unary, head, full('{"text":"wait"}'));
  expect(answer.status).toBe(504);
  expect(answer.content).toBe('{"code":"deadline_exceeded","message":"the operation timed out"}');
  expect((await seen.reason()).code).toBe(Code.DeadlineExceeded);
});

test("a call that is shut down is told so by the signal of the router", async () => {
  const shutdown = new AbortController();
  const seen = new Seen();
  await using server = await sluiceServer({ routes: routes(seen), shutdownSignal: shutdown.signal });
  await using made = sluiceClient("grpc", "2", server.baseUrl);
  const call = errorOf(made.call.unary({ text: "wait" }));
  await seen.started();
  shutdown.abort(new ConnectError("going down", Code.Unavailable));
  const error = await call;
  expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "going down"]);
});

test("a method whose messages nobody takes is ended", async () => {
  const over = deferred<undefined>();
  const service = connectService({
    routes: (router) =>
      void router.service(Kinds, {
        async *server() {
          try {
            for (;;) yield {};
          } finally {
            over.resolve(undefined);
          }
        },
      }),
  });
  const headers = { host: "example.org", "content-type": "application/grpc+proto" };
  const content = full(encodeEnvelope(0, message));
  const response = await service.call(HttpRequest.post("/sluice.test.Kinds/Server", content, headers));
  expect(await response.body.frame()).toEqual(new Uint8Array(5));
  response.body.cancel();
  await over.promise;
});

test("options that make no sense are refused", () => {
  expect(() => connectService({} as ConnectServiceOptions)).toThrow(
    new TypeError("connectService: routes must be a function"),
  );
  expect(() => connectService({ routes: routes(), fallback: "x" as never })).toThrow(
    new TypeError("connectService: fallback must be a service"),
  );
  expect(() => connectService({ routes: routes(), scheme: "ftp" as never })).toThrow(
    new TypeError("connectService: scheme must be http or https, got ftp"),
  );
  expect(() => connectService({ routes: routes(), grpc: false, grpcWeb: false, connect: false })).toThrow(ConnectError);
});
