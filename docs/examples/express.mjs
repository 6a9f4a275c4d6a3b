// An Express application, served by Sluice over both versions of HTTP. What changes is one line: in the place of
// `app.listen(port)` the application becomes a service. Koa, Connect and Fastify come along in the same way.
//
//   node docs/examples/express.mjs --port 3000

import { parseArgs } from "node:util";
import { listen } from "@sluice/util/node";
import { fromNodeListener } from "@sluice/util/node-http";
import { serveAll } from "@sluice/util/server";
import express from "express";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });

const app = express();
app.use(express.json({ limit: "1kb" }));
app.get("/hello/:name", (req, res) => res.send(`Hello, ${req.params.name}, over HTTP/${req.httpVersion}`));
app.post("/sum", (req, res) => res.json({ sum: req.body.reduce((sum, number) => sum + number, 0) }));
// By its four arguments Express knows that this is for errors.
app.use((error, _req, res, _next) => res.status(error.status ?? 500).json({ error: error.type ?? "internal" }));

const service = fromNodeListener(app);
const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
// A service for each connection, so that `req.socket` and `req.ip` know the client.
const server = serveAll(listener, (io) => service.forConnection(io), { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
