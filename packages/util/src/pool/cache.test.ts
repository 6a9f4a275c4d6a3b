import { expect, test } from "vitest";
import { cacheUnderTest, counts, told } from "../../test/support/cache.ts";
import { codeOf, quiet, resultOf, Thing, watch } from "../../test/support/workshop.ts";
import { Cache, type CacheOptions } from "./cache.ts";

test("[hyper-231] makes one when empty, and uses it again once it is idle", async () => {
  const { cache, shop, take } = cacheUnderTest();
  expect([cache.isEmpty, shop.makings.length]).toEqual([true, 0]);
  const first = take();
  expect(shop.makings).toHaveLength(1);
  expect(cache.counts).toEqual(counts({ connecting: 1, waiting: 1 }));
  const thing = shop.making(0).succeed();
  await quiet();
  expect(resultOf(first).value).toBe(thing);
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
  resultOf(first).release();
  expect(cache.counts).toEqual(counts({ idle: 1 }));
  const second = take();
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
  await quiet();
  expect(resultOf(second).value).toBe(thing);
  expect([shop.makings.length, shop.closed, cache.isEmpty]).toEqual([1, [], false]);
});

test("[hyper-231] whoever waits is served in the order in which they came, whichever making ends first", async () => {
  const { cache, shop, take } = cacheUnderTest();
  const waiters = [take(), take(), take()];
  expect(cache.counts).toEqual(counts({ connecting: 3, waiting: 3 }));
  shop.making(2).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["1", "-", "-"]);
  shop.making(0).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["1", "2", "-"]);
  shop.making(1).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["1", "2", "3"]);
});

test("[hyper-220] [hyper-233] one that is given back wakes the first who waits", async () => {
  const { cache, shop, take, taken } = cacheUnderTest({ maxOpen: 1 });
  const lease = await taken();
  const waiters = [take(), take()];
  expect(cache.counts).toEqual(counts({ inUse: 1, waiting: 2 }));
  lease.release();
  await quiet();
  expect(told(waiters)).toEqual(["1", "-"]);
  resultOf(waiters[0]).release();
  await quiet();
  expect(told(waiters)).toEqual(["1", "1"]);
  expect([shop.makings.length, cache.counts]).toEqual([1, counts({ inUse: 1 })]);
});

test("[hyper-220] a waiter that has given up is gone, and nothing is kept for it", async () => {
  const { cache, take, taken } = cacheUnderTest({ maxOpen: 1 });
  const lease = await taken();
  const controller = new AbortController();
  const waiters = [take(controller.signal), take()];
  controller.abort();
  expect(cache.counts.waiting).toBe(1);
  lease.release();
  await quiet();
  expect(told(waiters)).toEqual(["CANCELED", "1"]);
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
});

test("[hyper-220] one that has closed is not put back; who waits has another one made", async () => {
  const { cache, shop, take, taken } = cacheUnderTest({ maxOpen: 1 });
  const lease = await taken();
  const waiter = take();
  lease.value.isOpen = false;
  lease.release();
  expect(shop.closed).toEqual(["1"]);
  expect(cache.counts).toEqual(counts({ connecting: 1, waiting: 1 }));
  shop.making(1).succeed();
  await quiet();
  expect(resultOf(waiter).value.name).toBe("2");
  resultOf(waiter).value.isOpen = false;
  resultOf(waiter).release();
  expect([cache.isEmpty, shop.closed]).toEqual([true, ["1", "2"]]);
});

test("[hyper-220] one that has closed while idle is not given out", async () => {
  const { cache, shop, take, idle } = cacheUnderTest();
  const [, second] = await idle(3);
  for (const thing of shop.things) thing.isOpen = thing === second;
  const taken = take();
  await quiet();
  expect(resultOf(taken).value).toBe(second);
  // The one used last was looked at first, and the third not at all.
  expect([shop.closed, cache.counts]).toEqual([["3"], counts({ idle: 1, inUse: 1 })]);
  expect(cache.tryTake()).toBeUndefined();
  expect([shop.closed, cache.counts]).toEqual([["1", "3"], counts({ inUse: 1 })]);
});

test("[hyper-232] leaving a race cancels the waiter, and the making that nobody else needs", async () => {
  const { cache, shop, take } = cacheUnderTest();
  const controller = new AbortController();
  const waiter = take(controller.signal);
  controller.abort("changed my mind");
  expect(shop.aborted).toEqual([true]);
  expect(cache.isEmpty).toBe(true);
  await quiet();
  expect(codeOf(waiter)).toBe("canceled CANCELED");
  expect(waiter.error).toMatchObject({ cause: "changed my mind" });
});

