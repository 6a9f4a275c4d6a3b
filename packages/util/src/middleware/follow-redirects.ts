/**
 * Follows redirects, within a limit and by a policy, without carrying secrets from one origin to another.
 *
 * Belongs above `retry` and anything that adds cookies, so that both do their work for each hop; below `decompress`, which then sees
 * the last response only.
 */
import {
  type ExtensionKey,
  extensionKey,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type RequestTarget,
  type Service,
} from "@sluice/core";
import { flagOption, knownOptions, wholeOption } from "../options.ts";
import { type BodySource, bodySource } from "./body-source.ts";
import type { Middleware } from "./compose.ts";
import { isRedirect, keepsBody, redirectedRequest } from "./redirect-request.ts";
import { locationOf, targetOf } from "./redirect-target.ts";
import { callbackFailed, callUntil, cancelBody, isPromise, signalOf } from "./signal.ts";

/** A redirect that could be followed. */
export interface RedirectAttempt {
  readonly status: number;
  /** Where it leads; of any scheme. */
  readonly next: URL;
  /** The targets that were asked so far, the first one first. */
  readonly previous: readonly RequestTarget[];
}

/** `follow` it, `stop` and return the redirect as the response, or fail with an `error`. */
export type RedirectPolicy = (attempt: RedirectAttempt) => "follow" | "stop" | "error";

/** Options of `followRedirects`. */
export interface FollowRedirectsOptions {
  /** Most redirects that are followed for one request, 0 to 1,000. Default 10; `fetch` has 20. */
  readonly limit?: number | undefined;
  /** Is asked about each redirect within the limit. Default: follow. */
  readonly policy?: RedirectPolicy | undefined;
  /** Tell each hop which URI led to it, by `Referer`. Default false. */
  readonly referer?: boolean | undefined;
  /** Refuse to send anything, first or redirected, to `http`. Default false. */
  readonly httpsOnly?: boolean | undefined;
}

/** Where a response came from. */
export interface Redirects {
  /** The target of the last request. */
  readonly target: RequestTarget;
  /** What was asked before, with the status that led on; empty if there was no redirect. */
  readonly history: readonly { readonly target: RequestTarget; readonly status: number }[];
}

/** On each response of `followRedirects`: where it came from. */
export const redirectsKey: ExtensionKey<Redirects> = extensionKey("redirects");

type Hop = Redirects["history"][number];

/**
 * Follows redirects of requests whose target is an absolute URI.
 *
 * 301 and 302 make a GET of a POST, 303 of all but HEAD; a body that is dropped takes its fields with it; otherwise method and body
 * stay. To another origin (scheme, host or port) no `Authorization`, `Cookie`, `Cookie2`, `Proxy-Authorization`,
 * `WWW-Authenticate`, nor any field marked as sensitive goes along. The redirect itself is returned if its `Location` is missing or
 * invalid, or a body would have to be sent again that cannot be made anew (see `replayableBody`).
 *
 * Rejects with an `HttpError`: code `TOO_MANY_REDIRECTS` (kind `limit`), `REDIRECT_SCHEME` for any scheme but http and https and
 * `NOT_HTTPS` (kind `protocol`; for the first request `user`), `REDIRECT_REFUSED` (kind `canceled`) when the policy says error.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function followRedirects(options: FollowRedirectsOptions = {}): Middleware {
  knownOptions("followRedirects", options, ["limit", "policy", "referer", "httpsOnly"]);
  const { policy = () => "follow" } = options;
  if (typeof policy !== "function") {
    throw new TypeError(`followRedirects: policy must be a function, got ${String(policy)}`);
  }
  const limit = wholeOption("followRedirects", "limit", options.limit, 10, 0, 1000);
  const addReferer = flagOption("followRedirects", "referer", options.referer, false);
  const httpsOnly = flagOption("followRedirects", "httpsOnly", options.httpsOnly, false);

  /** The request that follows; `undefined` if `response` is what there is. */
  function next(current: HttpRequest, response: HttpResponse, source: BodySource | undefined, history: readonly Hop[]) {
    const { status } = response;
    if (!isRedirect(status) || (source === undefined && keepsBody(status, current.method))) return undefined;
    const url = locationOf(current.target, response);
    if (url === undefined) return undefined;
    if (history.length >= limit) {
      throw new HttpError("limit", "TOO_MANY_REDIRECTS", `more redirects than limit = ${limit} allows`);
    }
    const previous = [...history.map((hop) => hop.target), current.target];
    switch (judge({ status, next: new URL(url), previous })) {
      case "stop":
        return undefined;
      case "error":
        throw new HttpError("canceled", "REDIRECT_REFUSED", `the policy refused to follow redirect ${previous.length}`);
      default:
    }
    const target = targetOf(url);
    checkScheme(target, "protocol");
    try {
      return redirectedRequest(current, status, target, source, addReferer);
    } catch (cause) {
      throw callbackFailed("replayableBody: make", cause);
    }
  }

  function judge(attempt: RedirectAttempt): ReturnType<RedirectPolicy> {
    let verdict: ReturnType<RedirectPolicy>;
    try {
      verdict = policy(attempt);
    } catch (cause) {
      throw callbackFailed("policy", cause);
    }
    if (verdict === "follow" || verdict === "stop" || verdict === "error") return verdict;
    const message = `policy must return "follow", "stop" or "error", returned a ${typeof verdict}`;
    throw new HttpError("user", "CALLBACK_FAILED", message);
  }

  function checkScheme({ scheme }: RequestTarget, kind: "protocol" | "user"): void {
    if (!httpsOnly || scheme === "https") return;
    throw new HttpError(kind, "NOT_HTTPS", `with httpsOnly a target must be https, got ${scheme ?? "no scheme"}`);
  }

  async function follow(inner: Service, request: HttpRequest, first: Promise<HttpResponse>, source?: BodySource) {
    const signal = signalOf(request);
    const history: Hop[] = [];
    let current = request;
    let response = await first;
    for (;;) {
      let following: HttpRequest | undefined;
      try {
        // A hop that lost its body has an empty one, which is made anew with ease.
        following = next(current, response, current === request ? source : bodySource(current), history);
      } catch (error) {
        cancelBody(response, error);
        throw error;
      }
      if (following === undefined) return response.extension(redirectsKey, { target: current.target, history });
      history.push({ target: current.target, status: response.status });
      cancelBody(response);
      // What was not sent of the body is not wanted there any more; it may hold a file open.
      cancelBody(current);
      current = following;
      response = await callUntil(inner, current, signal);
    }
  }

  return (inner) => ({
    call(request) {
      checkScheme(request.target, "user");
      const source = bodySource(request);
      const answer = callUntil(inner, request, signalOf(request));
      if (isPromise(answer)) return follow(inner, request, answer, source);
      if (!isRedirect(answer.status)) {
        return answer.extension(redirectsKey, { target: request.target, history: [] });
      }
      return follow(inner, request, Promise.resolve(answer), source);
    },
  });
}
