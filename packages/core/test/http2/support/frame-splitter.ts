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
const none = new Uint8Array(0);

export class FrameSplitter {
  #rest: Uint8Array = none;

  /** Whether the octets so far end within a frame. */
  get withinFrame(): boolean {
    return this.#rest.length > 0;
  }

  /** Takes further octets, and returns the frames that they complete. */
  push(octets: Uint8Array): RawFrame[] {
    const all = this.#rest.length === 0 ? octets : joined([this.#rest, octets]);
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const frames: RawFrame[] = [];
    let at = 0;
    while (all.length - at >= headerBytes) {
      const end = at + headerBytes + (view.getUint8(at) << 16) + view.getUint16(at + 1);
      if (end > all.length) break;
      frames.push({
        type: view.getUint8(at + 3),
        flags: view.getUint8(at + 4),
        streamId: view.getUint32(at + 5),
        payload: all.slice(at + headerBytes, end),
      });
      at = end;
    }
    this.#rest = all.slice(at);
    return frames;
  }
}
