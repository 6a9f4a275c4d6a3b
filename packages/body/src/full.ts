/**
 * A body of bytes that are all at hand: one data frame, or none when there are no bytes. Never makes a promise.
 *
 * Short ASCII text stays text until its bytes are asked for: a protocol that joins it with a head needs no bytes of its own.
 */

import { BaseBody } from "./body.ts";
import { canceled } from "./body-error.ts";
import { type Frame, toData } from "./frame.ts";
import { SizeHint } from "./size-hint.ts";

/** A single chunk as a body. Made by {@link full}. */
export class Full extends BaseBody {
  /** A string is ASCII. */
  #data: Uint8Array | string | undefined;
  /** Set by a cancellation until the next call of `frame()` has told of it. */
  #failure: { readonly reason: unknown } | undefined;

  /** See {@link full}. */
  constructor(data: Uint8Array | string) {
    super();
    const held = typeof data === "string" && isShortAscii(data) ? data : toData(data);
    this.#data = held.length === 0 ? undefined : held;
  }

  frame(): Frame | null {
    const data = this.#data;
    if (data !== undefined) {
      this.#data = undefined;
      return toData(data);
    }
    if (this.#failure === undefined) return null;
    const { reason } = this.#failure;
    this.#failure = undefined;
    throw canceled(reason);
  }

  override isEndStream(): boolean {
    return this.#data === undefined && this.#failure === undefined;
  }

  override sizeHint(): SizeHint {
    return this.#data === undefined ? SizeHint.zero : SizeHint.exact(this.#data.length);
  }

  cancel(reason?: unknown): void {
    if (this.#data === undefined) return;
    this.#data = undefined;
    this.#failure = { reason };
  }

  /** Takes the bytes out, which ends the body; `undefined` when they were read or cancelled, or when there were none. */
  intoInner(): Uint8Array | undefined {
    const data = this.#data;
    this.#data = undefined;
    return data === undefined ? undefined : toData(data);
  }

  /**
   * For protocol code: takes the content out as text, which ends the body, if it is short ASCII text that was not read. Each
   * char stands for one byte.
   */
  takeText(): string | undefined {
    const data = this.#data;
    if (typeof data !== "string") return undefined;
    this.#data = undefined;
    return data;
  }
}

/** Beyond this the native encoder beats looking at each char. */
const maxTextLength = 4096;

function isShortAscii(text: string): boolean {
  if (text.length > maxTextLength) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

/**
 * The bytes as a body, uncopied; a string as its UTF-8. An empty input gives no frame.
 * Throws `TypeError` for anything but a `Uint8Array` or a string.
 */
export function full(data: Uint8Array | string): Full {
  return new Full(data);
}
