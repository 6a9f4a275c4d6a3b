/**
 * Field lines in the forms that handlers take: a flat list of buffers, and an object of strings.
 */
import type { HeaderMap } from "@sluice/body";

/** Names and values in turn; a value may be a list. */
export type RawFields = (Buffer | Buffer[])[];
/** Values by name in lower case; a list where a name has more than one line. */
export type FieldRecord = Record<string, string | string[]>;

/** The lines as a list; names as they were spelled, where that is known. */
export function rawFields(headers: HeaderMap): Buffer[] {
  const raw: Buffer[] = [];
  for (let i = 0; i < headers.size; i++) {
    const name = headers.originalNameAt(i) ?? headers.nameAt(i);
    raw.push(Buffer.from(name, "latin1"), Buffer.from(headers.valueAt(i), "latin1"));
  }
  return raw;
}

/** The lines as an object. It is plain, as handlers expect; a name such as `__proto__` is a property like any other. */
export function fieldRecord(headers: HeaderMap): FieldRecord {
  const record: FieldRecord = {};
  for (const [name, value] of headers) add(record, name, value);
  return record;
}

/** A list as an object. */
export function recordOfRaw(raw: RawFields): FieldRecord {
  const record: FieldRecord = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]).toLowerCase();
    for (const value of [raw[i + 1]].flat()) add(record, name, value?.toString("latin1") ?? "");
  }
  return record;
}

/** An object as a list. */
export function rawOfRecord(record: Readonly<Record<string, string | readonly string[] | undefined>>): Buffer[] {
  const raw: Buffer[] = [];
  for (const [name, values] of Object.entries(record)) {
    for (const value of values === undefined ? [] : [values].flat()) {
      raw.push(Buffer.from(name, "latin1"), Buffer.from(value, "latin1"));
    }
  }
  return raw;
}

function add(record: FieldRecord, name: string, value: string): void {
  const present = Object.hasOwn(record, name) ? record[name] : undefined;
  if (Array.isArray(present)) present.push(value);
  else if (present !== undefined) record[name] = [present, value];
  else Object.defineProperty(record, name, { value, writable: true, enumerable: true, configurable: true });
}
