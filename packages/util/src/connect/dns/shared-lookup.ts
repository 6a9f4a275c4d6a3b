/**
 * One lookup that any number of callers read, each from its beginning and at its own pace.
 *
 * It runs to its end also when all who read it have left: a lookup by the system cannot be interrupted, and whoever
 * comes next joins it rather than occupying another thread.
 */
import { connectCanceled, throwIfCanceled } from "../connect-errors.ts";
import type { ResolvedAddress } from "./resolver.ts";

type Batch = readonly ResolvedAddress[];

export class SharedLookup {
  readonly #batches: Batch[] = [];
  readonly #readers = new Set<() => void>();
  #ended = false;
  #failure: unknown = undefined;

  get ended(): boolean {
    return this.#ended;
  }

  /** How many readers wait for more. */
  get waiting(): number {
    return this.#readers.size;
  }

  /** All addresses so far. */
  get addresses(): Batch {
    return this.#batches.length === 1 ? (this.#batches[0] ?? []) : this.#batches.flat();
  }

  add(batch: Batch): void {
    if (this.#ended || batch.length === 0) return;
    this.#batches.push(batch);
    this.#wake();
  }

  /** Nothing more will come; with `failure`, because of that. */
  end(failure?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake();
  }

  /** The batches so far, and those to come. `signal` ends the reading with an error, and nothing else. */
  async *read(signal: AbortSignal | undefined): AsyncGenerator<Batch, void> {
    for (let next = 0; ; ) {
      throwIfCanceled(signal);
      const batch = this.#batches[next];
      if (batch !== undefined) {
        next += 1;
        yield batch;
      } else if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      } else {
        await this.#more(signal);
      }
    }
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#readers.delete(wake);
        reject(connectCanceled(signal?.reason));
      };
      this.#readers.add(wake);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  #wake(): void {
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const wake of readers) wake();
  }
}
