// Middleware: functions that take a service and give one, on either side of the wire. A server and a client, each put together
// of parts with `compose`, and one part written by hand.
//
//   node docs/examples/middleware.mjs

import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { accessLog, clientService, compose, retry, timeout } from "@sluice/util/middleware";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

/** Your own is a function: here, one that has each response tell who asked for what. */
const requestId = (inner) => {
  let count = 0;
  return {
    async call(request) {
      const id = request.headers.get("x-request-id") ?? `made here ${++count}`;
      const response = await inner.call(request);
      response.headers.insert("x-request-id", id);
      return response;
    },
  };
};

const line = ({ method, path, status, responseBytes, outcome, error }) =>
  [method, path, status ?? "-", `${responseBytes} bytes`, outcome, error].filter(Boolean).join(" ");

// The first is the outermost: what the log says is what the client has got.
let flaky = 0;
const service = compose(
  accessLog({ write: (text) => console.log(`  server: ${text}`), format: line }),
  requestId,
  timeout({ headMs: 200, status: 503 }),
)(
  serviceFn(({ target }) => {
    if (target.path === "/stuck") return new Promise(() => {});
    if (target.path === "/flaky" && ++flaky < 3) return new HttpResponse(503, { "retry-after": "0" });
    return new HttpResponse(200, {}, full("well"));
  }),
);
const listener = listen({ host: "127.0.0.1" });
const server = serveAll(listener, service);
const url = `http://127.0.0.1:${(await listener.ready).port}`;

// Around a client the same parts: a limit for all tries together, and the log of what came of them.
const client = new Client();
const asking = compose(
  accessLog({ write: (text) => console.log(`client: ${text}`), format: line }),
  timeout({ totalMs: 5_000 }),
  retry({ maxRetries: 4, backoffMs: 1 }),
)(clientService(client));

for (const path of ["/", "/flaky", "/stuck"]) {
  const response = await asking.call(HttpRequest.get(url + path, { "x-request-id": `for ${path}` }));
  const text = await collect(response.body).text();
  console.log(`${response.status} ${text || "without content"}, ${response.headers.get("x-request-id")}`);
}

await client.close();
await server.shutdown();
