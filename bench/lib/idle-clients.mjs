// Clients with many idle connections: what each adds to a client's memory, and what an exchange costs beside them.

import { startAll, stopAll, summarize } from "./entrants.mjs";
import { loadCore, measured } from "./process.mjs";
import { report } from "./report.mjs";
import { reportScaling } from "./scaling.mjs";

const longestRounds = 3;
const patienceSeconds = 90;

/**
 * @param scenario `name`, `title`, `counts` of connections in ascending order, `gate` (servers/gate.mjs as a peer), the `clients`
 *   and the name of the one that is the `reference`. The memory is that of the last count.
 */
export async function idleClients(bench, { name, title, counts, gate, clients: all, reference }) {
  const clients = bench.among(all, reference);
  const runs = Object.fromEntries(clients.map((client) => [client.name, []]));
  for (let round = 0; round < Math.min(bench.rounds, longestRounds); round++) {
    for (const count of counts) {
      for (const client of clients)
        runs[client.name].push({ count, ...(await runOnce(client, gate, count, bench.seconds)) });
    }
  }
  const most = counts.at(-1);
  const ofMost = Object.entries(runs).map(([client, each]) => [client, each.filter(({ count }) => count === most)]);
  const memory = Object.fromEntries(ofMost);
  const generator = "clients/idle.mjs, against servers/gate.mjs";
  report(bench, {
    name: `${name}-memory`,
    title: `${title}: memory of each of ${most.toLocaleString("en")} (client)`,
    figure: "bytes",
    reference,
    generator,
    targets: {},
    peers: summarize(clients, memory, "bytes", reference),
    leftOut: [],
    runs: memory,
  });
  const checkout = {
    name: `${name}-checkout`,
    title: `${title}: one exchange at a time beside them (client)`,
    unit: "idle connections",
  };
  reportScaling(bench, { ...checkout, counts, generator, runs, leftOut: [] }, clients);
}

async function runOnce({ file }, gate, count, seconds) {
  const [servers, absent] = await startAll([gate], () => gate.start({ count }));
  if (servers.length === 0) return { errors: 1, why: absent[0].why };
  try {
    const given = ["--client", file, "--port", servers[0].port, "--count", count, "--seconds", seconds];
    const words = ["--expose-gc", "clients/idle.mjs", ...given.map(String)];
    return await measured(loadCore, process.execPath, words, { limitSeconds: seconds + patienceSeconds });
  } finally {
    await stopAll(servers);
  }
}
