// Reverse proxies in front of a server that parses next to nothing, which shares the core of the load. Reference: node:http,
// piping.

import { compareServers } from "../lib/compare-servers.mjs";
import { h1Load } from "../lib/loads.mjs";
import { netCanned, proxy } from "../lib/peers.mjs";
import { loadCore } from "../lib/process.mjs";

const nodeProxy = proxy("node:http", "reverse-proxy-node");
const peers = [proxy("sluice", "reverse-proxy-sluice"), nodeProxy];

function scenario(name, { smoke = false, ...rest }) {
  const whole = { name: `proxy/${name}`, protocol: "h1", reference: nodeProxy.name, ...rest };
  const run = async (bench) => {
    const upstream = await netCanned.start({ protocol: "h1", service: whole.service, core: loadCore });
    try {
      await compareServers(bench, { ...whole, peers: peers.map((peer) => peer.before(upstream.port)) });
    } finally {
      await upstream.stop();
    }
  };
  return { name: whole.name, smoke, run };
}

export const proxyScenarios = [
  scenario("get", {
    title: "reverse proxy, GET, 13 bytes, 64 connections",
    service: "hello",
    load: () => h1Load({ connections: 64 }),
    smoke: true,
  }),
  scenario("download-1m", {
    title: "reverse proxy, GET, 1 MiB, 8 connections",
    service: "bytes-1048576",
    load: () => h1Load({ connections: 8 }),
  }),
];
