// Hono on @hono/node-server as its users run it.

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { serviceOf } from "./fetch-services.mjs";
import { configuration, hello, started } from "./start.mjs";

const { port, service } = configuration();
const app = new Hono();
const text = hello.toString();
const answer = serviceOf(service);
if (service === "hello") app.get("/", (c) => c.text(text));
else app.all("/", (c) => answer(c.req.raw));
const options = { keepAliveTimeout: 120_000 };
serve({ fetch: app.fetch, port, hostname: "127.0.0.1", serverOptions: options }, (address) => started(address.port));
