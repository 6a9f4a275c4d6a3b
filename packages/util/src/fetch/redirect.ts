/**
 * What becomes of a fetch that is answered with a redirect (Fetch 4.4, "HTTP-redirect fetch"; RFC 9110 15.4).
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { type FetchUrl, fetchUrl, type PreparedFetch } from "./prepared-fetch.ts";
import type { RequestContent } from "./request-content.ts";

/** One request of a fetch. */
export interface Hop {
  readonly method: string;
  readonly url: FetchUrl;
  readonly headers: HeaderMap;
  readonly content: RequestContent | null;
  /** How many redirects came before. */
  readonly count: number;
  /** Another origin than the first has been asked. */
  readonly crossed: boolean;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What says something of content that is no longer there (Fetch 2.2.2, "request-body-header name"). */
const contentFields = ["content-encoding", "content-language", "content-location", "content-type", "content-length"];
/** What is meant for one server, and would give its secrets to another. */
const originFields = ["authorization", "proxy-authorization", "cookie", "cookie2", "www-authenticate", "host"];

export function isRedirect(status: number): boolean {
  return redirects.has(status);
}

/**
 * The request that follows `hop`, or `undefined` if the response stands for itself: it names no place.
 * @throws HttpError kind `protocol` for a place that cannot be gone to, kind `limit` for one redirect too many, kind `user` for
 *   content that would have to be sent once more and cannot be.
 */
export function nextHop(
  hop: Hop,
  fetch: PreparedFetch,
  status: number,
  location: string | undefined,
  max: number,
): Hop | undefined {
  if (location === undefined) return undefined;
  const url = targetOf(hop.url, location);
  const sameOrigin = url.origin === hop.url.origin;
  if (hop.count >= max) {
    throw new HttpError("limit", "TOO_MANY_REDIRECTS", `redirect count exceeded: maxRedirects = ${max}`);
  }
  // Node refuses these whatever the origin; nobody should be told a password by a redirect.
  if (url.hasCredentials) throw refused("REDIRECT_CREDENTIALS", "the location of a redirect holds credentials");
  const crossed = hop.crossed || url.origin !== fetch.url.origin;
  if (crossed && fetch.mode === "same-origin") {
    throw refused("REDIRECT_CROSS_ORIGIN", "a redirect to another origin, which mode same-origin does not allow");
  }
  const { method } = hop;
  let { content } = hop;
  if (status !== 303 && content !== null && !content.isRepeatable) {
    throw new HttpError("user", "REDIRECT_BODY", `the content is a stream, and cannot be sent again as ${status} asks`);
  }
  const headers = hop.headers.clone();
  const becomesGet = status === 303 ? method !== "GET" && method !== "HEAD" : status <= 302 && method === "POST";
  if (becomesGet) {
    content = null;
    for (const name of contentFields) headers.remove(name);
  }
  if (!sameOrigin) for (const name of originFields) headers.remove(name);
  return { method: becomesGet ? "GET" : method, url, headers, content, count: hop.count + 1, crossed };
}

function targetOf(from: FetchUrl, location: string): FetchUrl {
  // Locations are often UTF-8 as it is; one char is one byte here.
  const text = /[\x80-\xff]/.test(location) ? Buffer.from(location, "latin1").toString("utf8") : location;
  if (!URL.canParse(text, from.href)) throw refused("REDIRECT_INVALID", "the location of a redirect is not a URL");
  const parsed = new URL(text, from.href);
  if (parsed.hash === "") parsed.hash = from.fragment;
  const url = fetchUrl(parsed);
  if (url === undefined) throw refused("REDIRECT_SCHEME", "URL scheme must be a HTTP(S) scheme");
  return url;
}

function refused(code: string, message: string): HttpError {
  return new HttpError("protocol", code, message);
}
