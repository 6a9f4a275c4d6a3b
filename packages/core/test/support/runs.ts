/**
 * How often a property is tried, and how to try the same again.
 *
 * A failure prints its seed and path: `SLUICE_SEED=... SLUICE_PATH=... npx vitest run <file>` repeats it. `SLUICE_RUNS`
 * multiplies the number of runs, for a night of searching.
 */

export interface Runs {
  readonly numRuns: number;
  readonly seed?: number;
  readonly path?: string;
}

export function runs(count: number): Runs {
  const { SLUICE_RUNS: factor, SLUICE_SEED: seed, SLUICE_PATH: path } = process.env;
  return {
    numRuns: Math.ceil(count * Number(factor ?? 1)),
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(path !== undefined && { path }),
  };
}

/** Searching takes long when the machine is busy, and shrinking what was found takes longer. */
export const propertyTimeoutMs = 300_000;
