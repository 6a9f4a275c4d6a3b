// One connection for as long as it lasts: a sender says when it is over, and only then another is made.

import { connect } from "node:net";
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";

let accepted = 0;
const listener = listen({ host: "localhost" });
const serving = (async () => {
  for await (const io of listener) {
    accepted += 1;
    const name = `connection ${accepted}`;
    const service = serviceFn(() => new HttpResponse(200, {}, full(name)));
    // Servers end connections now and then, so that load can move.
    http2.serve(io, service, { maxRequestsPerConnection: 3 });
  }
})();
const { port } = await listener.ready;

let current;

/** The connection there is, or a new one. */
async function connected() {
  if (current === undefined || current.sender.isClosed) {
    current = await http2.handshake(nodeIo(connect(port, "localhost")));
  }
  return current.sender;
}

for (const path of ["/a", "/b", "/c", "/d", "/e"]) {
  const sender = await connected();
  const response = await sender.send(HttpRequest.get(`http://localhost:${port}${path}`));
  console.log(`${path}: ${await collect(response.body).text()}`);
}
console.log(`${accepted} connections for 5 requests`);

current.connection.gracefulShutdown();
await current.connection.closed;
await listener.close();
await serving;
