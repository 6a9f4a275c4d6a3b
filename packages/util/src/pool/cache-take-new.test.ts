import { expect, test } from "vitest";
import { cacheUnderTest, counts, told } from "../../test/support/cache.ts";
import { codeOf, quiet, resultOf, watch } from "../../test/support/workshop.ts";

test("takeNew has one made, whatever is idle, and leaves the idle ones alone", async () => {
  const { cache, shop, idle } = cacheUnderTest();
  await idle(2);
  const fresh = watch(cache.takeNew());
  expect(cache.counts).toEqual(counts({ idle: 2, connecting: 1 }));
  const thing = shop.making(2).succeed();
  await quiet();
  expect([resultOf(fresh).value, resultOf(fresh).isReused, shop.closed]).toEqual([thing, false, []]);
  expect(cache.counts).toEqual(counts({ idle: 2, inUse: 1 }));
});

test("takeNew does not take what those in line wait for, nor they what is made for it", async () => {
  const { cache, shop, take } = cacheUnderTest();
  const waiter = take();
  const fresh = watch(cache.takeNew());
  expect(cache.counts).toEqual(counts({ connecting: 2, waiting: 1 }));
  shop.making(1).succeed();
  await quiet();
  expect(told([waiter, fresh])).toEqual(["-", "1"]);
  resultOf(fresh).release();
  await quiet();
  expect(told([waiter, fresh])).toEqual(["1", "1"]);
  shop.making(0).succeed();
  await quiet();
  expect(cache.counts).toEqual(counts({ idle: 1, inUse: 1 }));
});

test("takeNew at the limit: the longest idle makes room, and without an idle one it waits in line", async () => {
  const { cache, shop, idle } = cacheUnderTest({ maxOpen: 2 });
  await idle(2);
  const fresh = watch(cache.takeNew());
  expect([shop.closed, cache.counts]).toEqual([["1"], counts({ idle: 1, connecting: 1 })]);
  shop.making(2).succeed();
  await quiet();
  expect(told([fresh])).toEqual(["3"]);

  const full = cacheUnderTest({ maxOpen: 1 });
  const lease = await full.taken();
  const line = [full.take(), watch(full.cache.takeNew())];
  expect(full.cache.counts).toEqual(counts({ inUse: 1, waiting: 2 }));
  lease.release();
  await quiet();
  expect(told(line)).toEqual(["1", "-"]);
});

test("takeNew: its failure is its own, and its place is free for those in line", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 1 });
  const fresh = watch(cache.takeNew());
  const waiter = take();
  expect(cache.counts).toEqual(counts({ connecting: 1, waiting: 1 }));
  const error = new Error("refused");
  shop.making(0).fail(error);
  await quiet();
  expect([fresh.error, told([waiter]), shop.makings.length]).toEqual([error, ["-"], 2]);
  shop.making(1).succeed();
  await quiet();
  expect(told([waiter])).toEqual(["1"]);
});

test("takeNew given up: the making is, too, unless somebody in line can use it", async () => {
  const { cache, shop, take } = cacheUnderTest({ maxOpen: 1 });
  const alone = new AbortController();
  const first = watch(cache.takeNew(alone.signal));
  alone.abort();
  expect([shop.aborted, cache.isEmpty]).toEqual([[true], true]);
  const controller = new AbortController();
  const second = watch(cache.takeNew(controller.signal));
  const waiter = take();
  controller.abort();
  expect([shop.aborted, cache.counts]).toEqual([[true, false], counts({ connecting: 1, waiting: 1 })]);
  shop.making(1).succeed();
  await quiet();
  expect([codeOf(first), codeOf(second), told([waiter])]).toEqual(["canceled CANCELED", "canceled CANCELED", ["1"]]);
});

test("takeNew given up just as it fails: counted once", async () => {
  for (let turns = 0; turns < 6; turns++) {
    const { cache, shop, take } = cacheUnderTest({ maxOpen: 1, maxWaiting: 0 });
    const controller = new AbortController();
    const fresh = watch(cache.takeNew(controller.signal));
    shop.making(0).fail(new Error("refused"));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    controller.abort();
    await quiet();
    expect(fresh.state).toBe("rejected");
    const takers = [take(), take()];
    await quiet();
    expect([told(takers), cache.counts]).toEqual([["-", "POOL_QUEUE_FULL"], counts({ connecting: 1, waiting: 1 })]);
  }
});

test("takeNew: what is made for one alone is no room for another", async () => {
  const { cache, take } = cacheUnderTest({ maxOpen: 2, maxWaiting: 0 });
  watch(cache.takeNew());
  const takers = [take(), take()];
  await quiet();
  expect(told(takers)).toEqual(["-", "POOL_QUEUE_FULL"]);
});

test("takeNew after close, at close, and with a signal that has aborted", async () => {
  const { cache, shop } = cacheUnderTest();
  const seen = [watch(cache.takeNew(AbortSignal.abort())), watch(cache.takeNew())];
  expect(shop.makings).toHaveLength(1);
  cache.close();
  seen.push(watch(cache.takeNew()));
  shop.making(0).succeed();
  await quiet();
  expect(told(seen)).toEqual(["CANCELED", "POOL_CLOSED", "POOL_CLOSED"]);
  expect([shop.closed, cache.isEmpty, shop.aborted]).toEqual([["1"], true, [true]]);
});
