/**
 * Names that mean something to those who take fields: pseudo-header fields (RFC 9113 section 8.3) and what the
 * connection itself has to look at. Found out once for each table entry and kept in its flags, so that most fields are
 * passed on without a look at their names.
 */

export const SPECIAL_METHOD = 0x10;
export const SPECIAL_SCHEME = 0x20;
export const SPECIAL_AUTHORITY = 0x30;
export const SPECIAL_PATH = 0x40;
export const SPECIAL_PROTOCOL = 0x50;
export const SPECIAL_STATUS = 0x60;
/** Connection-specific (RFC 9113 section 8.2.2): does not exist in HTTP/2. */
export const SPECIAL_CONNECTION = 0x70;
export const SPECIAL_TE = 0x80;
export const SPECIAL_HOST = 0x90;
export const SPECIAL_CONTENT_LENGTH = 0xa0;
export const SPECIAL_COOKIE = 0xb0;
export const SPECIAL_EXPECT = 0xc0;
export const SPECIAL_PRIORITY = 0xd0;
/** Says that an intermediary has passed the request on. */
export const SPECIAL_FORWARDED = 0xe0;
export const SPECIAL_DATE = 0xf0;

const specials: ReadonlyMap<string, number> = new Map([
  [":method", SPECIAL_METHOD],
  [":scheme", SPECIAL_SCHEME],
  [":authority", SPECIAL_AUTHORITY],
  [":path", SPECIAL_PATH],
  [":protocol", SPECIAL_PROTOCOL],
  [":status", SPECIAL_STATUS],
  ["connection", SPECIAL_CONNECTION],
  ["proxy-connection", SPECIAL_CONNECTION],
  ["keep-alive", SPECIAL_CONNECTION],
  ["transfer-encoding", SPECIAL_CONNECTION],
  ["upgrade", SPECIAL_CONNECTION],
  ["te", SPECIAL_TE],
  ["host", SPECIAL_HOST],
  ["content-length", SPECIAL_CONTENT_LENGTH],
  ["cookie", SPECIAL_COOKIE],
  ["expect", SPECIAL_EXPECT],
  ["priority", SPECIAL_PRIORITY],
  ["via", SPECIAL_FORWARDED],
  ["forwarded", SPECIAL_FORWARDED],
  ["x-forwarded-for", SPECIAL_FORWARDED],
  ["date", SPECIAL_DATE],
]);

/** What a name means: a `SPECIAL_` constant, or 0. */
export function specialOf(name: string): number {
  return specials.get(name) ?? 0;
}
