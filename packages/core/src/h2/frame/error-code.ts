/**
 * The error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). Unknown ones are legal and are kept as they are.
 */

/** Not an error: a graceful end. */
export const NO_ERROR = 0x0;
/** A rule of the protocol was broken, and no other code says which. */
export const PROTOCOL_ERROR = 0x1;
/** Something went wrong on the side that says so. */
export const INTERNAL_ERROR = 0x2;
/** More content than a window allowed, or a window beyond 2^31-1. */
export const FLOW_CONTROL_ERROR = 0x3;
/** SETTINGS were not sent or not acknowledged in time. */
export const SETTINGS_TIMEOUT = 0x4;
/** A frame came on a stream that was half-closed or closed. */
export const STREAM_CLOSED = 0x5;
/** A frame had a length that its type cannot have. */
export const FRAME_SIZE_ERROR = 0x6;
/** Nothing was done about the request: it can be sent again. */
export const REFUSED_STREAM = 0x7;
/** The stream is no longer wanted. */
export const CANCEL = 0x8;
/** The compression state could not be kept. */
export const COMPRESSION_ERROR = 0x9;
/** The connection made for a CONNECT was reset or failed. */
export const CONNECT_ERROR = 0xa;
/** The peer does too much of something. */
export const ENHANCE_YOUR_CALM = 0xb;
/** The TLS in use is weaker than HTTP/2 demands. */
export const INADEQUATE_SECURITY = 0xc;
/** The request has to be made over HTTP/1.1. */
export const HTTP_1_1_REQUIRED = 0xd;

const names: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** @throws RangeError for what does not fit into a frame. */
export function checkErrorCode(code: number): void {
  if (Number.isInteger(code) && code >= 0 && code <= 0xffff_ffff) return;
  throw new RangeError(`an error code must be from 0 to 2^32-1, got ${code}`);
}

/** The registered name of an error code, or the number in hexadecimal: `0x1f`. */
export function errorCodeName(code: number): string {
  return names[code] ?? `0x${code.toString(16)}`;
}
