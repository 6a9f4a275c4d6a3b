/**
 * The static table (RFC 7541 appendix A), and what a table entry is: name, value and what is known of them, found out
 * once and not again for each field that refers to the entry.
 */
import { specialOf } from "./special-names.ts";

/** The field must not enter any table on its way (RFC 7541 section 6.2.3), nor be printed. */
export const FIELD_SENSITIVE = 1;
/** The name starts with a colon (RFC 9113 section 8.3). */
export const FIELD_PSEUDO = 2;
/** The name is not allowed in HTTP/2 (RFC 9113 section 8.2.1): not a token, or not in lower case. */
export const FIELD_NAME_INVALID = 4;
/** The value is not allowed in HTTP/2 (RFC 9113 section 8.2.1): a control character, or blanks around it. */
export const FIELD_VALUE_INVALID = 8;
/** The bits that say what the name means to those who take fields: a `SPECIAL_` constant, or 0 for most names. */
export const FIELD_SPECIAL = 0xf0;

/** What an entry of a table costs beside the octets of its name and value (RFC 7541 section 4.1). */
export const entryOverheadBytes = 32;

/** A field in a table. */
export interface TableEntry {
  readonly name: string;
  readonly value: string;
  /** `FIELD_` flags other than `FIELD_SENSITIVE`. */
  readonly flags: number;
}

const fields = `\
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** Stands where there is no entry. */
export const noEntry: TableEntry = { name: "", value: "", flags: 0 };

/** The static table by index; the first index is 1. */
export const staticTable: readonly TableEntry[] = [
  noEntry,
  ...fields.split("\n").map((line): TableEntry => {
    const space = line.indexOf(" ");
    const name = space < 0 ? line : line.slice(0, space);
    return {
      name,
      value: space < 0 ? "" : line.slice(space + 1),
      flags: (name.startsWith(":") ? FIELD_PSEUDO : 0) | specialOf(name),
    };
  }),
];

/** The number of entries of the static table: the first index of the dynamic table is one more. */
export const staticTableLength = 61;

/** Where a name stands in the static table. */
export interface StaticName {
  readonly name: string;
  /** The lowest index of an entry with this name. */
  readonly index: number;
  /** The indexes of the entries with this name, by value. */
  readonly values: ReadonlyMap<string, number>;
}

/** The static table by name. */
export const staticNames: ReadonlyMap<string, StaticName> = byName();

function byName(): ReadonlyMap<string, StaticName> {
  const names = new Map<string, { name: string; index: number; values: Map<string, number> }>();
  for (const [index, { name, value }] of staticTable.entries()) {
    if (index === 0) continue;
    const known = names.get(name);
    if (known === undefined) names.set(name, { name, index, values: new Map([[value, index]]) });
    else known.values.set(value, index);
  }
  return names;
}
