import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BandwidthEstimator, maxEstimateBytes } from "./bandwidth.ts";

/** A round of `bytes` that takes `ms`, at the time when the next PING is due. Returns the window that comes of it. */
function round(estimator: BandwidthEstimator, clock: { now: number }, bytes: number, ms: number): number {
  expect(estimator.received(clock.now, bytes)).toBe(true);
  clock.now += ms;
  const grown = estimator.answered(clock.now);
  clock.now += estimator.pauseMs;
  return grown;
}

describe("BandwidthEstimator", () => {
  test("starts with the window there is, and sends a PING with the first DATA", () => {
    const estimator = new BandwidthEstimator();
    expect([estimator.estimate, estimator.pauseMs, estimator.roundTripMs]).toEqual([65_535, 100, 0]);
    expect(estimator.received(0, 1)).toBe(true);
  });

  test("sends one PING at a time, and the next after a pause", () => {
    const estimator = new BandwidthEstimator();
    expect(estimator.received(0, 1000)).toBe(true);
    expect(estimator.received(500, 1000)).toBe(false);
    expect(estimator.answered(500)).toBe(0);
    expect(estimator.received(599, 1000)).toBe(false);
    expect(estimator.received(600, 1000)).toBe(true);
  });

  test("an answer that was not asked for says nothing", () => {
    const estimator = new BandwidthEstimator();
    expect(estimator.answered(5)).toBe(0);
    expect(estimator.roundTripMs).toBe(0);
  });

  test("two thirds of the estimate make it twice the sample and halve the pause", () => {
    const estimator = new BandwidthEstimator(60_000);
    const clock = { now: 0 };
    expect(round(estimator, clock, 39_999, 10)).toBe(0);
    expect(round(estimator, clock, 40_000, 10)).toBe(80_000);
    expect([estimator.estimate, estimator.pauseMs]).toEqual([80_000, 50]);
  });

  test("DATA that comes while the PING is under way counts, and what came in the pause does not", () => {
    const estimator = new BandwidthEstimator(60_000);
    estimator.received(0, 20_000);
    estimator.received(5, 20_000);
    expect(estimator.answered(10)).toBe(80_000);
    estimator.received(20, 1_000_000);
    estimator.received(100, 1);
    expect(estimator.answered(110)).toBe(0);
  });

  test("a lower bandwidth than the highest changes nothing, however much came", () => {
    const estimator = new BandwidthEstimator(60_000);
    const clock = { now: 0 };
    expect(round(estimator, clock, 60_000, 10)).toBe(120_000);
    expect(round(estimator, clock, 110_000, 1000)).toBe(0);
    expect(estimator.estimate).toBe(120_000);
  });

  test("the round trip time is smoothed by an eighth", () => {
    const estimator = new BandwidthEstimator();
    const clock = { now: 0 };
    round(estimator, clock, 1, 80);
    expect(estimator.roundTripMs).toBe(80);
    round(estimator, clock, 1, 160);
    expect(estimator.roundTripMs).toBe(90);
  });

  test("the pause becomes four times as long after two rounds without growth, until it is 10 s or longer", () => {
    const estimator = new BandwidthEstimator();
    const clock = { now: 0 };
    const pauses = Array.from({ length: 12 }, () => {
      round(estimator, clock, 1, 10);
      return estimator.pauseMs;
    });
    expect(pauses).toEqual([100, 400, 400, 1600, 1600, 6400, 6400, 25_600, 25_600, 25_600, 25_600, 25_600]);
  });

  test("it never exceeds 16 MiB, and the pause never falls below 10 ms", () => {
    const estimator = new BandwidthEstimator();
    const clock = { now: 0 };
    for (let grown = 1; grown !== 0; ) grown = round(estimator, clock, estimator.estimate, 10);
    expect(estimator.estimate).toBe(maxEstimateBytes);
    expect(estimator.pauseMs).toBe(10);
  });

  test("a clock too coarse to see a round trip does no harm", () => {
    const estimator = new BandwidthEstimator();
    const clock = { now: 0 };
    expect(round(estimator, clock, 65_535, 0)).toBe(131_070);
    expect(round(estimator, clock, 131_070, 0)).toBe(262_140);
  });

  test("under any load it only grows, within bounds, and PINGs keep their distance", () => {
    const step = fc.record({ pause: fc.nat(300), bytes: fc.nat(5_000_000), answer: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const estimator = new BandwidthEstimator();
        let now = 0;
        let answeredAt = Number.NEGATIVE_INFINITY;
        let under = false;
        let estimate = estimator.estimate;
        for (const { pause, bytes, answer } of steps) {
          now += pause;
          if (answer) {
            const grown = estimator.answered(now);
            if (under) answeredAt = now;
            else expect(grown).toBe(0);
            under = false;
            expect(estimator.estimate).toBe(grown === 0 ? estimate : grown);
            expect(estimator.estimate).toBeGreaterThanOrEqual(estimate);
            expect(estimator.estimate).toBeLessThanOrEqual(maxEstimateBytes);
            estimate = estimator.estimate;
          } else if (estimator.received(now, bytes)) {
            expect(under).toBe(false);
            expect(now - answeredAt).toBeGreaterThanOrEqual(10);
            under = true;
          }
        }
      }),
      { numRuns: 5000 },
    );
  });
});
