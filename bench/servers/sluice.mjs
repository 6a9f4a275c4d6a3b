import { serviceFn } from "@sluice/core";
import { serve } from "@sluice/core/http1";
import { listen } from "@sluice/util/node";
import { services } from "./sluice-services.mjs";
import { configuration, started } from "./start.mjs";

const { port, service } = configuration();
const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
const served = serviceFn(services[service]);
for await (const io of listener) serve(io, served);
