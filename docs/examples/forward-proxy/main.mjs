// A proxy that clients are configured to use: CONNECT for tunnels, and requests that name a whole URI. It leads only to what
// `--allow` names, to no address of this machine or its network unless `--allow-private` says so, and notices when it asks itself.
// What is passed on of messages, and how, is as in the reverse proxy next door.
//
//   node docs/examples/forward-proxy/main.mjs --port 3128 --allow example.org:443 --allow '*:80'
//   curl -x http://127.0.0.1:3128 https://example.org/

import { parseArgs } from "node:util";
import { HttpRequest, HttpResponse, serviceFn, upgradeOn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { passedOn, setFraming } from "../reverse-proxy/bodies.mjs";
import { statusOf } from "../reverse-proxy/failures.mjs";
import { endToEnd, listed } from "../reverse-proxy/fields.mjs";
import { setVia } from "../reverse-proxy/forwarded.mjs";
import { plainAnswer, refusal } from "../reverse-proxy/refusals.mjs";
import { splice } from "../reverse-proxy/splice.mjs";
import { reach } from "./reach.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    ...{ port: { ...text, default: "3128" }, name: { ...text, default: "sluice-forward" } },
    ...{ allow: { ...text, multiple: true, default: [] }, "allow-private": { type: "boolean", default: false } },
  },
});

const connector = reach(values.allow, { allowsPrivate: values["allow-private"] });
const client = new Client({ connector, version: "http1" });
const ending = new AbortController();

const service = serviceFn(async (request) => {
  try {
    if (request.method === "CONNECT") return await tunnel(request);
    return refusal(request) ?? (await forward(request));
  } catch (error) {
    if (request.signal.aborted) throw error;
    console.log(`${request.method} ${request.target.authority}: ${error.code}`);
    return plainAnswer(error.code === "NOT_ALLOWED" ? 403 : statusOf(error));
  }
});

async function tunnel(request) {
  // A target of CONNECT has a port, always.
  const [, host, port] = /^\[?(.*?)\]?:([0-9]+)$/.exec(request.target.authority);
  const { io } = await connector({ scheme: "http", host: host.toLowerCase(), port: Number(port) }, request.signal);
  upgradeOn(request)
    .then((here) => splice(here, io, { idleMs: 600_000, signal: ending.signal }))
    // Whichever end failed, both have been told.
    .catch((error) => io.abort(error));
  return new HttpResponse(200);
}

async function forward(request) {
  const { target, method, headers } = request;
  // RFC 9110 7.6.3: whoever finds its own name here has been asked by itself.
  const via = listed(headers, "via").map((hop) => hop.split(/[ \t]+/)[1]);
  if (via.includes(values.name)) return plainAnswer(508);
  // RFC 9112 3.2.2: what is for a proxy names all of it. TLS is for tunnels, where nobody looks in.
  if (target.scheme !== "http" || request.version === "HTTP/2") return plainAnswer(400);
  const fields = endToEnd(headers);
  // It follows from the target, which counts (RFC 9112 3.2.2).
  fields.remove("host");
  setVia(fields, request, "append", values.name);
  setFraming(fields, request);
  const outgoing = new HttpRequest(method, target, fields, passedOn(request, { mustAnnounce: true }));
  const response = await client.request(outgoing, { signal: request.signal });
  const answer = endToEnd(response.headers);
  setVia(answer, response, "append", values.name);
  if (method !== "HEAD" && response.status !== 304) setFraming(answer, response);
  return new HttpResponse(response.status, answer, passedOn(response, { mustAnnounce: true }));
}

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service, { protocol: "http1" });
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    // Tunnels have left the server, so it does not end them.
    ending.abort(new Error("the proxy ends"));
    server.shutdown();
  });
}
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
await client.close();
