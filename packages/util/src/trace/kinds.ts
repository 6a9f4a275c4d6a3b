/** What marks can be, numbered as they appear. A log of somebody else's may name any number of types: most are one. */

const maxKinds = 64;
/** Stands for types beyond the most that are told apart. */
const otherKind = "other";

export class Kinds {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of a kind. */
  of(name: string): number {
    const number = this.#numbers.get(name);
    if (number !== undefined) return number;
    if (this.names.length >= maxKinds && name !== otherKind) return this.of(otherKind);
    this.#numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
