// Server push: the server answers what the client is about to ask for, and the client takes it or refuses.

import { connect } from "node:net";
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";

const service = serviceFn((request) => {
  // Only where the client accepts pushes, and before the answer that refers to what is pushed.
  const pusher = request.extensions.get(http2.pusherKey);
  for (const path of ["/style.css", "/advert.js"]) {
    const pushed = pusher?.push(HttpRequest.get(new URL(path, `http://${request.authority}`).href));
    pushed?.respond(new HttpResponse(200, {}, full(`content of ${path}`)));
  }
  return new HttpResponse(200, { "content-type": "text/html" }, full("<link rel=stylesheet href=/style.css>"));
});

const listener = listen({ host: "localhost" });
const serving = (async () => {
  for await (const io of listener) http2.serve(io, service);
})();
const { port } = await listener.ready;

const pushes = new Map();
const { sender, connection } = await http2.handshake(nodeIo(connect(port, "localhost")), {
  onPush(promise) {
    const { path } = promise.request.target;
    console.log(`stream ${promise.streamId} is promised: ${promise.request.method} ${path}`);
    // Whoever does not ask for the response refuses the push.
    if (path.endsWith(".css")) pushes.set(path, promise.response());
  },
});

const page = await sender.send(HttpRequest.get(`http://localhost:${port}/`));
console.log(`the page: ${await collect(page.body).text()}`);
const style = await pushes.get("/style.css");
console.log(`pushed: ${style.status} ${await collect(style.body).text()}`);

connection.gracefulShutdown();
await connection.closed;
await listener.close();
await serving;
