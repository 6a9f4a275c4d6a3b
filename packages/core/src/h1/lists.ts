/**
 * Comma-separated lists in field values (RFC 9110 section 5.6.1), read without building arrays where the common value is
 * a single token.
 */

/** Whether a list of tokens holds `token` (lower-case), in any case, anywhere. */
export function listHas(value: string, token: string): boolean {
  if (value.length === token.length) return value === token || value.toLowerCase() === token;
  if (value.length < token.length || value.indexOf(",") < 0) return false;
  for (const element of value.split(",")) {
    if (trimOws(element).toLowerCase() === token) return true;
  }
  return false;
}

/** Removes SP and HTAB from both ends. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

export function isOws(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}
