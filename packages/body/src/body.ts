/**
 * The contract of a body: frames pulled one at a time by one reader.
 *
 * Pulling is the backpressure: a body produces nothing that was not asked for (a channel holds what its sender pushed,
 * up to its capacity). An answer that is at hand comes back synchronously, so a body of known bytes never makes a
 * promise. An error ends a body: it is given once, after it comes `null`.
 */

import type { Frame } from "./frame.ts";
import { FrameIterator } from "./frame-iterator.ts";
import { SizeHint } from "./size-hint.ts";

/** A stream of frames with one reader. Iterating gives its frames; leaving the loop early cancels it. */
export interface Body extends AsyncIterable<Frame> {
  /**
   * The next frame, or `null` at the end and ever after. Throws or rejects with the body's error, once. At most one
   * call may be pending: another throws a `BodyError` with code `busy`.
   */
  frame(): Frame | null | Promise<Frame | null>;

  /** `true` promises that no frame will come; `false` promises nothing. */
  isEndStream(): boolean;

  /** The number of data bytes still to come, as far as it is known. */
  sizeHint(): SizeHint;

  /**
   * The reader lost interest: what the body holds is freed, and its source is told, exactly once. Idempotent, never
   * throws, does nothing after the end. A pending `frame()` rejects with `reason`; where none is pending the next call
   * throws it, so a cut-off body never looks like a complete one. Without a reason it is a `BodyError` with code
   * `canceled`.
   */
  cancel(reason?: unknown): void;
}

/** A base for bodies: iteration, disposal, and the defaults of `isEndStream` (false) and `sizeHint` (unknown). */
export abstract class BaseBody implements Body {
  abstract frame(): Frame | null | Promise<Frame | null>;

  isEndStream(): boolean {
    return false;
  }

  sizeHint(): SizeHint {
    return SizeHint.unknown;
  }

  abstract cancel(reason?: unknown): void;

  /** Iterates over the frames, those not yet taken. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Frame> {
    return new FrameIterator(this);
  }

  /** Cancels what was not read, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}

/** Whether a value has the methods of a `Body`, whoever made it. */
export function isBody(value: unknown): value is Body {
  if (typeof value !== "object" || value === null) return false;
  const it = value as Partial<Record<keyof Body, unknown>>;
  return (
    typeof it.frame === "function" &&
    typeof it.isEndStream === "function" &&
    typeof it.sizeHint === "function" &&
    typeof it.cancel === "function"
  );
}
