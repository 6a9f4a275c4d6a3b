/**
 * The reading side of a transport that pushes: what comes in unasked waits here, and a `read` takes one chunk.
 *
 * Each chunk is charged as more than its bytes, since a peer that sends single bytes costs more than these. What waits is
 * bounded by whoever pushes: it looks at `charged`, or knows by `taken` what may come next.
 */
import type { ReadDone } from "@sluice/core";
import { tellRead } from "./callbacks.ts";

/** What a chunk that waits is charged beside its bytes: the objects it consists of, roughly. */
export const chunkCostBytes = 256;

/** Taken places at the head of the queue are given back when there are as many, and more than those that wait. */
const compactAt = 1024;

export class Inlet {
  readonly #taken: ((chunk: Uint8Array) => void) | undefined;
  #chunks: (Uint8Array | undefined)[] = [];
  #next = 0;
  #charged = 0;
  #reader: ReadDone | undefined = undefined;
  #ended = false;
  #failure: unknown = undefined;

  /** @param taken is called with each chunk before the reader has it. */
  constructor(taken?: (chunk: Uint8Array) => void) {
    this.#taken = taken;
  }

  /** What waits to be read: bytes, and `chunkCostBytes` for each chunk. */
  get charged(): number {
    return this.#charged;
  }

  /** Whether the peer has ended its side; what it sent before may still wait. */
  get ended(): boolean {
    return this.#ended;
  }

  /** As `Read.read`. */
  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    const chunk = this.#shift();
    if (chunk !== undefined) {
      this.#taken?.(chunk);
      done(chunk);
    } else if (this.#failure !== undefined) {
      done(null, this.#failure);
    } else if (this.#ended) {
      done(null);
    } else {
      this.#reader = done;
    }
  }

  /** Adds a chunk, which must not be empty. */
  push(chunk: Uint8Array): void {
    if (this.#ended || this.#failure !== undefined) return;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#chunks.push(chunk);
      this.#charged += chunk.length + chunkCostBytes;
      return;
    }
    this.#reader = undefined;
    this.#taken?.(chunk);
    tellRead(reader, chunk, undefined);
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#ended = true;
    this.#complete(undefined);
  }

  /** Reads fail from now on: behind what waits, or at once if that is `lost`. A failure behind the end is none. */
  fail(failure: unknown, lost: boolean): void {
    if (lost) {
      this.#chunks = [];
      this.#next = 0;
      this.#charged = 0;
    }
    if (this.#failure !== undefined || (this.#ended && !lost)) return;
    this.#failure = failure;
    this.#complete(failure);
  }

  #complete(failure: unknown): void {
    const reader = this.#reader;
    this.#reader = undefined;
    tellRead(reader, null, failure);
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#next];
    if (chunk === undefined) return undefined;
    this.#chunks[this.#next] = undefined;
    this.#next += 1;
    this.#charged -= chunk.length + chunkCostBytes;
    if (this.#next === this.#chunks.length) {
      this.#chunks = [];
      this.#next = 0;
    } else if (this.#next >= compactAt && this.#next * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#next);
      this.#next = 0;
    }
    return chunk;
  }
}
