/**
 * Cookie crumbs on their way out (RFC 9113 section 8.2.3): one field for each cookie, so that those that stay the same
 * can be taken from the table.
 *
 * A value is split where "; " can be put back: joined again, crumbs are the very same value, whatever blanks and
 * semicolons are in it. No crumb is empty or has blanks around it, which would not be allowed.
 */

const delimiter = "; ";

/** Where the crumb that starts at `start` ends; the next one starts `crumbGap` behind. */
export function crumbEnd(value: string, start: number): number {
  for (let at = value.indexOf(delimiter, start + 1); at > 0; at = value.indexOf(delimiter, at + 1)) {
    if (!isBlank(value, at - 1) && at + delimiter.length < value.length && !isBlank(value, at + delimiter.length)) {
      return at;
    }
  }
  return value.length;
}

/** The length of what is between two crumbs. */
export const crumbGap: number = delimiter.length;

/** The number of crumbs. */
export function countCrumbs(value: string): number {
  let count = 1;
  for (let end = crumbEnd(value, 0); end < value.length; end = crumbEnd(value, end + crumbGap)) count++;
  return count;
}

function isBlank(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === 0x20 || unit === 0x09;
}
