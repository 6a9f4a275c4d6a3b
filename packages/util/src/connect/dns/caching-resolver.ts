/**
 * Remembers what another resolver said, as long as that may be remembered, and asks it once however many want to know.
 *
 * A name is in one of two states: looked up (`#lookups`, everybody joins) or known (`#entries`, bounded, least recently
 * used first). An answer without lifetimes, which is what the system gives, is kept for a time of our own: `getaddrinfo`
 * may ask the network each time, on one of four threads.
 */
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../../node/timer.ts";
import { knownOptions, limitOption, objectOption, wholeOption } from "../../options.ts";
import { connectTimeout, errorCode, quoted } from "../connect-errors.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";
import { SharedLookup } from "./shared-lookup.ts";
import { systemResolver } from "./system-resolver.ts";

/** What `cachingResolver` may be told. Times are in milliseconds. */
export interface CachingResolverOptions {
  /** Whom to ask. Default: a `systemResolver`. */
  readonly inner?: Resolver;
  /** How many names are remembered; beyond, the least recently used one is forgotten. At least 1. Default 1,024. */
  readonly maxEntries?: number;
  /** How many addresses of each family are taken from an answer; the rest of it is dropped. At least 1. Default 64. */
  readonly maxAddresses?: number;
  /** How long an answer without lifetimes is kept; 0: not at all. Default 10,000. */
  readonly defaultTtlMs?: number;
  /** An answer with a lifetime is kept at least as long. Default 0. */
  readonly minTtlMs?: number;
  /** An answer with a lifetime is kept at most as long. Default 300,000. */
  readonly maxTtlMs?: number;
  /**
   * How long it is remembered that a name does not exist or has no address (codes `ENOTFOUND` and `ENODATA`); 0: not at all. Other
   * failures may pass and are never remembered. Default 1,000.
   */
  readonly negativeTtlMs?: number;
  /**
   * How long a lookup may take before it is given up and its name can be looked up anew; it fails with kind `timeout`,
   * code `CONNECT_TIMEOUT`. 0 or `Infinity`: for ever. Default 30,000.
   */
  readonly lookupTimeoutMs?: number;
  /** The clock. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

/** A resolver that remembers; made by `cachingResolver`. */
export interface CachingResolver extends Resolver {
  /** How many names are remembered, those included that have expired and were not asked for since. */
  readonly size: number;
  /** Forgets one name; a lookup of it that is under way is no longer joined, and what it finds is not kept. */
  delete(host: string): void;
  /** Forgets all names, in the same way. */
  clear(): void;
}

interface Entry {
  readonly addresses: readonly ResolvedAddress[];
  /** What the lookup failed with, if it did. */
  readonly failure: unknown;
  readonly sinceMs: number;
  readonly untilMs: number;
}

const face = "cachingResolver";
const optionNames = [
  "inner",
  "maxEntries",
  "maxAddresses",
  "defaultTtlMs",
  "minTtlMs",
  "maxTtlMs",
  "negativeTtlMs",
  "lookupTimeoutMs",
  "timer",
] as const satisfies readonly (keyof CachingResolverOptions)[];

class Cache implements CachingResolver {
  readonly #inner: Resolver;
  readonly #timer: Timer;
  readonly #maxEntries: number;
  readonly #maxAddresses: number;
  readonly #defaultTtlMs: number;
  readonly #minTtlMs: number;
  readonly #maxTtlMs: number;
  readonly #negativeTtlMs: number;
  readonly #lookupTimeoutMs: number;
  /** The least recently used one first. */
  readonly #entries = new Map<string, Entry>();
  readonly #lookups = new Map<string, SharedLookup>();

