/**
 * Those who wait for something of a pool, first come first served. Any of them may leave, by its signal, in constant time.
 */
import { type Linked, LinkedList } from "./linked-list.ts";
import { canceledWait } from "./pool-errors.ts";

class Waiter<T> implements Linked<Waiter<T>> {
  before: Waiter<T> | undefined = undefined;
  after: Waiter<T> | undefined = undefined;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the signal. */
  forget: () => void = () => {};

  constructor(resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }
}

export class WaitingList<T> {
  readonly #waiters = new LinkedList<Waiter<T>>();
  readonly #left: () => void;

  /** @param left Is called when one has given up. */
  constructor(left: () => void) {
    this.#left = left;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Waits for a value; rejects when `signal` aborts. */
  join(signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter<T>(resolve, reject);
      this.#waiters.push(waiter);
      if (signal === undefined) return;
      const abort = (): void => {
        waiter.forget();
        this.#waiters.remove(waiter);
        reject(canceledWait(signal.reason));
        this.#left();
      };
      waiter.forget = () => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort);
    });
  }

  /** Gives the first one `value`; false if nobody waits. */
  give(value: T): boolean {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return false;
    waiter.forget();
    waiter.resolve(value);
    return true;
  }

  /** Fails the first one; false if nobody waits. */
  fail(error: unknown): boolean {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return false;
    waiter.forget();
    waiter.reject(error);
    return true;
  }
}
