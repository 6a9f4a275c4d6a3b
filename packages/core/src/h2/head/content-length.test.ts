import { describe, expect, test } from "vitest";
import { contentLengthText, parseContentLength } from "./content-length.ts";

describe("Content-Length values", () => {
  test("digits up to 2^53-1, with zeros in front", () => {
    for (const [text, number] of [
      ["0", 0],
      ["000", 0],
      ["0042", 42],
      ["9007199254740991", 9_007_199_254_740_991],
      ["9007199254740992", -1],
      ["9007199254740993", -1],
      ["18446744073709551616", -1],
      ["", -1],
      ["-0", -1],
      ["1 ", -1],
      ["1,1", -1],
      ["\u0661", -1],
    ] as const) {
      expect(parseContentLength(text), text).toBe(number);
    }
  });

  test("the text of a number, small or large", () => {
    for (const number of [1023, 0, 5, 1024, 2 ** 53 - 1]) expect(contentLengthText(number)).toBe(String(number));
    expect(contentLengthText(5)).toBe("5");
  });
});
