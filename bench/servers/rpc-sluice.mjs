// connect-es's routes on Sluice. What is no call is answered as `hello`.

import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { connectService } from "@sluice/util/connectrpc";
import { listen } from "@sluice/util/node";
import { routes } from "./rpc-schema.mjs";
import { configuration, hello, started } from "./start.mjs";

const { port } = configuration({}, ["h2c"]);
const service = connectService({ routes, fallback: serviceFn(() => new HttpResponse(200, {}, full(hello))) });
const listener = listen({ host: "127.0.0.1", port });
started((await listener.ready).port);
for await (const io of listener) http2.serve(io, service);
