import { HttpError } from "@sluice/core";
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { type CachingResolverOptions, cachingResolver } from "./caching-resolver.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";

const four: ResolvedAddress = { address: "192.0.2.1", family: 4 };
const six: ResolvedAddress = { address: "2001:db8::1", family: 6 };

/** A resolver that answers when it is told to. */
interface Manual extends Resolver {
  readonly asked: string[];
  readonly signals: AbortSignal[];
  give(...batch: readonly ResolvedAddress[]): void;
  end(error?: unknown): void;
}

function manual(): Manual {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  let queue: ((() => readonly ResolvedAddress[]) | null)[] = [];
  let wake = (): void => {};
  const push = (item: (() => readonly ResolvedAddress[]) | null): void => {
    queue.push(item);
    wake();
  };
  return {
    asked,
    signals,
    give: (...batch) => push(() => batch),
    end: (error) => {
      if (error === undefined) push(null);
      else {
        push(() => {
          throw error;
        });
      }
    },
    async *resolve(host, signal) {
      asked.push(host);
      if (signal !== undefined) signals.push(signal);
      const mine: typeof queue = [];
      queue = mine;
      for (;;) {
        if (mine.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const item = mine.shift();
        if (item === null) return;
        if (item !== undefined) yield item();
      }
    },
  };
}

/** A resolver that gives `answer()` at once, and counts. */
function instant(answer: () => readonly ResolvedAddress[]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *resolve(host) {
      asked.push(host);
      yield answer();
    },
  };
}

async function ask(resolver: Resolver, host = "h", signal?: AbortSignal): Promise<(readonly ResolvedAddress[])[]> {
  const all: (readonly ResolvedAddress[])[] = [];
  for await (const batch of resolver.resolve(host, signal)) all.push(batch);
  return all;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** For how many milliseconds an answer is remembered: looks just before and just at each multiple of 100. */
async function keptMs(answer: () => readonly ResolvedAddress[], options: CachingResolverOptions = {}): Promise<number> {
  const timer = fakeTimer();
  const inner = instant(answer);
  const resolver = cachingResolver({ inner, timer, ...options });
  const attempt = (): Promise<unknown> => ask(resolver).catch((error: unknown) => error);
  await attempt();
  for (const pauseMs of Array.from({ length: 40 }, (_, index) => (index === 0 ? 0 : index % 2 === 1 ? 99 : 1))) {
    timer.advance(pauseMs);
    await attempt();
    if (inner.asked.length > 1) return timer.now();
  }
  return Infinity;
}

describe("how long an answer is kept", () => {
  const given = (...ttls: (number | undefined)[]) => {
    return () => ttls.map((ttlMs): ResolvedAddress => (ttlMs === undefined ? four : { ...four, ttlMs }));
  };
  const fail = (code: string) => () => {
    throw new HttpError("connect", code, "no");
  };
  test.each([
    ["its shortest lifetime", given(500, 300, 400), {}, 300],
    ["without lifetimes: defaultTtlMs", given(undefined), { defaultTtlMs: 400 }, 400],
    ["without lifetimes, defaultTtlMs 0: not at all", given(undefined), { defaultTtlMs: 0 }, 0],
    ["at least minTtlMs", given(1), { minTtlMs: 200 }, 200],
    ["at most maxTtlMs", given(86_400_000), { maxTtlMs: 200 }, 200],
    ["a lifetime of 0: not at all", given(0), {}, 0],
    ["minTtlMs and maxTtlMs do not bound defaultTtlMs", given(undefined), { defaultTtlMs: 300, maxTtlMs: 100 }, 300],
    ["no such name: negativeTtlMs", fail("ENOTFOUND"), { negativeTtlMs: 200 }, 200],
    ["no such name, by default for a second", fail("ENOTFOUND"), {}, 1000],
    ["no address: negativeTtlMs", fail("ENODATA"), { negativeTtlMs: 200 }, 200],
    ["an empty answer: negativeTtlMs", given(), { negativeTtlMs: 200 }, 200],
    ["negativeTtlMs 0: not at all", fail("ENOTFOUND"), { negativeTtlMs: 0 }, 0],
    ["a failure that may pass: not at all", fail("EAI_AGAIN"), {}, 0],
  ])("%s", async (_title, answer, options, expected) => {
    expect(await keptMs(answer, options)).toBe(expected);
  });

  test("defaults: 10 seconds without lifetimes, at most 300 with", async () => {
    const timer = fakeTimer();
    let ttlMs: number | undefined;
    const inner = instant(() => [{ ...four, ttlMs }]);
    const resolver = cachingResolver({ inner, timer });
    const asks = async (afterMs: number): Promise<number> => {
      timer.advance(afterMs);
      await ask(resolver);
      return inner.asked.length;
    };
    expect([await asks(0), await asks(9_999), await asks(1)]).toEqual([1, 1, 2]);
    ttlMs = 1e9;
    resolver.clear();
    expect([await asks(0), await asks(299_999), await asks(1)]).toEqual([3, 3, 4]);
  });

  test("what is given from memory has the rest of its lifetime, in one batch, in the same order each time", async () => {
    const timer = fakeTimer();
    const inner: Resolver = {
      async *resolve() {
        yield [{ ...six, ttlMs: 900 }];
        yield [{ ...four, ttlMs: 1000 }];
      },
    };
    const resolver = cachingResolver({ inner, timer });
    expect(await ask(resolver)).toEqual([[{ ...six, ttlMs: 900 }], [{ ...four, ttlMs: 1000 }]]);
    timer.advance(400);
    const expected = [
      [
        { ...six, ttlMs: 500 },
        { ...four, ttlMs: 600 },
      ],
    ];
    expect(await ask(resolver)).toEqual(expected);
    expect(await ask(resolver)).toEqual(expected);
  });

  test("half an answer is given and not kept", async () => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const asking = ask(resolver);
    await turn();
    inner.give(four);
    inner.end(new HttpError("connect", "ESERVFAIL", "no"));
    await expect(asking).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(resolver.size).toBe(0);
  });
});

