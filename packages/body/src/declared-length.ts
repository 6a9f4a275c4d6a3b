/**
 * Holds a body to the length declared for it. A body that disagrees with its declared length fails: passed on, it would
 * break the framing of the message around it (RFC 9112 section 8).
 */

import { BodyError } from "./body-error.ts";
import type { Frame } from "./frame.ts";
import { checkLength, SizeHint } from "./size-hint.ts";

/** Options of the bodies whose length is not known from what they are made of. */
export interface LengthOptions {
  /** The number of data bytes that will come, 0 to 2^53-1; held to exactly. Default: unknown. */
  readonly length?: number | undefined;
}

/** Counts bytes down from a declared length, or not at all when none was declared. */
export class DeclaredLength {
  readonly #declared: number | undefined;
  #remaining: number;

  /** Throws `RangeError` for a length that is not an integer from 0 to 2^53-1. */
  constructor(length: number | undefined) {
    if (length !== undefined) checkLength(length, "the length of a body");
    this.#declared = length;
    this.#remaining = length ?? 0;
  }

  /**
   * Counts `bytes` off. Throws a `BodyError` with code `length-mismatch` when they are more than were left; it carries
   * `frame`, the one that did not fit.
   */
  count(bytes: number, frame?: Frame): void {
    if (this.#declared === undefined) return;
    if (bytes > this.#remaining) {
      const given = this.#declared - this.#remaining + bytes;
      const message = `the body was to be ${this.#declared} bytes; it gives at least ${given}`;
      throw new BodyError("length-mismatch", message, frame === undefined ? undefined : { frame });
    }
    this.#remaining -= bytes;
  }

  /** Throws a `BodyError` with code `length-mismatch` when bytes are left. To be called at the end. */
  finish(): void {
    if (this.#remaining === 0) return;
    const given = (this.#declared ?? 0) - this.#remaining;
    throw new BodyError("length-mismatch", `the body was to be ${this.#declared} bytes; it ended after ${given}`);
  }

  /** Whether a length was declared and all of it was counted off. */
  get isReached(): boolean {
    return this.#declared !== undefined && this.#remaining === 0;
  }

  /** The hint for what is left. */
  get hint(): SizeHint {
    return this.#declared === undefined ? SizeHint.unknown : SizeHint.exact(this.#remaining);
  }
}
