/**
 * What an accept loop does about an accept that failed: wait 5 ms, twice as long after each further failure, at most
 * 1 s, and begin anew after a success.
 *
 * Node offers no means to stop accepting, so the waiting concerns what was accepted: `hold` keeps it from the loop, which
 * gives the connections being served time to end and to give their descriptors back, and `release` lets it go on.
 * Failures during a wait do not prolong it: there is one alarm at most.
 */
import type { Alarm, Timer } from "@sluice/core";

const firstDelayMs = 5;
const maxDelayMs = 1_000;

export class AcceptBackoff {
  readonly #timer: Timer;
  readonly #hold: () => void;
  readonly #release: () => void;
  #alarm: Alarm | undefined = undefined;
  #nextDelayMs = firstDelayMs;

  constructor(timer: Timer, hold: () => void, release: () => void) {
    this.#timer = timer;
    this.#hold = hold;
    this.#release = release;
  }

  failed(): void {
    if (this.#alarm !== undefined) return;
    this.#hold();
    const delayMs = this.#nextDelayMs;
    this.#nextDelayMs = Math.min(delayMs * 2, maxDelayMs);
    this.#alarm = this.#timer.schedule(delayMs, () => {
      this.#alarm = undefined;
      this.#release();
    });
  }

  succeeded(): void {
    this.#nextDelayMs = firstDelayMs;
  }

  /** Ends a wait; for a listener that closes. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#release();
  }
}
