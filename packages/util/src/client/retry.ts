/**
 * Which requests are tried again after a failure: those the server has provably not processed, and those that may be processed
 * twice.
 */
import { type HttpError, type HttpRequest, isIdempotent, isUnanswered, isUnsent } from "@sluice/core";

/** What is known of an attempt that failed. */
export interface FailedAttempt {
  readonly request: HttpRequest;
  readonly error: HttpError;
  /** The connection was used before, or has been idle. */
  readonly isReused: boolean;
  /** The request can be sent once more: it has no body, or the body can be made anew. */
  readonly isRepeatable: boolean;
  readonly retryIdempotent: boolean;
}

export function mayRetry({ request, error, isReused, isRepeatable, retryIdempotent }: FailedAttempt): boolean {
  // What the request itself is to blame for would fail again.
  if (error.kind === "user") return false;
  // A server that refuses (HTTP/2) has not processed it, and may take it on another connection.
  if (error.code === "REFUSED_STREAM" || error.code === "GOAWAY") return isUnsent(error) || isRepeatable;
  // A new connection that fails at once would most likely fail again.
  if (isUnsent(error)) return isReused || !(error.code === "UNSENT" || error.code === "CLOSED");
  // RFC 9110 9.2.2: when a connection is lost, a request may be repeated automatically if it is idempotent.
  return retryIdempotent && isReused && isRepeatable && isIdempotent(request.method) && isUnanswered(error);
}
