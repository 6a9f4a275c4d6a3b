/**
 * How the content of an outgoing message is delimited (RFC 9112 section 6), and what a message head says about it.
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError, quote } from "../error.ts";
import { listHas, trimOws } from "./lists.ts";

/** No content at all; whatever the body holds is not sent. */
export const NO_CONTENT = 0;
/** As many bytes as Content-Length says. */
export const LENGTH = 1;
/** Chunked transfer coding. */
export const CHUNKED = 2;
/** Until the end of the connection. */
export const UNTIL_CLOSE = 3;

/**
 * Fields never sent in a trailer section: framing, routing, authentication and what is needed before the content
 * (RFC 9110 6.5.1).
 */
export const forbiddenTrailers: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "host",
  "max-forwards",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
]);

/** The trailer fields a head announces and that may be sent; `undefined` if there are none. */
export function announcedTrailers(headers: HeaderMap): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (const line of headers.getAll("trailer")) {
    for (const element of line.split(",")) {
      const name = trimOws(element).toLowerCase();
      if (name === "" || forbiddenTrailers.has(name)) continue;
      names ??= new Set();
      names.add(name);
    }
  }
  return names;
}

/**
 * The Content-Length a program has set, or -1.
 * @throws HttpError kind `user` if it is not one number.
 */
export function declaredLength(headers: HeaderMap): number {
  const value = headers.get("content-length");
  if (value === undefined) return -1;
  const length = Number(value);
  if (!/^[0-9]+$/.test(value) || !Number.isSafeInteger(length) || headers.getAll("content-length").length > 1) {
    throw new HttpError(
      "user",
      "CONTENT_LENGTH_INVALID",
      `content-length to be sent is not one number: ${quote(value)}`,
    );
  }
  return length;
}

/** Whether the transfer codings a program has set end in chunked. */
export function endsInChunked(headers: HeaderMap): boolean {
  const lines = headers.getAll("transfer-encoding");
  const last = lines[lines.length - 1] ?? "";
  return listHas(last.slice(last.lastIndexOf(",") + 1).trim(), "chunked");
}

export function conflictingFraming(): HttpError {
  const message = "content-length and transfer-encoding cannot be sent together (RFC 9112 6.2)";
  return new HttpError("user", "UNEXPECTED_HEADER", message);
}

export function lengthMismatch(declared: number, actual: number): HttpError {
  const message = `content-length says ${declared}, the body has ${actual} bytes`;
  return new HttpError("user", "CONTENT_LENGTH_MISMATCH", message);
}
