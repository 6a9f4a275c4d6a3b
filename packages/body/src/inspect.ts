/** A body that is looked at on its way and stays what it is. */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import type { Frame } from "./frame.ts";

/** What to call, and when. Each may be left out. An inspector that throws fails the body with what it threw. */
export interface Inspector {
  /** A frame is about to be given to the reader. */
  onFrame?(frame: Frame): void;
  /**
   * The end was reached: with the last frame, where that is known to be the last, as a reader who knows it too does not ask
   * again. Called once, and not after an error or a cancellation.
   */
  onEnd?(): void;
  /** The body failed. Called once; not for a cancellation. */
  onError?(error: unknown): void;
  /** The reader cancelled the body before its end. Called once; what it throws is ignored. */
  onCancel?(reason: unknown): void;
}

class Inspect extends Adapter {
  readonly #inspector: Inspector;
  /** The end, or an error of the inspector's own: letting the inner body go is then not the reader's doing. */
  #over = false;

  constructor(inner: Body, inspector: Inspector) {
    super(inner);
    this.#inspector = inspector;
  }

  protected override onFrame(frame: Frame): Frame {
    try {
      this.#inspector.onFrame?.(frame);
    } catch (error) {
      this.#over = true;
      throw error;
    }
    if (this.inner.isEndStream()) this.#end();
    return frame;
  }

  protected override onEnd(): null {
    this.#end();
    return null;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#inspector.onEnd?.();
  }

  protected override translate(error: unknown): unknown {
    this.#inspector.onError?.(error);
    return error;
  }

  protected override release(reason: unknown): void {
    super.release(reason);
    if (!this.#over) this.#inspector.onCancel?.(reason);
  }
}

/** The body as it is, with the inspector told of what passes. */
export function inspect(body: Body, inspector: Inspector): Body {
  return new Inspect(body, inspector);
}
