/**
 * What RFC 9113 section 8.2.1 asks of names and values, checked where octets become strings: a field that comes from a
 * table was checked when it entered. Breaking these rules is a stream error, not an error of HPACK, so it is noted in
 * flags.
 *
 * Names must be tokens (RFC 9110 section 5.1) in lower case, values field content (5.5): both stricter than the minimum
 * that RFC 9113 sets, and the same as for HTTP/1, so that a message can be passed on there.
 */
import { charClass, FIELD_VALUE, TOKEN } from "../../bytes/ascii.ts";
import { FIELD_NAME_INVALID, FIELD_PSEUDO, FIELD_VALUE_INVALID } from "./static-table.ts";

const colon = 0x3a;
const htab = 0x09;
const space = 0x20;

/** The flags of a name. */
export function nameFlags(bytes: Uint8Array, start: number, end: number): number {
  const pseudo = start < end && bytes[start] === colon;
  const from = pseudo ? start + 1 : start;
  if (from === end) return pseudo ? FIELD_PSEUDO | FIELD_NAME_INVALID : FIELD_NAME_INVALID;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    const upperCase = byte >= 0x41 && byte <= 0x5a;
    if (upperCase || ((charClass[byte] as number) & TOKEN) === 0) return flag(pseudo) | FIELD_NAME_INVALID;
  }
  return flag(pseudo);
}

function flag(pseudo: boolean): number {
  return pseudo ? FIELD_PSEUDO : 0;
}

/** The flags of a value. */
export function valueFlags(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  if (isBlank(bytes[start] as number) || isBlank(bytes[end - 1] as number)) return FIELD_VALUE_INVALID;
  for (let at = start; at < end; at++) {
    if (((charClass[bytes[at] as number] as number) & FIELD_VALUE) === 0) return FIELD_VALUE_INVALID;
  }
  return 0;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === htab;
}
