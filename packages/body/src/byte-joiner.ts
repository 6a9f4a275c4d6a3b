/**
 * Joins chunks into one piece of bytes, holding little more than them meanwhile.
 *
 * A single chunk comes out as it went in. When the length is known and modest the chunks go into their place as they
 * come. Otherwise large chunks are kept by reference and small ones copied together: a peer that sends byte by byte must
 * not make us hold an object, and perhaps a whole read buffer behind it, for every byte.
 */

/** The most that is allocated for bytes that have not come yet, whatever length was announced: 1 MiB. */
const maxPreallocatedBytes = 1024 * 1024;

/** Chunks from this size on are kept by reference: the copy would cost more than the memory it saves. */
const largeChunkBytes = 4096;

/** The size of the blocks small chunks are copied into. */
const blockBytes = 16 * 1024;

export class ByteJoiner {
  readonly #expected: number | undefined;
  /** The one chunk there is so far. */
  #first: Uint8Array | undefined;
  /** What comes before the block. */
  readonly #parts: Uint8Array[] = [];
  /** Where chunks are copied to; its first `#used` bytes are filled. */
  #block: Uint8Array | undefined;
  #used = 0;
  #byteLength = 0;

  /** @param expected - the exact number of bytes to come, if it is known. Made room for up to 1 MiB, and not relied on. */
  constructor(expected: number | undefined) {
    this.#expected = expected !== undefined && expected <= maxPreallocatedBytes ? expected : undefined;
  }

  push(chunk: Uint8Array): void {
    const length = chunk.byteLength;
    if (length === 0) return;
    if (this.#byteLength === 0) {
      this.#first = chunk;
    } else {
      this.#spreadFirst();
      this.#add(chunk);
    }
    this.#byteLength += length;
  }

  /** All bytes. To be called once, after the last push. */
  join(): Uint8Array {
    if (this.#first !== undefined) return this.#first;
    this.#seal();
    const [only] = this.#parts;
    if (only !== undefined && this.#parts.length === 1) return only;
    const joined = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.byteLength;
    }
    return joined;
  }

  /** A second chunk came, so the first will not do as it is. */
  #spreadFirst(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#first = undefined;
    if (this.#expected !== undefined) this.#block = new Uint8Array(this.#expected);
    this.#add(first);
  }

  #add(chunk: Uint8Array): void {
    const length = chunk.byteLength;
    if (this.#block === undefined || this.#block.byteLength - this.#used < length) {
      this.#seal();
      if (length >= largeChunkBytes) {
        this.#parts.push(chunk);
        return;
      }
      this.#block = new Uint8Array(blockBytes);
    }
    this.#block.set(chunk, this.#used);
    this.#used += length;
  }

  /** Closes the block. One that is mostly empty is copied, so that what is held stays near what was received. */
  #seal(): void {
    const block = this.#block;
    if (block === undefined) return;
    if (this.#used > 0) {
      const wasteful = this.#used * 2 < block.byteLength;
      this.#parts.push(wasteful ? block.slice(0, this.#used) : block.subarray(0, this.#used));
    }
    this.#block = undefined;
    this.#used = 0;
  }
}
