import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { serviceOf } from "./node-services.mjs";
import { configuration, started, tlsOption } from "./start.mjs";

const { port, service, tls } = configuration(tlsOption);
// Idle connections are measured: they must not be closed meanwhile.
const options = { keepAliveTimeout: 120_000 };
const answer = serviceOf(service);
const server = tls === undefined ? createServer(options, answer) : createSecureServer({ ...options, ...tls }, answer);
server.listen(port, "127.0.0.1", () => started(server.address().port));
