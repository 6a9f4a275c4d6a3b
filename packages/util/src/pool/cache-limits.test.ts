import { getEventListeners } from "node:events";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test, vi } from "vitest";
import { cacheUnderTest, counts, told } from "../../test/support/cache.ts";
import { codeOf, quiet, resultOf, Thing, Workshop, watch } from "../../test/support/workshop.ts";
import { Cache } from "./cache.ts";
import { IdleSet } from "./idle-set.ts";

describe("maxOpen", () => {
  test("at the limit one more waits, for whichever is free first", async () => {
    const { cache, shop, take } = cacheUnderTest({ maxOpen: 2 });
    const takers = [take(), take(), take()];
    expect(shop.makings).toHaveLength(2);
    expect(cache.counts).toEqual(counts({ connecting: 2, waiting: 3 }));
    shop.making(0).succeed();
    shop.making(1).succeed();
    await quiet();
    expect(told(takers)).toEqual(["1", "2", "-"]);
    expect(cache.counts).toEqual(counts({ inUse: 2, waiting: 1 }));
    resultOf(takers[1]).release();
    await quiet();
    expect(told(takers)).toEqual(["1", "2", "2"]);
    expect(shop.makings).toHaveLength(2);
  });

  test("a place that is free again is used for who waits: after discard, and after remove", async () => {
    const { cache, shop, take, taken } = cacheUnderTest({ maxOpen: 2 });
    const [first, second] = [await taken(), await taken()];
    take();
    take();
    expect(shop.makings).toHaveLength(2);
    first.discard();
    expect(shop.makings).toHaveLength(3);
    cache.remove(second.value);
    expect(shop.makings).toHaveLength(4);
    expect(cache.counts).toEqual(counts({ connecting: 2, waiting: 2 }));
  });

  test("one that is offered takes the place of a making, and is closed where there is none", async () => {
    const { cache, shop, take, taken } = cacheUnderTest({ maxOpen: 2 });
    const lease = await taken();
    const waiter = take();
    const offered = new Thing("offered");
    cache.offer(offered);
    await quiet();
    expect([told([waiter]), shop.aborted]).toEqual([["offered"], [false, true]]);
    expect(cache.counts).toEqual(counts({ inUse: 2 }));
    const surplus = new Thing("surplus");
    cache.offer(surplus);
    expect([surplus.closings, cache.counts]).toEqual([1, counts({ inUse: 2 })]);
    lease.release();
    expect(cache.counts).toEqual(counts({ idle: 1, inUse: 1 }));
  });

  test("one that is offered does not take the place of one that was asked for", async () => {
    const { cache, shop } = cacheUnderTest({ maxOpen: 1 });
    const warmed = watch(cache.warm(1));
    const offered = new Thing("offered");
    cache.offer(offered);
    expect([offered.closings, shop.aborted]).toEqual([1, [false]]);
    shop.making(0).succeed();
    await quiet();
    expect([warmed.state, cache.counts]).toEqual(["fulfilled", counts({ idle: 1 })]);
  });
});

describe("maxWaiting", () => {
  test("at the limit the last one waits; one more is refused", async () => {
    const { cache, take, taken } = cacheUnderTest({ maxOpen: 1, maxWaiting: 2 });
    const lease = await taken();
    const waiters = [take(), take(), take()];
    await quiet();
    expect(told(waiters)).toEqual(["-", "-", "POOL_QUEUE_FULL"]);
    expect(codeOf(waiters[2] ?? { state: "pending" })).toBe("limit POOL_QUEUE_FULL");
    lease.release();
    const next = take();
    await quiet();
    expect(told([...waiters, next])).toEqual(["1", "-", "POOL_QUEUE_FULL", "-"]);
    expect(cache.counts).toEqual(counts({ inUse: 1, waiting: 2 }));
  });

  test("those for whom one can be made do not count, whether it is being made or done", async () => {
    const { cache, shop, take } = cacheUnderTest({ maxOpen: 2, maxWaiting: 1 });
    const waiters = [take(), take(), take(), take()];
    await quiet();
    expect(told(waiters)).toEqual(["-", "-", "-", "POOL_QUEUE_FULL"]);
    shop.making(0).succeed();
    shop.making(1).succeed();
    await quiet();
    expect(told(waiters)).toEqual(["1", "2", "-", "POOL_QUEUE_FULL"]);
    const more = take();
    await quiet();
    expect(told([more])).toEqual(["POOL_QUEUE_FULL"]);
    expect(cache.counts).toEqual(counts({ inUse: 2, waiting: 1 }));
  });

  test("0: nobody waits for another's, but for the making of one", async () => {
    const { shop, take } = cacheUnderTest({ maxOpen: 1, maxWaiting: 0 });
    const takers = [take(), take()];
    shop.making(0).succeed();
    await quiet();
    expect(told(takers)).toEqual(["1", "POOL_QUEUE_FULL"]);
    resultOf(takers[0]).release();
    const next = take();
    await quiet();
    expect(told([next])).toEqual(["1"]);
  });

  test("who has given up leaves his place in the line", async () => {
    const { take, taken } = cacheUnderTest({ maxOpen: 1, maxWaiting: 1 });
    await taken();
    const controller = new AbortController();
    take(controller.signal);
    controller.abort();
    const next = take();
    await quiet();
    expect(told([next])).toEqual(["-"]);
  });
});

