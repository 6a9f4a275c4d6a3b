// Which fields of a message go on to the next hop (RFC 9110 7.6.1), and which speak of one connection only.

import { HeaderMap } from "@sluice/body";

/** Meant for one connection, whether or not `Connection` names them; the next connection gets its own. */
const hopByHop = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "http2-settings"],
  // Between a client and the proxy it knows of: consumed here.
  ...["proxy-authenticate", "proxy-authorization", "proxy-authentication-info"],
]);

/**
 * What `Connection` cannot take away. RFC 9110 7.6.1 forbids naming what is for all recipients, and has proxies remove
 * whatever is named; Go does that to any field, nginx to none. Here extensions are removed, as the RFC has it, but not what the
 * upstream needs to know whose request this is, what is in it and how it came: `Connection: cookie` must not turn a request into
 * another one.
 */
const endToEndAlways = new Set([
  ...[
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "trailer",
    "expect",
    "max-forwards",
  ],
  ...["authorization", "cookie", "set-cookie", "www-authenticate", "origin", "location", "date", "vary", "range"],
  ...["cache-control", "pragma", "expires", "etag", "if-match", "if-none-match", "if-modified-since", "if-range"],
  ...["if-unmodified-since", "via", "forwarded"],
]);

/** The elements of a list such as `Connection`, lower-case. */
export function listed(headers, name) {
  return headers
    .getAll(name)
    .flatMap((line) => line.split(","))
    .map((element) => element.trim().toLowerCase())
    .filter((element) => element !== "");
}

/** Whether a field says by which way a request came, which a client must not make up. CGI takes `_` for `-`. */
export function isForwarding(name) {
  return /^(?:x-forwarded-.*|x-real-ip|forwarded)$/.test(name.replaceAll("_", "-"));
}

/** A copy of `headers` without what is meant for one connection; `trailer` stays, since trailers go on too. */
export function endToEnd(headers) {
  const named = new Set(listed(headers, "connection"));
  for (const name of named) if (endToEndAlways.has(name) || isForwarding(name)) named.delete(name);
  const fields = new HeaderMap();
  for (let at = 0; at < headers.size; at++) {
    const name = headers.nameAt(at);
    if (hopByHop.has(name) || named.has(name)) continue;
    // RFC 7541 6.2.3: what must never be indexed must not be by the next hop either.
    fields.append(name, headers.valueAt(at), { sensitive: headers.sensitiveAt(at) });
  }
  return fields;
}

/** Takes out of trailers what a recipient might mix up with fields of the head. */
export function cleanTrailers(trailers) {
  for (const name of new Set(trailers.keys())) {
    if (hopByHop.has(name) || isForwarding(name) || name === "via") trailers.remove(name);
  }
}
