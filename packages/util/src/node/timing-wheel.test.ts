import fc from "fast-check";
import { expect, test } from "vitest";
import { maxTick, TimingWheel, type WheelEntry } from "./timing-wheel.ts";

function wheel(): TimingWheel {
  return new TimingWheel((error) => {
    throw error;
  });
}

test("runs tasks at their tick, those of one tick in the order they were added", () => {
  const it = wheel();
  const ran: string[] = [];
  it.add(5000, () => ran.push("far, first"));
  it.add(70, () => ran.push("next level"));
  it.add(1, () => ran.push("soon"));
  it.advance(4990);
  it.add(5000, () => ran.push("far, second"));
  expect(ran).toEqual(["soon", "next level"]);
  it.advance(4999);
  expect(ran).toHaveLength(2);
  it.advance(5000);
  expect(ran.slice(2)).toEqual(["far, first", "far, second"]);
  expect(it.next()).toBe(Infinity);
});

test("next is never too late and reaches a lone task in at most one step per level", () => {
  for (const tick of [1, 63, 64, 65, 4095, 4096, 262_143, 1_000_000_007, maxTick]) {
    const it = wheel();
    let ran = false;
    it.add(tick, () => (ran = true));
    let steps = 0;
    while (!ran) {
      const next = it.next();
      expect(next).toBeLessThanOrEqual(tick);
      it.advance(next);
      steps += 1;
    }
    expect(it.current).toBe(tick);
    expect(steps).toBeLessThanOrEqual(7);
  }
});

test("a tick beyond the last is refused", () => {
  const it = wheel();
  it.add(maxTick, () => {});
  expect(() => it.add(maxTick + 1, () => {})).toThrow(RangeError);
});

test("a task may cancel another of the same tick, and one that has run", () => {
  const it = wheel();
  const ran: string[] = [];
  const first = it.add(3, () => {
    ran.push("first");
    second.cancel();
  });
  const second = it.add(3, () => ran.push("second"));
  it.add(3, () => {
    ran.push("third");
    first.cancel();
  });
  it.advance(3);
  expect(ran).toEqual(["first", "third"]);
});

test("behaves as a sorted list does", () => {
  type Step = { add: number } | { cancel: number } | { advance: number };
  const delta = fc.oneof(
    fc.integer({ min: 1, max: 70 }),
    fc.integer({ min: 1, max: 5000 }),
    fc.integer({ min: 1, max: 2 ** 40 }),
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: delta }) },
    { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ advance: delta }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const it = wheel();
      const model: { id: number; tick: number }[] = [];
      const entries: WheelEntry[] = [];
      const ran: number[] = [];
      const expected: number[] = [];
      let now = 0;
      for (const action of steps) {
        if ("add" in action) {
          const id = entries.length;
          const tick = now + action.add;
          entries.push(it.add(tick, () => ran.push(id)));
          model.push({ id, tick });
        } else if ("cancel" in action) {
          if (entries.length === 0) continue;
          const id = action.cancel % entries.length;
          entries[id]?.cancel();
          const index = model.findIndex((entry) => entry.id === id);
          if (index !== -1) model.splice(index, 1);
        } else {
          now += action.advance;
          const due = model.filter((entry) => entry.tick <= now).sort((x, y) => x.tick - y.tick || x.id - y.id);
          for (const entry of due) {
            expected.push(entry.id);
            model.splice(model.indexOf(entry), 1);
          }
          it.advance(now);
          expect(it.current).toBe(now);
        }
        expect(ran).toEqual(expected);
        expect(it.next()).toBeLessThanOrEqual(Math.min(Infinity, ...model.map((entry) => entry.tick)));
        expect(it.next() === Infinity).toBe(model.length === 0);
        expect(it.next()).toBeGreaterThan(it.current);
      }
    }),
    { numRuns: 500 },
  );
});
