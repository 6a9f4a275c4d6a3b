/**
 * The base of bodies fed by a source of chunks of the platform: iterators and streams. Both say
 * `{ done, value }`; both are held to a declared length; both are let go at most once, and not after their end.
 */

import { DeclaredLength, type LengthOptions } from "./declared-length.ts";
import { dataLength, type Frame, toFrame } from "./frame.ts";
import { PullBody } from "./pull-body.ts";
import { SizeHint } from "./size-hint.ts";

/** What an iterator or the reader of a stream says. */
export interface Chunk {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

/** A body fed by a source that says {@link Chunk}. */
export abstract class SourceBody extends PullBody<Chunk> {
  readonly #length: DeclaredLength;
  #finished = false;

  constructor(options: LengthOptions | undefined) {
    super();
    this.#length = new DeclaredLength(options?.length);
  }

  /** Lets the source go before its end. */
  protected abstract stop(reason: unknown): void;

  /** The source came to its end or failed by itself. */
  protected onFinished(): void {}

  protected accept(chunk: Chunk): Frame | null {
    if (chunk.done === true) {
      this.#finish();
      this.#length.finish();
      return null;
    }
    const frame = toFrame(chunk.value);
    this.#length.count(dataLength(frame));
    return frame;
  }

  protected override translate(error: unknown): unknown {
    this.#finish();
    return error;
  }

  protected release(reason: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.stop(reason);
  }

  override isEndStream(): boolean {
    return this.isEnded;
  }

  override sizeHint(): SizeHint {
    return this.isOver ? SizeHint.zero : this.#length.hint;
  }

  #finish(): void {
    this.#finished = true;
    this.onFinished();
  }
}
