/**
 * A clock for tests: time passes only when it is told to, and then every task runs exactly when it is due.
 */
import type { Alarm, Timer } from "@sluice/core";

/** A `Timer` that is moved by hand. */
export interface FakeTimer extends Timer {
  /** Tasks scheduled, and neither run nor canceled. */
  readonly pending: number;
  /** Milliseconds until the next task is due; `Infinity` when there is none. */
  readonly nextDelayMs: number;
  /**
   * Lets `ms` milliseconds pass (default 0) and runs what falls due meanwhile, tasks scheduled by tasks included. Tasks
   * run in the order of their times, and in the order of scheduling where those are equal; `now()` is the time of the
   * task while it runs. What a task throws comes out of here, with the time standing still at that task.
   *
   * @throws Error when 100,000 tasks run without time passing: they schedule each other without end.
   */
  advance(ms?: number): void;
}

interface Entry {
  readonly dueMs: number;
  readonly task: () => void;
}

const maxTasksAtOnce = 100_000;

/** Makes a timer that stands at `startMs` (default 0). */
export function fakeTimer(startMs = 0): FakeTimer {
  let nowMs = startMs;
  /** In the order in which they will run. */
  const entries: Entry[] = [];

  return {
    get pending() {
      return entries.length;
    },
    get nextDelayMs() {
      return (entries[0]?.dueMs ?? Infinity) - nowMs;
    },
    now: () => nowMs,
    schedule(delayMs: number, task: () => void): Alarm {
      if (Number.isNaN(delayMs)) throw new RangeError("delayMs: must be a number of milliseconds, but is NaN");
      const entry: Entry = { dueMs: nowMs + Math.max(delayMs, 0), task };
      const later = entries.findIndex((other) => other.dueMs > entry.dueMs);
      entries.splice(later === -1 ? entries.length : later, 0, entry);
      return {
        cancel() {
          const index = entries.indexOf(entry);
          if (index !== -1) entries.splice(index, 1);
        },
      };
    },
    advance(ms = 0) {
      if (!(ms >= 0)) throw new RangeError(`ms: must not be negative, but is ${ms}`);
      const endMs = nowMs + ms;
      let atOnce = 0;
      for (let entry = entries[0]; entry !== undefined && entry.dueMs <= endMs; entry = entries[0]) {
        atOnce = entry.dueMs === nowMs ? atOnce + 1 : 0;
        if (atOnce > maxTasksAtOnce) throw new Error(`fakeTimer: ${maxTasksAtOnce} tasks at ${nowMs} ms`);
        nowMs = entry.dueMs;
        entries.shift();
        entry.task();
      }
      nowMs = endMs;
    },
  };
}
