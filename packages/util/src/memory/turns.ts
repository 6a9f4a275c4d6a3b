/**
 * When the callbacks of an in-memory transport run: the part of a test that decides about time.
 *
 * Every wake-up of a reader or writer is posted to a `Turns`. Several transports may share one, so that a test of a
 * proxy steps through all of its connections.
 */
import type { Timer } from "@sluice/core";

/** Runs tasks, each once, in the order in which they were posted unless it says otherwise. */
export interface Turns {
  /** Runs `task` once, at a time that is the business of these turns. */
  post(task: () => void): void;
}

/** Turns that wait to be run by hand. */
export interface ManualTurns extends Turns {
  /** Tasks that wait. */
  readonly pending: number;
  /** Runs the oldest task; false when there is none. */
  step(): boolean;
  /** Runs tasks until none is left, those posted meanwhile included, and returns how many ran. */
  pump(): number;
}

/**
 * Runs each task at once: what one end writes, the other has read before `write` returns. A task posted from within
 * another runs after it and not inside it, so two ends that answer each other do not recurse.
 */
export function syncTurns(): Turns {
  const queue: (() => void)[] = [];
  let running = false;
  return {
    post(task) {
      queue.push(task);
      if (running) return;
      running = true;
      try {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
      } finally {
        running = false;
      }
    },
  };
}

/** Runs each task in a microtask of its own. */
export function microtaskTurns(): Turns {
  return { post: (task) => queueMicrotask(task) };
}

/** Runs each task `delayMs` after it was posted, by `timer`: a link with latency. */
export function delayedTurns(timer: Timer, delayMs: number): Turns {
  return { post: (task) => void timer.schedule(delayMs, task) };
}

/** Runs tasks when told to. */
export function manualTurns(): ManualTurns {
  const queue: (() => void)[] = [];
  const turns: ManualTurns = {
    get pending() {
      return queue.length;
    },
    post(task) {
      queue.push(task);
    },
    step() {
      const task = queue.shift();
      task?.();
      return task !== undefined;
    },
    pump() {
      let count = 0;
      while (turns.step()) count += 1;
      return count;
    },
  };
  return turns;
}
