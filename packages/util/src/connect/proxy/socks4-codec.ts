/**
 * The messages of SOCKS4 and SOCKS4a.
 *
 * ```text
 * request   04 01 port(2) address(4) user 00               SOCKS4
 *           04 01 port(2) 00 00 00 01 user 00 name 00      SOCKS4a: the proxy resolves the name
 * reply     00 code port(2) address(4)
 * ```
 */
import { isIPv4 } from "node:net";
import { HttpError } from "@sluice/core";
import { ipv4Bytes } from "./ip-bytes.ts";
import { type Decoded, expectByte, hostBytes, type SocksReply } from "./socks-codec.ts";

const version = 0x04;
const connectCommand = 0x01;
/** Replies say 0 where requests say 4. */
const replyVersion = 0x00;
const granted = 0x5a;
const replyLength = 8;
/** What stands for an address where a name follows: 0.0.0.x, x not 0. */
const nameFollows: Uint8Array = Uint8Array.of(0, 0, 0, 1);

/**
 * A request to connect to `host`, an IPv4 address or (SOCKS4a) a name. `user` must not contain NUL.
 *
 * @throws HttpError kind `user`: `SOCKS_HOST_TOO_LONG` for a name of more than 255 octets; `SOCKS_HOST_INVALID` for one
 *   that is empty or has a NUL, which would end it, and for an address of 0.0.0.0/24, which could be taken for the mark that
 *   a name follows.
 */
export function encodeSocks4Connect(host: string, port: number, user: string): Uint8Array {
  const isAddress = isIPv4(host);
  if (host === "" || host.includes("\0") || (isAddress && host.startsWith("0.0.0."))) {
    throw new HttpError("user", "SOCKS_HOST_INVALID", "the host of the target cannot be told to a SOCKS4 proxy");
  }
  const head = Uint8Array.of(version, connectCommand, port >> 8, port & 0xff);
  const userId = Buffer.from(`${user}\0`, "utf8");
  if (isAddress) return Buffer.concat([head, ipv4Bytes(host), userId]);
  return Buffer.concat([head, nameFollows, userId, hostBytes(host), Uint8Array.of(0)]);
}

/** The reply. @throws HttpError code `SOCKS_PROTOCOL`. */
export function decodeSocks4Reply(bytes: Uint8Array): Decoded<SocksReply> | undefined {
  expectByte(bytes, 0, replyVersion, "the version of a SOCKS4 reply");
  const code = bytes[1];
  if (code === undefined) return undefined;
  // Nothing follows a refusal that anybody needs, and some proxies leave it out.
  if (code !== granted) return { value: { granted: false, code }, length: Math.min(bytes.length, replyLength) };
  return bytes.length < replyLength ? undefined : { value: { granted: true }, length: replyLength };
}

const reasons: ReadonlyMap<number, string> = new Map([
  [0x5b, "request rejected or failed"],
  [0x5c, "it cannot reach identd on this machine"],
  [0x5d, "identd on this machine says another user"],
]);

/** What a code other than 0x5a means. */
export function socks4Reason(code: number): string {
  return reasons.get(code) ?? "unassigned reply code";
}
