/**
 * Dictionaries of structured fields (RFC 9651 sections 3.2, 4.2.2), as far as the `priority` field needs them: syntax
 * is checked in full, and the bare item of each member comes out as it was written.
 */

const key = "[a-z*][a-z0-9_\\-.*]*";
const number = "-?(?:[0-9]{1,12}\\.[0-9]{1,3}|[0-9]{1,15})";
const string = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const token = "[A-Za-z*][!#$%&'*+\\-.^_`|~0-9A-Za-z:/]*";
const binary = ":[A-Za-z0-9+/=]*:";
const truth = "\\?[01]";
const date = "@-?[0-9]{1,15}";
const display = '%"(?:[ !#$&-~]|%[0-9a-f]{2})*"';
const bareItem = `(?:${number}|${string}|${token}|${binary}|${truth}|${date}|${display})`;
const parameters = `(?:; *${key}(?:=${bareItem})?)*`;
const item = `${bareItem}${parameters}`;
const innerList = `\\( *(?:${item}(?: +${item})*)? *\\)`;
const member = new RegExp(`(${key})(?:=(?:(${bareItem})|${innerList}))?${parameters}`, "y");
const separator = /[ \t]*,[ \t]*/y;

/** No dictionary of use is longer; longer ones are not read. */
const maxLength = 1024;

/**
 * The members by key: the bare item as written, `?1` for a key alone, `()` for an inner list. Of several with the same
 * key the last counts. `undefined` if the value is malformed.
 */
export function parseDictionary(value: string): ReadonlyMap<string, string> | undefined {
  if (value.length > maxLength) return undefined;
  const members = new Map<string, string>();
  const text = trimSpaces(value);
  let at = 0;
  while (at < text.length) {
    member.lastIndex = at;
    const found = member.exec(text);
    if (found === null) return undefined;
    const [whole, name, bare] = found as unknown as [string, string, string | undefined];
    members.set(name, bare ?? (whole[name.length] === "=" ? "()" : "?1"));
    at += whole.length;
    if (at === text.length) break;
    separator.lastIndex = at;
    const comma = separator.exec(text);
    // RFC 9651 4.2.2: a comma must be followed by another member.
    if (comma === null || at + comma[0].length === text.length) return undefined;
    at += comma[0].length;
  }
  return members;
}

/** RFC 9651 4.2: SP around the whole is dropped, HTAB is not. */
function trimSpaces(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && value[start] === " ") start++;
  while (end > start && value[end - 1] === " ") end--;
  return value.slice(start, end);
}
