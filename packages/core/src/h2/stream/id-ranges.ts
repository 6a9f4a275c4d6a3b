/**
 * Identifiers that a peer passed over, as ranges in rising order. Clients hardly ever leave any out, so the newest few
 * ranges are enough; one that has been forgotten only makes a stream count as closed for another reason.
 */

const maxRanges = 32;

export class IdRanges {
  readonly #first: number[] = [];
  readonly #last: number[] = [];

  /** Adds `first` to `last`, which lie above all others. */
  add(first: number, last: number): void {
    if (this.#first.length === maxRanges) {
      this.#first.shift();
      this.#last.shift();
    }
    this.#first.push(first);
    this.#last.push(last);
  }

  has(id: number): boolean {
    for (let i = this.#first.length - 1; i >= 0; i--) {
      if (id > (this.#last[i] as number)) return false;
      if (id >= (this.#first[i] as number)) return true;
    }
    return false;
  }
}
