import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamMap } from "./stream-map.ts";

const stream = (id: number): { readonly id: number } => ({ id });

describe("StreamMap", () => {
  test("finds what was added, lists it by identifier, and forgets what was deleted", () => {
    const map = new StreamMap();
    for (const id of [7, 2, 5, 0x7fff_ffff]) map.add(stream(id));
    expect(map.list().map(({ id }) => id)).toEqual([2, 5, 7, 0x7fff_ffff]);
    map.delete(5);
    map.delete(5);
    map.delete(9);
    expect([map.get(5), map.get(7)?.id, map.size]).toEqual([undefined, 7, 3]);
  });

  test("does as a plain map does, however identifiers collide, and through growing and shrinking", () => {
    // Few of the first bits differ, so that many of these fall on the same slots.
    const id = fc.nat(40).map((number) => number * 4096 + (number % 3));
    const step = fc.record({ id, adds: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const map = new StreamMap();
        const model = new Map<number, { readonly id: number }>();
        for (const { id, adds } of steps) {
          if (adds && !model.has(id)) {
            const added = stream(id);
            map.add(added);
            model.set(id, added);
          } else if (!adds) {
            map.delete(id);
            model.delete(id);
          }
          expect(map.size).toBe(model.size);
          if (steps.some(({ id }) => map.get(id) !== model.get(id))) expect(map.list()).toEqual([...model.values()]);
        }
        for (const id of model.keys()) map.delete(id);
        expect([map.size, map.list()]).toEqual([0, []]);
      }),
      { numRuns: 2000 },
    );
  });
});
