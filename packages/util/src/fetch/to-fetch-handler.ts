/**
 * A service as a handler in the style of the Fetch standard, for runtimes that own the connection themselves.
 */
import { type Body, empty, Full, fromReadableStream, HeaderMap } from "@sluice/body";
import { HttpRequest, type HttpResponse, type Service } from "@sluice/core";
import { contentStream } from "./content-stream.ts";
import { isNullBodyStatus } from "./light-response.ts";
import { type BodyInit, lengthOfRequest, NativeResponse } from "./platform.ts";

/** Fields about the connection, which is the runtime's. */
const hopByHop: readonly string[] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/** A request whose client is known by a signal only. */
class FetchedRequest extends HttpRequest {
  readonly #signal: AbortSignal;

  constructor(request: Request) {
    super(request.method, request.url, headersOf(request), contentOf(request));
    this.#signal = request.signal;
  }

  override get signal(): AbortSignal {
    return this.#signal;
  }
}

function headersOf(request: Request): HeaderMap {
  const headers = new HeaderMap();
  for (const [name, value] of request.headers) headers.append(name, value);
  return headers;
}

function contentOf(request: Request): Body {
  const { body } = request;
  if (body === null) return empty();
  const length = lengthOfRequest(request);
  return fromReadableStream(body as ReadableStream<Uint8Array>, length === undefined ? undefined : { length });
}

/** The bytes that are at hand, else a stream. */
function platformBody(body: Body): BodyInit | null {
  if (body.isEndStream()) return null;
  if (body instanceof Full) return (body.intoInner() ?? null) as BodyInit | null;
  return contentStream(body) as BodyInit;
}

function responseOf(response: HttpResponse, method: string): Response {
  const { status, body } = response;
  const headers = new Headers();
  for (const [name, value] of response.headers) if (!hopByHop.includes(name)) headers.append(name, value);
  const isBodiless = method === "HEAD" || isNullBodyStatus(status);
  const { exact } = body.sizeHint();
  // What a GET would have got may be announced; to all else the runtime knows the length of what it is given, but for streams.
  const announces = isBodiless
    ? method === "HEAD" && exact !== undefined && exact > 0
    : exact !== undefined && exact > 0;
  if (announces && !headers.has("content-length")) headers.set("content-length", String(exact));
  if (isBodiless) body.cancel();
  return new NativeResponse(isBodiless ? null : platformBody(body), { status, statusText: response.reason, headers });
}

/**
 * A fetch handler that asks `service`: for `Deno.serve`, `Bun.serve`, Workers, or a route of another framework.
 *
 * The request is for an absolute URI, its `signal` is that of the `Request`. Informational responses, trailers and upgrades have no
 * way out: `sendInformational` returns false, trailers are dropped, and a status that a `Response` cannot have, 101
 * among them, rejects with a `RangeError`. So does, with its own error, a service that fails: what becomes of that is the runtime's.
 */
export function toFetchHandler(service: Service): (request: Request) => Promise<Response> {
  return async (request) => responseOf(await service.call(new FetchedRequest(request)), request.method);
}
