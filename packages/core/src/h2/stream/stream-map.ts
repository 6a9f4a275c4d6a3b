/**
 * Streams by identifier: a table with open addressing and linear probing.
 *
 * Not a `Map`, because streams come and go by the hundred thousand: a `Map` that is rehashed leaves its old table to the
 * collector with all entries in it and a link to the next one, and once such a table has grown old, every stream of that
 * time is kept with it until a full collection (40% of the time of a server with asynchronous answers). This table moves
 * entries in place and forgets them at once.
 */

const leastSlots = 8;

export class StreamMap<Stream extends { readonly id: number }> {
  #slots: (Stream | undefined)[] = new Array<Stream | undefined>(leastSlots).fill(undefined);
  #mask: number = leastSlots - 1;
  /** Leaves as many bits of a hash as there are in `#mask`. */
  #shift: number = Math.clz32(leastSlots - 1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    const slots = this.#slots;
    for (let at = this.#home(id); ; at = (at + 1) & this.#mask) {
      const stream = slots[at];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  /** Adds a stream whose identifier is not in the table. */
  add(stream: Stream): void {
    if (++this.#size * 2 > this.#slots.length) this.#resize(this.#slots.length * 2);
    this.#put(stream);
  }

  /** Nothing happens if there is none. */
  delete(id: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let gap = this.#home(id);
    for (; slots[gap]?.id !== id; gap = (gap + 1) & mask) if (slots[gap] === undefined) return;
    // Those behind the gap that belong before it close it.
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined) break;
      if (((at - this.#home(stream.id)) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = stream;
      gap = at;
    }
    slots[gap] = undefined;
    if (--this.#size === 0 && slots.length > leastSlots * 8) this.#resize(leastSlots);
  }

  /** All streams there are now, by identifier. */
  list(): Stream[] {
    const streams = this.#slots.filter((stream) => stream !== undefined);
    return streams.sort((a, b) => a.id - b.id);
  }

  #resize(count: number): void {
    const before = this.#slots;
    this.#slots = new Array<Stream | undefined>(count).fill(undefined);
    this.#mask = count - 1;
    this.#shift = Math.clz32(count - 1);
    for (const stream of before) if (stream !== undefined) this.#put(stream);
    before.fill(undefined);
  }

  #put(stream: Stream): void {
    const slots = this.#slots;
    let at = this.#home(stream.id);
    while (slots[at] !== undefined) at = (at + 1) & this.#mask;
    slots[at] = stream;
  }

  /** Where a stream belongs. The peer chooses identifiers, so they are spread (Fibonacci hashing). */
  #home(id: number): number {
    return Math.imul(id, 0x9e37_79b1) >>> this.#shift;
  }
}
