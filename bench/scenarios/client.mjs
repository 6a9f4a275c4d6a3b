// Clients, against servers that parse next to nothing. References: undici.request, and node:http2.

import { compareClients } from "../lib/compare-clients.mjs";
import { h2Canned, netCanned } from "../lib/peers.mjs";
import { handshake, nodeAgent, nodeSession, pool, undiciFetch, undiciH2, undiciRequest } from "./clients.mjs";

const h1 = {
  protocol: "h1",
  server: netCanned,
  clients: [pool, handshake, undiciRequest, undiciFetch, nodeAgent],
  reference: undiciRequest.name,
};
const h2 = {
  protocol: "h2c",
  server: h2Canned,
  clients: [pool, handshake, undiciH2, nodeSession],
  reference: nodeSession.name,
  connections: 1,
};

function scenario(name, { smoke = false, ...rest }) {
  const whole = { name: `client/${name}`, ...rest };
  return { name: whole.name, smoke, run: (bench) => compareClients(bench, whole) };
}

export const clientScenarios = [
  scenario("h1-50", { ...h1, title: "GET, 13 bytes, 50 connections", service: "hello", connections: 50, smoke: true }),
  scenario("h1-1", { ...h1, title: "GET, 13 bytes, 1 connection", service: "hello", connections: 1 }),
  scenario("h1-download-1m", { ...h1, title: "GET, 1 MiB, 8 connections", service: "bytes-1048576", connections: 8 }),
  scenario("h1-upload-1m", { ...h1, title: "POST, 1 MiB, 8 connections", service: "size", connections: 8 }),
  scenario("h2-100", {
    ...h2,
    title: "GET, 13 bytes, 1 connection of 100 streams",
    service: "hello",
    targets: { [handshake.name]: ">= 4" },
    smoke: true,
  }),
  scenario("h2-download-1m", { ...h2, title: "GET, 1 MiB, 1 connection of 4 streams", service: "bytes-1048576" }),
  scenario("h2-upload-1m", { ...h2, title: "POST, 1 MiB, 1 connection of 4 streams", service: "size" }),
];
