// `--async`: the service is an async function; `--streams N`: how many streams a connection may have open.

import { serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen } from "@sluice/util/node";
import { services } from "./sluice-services.mjs";
import { configuration, started } from "./start.mjs";

const {
  port,
  service,
  async: isAsync,
  streams,
} = configuration({ async: { type: "boolean", default: false }, streams: { type: "string" } });
const answer = services[service];
const served = serviceFn(isAsync ? async (request) => answer(request) : answer);
const options = streams === undefined ? {} : { maxConcurrentStreams: Number(streams) };

const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
for await (const io of listener) http2.serve(io, served, options);
