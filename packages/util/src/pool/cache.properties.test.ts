/**
 * Whatever happens to a cache in whatever order: its limits hold, nobody is forgotten, and all that was made is closed once.
 */
import { fakeTimer } from "@sluice/util/memory";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../../core/test/support/runs.ts";
import { type Making, quiet, type Seen, Thing, Workshop, watch } from "../../test/support/workshop.ts";
import { Cache, type Lease } from "./cache.ts";
import { IdleSet } from "./idle-set.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => void process.on("unhandledRejection", note));
afterAll(() => void process.off("unhandledRejection", note));

/** What may happen; `at` chooses among those it may happen to. */
const step = fc.record({
  what: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom("take" as const, "take" as const, "take" as const, "takeNew" as const) },
    { weight: 8, arbitrary: fc.constantFrom("made" as const, "turn" as const) },
    { weight: 8, arbitrary: fc.constant("release" as const) },
    {
      weight: 12,
      arbitrary: fc.constantFrom("abort" as const, "discard" as const, "failed" as const, "stillborn" as const),
    },
    { weight: 8, arbitrary: fc.constantFrom("remove" as const, "die" as const, "offer" as const, "time" as const) },
    {
      weight: 8,
      arbitrary: fc.constantFrom("warm" as const, "abortWarm" as const, "retain" as const, "tryTake" as const),
    },
    { weight: 1, arbitrary: fc.constant("close" as const) },
  ),
  at: fc.nat({ max: 7 }),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const limits = fc.record({
  maxOpen: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  maxWaiting: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
  maxIdle: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
  order: fc.constantFrom("newest" as const, "oldest" as const, undefined),
  totalIdle: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
  /** Whether a making that is given up ends at once, as it should, or as it likes. */
  isObedient: fc.boolean(),
});

type Limits = typeof limits extends fc.Arbitrary<infer L> ? L : never;

interface Taker {
  readonly controller: AbortController;
  readonly seen: Seen<Lease<Thing>>;
  /** The how-manieth he was whose turn came. */
  turn: number | undefined;
  /** He has left the line, or was never in it. */
  isOut: boolean;
  /** One is made for him alone. */
  readonly isOwn: boolean;
}

class Trial {
  readonly shop = new Workshop();
  readonly timer = fakeTimer();
  readonly limits: Limits;
  readonly idle: IdleSet;
  readonly cache: Cache<Thing>;
  readonly takers: Taker[] = [];
  readonly warmed: { readonly controller: AbortController; readonly seen: Seen<void> }[] = [];
  /** Those under way. */
  readonly leases = new Map<Lease<Thing>, Thing>();
  /** Those under way. */
  readonly makings: Making[] = [];
  /** What the cache knew, and was told that it has closed by itself. */
  readonly removed = new Set<Thing>();
  turns = 0;
  isClosed = false;

  constructor(limits: Limits) {
    this.limits = limits;
    const { maxOpen, maxWaiting, maxIdle, order, totalIdle } = limits;
    const { isOpen, close } = this.shop;
    const connect = (signal: AbortSignal): Promise<Thing> => this.connect(signal);
    this.idle = new IdleSet({
      timer: this.timer,
      idleTimeoutMs: 1000,
      ...(totalIdle !== undefined && { maxIdle: totalIdle }),
    });
    this.cache = new Cache<Thing>({ connect, isOpen, close, maxOpen, maxWaiting, maxIdle, order, idle: this.idle });
  }

  connect(signal: AbortSignal): Promise<Thing> {
    const promise = this.shop.connect(signal);
    const making = this.shop.making(this.shop.makings.length - 1);
    this.makings.push(making);
    if (this.limits.isObedient) {
      signal.addEventListener("abort", () => this.settle(making, () => making.fail(signal.reason)));
    }
    return promise;
  }

  settle(making: Making | undefined, how: (making: Making) => void): void {
    if (making === undefined || !this.makings.includes(making)) return;
    this.makings.splice(this.makings.indexOf(making), 1);
    how(making);
  }

  take(how: "take" | "takeNew"): void {
    const { waiting } = this.cache.counts;
    const isFull = waiting >= this.maxWaiting + this.spare - this.claimed;
    const controller = new AbortController();
    const promise = this.cache[how](controller.signal);
    // A new one for somebody is made beside the line, or at the limit waited for in it.
    const isOwn = how === "takeNew" && !this.isClosed && this.cache.counts.waiting === waiting;
    const taker: Taker = { controller, seen: watch(promise), turn: undefined, isOut: isOwn, isOwn };
    const turn = (): void => {
      if (!taker.isOut) taker.turn = this.turns++;
    };
    promise.then(
      (lease) => {
        turn();
        this.begin(lease);
      },
      (error: { readonly code?: string }) => {
        if (error.code === "POOL_QUEUE_FULL") {
          // Nobody is refused who could have waited.
          expect(isFull).toBe(true);
          taker.isOut = true;
        }
        turn();
      },
    );
    this.takers.push(taker);
  }

  begin(lease: Lease<Thing>): void {
    // Never two leases of one thing.
    expect([...this.leases.values()]).not.toContain(lease.value);
    expect(lease.value.closings).toBe(0);
    this.leases.set(lease, lease.value);
  }

  end(lease: Lease<Thing> | undefined, how: "release" | "discard"): void {
    if (lease === undefined) return;
    this.leases.delete(lease);
    lease[how]();
    // What comes after it means nothing.
    lease.discard();
    lease.release();
  }

  remove(thing: Thing | undefined): void {
    if (thing === undefined) return;
    thing.isOpen = false;
    const before = this.entries;
    this.cache.remove(thing);
    if (this.entries < before) this.removed.add(thing);
  }

