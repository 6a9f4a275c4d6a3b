import { describe, expect, test } from "vitest";
import { HttpRequest } from "./request.ts";
import { checkTimeouts, setTimeouts } from "./timeouts.ts";

describe("timeouts of an exchange", () => {
  test("whole numbers from 0, Infinity, and absent ones are fine", () => {
    checkTimeouts({});
    checkTimeouts({ bodyTimeoutMs: 0, writeTimeoutMs: 1, requestTimeoutMs: Infinity });
    checkTimeouts({ bodyTimeoutMs: undefined } as never);
  });

  test.each([-1, 0.5, Number.NaN, -Infinity, "5" as never, null as never])("%s is refused by name", (value) => {
    expect(() => checkTimeouts({ writeTimeoutMs: value })).toThrow(RangeError);
    expect(() => checkTimeouts({ writeTimeoutMs: value })).toThrow(/^writeTimeoutMs must be/);
  });

  test("on a request that belongs to no connection they are checked and have no effect", () => {
    setTimeouts(HttpRequest.get("/"), { bodyTimeoutMs: 1 });
    expect(() => setTimeouts(HttpRequest.get("/"), { bodyTimeoutMs: -1 })).toThrow(RangeError);
  });
});
