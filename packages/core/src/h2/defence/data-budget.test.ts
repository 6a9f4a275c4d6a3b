import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataBudget } from "./data-budget.ts";

describe("DataBudget", () => {
  test("charges what a part lacks of 256 octets", () => {
    const budget = new DataBudget(25_600, 65_535);
    budget.charge(1);
    expect(budget.charged).toBe(255);
    budget.charge(256);
    budget.charge(16_384);
    expect(budget.charged).toBe(255);
    budget.refund(1);
    budget.refund(16_384);
    expect(budget.charged).toBe(0);
  });

  test("is short past half of it, until something is given back", () => {
    const budget = new DataBudget(2560, 0);
    for (let i = 0; i < 5; i++) budget.charge(0);
    expect(budget.isShort).toBe(false);
    budget.charge(255);
    expect(budget.isShort).toBe(true);
    budget.refund(255);
    expect(budget.isShort).toBe(false);
  });

  test("is at least half of the connection's window", () => {
    const budget = new DataBudget(25_600, 1_048_576);
    for (let i = 0; i < 1024; i++) budget.charge(0);
    expect(budget.isShort).toBe(false);
    budget.charge(255);
    expect(budget.isShort).toBe(true);
    budget.resize(1_048_576 + 4);
    expect(budget.isShort).toBe(false);
  });

  test("what is read in any order leaves nothing charged", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(600), fc.nat()), { maxLength: 30 }), (parts) => {
        const budget = new DataBudget(25_600, 0);
        for (const [bytes] of parts) budget.charge(bytes);
        for (const [bytes] of [...parts].sort((a, b) => a[1] - b[1])) budget.refund(bytes);
        expect(budget.charged).toBe(0);
      }),
      { numRuns: 5000 },
    );
  });
});
