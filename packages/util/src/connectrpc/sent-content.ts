/**
 * What connect-es has to say in a message, as a body: the chunks of an async iterator, each taken when there is room, then
 * trailers.
 *
 * Those who make the chunks are told once, by `throw`, when nobody wants more of them.
 */

import type { ConnectError } from "@connectrpc/connect";
import { BaseBody, BodyError, type Frame, type HeaderMap, Trailers } from "@sluice/body";

type Result = IteratorResult<Uint8Array, unknown>;

interface Waiting {
  readonly resolve: (frame: Frame | null) => void;
  readonly reject: (error: unknown) => void;
}

export interface SentContentOptions {
  /** What was taken from the iterator before. */
  readonly first?: Uint8Array | undefined;
  /** The trailers, once all content was given; `undefined` for none. */
  readonly trailers?: (() => HeaderMap | undefined) | undefined;
  /** What the iterator's errors become. */
  readonly translate: (error: unknown) => ConnectError;
  /** What the iterator is told when nobody wants more of it. */
  readonly unwanted: (reason: unknown) => ConnectError;
}

export class SentContent extends BaseBody {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #options: SentContentOptions;
  /** Nothing more is asked of the iterator. */
  #isOver = false;
  #first: Uint8Array | undefined;
  #waiting: Waiting | undefined;
  /** Why the body was cancelled, until its reader is told. */
  #reason: { readonly error: unknown } | undefined;

  constructor(iterator: AsyncIterator<Uint8Array>, options: SentContentOptions) {
    super();
    this.#iterator = iterator;
    this.#options = options;
    this.#first = options.first;
  }

  frame(): Frame | null | Promise<Frame | null> {
    if (this.#waiting !== undefined)
      throw new BodyError("busy", "frame() was called while an earlier call was pending");
    if (this.#reason !== undefined) throw this.#takeReason();
    if (this.#isOver) return null;
    const first = this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      return first;
    }
    const next = this.#iterator.next();
    const pending = new Promise<Frame | null>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    next.then(this.#given, this.#failed);
    return pending;
  }

  cancel(reason?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#first = undefined;
    this.#reason = { error: reason };
    const waiting = this.#takeWaiting();
    if (waiting !== undefined) waiting.reject(this.#takeReason());
    abandon(this.#iterator, this.#options.unwanted(reason));
  }

  override isEndStream(): boolean {
    return this.#isOver && this.#reason === undefined;
  }

  readonly #given = (result: Result): void => {
    // After a cancellation nobody waits.
    const waiting = this.#takeWaiting();
    if (waiting === undefined) return;
    if (result.done !== true) {
      waiting.resolve(result.value);
      return;
    }
    this.#isOver = true;
    try {
      const fields = this.#options.trailers?.();
      waiting.resolve(fields === undefined ? null : new Trailers(fields));
    } catch (error) {
      waiting.reject(error);
    }
  };

  readonly #failed = (error: unknown): void => {
    const waiting = this.#takeWaiting();
    if (waiting === undefined) return;
    this.#isOver = true;
    waiting.reject(this.#options.translate(error));
  };

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  #takeReason(): unknown {
    const reason = this.#reason?.error;
    this.#reason = undefined;
    return reason ?? new BodyError("canceled", "the body was canceled");
  }
}

/** Tells an iterator that nobody wants more of it. What it says to that concerns nobody. */
function abandon(iterator: AsyncIterator<unknown>, error: ConnectError): void {
  try {
    iterator.throw?.(error).catch(ignore);
    iterator.return?.().catch(ignore);
  } catch {
    // Iterators of a program's own may do anything.
  }
}

function ignore(): void {}
