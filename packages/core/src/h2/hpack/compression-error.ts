/**
 * Errors in a field block. Each ends the connection: the tables of both ends are shared by all streams, and nothing can
 * be decoded once they differ (RFC 9113 section 4.3).
 */
import { COMPRESSION_ERROR } from "../frame/error-code.ts";
import { connectionError, type Http2Error } from "../http2-error.ts";

/** A field block that is not HPACK, with the code `HPACK_<rule>`. */
export function compressionError(rule: string, message: string): Http2Error {
  return connectionError(COMPRESSION_ERROR, `HPACK_${rule}`, `HPACK: ${message}`);
}
