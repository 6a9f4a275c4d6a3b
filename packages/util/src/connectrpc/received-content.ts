/**
 * The content of a received message as connect-es reads it: an iterator of octets, one chunk for each that is asked for.
 *
 * It has `throw` and `return`, by which connect-es says that it wants no more: the body is given up then.
 */
import type { ConnectError } from "@connectrpc/connect";
import { type Body, type Frame, type HeaderMap, isData } from "@sluice/body";

type Result = IteratorResult<Uint8Array, undefined>;

/** Gives up bodies that nobody holds any more, so that they do not keep the window of their connection. */
const forgotten = new FinalizationRegistry<Body>((body) => body.cancel());

const ended: Result = { done: true, value: undefined };

export interface ReceivedContentOptions {
  /** What the body's errors become. */
  readonly translate: (error: unknown) => ConnectError;
  /** Is told the trailers, before the end is. */
  readonly onTrailers?: ((fields: HeaderMap) => void) | undefined;
  /** Is called once when nothing more is read: at the end, for an error, or because the rest is not wanted. */
  readonly onOver?: (() => void) | undefined;
  /** The body is cancelled when nobody holds this any more: connect-es's clients do not tell when they stop to read. */
  readonly isWatched?: boolean | undefined;
}

export class ReceivedContent implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #body: Body;
  readonly #options: ReceivedContentOptions;
  #isOver = false;

  constructor(body: Body, options: ReceivedContentOptions) {
    this.#body = body;
    this.#options = options;
    if (options.isWatched === true) forgotten.register(this, body, this);
  }

  next(): Promise<Result> {
    try {
      const frame = this.#body.frame();
      return frame instanceof Promise ? frame.then(this.#given, this.#failed) : Promise.resolve(this.#given(frame));
    } catch (error) {
      return this.#failed(error);
    }
  }

  return(): Promise<Result> {
    this.#over();
    this.#body.cancel();
    return Promise.resolve(ended);
  }

  throw(error: unknown): Promise<Result> {
    this.#over();
    this.#body.cancel(error);
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #given = (frame: Frame | null): Result | Promise<Result> => {
    if (frame === null) {
      this.#over();
      return ended;
    }
    if (isData(frame)) return { done: false, value: frame };
    this.#options.onTrailers?.(frame.fields);
    return this.next();
  };

  readonly #failed = (error: unknown): Promise<never> => {
    this.#over();
    return Promise.reject(this.#options.translate(error));
  };

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#options.isWatched === true) forgotten.unregister(this);
    this.#options.onOver?.();
  }
}
