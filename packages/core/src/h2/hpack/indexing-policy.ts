/**
 * Which fields enter the dynamic table (RFC 7541 section 7.1): those that are likely to come again on the connection,
 * and none that are worth guessing. An attacker who sees lengths and can add fields of his own finds out what is in the
 * table one whole value at a time, so values that could be guessed are never put there, nor by any intermediary.
 */

/** Put into the table. */
export const POLICY_INDEX = 0;
/** Different in most messages: not put into the table, where it would push out what comes again. */
const POLICY_VOLATILE = 1;
/** A credential: a literal that may never enter a table (RFC 7541 section 6.2.3). */
export const POLICY_NEVER = 2;
/** Never if it is short enough to be guessed, else put into the table. */
export const POLICY_COOKIE = 3;

/** Cookie crumbs of fewer octets than this are never indexed (as nghttp2 and Python's hpack do). */
export const minIndexedCookieBytes = 20;

/** An entry that takes more than this part of the table is not put there: it would push out almost all others. */
export const maxEntryShare = 0.75;

// `date` is not among the volatile: it is the same for all responses of a second.
const policies: ReadonlyMap<string, number> = new Map([
  ["authorization", POLICY_NEVER],
  ["proxy-authorization", POLICY_NEVER],
  ["cookie", POLICY_COOKIE],
  ...(
    ":path age content-length content-range etag if-modified-since if-none-match if-range last-modified location " +
    "range set-cookie traceparent x-request-id"
  )
    .split(" ")
    .map((name): [string, number] => [name, POLICY_VOLATILE]),
]);

/** The policy for a name. */
export function indexingPolicy(name: string): number {
  return policies.get(name) ?? POLICY_INDEX;
}
