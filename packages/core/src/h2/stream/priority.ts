/**
 * Priorities of RFC 9218: urgency and whether a response is of use in part, as one small integer, and the `priority`
 * field and PRIORITY_UPDATE frames that carry them.
 */
import { parseDictionary } from "./structured-dictionary.ts";

/** Urgency from 0 (first) to 7, times two, plus one if incremental. */
export type Priority = number;

const defaultUrgency = 3;

/** What holds for a request that says nothing (RFC 9218 section 4): urgency 3, not incremental. */
export const defaultPriority: Priority = defaultUrgency << 1;
/** For peers that do not know of priorities: all streams take turns. */
export const fairPriority: Priority = (defaultUrgency << 1) | 1;

/** @throws RangeError unless urgency is a whole number from 0 to 7. */
export function priorityOf(urgency: number, incremental: boolean): Priority {
  if (!(urgency >= 0 && urgency <= 7 && Number.isInteger(urgency))) {
    throw new RangeError(`urgency must be a whole number from 0 to 7; got ${urgency}`);
  }
  return (urgency << 1) | (incremental ? 1 : 0);
}

export function urgencyOf(priority: Priority): number {
  return priority >> 1;
}

export function isIncremental(priority: Priority): boolean {
  return (priority & 1) === 1;
}

/**
 * Reads the value of a `priority` field or of PRIORITY_UPDATE. What it does not say, or not as it should be said, is
 * taken from `base`: the defaults (RFC 9218 section 4: unknown, invalid and out-of-range parameters are ignored), or
 * for the field in a response the priority of its request, which it amends (section 8). A malformed value says nothing
 * at all.
 */
export function parsePriority(value: string, base: Priority = defaultPriority): Priority {
  const members = parseDictionary(value);
  if (members === undefined) return base;
  let priority = base;
  const urgency = members.get("u");
  if (urgency !== undefined && /^[0-7]$/.test(urgency)) priority = (Number(urgency) << 1) | (priority & 1);
  const incremental = members.get("i");
  if (incremental === "?1") priority |= 1;
  else if (incremental === "?0") priority &= ~1;
  return priority;
}

/** Writes the value of a `priority` field, without what is the default; empty for the default priority. */
export function serializePriority(priority: Priority): string {
  const urgency = urgencyOf(priority) === defaultUrgency ? "" : `u=${urgencyOf(priority)}`;
  if (!isIncremental(priority)) return urgency;
  return urgency === "" ? "i" : `${urgency}, i`;
}

/** What is known about the priority of a request when it arrives. */
export interface PrioritySignals {
  /** The `priority` field, its lines joined by commas. */
  readonly field: string | undefined;
  /** The last PRIORITY_UPDATE that came ahead of the request. */
  readonly update: string | undefined;
  /** Whether the client has ever sent a priority signal on this connection. */
  readonly clientAware: boolean;
  /** Whether the request has come through another connection before this one: see `isForwarded`. */
  readonly forwarded: boolean;
}

/**
 * The priority a server gives to a request.
 *
 * Through a proxy, requests of many clients share a connection, and what one of them says must not put it ahead of the
 * others (RFC 9218 section 13.1): there, signals are not listened to and all streams take turns.
 */
export function requestPriority(signals: PrioritySignals): Priority {
  const { field, update, clientAware, forwarded } = signals;
  if (forwarded) return fairPriority;
  // RFC 9218 7: the frame replaces what the field says, as a whole.
  if (update !== undefined) return parsePriority(update);
  if (field !== undefined) return parsePriority(field);
  return clientAware ? defaultPriority : fairPriority;
}

/** Whether a request says that it was forwarded. */
export function isForwarded(headers: { has(name: string): boolean }): boolean {
  return headers.has("via") || headers.has("forwarded") || headers.has("x-forwarded-for");
}
