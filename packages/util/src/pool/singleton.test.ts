import { HttpError } from "@sluice/core";
import { expect, test } from "vitest";
import { codeOf, quiet, resultOf, type Seen, Thing, Workshop, watch } from "../../test/support/workshop.ts";
import { Singleton, type SingletonOptions } from "./singleton.ts";

function setUp() {
  const shop = new Workshop();
  const { connect, isOpen, close } = shop;
  const single = new Singleton<Thing>({ connect, isOpen, close });
  const get = (signal?: AbortSignal): Seen<Thing> => watch(single.get(signal));
  return { shop, single, get };
}

function states(seen: readonly Seen<Thing>[]): string[] {
  return seen.map(({ state, value }) => value?.name ?? state);
}

test("[hyper-234] the first call has it made, the others wait for the same", async () => {
  const { shop, single, get } = setUp();
  expect([single.isEmpty, single.isConnecting, single.current]).toEqual([true, false, undefined]);
  const seen = [get(), get(), get()];
  expect([single.isEmpty, single.isConnecting, shop.makings.length]).toEqual([false, true, 1]);
  await quiet();
  expect(states(seen)).toEqual(["pending", "pending", "pending"]);
  const thing = shop.making(0).succeed();
  await quiet();
  expect(seen.map(resultOf)).toEqual([thing, thing, thing]);
  expect([single.isEmpty, single.isConnecting, single.current]).toEqual([false, false, thing]);
});

test("[hyper-234] once it is there it is given at once, and no other one is made", async () => {
  const { shop, single, get } = setUp();
  get();
  const thing = shop.making(0).succeed();
  await quiet();
  expect(single.current).toBe(thing);
  const order: string[] = [];
  const got = single.get().then((value) => order.push(value.name));
  // One turn of promises, as for any that is settled.
  await Promise.resolve();
  expect(order).toEqual(["1"]);
  await got;
  expect(shop.makings).toHaveLength(1);
});

test("[hyper-234] a failure is told to all as the same error object; the next call tries again", async () => {
  const { shop, single, get } = setUp();
  const seen = [get(), get(), get()];
  const error = new Error("refused");
  shop.making(0).fail(error);
  await quiet();
  for (const each of seen) {
    expect(each.state).toBe("rejected");
    expect(each.error).toBe(error);
  }
  expect([single.isEmpty, single.isConnecting]).toEqual([true, false]);
  const next = get();
  const thing = shop.making(1).succeed();
  await quiet();
  expect(resultOf(next)).toBe(thing);
});

test("what connect throws at once is a failure like others", async () => {
  const error = new Error("broken");
  const single = new Singleton<Thing>({
    connect: () => {
      throw error;
    },
    isOpen: () => true,
  });
  await expect(single.get()).rejects.toBe(error);
  expect(single.isEmpty).toBe(true);
});

test("[hyper-234] one that is not open any more is forgotten, and the next call has another one made", async () => {
  const { shop, single, get } = setUp();
  get();
  const first = shop.making(0).succeed();
  await quiet();
  first.isOpen = false;
  expect([single.current, single.isEmpty]).toEqual([undefined, true]);
  const next = get();
  expect(shop.makings).toHaveLength(2);
  const second = shop.making(1).succeed();
  await quiet();
  expect(resultOf(next)).toBe(second);
  // Having been opened again does not bring it back, and it is not closed a second time.
  first.isOpen = true;
  expect([single.current, shop.closed]).toEqual([second, []]);
});

test("one that has closed as soon as it was made is given to those who waited, and to nobody else", async () => {
  const { shop, single, get } = setUp();
  const seen = [get(), get()];
  const stillborn = new Thing("stillborn");
  stillborn.isOpen = false;
  shop.making(0).succeed(stillborn);
  await quiet();
  expect(states(seen)).toEqual(["stillborn", "stillborn"]);
  expect(single.isEmpty).toBe(true);
  get();
  expect(shop.makings).toHaveLength(2);
});

test("[hyper-235] a waiter that leaves disturbs nobody", async () => {
  const { shop, get } = setUp();
  const controller = new AbortController();
  const seen = [get(), get(controller.signal), get()];
  controller.abort("enough");
  expect(shop.aborted).toEqual([false]);
  shop.making(0).succeed();
  await quiet();
  expect(states(seen)).toEqual(["1", "rejected", "1"]);
  expect(codeOf(seen[1] as Seen<Thing>)).toBe("canceled CANCELED");
  expect(seen[1]?.error).toMatchObject({ cause: "enough" });
});

test("[hyper-235] the first caller may leave: what he has begun goes on for the others", async () => {
  const { shop, single, get } = setUp();
  const driver = new AbortController();
  const seen = [get(driver.signal), get(), get()];
  driver.abort();
  expect([shop.aborted, single.isConnecting]).toEqual([[false], true]);
  shop.making(0).succeed();
  await quiet();
  expect(states(seen)).toEqual(["rejected", "1", "1"]);
  expect(shop.makings).toHaveLength(1);
});

