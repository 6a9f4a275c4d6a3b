import { describe, expect, test } from "vitest";
import { codeOf, quiet, resultOf, type Seen, Thing, Workshop, watch } from "../../test/support/workshop.ts";
import { Cache, type Lease } from "./cache.ts";
import { Negotiate, type NegotiateOptions } from "./negotiate.ts";
import { Shared } from "./shared.ts";

/** What a test is given of a thing: of which pool, and which. */
interface Used {
  readonly choice: "fallback" | "upgrade";
  readonly thing: Thing;
  readonly lease?: Lease<Thing>;
}

/** Things whose name begins with "h2" are shared by up to `room`, all others are used by one at a time. */
function setUp(room = 1000) {
  const shop = new Workshop();
  const users = new Map<Thing, number>();
  const load = (thing: Thing): number => users.get(thing) ?? 0;
  const { isOpen, close } = shop;
  const pools = new Negotiate<Thing, Cache<Thing>, Shared<Thing>>({
    connect: shop.connect,
    inspect: (thing) => thing.name.startsWith("h2"),
    close,
    fallback: (connect) => new Cache<Thing>({ connect, isOpen, close }),
    upgrade: (connect) =>
      new Shared<Thing>({
        connect,
        isOpen,
        close,
        load,
        hasRoom: (thing) => load(thing) < room,
        claim: (thing) => void users.set(thing, load(thing) + 1),
      }),
  });
  const use = (signal?: AbortSignal): Seen<Used> =>
    watch(
      pools.with<Used>(async (choice) => {
        if (choice === "upgrade") return { choice, thing: await pools.upgrade.get(signal) };
        const lease = await pools.fallback.take(signal);
        return { choice, thing: lease.value, lease };
      }, signal),
    );
  /** Ends a making with a thing of that name. */
  const make = async (index: number, name: string): Promise<Thing> => {
    const thing = shop.making(index).succeed(new Thing(name));
    await quiet();
    return thing;
  };
  return { shop, pools, use, make };
}

/** Which pool was used, and what of it. */
function used(seen: readonly Seen<Used>[]): string[] {
  return seen.map(({ state, value }) => (value === undefined ? state : `${value.choice}: ${value.thing.name}`));
}

describe("the first connection", () => {
  test("[hyper-236] a plain one goes to the fallback, and is used", async () => {
    const { shop, pools, use, make } = setUp();
    expect([pools.choice, pools.isConnecting]).toEqual([undefined, false]);
    const seen = use();
    await quiet();
    expect([pools.choice, pools.isConnecting, shop.makings.length]).toEqual([undefined, true, 1]);
    await make(0, "h1 A");
    expect(used([seen])).toEqual(["fallback: h1 A"]);
    expect([pools.choice, pools.isConnecting, shop.makings.length]).toEqual(["fallback", false, 1]);
    expect(pools.fallback.counts).toMatchObject({ idle: 0, inUse: 1 });
    expect(pools.upgrade.isEmpty).toBe(true);
  });

  test("[hyper-236] a negotiated one goes to the upgrade, and is used", async () => {
    const { shop, pools, use, make } = setUp();
    const seen = use();
    await quiet();
    const thing = await make(0, "h2 A");
    expect(used([seen])).toEqual(["upgrade: h2 A"]);
    expect([pools.choice, shop.makings.length, pools.upgrade.values]).toEqual(["upgrade", 1, [thing]]);
    expect(pools.fallback.isEmpty).toBe(true);
  });

  test("a crowd of 100 makes one until it is known; if it can be shared, all are on it", async () => {
    const { shop, use, make } = setUp();
    const crowd = Array.from({ length: 100 }, () => use());
    await quiet();
    expect(shop.makings).toHaveLength(1);
    await make(0, "h2 A");
    expect(new Set(used(crowd))).toEqual(new Set(["upgrade: h2 A"]));
    expect(shop.makings).toHaveLength(1);
  });

  test("a crowd of 100 makes one until it is known; if it cannot, the first uses it and the others make their own", async () => {
    const { shop, use, make } = setUp();
    const crowd = Array.from({ length: 100 }, () => use());
    await quiet();
    expect(shop.makings).toHaveLength(1);
    await make(0, "h1 0");
    expect(used(crowd)).toEqual(["fallback: h1 0", ...Array(99).fill("pending")]);
    expect(shop.makings).toHaveLength(100);
    for (let index = 1; index < 100; index++) await make(index, `h1 ${index}`);
    expect(used(crowd)).toEqual(crowd.map((_, index) => `fallback: h1 ${index}`));
    expect(shop.makings).toHaveLength(100);
  });

  test("its failure is told to all, the same; the next has another one made", async () => {
    const { shop, pools, use, make } = setUp();
    const crowd = [use(), use(), watch(pools.decide())];
    await quiet();
    const error = new Error("refused");
    shop.making(0).fail(error);
    await quiet();
    expect(crowd.map((each) => each.error)).toEqual([error, error, error]);
    expect([pools.choice, pools.isConnecting]).toEqual([undefined, false]);
    const next = use();
    await quiet();
    await make(1, "h1 A");
    expect(used([next])).toEqual(["fallback: h1 A"]);
  });

  test("once it is known, the pool is used in the same turn", async () => {
    const { shop, pools } = setUp();
    const first = watch(pools.with(() => {}));
    shop.making(0).succeed(new Thing("h1 A"));
    await quiet();
    const choices: string[] = [];
    const second = watch(pools.with((choice) => void choices.push(choice)));
    expect([first.state, choices]).toEqual(["fulfilled", ["fallback"]]);
    await quiet();
    expect(second.state).toBe("fulfilled");
  });

  test("decide makes one for whoever comes, and none when it is known", async () => {
    const { shop, pools, make, use } = setUp();
    const decided = watch(pools.decide());
    await quiet();
    await make(0, "h1 A");
    expect([decided.state, pools.choice, pools.fallback.counts.idle]).toEqual(["fulfilled", "fallback", 1]);
    await pools.decide();
    const seen = use();
    await quiet();
    expect([used([seen]), shop.makings.length]).toEqual([["fallback: h1 A"], 1]);
  });
});

