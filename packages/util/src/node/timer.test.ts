import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { createNodeTimer, nodeTimer, type TimerClock } from "./index.ts";

/** The primitives under a timer, moved by hand. `earlyMs` makes timeouts fire a little too soon, as Node's may. */
class FakeClock implements TimerClock {
  time = 1000.25;
  armed = 0;
  fired = 0;
  earlyMs = 0;
  #timeouts: { at: number; task: () => void }[] = [];
  #immediates: { task: () => void }[] = [];

  now(): number {
    return this.time;
  }

  setTimeout(task: () => void, delayMs: number): unknown {
    if (!Number.isInteger(delayMs) || delayMs < 1 || delayMs > 2 ** 31 - 1) throw new RangeError(String(delayMs));
    const timeout = { at: this.time + delayMs - this.earlyMs, task };
    this.#timeouts.push(timeout);
    this.armed += 1;
    return timeout;
  }

  clearTimeout(handle: unknown): void {
    this.#timeouts = this.#timeouts.filter((timeout) => timeout !== handle);
  }

  setImmediate(task: () => void): unknown {
    const immediate = { task };
    this.#immediates.push(immediate);
    return immediate;
  }

  clearImmediate(handle: unknown): void {
    this.#immediates = this.#immediates.filter((immediate) => immediate !== handle);
  }

  get waiting(): number {
    return this.#timeouts.length;
  }

  turn(): void {
    for (const { task } of this.#immediates.splice(0)) task();
  }

  /** Moves on by `ms`; a single timeout that falls due fires at its time, or at the end when the loop was blocked. */
  pass(ms: number, blocked = false): void {
    const end = this.time + ms;
    for (;;) {
      const due = this.#timeouts.filter((timeout) => timeout.at <= end).sort((x, y) => x.at - y.at)[0];
      if (due === undefined) break;
      this.clearTimeout(due);
      this.time = blocked ? end : Math.max(this.time, due.at);
      this.fired += 1;
      due.task();
    }
    this.time = end;
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("runs a task not before its delay and at most one tick later", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  for (const delay of [0.5, 1, 49, 50, 51, 99.5, 3200, 65_000]) {
    const start = timer.now();
    let ranAt = -1;
    timer.schedule(delay, () => (ranAt = timer.now()));
    clock.pass(delay + 50 + 1);
    expect(ranAt - start).toBeGreaterThanOrEqual(delay);
    expect(ranAt - start).toBeLessThanOrEqual(delay + 50 + 1);
    clock.pass(7.3);
  }
});

test("a timeout that fires too early runs nothing early", () => {
  const clock = new FakeClock();
  clock.earlyMs = 0.9;
  const timer = createNodeTimer({ clock });
  const start = timer.now();
  let ranAt = -1;
  timer.schedule(100, () => (ranAt = timer.now()));
  clock.pass(200);
  expect(ranAt - start).toBeGreaterThanOrEqual(100);
});

test("one timeout underneath, and none when nothing is scheduled", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  expect(clock.waiting).toBe(0);
  for (let i = 0; i < 10_000; i++) timer.schedule(5000 + (i % 100), () => {});
  expect(clock.waiting).toBe(1);
  expect(clock.armed).toBe(1);
  timer.schedule(100, () => {});
  expect(clock.waiting).toBe(1);
  expect(clock.armed).toBe(2);
  clock.pass(10_000);
  expect(clock.waiting).toBe(0);
});

test("setting and taking back alarms all day does not touch the timeout underneath", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  for (let i = 0; i < 60_000; i++) {
    timer.schedule(5000, () => expect.unreachable()).cancel();
    clock.pass(1);
  }
  expect(clock.armed).toBeLessThan(40);
});

test("sleeps to the next task instead of ticking", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  let ran = false;
  timer.schedule(86_400_000, () => (ran = true));
  clock.pass(86_400_100);
  expect(ran).toBe(true);
  expect(clock.fired).toBeLessThan(8);
});

test("delays beyond 2^31 ms are kept; Infinity never runs and costs nothing", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  timer.schedule(Infinity, () => expect.unreachable()).cancel();
  expect(clock.waiting).toBe(0);
  let ran = 0;
  timer.schedule(2 ** 31, () => (ran += 1));
  timer.schedule(2 ** 33, () => (ran += 1));
  clock.pass(2 ** 31 - 1);
  expect(ran).toBe(0);
  clock.pass(60);
  expect(ran).toBe(1);
  clock.pass(2 ** 33);
  expect(ran).toBe(2);
});

