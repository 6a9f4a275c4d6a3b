// What each of many idle connections adds to the memory of a server.

import { startAll, stopAll, summarize, takeTurns } from "./entrants.mjs";
import { cannot } from "./peers.mjs";
import { held, loadCore, residentBytes } from "./process.mjs";
import { report } from "./report.mjs";

const figure = "bytes";
const longestRounds = 3;
const settleMs = 200;

/** @param scenario `name`, `title`, `protocol`, how many `connections`, the `peers`, the `reference` and `targets` by peer. */
export async function compareMemory(bench, { name, title, protocol, connections, peers, reference, targets = {} }) {
  const runs = {};
  const leftOut = [];
  const able = bench
    .among(peers, reference)
    .filter((peer) => cannot(peer, { protocol, service: "hello" }) === undefined);
  const measuredPeers = await takeTurns(Math.min(bench.rounds, longestRounds), able, async (peer) => {
    if (leftOut.some((left) => left.name === peer.name)) return undefined;
    const [servers, absent] = await startAll([peer], () => peer.start({ protocol, service: "hello", gc: true }));
    leftOut.push(...absent);
    try {
      return servers.length === 0 ? undefined : await idleMemory(servers[0], protocol, connections);
    } catch (error) {
      return { errors: 1, why: error.message };
    } finally {
      await stopAll(servers);
    }
  });
  for (const [peer, all] of Object.entries(measuredPeers)) runs[peer] = all.filter((run) => run !== undefined);
  const present = able.filter((peer) => runs[peer.name].length > 0);
  report(bench, {
    name,
    title: `${title} (server)`,
    figure,
    reference,
    generator: "load/idle.mjs",
    targets,
    peers: summarize(present, runs, figure, reference),
    leftOut,
    runs,
  });
}

async function idleMemory(server, protocol, connections) {
  const open = (count) => held(loadCore, process.execPath, ["load/idle.mjs", `${server.port}`, `${count}`, protocol]);
  // What is needed once is there before it is measured.
  await (await open(Math.min(200, connections))).release();
  const before = await settledMemory(server);
  const clients = await open(connections);
  const after = await settledMemory(server);
  const { opened, errors } = clients.said;
  await clients.release();
  return {
    bytes: (after.resident - before.resident) / opened,
    heapBytes: (after.heap - before.heap) / opened,
    externalBytes: (after.external - before.external) / opened,
    peakBytes: after.resident,
    connections: opened,
    errors,
  };
}

/** Twice: objects with finalizers go in the second collection. Of a server that is not in Node the resident memory only. */
async function settledMemory(server) {
  let usage = { heapUsed: Number.NaN, external: Number.NaN };
  for (let i = 0; i < 2; i++) {
    if (server.isNode) usage = await server.collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }
  return { resident: residentBytes(server.pid), heap: usage.heapUsed, external: usage.external };
}