  do({ what, at }: Step): void {
    const { cache, shop } = this;
    const living = shop.things.filter((thing) => thing.closings === 0 && !this.removed.has(thing));
    if (what === "take" || what === "takeNew") this.take(what);
    else if (what === "made") this.settle(pick(this.makings, at), (making) => making.succeed());
    else if (what === "stillborn")
      this.settle(pick(this.makings, at), (making) => void (making.succeed().isOpen = false));
    else if (what === "failed") this.settle(pick(this.makings, at), (making) => making.fail(new Error("refused")));
    else if (what === "release" || what === "discard") this.end(pick([...this.leases.keys()], at), what);
    else if (what === "remove") this.remove(pick(living, at));
    else if (what === "die") {
      for (const thing of living.slice(at, at + 1)) thing.isOpen = false;
    } else if (what === "abort") {
      const taker = pick(this.pending, at);
      if (taker === undefined) return;
      // His turn may have come, without his having been told yet.
      const { waiting } = cache.counts;
      taker.controller.abort();
      if (cache.counts.waiting < waiting) taker.isOut = true;
    } else if (what === "offer") {
      const thing = new Thing(String(shop.things.length + 1));
      shop.things.push(thing);
      cache.offer(thing);
    } else if (what === "warm") {
      const controller = new AbortController();
      this.warmed.push({ controller, seen: watch(cache.warm(at % 4, controller.signal)) });
    } else if (what === "abortWarm") pick(this.warmed, at)?.controller.abort();
    else if (what === "retain") cache.retain((thing) => Number(thing.name) % 2 === at % 2);
    else if (what === "tryTake") {
      const lease = cache.tryTake();
      if (lease !== undefined) this.begin(lease);
    } else if (what === "time") this.timer.advance(at * 200);
    else if (what === "close") {
      this.isClosed = true;
      cache.close();
    }
  }

  get maxOpen(): number {
    return this.limits.maxOpen ?? Number.POSITIVE_INFINITY;
  }

  get maxWaiting(): number {
    return this.limits.maxWaiting ?? Number.POSITIVE_INFINITY;
  }

  get entries(): number {
    const { idle, inUse } = this.cache.counts;
    return idle + inUse;
  }

  get spare(): number {
    return this.maxOpen - this.entries;
  }

  /** How many are made for one alone. */
  get claimed(): number {
    return this.takers.filter(({ seen, isOwn }) => isOwn && seen.state === "pending").length;
  }

  get pending(): Taker[] {
    return this.takers.filter(({ seen }) => seen.state === "pending");
  }

  /** What holds after each step. */
  check(): void {
    const { idle, connecting, waiting } = this.cache.counts;
    expect(this.entries + connecting).toBeLessThanOrEqual(this.maxOpen);
    expect(waiting).toBeLessThanOrEqual(this.maxWaiting + this.spare);
    expect(idle).toBeLessThanOrEqual(Math.min(this.limits.maxIdle ?? 99, this.limits.totalIdle ?? 99));
    expect(this.idle.size).toBe(idle);
    // No waiter stays while there is an idle one, nor while one more could be made for him.
    if (idle > 0) expect(waiting).toBe(0);
    expect(connecting).toBeGreaterThanOrEqual(Math.min(waiting, this.spare));
    if (this.isClosed) expect([idle, connecting, waiting]).toEqual([0, 0, 0]);
  }

  /** What holds when all that could happen has happened. */
  checkQuiet(): void {
    const { inUse, waiting, connecting } = this.cache.counts;
    expect(this.pending).toHaveLength(waiting + this.claimed);
    expect(waiting).toBeLessThanOrEqual(this.maxWaiting + this.spare - this.claimed);
    expect(connecting - this.claimed).toBeGreaterThanOrEqual(Math.min(waiting, this.spare - this.claimed));
    expect(inUse).toBe([...this.leases.values()].filter((thing) => !this.removed.has(thing)).length);
    const open = this.shop.things.filter((thing) => thing.closings === 0 && !this.removed.has(thing));
    expect(open).toHaveLength(this.entries);
    // First come, first served: those whose turn has come, in order, and then those who wait.
    const line = this.takers.filter(({ isOut }) => !isOut).map(({ turn }) => turn);
    expect(line).toEqual(line.map((_, place) => (place < line.length - waiting ? place : undefined)));
  }
}

function pick<T>(from: readonly T[], at: number): T | undefined {
  return from[at % (from.length || 1)];
}

test(
  "whatever is asked of it and happens to it, limits hold, nobody waits in vain, and all is closed once in the end",
  async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 60, size: "max" }), async (given, steps) => {
        const trial = new Trial(given);
        for (const next of steps) {
          if (next.what === "turn") {
            await quiet();
            trial.checkQuiet();
          } else {
            trial.do(next);
          }
          trial.check();
        }
        await quiet();
        trial.check();
        trial.checkQuiet();

        trial.cache.close();
        for (const lease of [...trial.leases.keys()]) trial.end(lease, "release");
        for (const making of [...trial.makings]) trial.settle(making, () => making.succeed());
        await quiet();
        expect([trial.cache.isEmpty, trial.idle.size]).toEqual([true, 0]);
        expect([...trial.takers, ...trial.warmed].filter(({ seen }) => seen.state === "pending")).toEqual([]);
        for (const thing of trial.shop.things) expect(thing.closings).toBe(trial.removed.has(thing) ? 0 : 1);
      }),
      runs(2000),
    );
    expect(unhandled).toEqual([]);
  },
  propertyTimeoutMs,
);
