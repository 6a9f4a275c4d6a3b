import fc from "fast-check";
import { expect, test } from "vitest";
import { runs } from "../../../core/test/support/runs.ts";
import { type Linked, LinkedList } from "./linked-list.ts";

class Item implements Linked<Item> {
  before: Item | undefined = undefined;
  after: Item | undefined = undefined;
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

function listOf(count: number): { readonly list: LinkedList<Item>; readonly items: readonly Item[] } {
  const list = new LinkedList<Item>();
  const items = Array.from({ length: count }, (_, number) => new Item(number));
  for (const item of items) list.push(item);
  return { list, items };
}

function numbers(list: LinkedList<Item>): number[] {
  return [...list].map((item) => item.number);
}

/** From the last to the first, by the other links. */
function backwards(list: LinkedList<Item>): number[] {
  const found: number[] = [];
  for (let item = list.last; item !== undefined; item = item.before) found.push(item.number);
  return found;
}

test("behaves like an array, whatever is added and removed", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant("push" as const) },
    fc.constant("shift" as const),
    { weight: 2, arbitrary: fc.nat({ max: 50 }) },
    fc.constant("again" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new LinkedList<Item>();
      const model: Item[] = [];
      const removed: Item[] = [];
      let count = 0;
      for (const what of steps) {
        if (what === "push") {
          const item = new Item(count++);
          list.push(item);
          model.push(item);
        } else if (what === "shift") {
          const item = list.shift();
          expect(item).toBe(model.shift());
          if (item !== undefined) removed.push(item);
        } else if (what === "again") {
          const item = removed.pop();
          if (item === undefined) continue;
          list.push(item);
          model.push(item);
        } else {
          const [item] = model.splice(what % (model.length || 1), 1);
          if (item === undefined) continue;
          list.remove(item);
          removed.push(item);
          expect([item.before, item.after]).toEqual([undefined, undefined]);
        }
        const expected = model.map((item) => item.number);
        expect(numbers(list)).toEqual(expected);
        expect(backwards(list)).toEqual(expected.toReversed());
        expect(list.size).toBe(model.length);
        expect(list.first).toBe(model[0]);
        expect(list.last).toBe(model.at(-1));
      }
    }),
    runs(2000),
  );
});

test("the current item may be removed while the list is gone through", () => {
  for (const doomed of [[0], [2], [4], [1, 3], [0, 1, 2, 3, 4]]) {
    const { list } = listOf(5);
    const seen: number[] = [];
    for (const item of list) {
      seen.push(item.number);
      if (doomed.includes(item.number)) list.remove(item);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(numbers(list)).toEqual([0, 1, 2, 3, 4].filter((number) => !doomed.includes(number)));
  }
});

test("an item moved to the end while it is the current one comes again", () => {
  const { list, items } = listOf(3);
  const seen: number[] = [];
  for (const item of list) {
    seen.push(item.number);
    if (seen.length > 1 || item !== items[0]) continue;
    list.remove(item);
    list.push(item);
  }
  expect(seen).toEqual([0, 1, 2, 0]);
});

test("an empty list has nothing", () => {
  const { list } = listOf(0);
  expect([list.first, list.last, list.size, list.shift(), [...list]]).toEqual([undefined, undefined, 0, undefined, []]);
});
