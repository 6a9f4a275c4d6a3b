/**
 * The writing side of a transport with credit: what was written waits here until the other side lets it go, a message at a
 * time.
 */
import { chunkCostBytes } from "./inlet.ts";

/** What a message costs beside its bytes; both sides of a port reckon with it. */
export const messageCostBytes: number = chunkCostBytes;

/** No message is longer, so that what is unread is given back in parts. */
const maxMessageBytes = 65_536;

export class Outlet {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #credit = 0;

  /** Whether the next byte could leave at once. */
  get hasRoom(): boolean {
    return this.#size === 0 && this.#credit > messageCostBytes;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** Grants more credit; false if it comes to more than can be counted. */
  grant(bytes: number): boolean {
    this.#credit += bytes;
    return Number.isSafeInteger(this.#credit);
  }

  push(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.#chunks.push(chunk);
      this.#size += chunk.length;
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#size = 0;
  }

  /** The next message, paid for; undefined if nothing waits or there is no credit. Its memory is new: it may be transferred. */
  take(): ArrayBuffer | undefined {
    const size = Math.min(this.#size, maxMessageBytes, this.#credit - messageCostBytes);
    if (size <= 0) return undefined;
    const message = new Uint8Array(size);
    let filled = 0;
    let used = 0;
    for (const chunk of this.#chunks) {
      const room = size - filled;
      if (chunk.length > room) {
        message.set(chunk.subarray(0, room), filled);
        this.#chunks[used] = chunk.subarray(room);
        break;
      }
      message.set(chunk, filled);
      filled += chunk.length;
      used += 1;
      if (filled === size) break;
    }
    this.#chunks = this.#chunks.slice(used);
    this.#size -= size;
    this.#credit -= size + messageCostBytes;
    return message.buffer;
  }
}
