// The clients that are measured beside each other.

import { installed } from "../lib/peers.mjs";

const node = `Node ${process.version}`;
const undici = installed("undici") ?? "not installed";

export const pool = { name: "Client", file: "sluice-pool", version: "Sluice, pooled" };
export const poolOldest = {
  name: "Client oldest",
  file: "sluice-pool-oldest",
  version: "Sluice, pooled, order oldest",
};
export const handshake = { name: "handshake", file: "sluice", version: "Sluice, connections by hand" };
export const undiciRequest = { name: "undici.request", file: "undici-request", version: undici };
export const undiciFetch = { name: "undici fetch", file: "undici-fetch", version: undici };
export const undiciH2 = { name: "undici h2", file: "undici-request", version: undici };
export const nodeAgent = { name: "node:http", file: "node-http", version: node };
export const nodeSession = { name: "node:http2", file: "node-http2", version: node };