describe("giving up", () => {
  test("one who leaves disturbs nobody", async () => {
    const { shop, use, make } = setUp();
    const controller = new AbortController();
    const crowd = [use(controller.signal), use()];
    await quiet();
    controller.abort();
    expect(shop.aborted).toEqual([false]);
    await make(0, "h2 A");
    expect(used(crowd)).toEqual(["rejected", "upgrade: h2 A"]);
    expect(codeOf(crowd[0] as Seen<Used>)).toBe("canceled CANCELED");
  });

  test("when all have left, the making is given up; what comes of it nevertheless is closed, and teaches nothing", async () => {
    const { shop, pools, use, make } = setUp();
    const controller = new AbortController();
    const crowd = [use(controller.signal), use(controller.signal)];
    await quiet();
    controller.abort();
    expect([shop.aborted, pools.isConnecting]).toEqual([[true], false]);
    await quiet();
    expect(crowd.map(codeOf)).toEqual(["canceled CANCELED", "canceled CANCELED"]);
    const later = use();
    await quiet();
    await make(0, "h2 late");
    expect([used([later]), shop.closed, pools.choice]).toEqual([["pending"], ["h2 late"], undefined]);
    await make(1, "h1 A");
    expect([used([later]), pools.upgrade.isEmpty]).toEqual([["fallback: h1 A"], true]);
  });

  test("who comes with a signal that has aborted is refused, and nothing is made", async () => {
    const { shop, pools, use } = setUp();
    const seen = [use(AbortSignal.abort()), watch(pools.decide(AbortSignal.abort()))];
    await quiet();
    expect([seen.map(codeOf), shop.makings.length]).toEqual([["canceled CANCELED", "canceled CANCELED"], 0]);
  });

  test("leaving the pool in which one waits gives up what is made there", async () => {
    const { shop, use, make } = setUp();
    const controller = new AbortController();
    const crowd = [use(), use(controller.signal)];
    await quiet();
    await make(0, "h1 A");
    controller.abort();
    expect(shop.aborted).toEqual([false, true]);
    await quiet();
    expect(used(crowd)).toEqual(["fallback: h1 A", "rejected"]);
  });
});