describe("maxIdle", () => {
  test("[hyper-218] the third idle one over a max of 2 is closed", async () => {
    const { cache, shop, taken } = cacheUnderTest({ maxIdle: 2 });
    const leases = [await taken(), await taken(), await taken()];
    for (const lease of leases) lease.release();
    expect([shop.closed, cache.counts]).toEqual([["3"], counts({ idle: 2 })]);
  });

  test("0 keeps none, and still hands over to who waits", async () => {
    const { cache, shop, take, taken } = cacheUnderTest({ maxIdle: 0, maxOpen: 1 });
    const lease = await taken();
    const waiter = take();
    lease.release();
    await quiet();
    expect([told([waiter]), shop.closed]).toEqual([["1"], []]);
    resultOf(waiter).release();
    expect([cache.isEmpty, shop.closed]).toEqual([true, ["1"]]);
  });

  test("[hyper-218] the limit of a set shared by several caches evicts the longest idle of all", async () => {
    const idle = new IdleSet({ maxIdle: 2, timer: fakeTimer() });
    const [one, two] = [cacheUnderTest({ idle }), cacheUnderTest({ idle })];
    const [a, b, c] = [await one.taken(), await one.taken(), await two.taken()];
    b.release();
    a.release();
    c.release();
    expect([one.shop.closed, two.shop.closed, idle.size]).toEqual([["2"], [], 2]);
    expect([one.cache.counts, two.cache.counts]).toEqual([counts({ idle: 1 }), counts({ idle: 1 })]);
    expect(one.cache.tryTake()?.value).toBe(a.value);
  });

  test("a shared set that keeps none closes what is given back", async () => {
    const idle = new IdleSet({ maxIdle: 0, timer: fakeTimer() });
    const { cache, shop, taken } = cacheUnderTest({ idle });
    (await taken()).release();
    expect([cache.isEmpty, shop.closed]).toEqual([true, ["1"]]);
  });
});

describe("time", () => {
  test("[hyper-217] one that has been idle for too long is not given out, and is closed when it is come across", async () => {
    for (const order of ["newest", "oldest"] as const) {
      const timer = fakeTimer();
      const idle = new IdleSet({ timer, idleTimeoutMs: 1000 });
      const { cache, shop, taken } = cacheUnderTest({ idle, order });
      const [first, second] = [await taken(), await taken()];
      first.release();
      timer.advance(500);
      second.release();
      // Without the sweep, so that only the look at what is taken counts.
      idle.stop();
      timer.advance(500);
      expect(cache.tryTake()?.value).toBe(second.value);
      if (order === "newest") expect(cache.tryTake()).toBeUndefined();
      expect([shop.closed, idle.size, cache.counts]).toEqual([["1"], 0, counts({ inUse: 1 })]);
    }
  });

  test("[hyper-217] when all have expired, who takes has a new one made", async () => {
    const timer = fakeTimer();
    const idle = new IdleSet({ timer, idleTimeoutMs: 1000 });
    const { cache, shop, take, idle: leave } = cacheUnderTest({ idle });
    await leave(3);
    idle.stop();
    timer.advance(1000);
    const taken = take();
    expect([shop.closed, shop.makings.length]).toEqual([["1", "2", "3"], 4]);
    shop.making(3).succeed();
    await quiet();
    expect(told([taken])).toEqual(["4"]);
    expect(cache.counts).toEqual(counts({ inUse: 1 }));
  });

  test("[hyper-219] one sweep for the caches that share a set, 90 ms apart at least", async () => {
    const timer = fakeTimer();
    const idle = new IdleSet({ timer, idleTimeoutMs: 1000 });
    const [one, two] = [cacheUnderTest({ idle }), cacheUnderTest({ idle })];
    const [a, b, c] = [await one.taken(), await two.taken(), await one.taken()];
    a.release();
    timer.advance(30);
    b.release();
    timer.advance(150);
    c.release();
    expect(timer.pending).toBe(1);
    timer.advance(819);
    expect([one.shop.closed, two.shop.closed]).toEqual([[], []]);
    timer.advance(1);
    expect([one.shop.closed, two.shop.closed]).toEqual([["1"], []]);
    timer.advance(89);
    expect([one.shop.closed, two.shop.closed]).toEqual([["1"], []]);
    timer.advance(1);
    expect([one.shop.closed, two.shop.closed]).toEqual([["1"], ["1"]]);
    timer.advance(89);
    expect(one.shop.closed).toEqual(["1"]);
    timer.advance(1);
    expect(one.shop.closed).toEqual(["1", "2"]);
    expect([timer.now(), timer.pending, one.cache.isEmpty, two.cache.isEmpty]).toEqual([1180, 0, true, true]);
  });

  test("one in use does not expire", async () => {
    const { cache, shop, timer, taken } = cacheUnderTest();
    const lease = await taken();
    timer.advance(1e9);
    expect(shop.closed).toEqual([]);
    lease.release();
    timer.advance(89_999);
    expect(cache.tryTake()?.value).toBe(lease.value);
  });
});

