/**
 * What is known of the number of data bytes still to come from a body: a lower bound that is a promise, and an upper
 * bound where there is one. Trailers do not count.
 *
 * Lengths are exact integers up to 2^53-1; larger ones are refused, never rounded.
 */

import { describe } from "./quote.ts";

/** Bounds of a number of bytes. Immutable. */
export class SizeHint {
  /** At least this many bytes will come, unless the body fails. */
  readonly lower: number;
  /** At most this many bytes will come; `undefined` when there is no bound. */
  readonly upper: number | undefined;

  /** Throws `RangeError` for a bound that is not an integer from 0 to 2^53-1, or when `lower` is above `upper`. */
  constructor(lower: number, upper?: number) {
    checkLength(lower, "the lower bound of a size hint");
    if (upper !== undefined) {
      checkLength(upper, "the upper bound of a size hint");
      if (lower > upper) {
        throw new RangeError(
          `the lower bound of a size hint must not be above the upper; received ${lower} and ${upper}`,
        );
      }
    }
    this.lower = lower;
    this.upper = upper;
  }

  /** Nothing is known: 0 or more bytes. */
  static readonly unknown: SizeHint = new SizeHint(0);
  /** No byte will come. */
  static readonly zero: SizeHint = new SizeHint(0, 0);

  /** Exactly `length` bytes. Throws `RangeError` as the constructor does. */
  static exact(length: number): SizeHint {
    return length === 0 ? SizeHint.zero : new SizeHint(length, length);
  }

  /** The number of bytes when both bounds agree, else `undefined`. */
  get exact(): number | undefined {
    return this.upper === this.lower ? this.lower : undefined;
  }

  /** The hint for this and `other` one after the other. Throws `RangeError` when a bound would pass 2^53-1. */
  add(other: SizeHint): SizeHint {
    const upper = this.upper === undefined || other.upper === undefined ? undefined : this.upper + other.upper;
    return new SizeHint(this.lower + other.lower, upper);
  }

  /** The hint when no more than `length` bytes will be let through. Throws `RangeError` for an impossible length. */
  capped(length: number): SizeHint {
    checkLength(length, "the cap of a size hint");
    if (this.upper !== undefined && this.upper <= length) return this;
    return new SizeHint(Math.min(this.lower, length), length);
  }

  /** The bounds, for people: an exact length, or from and to. */
  toString(): string {
    return this.exact !== undefined ? `${this.lower} bytes` : `${this.lower} to ${this.upper ?? "any number of"} bytes`;
  }
}

/** Throws `RangeError` unless `length` is an integer from 0 to 2^53-1. */
export function checkLength(length: number, what: string): void {
  if (Number.isSafeInteger(length) && length >= 0) return;
  const received = typeof length === "number" ? String(length) : describe(length);
  throw new RangeError(
    `${what} must be an integer from 0 to ${Number.MAX_SAFE_INTEGER} (2^53-1); received ${received}`,
  );
}
