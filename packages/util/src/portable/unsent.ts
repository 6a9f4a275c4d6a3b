/**
 * What an `Io` was given to write and its transport has not taken yet: chunks in order, the first of them perhaps in part.
 *
 * Small chunks of one `write` are joined, as a call into a runtime costs more than copying some kilobytes.
 */

/** Chunks of one `write` are joined up to this size. */
const maxJoinedBytes = 16_384;
/** With this much unsent, a transport has enough and `write` answers false. */
const highWaterBytes = 65_536;

export class Unsent {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether more may be written before the transport has taken some of this. */
  get hasRoom(): boolean {
    return this.#bytes < highWaterBytes;
  }

  /** What is to be sent next; undefined when there is nothing. */
  get first(): Uint8Array | undefined {
    return this.#chunks[0];
  }

  add(chunks: readonly Uint8Array[]): void {
    let size = 0;
    for (const chunk of chunks) size += chunk.length;
    this.#bytes += size;
    if (chunks.length > 1 && size <= maxJoinedBytes) {
      if (size > 0) this.#chunks.push(join(chunks, size));
    } else {
      for (const chunk of chunks) if (chunk.length > 0) this.#chunks.push(chunk);
    }
  }

  /** The transport has taken `count` bytes of `first`. */
  taken(count: number): void {
    const first = this.#chunks[0];
    if (first === undefined) return;
    this.#bytes -= count;
    if (count < first.length) this.#chunks[0] = first.subarray(count);
    else this.#chunks.shift();
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
