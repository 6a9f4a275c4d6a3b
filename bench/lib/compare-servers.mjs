// Servers under one load: requests per second of the processor time that each takes.

import { startAll, stopAll, summarize, takeTurns, warmUp } from "./entrants.mjs";
import { cannot } from "./peers.mjs";
import { peakBytes, withProcessorTime } from "./process.mjs";
import { report } from "./report.mjs";
import { expectRightAnswer } from "./right-answer.mjs";

const figure = "perCpuSecond";

/**
 * @param scenario `name`, `title`, `protocol`, `service`, `tls`, the `peers` and the name of the one that is the `reference`;
 *   `load` makes the load, and throws if there is nothing to make it with. `targets` are texts, by peer.
 */
export async function compareServers(bench, scenario) {
  const { name, title, reference, targets = {} } = scenario;
  let load;
  try {
    load = scenario.load();
  } catch (error) {
    return bench.leaveOut(name, error.message);
  }
  const able = [];
  const unable = [];
  for (const peer of bench.among(scenario.peers, reference)) {
    const why = cannot(peer, scenario);
    if (why === undefined) able.push(peer);
    else unable.push({ name: peer.name, why });
  }
  const [servers, absent] = await startAll(able, (peer) => startRight(peer, scenario));
  try {
    await warmUp(servers, load, bench.warmUpSeconds);
    const runs = await takeTurns(bench.rounds, servers, (server) => runOnce(server, load, bench.seconds));
    report(bench, {
      name,
      title: `${title} (server)`,
      figure,
      reference,
      generator: load.generator,
      targets,
      peers: summarize(servers, runs, figure, reference),
      leftOut: [...absent, ...unable],
      runs,
    });
  } finally {
    await stopAll(servers);
  }
}

/** Starts a peer that has answered one request rightly. */
async function startRight(peer, scenario) {
  const server = await peer.start(scenario);
  try {
    await expectRightAnswer({ ...scenario, port: server.port });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function runOnce({ pid, port }, load, seconds) {
  const { run, cpu } = await withProcessorTime(pid, (longer) => load.run(port, seconds * longer));
  const latencies = (await load.latencies?.(port, seconds)) ?? run;
  const result = {
    perSecond: run.requests / run.seconds,
    perCpuSecond: run.requests / cpu,
    busy: cpu / run.seconds,
    p50: latencies.p50,
    p99: latencies.p99,
    p999: latencies.p999,
    peakBytes: peakBytes(pid),
    errors: run.errors + (latencies === run ? 0 : latencies.errors),
    why: run.why ?? latencies.why,
  };
  if (result.errors === 0 && !(cpu > 0)) return { ...result, errors: 1, why: "no processor time was counted" };
  return result;
}
