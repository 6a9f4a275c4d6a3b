// Many requests at a time on one connection: each is a stream, and none waits for another.

import { connect } from "node:net";
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";

// A server that answers when five requests have come: the last first.
const answers = [];
const service = serviceFn(
  (request) =>
    new Promise((resolve) => {
      answers.unshift(() => resolve(new HttpResponse(200, {}, full(`answer to ${request.target.path}`))));
      if (answers.length === 5) setImmediate(answerAll);
    }),
);

function answerAll() {
  for (const answer of answers) answer();
}

const listener = listen({ host: "localhost" });
const serving = (async () => {
  for await (const io of listener) http2.serve(io, service);
})();
const { port } = await listener.ready;

// The preface, SETTINGS and the first requests leave together; nothing waits for the server's SETTINGS.
const { sender, connection } = await http2.handshake(nodeIo(connect(port, "localhost")));

const finished = [];
const texts = await Promise.all(
  [1, 2, 3, 4, 5].map(async (number) => {
    const response = await sender.send(HttpRequest.get(`http://localhost:${port}/${number}`));
    finished.push(number);
    return collect(response.body).text();
  }),
);

console.log(texts.join(", "));
console.log(`answered in this order: ${finished.join(" ")}`);
console.log(`streams at a time: ${connection.streams.peakLocal}`);

connection.gracefulShutdown();
await connection.closed;
await listener.close();
await serving;
