/**
 * Frame types and flags (RFC 9113 section 6; RFC 7838, RFC 8336, RFC 9218 for the last three).
 */

export const DATA = 0x0;
export const HEADERS = 0x1;
export const PRIORITY = 0x2;
export const RST_STREAM = 0x3;
export const SETTINGS = 0x4;
export const PUSH_PROMISE = 0x5;
export const PING = 0x6;
export const GOAWAY = 0x7;
export const WINDOW_UPDATE = 0x8;
export const CONTINUATION = 0x9;
/** Known by name only: an alternative service is advice that may be ignored (RFC 7838 section 4). */
export const ALTSVC = 0xa;
/** Known by name only: it widens what a connection may be used for (RFC 8336), which is not made use of. */
export const ORIGIN = 0xc;
export const PRIORITY_UPDATE = 0x10;

/** SETTINGS and PING. */
export const FLAG_ACK = 0x1;
/** DATA and HEADERS. */
export const FLAG_END_STREAM = 0x1;
/** HEADERS, PUSH_PROMISE and CONTINUATION. */
export const FLAG_END_HEADERS = 0x4;
/** DATA, HEADERS and PUSH_PROMISE. */
export const FLAG_PADDED = 0x8;
/** HEADERS. */
export const FLAG_PRIORITY = 0x20;

const names: ReadonlyMap<number, string> = new Map([
  [DATA, "DATA"],
  [HEADERS, "HEADERS"],
  [PRIORITY, "PRIORITY"],
  [RST_STREAM, "RST_STREAM"],
  [SETTINGS, "SETTINGS"],
  [PUSH_PROMISE, "PUSH_PROMISE"],
  [PING, "PING"],
  [GOAWAY, "GOAWAY"],
  [WINDOW_UPDATE, "WINDOW_UPDATE"],
  [CONTINUATION, "CONTINUATION"],
  [ALTSVC, "ALTSVC"],
  [ORIGIN, "ORIGIN"],
  [PRIORITY_UPDATE, "PRIORITY_UPDATE"],
]);

/** The name of a frame type, or for an unknown one the number in hexadecimal: `0x1f`. */
export function frameTypeName(type: number): string {
  return names.get(type) ?? `0x${type.toString(16)}`;
}

/** Whether frames of this type are made use of; others are ignored (RFC 9113 section 5.5). */
export function isKnownType(type: number): boolean {
  return type <= CONTINUATION || type === PRIORITY_UPDATE;
}
