/** Spans and metrics of a client, as exporters see them. */
import { fromIterable, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import { type Connected, forwardProxy, httpConnector } from "@sluice/util/connect";
import { clientService, compose, followRedirects, retry } from "@sluice/util/middleware";
import { clientTelemetry, tracedClient } from "@sluice/util/otel";
import { describe, expect, test } from "vitest";
import { startClock } from "../client/clock.ts";
import { newClient, rejection, text, until } from "../client/support.ts";
import { held, Sdk, type Served, type SpanFacts, serve, watchedClient } from "./support.ts";

function common(port: number, version: string): Record<string, unknown> {
  return {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.full": `http://127.0.0.1:${port}/`,
    "server.address": "127.0.0.1",
    "server.port": port,
    "network.peer.address": "127.0.0.1",
    "network.peer.port": port,
    "network.protocol.name": "http",
    "network.protocol.version": version,
  };
}

/** For `onConnection`: the first connection is lost just before the request is written. */
function losingFirst(): (connected: Connected) => void {
  let isFirst = true;
  return (connected) => {
    if (isFirst) connected.io.abort(new Error("lost"));
    isFirst = false;
  };
}

const values = (points: readonly { value: number; attributes: object }[] | undefined): unknown =>
  points?.map(({ value, attributes }) => [value, attributes]);

describe.each([
  { protocol: "http1", version: "1.1" },
  { protocol: "http2", version: "2" },
] as const)("$protocol", ({ protocol, version }) => {
  test("an exchange: one span, and metrics; the request that was given stays as it was", async () => {
    const sdk = new Sdk();
    const fields: string[][] = [];
    await using served = await serve((request) => {
      fields.push([...request.headers.keys()].sort());
      sdk.nowMs += 250;
      return new HttpResponse(200, {}, full("hello"));
    });
    await using client = watchedClient(sdk, { version: protocol });
    const request = HttpRequest.post(`${served.url}/a/b?c=d&Signature=secret`, full("abc"), {
      "user-agent": "test/1",
      authorization: "Basic c2VjcmV0",
    });
    const names = [...request.headers.keys()];
    expect(await text(await client.request(request))).toBe("hello");
    expect([...request.headers.keys()]).toEqual(names);
    expect(fields.map((all) => all.includes("traceparent"))).toEqual([true]);
    expect(await sdk.spans(1)).toEqual([
      {
        name: "POST",
        kind: "CLIENT",
        status: "UNSET",
        attributes: {
          ...common(served.port, version),
          "http.request.method": "POST",
          "url.full": `${served.url}/a/b?c=d&Signature=REDACTED`,
          "user_agent.original": "test/1",
          "http.response.status_code": 200,
        },
        events: [],
      },
    ]);
    const attributes = {
      "http.request.method": "POST",
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": served.port,
      "http.response.status_code": 200,
      "network.protocol.version": version,
    };
    const connection = {
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": served.port,
      "network.peer.address": "127.0.0.1",
    };
    expect(await sdk.metrics()).toEqual({
      "http.client.request.duration (s)": [{ attributes, value: 0.25, count: 1 }],
      "http.client.request.body.size (By)": [{ attributes, value: 3, count: 1 }],
      "http.client.response.body.size (By)": [{ attributes, value: 5, count: 1 }],
      "http.client.open_connections ({connection})": [
        { attributes: { ...connection, "http.connection.state": "idle" }, value: 1 },
      ],
    });
    sdk.nowMs += 5000;
    await client[Symbol.asyncDispose]();
    const { "http.client.connection.duration (s)": lives, ...others } = await sdk.metrics();
    expect(lives).toEqual([{ attributes: connection, value: 5.25, count: 1 }]);
    expect(others).not.toHaveProperty("http.client.open_connections ({connection})");
    const boundaries = await sdk.boundaries();
    expect(boundaries["http.client.request.duration"]).toEqual([
      ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    ]);
    expect(boundaries["http.client.connection.duration"]).toEqual([
      ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
    ]);
  });

  test("the same connection again: active while it works, idle between", async () => {
    const sdk = new Sdk();
    const answers: (() => void)[] = [];
    await using served = await serve(
      () => new Promise((resolve) => answers.push(() => resolve(new HttpResponse(200)))),
    );
    await using client = watchedClient(sdk, { version: protocol });
    const states = async (): Promise<unknown> =>
      (await sdk.metrics())["http.client.open_connections ({connection})"]?.map(({ attributes, value }) => [
        attributes["http.connection.state"],
        value,
      ]);
    for (let round = 1; round <= 2; round++) {
      const response = client.get(served.url);
      await until(() => answers.length === round);
      expect(await states()).toEqual([["active", 1]]);
      answers[round - 1]?.();
      await text(await response);
      await until(() => sdk.ended === round);
      expect(await states()).toEqual([["idle", 1]]);
    }
    const metrics = await sdk.metrics();
    expect(metrics["http.client.request.duration (s)"]).toMatchObject([{ count: 2 }]);
  });

  test("content of unknown length is counted, 103 is an event", async () => {
    const sdk = new Sdk();
    await using served = await serve((request) => {
      sendInformational(request, 103, {});
      return new HttpResponse(200, {}, request.body);
    });
    await using client = watchedClient(sdk, { version: protocol });
    const body = fromIterable(["ab", "cde"].map((part) => new TextEncoder().encode(part)));
    expect(await text(await client.request(HttpRequest.post(served.url, body)))).toBe("abcde");
    const [span] = (await sdk.spans(1)) as [SpanFacts];
    expect(span.events).toEqual([{ name: "http.informational", "http.response.status_code": 103 }]);
    const metrics = await sdk.metrics();
    expect(metrics["http.client.request.body.size (By)"]).toMatchObject([{ value: 5, count: 1 }]);
    expect(metrics["http.client.response.body.size (By)"]).toMatchObject([{ value: 5, count: 1 }]);
  });

  test.each([
    { status: 302, expected: { status: "UNSET", error: undefined } },
    { status: 404, expected: { status: "ERROR", error: "404" } },
    { status: 503, expected: { status: "ERROR", error: "503" } },
  ])("status $status, which nobody follows", async ({ status, expected }) => {
    const sdk = new Sdk();
    await using served = await serve(() => new HttpResponse(status, { location: "/elsewhere" }));
    await using client = watchedClient(sdk, { version: protocol });
    await text(await client.get(served.url));
    const [span] = (await sdk.spans(1)) as [SpanFacts];
    expect({ status: span.status, error: span.attributes["error.type"] }).toEqual(expected);
    expect(span.attributes["http.response.status_code"]).toBe(status);
  });

  test.each([true, false])(
    "a span ends with the last byte of its response; with an observer: %s",
    async (isObserved) => {
      const sdk = new Sdk();
      const { parts, finish } = held();
      await using served = await serve(() => new HttpResponse(200, {}, fromIterable(parts)));
      await using inner = newClient({
        version: protocol,
        ...(isObserved && { observer: clientTelemetry(sdk.telemetry) }),
      });
      const response = await tracedClient(inner, sdk.tracing).request(HttpRequest.get(served.url));
      await response.body.frame();
      expect([sdk.begun, sdk.ended]).toEqual([1, 0]);
      finish();
      await text(response);
      await sdk.spans(1);
    },
  );

  test("a timeout, and an abort: the span ends with it, with and without an observer", async () => {
    using clock = startClock();
    let begun = 0;
    await using served = await serve(() => {
      begun++;
      return new Promise<HttpResponse>(() => {});
    });
    for (const isObserved of [true, false]) {
      const sdk = new Sdk();
      begun = 0;
      await using inner = newClient({
        version: protocol,
        timer: clock,
        ...(isObserved && { observer: clientTelemetry(sdk.telemetry) }),
      });
      const client = tracedClient(inner, sdk.tracing);
      const late = rejection(client.request(HttpRequest.get(served.url), { timeouts: { headTimeoutMs: 9000 } }));
      await until(() => begun === 1);
      clock.advance(9000);
      const timeout = await late;
      const abort = new AbortController();
      const aborted = rejection(client.request(HttpRequest.get(served.url), { signal: abort.signal }));
      await until(() => begun === 2);
      abort.abort();
      const canceled = await aborted;
      const spans = await sdk.spans(2);
      expect(spans.map(({ status }) => status)).toEqual(["ERROR", "ERROR"]);
      expect(spans.map(({ attributes }) => attributes["error.type"])).toEqual([timeout.code, canceled.code]);
      expect([timeout.kind, canceled.kind]).toEqual(["timeout", "canceled"]);
      if (isObserved) expect((await sdk.metrics())["http.client.request.duration (s)"]).toHaveLength(2);
    }
  });

  test.each([true, false])("a request that the client itself sends again; with an observer: %s", async (isObserved) => {
    const sdk = new Sdk();
    const seen: (string | undefined)[] = [];
    await using served = await serve((request) => {
      seen.push(request.headers.get("traceparent")?.split("-")[2]);
      return new HttpResponse(200);
    });
    await using inner = newClient({
      version: protocol,
      ...(isObserved && { observer: clientTelemetry(sdk.telemetry) }),
    });
    const client = tracedClient(inner, sdk.tracing);
    await text(await client.request(HttpRequest.get(served.url)));
    await text(await client.request(HttpRequest.get(served.url), { onConnection: losingFirst() }));
    const spans = await sdk.spans(3);
    const ids = sdk.exporter.getFinishedSpans().map((span) => span.spanContext().spanId);
    expect(seen).toEqual([ids[0], ids[2]]);
    expect(spans.map(({ status }) => status)).toEqual(["UNSET", "ERROR", "UNSET"]);
    expect(spans.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, undefined, 1]);
    if (isObserved) expect(spans[1]?.attributes["error.type"]).not.toBe("RETRIED");
    else expect(spans[1]?.attributes["error.type"]).toBe("RETRIED");
  });
});

