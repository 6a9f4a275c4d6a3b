import { describe, expect, test } from "vitest";
import { choice, flag, optionResolver, whole } from "./options.ts";

const rules = {
  on: flag(true),
  count: whole(3, 1, 10),
  open: whole(0),
  way: choice("a", ["a", "b"]),
};
interface Given {
  readonly on?: unknown;
  readonly count?: unknown;
  readonly open?: unknown;
  readonly way?: unknown;
  readonly timer?: unknown;
}
const resolve = optionResolver<Given, Readonly<Record<string, unknown>>>("face", rules, ["timer"]);

describe("optionResolver", () => {
  const defaults = { on: true, count: 3, open: 0, way: "a" };

  test("absent, empty and undefined options are the defaults", () => {
    expect(resolve(undefined)).toEqual(defaults);
    expect(resolve({})).toEqual(defaults);
    expect(resolve({ on: undefined, count: undefined, way: undefined })).toEqual(defaults);
  });

  test("what is given wins; others pass unchecked and are not among the resolved", () => {
    expect(resolve({ on: false, count: 10, open: Infinity, way: "b", timer: "anything" })).toEqual({
      on: false,
      count: 10,
      open: Infinity,
      way: "b",
    });
  });

  test("the same object is resolved once, another one again", () => {
    const given = { count: 5 };
    expect(resolve(given)).toBe(resolve(given));
    expect(resolve({ count: 5 })).not.toBe(resolve(given));
    expect(resolve(undefined)).toBe(resolve(undefined));
  });

  test("an unknown option is an error that names face and option; inherited names are unknown too", () => {
    expect(() => resolve({ cuont: 1 } as Given)).toThrow(new TypeError("face: unknown option cuont"));
    expect(() => resolve(JSON.parse('{"__proto__":1}') as Given)).toThrow(TypeError);
    expect(() => resolve({ toString: 1 } as unknown as Given)).toThrow(new TypeError("face: unknown option toString"));
  });

  test("numbers: at the bounds and one past them", () => {
    expect(resolve({ count: 1 })["count"]).toBe(1);
    for (const count of [0, 11, 2.5, Number.NaN, -1, Infinity]) {
      const message = `face: count must be a whole number from 1 to 10, got ${count}`;
      expect(() => resolve({ count })).toThrow(new RangeError(message));
    }
    expect(() => resolve({ open: -1 })).toThrow(RangeError);
    expect(() => resolve({ open: 0.5 })).toThrow(RangeError);
  });

  test("values of another type are TypeErrors that say what was expected", () => {
    expect(() => resolve({ count: "3" })).toThrow(new TypeError("face: count must be a number, got 3"));
    expect(() => resolve({ count: null })).toThrow(new TypeError("face: count must be a number, got null"));
    expect(() => resolve({ on: 1 })).toThrow(new TypeError("face: on must be true or false, got 1"));
    expect(() => resolve({ way: "c" })).toThrow(new TypeError("face: way must be one of a, b, got c"));
    expect(() => resolve({ way: 1 })).toThrow(TypeError);
  });
});
