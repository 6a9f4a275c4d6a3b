/**
 * Makes the span of each request to a server, and runs the service inside its context.
 *
 * The observer (`serverTelemetry`) is what knows when an exchange is really over; where there is one, it ends the span. Without
 * one the span ends when the last of the response was taken, or nobody wanted it any more.
 */
import { type Context, context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { HttpRequest, HttpResponse, IoInfo, Service } from "@sluice/core";
import { givenUp, isPromise, signalOf } from "../middleware/signal.ts";
import { watchResponse } from "../middleware/watch-response.ts";
import { methodName, serverSpanAttributes } from "./attributes.ts";
import { counted, declaredBytes } from "./byte-count.ts";
import { headerGetter } from "./carrier.ts";
import { Exchange, schemeOf, serverExchangeKey } from "./exchange.ts";
import { resolveTracing, type ServerTracingOptions, type Tracing } from "./options.ts";
import { quietly } from "./quietly.ts";

/**
 * `service` with a span around each call, a child of what the request says it belongs to. Should be the outermost wrapper.
 *
 * ```ts
 * serveAll(listener, (io) => traced(service, options, io.info), { observer: serverTelemetry() });
 * ```
 * @param info What is known of the transport, for the addresses of the peer and the scheme. Default: nothing.
 * @throws TypeError for options that make no sense.
 */
export function traced(service: Service, options: ServerTracingOptions = noOptions, info?: IoInfo): Service {
  const tracing = resolveTracing("traced", options, ["clientAddress"]);
  return { call: (request) => call(tracing, service, request, info) };
}

const noOptions: ServerTracingOptions = {};

function call(
  tracing: Tracing,
  service: Service,
  request: HttpRequest,
  info: IoInfo | undefined,
): HttpResponse | Promise<HttpResponse> {
  const known = request.extensionsIfAny?.get(serverExchangeKey);
  // Traced already, by another one further out.
  if (known?.span !== undefined) return service.call(request);
  const scheme = schemeOf(request, tracing.scheme ?? schemeOfTransport(info) ?? known?.scheme);
  const exchange = known ?? new Exchange(request, "server", scheme);
  exchange.scheme = scheme;
  const inside = quietly(() => begin(tracing, exchange, request, info));
  if (inside === undefined) return service.call(request);
  if (known === undefined) request.extensions.set(serverExchangeKey, exchange);
  return new TracedCall(tracing, exchange, request).run(service, inside);
}

/** Starts the span; returns the context that it is in. */
function begin(tracing: Tracing, exchange: Exchange, request: HttpRequest, info: IoInfo | undefined): Context {
  // Not in what happens to be the context now: that is of whoever made the connection.
  const parent = tracing.propagator.extract(ROOT_CONTEXT, request.headers, headerGetter);
  const attributes = serverSpanAttributes(request, exchange.scheme, info, tracing);
  const span = tracing.tracer.startSpan(methodName(request), { kind: SpanKind.SERVER, attributes }, parent);
  exchange.span = span;
  return trace.setSpan(parent, span);
}

function schemeOfTransport(info: IoInfo | undefined): string | undefined {
  if (info?.secure === undefined) return undefined;
  return info.secure ? "https" : "http";
}

class TracedCall {
  readonly #tracing: Tracing;
  readonly #exchange: Exchange;
  readonly #request: HttpRequest;
  /** Without an observer: aborts when nobody waits any more. */
  readonly #signal: AbortSignal | undefined;

  constructor(tracing: Tracing, exchange: Exchange, request: HttpRequest) {
    this.#tracing = tracing;
    this.#exchange = exchange;
    this.#request = request;
    this.#signal = exchange.isObserved ? undefined : signalOf(request);
    request.body = counted(request.body, () => exchange.requestBytes);
  }

  run(service: Service, inside: Context): HttpResponse | Promise<HttpResponse> {
    // A service that never answers is over when nobody waits for it any more.
    this.#signal?.addEventListener("abort", this.#onAbort);
    try {
      const answer = context.with(inside, () => service.call(this.#request));
      return isPromise(answer) ? answer.then(this.#answered).catch(this.#failed) : this.#answered(answer);
    } catch (error) {
      return this.#failed(error);
    }
  }

  readonly #answered = (response: HttpResponse): HttpResponse => {
    this.#unlisten();
    const exchange = this.#exchange;
    if (exchange.isOver) return response;
    if (exchange.isObserved) {
      if (declaredBytes(response.body) === undefined)
        this.#watch(response, (error) => exchange.responseBytes.end(error));
    } else {
      exchange.answered(response.status, response.version);
      this.#watch(response, (error) => exchange.over(error));
    }
    return response;
  };

  #watch(response: HttpResponse, over: (error: unknown) => void): void {
    watchResponse(this.#request, response, {
      onData: (byteLength) => this.#exchange.responseBytes.add(byteLength),
      onOver: (outcome) => over(outcome.kind === "completed" ? undefined : (outcome.error ?? givenUp(undefined))),
    });
  }

  readonly #failed = (error: unknown): never => {
    this.#unlisten();
    if (this.#tracing.recordExceptions) {
      quietly(() => this.#exchange.span?.recordException(error instanceof Error ? error : String(error)));
    }
    if (!this.#exchange.isObserved) this.#exchange.over(error ?? givenUp(undefined));
    throw error;
  };

  readonly #onAbort = (): void => this.#exchange.over(this.#signal?.reason);

  #unlisten(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
