/**
 * How large a receive window pays: the bandwidth-delay product, estimated from the DATA that arrives between a PING and
 * its answer. The numbers are hyper's.
 *
 * After DATA, when the pause since the last answer is over, a PING is sent and octets are counted until its answer. If
 * that is the highest bandwidth so far and at least two thirds of the estimate, the estimate becomes twice the sample.
 * The pause is halved when the estimate grew, and made four times as long when twice it did not.
 */
import { defaultInitialWindowBytes } from "../frame/settings.ts";

/** The estimate never exceeds this. */
export const maxEstimateBytes: number = 16 * 1024 * 1024;
const firstPauseMs = 100;
/** The pause is not made longer from here on. */
const longPauseMs = 10_000;
/** Some peers take many PINGs for an attack, so there is a shortest pause, which hyper does without. */
const leastPauseMs = 10;
/** Clocks are coarse, and a bandwidth without bound would never be reached again. */
const leastRoundTripMs = 0.05;

export class BandwidthEstimator {
  #estimate: number;
  #bandwidth = 0;
  #roundTripMs = 0;
  #pauseMs = firstPauseMs;
  #stable = 0;
  #bytes = 0;
  /** When the PING was sent, or negative infinity if none is under way. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #nextAt = Number.NEGATIVE_INFINITY;

  /** @param initialBytes The window in force at first. */
  constructor(initialBytes: number = defaultInitialWindowBytes) {
    this.#estimate = initialBytes;
  }

  /** The window to have, in octets. */
  get estimate(): number {
    return this.#estimate;
  }

  /** Time between the answer to a PING and the next PING. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** The round trip time, smoothed; 0 before the first answer. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** DATA was received. Returns whether to send a PING now; the estimator takes it as sent. */
  received(now: number, bytes: number): boolean {
    const waiting = this.#sentAt !== Number.NEGATIVE_INFINITY;
    if (!waiting && now < this.#nextAt) return false;
    this.#bytes += bytes;
    if (waiting) return false;
    this.#sentAt = now;
    return true;
  }

  /** The PING was answered. Returns the new window if it is to grow, or 0. */
  answered(now: number): number {
    if (this.#sentAt === Number.NEGATIVE_INFINITY) return 0;
    const sample = Math.max(now - this.#sentAt, leastRoundTripMs);
    const bytes = this.#bytes;
    this.#sentAt = Number.NEGATIVE_INFINITY;
    this.#bytes = 0;
    const grown = this.#sampled(bytes, sample);
    this.#nextAt = now + this.#pauseMs;
    return grown;
  }

  #sampled(bytes: number, sampleMs: number): number {
    if (this.#estimate >= maxEstimateBytes) return this.#settle();
    if (this.#roundTripMs === 0) this.#roundTripMs = sampleMs;
    else this.#roundTripMs += (sampleMs - this.#roundTripMs) / 8;
    const bandwidth = bytes / (1.5 * this.#roundTripMs);
    if (bandwidth < this.#bandwidth) return this.#settle();
    this.#bandwidth = bandwidth;
    if (bytes * 3 < this.#estimate * 2) return this.#settle();
    this.#estimate = Math.min(bytes * 2, maxEstimateBytes);
    this.#stable = 0;
    this.#pauseMs = Math.max(this.#pauseMs / 2, leastPauseMs);
    return this.#estimate;
  }

  #settle(): number {
    if (this.#pauseMs < longPauseMs && ++this.#stable >= 2) {
      this.#pauseMs *= 4;
      this.#stable = 0;
    }
    return 0;
  }
}
