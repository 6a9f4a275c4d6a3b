// What a client is told when its request could not be passed on: a status, and nothing about the upstream.

import { HttpError } from "@sluice/core";

/** The status for an error of the client (RFC 9110 15.6). */
export function statusOf(error) {
  const { kind, code } = HttpError.find(error) ?? {};
  // Nothing is wrong with the upstream: there are too many requests.
  if (code === "POOL_QUEUE_FULL" || code === "queueTimeoutMs" || code === "CLIENT_CLOSED") return 503;
  return kind === "timeout" ? 504 : 502;
}

/**
 * Whether the request failed because the client did not send all of it. That is between the client and its connection,
 * which has answered already, or cannot any more.
 */
export function isClientsFault(error, request) {
  return request.signal.aborted || (HttpError.is(error) && error.code === "BODY_FAILED");
}

/**
 * A line for the log. Queries, fields and the messages of errors are not in it: they may hold what is nobody's business.
 */
export function failureLine(request, route, error) {
  const { kind = "failure", code = "UNKNOWN" } = HttpError.find(error) ?? {};
  const { scheme, authority } = route.upstream;
  return `${request.method} ${request.target.path} -> ${scheme}://${authority}: ${kind} ${code}`;
}
