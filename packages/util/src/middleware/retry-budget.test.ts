/** How many retries there may be: the reserve, the share, and that both are forgotten in time. */
import { fakeTimer } from "@sluice/util/memory";
import { RetryBudget } from "@sluice/util/middleware";
import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../../core/test/support/runs.ts";

function withdrawAll(budget: RetryBudget): number {
  let count = 0;
  while (budget.withdraw()) count++;
  return count;
}

test("by default 100 in 10 seconds without a request, and one for each five requests", () => {
  const timer = fakeTimer();
  const budget = new RetryBudget({ timer });
  expect([budget.available, withdrawAll(budget), budget.available]).toEqual([100, 100, 0]);
  for (let i = 0; i < 4; i++) budget.deposit();
  expect(budget.withdraw()).toBe(false);
  budget.deposit();
  expect([budget.withdraw(), budget.withdraw()]).toEqual([true, false]);
});

test("what was withdrawn, and what was deposited, counts for ttlMs", () => {
  const timer = fakeTimer();
  const budget = new RetryBudget({ timer, reservePerSecond: 1 });
  for (let i = 0; i < 50; i++) budget.deposit();
  expect(withdrawAll(budget)).toBe(20);
  timer.advance(9_999);
  expect(budget.withdraw()).toBe(false);
  timer.advance(1);
  expect(withdrawAll(budget)).toBe(10);
});

test("requests that are long past give nothing", () => {
  const timer = fakeTimer();
  const budget = new RetryBudget({ timer, reservePerSecond: 0 });
  for (let i = 0; i < 50; i++) budget.deposit();
  timer.advance(10_000);
  expect([budget.available, budget.withdraw()]).toEqual([0, false]);
});

test("whatever happens when: no ten slots together have more retries than reserve and share", {
  timeout: propertyTimeoutMs,
}, () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant("deposit" as const) },
    { weight: 3, arbitrary: fc.constant("withdraw" as const) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 250 }) },
  );
  const options = fc.record({
    extraLoad: fc.constantFrom(0, 0.1, 0.2, 0.5, 1),
    reservePerSecond: fc.integer({ min: 0, max: 10 }),
  });
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 200 }), ({ extraLoad, reservePerSecond }, steps) => {
      const timer = fakeTimer();
      const budget = new RetryBudget({ timer, extraLoad, reservePerSecond, ttlMs: 1000 });
      const counts: { slot: number; what: "deposit" | "retry" }[] = [];
      for (const one of steps) {
        const slot = Math.floor(timer.now() / 100);
        if (typeof one === "number") timer.advance(one);
        else if (one === "deposit") {
          budget.deposit();
          counts.push({ slot, what: "deposit" });
        } else {
          const live = counts.filter((count) => count.slot > slot - 10);
          const retries = live.filter(({ what }) => what === "retry").length;
          const allowed = reservePerSecond + extraLoad * (live.length - retries) + 1e-6;
          const isGranted = budget.withdraw();
          expect(isGranted).toBe(retries + 1 <= allowed);
          if (isGranted) counts.push({ slot, what: "retry" });
        }
      }
    }),
    runs(300),
  );
});

test("options that make no sense are refused at once", () => {
  expect(() => new RetryBudget({ extraLoad: -1 })).toThrow(
    "RetryBudget: extraLoad must be a number from 0 to 10, got -1",
  );
  expect(() => new RetryBudget({ ttlMs: 1 })).toThrow(RangeError);
});
