/**
 * The errors a transport reports, in the one shape the engine knows.
 *
 * Whatever a socket or a stream throws becomes an `HttpError` of kind `io` that keeps the original as its cause and
 * its errno name (`ECONNRESET`, `EPIPE`, `ETIMEDOUT`, ...) as its code.
 */
import { HttpError } from "@sluice/core";

/** Wraps `cause` as an `io` error; an `HttpError` passes through. `fallbackCode` names causes that carry no code. */
export function transportError(cause: unknown, fallbackCode = "TRANSPORT_FAILED"): HttpError {
  if (HttpError.is(cause)) return cause;
  const code = codeOf(cause) ?? fallbackCode;
  const detail = cause instanceof Error && cause.message !== "" ? cause.message : code;
  return new HttpError("io", code, `the transport failed: ${detail}`, { cause });
}

/** The transport is gone although neither an end nor an error was seen. */
export function prematureClose(): HttpError {
  return new HttpError("io", "PREMATURE_CLOSE", "the transport was closed before it ended");
}

/** The peer gave the connection up with a reset. */
export function connectionReset(): HttpError {
  return new HttpError("io", "ECONNRESET", "the connection was reset by the peer");
}

/** A write or a wait for room after `shutdown`. */
export function writeAfterShutdown(): HttpError {
  return new HttpError("user", "WRITE_AFTER_SHUTDOWN", "the writing side was used after shutdown");
}

/** What outstanding calls complete with after `abort(reason)`: `reason` itself, or an error where there is none. */
export function abortReason(reason: unknown): unknown {
  return reason ?? new HttpError("canceled", "TRANSPORT_ABORTED", "the transport was aborted");
}

/** Throws `error` outside of any caller, as an exception nobody caught. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" && cause.code !== "" ? cause.code : undefined;
}
