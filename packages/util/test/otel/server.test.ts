/** Spans and metrics of a server, as exporters see them. */
import { connect } from "node:net";
import { trace } from "@opentelemetry/api";
import { fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import { routeKey, serverTelemetry, traced } from "@sluice/util/otel";
import { describe, expect, test } from "vitest";
import { startClock } from "../client/clock.ts";
import { fetchText, newClient, rejection, text, until } from "../client/support.ts";
import { held, Sdk, type SpanFacts, serve, serveTraced } from "./support.ts";

const peerPort = expect.any(Number);

function common(port: number, version: string): Record<string, unknown> {
  return {
    "http.request.method": "GET",
    "url.scheme": "http",
    "server.address": "127.0.0.1",
    "server.port": port,
    "client.address": "127.0.0.1",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": peerPort,
    "network.protocol.name": "http",
    "network.protocol.version": version,
  };
}

describe.each([
  { protocol: "http1", version: "1.1" },
  { protocol: "http2", version: "2" },
] as const)("$protocol", ({ protocol, version }) => {
  test("an exchange: one span, and metrics", async () => {
    const sdk = new Sdk();
    await using served = await serveTraced(sdk, async (request) => {
      request.extension(routeKey, "/users/{id}");
      sdk.nowMs += 250;
      return new HttpResponse(200, {}, full("hello"));
    });
    await using client = newClient({ version: protocol });
    const request = HttpRequest.post(`${served.url}/users/7?a=b&sig=secret`, full("abc"), { "user-agent": "test/1" });
    expect(await text(await client.request(request))).toBe("hello");
    expect(await sdk.spans(1)).toEqual([
      {
        name: "POST /users/{id}",
        kind: "SERVER",
        status: "UNSET",
        attributes: {
          ...common(served.port, version),
          "http.request.method": "POST",
          "url.path": "/users/7",
          "url.query": "a=b&sig=REDACTED",
          "user_agent.original": "test/1",
          "http.response.status_code": 200,
          "http.route": "/users/{id}",
        },
        events: [],
      },
    ]);
    const attributes = {
      "http.request.method": "POST",
      "url.scheme": "http",
      "http.response.status_code": 200,
      "http.route": "/users/{id}",
      "network.protocol.version": version,
    };
    expect(await sdk.metrics()).toEqual({
      "http.server.request.duration (s)": [{ attributes, value: 0.25, count: 1 }],
      "http.server.request.body.size (By)": [{ attributes, value: 3, count: 1 }],
      "http.server.response.body.size (By)": [{ attributes, value: 5, count: 1 }],
    });
    expect((await sdk.boundaries())["http.server.request.duration"]).toEqual([
      ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    ]);
  });

  test("content of unknown length is counted, 103 is an event, an unknown method is _OTHER", async () => {
    const sdk = new Sdk();
    await using served = await serveTraced(sdk, (request) => {
      sendInformational(request, 103, { link: "</a.css>; rel=preload" });
      return new HttpResponse(200, {}, request.body);
    });
    await using client = newClient({ version: protocol });
    const body = fromIterable(["ab", "cde"].map((part) => new TextEncoder().encode(part)));
    expect(await text(await client.request(new HttpRequest("PURGE", `${served.url}/x`, {}, body)))).toBe("abcde");
    const [span] = (await sdk.spans(1)) as [SpanFacts];
    expect(span).toMatchObject({
      name: "HTTP",
      status: "UNSET",
      attributes: { "http.request.method": "_OTHER", "http.request.method_original": "PURGE" },
      events: [{ name: "http.informational", "http.response.status_code": 103 }],
    });
    const { "http.server.request.body.size (By)": requests, "http.server.response.body.size (By)": responses } =
      await sdk.metrics();
    expect([requests?.map(({ value }) => value), responses?.map(({ value }) => value)]).toEqual([[5], [5]]);
  });

  test("a service that fails: an error, and 500 where it was sent", async () => {
    const sdk = new Sdk();
    await using served = await serveTraced(sdk, async () => {
      throw new Error("a secret");
    });
    await using client = newClient({ version: protocol, maxRetries: 0 });
    if (protocol === "http1") expect((await client.get(served.url)).status).toBe(500);
    else expect((await rejection(client.get(served.url))).code).toBe("STREAM_RESET");
    expect(await sdk.spans(1)).toEqual([
      {
        name: "GET",
        kind: "SERVER",
        status: "ERROR",
        attributes: {
          ...common(served.port, version),
          "url.path": "/",
          "error.type": "SERVICE_FAILED",
          ...(protocol === "http1" && { "http.response.status_code": 500 }),
        },
        events: [],
      },
    ]);
    const { "http.server.request.duration (s)": durations, ...others } = await sdk.metrics();
    expect(durations).toMatchObject([{ attributes: { "error.type": "SERVICE_FAILED" }, count: 1 }]);
    expect(others).toEqual({});
  });

  test.each([
    { status: 404, expected: { status: "UNSET", error: undefined } },
    { status: 503, expected: { status: "ERROR", error: "503" } },
  ])("a response with status $status", async ({ status, expected }) => {
    const sdk = new Sdk();
    await using served = await serveTraced(sdk, () => new HttpResponse(status));
    await using client = newClient({ version: protocol });
    await fetchText(client, served.url);
    const [span] = (await sdk.spans(1)) as [SpanFacts];
    expect({ status: span.status, error: span.attributes["error.type"] }).toEqual(expected);
    expect(span.attributes["http.response.status_code"]).toBe(status);
  });

  test.each([true, false])(
    "a span ends with the last byte of its response; with an observer: %s",
    async (isObserved) => {
      const sdk = new Sdk();
      const { parts, finish } = held();
      const answer = (): HttpResponse => new HttpResponse(200, {}, fromIterable(parts));
      await using served = isObserved
        ? await serveTraced(sdk, answer)
        : await serve(answer, {}, (service, info) => traced(service, sdk.tracing, info));
      await using client = newClient({ version: protocol });
      const response = await client.get(served.url);
      await response.body.frame();
      expect([sdk.begun, sdk.ended]).toEqual([1, 0]);
      finish();
      await text(response);
      await sdk.spans(1);
    },
  );

  test("the client goes: the span ends then, also without an observer", async () => {
    for (const isObserved of [true, false]) {
      const sdk = new Sdk();
      let begun = 0;
      const never = (): Promise<HttpResponse> => {
        begun++;
        return new Promise(() => {});
      };
      await using served = isObserved
        ? await serveTraced(sdk, never)
        : await serve(never, {}, (service, info) => traced(service, sdk.tracing, info));
      const client = newClient({ version: protocol });
      const failed = rejection(client.get(served.url));
      await until(() => begun === 1);
      expect(sdk.ended).toBe(0);
      if (isObserved) {
        const { "http.server.active_requests ({request})": active } = await sdk.metrics();
        expect(active).toEqual([{ attributes: { "http.request.method": "GET", "url.scheme": "http" }, value: 1 }]);
      }
      await client.destroy();
      await failed;
      const [span] = (await sdk.spans(1)) as [SpanFacts];
      expect(span.status).toBe("ERROR");
      expect(span.attributes["error.type"]).toEqual(expect.stringMatching(/^[A-Z_]+$/));
      expect(span.attributes).not.toHaveProperty("http.response.status_code");
      expect(await sdk.metrics()).not.toHaveProperty("http.server.active_requests ({request})");
    }
  });
});

test("without an observer a span ends when the last of the response was taken", async () => {
  const sdk = new Sdk();
  await using served = await serve(
    () => new HttpResponse(200, {}, fromIterable(["a", "b"])),
    {},
    (service, info) => traced(service, sdk.tracing, info),
  );
  await using client = newClient();
  expect(await fetchText(client, served.url)).toBe("ab");
  const [span] = (await sdk.spans(1)) as [SpanFacts];
  expect([span.status, span.attributes["http.response.status_code"]]).toEqual(["UNSET", 200]);
});

test("without a wrapper there are metrics and no spans", async () => {
  const sdk = new Sdk();
  await using served = await serve(() => new HttpResponse(204), {
    observer: serverTelemetry({ ...sdk.telemetry, scheme: "https" }),
  });
  await using client = newClient();
  await fetchText(client, served.url);
  const metrics = await sdk.metrics();
  expect(Object.keys(metrics).sort()).toEqual([
    "http.server.request.body.size (By)",
    "http.server.request.duration (s)",
    "http.server.response.body.size (By)",
  ]);
  expect(metrics["http.server.request.duration (s)"]?.[0]?.attributes["url.scheme"]).toBe("https");
  expect(sdk.begun).toBe(0);
});

test("the service runs in the context of its span, also behind a wait; a wrapper inside another one adds no span", async () => {
  const sdk = new Sdk();
  const seen: (string | undefined)[] = [];
  const look = (): void => void seen.push(trace.getActiveSpan()?.spanContext().spanId);
  await using served = await serveTraced(sdk, (request) =>
    traced(
      {
        call: async () => {
          look();
          await new Promise((resolve) => setImmediate(resolve));
          look();
          return new HttpResponse(200);
        },
      },
      sdk.tracing,
    ).call(request),
  );
  await using client = newClient();
  await fetchText(client, served.url);
  await sdk.spans(1);
  const id = sdk.exporter.getFinishedSpans()[0]?.spanContext().spanId;
  expect(seen).toEqual([id, id]);
});

test("a request that takes too long: 408 and the name of the limit", async () => {
  using clock = startClock();
  const sdk = new Sdk();
  await using served = await serveTraced(
    sdk,
    async (request) => {
      await request.body.frame();
      return new HttpResponse(200);
    },
    { timer: clock, http1: { bodyTimeoutMs: 30_000 } },
  );
  const socket = connect(served.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("POST /slow HTTP/1.1\r\nhost: example.org\r\ncontent-length: 3\r\n\r\n");
  socket.resume();
  await until(() => sdk.begun === 1);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(30_000);
  const [span] = (await sdk.spans(1)) as [SpanFacts];
  socket.destroy();
  expect(span).toMatchObject({
    name: "POST",
    status: "ERROR",
    attributes: {
      "server.address": "example.org",
      "server.port": 80,
      "http.response.status_code": 408,
      "error.type": "bodyTimeoutMs",
    },
  });
});

test("what the program knows: the client's address, what is shown of queries, exceptions", async () => {
  const sdk = new Sdk();
  const options = {
    ...sdk.tracing,
    clientAddress: (request: HttpRequest) => request.headers.get("x-real-ip"),
    redactQuery: ["token"],
    recordExceptions: true,
  };
  await using served = await serve(
    () => {
      throw new RangeError("too far");
    },
    { observer: serverTelemetry(sdk.telemetry) },
    (service, info) => traced(service, options, info),
  );
  await using client = newClient();
  const headers = { "x-real-ip": "192.0.2.1", authorization: "Basic c2VjcmV0" };
  await client.request(HttpRequest.get(`${served.url}/?to%6ben=1&SIG=2&b`, headers));
  const [span] = (await sdk.spans(1)) as [SpanFacts];
  expect(span.attributes["client.address"]).toBe("192.0.2.1");
  expect(span.attributes["url.query"]).toBe("to%6ben=REDACTED&SIG=REDACTED&b");
  expect(span.events).toMatchObject([
    { name: "exception", "exception.type": "RangeError", "exception.message": "too far" },
  ]);
  expect(JSON.stringify(span)).not.toContain("c2VjcmV0");
});

test("what tracers, propagators and hooks throw does not reach the exchange", async () => {
  const sdk = new Sdk();
  const fail = (): never => {
    throw new Error("broken");
  };
  const broken = [
    { ...sdk.tracing, propagator: { fields: () => [], inject: fail, extract: fail } },
    { ...sdk.tracing, clientAddress: fail },
    { ...sdk.tracing, redactQuery: fail },
    { ...sdk.tracing, tracerProvider: { getTracer: () => ({ startSpan: fail, startActiveSpan: fail }) } },
  ];
  for (const options of broken) {
    await using served = await serve(
      () => new HttpResponse(200, {}, full("fine")),
      {},
      (service) => traced(service, options),
    );
    await using client = newClient();
    expect(await fetchText(client, `${served.url}/?q=1`)).toBe("fine");
  }
  expect(sdk.begun).toBe(0);
});

test("senseless options throw at once", () => {
  const service = { call: () => new HttpResponse(200) };
  expect(() => traced(service, { redactQuery: 1 } as never)).toThrow(
    new TypeError("traced: redactQuery must be a list of names or a function, got number"),
  );
  expect(() => traced(service, { scheme: "ftp" } as never)).toThrow(
    new TypeError("traced: scheme must be http or https, got ftp"),
  );
  expect(() => traced(service, { clientAddress: 1 } as never)).toThrow(
    new TypeError("traced: clientAddress must be a function, got 1"),
  );
  expect(() => traced(service, { tracer: 1 } as never)).toThrow(new TypeError("traced: unknown option tracer"));
  expect(() => serverTelemetry({ meterProvider: 1 } as never)).toThrow(
    new TypeError("serverTelemetry: meterProvider must be an object with the method getMeter, got 1"),
  );
});
