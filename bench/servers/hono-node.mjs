// The application of hono-app.mjs on @hono/node-server as its users run it: with its own `Request` and `Response` as globals.
// `--native`: with those of the platform.

import { serve } from "@hono/node-server";
import { app } from "./hono-app.mjs";
import { configuration, started } from "./start.mjs";

const { port, native } = configuration({ native: { type: "boolean", default: false } });
serve(
  {
    fetch: app.fetch,
    port,
    hostname: "127.0.0.1",
    overrideGlobalObjects: !native,
    serverOptions: { keepAliveTimeout: 120_000 },
  },
  (address) => started(address.port),
);
