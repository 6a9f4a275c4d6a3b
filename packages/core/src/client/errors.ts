/**
 * What can become of a request on a client connection of either version, and which of these errors leave the request
 * intact.
 */
import { HttpError } from "../error.ts";

const unsentErrors = new WeakSet<HttpError>();

/** Notes of an error that the peer has not processed the request, and that its body was not touched. */
export function markUnsent(error: HttpError): HttpError {
  unsentErrors.add(error);
  return error;
}

/** Whether the request can be sent elsewhere as it is. */
export function isUnsent(error: HttpError): boolean {
  return unsentErrors.has(error);
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
