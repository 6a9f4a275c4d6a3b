/**
 * Outgoing octets of one connection: frame headers, field blocks, control frames and small payloads, written in place.
 *
 * Memory comes in slabs. `take` cuts off what was written, without copying, and hands the unused rest of the slab to
 * whichever connection writes next; so an idle connection holds no memory, and a busy process writes into few slabs.
 * What was taken is never written to again. Places that are filled in later are remembered as distances from the first
 * octet not yet taken (`length`), since growing moves the octets.
 */
import { allocate, encodeLatin1Into } from "../bytes/latin1.ts";

const slabBytes = 65_536;
/** A rest smaller than this is not worth handing on. */
const minRestBytes = 512;
/** Below this a loop beats the call into native code. */
const shortText = 24;

const none = new Uint8Array(0);

/** The rest of a slab that nobody is writing to. */
let rest: Uint8Array = none;
let restStart = 0;

export class OctetWriter {
  /** The memory. Writing directly is allowed from `end`, after `reserve`. */
  bytes: Uint8Array = none;
  /** Where the octets not yet taken start. */
  start = 0;
  /** Where the next octet goes. */
  end = 0;

  /** The number of octets written and not yet taken. */
  get length(): number {
    return this.end - this.start;
  }

  /** Makes room for `count` octets behind `end`. */
  reserve(count: number): void {
    if (this.end + count > this.bytes.length) this.#grow(count);
  }

  byte(value: number): void {
    if (this.end === this.bytes.length) this.#grow(1);
    this.bytes[this.end++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.bytes[this.end++] = value >>> 8;
    this.bytes[this.end++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    const { bytes, end } = this;
    bytes[end] = value >>> 24;
    bytes[end + 1] = value >>> 16;
    bytes[end + 2] = value >>> 8;
    bytes[end + 3] = value;
    this.end = end + 4;
  }

  /** Copies octets. */
  octets(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    this.bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.end);
    this.end += count;
  }

  /** Writes `count` zeros. */
  zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.end, this.end + count);
    this.end += count;
  }

  /** Writes text whose chars are all below 256. */
  text(text: string): void {
    const length = text.length;
    this.reserve(length);
    const { bytes, end } = this;
    if (length <= shortText) for (let i = 0; i < length; i++) bytes[end + i] = text.charCodeAt(i);
    else encodeLatin1Into(text, bytes, end);
    this.end = end + length;
  }

  /** Everything written since the last time, as one chunk that will not change any more. */
  take(): Uint8Array {
    const { bytes, start, end } = this;
    const taken = bytes.subarray(start, end);
    this.#release(end);
    return taken;
  }

  /** Forgets everything that was not taken. */
  clear(): void {
    this.#release(this.start);
  }

  #release(used: number): void {
    const free = this.bytes.length - used;
    if (free >= minRestBytes && free > rest.length - restStart) {
      rest = this.bytes;
      restStart = used;
    }
    this.bytes = none;
    this.start = 0;
    this.end = 0;
  }

  #grow(count: number): void {
    const length = this.length;
    if (this.bytes.length === 0 && rest.length - restStart >= count) {
      this.bytes = rest;
      this.start = restStart;
      this.end = restStart;
      rest = none;
      restStart = 0;
      return;
    }
    const larger = allocate(Math.max(slabBytes, 2 * (length + count)));
    larger.set(this.bytes.subarray(this.start, this.end));
    this.bytes = larger;
    this.start = 0;
    this.end = length;
  }
}
