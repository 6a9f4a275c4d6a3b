import { expect, test } from "vitest";
import { fakeTimer } from "./index.ts";

test("runs what is due, in the order of times and then of scheduling, at exactly its time", () => {
  const timer = fakeTimer(1000);
  const ran: [string, number][] = [];
  const note = (name: string) => () => void ran.push([name, timer.now()]);
  timer.schedule(20, note("c"));
  timer.schedule(10, note("a"));
  timer.schedule(10, note("b"));
  timer.schedule(31, note("late"));
  expect(timer.pending).toBe(4);
  expect(timer.nextDelayMs).toBe(10);
  timer.advance(30);
  expect(ran).toEqual([
    ["a", 1010],
    ["b", 1010],
    ["c", 1020],
  ]);
  expect(timer.now()).toBe(1030);
  expect(timer.pending).toBe(1);
  expect(timer.nextDelayMs).toBe(1);
});

test("nothing runs before advance; advance() runs what is due at once", () => {
  const timer = fakeTimer();
  let ran = 0;
  timer.schedule(0, () => (ran += 1));
  timer.schedule(-1, () => (ran += 1));
  expect(ran).toBe(0);
  timer.advance();
  expect(ran).toBe(2);
  expect(timer.nextDelayMs).toBe(Infinity);
});

test("tasks scheduled by tasks run in the same advance when they fall due", () => {
  const timer = fakeTimer();
  const times: number[] = [];
  timer.schedule(10, function again() {
    times.push(timer.now());
    timer.schedule(10, again);
  });
  timer.advance(35);
  expect(times).toEqual([10, 20, 30]);
});

test("cancel takes a task back, once; Infinity never runs", () => {
  const timer = fakeTimer();
  const alarm = timer.schedule(5, () => expect.unreachable());
  timer.schedule(Infinity, () => expect.unreachable());
  alarm.cancel();
  alarm.cancel();
  timer.advance(1e12);
  expect(timer.pending).toBe(1);
});

test("refuses going back, NaN, and tasks that schedule each other without end", () => {
  const timer = fakeTimer();
  expect(() => timer.advance(-1)).toThrow(RangeError);
  expect(() => timer.schedule(NaN, () => {})).toThrow(RangeError);
  timer.schedule(0, function again() {
    timer.schedule(0, again);
  });
  expect(() => timer.advance(1)).toThrow("100000 tasks at 0 ms");
});
