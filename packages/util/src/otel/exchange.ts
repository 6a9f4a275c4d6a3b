/**
 * One exchange, or one attempt of one, as telemetry knows it: put together by the observer and the wrapper, whichever are
 * there. It travels with the request, by which the two find each other, and is over once.
 */
import { type Span, SpanStatusCode } from "@opentelemetry/api";
import { type ExtensionKey, extensionKey, HttpError, type HttpRequest, type HttpVersion } from "@sluice/core";
import { errorType, methodName, versionOf } from "./attributes.ts";
import { ByteCount } from "./byte-count.ts";
import { quietly } from "./quietly.ts";

/** The route of a request, such as `/users/{id}`: set by the program, for the name of the span and for metrics. */
export const routeKey: ExtensionKey<string> = extensionKey("http.route");

/** What telemetry knows of a request to a server; apart from those of clients, for requests may be passed on. */
export const serverExchangeKey: ExtensionKey<Exchange> = extensionKey("server exchange");
export const clientExchangeKey: ExtensionKey<Exchange> = extensionKey("client exchange");

export type Side = "server" | "client";

export class Exchange {
  readonly request: HttpRequest;
  readonly side: Side;
  readonly requestBytes: ByteCount = new ByteCount();
  readonly responseBytes: ByteCount = new ByteCount();
  scheme: string;
  status: number | undefined;
  /** Of a client only once there is a response: before, what is spoken may not be known. */
  version: HttpVersion | undefined;
  span: Span | undefined;
  /** An observer will tell when it is over. */
  isObserved = false;
  /** For the observer, which records metrics. */
  onOver: ((exchange: Exchange, error: unknown) => void) | undefined;
  /** For the wrapper of a client: it failed and the request is sent once more. */
  onRetry: (() => void) | undefined;
  #isOver = false;

  constructor(request: HttpRequest, side: Side, scheme: string) {
    this.request = request;
    this.side = side;
    this.scheme = scheme;
    this.version = side === "server" ? request.version : undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get route(): string | undefined {
    return this.side === "server" ? this.request.extensionsIfAny?.get(routeKey) : undefined;
  }

  answered(status: number, version: HttpVersion): void {
    this.status = status;
    if (this.side === "client") this.version = version;
  }

  /** A 1xx response. */
  informational(status: number): void {
    this.span?.addEvent("http.informational", { "http.response.status_code": status });
  }

  /** Only the first call does anything. `error` says that it did not end as it should have. */
  over(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A server answers by itself where the service did not; HTTP/2 resets the stream instead.
    if (this.side === "server" && this.status === undefined && this.version !== "HTTP/2" && HttpError.is(error)) {
      this.status = error.status;
    }
    quietly(() => this.onOver?.(this, error));
    const { span } = this;
    if (span === undefined) return;
    quietly(() => this.#finish(span, error));
    quietly(() => span.end());
  }

  /** What `error.type` says; `undefined` if nothing went wrong. A 4xx is the client's error, and the server's success. */
  errorType(error: unknown): string | undefined {
    if (error !== undefined) return errorType(error);
    const { status = 0 } = this;
    return status >= (this.side === "server" ? 500 : 400) ? String(status) : undefined;
  }

  #finish(span: Span, error: unknown): void {
    const { status, version, route } = this;
    const failure = this.errorType(error);
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
    if (version !== undefined && this.side === "client") span.setAttributes(versionOf(version));
    if (route !== undefined) {
      span.setAttribute("http.route", route);
      span.updateName(`${methodName(this.request)} ${route}`);
    }
    if (failure === undefined) return;
    span.setAttribute("error.type", failure);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
}

/** The scheme of a request: its own, else what is known otherwise. */
export function schemeOf(request: HttpRequest, otherwise: string | undefined): string {
  return request.target.scheme ?? otherwise ?? "http";
}
