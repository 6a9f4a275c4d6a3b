import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  defaultPriority,
  fairPriority,
  isForwarded,
  isIncremental,
  type Priority,
  parsePriority,
  priorityOf,
  requestPriority,
  serializePriority,
  urgencyOf,
} from "./priority.ts";
import { parseDictionary } from "./structured-dictionary.ts";

const all = Array.from({ length: 16 }, (_, priority) => priority);

function words(priority: Priority): string {
  return `u=${urgencyOf(priority)} i=${isIncremental(priority)}`;
}

describe("parsePriority", () => {
  test.each([
    ["", "u=3 i=false"],
    ["u=0", "u=0 i=false"],
    ["u=7", "u=7 i=false"],
    ["i", "u=3 i=true"],
    ["i=?1", "u=3 i=true"],
    ["i=?0", "u=3 i=false"],
    ["u=5, i", "u=5 i=true"],
    ["i,u=5", "u=5 i=true"],
    ["  u=5 \t,\t i  ", "u=5 i=true"],
    ["u=1, u=2", "u=2 i=false"],
    ["i, i=?0", "u=3 i=false"],
    ["u=1;a;b=2, i;x", "u=1 i=true"],
    ["foo, u=1, *bar-1.x=(1 2);q=1, i", "u=1 i=true"],
  ])("reads %j", (value, expected) => {
    expect(words(parsePriority(value))).toBe(expected);
  });

  test.each([
    ["u=8, i", "u=3 i=true"],
    ["u=-1, i", "u=3 i=true"],
    ["u=1.0, i", "u=3 i=true"],
    ['u="1", i', "u=3 i=true"],
    ["u, i", "u=3 i=true"],
    ["u=(1), i", "u=3 i=true"],
    ["u=01, i", "u=3 i=true"],
    ["u=2, u=9", "u=3 i=false"],
    ["u=2, i=1", "u=2 i=false"],
    ["u=2, i=yes", "u=2 i=false"],
  ])("takes no notice of parameters that are wrong in %j", (value, expected) => {
    expect(words(parsePriority(value))).toBe(expected);
  });

  test.each([
    "u=1,",
    ",u=1",
    "u=1,,i",
    "u=1 i",
    "u =1",
    "u= 1",
    "u=",
    "u=?2",
    "U=1",
    "\tu=1",
    "u=1;",
    "u=1, i=",
    'u=1, a="b',
    'u=1, a="\\x"',
    "u=1, a=:?:",
    "u=1, a=(1",
    "u=1, a=(1(2))",
    "u=1, a=1.",
    "u=1, a=1234567890123456",
    "u=1, a=1234567890123.1",
    "u=1, a=1.2345",
    'u=1, a=%"%zz"',
    "u=1, \xe4",
    "u=1\0",
    "=1",
    `u=1, a="${"x".repeat(1024)}"`,
  ])("[h2-231] a malformed value says nothing: %j", (value) => {
    expect(parsePriority(value)).toBe(defaultPriority);
    expect(parsePriority(value, priorityOf(6, true))).toBe(priorityOf(6, true));
  });

  test("in a response it amends the priority of the request", () => {
    const requested = priorityOf(6, true);
    expect(words(parsePriority("u=1", requested))).toBe("u=1 i=true");
    expect(words(parsePriority("i=?0", requested))).toBe("u=6 i=false");
    expect(words(parsePriority("u=8", requested))).toBe("u=6 i=true");
    expect(words(parsePriority("u=3, i=?0", requested))).toBe("u=3 i=false");
  });

  test("reads what serializePriority writes", () => {
    for (const priority of all) expect(parsePriority(serializePriority(priority))).toBe(priority);
    expect(all.map(serializePriority).slice(4, 8)).toEqual(["u=2", "u=2, i", "", "i"]);
  });

  test("never throws and always gives a priority, quickly", () => {
    const piece = fc.constantFrom(
      "u",
      "=",
      "i",
      "?1",
      ",",
      " ",
      "(",
      ")",
      ";",
      '"',
      "\\",
      "3",
      ".",
      ":",
      "a",
      "%",
      "@",
      "*",
    );
    const value = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(value, (text) => {
        expect(all).toContain(parsePriority(text));
      }),
      { numRuns: 10_000 },
    );
    for (const text of [
      "(1 ".repeat(340),
      "a;".repeat(500),
      "(((".repeat(340),
      '"\\'.repeat(500),
      "a=( ".repeat(250),
    ]) {
      expect(parsePriority(`u=1, a=${text}`)).toBe(defaultPriority);
    }
  });
});

describe("parseDictionary", () => {
  test("gives bare items as they are written", () => {
    const value = 'a=1, b=-2.5;x, c="d\\"e", f=tok/en:1, g=:aGk=:, h, i=?0, j=(1 "2");k, l=@1659578233, m=%"%c3%bc"';
    expect([...(parseDictionary(value) ?? [])]).toEqual([
      ["a", "1"],
      ["b", "-2.5"],
      ["c", '"d\\"e"'],
      ["f", "tok/en:1"],
      ["g", ":aGk=:"],
      ["h", "?1"],
      ["i", "?0"],
      ["j", "()"],
      ["l", "@1659578233"],
      ["m", '%"%c3%bc"'],
    ]);
  });

  test("keys that objects have are keys like others", () => {
    expect([...(parseDictionary("constructor=1, tostring") ?? [])]).toEqual([
      ["constructor", "1"],
      ["tostring", "?1"],
    ]);
  });
});

describe("requestPriority", () => {
  const nothing = { field: undefined, update: undefined, clientAware: false, forwarded: false };

  test("[h2-233] clients that know nothing of priorities get equal service", () => {
    expect(requestPriority(nothing)).toBe(fairPriority);
    expect(requestPriority({ ...nothing, clientAware: true })).toBe(defaultPriority);
  });

  test("[h2-228] a frame that came ahead of the request replaces the field as a whole", () => {
    expect(words(requestPriority({ ...nothing, field: "u=1, i" }))).toBe("u=1 i=true");
    expect(words(requestPriority({ ...nothing, field: "u=1, i", update: "u=5" }))).toBe("u=5 i=false");
    expect(words(requestPriority({ ...nothing, field: "u=1, i", update: "" }))).toBe("u=3 i=false");
  });

  test("[h2-232] what a proxy forwards takes turns, whatever it says", () => {
    const signals = { field: "u=0", update: "u=0", clientAware: true, forwarded: true };
    expect(requestPriority(signals)).toBe(fairPriority);
    for (const name of ["via", "forwarded", "x-forwarded-for"]) expect(isForwarded(new Map([[name, ""]]))).toBe(true);
    expect(isForwarded(new Map([["host", ""]]))).toBe(false);
  });
});

test("priorityOf takes urgencies from 0 to 7", () => {
  expect(all.map((priority) => priorityOf(urgencyOf(priority), isIncremental(priority)))).toEqual(all);
  for (const urgency of [-1, 8, 1.5, Number.NaN]) expect(() => priorityOf(urgency, false)).toThrow(RangeError);
});
