/**
 * What the codecs of both versions of SOCKS share.
 *
 * Codecs are functions of bytes. `encode...` gives a whole message. `decode...` looks at what has arrived: `undefined` asks for
 * more, and what can be no such message, however it goes on, is an error at its first wrong byte. None asks for more than a
 * message can have, so what is held of a proxy's answer is bounded.
 */
import { HttpError } from "@sluice/core";

/** What a decoder found at the beginning of the bytes, and how many of them it took. */
export interface Decoded<T> {
  readonly value: T;
  readonly length: number;
}

/** The reply to a request. */
export type SocksReply = { readonly granted: true } | { readonly granted: false; readonly code: number };

/** Names, users and passwords have their length in one octet. */
export const maxTextBytes = 255;

/** `text` in UTF-8. @throws HttpError kind `user`, code `SOCKS_HOST_TOO_LONG`, if that is more than 255 octets. */
export function hostBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxTextBytes) return bytes;
  const message = `a name given to a SOCKS proxy has at most ${maxTextBytes} octets, got ${bytes.length}`;
  throw new HttpError("user", "SOCKS_HOST_TOO_LONG", message);
}

/** @throws HttpError code `SOCKS_PROTOCOL` unless the byte at `at` is `expected` or has not come yet. */
export function expectByte(bytes: Uint8Array, at: number, expected: number, what: string): void {
  const got = bytes[at];
  if (got !== undefined && got !== expected) throw notSocks(`${what} must be ${hex(expected)}, got ${hex(got)}`);
}

/** The proxy says what SOCKS has no place for. */
export function notSocks(problem: string): HttpError {
  return new HttpError("connect", "SOCKS_PROTOCOL", `the proxy broke the SOCKS protocol: ${problem}`);
}

export function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
