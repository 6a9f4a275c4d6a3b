/**
 * The clock of Node transports: one coarse timing wheel for any number of alarms.
 *
 * Connections set and take back alarms for every message, so both must cost next to nothing, and being late by a
 * fraction of a tick does not matter. A single unref'd `setTimeout` is armed for the next tick with something to do,
 * only while something is scheduled; it never keeps the process alive. Time is counted from the creation of the timer.
 */
import type { Alarm, Timer } from "@sluice/core";
import { throwLater } from "../transport-error.ts";
import { maxTick, TimingWheel } from "./timing-wheel.ts";

/** The primitives under a timer; replaced in tests. Handles are whatever `setTimeout` and `setImmediate` return. */
export interface TimerClock {
  /** A monotonic reading in milliseconds. */
  now(): number;
  /** Runs `task` about `delayMs` (an integer of 1 to 2^31 - 1) from now; must not keep the process alive. */
  setTimeout(task: () => void, delayMs: number): unknown;
  /** Takes back what `setTimeout` returned a handle for. */
  clearTimeout(handle: unknown): void;
  /** Runs `task` after the events at hand; it must run, so it may keep the process alive. */
  setImmediate(task: () => void): unknown;
  /** Takes back what `setImmediate` returned a handle for. */
  clearImmediate(handle: unknown): void;
}

/** What `createNodeTimer` may be told. */
export interface NodeTimerOptions {
  /** The length of a tick in milliseconds, and so how late a task may run at most. 1 to 60,000. Default 50. */
  readonly resolutionMs?: number;
  /** Default: `performance.now` and the timers of Node. */
  readonly clock?: TimerClock;
}

const defaultResolutionMs = 50;
const maxResolutionMs = 60_000;
/** The longest delay `setTimeout` takes. */
const maxTimeoutMs = 2 ** 31 - 1;

const nodeClock: TimerClock = {
  now: () => performance.now(),
  setTimeout: (task, delayMs) => setTimeout(task, delayMs).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
  setImmediate: (task) => setImmediate(task),
  clearImmediate: (handle) => clearImmediate(handle as NodeJS.Immediate),
};

/** The alarm of a task that never runs. */
const never: Alarm = { cancel: () => {} };

class NodeTimer implements Timer {
  readonly #clock: TimerClock;
  readonly #resolutionMs: number;
  readonly #startMs: number;
  readonly #wheel = new TimingWheel(throwLater);
  readonly #onTimeout = (): void => this.#expire();
  /** The tick the underlying timeout is armed for; `Infinity` when it is not. */
  #armedTick = Infinity;
  #timeout: unknown = undefined;

  constructor(resolutionMs: number, clock: TimerClock) {
    this.#clock = clock;
    this.#resolutionMs = resolutionMs;
    this.#startMs = clock.now();
  }

  now(): number {
    return this.#clock.now();
  }

  schedule(delayMs: number, task: () => void): Alarm {
    if (delayMs > 0) {
      const elapsedMs = this.#clock.now() - this.#startMs;
      const tick = Math.max(Math.ceil((elapsedMs + delayMs) / this.#resolutionMs), this.#wheel.current + 1);
      if (tick > maxTick) return never;
      const alarm = this.#wheel.add(tick, task);
      if (tick < this.#armedTick) this.#arm(tick, elapsedMs);
      return alarm;
    }
    if (Number.isNaN(delayMs)) throw new RangeError("delayMs: must be a number of milliseconds, but is NaN");
    return new ImmediateAlarm(this.#clock, task);
  }

  #arm(tick: number, elapsedMs: number): void {
    if (this.#armedTick !== Infinity) this.#clock.clearTimeout(this.#timeout);
    this.#armedTick = tick;
    const delayMs = Math.ceil(tick * this.#resolutionMs - elapsedMs);
    this.#timeout = this.#clock.setTimeout(this.#onTimeout, Math.min(Math.max(delayMs, 1), maxTimeoutMs));
  }

  #expire(): void {
    this.#armedTick = Infinity;
    this.#timeout = undefined;
    this.#wheel.advance(Math.floor((this.#clock.now() - this.#startMs) / this.#resolutionMs));
    const next = this.#wheel.next();
    if (next < this.#armedTick) this.#arm(next, this.#clock.now() - this.#startMs);
  }
}

/** A task for the next turn; the wheel cannot promise one that soon. */
class ImmediateAlarm implements Alarm {
  readonly #clock: TimerClock;
  readonly #handle: unknown;

  constructor(clock: TimerClock, task: () => void) {
    this.#clock = clock;
    this.#handle = clock.setImmediate(task);
  }

  cancel(): void {
    this.#clock.clearImmediate(this.#handle);
  }
}

/**
 * Makes a coarse timer of its own. One is enough for a process, and `nodeTimer` is there; make another for a different
 * resolution, or for tests of the timer itself.
 *
 * A task runs no sooner than its delay and at most about one `resolutionMs` later, in a later turn. A delay of 0 or less
 * runs in the next `setImmediate` turn, and keeps the process alive until then; a positive delay does not. A delay of
 * `Infinity` never runs. What a task throws becomes an uncaught exception and stops no other task.
 *
 * @throws RangeError when `resolutionMs` is not within 1 to 60,000; `schedule` throws one when its delay is `NaN`.
 */
export function createNodeTimer(options?: NodeTimerOptions): Timer {
  const resolutionMs = options?.resolutionMs ?? defaultResolutionMs;
  if (!(resolutionMs >= 1 && resolutionMs <= maxResolutionMs)) {
    throw new RangeError(`resolutionMs: must be within 1 to ${maxResolutionMs}, but is ${resolutionMs}`);
  }
  return new NodeTimer(resolutionMs, options?.clock ?? nodeClock);
}

/** The timer every Node transport shares, with a resolution of 50 ms. */
export const nodeTimer: Timer = createNodeTimer();