test("[hyper-235] one who has waited for long, and the first caller after him, may leave in any order", async () => {
  for (const leaving of [
    [0, 1],
    [1, 0],
    [2, 0],
    [0, 2],
  ]) {
    const { shop, single, get } = setUp();
    const controllers = [0, 1, 2].map(() => new AbortController());
    const seen = controllers.map(({ signal }) => get(signal));
    await quiet();
    for (const index of leaving) {
      controllers[index]?.abort();
      await quiet();
    }
    expect([shop.aborted, single.isConnecting]).toEqual([[false], true]);
    shop.making(0).succeed();
    await quiet();
    expect(states(seen)).toEqual([0, 1, 2].map((index) => (leaving.includes(index) ? "rejected" : "1")));
  }
});

test("[hyper-235] when all have left the making is given up, and a later call begins another one", async () => {
  const { shop, single, get } = setUp();
  const controllers = [0, 1, 2].map(() => new AbortController());
  const seen = controllers.map(({ signal }) => get(signal));
  for (const controller of controllers) controller.abort();
  expect([shop.aborted, single.isEmpty, single.isConnecting]).toEqual([[true], true, false]);
  await quiet();
  expect(seen.map(codeOf)).toEqual(Array(3).fill("canceled CANCELED"));
  const later = get();
  expect(shop.aborted).toEqual([true, false]);
  // The end of the first one means nothing to the second.
  shop.making(0).fail(new Error("aborted"));
  await quiet();
  expect([later.state, single.isConnecting]).toEqual(["pending", true]);
  const thing = shop.making(1).succeed();
  await quiet();
  expect(resultOf(later)).toBe(thing);
});

test("[hyper-235] what a making that was given up yields nevertheless is closed", async () => {
  const { shop, single, get } = setUp();
  const controller = new AbortController();
  get(controller.signal);
  controller.abort();
  const later = get();
  shop.making(0).succeed();
  await quiet();
  expect([shop.closed, later.state, single.current]).toEqual([["1"], "pending", undefined]);
  shop.making(1).succeed();
  await quiet();
  expect([resultOf(later).name, shop.closed]).toEqual(["2", ["1"]]);
});

test("who comes with a signal that has aborted is refused, whether there is one or not", async () => {
  const { shop, get } = setUp();
  const first = get(AbortSignal.abort());
  expect(shop.makings).toHaveLength(0);
  get();
  shop.making(0).succeed();
  await quiet();
  const second = get(AbortSignal.abort());
  await quiet();
  expect([codeOf(first), codeOf(second)]).toEqual(["canceled CANCELED", "canceled CANCELED"]);
});

test("offer without one: it is the one, for those who wait too, and takes the place of the making", async () => {
  const { shop, single, get } = setUp();
  const seen = [get(), get()];
  const offered = new Thing("offered");
  single.offer(offered);
  expect([single.current, single.isConnecting, shop.aborted]).toEqual([offered, false, [true]]);
  await quiet();
  expect(states(seen)).toEqual(["offered", "offered"]);
  shop.making(0).succeed();
  await quiet();
  expect([single.current, shop.closed, offered.closings]).toEqual([offered, ["1"], 0]);
});

test("offer with one: the second is closed, the same again is not", async () => {
  const { shop, single, get } = setUp();
  get();
  const first = shop.making(0).succeed();
  await quiet();
  const second = new Thing("second");
  single.offer(second);
  single.offer(first);
  expect([single.current, first.closings, second.closings]).toEqual([first, 0, 1]);
  first.isOpen = false;
  const third = new Thing("third");
  single.offer(third);
  expect([single.current, third.closings]).toEqual([third, 0]);
});

test("retain closes it unless it is to be kept", async () => {
  const { shop, single, get } = setUp();
  single.retain(() => false);
  get();
  single.retain(() => false);
  expect(single.isConnecting).toBe(true);
  shop.making(0).succeed();
  await quiet();
  single.retain((thing) => thing.name === "1");
  expect([single.current?.name, shop.closed]).toEqual(["1", []]);
  single.retain(() => false);
  expect([single.isEmpty, shop.closed]).toEqual([true, ["1"]]);
});

test("clear closes it, gives up the making, and tells whoever waits; it can be used again", async () => {
  const { shop, single, get } = setUp();
  single.clear();
  get();
  shop.making(0).succeed();
  await quiet();
  single.clear();
  expect([single.isEmpty, shop.closed]).toEqual([true, ["1"]]);

  const told = [get(), get()];
  single.clear();
  expect([single.isEmpty, shop.aborted]).toEqual([true, [false, true]]);
  await quiet();
  expect(told.map(codeOf)).toEqual(["closed POOL_CLOSED", "closed POOL_CLOSED"]);
  shop.making(1).succeed();

  const error = new HttpError("canceled", "OTHER", "another");
  const other = get();
  single.clear(error);
  await quiet();
  expect(other.error).toBe(error);
  expect(shop.closed).toEqual(["1", "2"]);
});

test("without close there is nothing to do for one that is let go of", async () => {
  const { connect, isOpen, things, makings } = new Workshop();
  const single = new Singleton<Thing>({ connect, isOpen });
  const seen = watch(single.get());
  makings[0]?.succeed();
  await quiet();
  single.offer(new Thing("other"));
  single.clear();
  expect([resultOf(seen).closings, things.length, single.isEmpty]).toEqual([0, 1, true]);
});

test("an unknown option is refused by name", () => {
  const { connect, isOpen } = new Workshop();
  const options = { connect, isOpen, max: 1 } as SingletonOptions<Thing>;
  expect(() => new Singleton(options)).toThrow(new TypeError("singleton: unknown option max"));
});
