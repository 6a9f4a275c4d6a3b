import { describe, expect, test } from "vitest";
import { checkReasonPhrase } from "./reason-phrase.ts";

describe("checkReasonPhrase", () => {
  test("[hyper-252] visible ASCII, SP, HTAB, obs-text and the empty phrase are fine", () => {
    for (const phrase of ["OK", "Not  Found\there", "", "\x80\xff", "~!"])
      expect(checkReasonPhrase(phrase)).toBe(phrase);
  });

  test("[hyper-252] CR, LF, NUL, other control characters and chars above 255 are refused", () => {
    for (const phrase of ["a\rb", "a\nb", "a\r\nx: y", "a\0", "\x1f", "\x7f", "\u0100", "\u{1f600}"]) {
      expect(() => checkReasonPhrase(phrase)).toThrow(TypeError);
    }
  });
});
