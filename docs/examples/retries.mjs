// Trying again, where that is safe. The pooled client by itself repeats what its server has provably not processed; `retry` adds
// what may be processed twice, with pauses, a budget, and what the server says of when to come back.
//
//   node docs/examples/retries.mjs

import { collect, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { clientService, compose, isSafeToRetry, RetryBudget, replayableBody, retry } from "@sluice/util/middleware";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

// A server with bad days: /busy is overloaded twice, /fails twice fails, /gone always.
const calls = new Map();
const service = serviceFn(async ({ target, body }) => {
  const { path } = target;
  const count = (calls.get(path) ?? 0) + 1;
  calls.set(path, count);
  const text = await collect(body).text();
  if (path === "/busy" && count <= 2) return new HttpResponse(503, { "retry-after": "0" });
  if (path === "/fails" && count <= 2) return new HttpResponse(500);
  if (path === "/gone") return new HttpResponse(503, { "retry-after": "0" });
  return new HttpResponse(200, {}, full(`call ${count} ${text}`));
});
const listener = listen({ host: "127.0.0.1" });
const server = serveAll(listener, service);
const url = `http://127.0.0.1:${(await listener.ready).port}`;

const client = new Client();
const retrying = (options) =>
  compose(
    retry({
      maxRetries: 3,
      // Pauses are random and grow; this is short because it is an example.
      backoffMs: 10,
      onRetry: ({ request, response, retries }) =>
        console.log(`${request.method} ${request.target.path}: ${response?.status}, retry ${retries + 1}`),
      ...options,
    }),
  )(clientService(client));

async function show(sender, request) {
  const { status, body } = await sender.call(request);
  console.log(`${request.method} ${request.target.path}: ${status} ${await collect(body).text()}`.trimEnd());
}

// GET is idempotent, and the server has said when to come back.
await show(retrying(), HttpRequest.get(`${url}/busy`));

// POST is not: who knows what has been done. It is answered as it is.
calls.clear();
await show(retrying(), HttpRequest.post(`${url}/busy`, full("order 7")));

// Unless the program knows better, and the content can be made again.
calls.clear();
const classify = (attempt) => attempt.response?.status === 500 || isSafeToRetry(attempt);
const order = new HttpRequest("POST", `${url}/fails`, { "idempotency-key": "7" });
await show(
  retrying({ classify }),
  replayableBody(order, () => fromIterable(["order", " 7"])),
);

// A budget, shared by all that ask one service: when everything fails, retries must not be most of the load.
const budget = new RetryBudget({ reservePerSecond: 0, extraLoad: 1, ttlMs: 60_000 });
await show(retrying({ budget }), HttpRequest.get(`${url}/gone`));

await client.close();
await server.shutdown();
