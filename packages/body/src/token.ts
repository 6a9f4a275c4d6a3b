/**
 * The two grammars of a field line: the name is a token (RFC 9110 section 5.6.2), the value is field content (RFC 9110
 * section 5.5). Nothing enters a `HeaderMap` without passing here, so nothing in one can break out of its line.
 *
 * Values are strings in which one char is one byte (latin1); obs-text (0x80-0xFF) is kept untouched.
 */

import { describe, quote } from "./quote.ts";
import { wellKnownNames } from "./well-known-names.ts";

/** The longest field name, in bytes. The same as hyper's; a name never gets near it within any sane limit on heads. */
const maxNameLength = 65_535;

const tokenChars: Uint8Array = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  tokenChars[char.charCodeAt(0)] = 1;
}

const outsideFieldContent = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether `text` is a token: one or more of the ASCII letters, digits and ``!#$%&'*+-.^_`|~`` (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (tokenChars[text.charCodeAt(i)] !== 1) return false;
  }
  return text.length > 0;
}

/**
 * The lower-case form of a field name. Well-known names come back as one shared string each, which makes comparing them
 * cheap. Throws `TypeError` when `name` is not a token or is longer than 65,535 characters.
 */
export function normalizeName(name: string): string {
  const known = wellKnownNames.get(name);
  if (known !== undefined) return known;
  if (typeof name !== "string") throw new TypeError(`a field name must be a string; received ${describe(name)}`);
  if (name.length > maxNameLength) {
    throw new TypeError(`a field name must be at most ${maxNameLength} characters; received ${quote(name)}`);
  }
  if (!isToken(name)) throw new TypeError(`a field name must be a token (RFC 9110 5.6.2); received ${quote(name)}`);
  return hasUpperCase(name) ? intern(name.toLowerCase()) : name;
}

/**
 * The name to look for, given one that was not found as it stands; the same string when there is no other. Unlike
 * `normalizeName` it takes what is not a token, which no map contains.
 */
export function alternativeName(name: string): string {
  if (!hasUpperCase(name)) return name;
  // Checked before lower-casing: U+212A (KELVIN SIGN) has the lower case "k".
  return wellKnownNames.get(name) ?? (isToken(name) ? name.toLowerCase() : name);
}

/**
 * A field value fit to be sent, without surrounding SP and HTAB (RFC 9110 section 5.5: they are not part of it). Throws
 * `TypeError` for CR, LF, NUL, DEL and every other control character but HTAB, and for characters above 0xFF.
 */
export function checkValue(value: string): string {
  if (typeof value !== "string") throw new TypeError(`a field value must be a string; received ${describe(value)}`);
  if (outsideFieldContent.test(value)) {
    throw new TypeError(
      "a field value must consist of HTAB and the characters 0x20-0x7e and 0x80-0xff (RFC 9110 5.5); " +
        `received ${quote(value)}`,
    );
  }
  return isSpace(value, 0) || isSpace(value, value.length - 1) ? trimSpace(value) : value;
}

function hasUpperCase(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return true;
  }
  return false;
}

function intern(name: string): string {
  return wellKnownNames.get(name) ?? name;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

/** `trim()` would also take U+00A0, which is obs-text here. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text, start)) start++;
  while (end > start && isSpace(text, end - 1)) end--;
  return text.slice(start, end);
}
