/**
 * Received content that nobody has taken yet, as the chunks a reader will get.
 *
 * A large part stays where it is, in the transport's chunk. One that is small, or a small share of its chunk, would hold
 * on to memory many times its size, so it is copied, behind the one before if that was small as well: what waits costs a
 * fixed multiple of its octets. What a chunk costs by itself is charged to a budget of the connection as long as it waits.
 */
import { allocateSmall } from "../../bytes/latin1.ts";
import { type DataBudget, partCostBytes } from "../defence/data-budget.ts";

/** A part of at least this many octets is kept as a window on the transport's chunk, */
const windowBytes = 4096;
/** unless the chunk's memory is more than so many times as large. */
const maxSpread = 8;
/** Small parts are joined up to this size. */
const maxJoinedBytes = 16_384;

export class ReceiveQueue {
  /** Octets in the queue. */
  length = 0;
  /** Where what waits is charged; nowhere once the stream is closed. */
  #budget: DataBudget | undefined;
  #chunks: Uint8Array[] = [];
  #first = 0;
  /** The memory of the last chunk, if small parts can be added to it: octets from 0 up to `#joinedEnd` are used. */
  #joined: Uint8Array | undefined;
  #joinedEnd = 0;
  /** The memory that the last window is on; another window on it holds on to nothing more. */
  #pinned: ArrayBufferLike | undefined;

  constructor(budget: DataBudget) {
    this.#budget = budget;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Adds the octets from `start` up to `end`. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.length += count;
    const { buffer } = bytes;
    if (
      (buffer === this.#pinned && count >= partCostBytes) ||
      (count >= windowBytes && count * maxSpread >= buffer.byteLength)
    ) {
      this.#joined = undefined;
      this.#pinned = buffer;
      this.#chunks.push(bytes.subarray(start, end));
      this.#budget?.charge(count);
      return;
    }
    if (this.#joined !== undefined && this.#joinedEnd + count <= maxJoinedBytes) {
      this.#budget?.refund(this.#joinedEnd);
    } else {
      this.#joined = allocateSmall(count);
      this.#joinedEnd = 0;
      this.#pinned = undefined;
      this.#chunks.push(this.#joined);
    }
    this.#join(bytes, start, end);
    this.#budget?.charge(this.#joinedEnd);
  }

  /** Takes the next chunk. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#first];
    if (chunk === undefined) return undefined;
    this.#first++;
    this.length -= chunk.length;
    this.#budget?.refund(chunk.length);
    if (this.#first === this.#chunks.length) this.clear();
    return chunk;
  }

  /** What waits can still be read, but is no concern of the connection's any more. */
  uncharge(): void {
    for (let at = this.#first; at < this.#chunks.length; at++) {
      this.#budget?.refund((this.#chunks[at] as Uint8Array).length);
    }
    this.#budget = undefined;
  }

  clear(): void {
    for (; this.#first < this.#chunks.length; this.#first++) {
      this.#budget?.refund((this.#chunks[this.#first] as Uint8Array).length);
    }
    this.length = 0;
    this.#chunks = [];
    this.#first = 0;
    this.#joined = undefined;
    this.#pinned = undefined;
  }

  #join(bytes: Uint8Array, start: number, end: number): void {
    let joined = this.#joined as Uint8Array;
    const used = this.#joinedEnd + end - start;
    if (used > joined.length) {
      const larger = allocateSmall(Math.min(maxJoinedBytes, used * 2));
      larger.set(joined.subarray(0, this.#joinedEnd));
      joined = larger;
      this.#joined = joined;
    }
    joined.set(bytes.subarray(start, end), this.#joinedEnd);
    this.#joinedEnd = used;
    this.#chunks[this.#chunks.length - 1] = joined.subarray(0, used);
  }
}
