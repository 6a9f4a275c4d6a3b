import { describe, expect, test } from "vitest";
import { codeOf, quiet, resultOf, type Seen, Thing, Workshop, watch } from "../../test/support/workshop.ts";
import { Shared, type SharedOptions } from "./shared.ts";

/** A pool of things with room for `room` users each, who stay. */
function setUp(room: number, more: { readonly maxOpen?: number } = {}) {
  const shop = new Workshop();
  const users = new Map<Thing, number>();
  const load = (thing: Thing): number => users.get(thing) ?? 0;
  const { connect, isOpen, close } = shop;
  const shared = new Shared<Thing>({
    connect,
    isOpen,
    close,
    load,
    hasRoom: (thing) => load(thing) < room,
    claim: (thing) => void users.set(thing, load(thing) + 1),
    ...more,
  });
  const get = (signal?: AbortSignal): Seen<Thing> => watch(shared.get(signal));
  const leave = (thing: Thing | undefined): void => {
    if (thing !== undefined) users.set(thing, load(thing) - 1);
  };
  /** Makes one, in a pool that has none with room. */
  const made = async (): Promise<Thing> => {
    const seen = get();
    shop.making(shop.makings.length - 1).succeed();
    await quiet();
    return resultOf(seen);
  };
  /** How many use each, in the order in which they were made. */
  const loads = (): number[] => shop.things.map(load);
  return { shop, shared, get, leave, made, loads };
}

/** Who got which. */
function names(seen: readonly Seen<Thing>[]): string[] {
  return seen.map(({ state, value }) => value?.name ?? state);
}

describe("room", () => {
  test("one serves all as long as it has room, a further one is made when it has not", async () => {
    const { shop, shared, get, made, loads } = setUp(2);
    expect([shared.isEmpty, shared.tryGet()]).toEqual([true, undefined]);
    const first = await made();
    const second = get();
    await quiet();
    expect(resultOf(second)).toBe(first);
    expect([shop.makings.length, shared.tryGet()]).toEqual([1, undefined]);
    const third = get();
    expect([shared.connecting, shop.makings.length, shared.isEmpty]).toEqual([1, 2, false]);
    shop.making(1).succeed();
    await quiet();
    expect(resultOf(third).name).toBe("2");
    expect([loads(), shared.connecting, shared.values]).toEqual([[2, 1], 0, shop.things]);
  });

  test("the first one with room is taken, so that the later ones become free", async () => {
    const { shared, leave, made } = setUp(1);
    const [first, second] = [await made(), await made()];
    leave(second);
    leave(first);
    expect([shared.tryGet(), shared.tryGet(), shared.tryGet()]).toEqual([first, second, undefined]);
  });

  test("a crowd shares one making", async () => {
    const { shop, get, loads } = setUp(100);
    const crowd = Array.from({ length: 100 }, () => get());
    await quiet();
    expect(shop.makings).toHaveLength(1);
    shop.making(0).succeed();
    await quiet();
    expect(new Set(names(crowd))).toEqual(new Set(["1"]));
    expect([loads(), shop.makings.length]).toEqual([[100], 1]);
  });

  test("a crowd of 250 on things with room for 100 is 100, 100 and 50, with 3 makings", async () => {
    const { shop, get, loads } = setUp(100);
    const crowd = Array.from({ length: 250 }, () => get());
    for (const expected of [[100], [100, 100], [100, 100, 50]]) {
      expect(shop.makings).toHaveLength(expected.length);
      shop.making(expected.length - 1).succeed();
      await quiet();
      expect(loads()).toEqual(expected);
    }
    expect(shop.makings).toHaveLength(3);
    // First come, first served.
    expect(names(crowd)).toEqual(crowd.map((_, index) => String(Math.floor(index / 100) + 1)));
  });

  test("without claim it is only asked whether there is room", async () => {
    const { connect, isOpen, close, makings } = new Workshop();
    const shared = new Shared<Thing>({ connect, isOpen, close, hasRoom: () => true, load: () => 0 });
    const seen = [watch(shared.get()), watch(shared.get())];
    makings[0]?.succeed();
    await quiet();
    expect([names(seen), makings.length]).toEqual([["1", "1"], 1]);
  });

  test("who waits for a making is not served by room that comes free elsewhere, but who comes then is", async () => {
    const { shop, get, leave, made } = setUp(1);
    const first = await made();
    const waiter = get();
    leave(first);
    const late = get();
    await quiet();
    expect(names([waiter, late])).toEqual(["pending", "1"]);
    shop.making(1).succeed();
    await quiet();
    expect(names([waiter])).toEqual(["2"]);
  });
});

