/**
 * Which byte may stand where, as one table of bit flags: a look-up and a mask per byte, no branches.
 */

/** `tchar` (RFC 9110 5.6.2): methods, field names, transfer codings, chunk extension names. */
export const TOKEN = 1;
/** `field-vchar`, SP and HTAB (RFC 9110 5.5): field values and reason phrases. */
export const FIELD_VALUE = 2;
/**
 * A byte of a request target. RFC 3986 characters, and the printable ones that browsers send unescaped in queries
 * (`\ ^ { | }` and backtick). Never `#`: a fragment is not sent (RFC 9112 3.2), nor `" < >`.
 */
export const TARGET = 4;
/** A byte of a `uri-host` that is not an IP literal, or of an IP literal (RFC 3986 3.2.2). */
export const HOST = 8;
/** A control byte that may stand nowhere in a head: all but HTAB, LF and CR, whose places are checked one by one. */
export const CONTROL = 16;

export const charClass: Uint8Array = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (chars: string, flag: number): void => {
    for (const char of chars) table[char.charCodeAt(0)] = (table[char.charCodeAt(0)] ?? 0) | flag;
  };
  const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const unreserved = `${alphanumeric}-._~`;
  const subDelims = "!$&'()*+,;=";
  mark(`${alphanumeric}!#$%&'*+-.^_\`|~`, TOKEN);
  mark(`${unreserved}${subDelims}%:/?@[]\\^{|}\``, TARGET);
  mark(`${unreserved}${subDelims}%:[]`, HOST);
  for (let byte = 0; byte < 256; byte++) {
    const control = byte < 0x20 || byte === 0x7f;
    if (!control || byte === 0x09) table[byte] = (table[byte] ?? 0) | FIELD_VALUE;
    if (control && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) table[byte] = (table[byte] ?? 0) | CONTROL;
  }
  return table;
}

/** Whether every char of `text` from `start` to `end` has `flag`; chars above 255 have none. */
export function all(text: string, start: number, end: number, flag: number): boolean {
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff || ((charClass[unit] ?? 0) & flag) === 0) return false;
  }
  return true;
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
