/**
 * Checks of times in milliseconds, which need not be whole.
 */

/** @throws RangeError for a negative time, or none. */
export function atLeastZero(name: string, ms: number): number {
  if (ms >= 0) return ms;
  throw new RangeError(`${name}: must be a number of milliseconds of at least 0, got ${String(ms)}`);
}

/** @throws RangeError for an infinite time. */
export function finite(name: string, ms: number): number {
  if (ms < Number.POSITIVE_INFINITY) return ms;
  throw new RangeError(`${name}: must be finite, got ${String(ms)}`);
}