test("no connection: a span and a duration, though the observer heard of no exchange", async () => {
  const sdk = new Sdk();
  await using client = watchedClient(sdk, {
    connector: async () => {
      sdk.nowMs += 500;
      throw new HttpError("connect", "ECONNREFUSED", "refused");
    },
  });
  expect((await rejection(client.get("http://example.org/"))).code).toBe("ECONNREFUSED");
  expect(await sdk.spans(1)).toEqual([
    {
      name: "GET",
      kind: "CLIENT",
      status: "ERROR",
      attributes: {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.full": "http://example.org/",
        "server.address": "example.org",
        "server.port": 80,
        "error.type": "ECONNREFUSED",
      },
      events: [],
    },
  ]);
  expect(values((await sdk.metrics())["http.client.request.duration (s)"])).toEqual([
    [
      0.5,
      {
        "http.request.method": "GET",
        "url.scheme": "http",
        "server.address": "example.org",
        "server.port": 80,
        "error.type": "ECONNREFUSED",
      },
    ],
  ]);
});

test("a repetition that gets no connection has a span as well", async () => {
  const sdk = new Sdk();
  await using served = await serve(() => new HttpResponse(200));
  let connections = 0;
  await using client = watchedClient(sdk, {
    connector: async (target, signal) => {
      if (++connections === 1) return await httpConnector()(target, signal);
      throw new HttpError("connect", "ECONNREFUSED", "refused");
    },
  });
  await text(await client.get(served.url));
  const request = HttpRequest.get(served.url);
  await rejection(client.request(request, { onConnection: losingFirst() }));
  const spans = await sdk.spans(3);
  expect(spans.map(({ attributes: facts }) => [facts["error.type"], facts["http.request.resend_count"]])).toEqual([
    [undefined, undefined],
    [expect.not.stringMatching("RETRIED"), undefined],
    ["ECONNREFUSED", 1],
  ]);
  const { "http.client.request.duration (s)": durations, ...others } = await sdk.metrics();
  expect(durations?.map(({ count }) => count)).toEqual([1, 1, 1]);
  expect(others).not.toHaveProperty("http.client.open_connections ({connection})");
});

