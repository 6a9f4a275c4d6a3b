// Latencies of servers at one rate, which is half of what the reference does at its best: what a server does that is neither
// idle nor full, and not how fast it is.

import { startAll, stopAll, summarize, takeTurns, warmUp } from "./entrants.mjs";
import { fixedRate } from "./loads.mjs";
import { cannot } from "./peers.mjs";
import { cpuSeconds, has, peakBytes } from "./process.mjs";
import { report } from "./report.mjs";
import { expectRightAnswer } from "./right-answer.mjs";

const figure = "p99";
/** Of the rate that was asked for: a server that answers less has fallen behind, and its latencies say so. */
const share = 0.5;
/** Seconds: at a fixed rate fewer requests make up a percentile. */
const shortest = 0.5;

/** @param scenario As of `compareServers`; `load` is the load at full rate, `connections` and `streams` that at a fixed one. */
export async function compareLatencies(bench, scenario) {
  const { name, title, protocol, service, connections, streams, reference } = scenario;
  if (!has("h2load")) return bench.leaveOut(name, "h2load is not installed");
  const able = bench.among(scenario.peers, reference).filter((peer) => cannot(peer, scenario) === undefined);
  const [servers, absent] = await startAll(able, async (peer) => {
    const server = await peer.start({ protocol, service });
    await expectRightAnswer({ port: server.port, protocol, service });
    return server;
  });
  try {
    const against = servers.find((server) => server.name === reference);
    if (against === undefined) return bench.leaveOut(name, `${reference}, whose rate it needs, is left out`);
    const full = scenario.load();
    await warmUp(servers, full, bench.warmUpSeconds);
    const peak = await full.run(against.port, bench.seconds);
    const rate = Math.max(connections, Math.round((peak.requests / peak.seconds) * share));
    const load = fixedRate({ protocol, connections, streams, rate });
    const seconds = Math.max(bench.seconds, shortest);
    const runs = await takeTurns(bench.rounds, servers, (server) => runOnce(server, load, rate, seconds));
    report(bench, {
      name,
      title: `${title}, at half of what ${reference} does at most (server)`,
      figure,
      reference,
      generator: load.generator,
      targets: {},
      peers: summarize(servers, runs, figure, reference),
      leftOut: absent,
      runs,
    });
  } finally {
    await stopAll(servers);
  }
}

async function runOnce({ pid, port }, load, rate, seconds) {
  const before = cpuSeconds(pid);
  const run = await load.run(port, seconds);
  return {
    rate,
    perSecond: run.requests / run.seconds,
    busy: (cpuSeconds(pid) - before) / run.seconds,
    p50: run.p50,
    p99: run.p99,
    p999: run.p999,
    peakBytes: peakBytes(pid),
    errors: run.errors,
    why: run.why,
  };
}
