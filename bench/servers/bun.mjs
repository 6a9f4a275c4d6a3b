// Bun's own server; to be run by Bun.

import { serviceOf } from "./fetch-services.mjs";
import { configuration, started } from "./start.mjs";

const { port, service } = configuration();
const server = globalThis.Bun.serve({ port, hostname: "127.0.0.1", idleTimeout: 120, fetch: serviceOf(service) });
started(server.port);
