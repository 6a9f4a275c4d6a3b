/**
 * A body that fails rather than give more than a number of data bytes: the guard to put before anything that holds a
 * body in memory. Trailers pass and do not count.
 */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import { BodyError } from "./body-error.ts";
import { dataLength, type Frame } from "./frame.ts";
import { checkLength, type SizeHint } from "./size-hint.ts";

class Limited extends Adapter {
  readonly #limit: number;
  #remaining: number;
  #asked = false;

  constructor(inner: Body, limit: number) {
    super(inner);
    checkLength(limit, "the limit of a body");
    this.#limit = limit;
    this.#remaining = limit;
  }

  protected override pull(): Frame | null | Promise<Frame | null> {
    if (!this.#asked) {
      this.#asked = true;
      // A body that promises too much is refused before the first of it is read.
      if (this.inner.sizeHint().lower > this.#limit) {
        const error = this.#exceeded();
        this.release(error);
        throw error;
      }
    }
    return super.pull();
  }

  protected override onFrame(frame: Frame): Frame {
    const length = dataLength(frame);
    if (length > this.#remaining) throw this.#exceeded();
    this.#remaining -= length;
    return frame;
  }

  protected override onSizeHint(hint: SizeHint): SizeHint {
    return hint.capped(this.#remaining);
  }

  #exceeded(): BodyError {
    return new BodyError("length-limit", `the body is longer than the limit of ${this.#limit} bytes`, {
      limit: this.#limit,
    });
  }
}

/**
 * `body`, of which no more than `maxBytes` bytes of data pass. A chunk that would go beyond is not given: the body fails
 * with a `BodyError` of code `length-limit` that carries the limit, and the inner body is cancelled with it. A body whose
 * size hint already promises more fails before anything is read.
 *
 * Throws `RangeError` when `maxBytes` is not an integer from 0 to 2^53-1.
 */
export function limited(body: Body, maxBytes: number): Body {
  return new Limited(body, maxBytes);
}
