/**
 * The base of the combinators: one body inside, asked for one frame whenever one is asked for, never ahead.
 *
 * A combinator says what becomes of a frame and of the end. The inner body is cancelled exactly once when the combinator
 * is cancelled or fails by itself, and never after its own end or error.
 */

import type { Body } from "./body.ts";
import type { Frame } from "./frame.ts";
import { PullBody } from "./pull-body.ts";
import { SizeHint } from "./size-hint.ts";

/** A body made from another. Passes everything through unless overridden. */
export abstract class Adapter extends PullBody<Frame | null> {
  readonly #inner: Body;
  #innerEnded = false;

  constructor(inner: Body) {
    super();
    this.#inner = inner;
  }

  /** What becomes of a frame. What it throws ends the body and cancels the inner one. */
  protected onFrame(frame: Frame): Frame {
    return frame;
  }

  /** What comes at the end of the inner body: `null`, or one more frame, after which it is asked again. */
  protected onEnd(): Frame | null | Promise<Frame | null> {
    return null;
  }

  /** The hint for what is to come, given that of the inner body. */
  protected onSizeHint(hint: SizeHint): SizeHint {
    return hint;
  }

  protected get inner(): Body {
    return this.#inner;
  }

  protected pull(): Frame | null | Promise<Frame | null> {
    return this.#innerEnded ? null : this.#inner.frame();
  }

  protected accept(frame: Frame | null): Frame | null | Promise<Frame | null> {
    if (frame !== null) return this.onFrame(frame);
    this.#innerEnded = true;
    return this.onEnd();
  }

  protected release(reason: unknown): void {
    if (this.#innerEnded) return;
    this.#innerEnded = true;
    this.#inner.cancel(reason);
  }

  override isEndStream(): boolean {
    if (this.isOver) return this.isEnded;
    return this.#innerEnded || this.#inner.isEndStream();
  }

  override sizeHint(): SizeHint {
    return this.isOver || this.#innerEnded ? SizeHint.zero : this.onSizeHint(this.#inner.sizeHint());
  }
}
