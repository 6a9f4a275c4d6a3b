// Sluice. `--async`: the service is an async function; `--streams N`: how many streams a connection may have open.

import { serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { listen } from "@sluice/util/node";
import { auto } from "@sluice/util/server";
import { serviceOf } from "./sluice-services.mjs";
import { configuration, protocols, started, tlsOption } from "./start.mjs";

const {
  port,
  protocol,
  service,
  async: isAsync,
  streams,
  tls,
} = configuration({ ...tlsOption, async: { type: "boolean", default: false }, streams: { type: "string" } }, protocols);
const answer = serviceOf(service);
const served = serviceFn(isAsync ? async (request) => answer(request) : answer);
const options = streams === undefined ? {} : { maxConcurrentStreams: Number(streams) };
const autoOptions = { http2: options };

const serve = {
  h1: (io) => http1.serve(io, served),
  h2c: (io) => http2.serve(io, served, options),
  auto: (io) => auto.serve(io, served, autoOptions),
}[protocol];

// Many connections arrive at once when idle ones are counted; while they do, none is to be refused.
const listener = listen({ host: "127.0.0.1", port, maxPending: 20_000, ...(tls === undefined ? {} : { tls }) });
const address = await listener.ready;
started(address.port);
for await (const io of listener) serve(io);
