// What is sent comes back while it is still being sent. Nothing is held: the next piece of the request is only read when
// the response has room for it, so a client that does not read its answer is soon not read from either.
//
//   node docs/examples/echo.mjs --port 3000
//   seq 1000000 | curl -sNT - http://127.0.0.1:3000/ | tail -1

import { parseArgs } from "node:util";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });

const echo = serviceFn(({ method, headers, body }) => {
  if (method !== "POST" && method !== "PUT") return new HttpResponse(405, { allow: "POST, PUT" });
  const fields = { "content-type": headers.get("content-type") ?? "application/octet-stream" };
  // HTTP/1 has room for trailers that were announced; HTTP/2 for any.
  const trailer = headers.getJoined("trailer");
  return new HttpResponse(200, trailer === undefined ? fields : { ...fields, trailer }, body);
});

// Whether the response went out whole, or what came between: the client that left, for one.
const observer = { exchangeEnded: ({ version }, error) => console.log(`${version}: ${error?.code ?? "echoed"}`) };

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, echo, { observer, signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
