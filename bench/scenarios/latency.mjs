// Latencies at a rate that all servers can keep.

import { compareLatencies } from "../lib/compare-latencies.mjs";
import { h1Load, h2Load } from "../lib/loads.mjs";
import { nodeHttp, nodeHttp2 } from "../lib/peers.mjs";
import { h1Peers } from "./h1.mjs";
import { h2Peers } from "./h2.mjs";

const h1 = {
  name: "latency/h1",
  title: "GET, 13 bytes, 64 connections",
  protocol: "h1",
  service: "hello",
  connections: 64,
  streams: 1,
  load: () => h1Load({ connections: 64 }),
  peers: h1Peers,
  reference: nodeHttp.name,
};
const h2 = {
  name: "latency/h2",
  title: "GET, 13 bytes, 8 connections of up to 32 streams",
  protocol: "h2c",
  service: "hello",
  connections: 8,
  streams: 32,
  load: () => h2Load({ connections: 8, streams: 32 }),
  peers: h2Peers,
  reference: nodeHttp2.name,
};

export const latencyScenarios = [
  { name: h1.name, smoke: true, run: (bench) => compareLatencies(bench, h1) },
  { name: h2.name, run: (bench) => compareLatencies(bench, h2) },
];
