// What a request costs as the number of something grows, and the slope of that.

import { startAll, stopAll, warmUp } from "./entrants.mjs";
import { cannot } from "./peers.mjs";
import { withProcessorTime } from "./process.mjs";
import { ratio, table, whole } from "./report.mjs";
import { slope, spread } from "./stats.mjs";

const longestRounds = 3;

/**
 * Processor time per request of servers at each of `counts`, in turns.
 * @param scenario `name`, `title`, `unit` of the counts, `protocol`, the `peers`, `counts`, `service` of a count, `load` of a
 *   count (as `compareServers` has it, but told the pid of the server), and `slopeFrom`, the count from which the slope is
 *   taken. A peer is started once for all counts unless `service` is a function.
 */
export async function scaleServers(bench, scenario) {
  const { name, service, counts, protocol } = scenario;
  const serviceAt = typeof service === "function" ? service : () => service;
  const peers = bench
    .among(scenario.peers, scenario.peers.at(-1).name)
    .filter((peer) => cannot(peer, { protocol, service: serviceAt(counts[0]) }) === undefined);
  let loads;
  try {
    loads = new Map(counts.map((count) => [count, scenario.load(count)]));
  } catch (error) {
    return bench.leaveOut(name, error.message);
  }
  const runs = Object.fromEntries(peers.map((peer) => [peer.name, []]));
  const left = new Map();
  const measure = async (servers, count) => {
    for (const server of servers) {
      const run = await runOnce(server, loads.get(count), bench.seconds);
      runs[server.name].push({ ...run, count });
    }
  };
  const started = async (count, use) => {
    const [servers, absent] = await startAll(peers, (peer) =>
      peer.start({ protocol, service: serviceAt(count), more: scenario.more?.[peer.name] }),
    );
    for (const { name: peer, why } of absent) left.set(peer, why);
    try {
      await warmUp(servers, loads.get(count), bench.warmUpSeconds);
      await use(servers);
    } finally {
      await stopAll(servers);
    }
  };
  const rounds = Math.min(bench.rounds, longestRounds);
  if (typeof service === "function") {
    for (const count of counts) {
      await started(count, async (servers) => {
        for (let round = 0; round < rounds; round++) await measure(servers, count);
      });
    }
  } else {
    await started(counts[0], async (servers) => {
      for (let round = 0; round < rounds; round++) {
        // Each round begins with another count: the first one of all is measured while the server still gets faster.
        for (let i = 0; i < counts.length; i++) await measure(servers, counts[(i + round) % counts.length]);
      }
    });
  }
  const leftOut = [...left].map(([peer, why]) => ({ name: peer, why }));
  const present = peers.filter((peer) => runs[peer.name].length > 0);
  const generator = loads.get(counts[0]).generator;
  reportScaling(bench, { ...scenario, title: `${scenario.title} (server)`, generator, runs, leftOut }, present);
}

async function runOnce({ pid, port }, load, seconds) {
  const { run, cpu } = await withProcessorTime(pid, (longer) => load.run(port, seconds * longer, { pid }));
  const micros = (cpu / run.requests) * 1e6;
  if (run.errors === 0 && !(cpu > 0)) return { micros, errors: 1, why: "no processor time was counted" };
  return { micros, errors: run.errors, why: run.why };
}

/** Prints and keeps what was measured at each count: `runs` by peer, each with `count`, `micros` and `errors`. */
export function reportScaling(
  bench,
  { name, title, unit, counts, slopeFrom = counts[0], generator, runs, leftOut },
  peers,
) {
  const series = peers.map((peer) => {
    const all = runs[peer.name];
    const points = counts
      .map((count) => [count, spread(validAt(all, count))])
      .filter(([, micros]) => micros !== undefined);
    const sloping = points.filter(([count]) => count >= slopeFrom).map(([count, { median }]) => [count, median]);
    const failed = all.find(({ errors }) => errors > 0);
    return {
      name: peer.name,
      version: typeof peer.version === "function" ? peer.version() : peer.version,
      points: points.map(([count, micros]) => ({ count, ...micros })),
      slopeNanos: sloping.length > 1 ? slope(sloping) * 1000 : undefined,
      growth: sloping.length > 1 ? sloping.at(-1)[1] / sloping[0][1] : undefined,
      voidRuns: all.filter(({ errors }) => errors > 0).length,
      why: failed === undefined ? undefined : (failed.why ?? `${failed.errors} errors`),
    };
  });
  bench.add({ name, title, figure: "micros", unit, counts, slopeFrom, generator, series, leftOut, runs });
  const at = (points, count) => points.find((point) => point.count === count)?.median;
  table(
    `${name}: ${title}`,
    [`us of CPU, by ${unit}`, ...series.map((one) => one.name)],
    [
      ...counts.map((count) => [whole(count), ...series.map(({ points }) => fixed(at(points, count), 1))]),
      [`${whole(counts.at(-1))} / ${whole(slopeFrom)}`, ...series.map(({ growth }) => ratio(growth))],
      ["slope, ns for each more", ...series.map(({ slopeNanos }) => fixed(slopeNanos, 2))],
    ],
  );
  for (const one of series) if (one.voidRuns > 0) console.log(`void: ${one.name}: ${one.voidRuns} runs: ${one.why}`);
  for (const left of leftOut) console.log(`left out: ${left.name}: ${left.why}`);
}

function validAt(runs, wanted) {
  return runs.filter(({ count, errors }) => count === wanted && errors === 0).map(({ micros }) => micros);
}

function fixed(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}