test("[hyper-232] a making that others need goes on when one leaves", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 2 });
  const controller = new AbortController();
  const waiters = [take(controller.signal), take(), take()];
  expect(shop.makings).toHaveLength(2);
  controller.abort();
  expect(shop.aborted).toEqual([false, false]);
  expect(cache.counts).toEqual(counts({ connecting: 2, waiting: 2 }));
  shop.making(0).succeed();
  shop.making(1).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["CANCELED", "1", "2"]);
});

test("[hyper-232] of several makings, the one begun last is given up", async () => {
  const { shop, take } = cacheUnderTest();
  const controller = new AbortController();
  const waiters = [take(controller.signal), take(), take()];
  controller.abort();
  expect(shop.aborted).toEqual([false, false, true]);
  shop.making(2).fail(new Error("aborted"));
  shop.making(1).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["CANCELED", "1", "-"]);
});

test("[hyper-232] one that was taken is nobody else's until it is given back, used or not", async () => {
  const { cache, shop, idle } = cacheUnderTest();
  await idle(1);
  const lease = cache.tryTake();
  expect(lease?.value).toBe(shop.things[0]);
  expect(cache.tryTake()).toBeUndefined();
  lease?.release();
  expect(cache.counts).toEqual(counts({ idle: 1 }));
  expect(cache.tryTake()?.value).toBe(shop.things[0]);
  expect(shop.makings).toHaveLength(1);
});

test("[hyper-233] retain closes the idle ones that are not to be kept or not open, and no others", async () => {
  const { cache, shop, idle } = cacheUnderTest();
  const [first, , third] = await idle(3);
  const used = cache.tryTake();
  expect(used?.value).toBe(third);
  if (first !== undefined) first.isOpen = false;
  const asked: string[] = [];
  cache.retain((thing) => {
    asked.push(thing.name);
    return true;
  });
  expect([asked, shop.closed, cache.counts]).toEqual([["2"], ["1"], counts({ idle: 1, inUse: 1 })]);
  cache.retain(() => false);
  expect([shop.closed, cache.counts]).toEqual([["1", "2"], counts({ inUse: 1 })]);
  used?.release();
  expect(cache.counts).toEqual(counts({ idle: 1 }));
});

test("[hyper-233] the making that lost the race becomes idle and serves the next", async () => {
  const { cache, shop, take, taken } = cacheUnderTest();
  const lease = await taken();
  const racer = take();
  expect(shop.makings).toHaveLength(2);
  lease.release();
  await quiet();
  expect(resultOf(racer).value).toBe(lease.value);
  expect(cache.counts).toEqual(counts({ inUse: 1, connecting: 1 }));
  expect(shop.aborted).toEqual([false, false]);
  const late = shop.making(1).succeed();
  await quiet();
  expect(cache.counts).toEqual(counts({ idle: 1, inUse: 1 }));
  expect(cache.tryTake()?.value).toBe(late);
});

test("[hyper-233] a making under way for nobody serves the next who comes, without another one", async () => {
  const { shop, take, taken } = cacheUnderTest();
  const lease = await taken();
  take();
  lease.release();
  const next = take();
  expect(shop.makings).toHaveLength(2);
  shop.making(1).succeed();
  await quiet();
  expect(resultOf(next).value.name).toBe("2");
});

test("[hyper-233] a failure concerns a waiter only when no other making is left for him", async () => {
  const { cache, shop, take, taken } = cacheUnderTest();
  const lease = await taken();
  const first = take();
  lease.release();
  const second = take();
  const third = take();
  expect(cache.counts).toEqual(counts({ inUse: 1, connecting: 2, waiting: 2 }));
  await quiet();
  resultOf(first).release();
  expect(cache.counts).toEqual(counts({ inUse: 1, connecting: 2, waiting: 1 }));
  const error = new Error("refused");
  shop.making(1).fail(error);
  await quiet();
  expect(told([second, third])).toEqual(["1", "-"]);
  shop.making(2).fail(error);
  await quiet();
  expect(third).toEqual({ state: "rejected", error });
  expect(shop.makings).toHaveLength(3);
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
});

test("each failure is told to one who waits, at the limit too, where the next has another one made", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 1 });
  const waiters = [take(), take(), take()];
  shop.making(0).fail(new Error("A"));
  await quiet();
  expect(told(waiters)).toEqual(["A", "-", "-"]);
  shop.making(1).fail(new Error("B"));
  await quiet();
  shop.making(2).succeed();
  await quiet();
  expect(told(waiters)).toEqual(["A", "B", "1"]);
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
});

