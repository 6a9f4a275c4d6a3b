/**
 * Handlers in the style of the Fetch standard as services: Hono's `app.fetch`, srvx, plain functions.
 */
import { HttpError, type HttpRequest, HttpResponse, type Io, type Service } from "@sluice/core";
import { knownOptions, wholeNumber } from "../options.ts";
import { FetchInfo, outcomeOf } from "./fetch-info.ts";
import { httpResponseOf } from "./http-response.ts";
import { LightRequest } from "./light-request.ts";
import { RequestUrls } from "./request-url.ts";
import { StreamBody } from "./stream-body.ts";

/** Turns a request into a response. What stands in the second place is the handler's to call as it likes (Hono: `c.env`). */
export type FetchHandler = (request: Request, info: FetchInfo) => Response | Promise<Response>;

/** Options of `fromFetchHandler`. */
export interface FromFetchHandlerOptions {
  /**
   * The connection that is served, for its facts: `https` in URLs if it is secure, and `info.connection`. Default: none, so that
   * one service does for all connections.
   */
  readonly io?: Pick<Io, "info"> | undefined;
  /** The scheme of URLs. Default: by `io`, else on HTTP/2 what the client says, else `http`. */
  readonly scheme?: "http" | "https" | undefined;
  /** The host in URLs of requests that name none, as HTTP/1.0 allows. Default `localhost`. */
  readonly defaultHost?: string | undefined;
  /**
   * X-Forwarded-Proto and X-Forwarded-Host, their last values, tell scheme and host. Only behind a proxy that sets both: anybody
   * can send them. Default false.
   */
  readonly trustProxy?: boolean | undefined;
  /**
   * Most bytes of a request that `text()`, `json()`, `formData()` and the like hold in memory; more is answered with 413 unless
   * the handler answers otherwise. Streams have no such limit. Default 134,217,728 (128 MiB).
   */
  readonly maxBufferedBodyBytes?: number | undefined;
}

const known: readonly (keyof FromFetchHandlerOptions)[] = [
  ...(["io", "scheme", "defaultHost", "trustProxy", "maxBufferedBodyBytes"] as const),
];

class FetchService implements Service {
  readonly #handler: FetchHandler;
  readonly #io: Pick<Io, "info"> | undefined;
  readonly #urls: RequestUrls;
  readonly #maxBytes: number;

  constructor(handler: FetchHandler, options: FromFetchHandlerOptions) {
    if (typeof handler !== "function") throw new TypeError(`handler: must be a function, got ${typeof handler}`);
    knownOptions("fromFetchHandler", options, known);
    const { io, scheme, defaultHost = "localhost", trustProxy = false } = options;
    if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
      throw new TypeError(`scheme: must be http or https, got ${String(scheme)}`);
    }
    if (typeof trustProxy !== "boolean")
      throw new TypeError(`trustProxy: must be a boolean, got ${String(trustProxy)}`);
    if (defaultHost === "" || !URL.canParse(`http://${defaultHost}/`)) {
      throw new TypeError(`defaultHost: must be a host, got ${JSON.stringify(defaultHost)}`);
    }
    this.#handler = handler;
    this.#io = io;
    this.#maxBytes = wholeNumber("maxBufferedBodyBytes", options.maxBufferedBodyBytes ?? 134_217_728, 0);
    this.#urls = new RequestUrls({ scheme: scheme ?? schemeOf(io), defaultHost, trustProxy });
  }

  call(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    let info: FetchInfo;
    let answer: Response | Promise<Response>;
    try {
      const light = new LightRequest(request, this.#urls.urlOf(request), this.#maxBytes);
      info = new FetchInfo(request, light, this.#io);
      answer = this.#handler(light as unknown as Request, info);
      if (!isPromise(answer)) return finish(answer, request, info);
    } catch (error) {
      return refusal(error, request);
    }
    return Promise.resolve(answer).then(
      (response) => finish(response, request, info),
      (error: unknown) => refusal(error, request),
    );
  }
}

function finish(response: Response, request: HttpRequest, info: FetchInfo): HttpResponse | Promise<HttpResponse> {
  const { trailers, upgrades } = outcomeOf(info);
  const made = httpResponseOf(response, trailers);
  // RFC 9110 9.3.6: any 2xx to CONNECT is the end of HTTP, which a handler that knows nothing of it cannot have meant.
  if (request.method === "CONNECT" && !upgrades && made.status <= 299) {
    made.body.cancel();
    return new HttpResponse(501);
  }
  // What a stream has at hand leaves with the head, in one write.
  if (made.body instanceof StreamBody && request.method !== "HEAD") return made.body.begun().then(() => made);
  return made;
}

/** The answer to what the request itself is to blame for. @throws what `error` is, if it is anything else. */
function refusal(error: unknown, { version }: HttpRequest): HttpResponse {
  if (!HttpError.is(error)) throw error;
  if (error.code === "URL_INVALID") return new HttpResponse(400);
  if (error.code !== "BODY_TOO_LARGE") throw error;
  // On HTTP/1 the rest of the content is in the way of the next request; on HTTP/2 it concerns its stream only.
  return new HttpResponse(413, version === "HTTP/2" ? {} : { connection: "close" });
}

function schemeOf(io: Pick<Io, "info"> | undefined): "http" | "https" | undefined {
  if (io === undefined) return undefined;
  return io.info?.secure === true ? "https" : "http";
}

function isPromise(answer: Response | Promise<Response>): answer is Promise<Response> {
  return typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function";
}

/**
 * A service that asks `handler` for each request.
 *
 * ```ts
 * const app = new Hono();
 * serveAll(listen({ port: 3000 }), fromFetchHandler(app.fetch));
 * serveAll(listen({ port: 3443, tls }), (io) => fromFetchHandler(app.fetch, { io }));
 * ```
 * The request is a `Request`, though a light one: nothing of it is made before it is asked for. Its `signal` aborts if the
 * client leaves before the response was sent, and never otherwise. The response may be the platform's or a `LightResponse`, which
 * costs a fraction (`installLightResponse` has frameworks make them). What the handler throws is a failed service: 500 on
 * HTTP/1, a reset on HTTP/2. A 2xx to CONNECT is sent only if it came from `info.upgrade()`, and is 501 otherwise.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function fromFetchHandler(handler: FetchHandler, options: FromFetchHandlerOptions = {}): Service {
  return new FetchService(handler, options);
}
