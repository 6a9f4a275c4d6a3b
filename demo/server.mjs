// The server of the demo: an accept loop, a service, and an orderly end.

import { fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpResponse, sendInformational, serviceFn, upgradeOn } from "@sluice/core";
import { serve } from "@sluice/core/http1";
import { listen } from "@sluice/util/node";

export const greeting = "Hello from Sluice\n";

const service = serviceFn((request) => {
  switch (request.target.path) {
    case "/":
      return new HttpResponse(200, { "content-type": "text/plain" }, full(greeting));
    case "/echo":
      // The content goes out as it comes in; a client that waits to be asked for it has to be asked first.
      if (request.headers.has("expect")) sendInformational(request, 100);
      return new HttpResponse(200, {}, request.body);
    case "/trailers": {
      const trailers = new Trailers(new HeaderMap({ "x-checksum": "11e60398" }));
      const chunks = ["so ", "far ", "so ", "good\n", trailers];
      return new HttpResponse(200, { trailer: "x-checksum" }, fromIterable(chunks));
    }
    case "/early":
      sendInformational(request, 103, { link: "</style.css>; rel=preload" });
      return new HttpResponse(200, {}, full("late\n"));
    case "/upgrade":
      if (request.headers.get("upgrade") !== "echo") return new HttpResponse(426, { upgrade: "echo" });
      upgradeOn(request).then(echo, () => {});
      return new HttpResponse(101, { upgrade: "echo" });
    default:
      return new HttpResponse(404, {}, full("not found\n"));
  }
});

/** Sends back what comes, until the other side ends. */
function echo(io) {
  io.read((chunk, error) => {
    if (error !== undefined) io.abort(error);
    else if (chunk === null) io.shutdown(() => {});
    else if (io.write([chunk])) echo(io);
    else io.drained((failure) => (failure === undefined ? echo(io) : io.abort(failure)));
  });
}

/** Listens on this machine only. `port` 0 is any free one. */
export async function startServer(port) {
  const listener = listen({ host: "127.0.0.1", port });
  const address = await listener.ready;
  const open = new Set();
  let served = 0;
  const accepting = (async () => {
    for await (const io of listener) {
      served++;
      const connection = serve(io, service);
      open.add(connection);
      // How a connection ended is its client's affair here; what counts is that it is gone.
      const gone = () => open.delete(connection);
      connection.closed.then(gone, gone);
    }
  })();
  return {
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    /** Takes no more connections, lets those that are busy finish, and says how it went. */
    async stop() {
      await listener.close();
      await accepting;
      const left = [...open];
      for (const connection of left) connection.gracefulShutdown(5_000);
      await Promise.allSettled(left.map((connection) => connection.closed));
      return `${left.length} of ${served} connections were still open, all are closed`;
    },
  };
}
