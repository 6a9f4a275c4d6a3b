/**
 * A hierarchical timing wheel: the store of pending tasks behind `createNodeTimer`. It counts ticks and knows no clock.
 *
 * Seven levels of 64 slots. A task lies at the level of the highest base-64 digit in which its tick differs from the
 * current one, in the slot of that digit, so a slot never holds two laps and each task moves down at most six times.
 * Slots are circular doubly linked lists through the tasks themselves: adding and removing are O(1) and allocate
 * nothing but the task. Tasks of one tick run in the order in which they were added.
 */

const slotsPerLevel = 64;
const levels = 7;

/** Ticks that fit: 64^7, which is 139 years of milliseconds. */
export const maxTick: number = slotsPerLevel ** levels - 1;

/** A task in the wheel, and the links of the list it is in. A list head is an entry without a task. */
export class WheelEntry {
  readonly tick: number;
  /** Undefined once the task has run or was removed. */
  task: (() => void) | undefined;
  next: WheelEntry;
  previous: WheelEntry;

  constructor(tick: number, task: (() => void) | undefined) {
    this.tick = tick;
    this.task = task;
    this.next = this;
    this.previous = this;
  }

  /** Takes the task out of the wheel; does nothing once it has run. */
  cancel(): void {
    this.task = undefined;
    unlink(this);
  }
}

export class TimingWheel {
  readonly #slots: readonly WheelEntry[] = Array.from(
    { length: levels * slotsPerLevel },
    () => new WheelEntry(0, undefined),
  );
  readonly #onError: (error: unknown) => void;
  #current = 0;

  /** `onError` is told what a task throws. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** The tick up to which tasks have run. */
  get current(): number {
    return this.#current;
  }

  /** Adds a task for `tick`, which must lie after `current` and not beyond `maxTick`. */
  add(tick: number, task: () => void): WheelEntry {
    const entry = new WheelEntry(tick, task);
    this.#insert(entry);
    return entry;
  }

  /** The first tick at which there may be something to do; `Infinity` when the wheel is empty. Never too late. */
  next(): number {
    let unit = 1;
    for (let level = 0; level < levels; level++) {
      const digits = Math.floor(this.#current / unit);
      const base = level * slotsPerLevel;
      for (let slot = digits % slotsPerLevel; slot < slotsPerLevel; slot++) {
        const head = this.#slots[base + slot];
        if (head !== undefined && head.next !== head) return (digits - (digits % slotsPerLevel) + slot) * unit;
      }
      unit *= slotsPerLevel;
    }
    return Infinity;
  }

  /** Moves on to `target` and runs every task up to it, in the order of their ticks. */
  advance(target: number): void {
    for (let tick = this.next(); tick <= target; tick = this.next()) {
      this.#current = tick;
      this.#moveDown();
      this.#run();
    }
    if (target > this.#current) this.#current = target;
  }

  #insert(entry: WheelEntry): void {
    let level = 0;
    let digits = entry.tick;
    let current = this.#current;
    for (;;) {
      const rest = Math.floor(digits / slotsPerLevel);
      current = Math.floor(current / slotsPerLevel);
      if (rest === current) break;
      digits = rest;
      level += 1;
    }
    const head = this.#slots[level * slotsPerLevel + (digits % slotsPerLevel)];
    if (head === undefined) throw new RangeError(`tick ${entry.tick} is beyond ${maxTick}`);
    append(head, entry);
  }

  /** Distributes the tasks of every slot that begins at the current tick over the levels below it. */
  #moveDown(): void {
    let digits = this.#current;
    for (let level = 1; level < levels && digits % slotsPerLevel === 0; level++) {
      digits /= slotsPerLevel;
      const head = this.#slots[level * slotsPerLevel + (digits % slotsPerLevel)];
      if (head === undefined || head.next === head) continue;
      let entry = head.next;
      head.next = head;
      head.previous = head;
      while (entry !== head) {
        const following = entry.next;
        this.#insert(entry);
        entry = following;
      }
    }
  }

  #run(): void {
    const head = this.#slots[this.#current % slotsPerLevel];
    if (head === undefined) return;
    for (let entry = head.next; entry !== head; entry = head.next) {
      const task = entry.task;
      entry.cancel();
      try {
        task?.();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function append(head: WheelEntry, entry: WheelEntry): void {
  const last = head.previous;
  entry.previous = last;
  entry.next = head;
  last.next = entry;
  head.previous = entry;
}

function unlink(entry: WheelEntry): void {
  entry.previous.next = entry.next;
  entry.next.previous = entry.previous;
  entry.next = entry;
  entry.previous = entry;
}