describe("maxOpen", () => {
  test("at the limit the one with the least load serves, and the first of equals", async () => {
    const { shop, get, leave, loads } = setUp(2, { maxOpen: 2 });
    for (const expected of ["1", "1", "2", "2"]) {
      const seen = get();
      if (shop.things.length < Number(expected)) shop.making(Number(expected) - 1).succeed();
      await quiet();
      expect(resultOf(seen).name).toBe(expected);
    }
    const more = [get(), get(), get()];
    await quiet();
    expect(names(more)).toEqual(["1", "2", "1"]);
    expect([loads(), shop.makings.length]).toEqual([[4, 3], 2]);
    leave(shop.things[1]);
    leave(shop.things[1]);
    const next = get();
    await quiet();
    expect([names([next]), loads()]).toEqual([["2"], [4, 2]]);
  });

  test("one being made counts: a crowd at the limit waits for it", async () => {
    const { shop, get, made, loads } = setUp(1, { maxOpen: 2 });
    await made();
    const crowd = [get(), get(), get()];
    await quiet();
    expect([names(crowd), shop.makings.length]).toEqual([["pending", "pending", "pending"], 2]);
    shop.making(1).succeed();
    await quiet();
    expect([names(crowd), loads(), shop.makings.length]).toEqual([["2", "1", "2"], [2, 2], 2]);
  });

  test("one that has closed leaves its place", async () => {
    const { shop, shared, made } = setUp(1, { maxOpen: 1 });
    const first = await made();
    first.isOpen = false;
    expect([shared.values, shared.isEmpty]).toEqual([[], true]);
    const second = await made();
    expect([second.name, shop.makings.length, shared.values]).toEqual(["2", 2, [second]]);
  });
});

describe("failure and giving up", () => {
  test("a failure is told to all who waited for it, the same; others have another one made", async () => {
    const { shop, shared, get } = setUp(1);
    const crowd = [get(), get()];
    const error = new Error("refused");
    shop.making(0).fail(error);
    await quiet();
    expect(crowd.map((each) => each.error)).toEqual([error, error]);
    expect(shared.isEmpty).toBe(true);
    const next = get();
    shop.making(1).succeed();
    await quiet();
    expect(names([next])).toEqual(["1"]);
  });

  test("the making is given up when all who wait for it have left", async () => {
    const { shop, shared, get } = setUp(1);
    const controllers = [new AbortController(), new AbortController()];
    const seen = controllers.map(({ signal }) => get(signal));
    controllers[0]?.abort();
    expect([shop.aborted, shared.connecting]).toEqual([[false], 1]);
    controllers[1]?.abort();
    expect([shop.aborted, shared.connecting, shared.isEmpty]).toEqual([[true], 0, true]);
    shop.making(0).succeed();
    await quiet();
    expect([seen.map(codeOf), shop.closed]).toEqual([["canceled CANCELED", "canceled CANCELED"], ["1"]]);
  });

  test("who comes with a signal that has aborted is refused, room or not, and claims nothing", async () => {
    const { shop, get, made, loads } = setUp(2);
    const first = get(AbortSignal.abort());
    expect(shop.makings).toHaveLength(0);
    await made();
    const second = get(AbortSignal.abort());
    await quiet();
    expect([codeOf(first), codeOf(second), loads()]).toEqual(["canceled CANCELED", "canceled CANCELED", [1]]);
  });

  test("one that has closed as soon as it was made is given to those who waited, not made again without end", async () => {
    const { shop, shared, get } = setUp(0);
    const crowd = [get(), get()];
    const stillborn = new Thing("stillborn");
    stillborn.isOpen = false;
    shop.making(0).succeed(stillborn);
    await quiet();
    expect([names(crowd), shop.makings.length, shared.isEmpty]).toEqual([["stillborn", "stillborn"], 1, true]);
  });
});

