/**
 * A `Cache` of things made by hand.
 */
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";
import { Cache, type CacheCounts, type CacheOptions, IdleSet, type Lease } from "@sluice/util/pool";
import { quiet, resultOf, type Seen, type Thing, Workshop, watch } from "./workshop.ts";

export interface CacheUnderTest {
  readonly cache: Cache<Thing>;
  readonly shop: Workshop;
  readonly timer: FakeTimer;
  /** Starts taking one. */
  take(signal?: AbortSignal): Seen<Lease<Thing>>;
  /** Takes one that is made for it at once, as there is none idle. */
  taken(): Promise<Lease<Thing>>;
  /** Leaves that many idle ones, made one after the other. */
  idle(count: number): Promise<Thing[]>;
}

export function cacheUnderTest(options: Partial<CacheOptions<Thing>> = {}): CacheUnderTest {
  const shop = new Workshop();
  const timer = fakeTimer();
  const { connect, isOpen, close } = shop;
  const cache = new Cache<Thing>({ connect, isOpen, close, idle: new IdleSet({ timer }), ...options });
  const take = (signal?: AbortSignal): Seen<Lease<Thing>> => watch(cache.take(signal));
  const taken = async (): Promise<Lease<Thing>> => {
    const seen = take();
    shop.making(cache.counts.connecting === 0 ? Number.NaN : shop.makings.length - 1).succeed();
    await quiet();
    return resultOf(seen);
  };
  const idle = async (count: number): Promise<Thing[]> => {
    const leases: Lease<Thing>[] = [];
    for (let i = 0; i < count; i++) leases.push(await taken());
    for (const lease of leases) lease.release();
    return leases.map(({ value }) => value);
  };
  return { cache, shop, timer, take, taken, idle };
}

/** Counts in short: zero where nothing is said. */
export function counts(given: Partial<CacheCounts>): CacheCounts {
  return { idle: 0, inUse: 0, connecting: 0, waiting: 0, ...given };
}

/** Who was given which thing so far; "-" who waits, the code or message of the error who was refused. */
export function told(seen: readonly Seen<Lease<Thing>>[]): string[] {
  return seen.map(({ state, value, error }) => {
    if (state === "pending") return "-";
    if (state === "fulfilled") return value?.value.name ?? "?";
    return (error as { code?: string }).code ?? (error as Error).message;
  });
}
