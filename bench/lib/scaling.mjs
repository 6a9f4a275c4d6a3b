// What a request costs a server as the number of something grows, be it connections or streams, and the slope of that.

import { loadCore, measured, serverCore } from "./process.mjs";
import { median, ratio, table, whole } from "./report.mjs";

/**
 * Processor time per request at each of `counts`, in turns. `args` gives the arguments of load/h2-many.mjs for a count.
 * The slope is the straight line of least squares through the medians at `slopeFrom` and above, in nanoseconds for each
 * one more.
 */
export async function compareScaling(bench, { name, title, service, peers, counts, slopeFrom = counts[0], args }) {
  const servers = await bench.startAll(peers, (peer) => peer.start(service, serverCore));
  const load = (server, count) => {
    const given = ["load/h2-many.mjs", "--port", server.port, "--pid", server.pid, "--seconds", bench.seconds];
    const limitSeconds = bench.seconds * 2 + 15;
    return measured(loadCore, process.execPath, [...given, ...args(count)].map(String), limitSeconds);
  };
  for (const server of servers) await load(server, counts[0]);
  const runs = Object.fromEntries(servers.map((server) => [server.name, []]));
  for (let round = 0; round < Math.min(bench.rounds, 3); round++) {
    for (const count of counts) {
      for (const server of servers) {
        const { requests, cpuSeconds, errors } = await load(server, count);
        runs[server.name].push({ count, micros: (cpuSeconds / requests) * 1e6, errors });
      }
    }
  }
  for (const server of servers) await server.stop();
  bench.record(name, runs);
  const points = servers.map((server) => counts.map((count) => [count, medianAt(runs[server.name], count)]));
  const sloping = points.map((all) => all.filter(([count]) => count >= slopeFrom));
  table(
    title,
    ["CPU us per request", ...servers.map((server) => server.name)],
    [
      ...counts.map((count, i) => [whole(count), ...points.map((all) => all[i][1].toFixed(1))]),
      [`${whole(counts.at(-1))} / ${slopeFrom}`, ...sloping.map((all) => ratio(all.at(-1)[1] / all[0][1]))],
      ["slope, ns (target: flat)", ...sloping.map((all) => (slope(all) * 1000).toFixed(2))],
      ["void", ...servers.map((server) => runs[server.name].filter(({ errors }) => errors > 0).length)],
    ],
  );
}

function medianAt(runs, wanted) {
  const valid = runs.filter(({ count, errors }) => count === wanted && errors === 0);
  return valid.length > 0 ? median(valid.map(({ micros }) => micros)) : Number.NaN;
}

function slope(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const across = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return across / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
