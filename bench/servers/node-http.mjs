import { createServer } from "node:http";
import { services } from "./node-services.mjs";
import { configuration, started } from "./start.mjs";

const { port, service } = configuration();
// Idle connections are measured: they must not be closed meanwhile.
const server = createServer({ keepAliveTimeout: 120_000 }, services[service]);
server.listen(port, "127.0.0.1", () => started(server.address().port));
