/**
 * The vocabulary of the telemetry tests: an SDK in memory for each side, its spans and metrics as plain facts, and servers and
 * clients that are watched by it.
 */
import {
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { HttpRequest, type HttpResponse, type Service } from "@sluice/core";
import type { ClientOptions } from "@sluice/util/client";
import { listen } from "@sluice/util/node";
import {
  clientTelemetry,
  serverTelemetry,
  type TracedClient,
  type TracingOptions,
  traced,
  tracedClient,
} from "@sluice/util/otel";
import { type ServeAllOptions, type Serving, serveAll } from "@sluice/util/server";
import { newClient, until } from "../client/support.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** W3C Trace Context, as far as `traceparent` goes. */
const traceparent: TextMapPropagator = {
  fields: () => ["traceparent"],
  inject(inside, carrier, setter) {
    const { traceId, spanId, traceFlags } = trace.getSpanContext(inside) ?? {};
    if (traceId !== undefined) setter.set(carrier, "traceparent", `00-${traceId}-${spanId}-0${traceFlags}`);
  },
  extract(inside, carrier, getter) {
    const [, traceId, spanId] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(getter.get(carrier, "traceparent"))) ?? [];
    if (traceId === undefined || spanId === undefined) return inside;
    return trace.setSpanContext(inside, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  },
};

/** A span, without times and ids. */
export interface SpanFacts {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly unknown[];
}

/** A metric's value for one set of attributes; of a histogram the sum, and how many. */
export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  readonly count?: number;
}

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** An SDK of one program: what it has made of spans and metrics so far. */
export class Sdk {
  /** Milliseconds. Stands still unless the test moves it. */
  nowMs = 1000;
  readonly timer: { now(): number } = { now: () => this.nowMs };
  readonly exporter: InMemorySpanExporter = new InMemorySpanExporter();
  /** Spans that were begun, and how often a span was ended. */
  begun = 0;
  ended = 0;
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
  readonly #reader = new Reader();

  constructor() {
    const counter = {
      onStart: (span: Span) => {
        this.begun++;
        const { end } = span;
        span.end = (...time) => {
          this.ended++;
          end.apply(span, time);
        };
      },
      onEnd: () => {},
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    this.tracerProvider = new BasicTracerProvider({
      spanProcessors: [counter, new SimpleSpanProcessor(this.exporter)],
    });
    this.meterProvider = new MeterProvider({ readers: [this.#reader] });
  }

  get tracing(): TracingOptions {
    return { tracerProvider: this.tracerProvider, propagator: traceparent };
  }

  get telemetry(): { meterProvider: MeterProvider; timer: { now(): number } } {
    return { meterProvider: this.meterProvider, timer: this.timer };
  }

  /** Waits for `count` spans, all of which were ended once. */
  async spans(count: number): Promise<SpanFacts[]> {
    await until(() => this.exporter.getFinishedSpans().length >= count);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.begun !== count || this.ended !== count) {
      throw new Error(`expected ${count} spans, got ${this.begun}, which were ended ${this.ended} times`);
    }
    return this.exporter.getFinishedSpans().map(({ name, kind, status, attributes, events }) => ({
      name,
      kind: SpanKind[kind] ?? "",
      status: SpanStatusCode[status.code] ?? "",
      attributes: { ...attributes },
      events: events.map(({ name: event, attributes: facts }) => ({ name: event, ...facts })),
    }));
  }

  /** All metrics with a value, by name and unit: `http.server.request.duration (s)`. Counters at 0 are left out. */
  async metrics(): Promise<Record<string, Point[]>> {
    const { resourceMetrics } = await this.#reader.collect();
    const all: Record<string, Point[]> = {};
    for (const { metrics } of resourceMetrics.scopeMetrics) {
      for (const { descriptor, dataPointType, dataPoints } of metrics) {
        const points = dataPoints.map(({ attributes, value }) =>
          dataPointType === DataPointType.HISTOGRAM
            ? { attributes, ...sumOf(value as { sum?: number; count: number }) }
            : { attributes, value: value as number },
        );
        const left = points.filter((point) => "count" in point || point.value !== 0);
        if (left.length > 0) all[`${descriptor.name} (${descriptor.unit})`] = left;
      }
    }
    return all;
  }

  /** The boundaries of the buckets of each histogram. */
  async boundaries(): Promise<Record<string, readonly number[]>> {
    const { resourceMetrics } = await this.#reader.collect();
    const all: Record<string, readonly number[]> = {};
    for (const { metrics } of resourceMetrics.scopeMetrics) {
      for (const metric of metrics) {
        if (metric.dataPointType !== DataPointType.HISTOGRAM) continue;
        all[metric.descriptor.name] = metric.dataPoints[0]?.value.buckets.boundaries ?? [];
      }
    }
    return all;
  }
}

function sumOf({ sum = 0, count }: { sum?: number; count: number }): { value: number; count: number } {
  return { value: sum, count };
}

/** A server on 127.0.0.1. */
export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: Serving;
}

export async function serve(call: Service["call"], options: ServeAllOptions = {}, wrap = unwrapped): Promise<Served> {
  const listener = listen({ port: 0, host: "127.0.0.1" });
  const { port } = (await listener.ready) as { port: number };
  const server = serveAll(listener, (io) => wrap({ call }, io.info), { onError: () => {}, ...options });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    [Symbol.asyncDispose]: async () => void (await server.abort()),
  };
}

type Info = Parameters<typeof traced>[2];
const unwrapped = (service: Service, _info: Info): Service => service;

/** A server with both wrapper and observer. */
export function serveTraced(sdk: Sdk, call: Service["call"], options: ServeAllOptions = {}): Promise<Served> {
  const { tracing } = sdk;
  return serve(call, { observer: serverTelemetry(sdk.telemetry), ...options }, (service, info) =>
    traced(service, tracing, info),
  );
}

export interface Watched extends TracedClient, AsyncDisposable {
  get(url: string): Promise<HttpResponse>;
}

/** A client with both wrapper and observer. */
export function watchedClient(sdk: Sdk, options: ClientOptions = {}): Watched {
  const inner = newClient({ observer: clientTelemetry(sdk.telemetry), ...options });
  const client = tracedClient(inner, sdk.tracing);
  return {
    ...client,
    get: (url) => client.request(HttpRequest.get(url)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

/** Content of two parts, the second of which comes when it is told to. */
export function held(): { readonly parts: AsyncIterable<string>; finish(): void } {
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  async function* parts(): AsyncGenerator<string> {
    yield "first";
    await finished;
    yield "second";
  }
  return { parts: parts(), finish };
}
