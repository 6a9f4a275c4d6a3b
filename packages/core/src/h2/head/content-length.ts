/**
 * Content-Length values (RFC 9110 section 8.6).
 */

/** The number that `value` is, if it is digits alone and at most 2^53-1; else -1. */
export function parseContentLength(value: string): number {
  const length = value.length;
  if (length === 0) return -1;
  let number = 0;
  for (let at = 0; at < length; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
    if (number > Number.MAX_SAFE_INTEGER) return -1;
  }
  return number;
}

const maxCached = 1024;
const texts: string[] = [];

/** `length` as a field value; those of small contents are made once. */
export function contentLengthText(length: number): string {
  if (length >= maxCached) return String(length);
  while (texts.length <= length) texts.push(String(texts.length));
  return texts[length] as string;
}
