// The pooled client: connections kept and used again, limits of time, requests given up, figures, and an end in order.
//
//   node docs/examples/pooled-client.mjs

import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

// Something to ask: /echo answers what it is sent, /never does not answer.
const service = serviceFn(({ target, body }) => {
  if (target.path === "/never") return new Promise(() => {});
  return new HttpResponse(200, {}, target.path === "/echo" ? body : full(`this is ${target.path}`));
});
const listener = listen({ host: "127.0.0.1" });
const server = serveAll(listener, service);
const url = `http://127.0.0.1:${(await listener.ready).port}`;

// One for the whole program. At most two connections to a host: what comes beyond waits its turn.
const client = new Client({ maxConnectionsPerHost: 2, idleTimeoutMs: 30_000 });

// The head comes first. A connection is free again when the content was read, or cancelled.
const response = await client.get(`${url}/one`);
console.log(`${response.status} ${response.version}: ${await collect(response.body, { maxBytes: 1_000_000 }).text()}`);

const post = HttpRequest.post(`${url}/echo`, full('{"n":1}'), { "content-type": "application/json" });
console.log(`POST: ${await collect((await client.request(post)).body).text()}`);

const texts = ["/a", "/b", "/c", "/d"].map(async (path) => collect((await client.get(url + path)).body).text());
console.log((await Promise.all(texts)).join(", "));
const { idle, inUse, waiting } = client.stats.get(url);
console.log(`connections after six requests: ${idle} idle, ${inUse} in use; ${waiting} requests wait`);

// Limits of this request; those of the client are the defaults of all of them.
const late = await client.get(`${url}/never`, { timeouts: { headTimeoutMs: 100 } }).catch((error) => error);
console.log(`too late: ${late.kind} ${late.code}`);

// Given up by the program, wherever the request is: in the queue, connecting, under way.
const leaving = new AbortController();
const never = client.get(`${url}/never`, { signal: leaving.signal });
leaving.abort(new Error("no longer wanted"));
const canceled = await never.catch((error) => error);
console.log(`given up: ${canceled.kind} ${canceled.code}, ${canceled.cause.message}`);

// What was begun may end, then the connections are closed; a program ends without this too.
await client.close();
console.log(`closed: ${(await client.get(url).catch((error) => error)).code}, ${client.stats.size} hosts left`);
await server.shutdown();