describe("a server that changes its mind", () => {
  test("from plain to negotiated: who waited for a plain one is on the new one, and so are all who come", async () => {
    const { shop, pools, use, make } = setUp();
    const first = use();
    await quiet();
    await make(0, "h1 A");
    const second = use();
    await quiet();
    const upgraded = await make(1, "h2 B");
    expect([used([second]), pools.choice, pools.upgrade.values]).toEqual([["upgrade: h2 B"], "upgrade", [upgraded]]);
    const third = use();
    await quiet();
    expect([used([third]), shop.makings.length]).toEqual([["upgrade: h2 B"], 2]);
    // The plain one that is in use is kept.
    resultOf(first).lease?.release();
    expect([pools.fallback.counts.idle, shop.closed]).toEqual([1, []]);
  });

  test("from negotiated to plain: all who waited go to the fallback, the first to what was made", async () => {
    const { shop, pools, use, make } = setUp(1);
    const first = use();
    await quiet();
    await make(0, "h2 A");
    expect(used([first])).toEqual(["upgrade: h2 A"]);
    const crowd = [use(), use(), use()];
    await quiet();
    expect(shop.makings).toHaveLength(2);
    await make(1, "h1 B");
    expect([used(crowd), pools.choice]).toEqual([["fallback: h1 B", "pending", "pending"], "fallback"]);
    expect(shop.makings).toHaveLength(4);
    await make(2, "h1 C");
    await make(3, "h1 D");
    expect(used(crowd)).toEqual(["fallback: h1 B", "fallback: h1 C", "fallback: h1 D"]);
    expect(shop.closed).toEqual([]);
  });

  test("a crowd that waits for plain ones leaves one negotiated one, and closes the surplus", async () => {
    const { shop, pools, use, make } = setUp();
    const crowd = [use(), use(), use(), use()];
    await quiet();
    await make(0, "h1 A");
    expect(shop.makings).toHaveLength(4);
    const upgraded = await make(1, "h2 B");
    await make(2, "h2 C");
    await make(3, "h2 D");
    expect(used(crowd)).toEqual(["fallback: h1 A", "upgrade: h2 B", "upgrade: h2 B", "upgrade: h2 B"]);
    expect([shop.closed, pools.upgrade.values]).toEqual([["h2 C", "h2 D"], [upgraded]]);
  });

  test("warming what turns out to be of the other kind is done over there", async () => {
    const { pools, make } = setUp();
    const decided = watch(pools.decide());
    await quiet();
    await make(0, "h1 A");
    expect(decided.state).toBe("fulfilled");
    const choices: string[] = [];
    const warmed = watch(
      pools.with((choice) => {
        choices.push(choice);
        return choice === "fallback" ? pools.fallback.warm(2) : pools.decide();
      }),
    );
    await quiet();
    await make(1, "h2 B");
    expect([warmed.state, choices]).toEqual(["fulfilled", ["fallback", "upgrade"]]);
  });

  /** Pools that keep nothing: each use makes a connection of its own. The first one has been used. */
  async function forgetful(names: readonly string[]) {
    const shop = new Workshop();
    const choices: string[] = [];
    const pool = (connect: (signal: AbortSignal) => Promise<Thing>) => ({
      connect,
      offer: shop.close,
      close: () => {},
    });
    const connect = async (): Promise<Thing> => {
      const thing = new Thing(names[shop.things.length] ?? "none left");
      shop.things.push(thing);
      return thing;
    };
    const pools = new Negotiate({
      connect,
      inspect: (thing: Thing) => thing.name.startsWith("h2"),
      close: shop.close,
      fallback: pool,
      upgrade: pool,
    });
    const use = (): Promise<Thing> =>
      pools.with((choice) => {
        choices.push(choice);
        return pools[choice].connect(new AbortController().signal);
      });
    shop.close(await use());
    choices.length = 0;
    return { shop, choices, result: watch(use()) };
  }

  test("four times is borne", async () => {
    const { choices, result, shop } = await forgetful(["h1 A", "h2 B", "h1 C", "h2 D", "h1 E", "h1 F"]);
    await quiet();
    expect(resultOf(result).name).toBe("h1 F");
    expect(choices).toEqual(["fallback", "upgrade", "fallback", "upgrade", "fallback"]);
    expect(shop.closed).toEqual(["h1 A", "h2 B", "h1 C", "h2 D", "h1 E"]);
  });

  test("five times is too often", async () => {
    const { choices, result, shop } = await forgetful(["h1 A", "h2 B", "h1 C", "h2 D", "h1 E", "h2 F"]);
    await quiet();
    expect([codeOf(result), (result.error as Error).message]).toEqual([
      "connect UNSTEADY",
      "the server chooses another protocol on each connection",
    ]);
    expect(choices).toEqual(["fallback", "upgrade", "fallback", "upgrade", "fallback"]);
    expect(shop.closed).toHaveLength(6);
  });

  test("the connection that was made to find out is used even where a pool keeps none", async () => {
    const { shop, choices, result } = await forgetful(["h1 A", "h1 B"]);
    await quiet();
    expect([resultOf(result).name, choices, shop.closed]).toEqual(["h1 B", ["fallback"], ["h1 A"]]);
  });

  test("it goes to its pool if nobody comes for it", async () => {
    const { pools, make } = setUp();
    const seen = watch(
      pools.with(() => {
        throw new Error("not interested");
      }),
    );
    await quiet();
    await make(0, "h1 A");
    expect([seen.state, pools.fallback.counts.idle]).toEqual(["rejected", 1]);
  });

  test("another error of a pool is told as it is, and nothing is tried again", async () => {
    const { shop, pools, use, make } = setUp();
    use();
    await quiet();
    await make(0, "h1 A");
    const error = new Error("refused");
    const seen = use();
    await quiet();
    shop.making(1).fail(error);
    await quiet();
    expect([seen.error, shop.makings.length, pools.choice]).toEqual([error, 2, "fallback"]);
    const thrown = watch(
      pools.with(() => {
        throw error;
      }),
    );
    await quiet();
    expect(thrown.error).toBe(error);
  });
});

