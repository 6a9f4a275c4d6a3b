import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("TokenBucket", () => {
  test("allows for the burst and not for one more", () => {
    const bucket = new TokenBucket(3, 10);
    expect([1, 2, 3, 4].map(() => bucket.take(0))).toEqual([true, true, true, false]);
  });

  test("fills up again with time, a token at a time", () => {
    const bucket = new TokenBucket(2, 10);
    expect(bucket.take(1000, 2)).toBe(true);
    expect(bucket.take(1099)).toBe(false);
    expect(bucket.take(1100)).toBe(true);
    expect(bucket.take(1100)).toBe(false);
    expect(bucket.available(1250)).toBeCloseTo(1.5);
  });

  test("never holds more than the burst, however long nothing happens and whatever is given back", () => {
    const bucket = new TokenBucket(2, 10);
    bucket.take(0);
    expect(bucket.available(1e9)).toBe(2);
    bucket.give(5);
    expect(bucket.available(1e9)).toBe(2);
  });

  test("a refusal takes nothing", () => {
    const bucket = new TokenBucket(2, 0);
    expect(bucket.take(0, 3)).toBe(false);
    expect(bucket.take(0, 2)).toBe(true);
  });

  test("a clock that goes backwards gives nothing, nor twice when it has caught up", () => {
    const bucket = new TokenBucket(1, 1);
    expect(bucket.take(5000)).toBe(true);
    expect(bucket.take(1000)).toBe(false);
    expect(bucket.take(5999)).toBe(false);
    expect(bucket.take(6000)).toBe(true);
  });

  test("a rate of 0 never fills up, an infinite burst never ends", () => {
    const once = new TokenBucket(1, 0);
    expect([once.take(0), once.take(1e12)]).toEqual([true, false]);
    const endless = new TokenBucket(Number.POSITIVE_INFINITY, 0);
    for (let i = 0; i < 1000; i++) expect(endless.take(0)).toBe(true);
    expect(new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).take(1)).toBe(true);
  });

  test("does as a naive model of real numbers does", () => {
    const steps = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 4 })), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(40), steps, (burst, rate, operations) => {
        // Rates whose tokens per millisecond are exact, so that the model rounds as the bucket does.
        const perSecond = rate * 62.5;
        const bucket = new TokenBucket(burst, perSecond);
        let tokens = burst;
        let now = 0;
        for (const [pause, count] of operations) {
          now += pause;
          tokens = Math.min(burst, tokens + (pause * perSecond) / 1000);
          const expected = tokens >= count;
          if (expected) tokens -= count;
          expect(bucket.take(now, count)).toBe(expected);
          expect(bucket.available(now)).toBeCloseTo(tokens, 9);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
