// Retries: `trySend` hands a request back of which the server has provably not processed anything.

import { connect } from "node:net";
import { collect } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";

// A server that refuses the first request, and ends the connection at the second; the third is answered.
let seen = 0;
async function answer(server) {
  for await (const { respond } of server) {
    seen += 1;
    if (seen === 1) {
      respond.sendReset(http2.errorCodes.REFUSED_STREAM);
    } else if (seen === 2) {
      respond.sendReset(http2.errorCodes.REFUSED_STREAM);
      server.connection.gracefulShutdown();
    } else {
      respond.sendResponse(new HttpResponse(200)).sendData(new TextEncoder().encode("at last"), true);
    }
  }
}

const listener = listen({ host: "localhost" });
const serving = (async () => {
  for await (const io of listener) answer(http2.accept(io));
})();
const { port } = await listener.ready;

const open = () => http2.handshake(nodeIo(connect(port, "localhost")));
let { sender, connection } = await open();
// Of a request with content, the content must not have been asked for either.
let request = HttpRequest.get(`http://localhost:${port}/order`);

for (let attempt = 1; ; attempt += 1) {
  const outcome = await sender.trySend(request);
  if ("response" in outcome) {
    console.log(`attempt ${attempt}: ${outcome.response.status} ${await collect(outcome.response.body).text()}`);
    break;
  }
  const { error } = outcome;
  console.log(`attempt ${attempt}: ${error.kind} ${error.code}, can be sent again: ${"request" in outcome}`);
  // Anything else may have been processed: only the program knows whether to ask twice.
  if (outcome.request === undefined) throw error;
  ({ request } = outcome);
  if (attempt < 2) continue;
  // The connection has been told to take no more.
  await connection.closed;
  ({ sender, connection } = await open());
  console.log("on a new connection");
}

connection.gracefulShutdown();
await connection.closed;
await listener.close();
await serving;