describe("close", () => {
  test("before anything: whoever comes is refused, and nothing is made", async () => {
    const { shop, pools, use } = setUp();
    pools.close();
    const seen = [use(), watch(pools.decide())];
    await quiet();
    expect([seen.map(codeOf), shop.makings.length]).toEqual([["closed POOL_CLOSED", "closed POOL_CLOSED"], 0]);
    pools.close();
  });

  test("while the first one is made: whoever waits is refused, and what is made nevertheless is closed", async () => {
    const { shop, pools, use, make } = setUp();
    const seen = [use(), use(), watch(pools.decide())];
    await quiet();
    pools.close();
    expect(shop.aborted).toEqual([true]);
    await make(0, "h1 late");
    expect(seen.map(codeOf)).toEqual(Array(3).fill("closed POOL_CLOSED"));
    expect([shop.closed, pools.choice, pools.fallback.isEmpty]).toEqual([["h1 late"], undefined, true]);
  });

  test("in whatever turn after the first one was made: nothing is used that was not before", async () => {
    for (let turns = 0; turns < 12; turns++) {
      for (const name of ["h1 A", "h2 A"]) {
        const { shop, pools } = setUp();
        let uses = 0;
        const seen = watch(pools.with(() => void uses++));
        shop.making(0).succeed(new Thing(name));
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        const before = uses;
        pools.close();
        await quiet();
        expect(uses).toBe(before);
        if (before === 0) expect(codeOf(seen)).toBe("closed POOL_CLOSED");
        else expect(seen.state).toBe("fulfilled");
        expect(shop.closed).toEqual([name]);
      }
    }
  });

  test("of the fallback: idle ones are closed, whoever waits is refused, the one in use is closed when given back", async () => {
    const { shop, pools, use, make } = setUp();
    const crowd = [use(), use(), use()];
    await quiet();
    await make(0, "h1 A");
    await make(1, "h1 B");
    resultOf(crowd[1]).lease?.release();
    await quiet();
    expect(used(crowd)).toEqual(["fallback: h1 A", "fallback: h1 B", "fallback: h1 B"]);
    const waiter = use();
    await quiet();
    pools.close();
    await quiet();
    expect([codeOf(waiter), shop.closed, shop.aborted.at(-1)]).toEqual(["closed POOL_CLOSED", [], true]);
    resultOf(crowd[0]).lease?.release();
    resultOf(crowd[2]).lease?.release();
    expect([shop.closed, pools.fallback.isEmpty]).toEqual([["h1 A", "h1 B"], true]);
  });

  test("of the upgrade: it is closed, and whoever waits for a further one is refused", async () => {
    const { shop, pools, use, make } = setUp(1);
    use();
    await quiet();
    await make(0, "h2 A");
    const waiter = use();
    await quiet();
    expect(shop.makings).toHaveLength(2);
    pools.close();
    expect([shop.closed, shop.aborted]).toEqual([["h2 A"], [false, true]]);
    await quiet();
    expect(codeOf(waiter)).toBe("closed POOL_CLOSED");
  });

  test("what turns out afterwards to be of the other kind is closed", async () => {
    const { shop, pools, use, make } = setUp();
    use();
    await quiet();
    await make(0, "h1 A");
    const waiter = use();
    await quiet();
    pools.close();
    await make(1, "h2 late");
    expect([codeOf(waiter), shop.closed, pools.upgrade.isEmpty]).toEqual(["closed POOL_CLOSED", ["h2 late"], true]);
    expect(pools.choice).toBe("fallback");
  });
});

test("what is of the other kind, and was made for nobody any more, is closed and teaches nothing", async () => {
  const { shop, pools, use, make } = setUp();
  use();
  await quiet();
  await make(0, "h1 A");
  const controller = new AbortController();
  use(controller.signal);
  await quiet();
  controller.abort();
  await make(1, "h2 late");
  expect([shop.closed, pools.choice, pools.upgrade.isEmpty]).toEqual([["h2 late"], "fallback", true]);
});

test("an unknown option is refused by name", () => {
  const { connect, close } = new Workshop();
  const pool = () => ({ offer: () => {}, close: () => {} });
  const options = { connect, close, inspect: () => true, fallback: pool, upgrade: pool, alpn: true };
  expect(
    () => new Negotiate(options as NegotiateOptions<Thing, ReturnType<typeof pool>, ReturnType<typeof pool>>),
  ).toThrow(new TypeError("negotiate: unknown option alpn"));
});
