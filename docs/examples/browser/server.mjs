// The server in Node: the files of the page, and HTTP/2 over WebSockets, on one port.
//
//   node docs/examples/browser/server.mjs --port 8080

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as http2 from "@sluice/core/http2";
import { createServer } from "@sluice/util/node-http";
import { webSocketIo } from "@sluice/util/web";
import { WebSocketServer } from "ws";
import { fileOf, namesAsPaths } from "./modules.mjs";
import { options, service } from "./service.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });

const types = { html: "text/html", css: "text/css", mjs: "text/javascript", js: "text/javascript" };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = fileOf(pathname === "/" ? "/index.html" : pathname);
  const type = types[pathname === "/" ? "html" : pathname.split(".").at(-1)];
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  const text = await readFile(file, "utf8");
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` });
  response.end(type === "text/javascript" ? namesAsPaths(text) : text);
});

// A page may send any name for itself, and other pages open WebSockets too: only those of this server's own page are taken.
const sockets = new WebSocketServer({
  server,
  path: "/http2",
  verifyClient: ({ origin, req }) => origin === `http://${req.headers.host}`,
});
sockets.on("connection", (socket) => {
  http2.serve(webSocketIo(socket), service, options);
});

server.listen(Number(values.port), "127.0.0.1");
await once(server, "listening");
console.log(`listening on http://127.0.0.1:${server.address().port}/`);
