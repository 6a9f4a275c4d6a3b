/**
 * How bytes in flight are cut into chunks. A reader of a stream must not care where one write ended and the next
 * began; a tear makes sure that it does not.
 */

/**
 * Cuts a stream: either a function that is given the number of bytes at hand and returns how many the next chunk has
 * (clamped to 1 up to that number), or a list of sizes that is gone through again and again.
 */
export type Tear = readonly number[] | ((available: number) => number);

/** The function form of a tear, clamped. */
export function cutter(tear: Tear): (available: number) => number {
  if (typeof tear === "function") return (available) => clamp(tear(available), available);
  if (tear.length === 0) throw new RangeError("tear: a list of sizes must not be empty");
  let next = 0;
  return (available) => clamp(tear[next++ % tear.length] ?? 1, available);
}

function clamp(size: number, available: number): number {
  return Math.min(Math.max(Math.trunc(size) || 1, 1), available);
}