describe("one lookup for all", () => {
  test("those who ask meanwhile join, and get what came before as well as what comes", async () => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const first = ask(resolver);
    await turn();
    inner.give(six);
    await turn();
    const second = ask(resolver);
    await turn();
    inner.give(four);
    inner.end();
    expect(await first).toEqual([[six], [four]]);
    expect(await second).toEqual([[six], [four]]);
    expect(inner.asked).toEqual(["h"]);
    expect(await ask(resolver)).toEqual([[six, four]]);
    expect(inner.asked).toEqual(["h"]);
  });

  test("all who have joined get the failure", async () => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const both = Promise.allSettled([ask(resolver), ask(resolver)]);
    await turn();
    const error = new HttpError("connect", "EAI_AGAIN", "later");
    inner.end(error);
    expect(await both).toEqual([
      { status: "rejected", reason: error },
      { status: "rejected", reason: error },
    ]);
    expect(inner.asked).toEqual(["h"]);
  });

  test("one that leaves gets its cancellation, the others the answer; the lookup is not aborted", async () => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const controller = new AbortController();
    const leaving = ask(resolver, "h", controller.signal);
    const staying = ask(resolver);
    await turn();
    controller.abort("why");
    await expect(leaving).rejects.toMatchObject({ kind: "canceled", code: "CANCELED", cause: "why" });
    inner.give(four);
    inner.end();
    expect(await staying).toEqual([[four]]);
    expect(inner.signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  test("all have left: whoever comes next joins the same lookup", async () => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const controller = new AbortController();
    const leaving = ask(resolver, "h", controller.signal);
    await turn();
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ code: "CANCELED" });
    const next = ask(resolver);
    await turn();
    inner.give(four);
    inner.end();
    expect(await next).toEqual([[four]]);
    expect(inner.asked).toEqual(["h"]);
  });

  test("a lookup that takes too long fails, is aborted, and is not joined any more", async () => {
    const timer = fakeTimer();
    const inner = manual();
    const resolver = cachingResolver({ inner, timer, lookupTimeoutMs: 100 });
    const first = ask(resolver);
    await turn();
    timer.advance(100);
    await expect(first).rejects.toMatchObject({
      kind: "timeout",
      code: "CONNECT_TIMEOUT",
      message: 'resolving "h" took longer than lookupTimeoutMs allows (100 ms)',
    });
    expect(inner.signals.map(({ aborted }) => aborted)).toEqual([true]);
    const second = ask(resolver);
    await turn();
    expect(inner.asked).toEqual(["h", "h"]);
    inner.give(four);
    inner.end();
    expect(await second).toEqual([[four]]);
    expect(timer.pending).toBe(0);
  });
});

