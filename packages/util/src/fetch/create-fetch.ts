/**
 * `fetch` over the pooled client: the arguments, the rules and the errors of the platform's, without its streams and its
 * bookkeeping.
 *
 * A fetch is a chain of hops; each is one request of the client. What it says is put together once and changed by redirects.
 */
import { type Body, empty, full, type HeaderMap } from "@sluice/body";
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import type { Client, RequestOptions } from "../client/index.ts";
import { codingsOf, decodedAtOnce, decodedBody } from "./decoded-body.ts";
import { type FetchOptions, type ResolvedFetchOptions, resolveFetchOptions } from "./fetch-options.ts";
import { isNullBodyStatus, lightResponse, type ResponseParts } from "./light-response.ts";
import { type PreparedFetch, prepareFetch } from "./prepared-fetch.ts";
import { readAhead } from "./read-ahead.ts";
import { type Hop, isRedirect, nextHop } from "./redirect.ts";

/** As the global `fetch`. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Fields about the connection, which is not the caller's. */
const refusedFields: readonly string[] = ["transfer-encoding", "keep-alive", "upgrade", "expect"];

class FetchClient {
  readonly #client: Client;
  readonly #options: ResolvedFetchOptions;

  constructor(client: Client, options: ResolvedFetchOptions) {
    this.#client = client;
    this.#options = options;
  }

  async fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const prepared = prepareFetch(input, init);
    if (prepared === undefined) return await this.#delegate(input, init);
    const { signal } = prepared;
    if (isAborted(signal)) {
      abandon(prepared, signal?.reason);
      throw signal?.reason;
    }
    try {
      return await this.#follow(prepared);
    } catch (error) {
      abandon(prepared, error);
      if (isAborted(signal)) throw signal?.reason;
      throw new TypeError("fetch failed", { cause: error });
    }
  }

  #delegate(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const { otherSchemes } = this.#options;
    if (otherSchemes !== null) return otherSchemes(input as string, init);
    const cause = new HttpError("user", "UNSUPPORTED_SCHEME", "the scheme must be http or https");
    throw new TypeError("fetch failed", { cause });
  }

  async #follow(fetch: PreparedFetch): Promise<Response> {
    const { method, url, content } = fetch;
    let hop: Hop = { method, url, headers: this.#headersOf(fetch), content, count: 0, crossed: false };
    for (;;) {
      const response = await this.#send(hop, fetch);
      try {
        const next = this.#next(hop, fetch, response);
        if (next === undefined) return this.#answer(hop, fetch, response);
        hop = next;
      } catch (error) {
        response.body.cancel(error);
        throw error;
      }
      response.body.cancel();
    }
  }

  /** Where the response leads to; `undefined` if it is the answer. */
  #next(hop: Hop, fetch: PreparedFetch, { status, headers }: HttpResponse): Hop | undefined {
    if (!isRedirect(status) || fetch.redirect === "manual") return undefined;
    if (fetch.redirect === "error") throw new HttpError("protocol", "UNEXPECTED_REDIRECT", "unexpected redirect");
    return nextHop(hop, fetch, status, headers.get("location"), this.#options.maxRedirects);
  }

  #send({ method, url, headers, content }: Hop, { signal }: PreparedFetch): Promise<HttpResponse> {
    const request = new HttpRequest(method, url.target, headers, content === null ? empty() : content.open());
    const replayBody = content?.isRepeatable === true ? (): Body => content.open() : undefined;
    const options: RequestOptions = { ...this.#options.request, signal, replayBody };
    return this.#client.request(request, options);
  }

  /** What is said to a server, the program's own words first. */
  #headersOf({ headers, content, url, cache }: PreparedFetch): HeaderMap {
    for (const name of refusedFields) {
      if (headers.has(name)) throw new HttpError("user", "FIELD_REFUSED", `a fetch cannot send the field ${name}`);
    }
    // It is the URL that says who is asked.
    headers.remove("host");
    const type = content?.type ?? null;
    if (type !== null) addMissing(headers, "content-type", type);
    addMissing(headers, "accept", "*/*");
    addMissing(headers, "accept-language", "*");
    addMissing(headers, "sec-fetch-mode", "cors");
    addMissing(headers, "user-agent", this.#options.userAgent);
    // Fetch 4.6: a cache on the way is asked to ask its server.
    if (cache === "no-cache") addMissing(headers, "cache-control", "max-age=0");
    if (cache === "no-store" || cache === "reload") {
      addMissing(headers, "pragma", "no-cache");
      addMissing(headers, "cache-control", "no-cache");
    }
    if (!this.#options.decompress) return headers;
    // A part of coded content cannot be undone.
    const codings = headers.has("range") ? "identity" : url.isHttps ? "br, gzip, deflate" : "gzip, deflate";
    addMissing(headers, "accept-encoding", codings);
    return headers;
  }

  #answer(hop: Hop, fetch: PreparedFetch, response: HttpResponse): Response {
    const { signal } = fetch;
    const { status, headers, body } = response;
    const hasBody = !isNullBodyStatus(status) && hop.method !== "HEAD";
    const content = hasBody ? this.#contentOf(response) : { source: null };
    if (!hasBody) body.cancel();
    return lightResponse({
      status,
      // HTTP/2 has no phrases, and none are made up.
      statusText: response.version === "HTTP/2" ? "" : response.reason,
      headers,
      immutable: true,
      ...content,
      url: hop.url.href,
      redirected: hop.count > 0,
      type: hop.crossed ? "cors" : "basic",
      translate: (error) => (isAborted(signal) ? signal?.reason : new TypeError("terminated", { cause: error })),
    });
  }

  #contentOf({ headers, body }: HttpResponse): Pick<ResponseParts, "source" | "decoded" | "watched"> {
    const codings = this.#options.decompress ? codingsOf(headers.getJoined("content-encoding")) : undefined;
    const held = readAhead(body);
    const isWhole = held instanceof Uint8Array;
    const watched = isWhole ? undefined : body;
    if (codings === undefined || (isWhole && held.length === 0)) return { source: held, watched };
    const atOnce = isWhole ? decodedAtOnce(held, codings, this.#options) : undefined;
    const source = atOnce ?? decodedBody(isWhole ? full(held) : held, codings, this.#options);
    return { source, decoded: true, watched };
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function addMissing(headers: HeaderMap, name: string, value: string): void {
  if (!headers.has(name)) headers.append(name, value);
}

/** Lets the content of a fetch go that will not be sent. */
function abandon({ content }: PreparedFetch, reason: unknown): void {
  if (content !== null && !content.isRepeatable) content.open().cancel(reason);
}

/**
 * A `fetch` whose requests go through `client`.
 *
 * ```ts
 * const fetch = createFetch(new Client());
 * const answer = await (await fetch("https://example.org/")).json();
 * ```
 * It behaves as Node's does: no cookies, no cache, no CORS; redirects are followed 20 times, credentials do not leave their origin;
 * content codings are asked for and undone; it rejects with a `TypeError` ("fetch failed") whose `cause` is the `HttpError`, or with
 * the reason of its signal. Responses are `Response` objects whose content is a web stream only where one is asked for.
 * Differences: `integrity` is refused, `keepalive` means nothing, and strings in a streamed body are sent as UTF-8.
 *
 * A response that came whole with its head frees its connection at once; of others the content should be read or cancelled. One that
 * nobody holds any more is cancelled when the engine finds out.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function createFetch(client: Client, options: FetchOptions = {}): Fetch {
  const fetching = new FetchClient(client, resolveFetchOptions(options));
  return (input, init) => fetching.fetch(input, init);
}