  constructor(options: CachingResolverOptions) {
    knownOptions(face, options, optionNames);
    const whole = (name: "maxEntries" | "maxAddresses", byDefault: number): number =>
      wholeOption(face, name, options[name], byDefault, 1, Infinity);
    const time = (name: "defaultTtlMs" | "minTtlMs" | "maxTtlMs" | "negativeTtlMs", byDefault: number): number =>
      wholeOption(face, name, options[name], byDefault, 0, Infinity);
    this.#timer = objectOption(face, "timer", options.timer, "schedule", () => nodeTimer);
    this.#inner = objectOption(face, "inner", options.inner, "resolve", systemResolver);
    this.#maxEntries = whole("maxEntries", 1024);
    this.#maxAddresses = whole("maxAddresses", 64);
    this.#defaultTtlMs = time("defaultTtlMs", 10_000);
    this.#minTtlMs = time("minTtlMs", 0);
    this.#maxTtlMs = time("maxTtlMs", Math.max(300_000, this.#minTtlMs));
    this.#negativeTtlMs = time("negativeTtlMs", 1_000);
    this.#lookupTimeoutMs = limitOption(face, "lookupTimeoutMs", options.lookupTimeoutMs, 30_000);
    if (this.#minTtlMs > this.#maxTtlMs) {
      throw new RangeError(`${face}: minTtlMs must be at most maxTtlMs (${this.#maxTtlMs}), got ${this.#minTtlMs}`);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  async *resolve(host: string, signal?: AbortSignal): AsyncGenerator<readonly ResolvedAddress[], void> {
    const entry = this.#known(host);
    if (entry === undefined) {
      yield* (this.#lookups.get(host) ?? this.#lookUp(host)).read(signal);
    } else if (entry.failure !== undefined) {
      throw entry.failure;
    } else {
      yield this.#aged(entry);
    }
  }

  delete(host: string): void {
    this.#entries.delete(host);
    this.#lookups.delete(host);
  }

  clear(): void {
    this.#entries.clear();
    this.#lookups.clear();
  }

  #known(host: string): Entry | undefined {
    const entry = this.#entries.get(host);
    if (entry === undefined) return undefined;
    this.#entries.delete(host);
    if (this.#timer.now() >= entry.untilMs) return undefined;
    this.#entries.set(host, entry);
    return entry;
  }

  /** A cache above this one must not keep the addresses any longer. */
  #aged(entry: Entry): readonly ResolvedAddress[] {
    const ageMs = this.#timer.now() - entry.sinceMs;
    if (ageMs <= 0) return entry.addresses;
    return entry.addresses.map((one) =>
      one.ttlMs === undefined ? one : { ...one, ttlMs: Math.max(0, one.ttlMs - ageMs) },
    );
  }

  #lookUp(host: string): SharedLookup {
    const lookup = new SharedLookup();
    this.#lookups.set(host, lookup);
    void this.#run(host, lookup);
    return lookup;
  }

  /** Never rejects. */
  async #run(host: string, lookup: SharedLookup): Promise<void> {
    const controller = new AbortController();
    const limitMs = this.#lookupTimeoutMs;
    const giveUp = (): void => {
      const late = connectTimeout("lookupTimeoutMs", limitMs, `resolving ${quoted(host)}`);
      this.#finish(host, lookup, late);
      controller.abort(late);
    };
    const alarm = limitMs === Infinity ? undefined : this.#timer.schedule(limitMs, giveUp);
    let failure: unknown;
    try {
      const room = { 4: this.#maxAddresses, 6: this.#maxAddresses };
      for await (const batch of this.#inner.resolve(host, controller.signal)) {
        if (lookup.ended) return;
        lookup.add(batch.filter(({ family }) => room[family]-- > 0));
      }
    } catch (error) {
      failure = error;
    } finally {
      alarm?.cancel();
    }
    this.#finish(host, lookup, failure);
  }

  #finish(host: string, lookup: SharedLookup, failure: unknown): void {
    if (lookup.ended) return;
    lookup.end(failure);
    if (this.#lookups.get(host) !== lookup) return;
    this.#lookups.delete(host);
    const { addresses } = lookup;
    const ttlMs = this.#ttlMs(addresses, failure);
    if (ttlMs <= 0) return;
    const sinceMs = this.#timer.now();
    this.#entries.set(host, { addresses, failure, sinceMs, untilMs: sinceMs + ttlMs });
    if (this.#entries.size > this.#maxEntries) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
  }

  #ttlMs(addresses: readonly ResolvedAddress[], failure: unknown): number {
    if (addresses.length === 0) {
      const code = errorCode(failure);
      return failure === undefined || code === "ENOTFOUND" || code === "ENODATA" ? this.#negativeTtlMs : 0;
    }
    // Half an answer: the other half may be had the next time.
    if (failure !== undefined) return 0;
    const shortest = addresses.reduce((least, { ttlMs = Infinity }) => Math.min(least, ttlMs), Infinity);
    if (shortest === Infinity) return this.#defaultTtlMs;
    return Math.min(Math.max(shortest, this.#minTtlMs), this.#maxTtlMs);
  }
}

/**
 * A resolver that remembers what `inner` said: for the shortest lifetime among the addresses of an answer, within
 * `minTtlMs` and `maxTtlMs`.
 *
 * Names that are being looked up are joined, not looked up again; a caller that leaves does not end the lookup for the
 * others, nor for those who come later. Addresses are given in the order of the answer, each time the same: `inner` has
 * sorted them by preference, and whoever wants them rotated does so above. An answer from memory is one batch.
 *
 * @throws TypeError or RangeError for an unknown option or a senseless value.
 */
export function cachingResolver(options: CachingResolverOptions = {}): CachingResolver {
  return new Cache(options);
}
