/** Hosts and ports as they stand in a URI (RFC 3986 section 3.2). */

/** `host:port`; an IPv6 address, which comes without brackets, gets them. */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
