/**
 * Makes a span for each attempt of a request that a client sends, and tells the server of it.
 *
 * A span begins when the request is asked for, or tried again, and so contains the wait for a connection. The observer
 * (`clientTelemetry`) is what knows when an attempt is over, and why it is repeated; without one a span ends when the
 * last of the response was taken, or nobody wanted it any more.
 */
import { context, SpanKind, trace } from "@opentelemetry/api";
import {
  type ExtensionKey,
  extensionKey,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  isUnsent,
  type Service,
} from "@sluice/core";
import type { RequestOptions } from "../client/options.ts";
import type { Connected } from "../connect/connector.ts";
import { bodySource } from "../middleware/body-source.ts";
import { clientService, type Requester } from "../middleware/client-service.ts";
import { copyRequest } from "../middleware/copy-request.ts";
import { givenUp } from "../middleware/signal.ts";
import { watchResponse } from "../middleware/watch-response.ts";
import { clientSpanAttributes, methodName, peerOf } from "./attributes.ts";
import { type ByteCount, counted, declaredBytes } from "./byte-count.ts";
import { headerSetter } from "./carrier.ts";
import { clientExchangeKey, Exchange, schemeOf } from "./exchange.ts";
import { resolveTracing, type Tracing, type TracingOptions } from "./options.ts";
import { quietly } from "./quietly.ts";

/** What `tracedClient` gives: to be asked like a client, and a service for further middleware. */
export interface TracedClient extends Requester, Service {
  call(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * A client whose requests have spans, children of the span that is active at the call. Belongs below `retry` and
 * `followRedirects`, so that each attempt and each hop has a span of its own.
 *
 * What is sent is a copy of the request with the fields of the context. A request that is sent again, or of which a copy is, counts
 * as a repetition of itself (`http.request.resend_count`).
 *
 * ```ts
 * const client = tracedClient(new Client({ observer: clientTelemetry() }));
 * ```
 * @param inner A client; or a service, of which the address of the peer and repetitions of its own are known by an observer only.
 * @throws TypeError for options that make no sense.
 */
export function tracedClient(inner: Requester | Service, options: TracingOptions = noOptions): TracedClient {
  const tracing = resolveTracing("tracedClient", options);
  const requester: Requester = {
    request: async (request, requestOptions = {}) => new TracedRequest(tracing, request, requestOptions).run(inner),
  };
  const service = clientService(requester);
  return { ...requester, call: async (request) => service.call(request) };
}

const noOptions: TracingOptions = {};

/** How often a request was sent, copies included. */
interface Sendings {
  count: number;
}

const sendingsKey: ExtensionKey<Sendings> = extensionKey("sendings");

class TracedRequest {
  readonly #tracing: Tracing;
  readonly #given: HttpRequest;
  readonly #sent: HttpRequest;
  readonly #options: RequestOptions;
  readonly #sendings: Sendings;
  readonly #parent = context.active();
  /** The last attempt. */
  #exchange: Exchange;
  #isConnected = false;

  constructor(tracing: Tracing, given: HttpRequest, options: RequestOptions) {
    this.#tracing = tracing;
    this.#given = given;
    this.#options = options;
    this.#sendings = given.extensions.getOrInsert(sendingsKey, () => ({ count: 0 }));
    const source = bodySource(given);
    this.#sent = copyRequest(given, { body: given.body, source });
    this.#exchange = this.#begin();
    this.#sent.body = counted(given.body, this.#requestBytes);
  }

  async run(inner: Requester | Service): Promise<HttpResponse> {
    try {
      const answer = "request" in inner ? inner.request(this.#sent, this.#innerOptions()) : inner.call(this.#sent);
      return this.#answered(await answer);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  readonly #requestBytes = (): ByteCount => this.#exchange.requestBytes;

  /** One more attempt, of which its server is told. */
  #begin(): Exchange {
    const { scheme, tracer, propagator } = this.#tracing;
    const request = this.#sent;
    const resends = this.#sendings.count++;
    const exchange = new Exchange(request, "client", schemeOf(request, scheme));
    quietly(() => {
      const attributes = {
        ...clientSpanAttributes(request, exchange.scheme, this.#tracing),
        ...(resends > 0 && { "http.request.resend_count": resends }),
      };
      const span = tracer.startSpan(methodName(request), { kind: SpanKind.CLIENT, attributes }, this.#parent);
      exchange.span = span;
      propagator.inject(trace.setSpan(this.#parent, span), request.headers, headerSetter);
    });
    exchange.onRetry = () => this.#again();
    request.extensions.set(clientExchangeKey, exchange);
    this.#isConnected = false;
    return exchange;
  }

  #again(): void {
    this.#exchange = this.#begin();
    this.#exchange.requestBytes.set(declaredBytes(this.#sent.body));
  }

  #innerOptions(): RequestOptions {
    const { onConnection, replayBody } = this.#options;
    return {
      ...this.#options,
      onConnection: (connected) => {
        this.#connected(connected);
        onConnection?.(connected);
      },
      ...(replayBody !== undefined && { replayBody: () => counted(replayBody(), this.#requestBytes) }),
    };
  }

  #connected(connected: Connected): void {
    if (this.#isConnected) {
      // It is tried again, and no observer has told why.
      this.#exchange.over(new HttpError("closed", "RETRIED", "the request was sent again"));
      this.#again();
    }
    this.#isConnected = true;
    quietly(() => this.#exchange.span?.setAttributes(peerOf(connected.io.info)));
  }

  #answered(response: HttpResponse): HttpResponse {
    const exchange = this.#exchange;
    exchange.answered(response.status, response.version);
    if (exchange.isObserved) {
      const declared = declaredBytes(response.body);
      if (declared !== undefined) exchange.responseBytes.set(declared);
      else this.#watch(response, exchange, (error) => exchange.responseBytes.end(error));
    } else {
      this.#watch(response, exchange, (error) => exchange.over(error));
    }
    return response;
  }

  #watch(response: HttpResponse, exchange: Exchange, over: (error: unknown) => void): void {
    watchResponse(this.#sent, response, {
      onData: (byteLength) => exchange.responseBytes.add(byteLength),
      onOver: (outcome) => over(outcome.kind === "completed" ? undefined : (outcome.error ?? givenUp(undefined))),
    });
  }

  #failed(error: unknown): void {
    // What was not sent has its body still, which whoever asked may send elsewhere.
    if (isUnsent(error)) this.#given.body = this.#sent.body;
    if (this.#tracing.recordExceptions) {
      quietly(() => this.#exchange.span?.recordException(error instanceof Error ? error : String(error)));
    }
    this.#exchange.over(error ?? givenUp(undefined));
  }
}
