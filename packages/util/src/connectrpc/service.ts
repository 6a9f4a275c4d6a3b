/**
 * The routes of connect-es as a service: who answers, what is asked, and how the answer is sent.
 *
 * Methods, content types and versions are connect-es's to judge; what is here is the way to them by path and the abort when a
 * client leaves. Answers of one message are sent whole, streams as they are made.
 */

import {
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { full, HeaderMap, withTrailers } from "@sluice/body";
import { HttpError, type HttpRequest, HttpResponse, type Service, setTimeouts } from "@sluice/core";
import { RequestUrls } from "../fetch/request-url.ts";
import { defaultCompressions } from "./compression.ts";
import { serverError, unwanted } from "./errors.ts";
import { fieldsOf, headersOf } from "./fields.ts";
import { ReceivedContent } from "./received-content.ts";
import { SentContent } from "./sent-content.ts";
import { wholeOf } from "./whole-of.ts";

/** The options of connect-es's router, as its documentation describes them, and those of the adapter. */
export interface ConnectServiceOptions extends ConnectRouterOptions {
  /** Registers what is served: `(router) => router.service(ElizaService, { ... })`. */
  readonly routes: (router: ConnectRouter) => void;
  /** Answers requests for all other paths. Default: 404. */
  readonly fallback?: Service | undefined;
  /** In front of all paths, such as `/api`. Many gRPC clients cannot send it. Default: nothing. */
  readonly requestPathPrefix?: string | undefined;
  /** Makes the context values of each call. What it throws is a failed service. */
  readonly contextValues?: ((request: HttpRequest) => ContextValues) | undefined;
  /** The scheme in the URLs of calls. Default: what the client says on HTTP/2, else `http`. */
  readonly scheme?: "http" | "https" | undefined;
}

const notFound: Service = { call: () => new HttpResponse(404) };

/** What gRPC says at the end. On HTTP/1 only announced trailers are sent. */
const grpcTrailers: readonly string[] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

class ConnectService implements Service {
  readonly #handlers = new Map<string, UniversalHandler>();
  readonly #fallback: Service;
  readonly #contextValues: ConnectServiceOptions["contextValues"];
  readonly #urls: RequestUrls;

  constructor(options: ConnectServiceOptions) {
    const { routes, fallback = notFound, requestPathPrefix = "", contextValues, scheme, ...rest } = options;
    if (typeof routes !== "function") throw new TypeError("connectService: routes must be a function");
    if (typeof fallback?.call !== "function") throw new TypeError("connectService: fallback must be a service");
    if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
      throw new TypeError(`connectService: scheme must be http or https, got ${String(scheme)}`);
    }
    const router = createConnectRouter({
      ...rest,
      acceptCompression: rest.acceptCompression ?? [...defaultCompressions],
    });
    routes(router);
    for (const handler of router.handlers) this.#handlers.set(requestPathPrefix + handler.requestPath, handler);
    this.#fallback = fallback;
    this.#contextValues = contextValues;
    this.#urls = new RequestUrls({ scheme, defaultHost: "localhost", trustProxy: false });
  }

  call(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const handler = this.#handlers.get(request.target.path);
    if (handler === undefined) return this.#fallback.call(request);
    let url: string;
    try {
      url = this.#urls.urlOf(request);
    } catch (error) {
      if (HttpError.is(error)) return new HttpResponse(400);
      throw error;
    }
    return this.#answer(handler, request, url);
  }

  async #answer(handler: UniversalHandler, request: HttpRequest, url: string): Promise<HttpResponse> {
    const { methodKind } = handler.method;
    // The messages of a stream come when they come, within the deadline of the call.
    if (methodKind === "client_streaming" || methodKind === "bidi_streaming") {
      setTimeouts(request, { bodyTimeoutMs: 0, requestTimeoutMs: 0 });
    }
    const response = await handler(this.#universal(request, url));
    const isWhole = methodKind === "unary" || methodKind === "client_streaming";
    return await (isWhole ? wholeResponse(response, request) : streamedResponse(response, request));
  }

  #universal(request: HttpRequest, url: string): UniversalServerRequest {
    const values = this.#contextValues?.(request);
    return {
      httpVersion: request.version === "HTTP/2" ? "2.0" : request.version === "HTTP/1.0" ? "1.0" : "1.1",
      method: request.method,
      url,
      header: headersOf(request.headers),
      body: new ReceivedContent(request.body, { translate: serverError }),
      signal: signalOf(request),
      ...(values === undefined ? {} : { contextValues: values }),
    };
  }
}

/** Aborts when the client has left, with an error of the call as its reason. */
function signalOf(request: HttpRequest): AbortSignal {
  const controller = new AbortController();
  const { signal } = request;
  const abort = (): void => controller.abort(serverError(signal.reason));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  return controller.signal;
}

/** The response with one message, or none, and all that is said at its end. */
async function wholeResponse({ body, ...head }: UniversalServerResponse, request: HttpRequest): Promise<HttpResponse> {
  // The head is read behind the content: until then it is the method's to change.
  const content = body === undefined ? undefined : await wholeOf(body);
  const trailers = head.trailer === undefined ? undefined : fieldsOf(head.trailer);
  const response = responseOf(head, request);
  if (content !== undefined) response.body = full(content);
  if (trailers !== undefined && trailers.size > 0) response.body = withTrailers(response.body, trailers);
  return response;
}

/** The response with any number of messages: its head is sent with the first. */
async function streamedResponse(
  { body, ...head }: UniversalServerResponse,
  request: HttpRequest,
): Promise<HttpResponse> {
  if (body === undefined) return await wholeResponse(head, request);
  const iterator = body[Symbol.asyncIterator]();
  const { done, value } = await iterator.next();
  if (done === true) return await wholeResponse(head, request);
  const response = responseOf(head, request);
  const { trailer } = head;
  response.body = new SentContent(iterator, {
    first: value,
    trailers: trailer === undefined ? undefined : () => fieldsOf(trailer),
    translate: serverError,
    unwanted: (reason) => (reason === undefined ? unwanted() : serverError(reason)),
  });
  return response;
}

function responseOf({ status, header, trailer }: UniversalServerResponse, request: HttpRequest): HttpResponse {
  const fields = header === undefined ? new HeaderMap() : fieldsOf(header);
  if (trailer !== undefined && request.version !== "HTTP/2") {
    fields.append("trailer", [...new Set([...grpcTrailers, ...trailer.keys()])].join(", "));
  }
  return new HttpResponse(status, fields);
}

/**
 * The routes of connect-es as a service, for HTTP/1.1 and HTTP/2.
 *
 * ```ts
 * const service = connectService({ routes: (router) => router.service(ElizaService, { say: ({ sentence }) => ({ sentence }) }) });
 * serveAll(listen({ port: 3000 }), service);
 * ```
 * It speaks Connect, gRPC and gRPC-web. The signal of a call's context aborts when its client leaves: with code `canceled` if it
 * has said so, `aborted` if its connection was lost. Streams of both directions at once need HTTP/2, and are refused with 505
 * otherwise, as connect-es does. Over HTTP/1.1 gRPC's status reaches clients that take trailers (`te: trailers`), and no others.
 *
 * The server's time limits hold for unary requests; a client may be silent in a stream for any time. Over HTTP/1.1 its stream must
 * keep to `minBodyRate` all the same.
 *
 * @throws TypeError for options that make no sense, ConnectError for those of the router that do.
 */
export function connectService(options: ConnectServiceOptions): Service {
  return new ConnectService(options);
}
