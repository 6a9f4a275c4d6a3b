/** One trace through two servers and two clients, with a program of its own at each end. */
import { context, SpanKind, trace } from "@opentelemetry/api";
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { traced } from "@sluice/util/otel";
import { describe, expect, test } from "vitest";
import { text } from "../client/support.ts";
import { Sdk, serveTraced, watchedClient } from "./support.ts";

describe.each([
  ["http1", "http1"],
  ["http2", "http2"],
  ["http1", "http2"],
] as const)("%s, then %s", (first, second) => {
  test("client, server, client, server: one trace, each the child of the one before", async () => {
    const sdk = new Sdk();
    await using behind = await serveTraced(sdk, () => new HttpResponse(200, {}, full("hello")));
    await using inner = watchedClient(sdk, { version: second });
    await using front = await serveTraced(sdk, async (request) => {
      await new Promise((resolve) => setImmediate(resolve));
      return await inner.get(`${behind.url}${request.target.path}`);
    });
    await using outer = watchedClient(sdk, { version: first });

    const root = sdk.tracerProvider.getTracer("test").startSpan("root");
    const both = context.with(trace.setSpan(context.active(), root), () => [
      outer.get(`${front.url}/a`),
      outer.get(`${front.url}/b`),
    ]);
    for (const response of both) expect(await text(await response)).toBe("hello");
    root.end();
    await sdk.spans(9);

    const spans = sdk.exporter.getFinishedSpans();
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    for (const path of ["/a", "/b"]) {
      const lineage: string[] = [];
      let id = spans
        .find(
          ({ kind, attributes }) =>
            kind === SpanKind.SERVER && attributes["url.path"] === path && attributes["server.port"] === behind.port,
        )
        ?.spanContext().spanId;
      for (let depth = 0; id !== undefined && depth < 9; depth++) {
        const span = spans.find((other) => other.spanContext().spanId === id);
        const { "url.path": own, "url.full": url, "server.port": port } = span?.attributes ?? {};
        lineage.push(`${SpanKind[span?.kind ?? 0]} ${own ?? url ?? span?.name} ${port ?? ""}`.trim());
        id = span?.parentSpanContext?.spanId;
      }
      expect(lineage).toEqual([
        `SERVER ${path} ${behind.port}`,
        `CLIENT ${behind.url}${path} ${behind.port}`,
        `SERVER ${path} ${front.port}`,
        `CLIENT ${front.url}${path} ${front.port}`,
        "INTERNAL root",
      ]);
    }
  });
});

test("a server does not take what happens to be the context of its connection for the parent", async () => {
  const sdk = new Sdk();
  const root = sdk.tracerProvider.getTracer("test").startSpan("root");
  const service = traced({ call: () => new HttpResponse(204) }, sdk.tracing);
  await context.with(trace.setSpan(context.active(), root), () => service.call(HttpRequest.get("/")));
  root.end();
  await sdk.spans(2);
  const server = sdk.exporter.getFinishedSpans().find(({ kind }) => kind === SpanKind.SERVER);
  expect(server?.parentSpanContext).toBeUndefined();
});