test("what connect throws at once is a failure like others, for a long line too", async () => {
  let broken = false;
  const { cache, shop, take, taken } = cacheUnderTest({
    maxOpen: 1,
    connect: (signal) => {
      if (broken) throw new Error("broken");
      return shop.connect(signal);
    },
  });
  const lease = await taken();
  broken = true;
  const waiters = Array.from({ length: 5000 }, () => take());
  lease.discard();
  await quiet();
  expect(new Set(told(waiters))).toEqual(new Set(["broken"]));
  expect(cache.isEmpty).toBe(true);
});

test("the end of a making that was given up concerns nobody", async () => {
  const { shop, take } = cacheUnderTest({ maxOpen: 1 });
  const controller = new AbortController();
  take(controller.signal);
  controller.abort();
  const others = [take(), take()];
  shop.making(0).fail(new Error("aborted"));
  await quiet();
  expect(told(others)).toEqual(["-", "-"]);
  shop.making(1).succeed();
  await quiet();
  expect(told(others)).toEqual(["1", "-"]);
});

test("what a making that was given up yields nevertheless is kept where there is room", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 1 });
  const controller = new AbortController();
  take(controller.signal);
  controller.abort();
  const late = shop.making(0).succeed();
  await quiet();
  expect([cache.counts, shop.closed]).toEqual([counts({ idle: 1 }), []]);
  expect(cache.tryTake()?.value).toBe(late);
});

test("what a making that was given up yields takes the place of the one begun since, never one more than the limit", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 1 });
  const controller = new AbortController();
  take(controller.signal);
  controller.abort();
  const next = take();
  expect(shop.aborted).toEqual([true, false]);
  const late = shop.making(0).succeed();
  await quiet();
  expect(resultOf(next).value).toBe(late);
  expect([shop.aborted, cache.counts]).toEqual([[true, true], counts({ inUse: 1 })]);
  shop.making(1).succeed();
  await quiet();
  expect([shop.closed, cache.counts]).toEqual([["2"], counts({ inUse: 1 })]);
});

test("one that has closed as soon as it was made is given out all the same, rather than others without end", async () => {
  const { cache, shop, take } = cacheUnderTest();
  const waiter = take();
  const stillborn = new Thing("stillborn");
  stillborn.isOpen = false;
  shop.making(0).succeed(stillborn);
  await quiet();
  expect(resultOf(waiter).value).toBe(stillborn);
  expect([shop.makings.length, resultOf(waiter).isReused]).toEqual([1, false]);
  resultOf(waiter).release();
  expect([shop.closed, cache.isEmpty]).toEqual([["stillborn"], true]);
});

test("one that has closed as soon as it was made is dropped where another making is left, or nobody waits", async () => {
  const { cache, shop, take, taken } = cacheUnderTest();
  const lease = await taken();
  take();
  const waiter = take();
  lease.release();
  expect(cache.counts).toEqual(counts({ inUse: 1, connecting: 2, waiting: 1 }));
  for (const index of [1, 2]) {
    const stillborn = new Thing(`stillborn ${index}`);
    stillborn.isOpen = false;
    shop.making(index).succeed(stillborn);
    await quiet();
    if (index === 1) expect([told([waiter]), shop.closed]).toEqual([["-"], ["stillborn 1"]]);
  }
  expect(told([waiter])).toEqual(["stillborn 2"]);
});

test("[pool-4] by default the one used last is taken first; with `oldest` the one that has rested longest", async () => {
  for (const [order, expected] of [
    [undefined, ["3", "2", "1"]],
    ["newest", ["3", "2", "1"]],
    ["oldest", ["1", "2", "3"]],
  ] as const) {
    const { cache, idle } = cacheUnderTest({ order });
    await idle(3);
    const names = [0, 1, 2].map(() => cache.tryTake()?.value.name);
    expect(names).toEqual(expected);
  }
});

test("only the first release or discard of a lease counts", async () => {
  const { cache, shop, taken } = cacheUnderTest();
  const first = await taken();
  first.release();
  const second = cache.tryTake();
  expect(second?.value).toBe(first.value);
  // The lease that is over cannot reach into the next one.
  first.release();
  first.discard();
  expect([cache.counts, shop.closed]).toEqual([counts({ inUse: 1 }), []]);
  second?.discard();
  second?.discard();
  second?.release();
  expect([cache.isEmpty, shop.closed]).toEqual([true, ["1"]]);
});

