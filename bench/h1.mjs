// npm run bench: HTTP/1.1 side by side with node:http, undici, and a raw socket that parses next to nothing.
//
// Servers run alone on core 0 and the load on core 1, in processes of their own. What counts is requests per second of
// processor time (utime and stime of /proc/PID/stat), since requests per second also measure the load generator. Peers
// take turns round by round, so that a noisy moment hits all of them; the table shows medians. A run with an error is void.
//
//   --quick        fewer and shorter rounds, for a first look (under a minute)
//   --rounds N     rounds per measurement; default 5
//   --seconds N    length of one run; default 2
//   --only NAMES   some of: get, pipeline, download, upload, client, memory

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { cpuSeconds, has, held, measured, residentBytes, startServer } from "./lib/process.mjs";
import { median, ratio, table, whole } from "./lib/report.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 1 : 2));
const only = options.only?.split(",");

const serverCore = 0;
const loadCore = 1;
const idleConnections = 5_000;
const baseline = "node-http";
const peers = ["sluice", baseline, "net-canned"];

const wrk = (connections, depth) => (port) =>
  measured(
    loadCore,
    "wrk",
    ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", "load/get.lua", `http://127.0.0.1:${port}/`, "--", `${depth}`],
    seconds + 15,
  );
const upload = (port) =>
  measured(loadCore, process.execPath, ["load/upload.mjs", `${port}`, `${seconds}`], seconds + 15);

const scenarios = [
  { name: "get", title: "GET, 13 bytes, 64 connections", service: "hello", load: wrk(64, 1) },
  { name: "pipeline", title: "GET, 13 bytes, 64 connections, 16 deep", service: "hello", load: wrk(64, 16) },
  { name: "download", title: "GET, 1 MiB, 8 connections", service: "mib", load: wrk(8, 1) },
  { name: "upload", title: "POST, 1 MiB, 8 connections", service: "size", load: upload },
];

const results = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  rounds,
  seconds,
  measurements: {},
};

if (!has("wrk")) console.log("wrk is not installed: get, pipeline and download are left out");
for (const scenario of scenarios) {
  if (wanted(scenario.name) && (has("wrk") || scenario.load === upload)) await compareServers(scenario);
}
if (wanted("client")) await compareClients();
if (wanted("memory")) await compareMemory();

const folder = new URL("./results/", import.meta.url);
mkdirSync(folder, { recursive: true });
const file = `h1-${results.date.replaceAll(":", "-").slice(0, 19)}.json`;
writeFileSync(new URL(file, folder), `${JSON.stringify(results, null, 2)}\n`);
console.log(`\nkept in bench/results/${file}`);

function wanted(name) {
  return only === undefined || only.includes(name);
}

async function compareServers({ name, title, service, load }) {
  const servers = [];
  for (const peer of peers) servers.push(await startServer(peer, service, serverCore));
  const runs = Object.fromEntries(peers.map((peer) => [peer, []]));
  for (const server of servers) await load(server.port);
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const before = cpuSeconds(server.pid);
      const { requests, seconds: took, errors } = await load(server.port);
      const cpu = cpuSeconds(server.pid) - before;
      runs[server.name].push({ perSecond: requests / took, perCpuSecond: requests / cpu, errors });
    }
  }
  for (const server of servers) await server.stop();
  report(name, `${title} (server)`, runs, baseline);
}

async function compareClients() {
  const clients = ["sluice", "undici"];
  const server = await startServer("net-canned", "hello", serverCore);
  const runs = Object.fromEntries(clients.map((client) => [client, []]));
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) {
      const args = [`clients/${client}.mjs`, `${server.port}`, `${seconds}`];
      const {
        requests,
        seconds: took,
        cpuSeconds: cpu,
        errors,
      } = await measured(loadCore, process.execPath, args, seconds + 15);
      runs[client].push({ perSecond: requests / took, perCpuSecond: requests / cpu, errors });
    }
  }
  await server.stop();
  report("client", "GET, 13 bytes, 50 connections (client)", runs, "undici");
}

async function compareMemory() {
  const runs = { sluice: [], [baseline]: [] };
  for (let round = 0; round < (options.quick ? 1 : Math.min(rounds, 3)); round++) {
    for (const peer of Object.keys(runs)) runs[peer].push(await idleMemory(peer));
  }
  results.measurements.memory = runs;
  const bytes = ofValid(runs, "bytes");
  table(
    `bytes per idle connection, of ${idleConnections.toLocaleString("en")} after one exchange each`,
    ["peer", "bytes", `/ ${baseline}`, "void"],
    Object.keys(runs).map((peer) => [
      peer,
      whole(bytes[peer]),
      ratio(bytes[peer] / bytes[baseline]),
      voidRuns(runs[peer]),
    ]),
  );
}

/** What each of many idle connections adds to the resident memory of a server. */
async function idleMemory(peer) {
  const server = await startServer(peer, "hello", serverCore, ["--expose-gc"]);
  const open = (count) => held(loadCore, process.execPath, ["load/idle.mjs", `${server.port}`, `${count}`]);
  // What is needed once is there before it is measured.
  await (await open(200)).release();
  const before = await settledMemory(server);
  const clients = await open(idleConnections);
  const after = await settledMemory(server);
  const { opened, errors } = clients.said;
  await clients.release();
  await server.stop();
  return { bytes: (after - before) / opened, errors };
}

/** Twice: objects with finalizers go in the second collection. */
async function settledMemory(server) {
  for (let i = 0; i < 2; i++) {
    server.collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return residentBytes(server.pid);
}

function report(name, title, runs, against) {
  results.measurements[name] = runs;
  const perSecond = ofValid(runs, "perSecond");
  const perCpuSecond = ofValid(runs, "perCpuSecond");
  table(
    title,
    ["peer", "req/s", "req/cpu-s", `req/cpu-s / ${against}`, "spread", "void"],
    Object.keys(runs).map((peer) => {
      const valid = runs[peer].filter(({ errors }) => errors === 0).map((run) => run.perCpuSecond);
      return [
        peer,
        whole(perSecond[peer]),
        whole(perCpuSecond[peer]),
        ratio(perCpuSecond[peer] / perCpuSecond[against]),
        valid.length > 0 ? `${whole(Math.min(...valid))}..${whole(Math.max(...valid))}` : "-",
        voidRuns(runs[peer]),
      ];
    }),
  );
}

/** The median of one figure over the runs without an error, by peer. */
function ofValid(runs, figure) {
  const entries = Object.entries(runs).map(([peer, all]) => {
    const valid = all.filter(({ errors }) => errors === 0).map((run) => run[figure]);
    return [peer, valid.length > 0 ? median(valid) : Number.NaN];
  });
  return Object.fromEntries(entries);
}

function voidRuns(all) {
  const failed = all.filter(({ errors }) => errors > 0);
  return failed.length === 0 ? "0" : `${failed.length} of ${all.length}`;
}
