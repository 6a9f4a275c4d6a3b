// A Hono application, served by Sluice over both versions of HTTP. So is every handler from `Request` to `Response`.
//
//   node docs/examples/hono.mjs --port 3000

import { parseArgs } from "node:util";
import { fromFetchHandler } from "@sluice/util/fetch";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { Hono } from "hono";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });

const app = new Hono();
// What stands in the second place of a handler is Hono's `env`: here, what is known of the connection and the version.
app.get("/hello/:name", (c) => c.text(`Hello, ${c.req.param("name")}, over ${c.env.request.version}`));
app.post("/sum", async (c) => c.json({ sum: (await c.req.json()).reduce((sum, number) => sum + number, 0) }));
app.onError((error, c) => {
  // What is thrown on is the engine's: 413 for content that is too long, 500 for what is not the client's fault.
  if (!(error instanceof SyntaxError)) throw error;
  return c.json({ error: error.name }, 400);
});

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const service = fromFetchHandler(app.fetch, { maxBufferedBodyBytes: 1_024 });
const server = serveAll(listener, service, { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
