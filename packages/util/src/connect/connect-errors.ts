/**
 * What connectors reject with, in the one shape the engine knows.
 *
 * Kind `connect` for a connection that could not be had, `timeout` for one that took too long, `canceled` for one that
 * was given up by its signal; the original is always kept as the cause. No secret may be put into `what`.
 */
import { HttpError, type HttpErrorKind } from "@sluice/core";

/** The kinds that already say what a connector has to say. */
const settledKinds: ReadonlySet<HttpErrorKind> = new Set<HttpErrorKind>(["connect", "timeout", "canceled", "user"]);

/**
 * The error for `cause`: kind `connect`, and the code of `cause` (an errno name, a DNS code, a code of OpenSSL) or
 * `CONNECT_FAILED`. An `HttpError` that is of kind `connect`, `timeout`, `canceled` or `user` passes through.
 *
 * @param what names what failed and with whom, to be continued by "failed": `connecting to "example.com" port 80`.
 */
export function connectError(cause: unknown, what: string): HttpError {
  if (HttpError.is(cause) && settledKinds.has(cause.kind)) return cause;
  const code = errorCode(cause) ?? "CONNECT_FAILED";
  const detail = cause instanceof Error && cause.message !== "" ? cause.message : code;
  return new HttpError("connect", code, `${what} failed: ${detail}`, { cause });
}

/** A signal gave the connection up: kind `canceled`, code `CANCELED`, and the signal's reason as the cause. */
export function connectCanceled(reason: unknown): HttpError {
  return new HttpError("canceled", "CANCELED", "connecting was given up", { cause: reason });
}

/**
 * A limit has passed: kind `timeout`, code `CONNECT_TIMEOUT`.
 *
 * @param optionName the option that set the limit, such as `connectTimeoutMs`.
 * @param what as for `connectError`: `connecting to "example.com" port 80`.
 */
export function connectTimeout(optionName: string, ms: number, what: string): HttpError {
  return new HttpError("timeout", "CONNECT_TIMEOUT", `${what} took longer than ${optionName} allows (${ms} ms)`);
}

/** @throws HttpError as `connectCanceled` makes it, if `signal` has aborted. */
export function throwIfCanceled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw connectCanceled(signal.reason);
}

/** The code an error carries, as Node's errors do. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && error.code !== "" ? error.code : undefined;
}

const maxQuotedLength = 64;

/** Renders a received value for a message: at most 64 characters, everything but printable ASCII escaped. */
export function quoted(value: string): string {
  const long = value.length > maxQuotedLength;
  const shown = JSON.stringify(long ? value.slice(0, maxQuotedLength) : value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return long ? `${shown}... (${value.length} characters)` : shown;
}
