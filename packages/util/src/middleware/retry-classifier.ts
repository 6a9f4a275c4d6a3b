/**
 * Which requests are safe to repeat: those the server has not processed, and those that may be processed twice.
 */
import { HttpError, type HttpRequest, type HttpResponse, isIdempotent, isUnanswered, isUnsent } from "@sluice/core";
import { retryAfterMs } from "./retry-after.ts";

/** What became of one try of a request: a response, of which only the head may be looked at, or an error. */
export interface Attempt {
  /** The request as it was first given. */
  readonly request: HttpRequest;
  readonly response?: HttpResponse | undefined;
  /** What the call rejected with; only looked at when there is no response. */
  readonly error?: unknown;
  /** How often the request was repeated before: 0 for the first try. */
  readonly retries: number;
}

/** Codes of kind `connect` that may be others the next moment; a certificate or a name that is wrong stays so. */
const transientCodes: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN"],
  ...["ENETUNREACH", "ENETDOWN", "EAI_AGAIN", "EADDRNOTAVAIL", "EAGAIN"],
]);

/** Of HTTP/2: the server has not processed the request (RFC 9113 6.8, 8.7). */
const refusedCodes: ReadonlySet<string> = new Set(["REFUSED_STREAM", "GOAWAY"]);

/**
 * The default of `retry`. Repeated is
 *
 * - whatever the request: what was not sent (`isUnsent`), what a server said on HTTP/2 that it has not processed, and what found
 *   no connection for a passing reason (refused, reset, unreachable, timed out, name servers busy);
 * - only where RFC 9110 9.2.2 calls the method idempotent: what was lost with its connection before any answer
 *   (`isUnanswered`), what took too long until its head (kind `timeout`), and what was answered with 429 or 503 and a
 *   `Retry-After` that can be understood.
 */
export function isSafeToRetry({ request, response, error }: Attempt): boolean {
  if (response !== undefined) {
    const { status } = response;
    const isPassing = status === 429 || status === 503;
    return isPassing && isIdempotent(request.method) && retryAfterMs(response) !== undefined;
  }
  if (!HttpError.is(error) || error.kind === "user") return false;
  if (isUnsent(error) || refusedCodes.has(error.code) || error.code === "CONNECT_TIMEOUT") return true;
  if (error.kind === "connect") return transientCodes.has(error.code);
  return isIdempotent(request.method) && (error.kind === "timeout" || isUnanswered(error));
}
