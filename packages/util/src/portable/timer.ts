/**
 * The clock for runtimes other than Node: the timing wheel of `createNodeTimer` over whatever timers the runtime has.
 *
 * Needed are `performance.now` and `setTimeout`. `setImmediate` is used where there is one, else a timeout of 0. A waiting
 * alarm does not keep the process alive where the runtime lets a program say so: by `unref` of the handle (Bun, Deno from
 * 2.8) or by `Deno.unrefTimer` (numeric handles). No Node module is used.
 */
import type { Timer } from "@sluice/core";
import { createNodeTimer, type NodeTimerOptions, type TimerClock } from "../node/timer.ts";

interface Host {
  readonly setTimeout: (task: () => void, delayMs: number) => unknown;
  readonly clearTimeout: (handle: unknown) => void;
  readonly setImmediate?: (task: () => void) => unknown;
  readonly clearImmediate?: (handle: unknown) => void;
  readonly Deno?: { readonly unrefTimer?: (handle: number) => void };
}

/** The timers of `host`, looked up at each call so that nothing runs when a module is loaded. */
export function portableClock(host: object = globalThis): TimerClock {
  const timers = host as Host;
  return {
    now: () => performance.now(),
    setTimeout: (task, delayMs) => {
      const handle = timers.setTimeout(task, delayMs);
      if (typeof handle === "number") timers.Deno?.unrefTimer?.(handle);
      else (handle as { unref?: () => void }).unref?.();
      return handle;
    },
    clearTimeout: (handle) => timers.clearTimeout(handle),
    setImmediate: (task) =>
      timers.setImmediate === undefined ? timers.setTimeout(task, 0) : timers.setImmediate(task),
    clearImmediate: (handle) => {
      if (timers.setImmediate === undefined) timers.clearTimeout(handle);
      else timers.clearImmediate?.(handle);
    },
  };
}

/**
 * Makes a coarse timer of its own, as `createNodeTimer` does: 50 ms of resolution unless told otherwise, one timeout for
 * any number of alarms.
 *
 * @throws RangeError when `resolutionMs` is not within 1 to 60,000.
 */
export function createPortableTimer(options?: NodeTimerOptions): Timer {
  return createNodeTimer({ clock: portableClock(), ...options });
}

/** The timer that all transports of a process share. */
export const portableTimer: Timer = createPortableTimer();
