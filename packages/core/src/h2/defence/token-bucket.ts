/**
 * A limit on how often something may happen: so often at once, and so often per second over time. What is left decides,
 * never the total, so a long-lived connection is not punished for its age.
 */

export class TokenBucket {
  /** The most tokens there are; infinite for no limit. */
  readonly burst: number;
  /** How often what it limits has happened; for its owner to count. */
  count = 0;
  readonly #perMs: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  /** It is full at first. */
  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
  }

  /** Takes a token, or `count`. Returns whether there were as many; if not, all stay. */
  take(now: number, count = 1): boolean {
    this.#refill(now);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Gives tokens back. */
  give(count: number): void {
    this.#tokens = Math.min(this.burst, this.#tokens + count);
  }

  /** Tokens left, with fractions. */
  available(now: number): number {
    this.#refill(now);
    return this.#tokens;
  }

  #refill(now: number): void {
    // A clock that goes backwards gives nothing.
    if (now <= this.#at) return;
    if (this.#tokens < this.burst && this.#at !== Number.NEGATIVE_INFINITY) this.give((now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
