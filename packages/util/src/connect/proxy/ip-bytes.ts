/** IP addresses in the octets they are on the wire. */

/** The four octets of an IPv4 address, which `text` must be. */
export function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** The sixteen octets of an IPv6 address without a zone, which `text` must be. */
export function ipv6Bytes(text: string): Uint8Array {
  // The URL standard's form: lower-case groups, the longest run of zeros as `::`, and never dots.
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [front = "", back = ""] = canonical.split("::");
  const head = groups(front);
  const tail = groups(back);
  const bytes = new Uint8Array(16);
  for (const [i, group] of head.entries()) put(bytes, i, group);
  for (const [i, group] of tail.entries()) put(bytes, 8 - tail.length + i, group);
  return bytes;
}

function groups(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

function put(bytes: Uint8Array, at: number, group: string): void {
  const value = Number.parseInt(group, 16);
  bytes[2 * at] = value >> 8;
  bytes[2 * at + 1] = value & 0xff;
}