test("below retry and followRedirects each try and each hop has a span, and is counted", async () => {
  const sdk = new Sdk();
  let calls = 0;
  await using served = await serve((request) => {
    if (request.target.path === "/from") return new HttpResponse(302, { location: "/to" });
    return new HttpResponse(++calls === 1 ? 503 : 200);
  });
  await using inner = newClient({ observer: clientTelemetry(sdk.telemetry) });
  const service = compose(
    followRedirects(),
    retry({ backoffMs: 0, classify: ({ response }) => response?.status === 503 }),
    (next) => tracedClient(next, sdk.tracing),
  )(clientService(inner));
  expect((await service.call(HttpRequest.get(`${served.url}/from`))).status).toBe(200);
  const spans = await sdk.spans(3);
  expect(
    spans.map(({ attributes: facts }) => [
      facts["url.full"],
      facts["http.response.status_code"],
      facts["http.request.resend_count"],
    ]),
  ).toEqual([
    [`${served.url}/from`, 302, undefined],
    [`${served.url}/to`, 503, 1],
    [`${served.url}/to`, 200, 2],
  ]);
});

test("through a proxy, where another request is sent, it is still the same exchange", async () => {
  const sdk = new Sdk();
  await using served: Served = await serve((request) => new HttpResponse(200, {}, full(request.target.toString())));
  await using client = watchedClient(sdk, {
    connector: forwardProxy({ proxy: `http://127.0.0.1:${served.port}` }),
  });
  expect(await text(await client.get("http://example.org/x"))).toBe("http://example.org/x");
  const [span] = (await sdk.spans(1)) as [SpanFacts];
  expect(span.attributes).toMatchObject({ "server.address": "example.org", "network.peer.address": "127.0.0.1" });
  expect((await sdk.metrics())["http.client.request.duration (s)"]).toMatchObject([{ count: 1 }]);
});

test("an observer without a wrapper: metrics, no spans", async () => {
  const sdk = new Sdk();
  await using served = await serve(() => new HttpResponse(200, {}, full("abc")));
  await using client = newClient({ observer: clientTelemetry(sdk.telemetry) });
  const request = HttpRequest.get(served.url);
  await text(await client.request(request));
  await text(await client.request(request));
  expect(sdk.begun).toBe(0);
  const metrics = await sdk.metrics();
  expect(metrics["http.client.request.duration (s)"]).toMatchObject([{ count: 2 }]);
  expect(metrics["http.client.response.body.size (By)"]).toMatchObject([{ value: 6, count: 2 }]);
});
