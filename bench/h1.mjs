// npm run bench -- h1: HTTP/1.1 side by side with node:http, undici, and a raw socket that parses next to nothing.
//
// Servers run alone on core 0 and the load on core 1, in processes of their own. What counts is requests per second of
// processor time (utime and stime of /proc/PID/stat), since requests per second also measure the load generator. Peers
// take turns round by round, so that a noisy moment hits all of them; the table shows medians. A run with an error is void.
//
//   --quick        fewer and shorter rounds, for a first look (under a minute)
//   --rounds N     rounds per measurement; default 5
//   --seconds N    length of one run; default 2
//   --only NAMES   some of: get, pipeline, download, upload, client, memory
//   --peers NAMES  some of the peers

import { Benchmark, nodeServer } from "./lib/benchmark.mjs";
import { has, loadCore, measured } from "./lib/process.mjs";

const bench = new Benchmark("h1");
const { seconds } = bench;

const sluice = nodeServer("sluice");
const baseline = nodeServer("node-http");
const canned = nodeServer("net-canned");
const peers = [sluice, baseline, canned];
const against = baseline.name;

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

for (const scenario of scenarios) {
  if (!bench.wanted(scenario.name)) continue;
  if (scenario.load !== upload && !has("wrk")) bench.leaveOut(scenario.name, "wrk is not installed");
  else await bench.compareServers({ ...scenario, peers, against });
}
if (bench.wanted("client")) {
  await bench.compareClients({
    name: "client",
    title: "GET, 13 bytes, 50 connections",
    service: "hello",
    peer: canned,
    clients: [
      { name: "sluice", file: "sluice" },
      { name: "undici", file: "undici" },
    ],
    against: "undici",
  });
}
if (bench.wanted("memory")) {
  const connections = 5_000;
  await bench.compareMemory({
    name: "memory",
    title: `bytes per idle connection, of ${connections.toLocaleString("en")} after one exchange each`,
    peers: [sluice, baseline],
    protocol: "h1",
    connections,
    against,
  });
}
bench.keep();
