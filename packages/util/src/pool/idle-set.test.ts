import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { IdleMember, IdleSet, type IdleSetOptions } from "./idle-set.ts";

/** A set on a fake clock, and what was evicted from it, with the time. */
function setUp(options: Omit<IdleSetOptions, "timer"> = {}) {
  const timer = fakeTimer();
  const set = new IdleSet({ ...options, timer });
  const evicted: [name: string, atMs: number][] = [];
  const member = (name: string): IdleMember => new IdleMember(() => void evicted.push([name, timer.now()]));
  const add = (name: string): IdleMember => {
    const added = member(name);
    set.add(added);
    return added;
  };
  return { timer, set, evicted, member, add };
}

describe("limit in number", () => {
  test("[hyper-218] the third idle over a max of 2 evicts the one that has been idle longest", () => {
    const { set, evicted, add } = setUp({ maxIdle: 2 });
    add("a");
    add("b");
    expect([set.size, evicted]).toEqual([2, []]);
    add("c");
    expect(set.size).toBe(2);
    expect(evicted).toEqual([["a", 0]]);
  });

  test("who was taken out and put back is not the longest idle any more", () => {
    const { set, evicted, add } = setUp({ maxIdle: 2 });
    const a = add("a");
    add("b");
    expect(set.remove(a)).toBe(true);
    set.add(a);
    add("c");
    expect(evicted).toEqual([["b", 0]]);
  });

  test("a max of 0 keeps none, and leaves no alarm", () => {
    const { set, evicted, add, timer } = setUp({ maxIdle: 0 });
    add("a");
    expect([set.size, evicted, timer.pending]).toEqual([0, [["a", 0]], 0]);
  });

  test("by default there is no limit", () => {
    const { set, evicted, add } = setUp();
    for (let i = 0; i < 5000; i++) add(String(i));
    expect([set.size, evicted]).toEqual([5000, []]);
  });
});

describe("limit in time", () => {
  test("[hyper-217] one that is taken out is fresh until its time is over, and not from then on", () => {
    for (const [afterMs, fresh] of [
      [0, true],
      [89_999, true],
      [90_000, false],
    ] as const) {
      const { set, add, timer, evicted } = setUp();
      const a = add("a");
      set.stop();
      timer.advance(afterMs);
      expect(set.remove(a)).toBe(fresh);
      expect([set.size, evicted]).toEqual([0, []]);
    }
  });

  test("the default is 90 seconds, to the millisecond", () => {
    const { set, evicted, add, timer } = setUp();
    add("a");
    timer.advance(89_999);
    expect([set.size, evicted]).toEqual([1, []]);
    timer.advance(1);
    expect([set.size, evicted]).toEqual([0, [["a", 90_000]]]);
  });

  test("0 is for any time: no alarm at all", () => {
    const { set, evicted, add, timer } = setUp({ idleTimeoutMs: 0 });
    const a = add("a");
    expect(timer.pending).toBe(0);
    timer.advance(1e12);
    expect([set.remove(a), evicted]).toEqual([true, []]);
  });

  test("[hyper-219] the sweep removes what has expired, never twice within 90 ms", () => {
    const { set, evicted, add, timer } = setUp({ idleTimeoutMs: 1000 });
    // Idle since 0, 10, ..., 200.
    for (let at = 0; at <= 200; at += 10) {
      add(String(at));
      timer.advance(10);
    }
    timer.advance(2000);
    const times = [...new Set(evicted.map(([, at]) => at))];
    expect(times).toEqual([1000, 1090, 1180, 1270]);
    const at = (time: number): string[] => evicted.filter(([, when]) => when === time).map(([name]) => name);
    expect(at(1000)).toEqual(["0"]);
    expect(at(1090)).toEqual(["10", "20", "30", "40", "50", "60", "70", "80", "90"]);
    expect(at(1180)).toEqual(["100", "110", "120", "130", "140", "150", "160", "170", "180"]);
    expect(at(1270)).toEqual(["190", "200"]);
    expect([set.size, timer.pending]).toEqual([0, 0]);
  });

  test("[hyper-219] a time limit below the spacing: 90 ms between looks, one that was put in meanwhile included", () => {
    const { evicted, add, timer } = setUp({ idleTimeoutMs: 1 });
    add("a");
    timer.advance(1);
    add("b");
    timer.advance(50);
    add("c");
    timer.advance(39);
    expect(evicted).toEqual([["a", 1]]);
    timer.advance(1);
    expect(evicted).toEqual([
      ["a", 1],
      ["b", 91],
      ["c", 91],
    ]);
    timer.advance(1000);
    add("d");
    timer.advance(1);
    expect(evicted.at(-1)).toEqual(["d", 1092]);
  });

  test("there is one alarm for all, and none when nothing is left", () => {
    const { set, add, timer, evicted } = setUp({ idleTimeoutMs: 1000 });
    const a = add("a");
    timer.advance(400);
    const b = add("b");
    expect([timer.pending, timer.nextDelayMs]).toEqual([1, 600]);
    set.remove(a);
    // The alarm of `a` looks in vain, and is set for `b`.
    timer.advance(600);
    expect([timer.pending, timer.nextDelayMs, evicted]).toEqual([1, 400, []]);
    set.remove(b);
    timer.advance(400);
    expect([timer.pending, evicted]).toEqual([0, []]);
  });

  test("the time counts from when it was put back", () => {
    const { set, add, timer, evicted } = setUp({ idleTimeoutMs: 1000 });
    const a = add("a");
    timer.advance(999);
    set.remove(a);
    timer.advance(500);
    set.add(a);
    timer.advance(999);
    expect(evicted).toEqual([]);
    timer.advance(1);
    expect(evicted).toEqual([["a", 2499]]);
  });

  test("one that is put in while others are evicted is kept, with an alarm of its own", () => {
    const timer = fakeTimer();
    const set = new IdleSet({ timer, idleTimeoutMs: 1000 });
    const evicted: [string, number][] = [];
    const second = new IdleMember(() => void evicted.push(["second", timer.now()]));
    set.add(
      new IdleMember(() => {
        evicted.push(["first", timer.now()]);
        set.add(second);
      }),
    );
    timer.advance(1000);
    expect([timer.pending, timer.nextDelayMs]).toEqual([1, 1000]);
    timer.advance(1000);
    expect(evicted).toEqual([
      ["first", 1000],
      ["second", 2000],
    ]);
  });

  test("stop takes the alarm back; the next that is put in sets it again", () => {
    const { set, add, timer, evicted } = setUp({ idleTimeoutMs: 1000 });
    add("a");
    set.stop();
    expect(timer.pending).toBe(0);
    set.stop();
    timer.advance(5000);
    expect(evicted).toEqual([]);
    add("b");
    expect([timer.pending, timer.nextDelayMs]).toEqual([1, 0]);
    timer.advance();
    expect(evicted).toEqual([["a", 5000]]);
    timer.advance(1000);
    expect(evicted.at(-1)).toEqual(["b", 6000]);
  });
});

test("options that make no sense are refused by name", () => {
  expect(() => new IdleSet({ maxIdle: -1 })).toThrow(RangeError);
  expect(() => new IdleSet({ maxIdle: 1.5 })).toThrow(/^maxIdle: must be a whole number of at least 0, got 1.5$/);
  expect(() => new IdleSet({ idleTimeoutMs: Number.NaN })).toThrow(/^idleTimeoutMs: /);
  expect(() => new IdleSet({ idle: 3 } as IdleSetOptions)).toThrow(new TypeError("idle set: unknown option idle"));
});
