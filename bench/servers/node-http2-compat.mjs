import { createServer } from "node:http2";
import { services } from "./node-services.mjs";
import { configuration, started } from "./start.mjs";

const { port, service } = configuration();
const server = createServer(services[service]);
server.listen(port, "127.0.0.1", () => started(server.address().port));
