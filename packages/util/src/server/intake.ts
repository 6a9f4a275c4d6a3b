/**
 * Takes connections out of a listener one by one, while there is room for more.
 *
 *   TAKING -> STOPPED -> ENDED     told to stop: a listener that can be closed is emptied first
 *   TAKING -> ENDED                the listener ended, or failed
 *
 * Asking a listener takes a promise each time, and nothing here waits for two things at once, so nothing is left behind by
 * connections that came and went.
 */
import type { Io } from "@sluice/core";

export interface IntakeOwner<Transport extends Io> {
  /** Whether there is no room for a further connection now; `resume` tells when there may be. */
  isFull(): boolean;
  take(io: Transport): void;
  /** No further connection is waited for. Called once. */
  ended(failure: { readonly error: unknown } | undefined): void;
}

const TAKING = 0;
const STOPPED = 1;
const ENDED = 2;

export class Intake<Transport extends Io> {
  readonly #listener: AsyncIterable<Transport> & { close?(): unknown };
  readonly #owner: IntakeOwner<Transport>;
  #iterator: AsyncIterator<Transport, unknown> | undefined;
  #phase: typeof TAKING | typeof STOPPED | typeof ENDED = TAKING;
  #asking = false;

  constructor(listener: AsyncIterable<Transport> & { close?(): unknown }, owner: IntakeOwner<Transport>) {
    this.#listener = listener;
    this.#owner = owner;
  }

  start(): void {
    this.#iterator = this.#listener[Symbol.asyncIterator]();
    this.resume();
  }

  /** Asks for the next connection, if there is room and it was not asked for yet. */
  resume(): void {
    const iterator = this.#iterator;
    if (iterator === undefined || this.#phase === ENDED || this.#asking || this.#owner.isFull()) return;
    this.#asking = true;
    try {
      iterator.next().then(this.#onNext, this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  /**
   * Stops listening. Where the listener has a `close`, what it has accepted is still taken; otherwise nothing is waited for
   * any more, and what comes all the same is treated as always.
   */
  stop(): void {
    if (this.#phase !== TAKING) return;
    this.#phase = STOPPED;
    if (this.#listener.close === undefined) {
      this.giveUp();
      return;
    }
    this.#quietly(() => this.#listener.close?.());
    this.resume();
  }

  /** Waits for no further connection, and tells the listener so. */
  giveUp(): void {
    if (this.#phase === ENDED) return;
    // A generator that waits cannot be told: it would put off its end until then.
    this.#quietly(() => this.#iterator?.return?.());
    this.#end(undefined);
  }

  readonly #onNext = (result: IteratorResult<Transport, unknown>): void => {
    this.#asking = false;
    if (result.done === true) {
      this.#end(undefined);
      return;
    }
    this.#owner.take(result.value);
    this.resume();
  };

  readonly #onError = (error: unknown): void => {
    this.#asking = false;
    this.#end({ error });
  };

  #end(failure: { readonly error: unknown } | undefined): void {
    if (this.#phase === ENDED) return;
    this.#phase = ENDED;
    this.#owner.ended(failure);
  }

  /** That a listener cannot be closed in order is no concern of the connections it gave. */
  #quietly(close: () => unknown): void {
    try {
      Promise.resolve(close()).catch(() => {});
    } catch {
      // As above.
    }
  }
}
