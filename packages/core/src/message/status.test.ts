import { describe, expect, test } from "vitest";
import {
  canonicalReason,
  checkStatus,
  isClientError,
  isInformational,
  isRedirection,
  isServerError,
  isSuccess,
} from "./status.ts";

describe("status codes", () => {
  test("100 and 999 are codes; one below and one above are not, nor anything but whole numbers", () => {
    expect(checkStatus(100)).toBe(100);
    expect(checkStatus(999)).toBe(999);
    for (const status of [99, 1000, 0, -200, 200.5, Number.NaN, Infinity, "200" as never]) {
      expect(() => checkStatus(status)).toThrow(RangeError);
    }
  });

  test("each class begins at its hundred and ends before the next", () => {
    const classes = [isInformational, isSuccess, isRedirection, isClientError, isServerError];
    for (const status of [99, 100, 199, 200, 299, 300, 399, 400, 499, 500, 599, 600]) {
      const of = classes.map((is) => is(status));
      expect(of).toEqual([1, 2, 3, 4, 5].map((hundred) => Math.floor(status / 100) === hundred));
    }
  });

  test("registered phrases, and none for other codes", () => {
    expect(canonicalReason(200)).toBe("OK");
    expect(canonicalReason(404)).toBe("Not Found");
    expect(canonicalReason(103)).toBe("Early Hints");
    expect(canonicalReason(299)).toBeUndefined();
    expect(canonicalReason(306)).toBeUndefined();
  });
});