describe("offer", () => {
  test("to an empty pool: it is there", async () => {
    const { shop, shared, get } = setUp(1);
    const offered = new Thing("offered");
    shared.offer(offered);
    expect(shared.values).toEqual([offered]);
    const seen = get();
    await quiet();
    expect([names([seen]), shop.makings.length]).toEqual([["offered"], 0]);
  });

  test("while one is made: it takes its place and serves those who wait, and the others have another one made", async () => {
    const { shop, shared, get } = setUp(1);
    const crowd = [get(), get()];
    const offered = new Thing("offered");
    shared.offer(offered);
    expect([shop.aborted, shared.values]).toEqual([[true], [offered]]);
    await quiet();
    expect([names(crowd), shop.aborted]).toEqual([
      ["offered", "pending"],
      [true, false],
    ]);
    shop.making(0).succeed();
    shop.making(1).succeed();
    await quiet();
    expect([names(crowd), shop.closed, shared.values.length]).toEqual([["offered", "2"], ["1"], 2]);
  });

  test("where there is room already, or no place, it is closed", async () => {
    const { shared, made } = setUp(2, { maxOpen: 2 });
    const first = await made();
    const surplus = new Thing("surplus");
    shared.offer(surplus);
    expect([surplus.closings, shared.values]).toEqual([1, [first]]);
    expect(shared.tryGet()).toBe(first);
    const welcome = new Thing("welcome");
    shared.offer(welcome);
    expect([welcome.closings, shared.values]).toEqual([0, [first, welcome]]);
    expect([shared.tryGet(), shared.tryGet(), shared.tryGet()]).toEqual([welcome, welcome, undefined]);
    const tooMany = new Thing("too many");
    shared.offer(tooMany);
    expect([tooMany.closings, shared.values]).toEqual([1, [first, welcome]]);
  });

  test("to a pool that was closed: it is closed", () => {
    const { shared } = setUp(1);
    shared.close();
    const offered = new Thing("offered");
    shared.offer(offered);
    expect([offered.closings, shared.values]).toEqual([1, []]);
  });
});

test("retain closes those that are not to be kept", async () => {
  const { shop, shared, made } = setUp(1);
  const [, second] = [await made(), await made()];
  shared.retain((thing) => thing === second);
  expect([shop.closed, shared.values]).toEqual([["1"], [second]]);
});

describe("close", () => {
  test("closes all, gives up the making and refuses whoever waits or comes", async () => {
    const { shop, shared, get, made } = setUp(1);
    await made();
    await made();
    const waiter = get();
    shared.close();
    expect([shop.closed, shop.aborted, shared.isEmpty, shared.connecting]).toEqual([
      ["1", "2"],
      [false, false, true],
      true,
      0,
    ]);
    shop.making(2).succeed();
    const late = get();
    await quiet();
    expect([codeOf(waiter), codeOf(late)]).toEqual(["closed POOL_CLOSED", "closed POOL_CLOSED"]);
    shared.close();
    expect([shop.closed, shop.makings.length, shared.tryGet()]).toEqual([["1", "2", "3"], 3, undefined]);
  });

  test("in whatever turn it comes, nothing is given out any more", async () => {
    for (let turns = 0; turns < 10; turns++) {
      const shop = new Workshop();
      const { connect, isOpen, close } = shop;
      let claimed = 0;
      const shared = new Shared<Thing>({
        connect,
        isOpen,
        close,
        hasRoom: () => true,
        load: () => 0,
        claim: () => void claimed++,
      });
      const crowd = [watch(shared.get()), watch(shared.get())];
      shop.making(0).succeed();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      shared.close();
      const before = claimed;
      await quiet();
      expect(claimed).toBe(before);
      expect(names(crowd)).toEqual(before === 0 ? ["rejected", "rejected"] : ["1", "1"]);
      expect(shop.closed).toEqual(["1"]);
    }
  });
});

test("options that make no sense are refused by name", () => {
  const { connect, isOpen, close } = new Workshop();
  const options: SharedOptions<Thing> = { connect, isOpen, close, hasRoom: () => true, load: () => 0 };
  expect(() => new Shared({ ...options, maxOpen: 0 })).toThrow(
    new RangeError("maxOpen: must be a whole number of at least 1, got 0"),
  );
  expect(() => new Shared({ ...options, max: 1 } as SharedOptions<Thing>)).toThrow(
    new TypeError("shared: unknown option max"),
  );
});
