// Content as a stream with backpressure: it is made no faster than the reader takes it, whatever lies between.

import { connect } from "node:net";
import { fromIterable, toAsyncIterable } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";

const chunks = 200;
const chunkBytes = 16_384;
let made = 0;

// Asked for the next chunk only when the one before has been sent.
async function* numbers() {
  for (; made < chunks; ) {
    made += 1;
    yield new Uint8Array(chunkBytes).fill(made);
  }
}

const service = serviceFn(() => new HttpResponse(200, {}, fromIterable(numbers())));
const listener = listen({ host: "localhost" });
const serving = (async () => {
  for await (const io of listener) http2.serve(io, service);
})();
const { port } = await listener.ready;

// The server may send this much before it is read; the rest stays where it is made.
const windows = { initialWindowBytes: 8 * chunkBytes, connectionWindowBytes: 8 * chunkBytes };
const { sender, connection } = await http2.handshake(nodeIo(connect(port, "localhost")), windows);
const { body } = await sender.send(HttpRequest.get(`http://localhost:${port}/numbers`));

let bytes = 0;
let ahead = 0;
for await (const chunk of toAsyncIterable(body)) {
  bytes += chunk.length;
  // A reader with something else to do.
  if (bytes < 20 * chunkBytes) await new Promise((resolve) => setTimeout(resolve, 5));
  ahead = Math.max(ahead, made * chunkBytes - bytes);
}

console.log(`read ${bytes} bytes in all`);
// What was under way: the window, and what was just read or made.
console.log(`never more than 16 chunks were made ahead: ${ahead <= 16 * chunkBytes}`);

connection.gracefulShutdown();
await connection.closed;
await listener.close();
await serving;
