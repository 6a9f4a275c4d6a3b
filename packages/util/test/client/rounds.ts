/**
 * How often a race is tried. `SLUICE_RUNS` multiplies it, as for the property tests, for a night of searching.
 */
export function rounds(count: number): number {
  return Math.ceil(count * Number(process.env.SLUICE_RUNS ?? 1));
}
