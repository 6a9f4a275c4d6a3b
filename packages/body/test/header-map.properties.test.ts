/** `HeaderMap` against the simplest thing that could be right: an array of lines. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { HeaderMap } from "../src/index.ts";

interface Line {
  name: string;
  value: string;
  sensitive: boolean;
  original: string | undefined;
}

class Model {
  lines: Line[] = [];

  of(name: string): Line[] {
    return this.lines.filter((line) => line.name === name.toLowerCase());
  }
}

const names = ["accept", "Accept", "cookie", "x-a", "X-A", "X-b", "__proto__", "constructor", "etag", "ETag"];
const manyNames = [...names, ...Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? `n-${i}` : `N-${i}`))];
const value = fc.constantFrom("", "1", "two", "\xff", "x y");

interface Operation {
  readonly kind: number;
  readonly name: string;
  readonly value: string;
  readonly flag: boolean;
}

function apply(map: HeaderMap, model: Model, { kind, name, value, flag }: Operation): HeaderMap {
  const key = name.toLowerCase();
  const options = { sensitive: flag, ...(value === "two" && { originalName: name }) };
  const line = { name: key, value, sensitive: flag, original: value === "two" ? name : undefined };
  switch (kind) {
    case 0:
    case 1:
    case 2:
      map.append(name, value, options);
      model.lines.push(line);
      return map;
    case 3: {
      const present = model.of(name);
      expect(map.insert(name, value, options)).toBe(present.length > 0);
      const [first] = present;
      if (first === undefined) model.lines.push(line);
      else {
        Object.assign(first, line);
        model.lines = model.lines.filter((other) => other === first || other.name !== key);
      }
      return map;
    }
    case 4:
      expect(map.remove(name)).toBe(model.of(name).length > 0);
      model.lines = model.lines.filter((other) => other.name !== key);
      return map;
    case 5:
      expect(map.setSensitive(name, flag)).toBe(model.of(name).length > 0);
      for (const other of model.of(name)) other.sensitive = flag;
      return map;
    case 6:
      return map.clone();
    case 7: {
      if (model.lines.length > 60) return map;
      const half = new HeaderMap(map);
      for (const { name: other } of model.lines.slice(3)) half.remove(other);
      const kept = new Set(model.lines.slice(3).map(({ name: other }) => other));
      map.extend(half);
      model.lines.push(...model.lines.filter(({ name: other }) => !kept.has(other)).map((other) => ({ ...other })));
      return map;
    }
    case 8: {
      const entry = map.entry(name).update((old) => `${old}+`);
      const [first] = model.of(name);
      if (first !== undefined) first.value += "+";
      expect(entry.orInsert(value)).toBe(first?.value ?? value);
      if (first === undefined) model.lines.push({ name: key, value, sensitive: false, original: undefined });
      return map;
    }
    default:
      map.appendParsed(key, value);
      model.lines.push({ name: key, value, sensitive: false, original: undefined });
      return map;
  }
}

/** All that can be asked of a map, as one text: comparing texts is much faster than comparing answer by answer. */
function ask(map: HeaderMap, names: readonly string[]): string {
  return JSON.stringify([
    map.size,
    map.namesSize,
    [...map.keys()],
    [...map].map(([name, value], at) => [name, value, map.sensitiveAt(at), map.originalNameAt(at)]),
    names.map((name) => [map.get(name), map.getAll(name), map.has(name), map.isSensitive(name), map.getJoined(name)]),
  ]);
}

function expected(model: Model, names: readonly string[]): string {
  const distinct = [...new Set(model.lines.map((line) => line.name))];
  const answers = names.map((name) => {
    const lines = model.of(name);
    const values = lines.map((line) => line.value);
    const joined = values.length > 0 ? values.join(name === "cookie" ? "; " : ", ") : undefined;
    return [values[0], values, values.length > 0, lines.some((line) => line.sensitive), joined];
  });
  const lines = model.lines.map((line) => [line.name, line.value, line.sensitive, line.original]);
  return JSON.stringify([lines.length, distinct.length, distinct, lines, answers]);
}

function valuesOf(model: Model, name: string): string {
  return model
    .of(name)
    .map((line) => line.value)
    .join();
}

function operations(
  from: readonly string[],
  size: { minLength?: number; maxLength: number },
): fc.Arbitrary<Operation[]> {
  const kind = fc.nat(9);
  return fc.array(fc.record({ kind, name: fc.constantFrom(...from), value, flag: fc.boolean() }), size);
}

function run(from: readonly string[], size: { minLength?: number; maxLength: number }): void {
  fc.assert(
    fc.property(operations(from, size), fc.nat(3), (sequence, every) => {
      let map = new HeaderMap();
      const model = new Model();
      for (const [at, operation] of sequence.entries()) {
        map = apply(map, model, operation);
        if (every === 0 || at % every !== 0) continue;
        if (map.getAll(operation.name).join() !== valuesOf(model, operation.name)) throw new Error(`after step ${at}`);
      }
      expect(ask(map, from)).toBe(expected(model, from));
    }),
    { numRuns: 2000 },
  );
}

test("a header map does what an array of lines would do, few lines", () => {
  run(names, { maxLength: 24 });
});

test("and with more lines than are scanned, looked up at every step or only now and then", () => {
  run(manyNames, { minLength: 30, maxLength: 70 });
});
