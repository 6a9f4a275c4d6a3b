import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { Deadlines } from "./deadlines.ts";

function deadlines(slots = 3) {
  const timer = fakeTimer(1000);
  const rung: string[] = [];
  const of = new Deadlines(timer, slots, { expired: (slot) => rung.push(`${slot}@${timer.now() - 1000}`) });
  return { timer, rung, of };
}

describe("Deadlines", () => {
  test("a slot expires once, exactly when it is due", () => {
    const { timer, rung, of } = deadlines();
    of.set(1, 50);
    expect(of.isSet(1)).toBe(true);
    timer.advance(49);
    expect(rung).toEqual([]);
    timer.advance(1);
    expect(rung).toEqual(["1@50"]);
    expect(of.isSet(1)).toBe(false);
    timer.advance(1000);
    expect(rung).toEqual(["1@50"]);
    expect(timer.pending).toBe(0);
  });

  test("all slots share one alarm", () => {
    const { timer, rung, of } = deadlines();
    of.set(0, 30);
    of.set(1, 10);
    of.set(2, 20);
    expect(timer.pending).toBe(1);
    timer.advance(30);
    expect(rung).toEqual(["1@10", "2@20", "0@30"]);
  });

  test("setting again counts from then; the early alarm is set anew and tells nobody", () => {
    const { timer, rung, of } = deadlines();
    of.set(0, 50);
    timer.advance(40);
    of.set(0, 50);
    timer.advance(49);
    expect(rung).toEqual([]);
    timer.advance(1);
    expect(rung).toEqual(["0@90"]);
  });

  test("a nearer time takes effect at once", () => {
    const { timer, rung, of } = deadlines();
    of.set(0, 50);
    of.set(0, 10);
    timer.advance(10);
    expect(rung).toEqual(["0@10"]);
  });

  test("0 and Infinity disarm, as clear does", () => {
    const { timer, rung, of } = deadlines();
    for (const disarm of [() => of.set(0, 0), () => of.set(0, Infinity), () => of.clear(0)]) {
      of.set(0, 10);
      disarm();
      expect(of.isSet(0)).toBe(false);
    }
    timer.advance(100);
    expect(rung).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test("stop disarms everything and takes the alarm back", () => {
    const { timer, rung, of } = deadlines();
    of.set(0, 10);
    of.set(1, 20);
    of.stop();
    expect(timer.pending).toBe(0);
    timer.advance(100);
    expect(rung).toEqual([]);
    of.set(2, 5);
    timer.advance(5);
    expect(rung).toEqual(["2@105"]);
  });

  test("slots due together expire together, unless the first disarms the second", () => {
    const both = deadlines();
    both.of.set(0, 10);
    both.of.set(1, 10);
    both.timer.advance(10);
    expect(both.rung).toEqual(["0@10", "1@10"]);

    const timer = fakeTimer();
    const rung: number[] = [];
    const of = new Deadlines(timer, 2, {
      expired: (slot) => {
        rung.push(slot);
        of.stop();
      },
    });
    of.set(0, 10);
    of.set(1, 10);
    timer.advance(100);
    expect(rung).toEqual([0]);
    expect(timer.pending).toBe(0);
  });

  test("a slot armed from within its own expiry rings again", () => {
    const timer = fakeTimer();
    const rung: number[] = [];
    const of = new Deadlines(timer, 1, {
      expired: () => {
        rung.push(timer.now());
        if (rung.length < 3) of.set(0, 10);
      },
    });
    of.set(0, 10);
    timer.advance(100);
    expect(rung).toEqual([10, 20, 30]);
  });

  test("without a timer nothing is ever armed", () => {
    const of = new Deadlines(null, 1, { expired: () => expect.unreachable() });
    of.set(0, 10);
    expect(of.isSet(0)).toBe(false);
    of.stop();
  });
});
