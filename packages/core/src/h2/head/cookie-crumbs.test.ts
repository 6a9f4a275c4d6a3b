import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../../../test/support/runs.ts";
import { countCrumbs, crumbEnd, crumbGap } from "./cookie-crumbs.ts";

function crumbs(value: string): string[] {
  const found: string[] = [];
  for (let start = 0; ; ) {
    const end = crumbEnd(value, start);
    found.push(value.slice(start, end));
    if (end === value.length) return found;
    start = end + crumbGap;
  }
}

describe("cookie crumbs", () => {
  test.each([
    ["a=b", ["a=b"]],
    ["a=b; c=d", ["a=b", "c=d"]],
    ["a=b; c=d;; e", ["a=b", "c=d;", "e"]],
    ["a=b;c=d; e", ["a=b;c=d", "e"]],
    ["a;  b; c", ["a;  b", "c"]],
    ["a ; b; c", ["a ; b", "c"]],
    ["a; \tb", ["a; \tb"]],
    ["; a; b", ["; a", "b"]],
    ["a;", ["a;"]],
    ["; ", ["; "]],
    [";", [";"]],
    ["", [""]],
    ["; ; ; a", ["; ; ; a"]],
  ])("[h2-111] %j", (value, expected) => {
    expect(crumbs(value)).toEqual(expected);
    expect(countCrumbs(value)).toBe(expected.length);
  });

  test("[h2-111] joined again they are the value, and none is empty or has blanks around it", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "=", ";", "; ", " ", "\t"), maxLength: 20 });
    fc.assert(
      fc.property(text, (untrimmed) => {
        const value = untrimmed.replace(/^[ \t]+|[ \t]+$/g, "");
        const found = crumbs(value);
        expect(found.join("; ")).toBe(value);
        expect(countCrumbs(value)).toBe(found.length);
        if (value !== "") for (const crumb of found) expect(crumb).toMatch(/^[^ \t](?:.*[^ \t])?$/);
      }),
      runs(5000),
    );
  });
});
