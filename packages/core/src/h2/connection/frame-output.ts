/**
 * Outgoing frames of one connection, gathered until they leave in one write.
 *
 * Frames are written in place into one run of octets; only a large payload is passed on by reference, between two runs.
 */
import { type OutputBuffer, passThroughBytes } from "../../bytes/write-buffer.ts";
import type { OutgoingFrames } from "../observe/outgoing-frames.ts";
import { OctetWriter } from "../octet-writer.ts";

export class FrameOutput implements OutputBuffer {
  /** Where frames are written. */
  readonly writer: OctetWriter = new OctetWriter();
  readonly #seen: OutgoingFrames | undefined;
  /** What comes before the run being written. */
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;

  /** @param seen Is shown what leaves. */
  constructor(seen: OutgoingFrames | undefined) {
    this.#seen = seen;
  }

  get length(): number {
    return this.#chunkBytes + this.writer.length;
  }

  /** Adds the octets of `bytes` from `start` up to `end`, which must not change any more: payload behind its header. */
  payload(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (count < passThroughBytes) {
      this.writer.octets(bytes, start, end);
      return;
    }
    this.#closeRun();
    this.#chunks.push(count === bytes.length ? bytes : bytes.subarray(start, end));
    this.#chunkBytes += count;
  }

  take(): Uint8Array[] {
    this.#closeRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#seen?.written(chunks);
    return chunks;
  }

  clear(): void {
    this.writer.clear();
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  #closeRun(): void {
    const count = this.writer.length;
    if (count === 0) return;
    this.#chunks.push(this.writer.take());
    this.#chunkBytes += count;
  }
}
