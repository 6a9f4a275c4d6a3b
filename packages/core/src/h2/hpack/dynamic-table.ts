/**
 * The dynamic table (RFC 7541 sections 2.3.2, 4): the newest entries whose sizes sum up to no more than a maximum.
 *
 * A ring of a power of two slots, or none before the first entry; adding, dropping the oldest and finding by index take the same time however many
 * there are. Entries are also numbered from 1 in the order in which they came: unlike the index the number stays the
 * same. Both ends of a connection keep this table alike; the encoder's adds a way to find entries by content.
 */
import { entryOverheadBytes, noEntry, type TableEntry } from "./static-table.ts";

/** The maximum size both ends start with (RFC 9113 section 6.5.2). */
export const defaultTableBytes = 4096;

const firstSlots = 4;
const none: TableEntry[] = [];

export class DynamicTable {
  #slots: TableEntry[] = none;
  /** The number of the newest entry. */
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The number of entries. */
  get count(): number {
    return this.#count;
  }

  /** The size as RFC 7541 section 4.1 counts it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The size that is not exceeded. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** The number of the newest entry; 0 if there has been none. */
  get newest(): number {
    return this.#newest;
  }

  /** The entry `index` places behind the newest, which is 0; `undefined` if there is none. */
  at(index: number): TableEntry | undefined {
    return index < this.#count ? this.#slots[(this.#newest - index) & (this.#slots.length - 1)] : undefined;
  }

  /**
   * Adds an entry, dropping old ones to make room. One that is larger than the table empties it and is not added, which
   * is no error (RFC 7541 section 4.4). Returns whether it was added.
   */
  add(entry: TableEntry): boolean {
    const size = entry.name.length + entry.value.length + entryOverheadBytes;
    this.#shrink(this.#maxBytes - size);
    if (size > this.#maxBytes) return false;
    if (this.#count === this.#slots.length) this.#grow();
    this.#newest++;
    this.#slots[this.#newest & (this.#slots.length - 1)] = entry;
    this.#count++;
    this.#bytes += size;
    return true;
  }

  /** Drops everything. */
  clear(): void {
    this.#shrink(0);
  }

  /** Changes the maximum size, dropping old entries that no longer fit (RFC 7541 section 4.3). */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#shrink(maxBytes);
  }

  /** An entry has just been dropped. */
  protected dropped(_entry: TableEntry, _number: number): void {}

  #shrink(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const number = this.#newest - this.#count + 1;
      const slot = number & (this.#slots.length - 1);
      const entry = this.#slots[slot] as TableEntry;
      this.#slots[slot] = noEntry;
      this.#count--;
      this.#bytes -= entry.name.length + entry.value.length + entryOverheadBytes;
      this.dropped(entry, number);
    }
  }

  #grow(): void {
    const slots = new Array<TableEntry>(Math.max(firstSlots, this.#slots.length * 2)).fill(noEntry);
    for (let index = 0; index < this.#count; index++) {
      slots[(this.#newest - index) & (slots.length - 1)] = this.at(index) as TableEntry;
    }
    this.#slots = slots;
  }
}
