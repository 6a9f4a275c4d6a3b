// An upstream: where to connect to, what to call it there, and by which name to ask for it in TLS. Each can be set without
// the others, and none of them by a client.

import { RequestTarget } from "@sluice/core";

const names = [
  ...["url", "connectTo", "servername", "authority", "keepHost", "version", "headers", "headMs", "idleMs"],
];
const ports = { "http:": 80, "https:": 443 };

/**
 * Checks what was configured and works out the rest.
 *
 * - `url`: scheme, host, port and the path that stands for the location, such as `https://example.org/app/`.
 * - `connectTo`: `host:port` to connect to in place of what `url` names.
 * - `servername`: the name for TLS in place of the host of `url`.
 * - `authority`: Host, or `:authority`, in place of that of `url`; with `keepHost` it is what the client said.
 * - `version`: `auto` (default; ALPN decides, without TLS HTTP/1.1), `http1` or `http2`.
 * - `headers`: fields that requests get, such as a key; they replace those of the client.
 * - `headMs`: longest wait for the response head, default 60,000; `idleMs`: longest pause within content, either way,
 *   default 60,000. 0 for no limit, as long streams want it.
 *
 * @throws TypeError for what makes no sense.
 */
export function upstreamOf(given) {
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw new TypeError(`upstream: ${name} is none of ${names.join(", ")}`);
  }
  const { version = "auto", keepHost = false, headers = {}, headMs = 60_000, idleMs = 60_000 } = given;
  const url = parse(given.url);
  const name = bare(url.hostname);
  const { host, port } =
    given.connectTo === undefined
      ? { host: name, port: Number(url.port || ports[url.protocol]) }
      : hostAndPort(given.connectTo);
  const scheme = url.protocol.slice(0, -1);
  // Without a port that the scheme implies, IPv6 in brackets: as Host has it.
  const authority = given.authority === undefined ? url.host : parse(`${url.protocol}//${given.authority}`).host;
  const servername = scheme === "https" ? (given.servername ?? name) : undefined;
  return {
    scheme,
    authority,
    /** What the upstream may call itself. */
    origins: [`${scheme}://${authority}`, `${scheme}://${url.host}`],
    base: url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`,
    origin: { scheme, host, port, ...(servername !== undefined && servername !== host && { servername }) },
    ...{ version, keepHost, headers: Object.entries(headers), headMs, idleMs },
  };
}

/** The target of a request for the upstream of `route`. */
export function targetAt(route, request) {
  const { scheme, authority, base, keepHost } = route.upstream;
  const host = (keepHost && request.authority) || authority;
  // `OPTIONS *` is a target without a path (RFC 9110 7.1).
  if (request.target.form === "asterisk") return RequestTarget.ofParts(scheme, host, "");
  return RequestTarget.ofParts(scheme, host, base + request.target.pathAndQuery.slice(route.location.length));
}

function parse(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || ports[url.protocol] === undefined)
    throw new TypeError("upstream: needs an http or https URL");
  // Not shown: it may hold a password.
  if (url.username || url.password) throw new TypeError("upstream: a URL with a user cannot be used; see headers");
  if (url.search || url.hash) throw new TypeError(`upstream: ${text} must end with its path`);
  return url;
}

/** Splits `host:port`, the host of IPv6 in brackets. @throws TypeError for anything else. */
export function hostAndPort(text) {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:[\]]+):([0-9]{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new TypeError(`must be host:port, got ${text}`);
  }
  return { host: bare(host.toLowerCase()), port: Number(port) };
}

function bare(host) {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}
