/**
 * How much load repeated requests may add: so many per second, and a share of the requests there are. When everything fails,
 * a service that is tried again without a limit gets several times the load it could not bear.
 *
 * Time is cut into ten slots per `ttlMs`; requests and retries count while their slot is among the last ten.
 */
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, objectOption, wholeOption } from "../options.ts";

/** Options of a `RetryBudget`. */
export interface RetryBudgetOptions {
  /** The share of requests that may be repeated on top of the reserve: 0 to 10. Default 0.2, which is 20 per cent. */
  readonly extraLoad?: number | undefined;
  /** Retries per second that are always allowed, so that a quiet client may retry at all. Default 10. */
  readonly reservePerSecond?: number | undefined;
  /** How long requests and retries count, in milliseconds. Default 10,000. */
  readonly ttlMs?: number | undefined;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

interface Slot {
  /** Which slot of time it holds the counts of. */
  at: number;
  requests: number;
  retries: number;
}

const slotCount = 10;
const maxExtraLoad = 10;

/** A budget; one may be shared by several `retry`. Its memory does not depend on what it counts. */
export class RetryBudget {
  readonly #extraLoad: number;
  readonly #reserve: number;
  readonly #slotMs: number;
  readonly #timer: Timer;
  readonly #slots: readonly Slot[];

  /** @throws TypeError or RangeError for options that make no sense. */
  constructor(options: RetryBudgetOptions = {}) {
    knownOptions("RetryBudget", options, ["extraLoad", "reservePerSecond", "ttlMs", "timer"]);
    const { extraLoad = 0.2 } = options;
    if (!(extraLoad >= 0 && extraLoad <= maxExtraLoad)) {
      throw new RangeError(
        `RetryBudget: extraLoad must be a number from 0 to ${maxExtraLoad}, got ${String(extraLoad)}`,
      );
    }
    const reservePerSecond = wholeOption("RetryBudget", "reservePerSecond", options.reservePerSecond, 10, 0, 1_000_000);
    const ttlMs = wholeOption("RetryBudget", "ttlMs", options.ttlMs, 10_000, slotCount, 3_600_000);
    this.#extraLoad = extraLoad;
    this.#reserve = (reservePerSecond * ttlMs) / 1000;
    this.#slotMs = ttlMs / slotCount;
    this.#timer = objectOption("RetryBudget", "timer", options.timer, "schedule", () => nodeTimer);
    this.#slots = Array.from({ length: slotCount }, () => ({ at: Number.NaN, requests: 0, retries: 0 }));
  }

  /** Retries that would be allowed now. */
  get available(): number {
    return Math.max(0, Math.floor(this.#balance() + tolerance));
  }

  /** Counts a request that is made for the first time. */
  deposit(): void {
    this.#slot().requests++;
  }

  /** Counts a retry, if it is allowed. */
  withdraw(): boolean {
    if (this.#balance() + tolerance < 1) return false;
    this.#slot().retries++;
    return true;
  }

  #balance(): number {
    const now = this.#now();
    let balance = this.#reserve;
    for (const { at, requests, retries } of this.#slots) {
      if (at > now - slotCount && at <= now) balance += requests * this.#extraLoad - retries;
    }
    return balance;
  }

  #slot(): Slot {
    const now = this.#now();
    const slot = this.#slots[now % slotCount] as Slot;
    if (slot.at !== now) {
      slot.at = now;
      slot.requests = 0;
      slot.retries = 0;
    }
    return slot;
  }

  #now(): number {
    return Math.max(0, Math.floor(this.#timer.now() / this.#slotMs));
  }
}

/** Five times 0.2 is 1. */
const tolerance = 1e-9;
