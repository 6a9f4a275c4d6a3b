/**
 * Octets to frames, without any of the engine's code and without judging them: whatever a header says is taken.
 */
import { joined } from "./octets.ts";

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  /** All 32 bits, the reserved one included. */
  readonly streamId: number;
  readonly payload: Uint8Array;
}

const headerBytes = 9;

export class FrameSplitter {
  #parts: Uint8Array[] = [];
  #length = 0;
  /** With so many octets there is something to be seen: a header, or a frame. */
  #needed = headerBytes;

  /** Whether the octets so far end within a frame. */
  get withinFrame(): boolean {
    return this.#length > 0;
  }

  /** Takes further octets, and returns the frames that they complete. */
  push(octets: Uint8Array): RawFrame[] {
    this.#parts.push(octets.slice());
    this.#length += octets.length;
    return this.#length < this.#needed ? [] : this.#split(joined(this.#parts));
  }

  #split(all: Uint8Array): RawFrame[] {
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const frames: RawFrame[] = [];
    let at = 0;
    this.#needed = headerBytes;
    while (all.length - at >= headerBytes) {
      const length = headerBytes + (view.getUint8(at) << 16) + view.getUint16(at + 1);
      if (at + length > all.length) {
        this.#needed = length;
        break;
      }
      frames.push({
        type: view.getUint8(at + 3),
        flags: view.getUint8(at + 4),
        streamId: view.getUint32(at + 5),
        payload: all.slice(at + headerBytes, at + length),
      });
      at += length;
    }
    this.#parts = at < all.length ? [all.slice(at)] : [];
    this.#length = all.length - at;
    return frames;
  }
}
