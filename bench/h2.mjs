// npm run bench -- h2: HTTP/2 over cleartext TCP side by side with node:http2, a raw socket that parses next to nothing, and
// servers in C, Go and Rust where they are there.
//
// Measured as h1.mjs does: servers alone on core 0 and the load on core 1, requests per second of processor time of the
// process under test, peers in turns, medians. The servers of servers/ have to answer one request rightly first.
//
//   --quick        fewer and shorter rounds, for a first look (a few minutes)
//   --rounds N     rounds per measurement; default 5
//   --seconds N    length of one run; default 2
//   --only NAMES   some of: get, get-100, get-1, get-8, download, upload, client, client-download, client-upload, memory,
//                  held-streams, active-streams, connections
//   --peers NAMES  some of the peers, by the names in the tables

import { Benchmark, nodeServer } from "./lib/benchmark.mjs";
import { go, hyper, nghttpd, nginx } from "./lib/foreign.mjs";
import { h2load } from "./lib/h2load.mjs";
import { has } from "./lib/process.mjs";
import { expectRightAnswer } from "./lib/right-answer.mjs";
import { compareScaling } from "./lib/scaling.mjs";

const bench = new Benchmark("h2");
const { seconds } = bench;

const sluice = nodeServer("sluice", "sluice-h2");
const sluiceAsync = nodeServer("sluice async", "sluice-h2", ["--async"]);
const baseline = nodeServer("node stream", "node-http2-stream");
const compat = nodeServer("node compat", "node-http2-compat");
const canned = nodeServer("canned", "h2-canned");
const peers = [sluice, sluiceAsync, baseline, compat, canned, nghttpd, nginx, go, hyper];
const against = baseline.name;

const get = { service: "hello", streams: 1 };
const scenarios = [
  { ...get, name: "get", title: "GET, 13 bytes, 8 x 32 streams", connections: 8, streams: 32, target: 6 },
  { ...get, name: "get-100", title: "GET, 13 bytes, 1 x 100 streams", connections: 1, streams: 100 },
  { ...get, name: "get-1", title: "GET, 13 bytes, 1 x 1 stream", connections: 1, target: 1.5 },
  { ...get, name: "get-8", title: "GET, 13 bytes, 8 x 1 stream", connections: 8, target: 1.5 },
  { name: "download", title: "GET, 1 MiB, 4 x 4 streams", service: "mib", connections: 4, streams: 4, target: 1.1 },
  { name: "upload", title: "POST, 1 MiB, 4 x 4 streams", service: "size", connections: 4, streams: 4, target: 2 },
];

for (const { name, title, service, connections, streams, target } of scenarios) {
  if (!bench.wanted(name)) continue;
  if (!has("h2load")) {
    bench.leaveOut(name, "h2load is not installed");
    continue;
  }
  await bench.compareServers({
    name,
    title,
    service,
    peers,
    load: h2load({ connections, streams, seconds, upload: service === "size" }),
    against,
    targets: target === undefined ? {} : { [sluice.name]: `>= ${target}` },
    check: expectRightAnswer,
  });
}

const clients = [
  { name: "sluice", file: "sluice-h2" },
  { name: "node", file: "node-http2" },
];
const exchanges = [
  { name: "client", title: "GET, 13 bytes, 1 x 100 streams", service: "hello", targets: { sluice: ">= 4" } },
  { name: "client-download", title: "GET, 1 MiB, 1 x 4 streams", service: "mib" },
  { name: "client-upload", title: "POST, 1 MiB, 1 x 4 streams", service: "size" },
];
for (const exchange of exchanges) {
  if (!bench.wanted(exchange.name)) continue;
  await bench.compareClients({ ...exchange, peer: canned, clients, args: [exchange.service], against: "node" });
}

if (bench.wanted("memory")) {
  const connections = 2_000;
  await bench.compareMemory({
    name: "memory",
    title: `bytes per idle connection, of ${connections.toLocaleString("en")} after one exchange each`,
    // What the socket of a canned server takes bounds what is left to save.
    peers: [sluice, baseline, canned],
    protocol: "h2",
    connections,
    against,
    targets: { [sluice.name]: "<= 0.30" },
  });
}

const counts = [1, 10, 100, 1000];
const manyStreams = [nodeServer("sluice", "sluice-h2", ["--streams", "1100"]), baseline];
if (bench.wanted("held-streams")) {
  await compareScaling(bench, {
    name: "held-streams",
    title: "one request at a time beside other open streams, by streams of the connection (server)",
    service: "size",
    peers: manyStreams,
    counts,
    args: (count) => ["--held", count - 1],
  });
}
if (bench.wanted("active-streams")) {
  await compareScaling(bench, {
    name: "active-streams",
    title: "requests at a time on one connection (server)",
    service: "hello",
    peers: manyStreams,
    counts,
    // Up to there more and more requests share a read and a write.
    slopeFrom: 100,
    args: (count) => ["--active", count],
  });
}
if (bench.wanted("connections")) {
  await compareScaling(bench, {
    name: "connections",
    title: "one request at a time over all connections in turn, by connections (server)",
    service: "hello",
    peers: [sluice, baseline],
    counts: [...counts, 5000],
    args: (count) => ["--connections", count],
  });
}
bench.keep();
