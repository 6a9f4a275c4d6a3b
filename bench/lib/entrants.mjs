// The rounds: entrants take turns, so that a noisy moment hits all of them, and each round begins with another one. A run with
// an error is void. What is started is stopped, whatever happens.

import { cpuSeconds } from "./process.mjs";
import { spread } from "./stats.mjs";

const mostWarmUps = 6;
/** A server that waits for its load takes less than all of the time. */
const warmShare = 0.6;

/**
 * Gives what is compiled while it runs so many seconds of processor time for that, as far as it takes them: on a busy machine
 * they last longer. `load` is a load of loads.mjs.
 */
export async function warmUp(servers, load, seconds) {
  for (const { pid, port, isCompiled } of servers) {
    if (isCompiled) continue;
    const before = cpuSeconds(pid);
    for (let i = 0; i < mostWarmUps; i++) {
      await load.run(port, seconds, { pid });
      if (!(cpuSeconds(pid) - before < seconds * warmShare)) break;
    }
  }
}

/**
 * Starts those entrants that can be started, all at once. `start` rejects with the reason where there is none.
 * @returns `[started, leftOut]`.
 */
export async function startAll(entrants, start) {
  const outcomes = await Promise.allSettled(entrants.map(async (entrant) => start(entrant)));
  const started = [];
  const leftOut = [];
  for (const [i, { status, value, reason }] of outcomes.entries()) {
    const { name, isCompiled = false } = entrants[i];
    if (status === "fulfilled") started.push({ ...value, name, isCompiled, version: versionOf(entrants[i]) });
    else leftOut.push({ name, why: reason.message });
  }
  return [started, leftOut];
}

export function stopAll(started) {
  return Promise.all(started.map((server) => server.stop()));
}

/** The runs of every entrant, by name. `run` gives figures and `errors`. */
export async function takeTurns(rounds, entrants, run) {
  const runs = Object.fromEntries(entrants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entrants.length; i++) {
      const entrant = entrants[(i + round) % entrants.length];
      runs[entrant.name].push(await run(entrant));
    }
  }
  return runs;
}

/**
 * What the runs of entrants come to: for each figure the median with its spread over the runs without an error, and the ratio
 * of `figure` to that of `reference`, round by round.
 */
export function summarize(entrants, runs, figure, reference) {
  return entrants.map((entrant) => {
    const { name } = entrant;
    const all = runs[name] ?? [];
    const valid = all.filter(isValid);
    const keys = new Set(valid.flatMap(Object.keys));
    const figures = {};
    for (const key of keys) {
      const summary = spread(valid.map((run) => run[key]));
      if (summary !== undefined) figures[key] = summary;
    }
    const against = runs[reference] ?? [];
    const ratios = all.map((run, i) =>
      isValid(run) && against[i] !== undefined && isValid(against[i]) ? run[figure] / against[i][figure] : Number.NaN,
    );
    const failed = all.find((run) => !isValid(run));
    return {
      name,
      version: versionOf(entrant),
      figures,
      ratio: spread(ratios),
      rounds: all.length,
      voidRounds: all.length - valid.length,
      ...(failed === undefined ? {} : { why: failed.why ?? `${failed.errors} errors` }),
    };
  });
}

function versionOf({ version }) {
  return typeof version === "function" ? version() : version;
}

function isValid({ errors }) {
  return errors === 0;
}
