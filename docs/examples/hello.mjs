// The smallest server: HTTP/1.1 and HTTP/2 on one port, until SIGINT or SIGTERM, which let what is under way end.
//
//   node docs/examples/hello.mjs --port 3000
//   curl http://127.0.0.1:3000/world

import { parseArgs } from "node:util";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });

const hello = serviceFn(
  (request) => new HttpResponse(200, { "content-type": "text/plain" }, full(`Hello, ${request.target.path}\n`)),
);

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, hello, { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
