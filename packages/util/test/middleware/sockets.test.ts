/** Middleware around the pooled client and around services of real servers, over HTTP/1 and HTTP/2. */
import zlib from "node:zlib";
import { channel, collect, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, type Service, serviceFn } from "@sluice/core";
import { Client, type HttpVersionChoice } from "@sluice/util/client";
import { fakeTimer } from "@sluice/util/memory";
import {
  type AccessRecord,
  accessLog,
  clientService,
  compose,
  concurrencyLimit,
  decompress,
  followRedirects,
  redirectsKey,
  retry,
  timeout,
} from "@sluice/util/middleware";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { describe, expect, test } from "vitest";
import { until } from "../client/support.ts";
import { call, expectError, failure } from "./support.ts";

interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Method, path and the fields asked for, of each request. */
  readonly requests: HttpRequest[];
}

async function start(service: Service): Promise<TestServer> {
  const requests: HttpRequest[] = [];
  const listener = listen({ host: "127.0.0.1" });
  const noting = serviceFn((request) => {
    requests.push(request);
    return service.call(request);
  });
  const server = serveAll(listener, noting, { graceMs: 0, drainTimeoutMs: 1_000 });
  const { port } = await listener.ready;
  const stop = async (): Promise<void> => {
    await server.shutdown();
  };
  return { url: `http://127.0.0.1:${port}`, requests, [Symbol.asyncDispose]: stop };
}

function newClient(version: HttpVersionChoice): Client & AsyncDisposable {
  const client = new Client({ version });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.destroy() });
}

