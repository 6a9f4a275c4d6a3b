/**
 * How often a race is tried. `SLUICE_RUNS` multiplies it, as for the property tests, for a night of searching.
 */
const factor = Number(process.env["SLUICE_RUNS"] ?? 1);

export function rounds(count: number): number {
  return Math.ceil(count * factor);
}

/** How long a race may take on a machine that is busy with others. */
export const raceTimeoutMs: number = 120_000 * Math.max(1, factor);
