/**
 * Rules about host names that hold whoever resolves them.
 *
 * A name that could mislead is refused before anybody is asked: `getaddrinfo` takes `127.1` or `0x7f000001` for an
 * address, and a name with a delimiter of the URI syntax was split in the wrong place.
 */
import { isIP, isIPv4 } from "node:net";
import { HttpError } from "@sluice/core";
import { quoted } from "../connect-errors.ts";
import type { ResolvedAddress } from "./resolver.ts";

/** RFC 1035 2.3.4 allows 255 octets on the wire, which is 253 characters without the last dot. */
const maxNameLength = 253;
/** RFC 1035 2.3.4. */
const maxLabelLength = 63;
/** RFC 3986 3.2.2, reg-name without percent-encoding, without dots. */
const label = /^[a-z0-9\-_~!$&'()*+,;=]+$/i;
/** A last label that makes `getaddrinfo` take the whole for an IPv4 address in some notation. */
const numeric = /^(?:\d+|0x[0-9a-f]*)$/i;

/**
 * The family of `host` if it is an IP address, or 0 if it is a name.
 *
 * @throws HttpError kind `user`: code `HOST_MISSING` if it is empty, `HOST_INVALID` if it is neither.
 */
export function checkHost(host: string): 0 | 4 | 6 {
  if (host === "") throw new HttpError("user", "HOST_MISSING", "the target must have a host, but it is empty");
  const family = isIP(host);
  if (family !== 0) return family as 4 | 6;
  const name = withoutRootDot(host);
  if (name.length > maxNameLength) throw invalid(host, `is longer than ${maxNameLength} characters`);
  const labels = name.split(".");
  for (const part of labels) {
    if (part === "") throw invalid(host, "has an empty label");
    if (part.length > maxLabelLength) throw invalid(host, `has a label longer than ${maxLabelLength} characters`);
    if (!label.test(part)) throw invalid(host, "has a character that a name cannot have");
  }
  if (numeric.test(labels.at(-1) ?? "")) throw invalid(host, "ends in a number but is not an IPv4 address");
  return 0;
}

/** RFC 6761 6.3: `localhost` and what ends in `.localhost`. */
export function isLocalhost(host: string): boolean {
  const name = withoutRootDot(host).toLowerCase();
  return name === "localhost" || name.endsWith(".localhost");
}

/** What `localhost` names where nobody else says so. */
export const loopbackAddresses: readonly ResolvedAddress[] = [
  { address: "::1", family: 6 },
  { address: "127.0.0.1", family: 4 },
];

/** 127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1 (RFC 4291 2.5.3). */
export function isLoopback(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

/** The name without the dot that may end a complete one. */
export function withoutRootDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** A name that exists nowhere, or has no address. */
export function noSuchName(host: string): HttpError {
  return new HttpError("connect", "ENOTFOUND", `resolving ${quoted(host)} failed: it has no address`);
}

function invalid(host: string, why: string): HttpError {
  return new HttpError("user", "HOST_INVALID", `the host of the target ${why}: ${quoted(host)}`);
}
