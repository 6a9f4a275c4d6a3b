import { expect, test } from "vitest";
import { PoolMap } from "./map.ts";

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Pool {
  readonly target: Target;
  isEmpty: boolean;
}

/** A map by host, what it has made, and how often it has asked whether a pool is empty. */
function setUp() {
  const made: [host: string, key: string][] = [];
  let looks = 0;
  const map = new PoolMap<Target, Pool>({
    key: ({ host }) => host.toLowerCase(),
    make: (target, key) => {
      made.push([target.host, key]);
      return { target, isEmpty: true };
    },
    isEmpty: (pool) => {
      looks++;
      return pool.isEmpty;
    },
  });
  const get = (host: string): Pool => map.get({ host, port: 80 });
  return { map, made, looks: () => looks, get };
}

function keys(map: PoolMap<Target, Pool>): string[] {
  return [...map].map(([key]) => key);
}

test("[hyper-237] one pool per key, made when first asked for", () => {
  const { map, made, get } = setUp();
  expect(map.peek("a")).toBeUndefined();
  expect(made).toEqual([]);
  const a = get("a");
  expect(get("A")).toBe(a);
  expect(map.get({ host: "a", port: 81 })).toBe(a);
  expect(map.peek("a")).toBe(a);
  const b = get("B");
  expect(b).not.toBe(a);
  expect(made).toEqual([
    ["a", "a"],
    ["B", "b"],
  ]);
  expect([...map]).toEqual([
    ["a", a],
    ["b", b],
  ]);
  expect(map.size).toBe(2);
});

test("keys are nothing but text: names that objects have are free", () => {
  const { map, get } = setUp();
  expect(map.peek("__proto__")).toBeUndefined();
  expect(get("__proto__")).toBe(get("__proto__"));
  expect(map.peek("constructor")).toBeUndefined();
  expect(map.size).toBe(1);
});

test("[hyper-237] retain forgets those that are not to be kept, clear forgets all", () => {
  const { map, get } = setUp();
  const [a, , c] = ["a", "b", "c"].map(get);
  map.retain((pool, key) => pool === a || key === "c");
  expect([...map]).toEqual([
    ["a", a],
    ["c", c],
  ]);
  const again = get("b");
  expect(keys(map)).toEqual(["a", "c", "b"]);
  map.clear();
  expect([map.size, keys(map)]).toEqual([0, []]);
  expect(get("b")).not.toBe(again);
});

test("empty pools are looked for at 64, and then at twice what was left", () => {
  const { map, get, looks } = setUp();
  const kept: string[] = [];
  for (let i = 0; i < 64; i++) {
    const pool = get(String(i));
    if (i >= 40) continue;
    pool.isEmpty = false;
    kept.push(String(i));
  }
  expect([map.size, looks()]).toEqual([64, 0]);
  get("64");
  expect(looks()).toBe(64);
  expect(keys(map)).toEqual([...kept, "64"]);
  // 40 were left, so the next look is at 80.
  for (let i = 65; map.size < 80; i++) get(String(i));
  expect(looks()).toBe(64);
  get("more");
  expect(looks()).toBe(64 + 80);
  expect(keys(map)).toEqual([...kept, "more"]);
});

test("a pool that is asked for is never the one that is swept", () => {
  const { map, get } = setUp();
  const first = get("0");
  for (let i = 1; i < 64; i++) get(String(i));
  expect(get("0")).toBe(first);
  const last = get("64");
  expect([...map]).toEqual([["64", last]]);
});

test("each look costs what was added since the one before: never more than two for each that was added", () => {
  const { map, get, looks } = setUp();
  const total = 10_000;
  for (let i = 0; i < total; i++) get(String(i)).isEmpty = false;
  expect(map.size).toBe(total);
  // At 64, 128, 256, ..., 8,192.
  expect(looks()).toBe(64 * (2 ** 8 - 1));
  expect(looks()).toBeLessThan(2 * total);
});

test("after retain and clear, empty pools are looked for no later than before", () => {
  const { map, get, looks } = setUp();
  for (let i = 0; i < 1000; i++) get(String(i)).isEmpty = false;
  const before = looks();
  map.retain((_, key) => Number(key) < 10);
  for (let i = 0; i < 54; i++) get(`empty ${i}`);
  expect([map.size, looks()]).toEqual([64, before]);
  // Keeping all does not put the next look off.
  map.retain(() => true);
  get("one more");
  expect([map.size, looks()]).toEqual([11, before + 64]);

  for (let i = 0; i < 1000; i++) get(String(i)).isEmpty = false;
  map.clear();
  const cleared = looks();
  for (let i = 0; i < 65; i++) get(String(i));
  expect([map.size, looks()]).toEqual([1, cleared + 64]);
});

test("what fails to be made is not kept", () => {
  let fail = true;
  const map = new PoolMap<string, object>({
    key: (name) => name,
    make: () => {
      if (fail) throw new Error("no");
      return {};
    },
    isEmpty: () => false,
  });
  expect(() => map.get("a")).toThrow("no");
  expect(map.size).toBe(0);
  fail = false;
  expect(map.get("a")).toEqual({});
});

test("an unknown option is refused by name", () => {
  const options = { key: String, make: () => 1, isEmpty: () => true, keys: String };
  expect(() => new PoolMap<string, number>(options)).toThrow(new TypeError("pool map: unknown option keys"));
});
