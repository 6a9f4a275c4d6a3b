/**
 * What small DATA frames cost beyond the octets that flow control counts: each that waits to be read is an object in
 * memory, so many tiny ones fill far more of it than their window (RUSTSEC-2026-0258).
 *
 * A part that waits by itself is charged what it lacks of 256 octets, and the charge is given back when it is read or
 * thrown away. Parts that are joined to the one before cost nothing more. When half of the budget is gone, the
 * connection stops reading until something is read: the peer waits, and what it sends waits with it.
 */

/** What a part that waits costs at least. */
export const partCostBytes = 256;

export class DataBudget {
  readonly #least: number;
  #max = 0;
  #charged = 0;

  /**
   * @param leastBytes The budget for small windows.
   * @param windowBytes The receive window of the connection; the budget is at least half of it.
   */
  constructor(leastBytes: number, windowBytes: number) {
    this.#least = leastBytes;
    this.resize(windowBytes);
  }

  /** The receive window of the connection has become `windowBytes`. */
  resize(windowBytes: number): void {
    this.#max = Math.max(this.#least, windowBytes / 2);
  }

  /** What is charged for parts that wait. */
  get charged(): number {
    return this.#charged;
  }

  /** Whether to stop reading until something is given back. */
  get isShort(): boolean {
    return this.#charged * 2 > this.#max;
  }

  /** A part of `bytes` octets was put aside by itself. */
  charge(bytes: number): void {
    this.#charged += overhead(bytes);
  }

  /** A part of `bytes` octets that was charged is no more. */
  refund(bytes: number): void {
    this.#charged = Math.max(0, this.#charged - overhead(bytes));
  }
}

function overhead(bytes: number): number {
  return Math.max(0, partCostBytes - bytes);
}
