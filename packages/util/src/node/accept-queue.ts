/**
 * Connections between the moment the kernel handed them over and the moment somebody takes them, as an async queue.
 *
 * Either items wait or takers do, never both, unless the queue is held: then both wait for the release. `end` lets what
 * is queued be taken first, `fail` tells one taker the error; after both the queue is over, and no longer held.
 */

interface Taker<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

export class AcceptQueue<T> {
  readonly #items: T[] = [];
  readonly #takers: Taker<T>[] = [];
  #failure: { readonly error: unknown } | undefined = undefined;
  #ended = false;
  #held = false;

  /** The number of items nobody has taken. */
  get size(): number {
    return this.#items.length;
  }

  put(item: T): void {
    const taker = this.#held ? undefined : this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker.resolve({ done: false, value: item });
  }

  take(): Promise<IteratorResult<T, undefined>> {
    const item = this.#held ? undefined : this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /** Hands out nothing until `release`. */
  hold(): void {
    this.#held = !this.#ended;
  }

  release(): void {
    this.#held = false;
    while (this.#items.length > 0) {
      const taker = this.#takers.shift();
      if (taker === undefined) return;
      const item = this.#items.shift();
      if (item !== undefined) taker.resolve({ done: false, value: item });
    }
  }

  /** No more items will come. */
  end(): void {
    this.release();
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker.resolve({ done: true, value: undefined });
  }

  /** No more items will come, because of `error`. */
  fail(error: unknown): void {
    this.release();
    const taker = this.#takers.shift();
    if (taker === undefined) this.#failure = { error };
    else taker.reject(error);
    this.end();
  }

  /** Takes everything that is queued. */
  clear(): T[] {
    return this.#items.splice(0);
  }
}
