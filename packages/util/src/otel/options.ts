/**
 * The options of both sides, and what is made of them. A set of options is checked the first time it is used and remembered,
 * so that a server that passes the same object for each connection pays once; it must not be changed afterwards.
 */
import {
  type MeterProvider,
  metrics,
  propagation,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { HttpRequest, IoInfo, Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { flagOption, knownOptions, objectOption } from "../options.ts";
import { queryRedactor, type RedactQuery } from "./redact-query.ts";

/** Options of the observers, which record metrics. */
export interface TelemetryOptions {
  /** Where metrics go. Default: the global one, when the observer is made. */
  readonly meterProvider?: MeterProvider | undefined;
  /** The scheme of requests that do not name theirs, which HTTP/1 requests to a server do not. Default `http`. */
  readonly scheme?: "http" | "https" | undefined;
  /** For the durations. Default: the shared `nodeTimer`. */
  readonly timer?: Pick<Timer, "now"> | undefined;
}

/** Options of `traced` and `tracedClient`, which make spans. */
export interface TracingOptions {
  /** Where spans go. Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** What writes the context into requests and reads it from them. Default: the global one. */
  readonly propagator?: TextMapPropagator | undefined;
  /** The scheme of requests that do not name theirs. Default: of a server what its transport tells, else `http`. */
  readonly scheme?: "http" | "https" | undefined;
  /**
   * What is shown of queries: the names of further parameters whose values are replaced by `REDACTED`, beside those that sign
   * URLs (`defaultRedactedParameters`), or a function that takes a query and returns what is shown of it, `undefined` for
   * nothing. Default: no further names.
   */
  readonly redactQuery?: RedactQuery | undefined;
  /**
   * Add an event with type, message and stack of what a service or client fails with. Default false: such messages may hold
   * what was received.
   */
  readonly recordExceptions?: boolean | undefined;
}

export interface ServerTracingOptions extends TracingOptions {
  /**
   * Who sent a request, such as by `Forwarded` of a proxy that can be trusted. Default, and where it returns `undefined`: the
   * address of the peer.
   */
  readonly clientAddress?: ((request: HttpRequest, info: IoInfo | undefined) => string | undefined) | undefined;
}

/** Options once they are checked. */
export interface Tracing {
  readonly tracer: Tracer;
  readonly propagator: Pick<TextMapPropagator, "inject" | "extract">;
  readonly scheme: string | undefined;
  readonly redact: (query: string) => string | undefined;
  readonly recordExceptions: boolean;
  readonly clientAddress: NonNullable<ServerTracingOptions["clientAddress"]>;
}

/** The name under which spans and metrics are made. */
const scopeName = "@sluice/util/otel";

const common = ["tracerProvider", "propagator", "scheme", "redactQuery", "recordExceptions"];
const known = new WeakMap<TracingOptions, Tracing>();

/** @throws TypeError for options that make no sense. */
export function resolveTracing(face: string, given: ServerTracingOptions, further: readonly string[] = []): Tracing {
  let tracing = known.get(given);
  if (tracing === undefined) {
    knownOptions(face, given, [...common, ...further]);
    const provider = objectOption(face, "tracerProvider", given.tracerProvider, "getTracer", () => trace);
    const { clientAddress = () => undefined } = given;
    if (typeof clientAddress !== "function") {
      throw new TypeError(`${face}: clientAddress must be a function, got ${String(clientAddress)}`);
    }
    tracing = {
      tracer: provider.getTracer(scopeName),
      propagator: objectOption<Tracing["propagator"]>(
        face,
        "propagator",
        given.propagator,
        "inject",
        () => propagation,
      ),
      scheme: schemeOption(face, given.scheme),
      redact: queryRedactor(face, given.redactQuery),
      recordExceptions: flagOption(face, "recordExceptions", given.recordExceptions, false),
      clientAddress,
    };
    known.set(given, tracing);
  }
  return tracing;
}

/** Options of an observer once they are checked. */
export interface Telemetry {
  readonly meter: ReturnType<MeterProvider["getMeter"]>;
  readonly scheme: string;
  readonly timer: Pick<Timer, "now">;
}

/** @throws TypeError for options that make no sense. */
export function resolveTelemetry(face: string, given: TelemetryOptions): Telemetry {
  knownOptions(face, given, ["meterProvider", "scheme", "timer"]);
  const provider = objectOption<Pick<MeterProvider, "getMeter">>(
    face,
    "meterProvider",
    given.meterProvider,
    "getMeter",
    () => metrics,
  );
  return {
    meter: provider.getMeter(scopeName),
    scheme: schemeOption(face, given.scheme) ?? "http",
    timer: objectOption(face, "timer", given.timer, "now", () => nodeTimer),
  };
}

function schemeOption(face: string, scheme: string | undefined): string | undefined {
  if (scheme === undefined || scheme === "http" || scheme === "https") return scheme;
  throw new TypeError(`${face}: scheme must be http or https, got ${String(scheme)}`);
}
