/**
 * The messages of SOCKS5 (RFC 1928) with its authentication by user and password (RFC 1929).
 *
 * ```text
 * greeting    05 count methods                          method      05 method
 * user        01 length user length password            verdict     01 status
 * request     05 01 00 type address port(2)             reply       05 code 00 type address port(2)
 * ```
 */
import { isIPv4, isIPv6 } from "node:net";
import { HttpError } from "@sluice/core";
import { ipv4Bytes, ipv6Bytes } from "./ip-bytes.ts";
import type { ProxyAuth } from "./proxy-use.ts";
import { type Decoded, expectByte, hex, hostBytes, maxTextBytes, notSocks, type SocksReply } from "./socks-codec.ts";

/** RFC 1928 section 3. */
export const NO_AUTH = 0x00;
export const USER_PASSWORD = 0x02;
export const NO_METHOD = 0xff;

const version = 0x05;
const authVersion = 0x01;
const connectCommand = 0x01;
const reserved = 0x00;
const granted = 0x00;

const typeIpv4 = 0x01;
const typeName = 0x03;
const typeIpv6 = 0x04;

/** Bytes of a reply before its address. */
const replyHead = 4;

/** Which methods of authentication may be used, preferred first. */
export function encodeSocks5Greeting(methods: readonly number[]): Uint8Array {
  return Uint8Array.of(version, methods.length, ...methods);
}

/**
 * The method the proxy chose, or `NO_METHOD` if none will do.
 * @throws HttpError code `SOCKS_PROTOCOL`, also for a method that is not in `offered`.
 */
export function decodeSocks5Method(bytes: Uint8Array, offered: readonly number[]): Decoded<number> | undefined {
  expectByte(bytes, 0, version, "the version of SOCKS5");
  const method = bytes[1];
  if (method === undefined) return undefined;
  if (method === NO_METHOD || offered.includes(method)) return { value: method, length: 2 };
  throw notSocks(`the method ${hex(method)} was not offered`);
}

/** User and password. @throws HttpError kind `user`, code `SOCKS_AUTH_INVALID`: 1 to 255 and 0 to 255 octets. */
export function encodeSocks5Auth({ username, password }: ProxyAuth): Uint8Array {
  const user = Buffer.from(username, "utf8");
  const secret = Buffer.from(password, "utf8");
  if (user.length < 1 || user.length > maxTextBytes || secret.length > maxTextBytes) {
    const message = `user and password for SOCKS5 must be 1 to 255 and 0 to 255 octets, got ${user.length} and ${secret.length}`;
    throw new HttpError("user", "SOCKS_AUTH_INVALID", message);
  }
  return Buffer.concat([Uint8Array.of(authVersion, user.length), user, Uint8Array.of(secret.length), secret]);
}

/** Whether the credentials were taken. @throws HttpError code `SOCKS_PROTOCOL`. */
export function decodeSocks5AuthStatus(bytes: Uint8Array): Decoded<boolean> | undefined {
  expectByte(bytes, 0, authVersion, "the version of SOCKS5 authentication");
  const status = bytes[1];
  return status === undefined ? undefined : { value: status === 0, length: 2 };
}

/**
 * A request to connect to `host`, an IP address or a name.
 * @throws HttpError kind `user`, code `SOCKS_HOST_TOO_LONG`, for a name of more than 255 octets.
 */
export function encodeSocks5Connect(host: string, port: number): Uint8Array {
  const head = [version, connectCommand, reserved];
  const end = Uint8Array.of(port >> 8, port & 0xff);
  if (isIPv4(host)) return Buffer.concat([Uint8Array.of(...head, typeIpv4), ipv4Bytes(host), end]);
  if (isIPv6(host)) return Buffer.concat([Uint8Array.of(...head, typeIpv6), ipv6Bytes(host), end]);
  const name = hostBytes(host);
  return Buffer.concat([Uint8Array.of(...head, typeName, name.length), name, end]);
}

/** The reply. @throws HttpError code `SOCKS_PROTOCOL`. */
export function decodeSocks5Reply(bytes: Uint8Array): Decoded<SocksReply> | undefined {
  expectByte(bytes, 0, version, "the version of SOCKS5");
  const code = bytes[1];
  if (code === undefined) return undefined;
  // Nothing follows a refusal that anybody needs, and some proxies leave it out.
  if (code !== granted) return { value: { granted: false, code }, length: bytes.length };
  expectByte(bytes, 2, reserved, "the reserved byte of a SOCKS5 reply");
  const addressLength = replyAddressLength(bytes);
  if (addressLength === undefined) return undefined;
  const length = replyHead + addressLength + 2;
  return bytes.length < length ? undefined : { value: { granted: true }, length };
}

/** How long the address is in which the proxy tells its own side of the connection; nobody needs it. */
function replyAddressLength(bytes: Uint8Array): number | undefined {
  switch (bytes[3]) {
    case undefined:
      return undefined;
    case typeIpv4:
      return 4;
    case typeIpv6:
      return 16;
    case typeName: {
      const length = bytes[replyHead];
      return length === undefined ? undefined : 1 + length;
    }
    default:
      throw notSocks(`the address type ${hex(bytes[3])} is unknown`);
  }
}

/** RFC 1928 section 6. */
const reasons: ReadonlyMap<number, string> = new Map([
  [0x01, "general failure"],
  [0x02, "connection not allowed by ruleset"],
  [0x03, "network unreachable"],
  [0x04, "host unreachable"],
  [0x05, "connection refused"],
  [0x06, "TTL expired"],
  [0x07, "command not supported"],
  [0x08, "address type not supported"],
]);

/** What a code other than 0 means. */
export function socks5Reason(code: number): string {
  return reasons.get(code) ?? "unassigned reply code";
}
