import * as http1 from "@sluice/core/http1";
import { listen } from "@sluice/util/node";
import { fromNodeListener } from "@sluice/util/node-http";
import { app } from "./express-app.mjs";
import { configuration, started } from "./start.mjs";

const { port } = configuration();
const service = fromNodeListener(app);
const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
for await (const io of listener) http1.serve(io, service);
