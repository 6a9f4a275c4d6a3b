/** A first-in first-out store of bytes that remembers the chunks they came in, and gives them back whole or cut. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** Bytes held. */
  get size(): number {
    return this.#size;
  }

  /** Adds a chunk by reference; an empty one is ignored. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** Takes the oldest chunk as it was pushed. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#size -= chunk.length;
    return chunk;
  }

  /** Takes exactly `length` bytes, which must not be more than `size`; copies where they cross a boundary. */
  take(length: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && first.length > length) {
      this.#chunks[0] = first.subarray(length);
      this.#size -= length;
      return first.subarray(0, length);
    }
    if (first !== undefined && first.length === length) {
      this.#chunks.shift();
      this.#size -= length;
      return first;
    }
    const joined = new Uint8Array(length);
    for (let offset = 0; offset < length; ) {
      const piece = this.take(Math.min(this.#chunks[0]?.length ?? 0, length - offset));
      joined.set(piece, offset);
      offset += piece.length;
    }
    return joined;
  }

  clear(): void {
    this.#chunks = [];
    this.#size = 0;
  }
}
