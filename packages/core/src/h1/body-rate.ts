/**
 * Notices a peer that sends content so slowly that it only holds the connection (slow POST).
 *
 * Only time spent waiting for bytes counts, so a reader that takes its time costs the peer nothing. A peer that sends nothing
 * at all meets the stall limit instead.
 */
export class BodyRate {
  readonly #minBytesPerSecond: number;
  readonly #graceMs: number;
  #waitedMs = 0;
  #bytes = 0;
  #since = -1;

  /** @param graceMs Waiting time that does not count. */
  constructor(minBytesPerSecond: number, graceMs: number) {
    this.#minBytesPerSecond = minBytesPerSecond;
    this.#graceMs = graceMs;
  }

  /** Waiting begins. */
  wait(now: number): void {
    if (this.#since < 0) this.#since = now;
  }

  /** Bytes came; false if they come too slowly. */
  came(bytes: number, now: number): boolean {
    if (this.#since < 0) return true;
    this.#waitedMs += now - this.#since;
    this.#since = -1;
    this.#bytes += bytes;
    if (this.#waitedMs <= this.#graceMs) return true;
    return this.#bytes * 1000 >= this.#minBytesPerSecond * (this.#waitedMs - this.#graceMs);
  }
}
