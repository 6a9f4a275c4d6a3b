/**
 * The streams we have reset of late. For a while the peer may send on them in good faith (RFC 9113 section 5.1), so
 * frames for them are dropped in silence. Bounded in number, the oldest going first, and in time, which is looked at
 * when there is something to look up.
 */

export class RememberedResets {
  readonly #max: number;
  readonly #durationMs: number;
  /** When each is forgotten, the oldest first. */
  #expiry: Map<number, number> | undefined;

  constructor(max: number, durationMs: number) {
    this.#max = max;
    this.#durationMs = durationMs;
  }

  get size(): number {
    return this.#expiry?.size ?? 0;
  }

  add(id: number, now: number): void {
    if (this.#max < 1) return;
    this.#expiry ??= new Map();
    const all = this.#expiry;
    all.delete(id);
    for (const [oldest, expiry] of all) {
      if (expiry > now && all.size < this.#max) break;
      all.delete(oldest);
    }
    all.set(id, now + this.#durationMs);
  }

  has(id: number, now: number): boolean {
    const expiry = this.#expiry?.get(id);
    if (expiry === undefined) return false;
    if (expiry > now) return true;
    this.#expiry?.delete(id);
    return false;
  }
}
