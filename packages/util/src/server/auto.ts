/**
 * HTTP/1 and HTTP/2 on one port.
 *
 * What a client speaks is known from ALPN (RFC 7301) where TLS has agreed on `h2`, `http/1.1` or `http/1.0`; then nothing is
 * looked at, and the connection is the one that `http1.serve` or `http2.serve` would have made. Otherwise, in the clear or
 * within TLS, its first octets tell: an HTTP/2 client with prior knowledge begins with a preface of 24 octets (RFC 9113
 * sections 3.3, 3.4), and at the first octet that differs it is HTTP/1. What was read is replayed, so how it came in pieces
 * changes nothing, and costs nothing afterwards. An `Upgrade: h2c` field is none of this: it is ignored, as RFC 9113 section
 * 3.1 has it.
 */
import type { Io, Service } from "@sluice/core";
import { AutoConnection } from "./auto-connection.ts";
import { type AutoOptions, resolveAutoOptions } from "./auto-options.ts";

/**
 * Serves requests that arrive on `io`, in the version of HTTP that the client speaks, until either side ends the connection.
 *
 * With `protocol: "http1"` or `"http2"` only that version is served, whatever the client speaks. A client that speaks the
 * other is refused in its own words, and `closed` rejects with an `HttpError` of kind `protocol`: HTTP/1 by 505, code
 * `HTTP1_REFUSED`; HTTP/2 by GOAWAY with HTTP_1_1_REQUIRED, code `HTTP2_REFUSED`, if ALPN chose it, and otherwise by the end
 * of the connection, as `http1.serve` ends it, kind `parse`, code `VERSION_H2`.
 *
 * @throws TypeError or RangeError for options that make no sense, those of the version that is not spoken included, or if
 *   there is no timer.
 */
export function serve(io: Io, service: Service, options?: AutoOptions): AutoConnection {
  return new AutoConnection(io, service, resolveAutoOptions(options), false);
}
