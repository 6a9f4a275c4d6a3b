// What idle connections take, in servers and in clients.

import { compareMemory } from "../lib/compare-memory.mjs";
import { idleClients } from "../lib/idle-clients.mjs";
import { gate, go, h2Canned, hyper, netCanned, nginx, nodeHttp, nodeHttp2, sluice } from "../lib/peers.mjs";
import { nodeAgent, pool, poolOldest, undiciRequest } from "./clients.mjs";

const h1 = { protocol: "h1", peers: [sluice, nodeHttp, go, hyper, nginx, netCanned], reference: nodeHttp.name };
const h2 = {
  protocol: "h2c",
  // What the socket of a canned server takes bounds what is left to save.
  peers: [sluice, nodeHttp2, go, hyper, nginx, h2Canned],
  reference: nodeHttp2.name,
  targets: { [sluice.name]: "<= 0.30" },
};

function server(name, smoke, rest) {
  const run = (bench) => {
    const connections = bench.possible(bench.scaled([100, 1000, 10_000], [1000], [50])).at(-1);
    const title = `each of ${connections.toLocaleString("en")} idle connections, after one exchange`;
    return compareMemory(bench, { name, title, connections, ...rest });
  };
  return { name, smoke, run };
}

export const memoryScenarios = [
  server("memory/h1", false, h1),
  server("memory/h2", true, h2),
  {
    name: "memory/client",
    smoke: true,
    run: (bench) =>
      idleClients(bench, {
        name: "memory/client",
        title: "idle connections in the pool",
        counts: bench.possible(bench.scaled([100, 1000, 10_000], [100, 1000], [20])),
        gate,
        clients: [pool, poolOldest, undiciRequest, nodeAgent],
        reference: undiciRequest.name,
      }),
  },
];
