// node bench/profile.mjs [h1|h2] [--server NAME] [--service hello] [--connections N] [--depth N] [--seconds 4] [--top 25]
// Where a server spends its time under wrk (h1) or h2load (h2): the functions with the most time of their own, from
// --cpu-prof, and the same by kind. `--depth` is how many requests are under way at a time on each connection.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { h1Load, h1Upload, h2Load } from "./lib/loads.mjs";
import { serverCore, startProgram } from "./lib/process.mjs";
import { table, whole } from "./lib/report.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: "string", default: "sluice" },
    service: { type: "string", default: "hello" },
    connections: { type: "string" },
    depth: { type: "string" },
    seconds: { type: "string", default: "4" },
    top: { type: "string", default: "25" },
  },
});

const protocols = {
  h1: {
    protocol: "h1",
    connections: "64",
    depth: "1",
    load: ({ connections, depth, service }) => (service === "size" ? h1Upload : h1Load)({ connections, depth }),
  },
  h2: {
    protocol: "h2c",
    connections: "8",
    depth: "32",
    load: ({ connections, depth, service }) => h2Load({ connections, streams: depth, upload: service === "size" }),
  },
};

/** So that start-up and the first compilation are over when it counts. */
const warmUpSeconds = 1;
const { load, ...usual } = protocols[positionals[0] ?? "h1"];
const given = { ...usual, ...options };
const { run } = load(given);

const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
try {
  const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`];
  const args = [`servers/${given.server}.mjs`, "--service", given.service, "--protocol", given.protocol];
  const server = await startProgram(given.server, serverCore, process.execPath, [...flags, ...args]);
  await run(server.port, warmUpSeconds);
  // The clock of the profile is the same: microseconds of CLOCK_MONOTONIC.
  const startMicros = Number(process.hrtime.bigint() / 1000n);
  const { requests, seconds, errors } = await run(server.port, Number(given.seconds));
  await server.stop();
  const [file] = readdirSync(folder);
  const profile = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const functions = selfTimes(profile, startMicros, nameOf);
  const total = functions.reduce((sum, { micros }) => sum + micros, 0);
  const rows = (times) =>
    times.map(({ name, micros }) => [name, ((100 * micros) / total).toFixed(1), (micros / requests).toFixed(2)]);
  const columns = ["self %", "us per request"];
  table(
    `${given.server} ${given.service}: ${whole(requests / seconds)} requests per second under the profiler, ${errors} errors`,
    ["function", ...columns],
    rows(functions.slice(0, Number(given.top))),
  );
  table("by kind", ["kind", ...columns], rows(selfTimes(profile, startMicros, kindOf)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Time of its own, from a moment on, by what `label` makes of a function, longest first, without what was idle. */
function selfTimes({ nodes, samples, timeDeltas, startTime }, fromMicros, label) {
  const labels = new Map(
    nodes.filter(({ callFrame }) => !isIdle(callFrame)).map((node) => [node.id, label(node.callFrame)]),
  );
  const micros = new Map();
  let now = startTime;
  for (const [i, sample] of samples.entries()) {
    now += timeDeltas[i];
    const name = labels.get(sample);
    if (now >= fromMicros && name !== undefined) micros.set(name, (micros.get(name) ?? 0) + timeDeltas[i]);
  }
  return [...micros].map(([name, time]) => ({ name, micros: time })).sort((a, b) => b.micros - a.micros);
}

function isIdle({ functionName }) {
  return functionName === "(idle)" || functionName === "(root)";
}

function nameOf({ functionName, url, lineNumber }) {
  if (url === "") return functionName || "(anonymous)";
  const place = url.split("/").slice(-2).join("/");
  return `${functionName || "(anonymous)"}  ${place}:${lineNumber + 1}`;
}

/** Natively: what the engine and the kernel do outside of functions, garbage collection, and functions of C++. */
function kindOf({ functionName, url }) {
  if (functionName === "(program)") return "native: event loop and reads";
  if (functionName === "(garbage collector)") return "garbage collection";
  if (url === "") return "native: functions, writes among them";
  if (url.startsWith("node:")) return "node's JavaScript";
  const [, name, place] = /\/packages\/([a-z]+)\/(?:dist|src)\/(.*)$/.exec(url) ?? [];
  if (name === undefined) return "the benchmark's server";
  // By folder: what stands at the top of a package counts for itself.
  return `sluice ${[name, ...place.split("/").slice(0, -1)].join("/")}`;
}