describe.each(["http1", "http2"] as const)("%s", (version) => {
  test("a compressed response is decoded, and its connection used again", async () => {
    const text = "compressible ".repeat(10_000);
    await using server = await start(
      serviceFn(({ headers }) => {
        expect(headers.get("accept-encoding")).toContain("gzip");
        const content = zlib.gzipSync(text);
        return new HttpResponse(
          200,
          { "content-encoding": "gzip" },
          fromIterable([content.subarray(0, 9), content.subarray(9)]),
        );
      }),
    );
    await using client = newClient(version);
    const service = decompress()(clientService(client));
    for (let i = 0; i < 3; i++) {
      const response = await call(service, HttpRequest.get(server.url));
      expect([response.headers.has("content-encoding"), response.headers.has("content-length")]).toEqual([
        false,
        false,
      ]);
      expect(await collect(response.body).text()).toBe(text);
    }
    expect([...client.stats.values()].map(({ idle, inUse, http2 }) => idle + inUse + http2)).toEqual([1]);
  });

  test("a redirect to another origin: the content goes along, the credentials do not", async () => {
    const received = serviceFn(
      async ({ body }) => new HttpResponse(200, {}, full(`got ${await collect(body).text()}`)),
    );
    await using far = await start(received);
    await using near = await start(
      serviceFn((request) => {
        const location = request.target.path === "/start" ? "/here" : `${far.url}/there`;
        return new HttpResponse(307, { location }, full("moved"));
      }),
    );
    await using client = newClient(version);
    const service = compose(followRedirects(), retry())(clientService(client));
    const fields = { authorization: "Bearer secret", cookie: "a=secret", "x-plain": "1" };
    const request = HttpRequest.post(`${near.url}/start`, full("content"), fields);
    const response = await call(service, request);
    expect(await collect(response.body).text()).toBe("got content");
    expect(
      near.requests.map(({ target, headers }) => [target.path, headers.get("authorization"), headers.get("cookie")]),
    ).toEqual([
      ["/start", fields.authorization, fields.cookie],
      ["/here", fields.authorization, fields.cookie],
    ]);
    const [there] = far.requests;
    expect([there?.method, there?.target.path, there?.headers.get("x-plain"), there?.authority]).toEqual([
      "POST",
      "/there",
      "1",
      far.url.slice("http://".length),
    ]);
    expect(JSON.stringify([...(there?.headers ?? [])])).not.toContain("secret");
    expect(response.extensions.get(redirectsKey)?.target.toString()).toBe(`${far.url}/there`);
  });

  test("a server that is busy is asked again", async () => {
    await using server = await start(
      serviceFn(async ({ body }) => {
        if (server.requests.length < 3) return new HttpResponse(503, { "retry-after": "0" }, full("busy"));
        return new HttpResponse(200, {}, full(await collect(body).text()));
      }),
    );
    await using client = newClient(version);
    const service = retry({ backoffMs: 0 })(clientService(client));
    const response = await call(service, HttpRequest.put(server.url, full("content")));
    expect(await collect(response.body).text()).toBe("content");
    expect(server.requests.map(({ method }) => method)).toEqual(["PUT", "PUT", "PUT"]);
  });

  test("a timeout before the head reaches the server: its request aborts", async () => {
    const timer = fakeTimer();
    await using server = await start(serviceFn(() => new Promise(() => {})));
    await using client = newClient(version);
    const service = compose(timeout({ totalMs: 1000, timer }), followRedirects(), retry())(clientService(client));
    const result = failure(call(service, HttpRequest.get(server.url)));
    await until(() => server.requests.length === 1);
    const { signal } = server.requests[0] ?? HttpRequest.get("/");
    timer.advance(1000);
    expectError(await result, "timeout", "TOTAL_TIMEOUT");
    await until(() => signal.aborted && client.underWay === 0);
    expect(timer.pending).toBe(0);
  });

  test("a timeout within the body reaches the server too", async () => {
    const timer = fakeTimer();
    const { sender, body } = channel(1);
    await using server = await start(serviceFn(() => new HttpResponse(200, {}, body)));
    await using client = newClient(version);
    const service = compose(timeout({ totalMs: 1000, timer }), decompress(), retry())(clientService(client));
    const response = await call(service, HttpRequest.get(server.url));
    await sender.sendData(new Uint8Array(3));
    const read = failure(collect(response.body).bytes());
    timer.advance(1000);
    expectError(await read, "timeout", "TOTAL_TIMEOUT");
    await until(() => sender.isClosed && client.underWay === 0);
  });

  test("on a server: places are given back and records written, however an exchange ends", async () => {
    const records: AccessRecord[] = [];
    const { body } = channel(1);
    const paths: Readonly<Record<string, (request: HttpRequest) => HttpResponse>> = {
      "/full": () => new HttpResponse(200, {}, full("12345")),
      "/stream": () => new HttpResponse(200, {}, fromIterable(["12", "345"])),
      "/echo": (request) => new HttpResponse(200, {}, request.body),
      "/empty": () => new HttpResponse(204),
      "/hang": () => new HttpResponse(200, {}, body),
    };
    const answer = serviceFn((request) => paths[request.target.path]?.(request) ?? new HttpResponse(404));
    const wrap = compose(
      accessLog({ write: (record) => records.push(record) }),
      timeout({ totalMs: 60_000 }),
      concurrencyLimit({ max: 1 }),
    );
    await using server = await start(wrap(answer));
    await using client = newClient(version);
    for (const path of ["/full", "/stream", "/empty"]) {
      const response = await client.get(`${server.url}${path}`);
      await collect(response.body).bytes();
    }
    const headOnly = await client.request(HttpRequest.head(`${server.url}/full`));
    expect(headOnly.body.isEndStream()).toBe(true);
    const echo = await client.request(HttpRequest.post(`${server.url}/echo`, fromIterable(["abc", "defg"])));
    expect(await collect(echo.body).text()).toBe("abcdefg");
    const hanging = await client.get(`${server.url}/hang`);
    hanging.body.cancel();
    await until(() => records.length === 6);
    expect((await client.get(`${server.url}/empty`)).status).toBe(204);
    await until(() => records.length === 7);
    expect(
      records.map((record) => [
        record.method,
        record.path,
        record.status,
        record.requestBytes,
        record.responseBytes,
        record.outcome,
      ]),
    ).toEqual([
      ["GET", "/full", 200, 0, 5, "completed"],
      ["GET", "/stream", 200, 0, 5, "completed"],
      ["GET", "/empty", 204, 0, 0, "completed"],
      ["HEAD", "/full", 200, 0, 0, "completed"],
      ["POST", "/echo", 200, 7, 7, "completed"],
      ["GET", "/hang", 200, 0, 0, "aborted"],
      ["GET", "/empty", 204, 0, 0, "completed"],
    ]);
  });

  test("a client that goes while the service works: recorded at once", async () => {
    const records: AccessRecord[] = [];
    const never = serviceFn(() => new Promise<HttpResponse>(() => {}));
    await using server = await start(accessLog({ write: (record) => records.push(record) })(never));
    await using client = newClient(version);
    const controller = new AbortController();
    const result = failure(client.get(server.url, { signal: controller.signal }));
    await until(() => server.requests.length === 1);
    controller.abort();
    await result;
    await until(() => records.length === 1);
    expect(records).toMatchObject([{ status: undefined, outcome: "aborted", responseBytes: 0 }]);
  });
});
