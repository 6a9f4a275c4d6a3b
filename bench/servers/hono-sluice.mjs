// The application of hono-app.mjs on Sluice. `--native`: with the platform's `Response`, not the one of Sluice.

import * as http1 from "@sluice/core/http1";
import { fromFetchHandler, installLightResponse } from "@sluice/util/fetch";
import { listen } from "@sluice/util/node";
import { app } from "./hono-app.mjs";
import { configuration, started } from "./start.mjs";

const { port, native } = configuration({ native: { type: "boolean", default: false } });
if (!native) installLightResponse();
const service = fromFetchHandler(app.fetch);
const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
for await (const io of listener) http1.serve(io, service);
