/**
 * What can become of a request on a client connection of either version, and which of these errors leave the request
 * intact.
 */
import { HttpError } from "../error.ts";

const unsentErrors = new WeakSet<HttpError>();
const unansweredErrors = new WeakSet<HttpError>();

/** Notes of an error that the peer has not processed the request, and that its body was not touched. */
export function markUnsent(error: HttpError): HttpError {
  unsentErrors.add(error);
  return error;
}

/**
 * Whether a request that failed with `error` can be sent elsewhere as it is: nothing of it was written, or on HTTP/2 the server
 * said that it has not processed it. Its body is untouched.
 */
export function isUnsent(error: unknown): boolean {
  return HttpError.is(error) && unsentErrors.has(error);
}

/** Notes of an error that the connection was lost before any of the response came. */
export function markUnanswered(error: HttpError): HttpError {
  if (error.kind === "io" || error.kind === "incomplete") unansweredErrors.add(error);
  return error;
}

/**
 * Whether a request failed with `error` because its connection was lost before any of the response came. The server may or may not
 * have processed it: an idempotent request may be sent again (RFC 9110 9.2.2).
 */
export function isUnanswered(error: unknown): boolean {
  return HttpError.is(error) && unansweredErrors.has(error);
}

/** The connection failed before any of the request was written. */
export function unsent(cause: HttpError): HttpError {
  const message = "the connection failed before the request was written";
  return markUnsent(new HttpError("canceled", "UNSENT", message, { cause }));
}

export function closedConnection(cause: HttpError | undefined): HttpError {
  return new HttpError("closed", "CLOSED", "the connection is closed", { cause });
}

export function canceledBySignal(reason: unknown): HttpError {
  return new HttpError("canceled", "CANCELED", "the request was canceled by its signal", { cause: reason });
}
