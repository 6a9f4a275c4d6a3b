import { createServer } from "node:http2";
import { serviceOf } from "./node-services.mjs";
import { configuration, started } from "./start.mjs";

const { port, service } = configuration({}, ["h2c"]);
const server = createServer(serviceOf(service));
server.on("sessionError", () => {});
server.listen(port, "127.0.0.1", () => started(server.address().port));
