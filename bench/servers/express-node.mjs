import { createServer } from "node:http";
import { app } from "./express-app.mjs";
import { configuration, started } from "./start.mjs";

const { port } = configuration();
const server = createServer({ keepAliveTimeout: 120_000 }, app);
server.listen(port, "127.0.0.1", () => started(server.address().port));
