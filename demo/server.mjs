// The servers of the demo: an accept loop for each version of HTTP, one over TLS that lets ALPN choose, and an orderly end.

import { once } from "node:events";
import { createServer } from "node:tls";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "@sluice/util/node";
import { certificate, key } from "./certificate.mjs";
import { service } from "./service.mjs";

const host = "127.0.0.1";

/** Listens on this machine only. A port of 0 is any free one. */
export async function startServers(ports) {
  const open = new Set();
  let served = 0;
  const serve = (io, { serve: begin }) => {
    served++;
    const connection = begin(io, service);
    open.add(connection);
    // How a connection ended is its client's affair here; what counts is that it is gone.
    const gone = () => open.delete(connection);
    connection.closed.then(gone, gone);
  };
  const servers = {
    http1: await listenTcp(ports.http1, (io) => serve(io, http1)),
    h2c: await listenTcp(ports.h2c, (io) => serve(io, http2)),
    tls: await listenTls(ports.tls, (io) => serve(io, io.info.alpnProtocol === "h2" ? http2 : http1)),
  };
  return {
    ...servers,
    /** Takes no more connections, lets those that are busy finish, and says how it went. */
    async stop() {
      await Promise.all(Object.values(servers).map((server) => server.close()));
      const left = [...open];
      for (const connection of left) connection.gracefulShutdown(5_000);
      await Promise.allSettled(left.map((connection) => connection.closed));
      return `${left.length} of ${served} connections were still open, all are closed`;
    },
  };
}

async function listenTcp(port, accept) {
  const listener = listen({ host, port });
  const address = await listener.ready;
  const accepting = (async () => {
    for await (const io of listener) accept(io);
  })();
  return {
    port: address.port,
    origin: `http://${host}:${address.port}`,
    async close() {
      await listener.close();
      await accepting;
    },
  };
}

async function listenTls(port, accept) {
  const server = createServer({ cert: certificate, key, ALPNProtocols: ["h2", "http/1.1"] });
  // A client that does not trust the certificate leaves in the middle of the handshake.
  server.on("tlsClientError", () => {});
  server.on("secureConnection", (socket) => accept(nodeIo(socket)));
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: server.address().port,
    origin: `https://${host}:${server.address().port}`,
    async close() {
      server.close();
    },
  };
}
