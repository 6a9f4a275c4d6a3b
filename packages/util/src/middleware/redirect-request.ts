/**
 * The request that follows a redirect: which method, which body, which fields (RFC 9110 15.4; Fetch, HTTP-redirect fetch).
 *
 * Fields are taken from the hop before, never from the first request: what was dropped on the way to another origin does not
 * come back on the way home.
 */
import { empty, type HeaderMap } from "@sluice/body";
import type { HttpRequest, Method, RequestTarget } from "@sluice/core";
import type { BodySource } from "./body-source.ts";
import { copyRequest } from "./copy-request.ts";
import { originText } from "./redirect-target.ts";

/** The statuses that are followed. 300, 304, 305 and 306 are not redirects a program can follow by itself. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Fields that describe content, of which there is none when the body is dropped (RFC 9110 15.4). */
const contentFields = [
  ...[
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
    "transfer-encoding",
  ],
  ...["trailer", "expect"],
];

/** Fields for one origin only. */
const originFields = ["authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate"];

/**
 * The method after a redirect: POST becomes GET on 301 and 302, as browsers made it; on 303 all but GET and HEAD do.
 */
function redirectedMethod(status: number, method: Method): Method {
  if (status === 303) return method === "HEAD" ? "HEAD" : "GET";
  return method === "POST" && (status === 301 || status === 302) ? "GET" : method;
}

/** Whether the body goes along: it does not where the method changes, nor on 303. */
export function keepsBody(status: number, method: Method): boolean {
  return status !== 303 && redirectedMethod(status, method) === method;
}

/** The request to `target` after `previous` was answered with `status`; `source` makes its body if it keeps one. */
export function redirectedRequest(
  previous: HttpRequest,
  status: number,
  target: RequestTarget,
  source: BodySource | undefined,
  addReferer: boolean,
): HttpRequest {
  const headers = previous.headers.clone();
  const withBody = keepsBody(status, previous.method);
  if (!withBody) for (const name of contentFields) headers.remove(name);
  if (originText(previous.target) !== originText(target)) leaveOrigin(headers);
  refer(headers, previous.target, target, addReferer);
  return copyRequest(previous, {
    method: redirectedMethod(status, previous.method),
    target,
    headers,
    body: withBody && source !== undefined ? source() : empty(),
    source: withBody ? source : empty,
  });
}

/** Also what the program marked as sensitive stays behind, whatever its name. Host belongs to the target. */
function leaveOrigin(headers: HeaderMap): void {
  for (const name of originFields) headers.remove(name);
  for (const name of headers.keys()) if (headers.isSensitive(name)) headers.remove(name);
  headers.remove("host");
}

/** RFC 9110 10.1.3: without fragment and user information, neither of which a target has; never from https to http. */
function refer(headers: HeaderMap, from: RequestTarget, to: RequestTarget, addReferer: boolean): void {
  if (from.scheme === "https" && to.scheme === "http") headers.remove("referer");
  else if (addReferer) headers.insert("referer", from.toString());
}
