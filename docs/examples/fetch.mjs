// `fetch` over the pooled client: the arguments and errors of the platform's, with the limits, the connections and the
// figures of a client of your own.
//
//   node docs/examples/fetch.mjs

import { collect, full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { createFetch } from "@sluice/util/fetch";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

// Something to ask: one way leads to another, and what is sent comes back as JSON.
const service = serviceFn(async ({ method, target, headers, body }) => {
  if (target.path === "/old") return new HttpResponse(302, { location: "/new" });
  if (target.path === "/never") return new Promise(() => {});
  const answer = { method, type: headers.get("content-type"), text: await collect(body).text() };
  return new HttpResponse(200, { "content-type": "application/json" }, full(JSON.stringify(answer)));
});
const listener = listen({ host: "127.0.0.1" });
const server = serveAll(listener, service);
const url = `http://127.0.0.1:${(await listener.ready).port}`;

const client = new Client({ maxConnectionsPerHost: 10 });
const fetch = createFetch(client, { userAgent: "example/1.0", request: { timeouts: { headTimeoutMs: 500 } } });

const moved = await fetch(`${url}/old`);
console.log(`redirected: ${moved.redirected}, to ${new URL(moved.url).pathname}`);
console.log(await moved.text());

const form = await fetch(`${url}/form`, { method: "POST", body: new URLSearchParams({ a: "1", b: "2" }) });
console.log((await form.json()).type);

const signal = AbortSignal.timeout(100);
const given = await fetch(`${url}/never`, { signal }).catch((error) => error);
console.log(`by its signal: ${given.name}`);

// The error is the platform's, its cause says more.
const late = await fetch(`${url}/never`).catch((error) => error);
console.log(`by the client: ${late.name} (${late.message}) because of ${late.cause.kind} ${late.cause.code}`);

await client.close();
await server.abort();
