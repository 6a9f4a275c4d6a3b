/**
 * Checks of options: what is wrong is said at once, by name, value and range.
 */

/** @throws RangeError unless `value` is a whole number of at least `min`, or Infinity. */
export function wholeNumber(name: string, value: number, min: number): number {
  if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= min) return value;
  throw new RangeError(`${name}: must be a whole number of at least ${min}, got ${String(value)}`);
}

/** @throws TypeError for an option that is not one of `known`. */
export function knownOptions(face: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new TypeError(`${face}: unknown option ${name}`);
  }
}
