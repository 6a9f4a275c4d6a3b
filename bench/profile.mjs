// node bench/profile.mjs [--server sluice] [--service hello] [--depth 1] [--seconds 4] [--top 25]
// Where a server spends its time under wrk: the functions with the most time of their own, from --cpu-prof.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measured, startServer } from "./lib/process.mjs";
import { table, whole } from "./lib/report.mjs";

const { values: options } = parseArgs({
  options: {
    server: { type: "string", default: "sluice" },
    service: { type: "string", default: "hello" },
    depth: { type: "string", default: "1" },
    seconds: { type: "string", default: "4" },
    top: { type: "string", default: "25" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
try {
  const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`];
  const server = await startServer(options.server, options.service, 0, flags);
  const origin = `http://127.0.0.1:${server.port}/`;
  const args = ["-t1", "-c64", `-d${options.seconds}s`, "-s", "load/get.lua", origin, "--", options.depth];
  const { requests, seconds, errors } = await measured(1, "wrk", args, Number(options.seconds) + 15);
  await server.stop();
  const [file] = readdirSync(folder);
  const functions = selfTimes(JSON.parse(readFileSync(join(folder, file), "utf8")));
  const total = functions.reduce((sum, { micros }) => sum + micros, 0);
  table(
    `${options.server} ${options.service}: ${whole(requests / seconds)} requests per second under the profiler, ${errors} errors`,
    ["function", "self %"],
    functions.slice(0, Number(options.top)).map(({ name, micros }) => [name, ((100 * micros) / total).toFixed(1)]),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Time of its own by function, longest first, without what was idle. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const micros = new Map();
  for (const [i, sample] of samples.entries()) {
    const name = names.get(sample);
    micros.set(name, (micros.get(name) ?? 0) + timeDeltas[i]);
  }
  for (const name of ["(idle)", "(root)"]) micros.delete(name);
  return [...micros].map(([name, time]) => ({ name, micros: time })).sort((a, b) => b.micros - a.micros);
}

function nameOf({ functionName, url, lineNumber }) {
  if (url === "") return functionName || "(anonymous)";
  const place = url.split("/").slice(-2).join("/");
  return `${functionName || "(anonymous)"}  ${place}:${lineNumber + 1}`;
}
