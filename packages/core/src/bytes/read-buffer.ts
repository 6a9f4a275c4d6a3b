/**
 * Received bytes that nobody has taken yet.
 *
 * As a rule this is a window on the transport's own chunk: nothing is copied. Only when a head or a chunk line straddles
 * two chunks are they joined, in memory that doubles, so that a peer who sends single bytes costs linear work. An empty
 * buffer holds no memory.
 */
import { allocate } from "./latin1.ts";

const none = new Uint8Array(0);

export class ReadBuffer {
  /** The memory; only `start` up to `end` means anything. */
  bytes: Uint8Array = none;
  start = 0;
  end = 0;
  /** Whether `bytes` is ours to write to beyond `end`. */
  #owned = false;

  get length(): number {
    return this.end - this.start;
  }

  /** Adds a chunk, which from then on belongs to the buffer. */
  push(chunk: Uint8Array): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#owned = false;
      return;
    }
    const length = this.length + chunk.length;
    if (!this.#owned || this.end + chunk.length > this.bytes.length) {
      const joined = allocate(Math.max(256, length * 2));
      joined.set(this.bytes.subarray(this.start, this.end));
      this.end = this.length;
      this.start = 0;
      this.bytes = joined;
      this.#owned = true;
    }
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Drops `count` bytes from the front. */
  consume(count: number): void {
    this.start += count;
    if (this.start === this.end) this.clear();
  }

  /** Takes up to `max` bytes from the front, without copying. */
  take(max: number): Uint8Array {
    const end = Math.min(this.end, this.start + max);
    const taken = this.start === 0 && end === this.bytes.length ? this.bytes : this.bytes.subarray(this.start, end);
    // A later `push` must not write over what was handed out; it never does, since it only writes beyond `end`.
    this.consume(taken.length);
    return taken;
  }

  /** Takes everything. */
  takeAll(): Uint8Array {
    return this.take(this.length);
  }

  clear(): void {
    this.bytes = none;
    this.start = 0;
    this.end = 0;
    this.#owned = false;
  }
}