test("a blocked event loop runs everything that is overdue, in order", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  const ran: number[] = [];
  for (const delay of [9000, 100, 70_000, 3000]) timer.schedule(delay, () => ran.push(delay));
  clock.pass(100_000, true);
  expect(ran).toEqual([100, 3000, 9000, 70_000]);
});

test("a delay of 0 or less runs in the next turn, not in schedule, and can be taken back", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  const ran: string[] = [];
  timer.schedule(0, () => ran.push("zero"));
  timer.schedule(-5, () => ran.push("negative"));
  timer.schedule(0, () => ran.push("taken back")).cancel();
  expect(ran).toEqual([]);
  clock.turn();
  expect(ran).toEqual(["zero", "negative"]);
});

test("a canceled task does not run; canceling late or twice does nothing", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  let ran = 0;
  const alarm = timer.schedule(10, () => (ran += 1));
  const other = timer.schedule(10, () => (ran += 10));
  other.cancel();
  other.cancel();
  clock.pass(100);
  alarm.cancel();
  expect(ran).toBe(1);
});

test("tasks may schedule tasks: never in the same tick, however short the delay", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  const times: number[] = [];
  timer.schedule(1, function again() {
    times.push(timer.now());
    if (times.length < 5) timer.schedule(Number.MIN_VALUE, again);
  });
  clock.pass(1000);
  expect(times).toHaveLength(5);
  expect(new Set(times).size).toBe(5);
});

test("a task that throws stops no other and is reported as uncaught", () => {
  const clock = new FakeClock();
  const timer = createNodeTimer({ clock });
  const reported: (() => void)[] = [];
  vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => void reported.push(task));
  let ran = false;
  timer.schedule(10, () => {
    throw new Error("from a task");
  });
  timer.schedule(10, () => (ran = true));
  clock.pass(100);
  expect(ran).toBe(true);
  expect(reported).toHaveLength(1);
  expect(() => reported[0]?.()).toThrow("from a task");
});

test("refuses NaN and a resolution out of range", () => {
  expect(() => nodeTimer.schedule(NaN, () => {})).toThrow(RangeError);
  for (const resolutionMs of [0, -1, 0.5, 60_001, NaN])
    expect(() => createNodeTimer({ resolutionMs })).toThrow(RangeError);
});

test("against a naive model: never early, in tick order, at most a tick and a timeout late", () => {
  const step = fc.oneof(
    fc.record({ delay: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 500_000 })) }),
    fc.record({ cancel: fc.nat() }),
    fc.record({ pass: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 300_000 })) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 40 }), (resolutionMs, steps) => {
      const clock = new FakeClock();
      clock.time = 0;
      const timer = createNodeTimer({ resolutionMs, clock });
      const alarms: { due: number; ranAt: number | undefined; canceled: boolean; cancel: () => void }[] = [];
      for (const action of steps) {
        if ("delay" in action) {
          const entry = {
            due: clock.time + action.delay,
            ranAt: undefined as number | undefined,
            canceled: false,
            cancel: () => {},
          };
          const alarm = timer.schedule(action.delay, () => (entry.ranAt = clock.time));
          entry.cancel = () => alarm.cancel();
          alarms.push(entry);
        } else if ("cancel" in action) {
          const entry = alarms[action.cancel % Math.max(alarms.length, 1)];
          entry?.cancel();
          if (entry !== undefined && entry.ranAt === undefined) entry.canceled = true;
        } else {
          clock.pass(action.pass);
        }
        for (const { due, ranAt, canceled } of alarms) {
          if (canceled) expect(ranAt).toBe(undefined);
          else if (ranAt === undefined) expect(clock.time).toBeLessThan(due + resolutionMs);
          else {
            expect(ranAt).toBeGreaterThanOrEqual(due);
            expect(ranAt).toBeLessThan(due + resolutionMs);
          }
        }
        expect(clock.waiting).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 500 },
  );
});

test("the real clock runs tasks, and keeps no process alive", async () => {
  await new Promise<void>((resolve) => void nodeTimer.schedule(1, resolve));
  await new Promise<void>((resolve) => void nodeTimer.schedule(0, resolve));
  nodeTimer.schedule(0, () => expect.unreachable()).cancel();
  // Only what keeps the process alive is listed; the test runner has timeouts of its own.
  const timeouts = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timeouts();
  nodeTimer.schedule(3_600_000, () => {});
  expect(timeouts()).toBe(before);
  expect(nodeTimer.now()).toBeLessThanOrEqual(performance.now());
});
