/**
 * Heads of plain responses that were sent before, to be sent again.
 *
 * Most servers answer in a few shapes: the same status, the same fields, the same length. What such a head says depends on
 * nothing else but the date, so its text is put together once a second, and comparing is cheaper than that. Names and
 * values are compared as strings, which for those that are the same string compares pointers.
 *
 * The table is shared by all connections and does not grow; what hashes to the same place replaces what was there. Cookies and
 * values marked as sensitive are not kept: they are not to outlive their response here.
 */
import type { HeaderMap } from "@sluice/body";

interface Entry {
  readonly status: number;
  readonly length: number;
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** The date line in it. */
  readonly date: string;
  readonly text: string;
}

const places = 64;
/** Heads with more lines are rarely the same, and cost more to compare. */
const maxLines = 8;
const maxTextLength = 1024;
const entries: (Entry | undefined)[] = new Array<Entry | undefined>(places).fill(undefined);

function placeOf(status: number, length: number, lines: number): number {
  return (status + length * 7 + lines * 31) % places;
}

/** The text of the head with these fields, content length and date line; `undefined` if it was not sent lately. */
export function repeatedHead(status: number, headers: HeaderMap, length: number, date: string): string | undefined {
  const { size } = headers;
  const entry = entries[placeOf(status, length, size)];
  if (entry === undefined || entry.status !== status || entry.length !== length || entry.date !== date)
    return undefined;
  const { names, values } = entry;
  if (names.length !== size) return undefined;
  for (let i = 0; i < size; i++) {
    if (values[i] !== headers.valueAt(i) || names[i] !== headers.nameAt(i)) return undefined;
  }
  return entry.text;
}

/** Keeps the text of a head for the next time. */
export function keepHead(status: number, headers: HeaderMap, length: number, date: string, text: string): void {
  const { size } = headers;
  if (size > maxLines || text.length > maxTextLength) return;
  const names: string[] = [];
  const values: string[] = [];
  for (let i = 0; i < size; i++) {
    if (headers.sensitiveAt(i) || headers.nameAt(i) === "set-cookie") return;
    names.push(headers.nameAt(i));
    values.push(headers.valueAt(i));
  }
  entries[placeOf(status, length, size)] = { status, length, names, values, date, text };
}