test("isReused: false only for the first user of one that was made for him", async () => {
  const { cache, shop, take, taken } = cacheUnderTest();
  const first = await taken();
  expect(first.isReused).toBe(false);
  first.release();
  const again = cache.tryTake();
  expect(again?.isReused).toBe(true);

  // One that goes from hand to hand was used before.
  const waiter = take();
  again?.release();
  await quiet();
  expect(resultOf(waiter).isReused).toBe(true);

  // One that was made in vain has been idle.
  shop.making(1).succeed();
  await quiet();
  expect(cache.tryTake()?.isReused).toBe(true);

  // One that comes from elsewhere: new for who waits, not for whom it was idle.
  const other = cacheUnderTest();
  const direct = other.take();
  other.cache.offer(new Thing("offered"));
  await quiet();
  expect(resultOf(direct).isReused).toBe(false);
  other.cache.offer(new Thing("offered too"));
  expect(other.cache.tryTake()?.isReused).toBe(true);
});

test("remove of an idle one, one in use, and one that is unknown", async () => {
  const { cache, shop, take, taken, idle } = cacheUnderTest({ maxOpen: 2 });
  const lease = await taken();
  const [other] = (await idle(1)) as [Thing];
  expect(cache.counts).toEqual(counts({ idle: 1, inUse: 1 }));

  cache.remove(new Thing("unknown"));
  expect(cache.counts).toEqual(counts({ idle: 1, inUse: 1 }));
  cache.remove(other);
  expect(cache.counts).toEqual(counts({ inUse: 1 }));
  cache.remove(other);

  // The place of one in use is free at once; giving it back means nothing any more.
  const waiters = [take(), take()];
  expect(shop.makings).toHaveLength(3);
  cache.remove(lease.value);
  expect(shop.makings).toHaveLength(4);
  expect(cache.counts).toEqual(counts({ connecting: 2, waiting: 2 }));
  lease.release();
  await quiet();
  expect([told(waiters), cache.counts.waiting]).toEqual([["-", "-"], 2]);
  // It has closed by itself: nothing was there to be closed.
  expect(shop.closed).toEqual([]);
});

test("offer serves the first who waits; else it is idle; a closed cache and a closed thing let go of it", async () => {
  const { cache, shop, take } = cacheUnderTest();
  const offered = [1, 2, 3, 4].map((number) => new Thing(`offered ${number}`));
  shop.things.push(...offered);
  const [first, second, third, fourth] = offered as [Thing, Thing, Thing, Thing];
  const waiters = [take(), take()];
  cache.offer(first);
  await quiet();
  expect(told(waiters)).toEqual(["offered 1", "-"]);
  resultOf(waiters[0]).discard();
  shop.making(0).succeed();
  await quiet();
  cache.offer(second);
  expect(cache.counts).toMatchObject({ idle: 1 });
  third.isOpen = false;
  cache.offer(third);
  expect(cache.counts).toMatchObject({ idle: 1 });
  cache.close();
  cache.offer(fourth);
  expect(cache.counts).toMatchObject({ idle: 0 });
  expect(offered.map(({ closings }) => closings)).toEqual([1, 1, 1, 1]);
});

test("two caches have nothing in common", async () => {
  const one = cacheUnderTest();
  const two = cacheUnderTest();
  await one.idle(1);
  expect(two.cache.tryTake()).toBeUndefined();
  expect(one.cache.tryTake()?.value.name).toBe("1");
});

test("who comes with a signal that has aborted is refused, and nothing is made", async () => {
  const { cache, shop, take, idle } = cacheUnderTest();
  const signal = AbortSignal.abort("late");
  const first = take(signal);
  const warmed = watch(cache.warm(3, signal));
  await quiet();
  expect([codeOf(first), codeOf(warmed), shop.makings.length]).toEqual(["canceled CANCELED", "canceled CANCELED", 0]);
  await idle(1);
  const second = take(signal);
  await quiet();
  expect([codeOf(second), cache.counts]).toEqual(["canceled CANCELED", counts({ idle: 1 })]);
});

test("options that make no sense are refused by name", () => {
  const { shop } = cacheUnderTest();
  const { connect, isOpen, close } = shop;
  const make = (options: object): unknown =>
    new Cache<Thing>({ connect, isOpen, close, ...options } as CacheOptions<Thing>);
  expect(() => make({ max: 3 })).toThrow(new TypeError("cache: unknown option max"));
  expect(() => make({ maxIdle: -1 })).toThrow(new RangeError("maxIdle: must be a whole number of at least 0, got -1"));
  expect(() => make({ maxOpen: 0 })).toThrow(new RangeError("maxOpen: must be a whole number of at least 1, got 0"));
  expect(() => make({ maxWaiting: Number.NaN })).toThrow(
    new RangeError("maxWaiting: must be a whole number of at least 0, got NaN"),
  );
  expect(() => make({ order: "random" })).toThrow(new TypeError('order: must be "newest" or "oldest", got random'));
});