describe("bounds", () => {
  test("beyond maxEntries the least recently used name is forgotten", async () => {
    const inner = instant(() => [four]);
    const resolver = cachingResolver({ inner, timer: fakeTimer(), maxEntries: 2 });
    for (const host of ["a", "b", "a", "c"]) await ask(resolver, host);
    expect(resolver.size).toBe(2);
    expect(inner.asked).toEqual(["a", "b", "c"]);
    await ask(resolver, "a");
    expect(inner.asked).toEqual(["a", "b", "c"]);
    await ask(resolver, "b");
    expect(inner.asked).toEqual(["a", "b", "c", "b"]);
  });

  test("beyond maxAddresses of a family the rest of an answer is dropped", async () => {
    const inner = instant(() => [four, four, six, four, six, six]);
    const resolver = cachingResolver({ inner, timer: fakeTimer(), maxAddresses: 2 });
    expect(await ask(resolver)).toEqual([[four, four, six, six]]);
    expect(await ask(resolver)).toEqual([[four, four, six, six]]);
  });
});

describe("forgetting", () => {
  const stage = (): { inner: Resolver & { asked: string[] }; resolver: ReturnType<typeof cachingResolver> } => {
    const inner = instant(() => [four]);
    return { inner, resolver: cachingResolver({ inner, timer: fakeTimer() }) };
  };

  test("delete forgets one name, clear all", async () => {
    const { inner, resolver } = stage();
    for (const host of ["a", "b"]) await ask(resolver, host);
    resolver.delete("a");
    for (const host of ["a", "b"]) await ask(resolver, host);
    expect(inner.asked).toEqual(["a", "b", "a"]);
    resolver.clear();
    expect(resolver.size).toBe(0);
    for (const host of ["a", "b"]) await ask(resolver, host);
    expect(inner.asked).toEqual(["a", "b", "a", "a", "b"]);
  });

  test.each(["delete", "clear"] as const)("%s during a lookup: its answer is given and not kept", async (how) => {
    const inner = manual();
    const resolver = cachingResolver({ inner, timer: fakeTimer() });
    const asking = ask(resolver);
    await turn();
    resolver[how]("h");
    inner.give(four);
    inner.end();
    expect(await asking).toEqual([[four]]);
    expect(resolver.size).toBe(0);
  });
});

test("senseless options throw", () => {
  const timer: FakeTimer = fakeTimer();
  expect(() => cachingResolver({ timer, ttl: 1 } as object)).toThrow(
    new TypeError("cachingResolver: unknown option ttl"),
  );
  expect(() => cachingResolver({ maxEntries: 0 })).toThrow(
    new RangeError("cachingResolver: maxEntries must be a whole number from 1 to Infinity, got 0"),
  );
  expect(() => cachingResolver({ minTtlMs: 5, maxTtlMs: 4 })).toThrow(
    new RangeError("cachingResolver: minTtlMs must be at most maxTtlMs (4), got 5"),
  );
  expect(() => cachingResolver({ inner: "8.8.8.8" as never })).toThrow(
    new TypeError('cachingResolver: inner must be an object with the method resolve, got "8.8.8.8"'),
  );
  expect(() => cachingResolver({ lookupTimeoutMs: -1 })).toThrow(RangeError);
});
