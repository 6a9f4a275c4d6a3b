/**
 * The encoder's dynamic table with a way to find entries by name and by name and value.
 *
 * Each name has one record: where it is in the static table, what the policy says of it, and the entries with it that
 * are in the dynamic table. So a field costs one look-up for its name and, unless its value is the same as last time,
 * one for its value. Records live as long as the table has an entry with their name; those of the static table's names
 * stay.
 */
import { DynamicTable } from "./dynamic-table.ts";
import { indexingPolicy } from "./indexing-policy.ts";
import { staticNames, staticTableLength, type TableEntry } from "./static-table.ts";

const noValues: ReadonlyMap<string, number> = new Map();

/** What the encoder knows of a name. */
export class NameRecord {
  readonly name: string;
  /** A `POLICY_` constant. */
  readonly policy: number;
  /** The lowest index in the static table, or 0. */
  readonly staticIndex: number;
  /** Indexes in the static table by value. */
  readonly staticValues: ReadonlyMap<string, number>;
  /** Numbers in the dynamic table by value: the newest of each. Made for the second entry with the name. */
  values: Map<string, number> | undefined = undefined;
  /** The number of the newest entry with the name; it may have been dropped. */
  newest = 0;
  /** How many entries in the dynamic table have the name. */
  count = 0;
  /**
   * The value found or added last, and its number, for a static one the complement of its index; 0 if it was dropped.
   */
  lastValue = "";
  lastNumber = 0;

  constructor(name: string) {
    const inTable = staticNames.get(name);
    this.name = name;
    this.policy = indexingPolicy(name);
    this.staticIndex = inTable?.index ?? 0;
    this.staticValues = inTable?.values ?? noValues;
  }
}

export class EncoderTable extends DynamicTable {
  readonly #records: Map<string, NameRecord> = new Map();

  /** The record of a name. For a name that is in neither table it is a new one, kept only if an entry is added. */
  record(name: string): NameRecord {
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    const record = new NameRecord(name);
    if (record.staticIndex !== 0) this.#records.set(record.name, record);
    return record;
  }

  /** The number of names with a record. */
  get names(): number {
    return this.#records.size;
  }

  /** The index of an entry with this name and value, or 0. */
  find(record: NameRecord, value: string): number {
    const last = record.lastNumber;
    if (last !== 0 && record.lastValue === value) return last < 0 ? ~last : this.#indexOf(last);
    const index = record.staticValues.get(value);
    if (index !== undefined) {
      record.lastValue = value;
      record.lastNumber = ~index;
      return index;
    }
    const number = this.#number(record, value);
    if (number === 0) return 0;
    record.lastValue = value;
    record.lastNumber = number;
    return this.#indexOf(number);
  }

  /** The index of an entry with this name, or 0. */
  findName(record: NameRecord): number {
    if (record.staticIndex !== 0) return record.staticIndex;
    return record.count > 0 ? this.#indexOf(record.newest) : 0;
  }

  /** Adds an entry. */
  insert(record: NameRecord, value: string): void {
    // Making room may drop the last entry with this name, and its record with it.
    if (!this.add({ name: record.name, value, flags: 0 })) return;
    this.#records.set(record.name, record);
    if (record.values === undefined && record.count > 0) {
      record.values = new Map([[this.#valueOf(record.newest), record.newest]]);
    }
    record.count++;
    record.newest = this.newest;
    record.values?.set(value, this.newest);
    record.lastValue = value;
    record.lastNumber = this.newest;
  }

  protected override dropped(entry: TableEntry, number: number): void {
    const record = this.#records.get(entry.name);
    if (record === undefined) return;
    record.count--;
    if (record.values?.get(entry.value) === number) record.values.delete(entry.value);
    if (record.lastNumber === number) {
      record.lastValue = "";
      record.lastNumber = 0;
    }
    if (record.count === 0 && record.staticIndex === 0) this.#records.delete(entry.name);
  }

  /** The number of the newest entry with this name and value, or 0. */
  #number(record: NameRecord, value: string): number {
    if (record.values !== undefined) return record.values.get(value) ?? 0;
    return record.count > 0 && this.#valueOf(record.newest) === value ? record.newest : 0;
  }

  #valueOf(number: number): string {
    return (this.at(this.newest - number) as TableEntry).value;
  }

  #indexOf(number: number): number {
    return staticTableLength + 1 + this.newest - number;
  }
}
