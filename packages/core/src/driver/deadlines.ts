/**
 * The time limits of one connection, on one alarm.
 *
 * Each limit has a slot that is armed and disarmed as the connection moves on, several times per message. That only
 * writes a number: the alarm is moved when a limit comes nearer, and when it rings too early it is simply set again.
 */
import type { Alarm, Timer } from "../rt/io.ts";

const never = Number.POSITIVE_INFINITY;

/** Whose time limits these are. */
export interface DeadlineOwner {
  /** The time of `slot` has passed; it is disarmed by now. May arm and disarm slots, this one too. */
  expired(slot: number): void;
}

export class Deadlines {
  readonly #timer: Timer | null;
  readonly #owner: DeadlineOwner;
  /** When each slot expires, by the timer's clock. */
  readonly #at: number[];
  #alarm: Alarm | undefined;
  #alarmAt = never;

  constructor(timer: Timer | null, slots: number, owner: DeadlineOwner) {
    this.#timer = timer;
    this.#owner = owner;
    this.#at = new Array<number>(slots).fill(never);
  }

  /** Arms `slot` to expire in `delayMs`; 0 or Infinity disarms it. Without a timer nothing is ever armed. */
  set(slot: number, delayMs: number): void {
    if (this.#timer === null) return;
    if (delayMs === 0 || delayMs === never) {
      this.#at[slot] = never;
      return;
    }
    const at = this.#timer.now() + delayMs;
    this.#at[slot] = at;
    if (at < this.#alarmAt) this.#schedule(at, delayMs);
  }

  /** Disarms `slot`. */
  clear(slot: number): void {
    this.#at[slot] = never;
  }

  /** Disarms everything but `slot`. */
  clearAllBut(slot: number): void {
    for (let other = 0; other < this.#at.length; other++) {
      if (other !== slot) this.#at[other] = never;
    }
  }

  isSet(slot: number): boolean {
    return this.#at[slot] !== never;
  }

  /** Disarms everything and takes the alarm back. */
  stop(): void {
    this.#at.fill(never);
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#alarmAt = never;
  }

  #schedule(at: number, delayMs: number): void {
    this.#alarm?.cancel();
    this.#alarmAt = at;
    this.#alarm = this.#timer?.schedule(delayMs, this.#ring);
  }

  readonly #ring = (): void => {
    const timer = this.#timer;
    if (timer === null) return;
    this.#alarm = undefined;
    this.#alarmAt = never;
    const now = timer.now();
    for (let slot = 0; slot < this.#at.length; slot++) {
      if ((this.#at[slot] as number) > now) continue;
      this.#at[slot] = never;
      this.#owner.expired(slot);
    }
    let next = never;
    for (const at of this.#at) next = Math.min(next, at);
    if (next < this.#alarmAt) this.#schedule(next, Math.max(1, next - now));
  };
}
