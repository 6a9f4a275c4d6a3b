/**
 * A `memoryPair` over the worst network that is still a correct one.
 *
 * At every point where a real transport has a choice, this one lets `choose` decide: how many bytes a chunk has, across
 * the boundaries of writes; whether a callback runs before the call returns or later; and which of the callbacks that
 * are due runs next, which also means how long any of them is delayed. The same choices give the same run.
 */
import type { IoInfo, Timer } from "@sluice/core";
import { type MemoryIo, memoryPair } from "./memory-pair.ts";

/** What `adversarialPair` may be told. */
export interface AdversarialPairOptions {
  /** Seed of the built-in choices; not used when `choose` is given. Default 1. */
  readonly seed?: number;
  /** Makes every choice: called with `n >= 2`, returns an integer of 0 to `n - 1`. For fast-check and the like. */
  readonly choose?: (n: number) => number;
  /** As in `memoryPair`. Default: 1 up to 4,096, chosen. */
  readonly capacityBytes?: number;
  /** Facts about the transport, the same for both ends. Default: none. */
  readonly info?: IoInfo;
  /** The clock of connections on either end; it is not used for the delays. Default: none. */
  readonly timer?: Timer;
}

/** Two connected ends, and the network between them. */
export interface AdversarialPair {
  readonly a: MemoryIo;
  readonly b: MemoryIo;
  /** Callbacks that are due. */
  readonly pending: number;
  /** Lets one callback happen; false when none is due. */
  step(): boolean;
  /**
   * Steps until nothing is due, and returns the number of steps.
   * @throws Error after `maxSteps` (default 1,000,000), when the two ends keep each other busy.
   */
  run(maxSteps?: number): number;
  /**
   * As `run`, for users that go on in promises: gives the event loop a turn after each run, until there was nothing to
   * do in `quietTurns` (default 3) turns in a row. Returns the number of steps.
   */
  settle(quietTurns?: number): Promise<number>;
}

const defaultMaxSteps = 1_000_000;
const maxChosenCapacityBytes = 4096;

/**
 * Makes two connected `Io`s on an adversarial network.
 *
 * ```ts
 * fc.assert(fc.property(fc.infiniteStream(fc.nat()), (choices) => {
 *   const link = adversarialPair({ choose: (n) => choices.next().value % n });
 *   ...
 *   link.run();
 * }));
 * ```
 */
export function adversarialPair(options: AdversarialPairOptions = {}): AdversarialPair {
  const choose = checked(options.choose ?? seeded(options.seed ?? 1));
  const due: (() => void)[] = [];
  let running = false;

  function call(task: () => void): void {
    running = true;
    try {
      task();
    } finally {
      running = false;
    }
  }

  const turns = {
    post(task: () => void): void {
      // Only the outermost call may be answered at once: the ends must not recurse.
      if (!running && choose(2) === 1) call(task);
      else due.push(task);
    },
  };

  const [a, b] = memoryPair({
    turns,
    tear: (available) => pieceOf(available, choose),
    capacityBytes: options.capacityBytes ?? 1 + choose(maxChosenCapacityBytes),
    ...(options.info !== undefined && { info: options.info }),
    ...(options.timer !== undefined && { timer: options.timer }),
  });

  const link: AdversarialPair = {
    a,
    b,
    get pending() {
      return due.length;
    },
    step() {
      const [task] = due.splice(choose(due.length), 1);
      if (task === undefined) return false;
      call(task);
      return true;
    },
    run(maxSteps = defaultMaxSteps) {
      for (let steps = 0; steps <= maxSteps; steps++) if (!link.step()) return steps;
      throw new Error(`adversarialPair: not idle after ${maxSteps} steps`);
    },
    async settle(quietTurns = 3) {
      let total = 0;
      for (let quiet = 0; quiet < quietTurns; ) {
        const steps = link.run();
        total += steps;
        quiet = steps === 0 ? quiet + 1 : 0;
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      return total;
    },
  };
  return link;
}

/** One byte, a few, all, or anything between: errors live at the edges. */
function pieceOf(available: number, choose: (n: number) => number): number {
  switch (choose(4)) {
    case 0:
      return 1;
    case 1:
      return 1 + choose(8);
    case 2:
      return available;
    default:
      return 1 + choose(available);
  }
}

/** Spares `choose` the questions with one answer, and refuses an answer that is none. */
function checked(choose: (n: number) => number): (n: number) => number {
  return (n) => {
    if (n <= 1) return 0;
    const choice = choose(n);
    if (Number.isInteger(choice) && choice >= 0 && choice < n) return choice;
    throw new RangeError(`choose: must return an integer of 0 to ${n - 1}, but returned ${choice}`);
  };
}

/** Mulberry32, a small generator of good enough numbers. */
function seeded(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}