describe("warm", () => {
  test("makes as many as are missing, and resolves when they are made", async () => {
    const { cache, shop, taken } = cacheUnderTest();
    await taken();
    const warmed = watch(cache.warm(3));
    expect(cache.counts).toEqual(counts({ inUse: 1, connecting: 2 }));
    shop.making(1).succeed();
    await quiet();
    expect(warmed.state).toBe("pending");
    shop.making(2).succeed();
    await quiet();
    expect(warmed.state).toBe("fulfilled");
    expect(cache.counts).toEqual(counts({ idle: 2, inUse: 1 }));
    const again = watch(cache.warm(3));
    await quiet();
    expect([again.state, shop.makings.length]).toEqual(["fulfilled", 3]);
  });

  test("never more than maxOpen", async () => {
    const { cache, shop } = cacheUnderTest({ maxOpen: 2 });
    watch(cache.warm(3));
    watch(cache.warm(Number.POSITIVE_INFINITY));
    expect(shop.makings).toHaveLength(2);
  });

  test("serves who comes meanwhile", async () => {
    const { cache, shop, take } = cacheUnderTest();
    const warmed = watch(cache.warm(1));
    const taker = take();
    expect(shop.makings).toHaveLength(1);
    shop.making(0).succeed();
    await quiet();
    expect([told([taker]), warmed.state]).toEqual([["1"], "fulfilled"]);
    expect(cache.counts).toEqual(counts({ inUse: 1 }));
  });

  test("rejects with the first failure; the others are kept", async () => {
    const { cache, shop } = cacheUnderTest();
    const warmed = watch(cache.warm(3));
    const error = new Error("refused");
    shop.making(1).fail(error);
    await quiet();
    expect(warmed).toEqual({ state: "rejected", error });
    shop.making(0).succeed();
    shop.making(2).fail(new Error("refused too"));
    await quiet();
    expect(cache.counts).toEqual(counts({ idle: 1 }));
  });

  test("abort gives the makings up, at once even if connect does not care", async () => {
    const { cache, shop } = cacheUnderTest();
    const controller = new AbortController();
    const warmed = watch(cache.warm(2, controller.signal));
    controller.abort("enough");
    expect([shop.aborted, cache.isEmpty]).toEqual([[true, true], true]);
    await quiet();
    expect(codeOf(warmed)).toBe("canceled CANCELED");
    expect(warmed.error).toMatchObject({ cause: "enough" });
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("no listener stays at the signal when they are made, fail, or the cache is closed", async () => {
    const { cache, shop } = cacheUnderTest();
    const { signal } = new AbortController();
    const warmed = watch(cache.warm(3, signal));
    expect(getEventListeners(signal, "abort")).toHaveLength(3);
    shop.making(0).succeed();
    shop.making(1).fail(new Error("no"));
    await quiet();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    cache.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(warmed.state).toBe("rejected");
  });

  test("abort leaves a making to who waits for it", async () => {
    const { cache, shop, take } = cacheUnderTest();
    const controller = new AbortController();
    const warmed = watch(cache.warm(2, controller.signal));
    const taker = take();
    expect(shop.makings).toHaveLength(2);
    controller.abort();
    expect(shop.aborted).toEqual([true, false]);
    expect(cache.counts).toEqual(counts({ connecting: 1, waiting: 1 }));
    shop.making(1).succeed();
    await quiet();
    expect([told([taker]), codeOf(warmed)]).toEqual([["1"], "canceled CANCELED"]);
  });

  test("a making that was asked for goes on when who waits leaves; one that was not is given up", async () => {
    const { cache, shop, take } = cacheUnderTest();
    const controller = new AbortController();
    take(controller.signal);
    const warmed = watch(cache.warm(2));
    expect(shop.makings).toHaveLength(2);
    controller.abort();
    expect(shop.aborted).toEqual([true, false]);
    shop.making(1).succeed();
    await quiet();
    expect([warmed.state, cache.counts]).toEqual(["fulfilled", counts({ idle: 1 })]);
  });

  test("a count that makes no sense is refused", async () => {
    const { cache, shop } = cacheUnderTest();
    for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(cache.warm(count)).rejects.toThrow(/^count: must be /);
    }
    await cache.warm(0);
    expect(shop.makings).toHaveLength(0);
  });
});

describe("close", () => {
  test("idle ones are closed, makings given up, whoever waits refused, those in use closed when given back", async () => {
    const { cache, shop, take, taken, idle } = cacheUnderTest({ maxOpen: 4 });
    const kept = [await taken(), await taken()];
    await idle(1);
    const inUse = cache.tryTake();
    inUse?.release();
    const warmed = watch(cache.warm(4));
    expect(cache.counts).toEqual(counts({ idle: 1, inUse: 2, connecting: 1 }));
    cache.close();
    expect(shop.closed).toEqual(["3"]);
    expect(cache.counts).toEqual(counts({ inUse: 2 }));
    expect(shop.aborted).toEqual([false, false, false, true]);
    kept[0]?.release();
    kept[1]?.discard();
    expect([shop.closed, cache.isEmpty]).toEqual([["1", "2", "3"], true]);
    await quiet();
    expect(codeOf(warmed)).toBe("closed POOL_CLOSED");
    const late = [take(), watch(cache.warm(1))];
    await quiet();
    expect(late.map(codeOf)).toEqual(["closed POOL_CLOSED", "closed POOL_CLOSED"]);
    expect(cache.tryTake()).toBeUndefined();
    cache.close();
    expect(shop.closed).toEqual(["1", "2", "3"]);
  });

  test("whoever waits is told so, and what is made for them nevertheless is closed", async () => {
    const { cache, shop, take } = cacheUnderTest({ maxOpen: 2 });
    const waiters = [take(), take(), take()];
    cache.close();
    expect(shop.aborted).toEqual([true, true]);
    await quiet();
    expect(waiters.map(codeOf)).toEqual(Array(3).fill("closed POOL_CLOSED"));
    shop.making(0).succeed();
    shop.making(1).fail(new Error("aborted"));
    await quiet();
    expect([shop.closed, cache.isEmpty, shop.makings.length]).toEqual([["1"], true, 2]);
  });

  test("what listens to the abort of one making may give up another", async () => {
    const shop = new Workshop();
    const controllers = [new AbortController(), new AbortController()];
    const { isOpen, close } = shop;
    const cache = new Cache<Thing>({
      connect: (signal) => {
        signal.addEventListener("abort", () => {
          for (const controller of controllers) controller.abort();
        });
        return shop.connect(signal);
      },
      isOpen,
      close,
    });
    const waiters = controllers.map(({ signal }) => watch(cache.take(signal)));
    cache.close();
    expect([cache.counts, shop.aborted]).toEqual([counts({}), [true, true]]);
    await quiet();
    expect(told(waiters)).toEqual(["CANCELED", "CANCELED"]);
  });

  test("a set of its own has no alarm left; one that is shared keeps the others' alarm", async () => {
    const stop = vi.spyOn(IdleSet.prototype, "stop");
    cacheUnderTest({ idle: undefined }).cache.close();
    expect(stop).toHaveBeenCalledTimes(1);
    stop.mockRestore();

    const timer = fakeTimer();
    const idle = new IdleSet({ timer, idleTimeoutMs: 1000 });
    const [one, two] = [cacheUnderTest({ idle }), cacheUnderTest({ idle })];
    await one.idle(1);
    await two.idle(1);
    one.cache.close();
    expect([idle.size, timer.pending]).toEqual([1, 1]);
    timer.advance(1000);
    expect([two.shop.closed, timer.pending]).toEqual([["1"], 0]);
  });
});
