/**
 * What a wire log says of the heads of messages, when it is asked to: paths without their queries, and fields without
 * the values that give access to something. What is left out is named, never guessed at.
 *
 * Which exchange belongs to which HTTP/2 stream follows from the order of events: a request is told of after its stream
 * was opened, a waiting one in its turn, and none whose stream was closed before.
 */
import type { HeaderMap } from "@sluice/body";
import type { HttpRequest } from "@sluice/core";

const redacted = "[sensitive]";
/** Stands for a query, which may hold what a field of the same name would be redacted for. */
const queryLeftOut = "?[query]";

/** Fields whose values are never logged: credentials and what stands for them. */
const secretNames: ReadonlySet<string> = new Set([
  "authorization",
  "authentication-info",
  "cookie",
  "cookie2",
  "proxy-authentication-info",
  "proxy-authorization",
  "set-cookie",
  "set-cookie2",
]);
const secretPattern = /token|secret|passw|api-?key|credential|signature|session|jwt|csrf|xsrf|auth-?key|-auth$/;

/** Fields that hold a URI. */
const uriNames: ReadonlySet<string> = new Set(["content-location", "location", "referer"]);

/** The lines as `[name, value]`; marked values and those of secret fields are replaced, queries of URIs left out. */
export function loggedFields(headers: HeaderMap): [string, string][] {
  return headers.toJSON().map(([name, value]) => {
    if (value === redacted || secretNames.has(name) || secretPattern.test(name)) return [name, redacted];
    return [name, uriNames.has(name) ? withoutQuery(value) : value];
  });
}

function withoutQuery(uri: string): string {
  const end = uri.search(/[?#]/);
  return end < 0 ? uri : `${uri.slice(0, end)}${queryLeftOut}`;
}

/** The head of a request beside what is always logged. */
export function requestHead({ target, authority, headers }: HttpRequest): object {
  const path = target.query === undefined ? target.path : `${target.path}${queryLeftOut}`;
  return { authority, path: path === "" ? undefined : path, fields: loggedFields(headers) };
}

/** Numbers the exchanges of one connection from 1, and finds the streams of their requests. */
export class Exchanges {
  readonly #numbers = new WeakMap<HttpRequest, number>();
  /** Streams that were opened and whose request has not been told of, in order. */
  readonly #opened = new Set<number>();
  #last = 0;

  streamChanged(stream: number, from: string, to: string): void {
    // Pushed streams are reserved first, and nothing is told of their requests.
    if (from === "idle" && (to === "open" || to.startsWith("half-closed"))) this.#opened.add(stream);
    else if (to !== "half-closed (remote)") this.#opened.delete(stream);
  }

  /** The facts that identify a request which starts. */
  started(request: HttpRequest): { readonly exchange: number; readonly stream: number | undefined } {
    const exchange = ++this.#last;
    this.#numbers.set(request, exchange);
    const [stream] = this.#opened;
    if (stream !== undefined) this.#opened.delete(stream);
    return { exchange, stream };
  }

  /** The number of a request that was started; `undefined` for one that was not. */
  of(request: HttpRequest): number | undefined {
    return this.#numbers.get(request);
  }
}
