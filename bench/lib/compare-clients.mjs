// Clients against one server: requests per second of the processor time that each client takes.

import { startAll, stopAll, summarize, takeTurns } from "./entrants.mjs";
import { loadCore, measured } from "./process.mjs";
import { report } from "./report.mjs";

const figure = "perCpuSecond";
const patienceSeconds = 20;

/**
 * @param scenario `name`, `title`, `protocol`, `service`, `connections`, the `server` they all ask, the `clients` (name, version
 *   and file in clients/) and the name of the one that is the `reference`. `targets` are texts, by client.
 */
export async function compareClients(bench, scenario) {
  const { name, title, protocol, service, connections, reference, targets = {} } = scenario;
  const clients = bench.among(scenario.clients, reference);
  const [servers, absent] = await startAll([scenario.server], (peer) => peer.start({ protocol, service }));
  if (servers.length === 0) return bench.leaveOut(name, absent[0].why);
  try {
    const options = { port: servers[0].port, protocol, service, connections };
    const runs = await takeTurns(bench.rounds, clients, (client) => runOnce(client, options, bench));
    report(bench, {
      name,
      title: `${title} (client)`,
      figure,
      reference,
      generator: `the client itself, against ${scenario.server.name}`,
      targets,
      peers: summarize(clients, runs, figure, reference),
      leftOut: [],
      runs,
    });
  } finally {
    await stopAll(servers);
  }
}

async function runOnce({ file, args = [] }, options, { seconds, warmUpSeconds }) {
  const given = Object.entries({ client: file, seconds, "warm-up": warmUpSeconds, ...options });
  const words = given.flatMap(([option, value]) => [`--${option}`, String(value)]);
  const run = await measured(loadCore, process.execPath, ["clients/run.mjs", ...words, ...args], {
    limitSeconds: seconds + warmUpSeconds + patienceSeconds,
  });
  return {
    perSecond: run.requests / run.seconds,
    perCpuSecond: run.requests / run.cpuSeconds,
    busy: run.cpuSeconds / run.seconds,
    p50: run.p50,
    p99: run.p99,
    p999: run.p999,
    peakBytes: run.peakBytes,
    errors: run.errors,
    why: run.why,
  };
}
