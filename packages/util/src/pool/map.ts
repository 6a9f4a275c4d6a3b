/**
 * Pools by key: one for each destination, made when first asked for and forgotten when it is empty (hyper-util
 * `client::pool::map`).
 */
import { knownOptions } from "../options.ts";

/** Options of a `PoolMap`. */
export interface PoolMapOptions<Target, Pool> {
  /** What tells destinations apart: the same key, the same pool. */
  readonly key: (target: Target) => string;
  /** Makes the pool of a destination. */
  readonly make: (target: Target, key: string) => Pool;
  /** Whether a pool can be forgotten. */
  readonly isEmpty: (pool: Pool) => boolean;
}

const known = ["key", "make", "isEmpty"];

/** Empty pools are not looked for below this size. */
const minSweep = 64;

/** Pools by key: one for each destination, made when first asked for and forgotten when it is empty. */
export class PoolMap<Target, Pool> {
  readonly #options: PoolMapOptions<Target, Pool>;
  readonly #pools = new Map<string, Pool>();
  /** Empty pools are looked for at this size: twice what was left last time, so that each costs constant time. */
  #sweepAt: number = minSweep;

  /** @throws TypeError for options that make no sense. */
  constructor(options: PoolMapOptions<Target, Pool>) {
    knownOptions("pool map", options, known);
    this.#options = options;
  }

  get size(): number {
    return this.#pools.size;
  }

  /** The pool of `target`. */
  get(target: Target): Pool {
    const key = this.#options.key(target);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      if (this.#pools.size >= this.#sweepAt) this.#sweep();
      pool = this.#options.make(target, key);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** The pool of `key`, if there is one. */
  peek(key: string): Pool | undefined {
    return this.#pools.get(key);
  }

  /** Forgets the pools for which `keep` is false; closing them is the caller's. */
  retain(keep: (pool: Pool, key: string) => boolean): void {
    for (const [key, pool] of this.#pools) if (!keep(pool, key)) this.#pools.delete(key);
    this.#sweepAt = Math.min(this.#sweepAt, this.#nextSweep);
  }

  /** Forgets all pools. */
  clear(): void {
    this.#pools.clear();
    this.#sweepAt = minSweep;
  }

  /** The pools by their keys. */
  [Symbol.iterator](): IterableIterator<[key: string, pool: Pool]> {
    return this.#pools[Symbol.iterator]();
  }

  #sweep(): void {
    this.retain((pool) => !this.#options.isEmpty(pool));
    this.#sweepAt = this.#nextSweep;
  }

  get #nextSweep(): number {
    return Math.max(minSweep, this.#pools.size * 2);
  }
}
