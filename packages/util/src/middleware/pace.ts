/**
 * A token bucket with a line of those who wait for a token.
 *
 * The bucket is one number, the time at which it would be full again (the "theoretical arrival time" of GCRA): taking a token
 * moves it by one interval, and there is a token as long as it is not further ahead than the burst allows.
 */
import type { Alarm, Timer } from "@sluice/core";
import { type Linked, LinkedList } from "../pool/linked-list.ts";

export class PaceWaiter implements Linked<PaceWaiter> {
  before: PaceWaiter | undefined = undefined;
  after: PaceWaiter | undefined = undefined;
  /** Its turn has come. */
  readonly admit: () => void;

  constructor(admit: () => void) {
    this.admit = admit;
  }
}

/** Fractions of a millisecond do not add up exactly. */
const toleranceMs = 1e-6;

export class Pace {
  readonly #timer: Timer;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #line = new LinkedList<PaceWaiter>();
  #fullAtMs = Number.NEGATIVE_INFINITY;
  #alarm: Alarm | undefined;

  constructor(timer: Timer, intervalMs: number, burst: number) {
    this.#timer = timer;
    this.#intervalMs = intervalMs;
    this.#burstMs = intervalMs * burst;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Takes a token, unless there is none or others wait for one. */
  tryTake(): boolean {
    if (this.#line.size > 0 || this.#nextMs() > toleranceMs) return false;
    this.#take();
    return true;
  }

  /** How long one that came now would wait, behind all others. */
  get waitMs(): number {
    return Math.max(0, this.#nextMs()) + this.#line.size * this.#intervalMs;
  }

  join(waiter: PaceWaiter): void {
    this.#line.push(waiter);
    this.#arm();
  }

  leave(waiter: PaceWaiter): void {
    this.#line.remove(waiter);
    if (this.#line.size > 0) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  #take(): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, this.#timer.now()) + this.#intervalMs;
  }

  /** How long until there is a token. */
  #nextMs(): number {
    const now = this.#timer.now();
    return Math.max(this.#fullAtMs, now) + this.#intervalMs - this.#burstMs - now;
  }

  #arm(): void {
    this.#alarm ??= this.#timer.schedule(Math.max(0, this.#nextMs()), () => {
      this.#alarm = undefined;
      while (this.#line.size > 0 && this.#nextMs() <= toleranceMs) {
        this.#take();
        this.#line.shift()?.admit();
      }
      if (this.#line.size > 0) this.#arm();
    });
  }
}
