// connect-es's routes on its own adapter and node:http2. What is no call is answered as `hello`.

import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { routes } from "./rpc-schema.mjs";
import { configuration, hello, started } from "./start.mjs";

const { port } = configuration({}, ["h2c"]);
const server = createServer(connectNodeAdapter({ routes, fallback: (_request, response) => response.end(hello) }));
server.on("sessionError", () => {});
server.listen(port, "127.0.0.1", () => started(server.address().port));
