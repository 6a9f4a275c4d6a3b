/** Why a TLS handshake failed, as `HttpError`s. Messages name as little of what was received as tells it. */
import { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import { HttpError } from "@sluice/core";
import { transportError } from "../transport-error.ts";

export function handshakeTimeout(limitMs: number): HttpError {
  return new HttpError("timeout", "HANDSHAKE_TIMEOUT", `no TLS handshake within ${limitMs} ms of the accept`);
}

export function hungUp(cause?: Error): HttpError {
  const message = "the peer closed the connection during the TLS handshake";
  return new HttpError("incomplete", "HANDSHAKE_INCOMPLETE", message, cause === undefined ? undefined : { cause });
}

/** Names the method only: what follows may be a secret. */
export function plaintext(bytes: Uint8Array): HttpError {
  const method = String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0x20)));
  return new HttpError("protocol", "PLAINTEXT_ON_TLS", `expected TLS, but received a plain ${method} request`);
}

export function notTls(bytes: Uint8Array): HttpError {
  const begin = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  return new HttpError("protocol", "NOT_TLS", `expected a TLS handshake record (16...), but received ${begin} (hex)`);
}

export function handshakeError(cause: Error, session: TLSSocket): HttpError {
  // Set by Node when it refuses a certificate, which it then reports as a connection that was reset.
  const refused = session.authorizationError as unknown;
  if (typeof refused === "string") {
    const message = `the client's certificate was refused: ${refused}`;
    return new HttpError("protocol", "CLIENT_CERTIFICATE_REFUSED", message, { cause });
  }
  const error = transportError(cause);
  if (!error.code.startsWith("ERR_")) return error.code === "ECONNRESET" ? hungUp(cause) : error;
  return new HttpError("protocol", error.code, `the TLS handshake failed: ${cause.message.trim()}`, { cause });
}
