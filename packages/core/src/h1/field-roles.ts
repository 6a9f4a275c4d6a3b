/**
 * Field names the connection itself must understand, found together with the lower-case form of any name.
 *
 * Names arrive as slices of the head; one look-up in a map gives the interned lower-case string, so that later
 * comparisons compare pointers, and the role, so that nothing is looked up twice.
 */
import { all, TOKEN } from "../bytes/ascii.ts";

/** What a field means to the connection. */
export const ROLE_NONE = 0;
export const ROLE_CONTENT_LENGTH = 1;
export const ROLE_TRANSFER_ENCODING = 2;
export const ROLE_CONNECTION = 3;
export const ROLE_HOST = 4;
export const ROLE_UPGRADE = 5;
export const ROLE_EXPECT = 6;
export const ROLE_TE = 7;
export const ROLE_DATE = 8;
export const ROLE_TRAILER = 9;

export interface KnownName {
  readonly name: string;
  readonly role: number;
}

const roles: ReadonlyMap<string, number> = new Map([
  ["content-length", ROLE_CONTENT_LENGTH],
  ["transfer-encoding", ROLE_TRANSFER_ENCODING],
  ["connection", ROLE_CONNECTION],
  ["host", ROLE_HOST],
  ["upgrade", ROLE_UPGRADE],
  ["expect", ROLE_EXPECT],
  ["te", ROLE_TE],
  ["date", ROLE_DATE],
  ["trailer", ROLE_TRAILER],
]);

/** Names seen often enough to be worth interning, beside those with a role. */
const common =
  "accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials " +
  "access-control-allow-headers access-control-allow-methods access-control-allow-origin " +
  "access-control-expose-headers access-control-max-age access-control-request-headers " +
  "access-control-request-method age allow alt-svc authorization cache-control content-disposition " +
  "content-encoding content-language content-location content-range content-security-policy content-type cookie " +
  "dnt early-data etag expires forwarded from if-match if-modified-since if-none-match if-range " +
  "if-unmodified-since keep-alive last-modified link location max-forwards origin pragma priority " +
  "proxy-authenticate proxy-authorization proxy-connection range referer referrer-policy retry-after " +
  "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user " +
  "sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version " +
  "server set-cookie strict-transport-security traceparent tracestate upgrade-insecure-requests user-agent vary " +
  "via warning www-authenticate x-content-type-options x-forwarded-for x-forwarded-host x-forwarded-proto " +
  "x-frame-options x-real-ip x-request-id x-requested-with";

const known: ReadonlyMap<string, KnownName> = buildKnownNames();

function buildKnownNames(): ReadonlyMap<string, KnownName> {
  const map = new Map<string, KnownName>();
  for (const name of [...roles.keys(), ...common.split(" ")]) {
    const entry: KnownName = { name, role: roles.get(name) ?? ROLE_NONE };
    map.set(name, entry);
    map.set(titleCase(name), entry);
  }
  const te = map.get("te");
  if (te !== undefined) map.set("TE", te);
  return map;
}

/** The entry for a spelling that is common; `undefined` for any other. */
export function knownName(spelling: string): KnownName | undefined {
  return known.get(spelling);
}

/** The lower-case form of a name that is not among the common spellings, or `undefined` if it is not a token. */
export function otherName(spelling: string): KnownName | undefined {
  if (spelling === "" || !all(spelling, 0, spelling.length, TOKEN)) return undefined;
  const name = spelling.toLowerCase();
  return known.get(name) ?? { name, role: ROLE_NONE };
}

/** The role of a lower-case name. */
export function roleOf(name: string): number {
  switch (name.length) {
    case 2:
    case 4:
    case 6:
    case 7:
    case 10:
    case 14:
    case 17:
      return roles.get(name) ?? ROLE_NONE;
    default:
      return ROLE_NONE;
  }
}

/** `content-type` as `Content-Type`: the first letter and each letter after a hyphen in upper case. */
export function titleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
