/**
 * The use of one thing of a pool, by one user at a time.
 */

/** The use of one thing, until it is given back. */
export class Lease<T> {
  readonly value: T;
  /** Whether it was used before, or has been idle. */
  readonly isReused: boolean;
  readonly #end: (reusable: boolean) => void;
  #over = false;

  /** @internal */
  constructor(value: T, isReused: boolean, end: (reusable: boolean) => void) {
    this.value = value;
    this.isReused = isReused;
    this.#end = end;
  }

  /** Gives it back. Only the first call of `release` and `discard` counts. */
  release(): void {
    this.#finish(true);
  }

  /** Ends the use, and closes the thing. */
  discard(): void {
    this.#finish(false);
  }

  #finish(reusable: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#end(reusable);
  }
}
