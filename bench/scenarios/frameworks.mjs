// Frameworks on Sluice beside the same application on what it usually runs on: Hono on @hono/node-server, Express on node:http.

import { compareServers } from "../lib/compare-servers.mjs";
import { h1Load } from "../lib/loads.mjs";
import { installed, nodeServer } from "../lib/peers.mjs";
import { exchanges } from "../servers/framework-exchanges.mjs";
import { realisticHeaders } from "./realistic-headers.mjs";

const connections = 64;

const honoVersion = `Hono ${installed("hono")}`;
const honoSluice = nodeServer("hono on sluice", "hono-sluice", ["h1"], { version: honoVersion });
const honoSluiceNative = nodeServer("hono on sluice, native", "hono-sluice", ["h1"], {
  args: ["--native"],
  version: `${honoVersion}, the platform's Response`,
});
const honoNode = nodeServer("hono on node-server", "hono-node", ["h1"], {
  version: `${honoVersion}, node-server ${installed("@hono/node-server")}`,
});
const honoNodeNative = nodeServer("hono on node-server, native", "hono-node", ["h1"], {
  args: ["--native"],
  version: `${honoVersion}, the platform's Response`,
});
const expressVersion = `Express ${installed("express")}`;
const expressSluice = nodeServer("express on sluice", "express-sluice", ["h1"], { version: expressVersion });
const expressNode = nodeServer("express on node:http", "express-node", ["h1"], { version: expressVersion });
/** What the others would be if frameworks, and what is between, took no time. */
const bytes = nodeServer("sluice alone", "framework-bytes", ["h1"], { version: "no framework" });

function scenario(name, { title, exchange, peers, target, headers = [], smoke = false }) {
  const { path, content } = exchange;
  const [ours, reference] = peers;
  const whole = {
    name: `frameworks/${name}`,
    title: `${title}, 64 kept connections`,
    protocol: "h1",
    service: "hello",
    exchange: { ...exchange, headers },
    load: () => h1Load({ connections, path, headers, content }),
    peers,
    reference: reference.name,
    targets: { [ours.name]: target },
  };
  return { name: whole.name, smoke, run: (bench) => compareServers(bench, whole) };
}

function hono(name, title, more = {}) {
  const peers = [honoSluice, honoNode, honoSluiceNative, honoNodeNative, bytes];
  return scenario(`hono-${name}`, {
    title: `Hono, ${title}`,
    exchange: exchanges[name],
    peers,
    target: ">= 1.5",
    ...more,
  });
}

export const frameworkScenarios = [
  hono("text", "GET, 13 bytes of text"),
  hono("json", "GET, an object as JSON"),
  hono("params", "GET, two parameters, 3 of 10 request headers read", { headers: realisticHeaders }),
  hono("post", "POST, 380 bytes of JSON parsed", { smoke: true }),
  hono("stream", "GET, a stream of 10 KiB in 10 pieces"),
  scenario("express", {
    title: "Express, GET, an object as JSON",
    exchange: exchanges.json,
    peers: [expressSluice, expressNode, bytes],
    target: ">= 1",
    smoke: true,
  }),
];
