/**
 * Bytes for a decoder: pulled chunk by chunk, and what was taken too much of can be put back.
 */
import { HttpError } from "@sluice/core";

/** The most bytes behind encoded content that are read and dropped. */
const maxTrailingBytes = 65_536;

export class ByteInput {
  readonly #pull: () => Promise<Uint8Array | null>;
  #held: Uint8Array | undefined;

  /** @param pull Gives the next chunk, `null` at the end and ever after. */
  constructor(pull: () => Promise<Uint8Array | null>) {
    this.#pull = pull;
  }

  /** The next chunk, never an empty one; `null` at the end. */
  async read(): Promise<Uint8Array | null> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) return held;
    for (;;) {
      const chunk = await this.#pull();
      if (chunk === null || chunk.byteLength > 0) return chunk;
    }
  }

  /** Puts the rest of what `read` gave last back. */
  unread(rest: Uint8Array): void {
    if (rest.byteLength > 0) this.#held = rest;
  }

  /** The next byte; -1 at the end. */
  async byte(): Promise<number> {
    const chunk = await this.read();
    if (chunk === null) return -1;
    this.unread(chunk.subarray(1));
    return chunk[0] ?? -1;
  }

  /**
   * Reads to the end and drops it: what stands behind encoded content means nothing, but the connection wants it read.
   * @throws HttpError kind `limit`, code `TRAILING_BYTES`, for more than 65,536 bytes.
   */
  async drain(): Promise<void> {
    let dropped = 0;
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) {
      dropped += chunk.byteLength;
      if (dropped <= maxTrailingBytes) continue;
      const message = `more than ${maxTrailingBytes} bytes follow the end of the encoded content`;
      throw new HttpError("limit", "TRAILING_BYTES", message);
    }
  }
}
