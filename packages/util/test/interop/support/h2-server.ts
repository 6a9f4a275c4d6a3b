/** A Sluice server of HTTP/2 on a free port of this machine, in the clear or over TLS, with a record of what happened. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { type Connection, type FrameFacts, type Io, serviceFn } from "@sluice/core";
import { type ServerOptions, serve } from "@sluice/core/http2";
import { listen, nodeIo } from "../../../src/node/index.ts";
import { certificate } from "./certificate.ts";
import { record } from "./record.ts";
import type { Call, TestServer } from "./server.ts";

export interface TestServer2 extends TestServer {
  /** The frames received and sent on all connections, if they were asked for. */
  readonly received: readonly FrameFacts[];
  readonly sent: readonly FrameFacts[];
}

export interface TestServerOptions extends Omit<ServerOptions, "observer"> {
  /** Over TLS, where ALPN chooses `h2`. */
  readonly tls?: boolean;
  /** Keeps what is told of every frame. */
  readonly frames?: boolean;
}

export async function startServer2(call: Call, options: TestServerOptions = {}): Promise<TestServer2> {
  const { tls = false, frames = false, ...settings } = options;
  const connections: Connection[] = [];
  const received: FrameFacts[] = [];
  const sent: FrameFacts[] = [];
  const { observer, ...recorded } = record(({ target }) =>
    target.form === "absolute" ? target.pathAndQuery : target.toString(),
  );
  const watching = {
    ...observer,
    ...(frames && {
      frameReceived: (frame: FrameFacts) => void received.push(frame),
      frameSent: (frame: FrameFacts) => void sent.push(frame),
    }),
  };
  const service = serviceFn(call);
  const accept = (io: Io): void => void connections.push(serve(io, service, { ...settings, observer: watching }));
  const { port, close } = tls ? await listenTls(accept) : await listenTcp(accept);
  return {
    port,
    origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    connections,
    received,
    sent,
    ...recorded,
    async [Symbol.asyncDispose]() {
      await close();
      for (const connection of connections) connection.abort();
      await Promise.allSettled(connections.map((connection) => connection.closed));
    },
  };
}

interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

async function listenTcp(accept: (io: Io) => void): Promise<Listening> {
  const listener = listen({ host: "127.0.0.1" });
  const { port } = await listener.ready;
  const accepting = (async () => {
    for await (const io of listener) accept(io);
  })();
  return {
    port,
    async close() {
      await listener.close();
      await accepting;
    },
  };
}

async function listenTls(accept: (io: Io) => void): Promise<Listening> {
  const server = createServer({ ...certificate(), ALPNProtocols: ["h2"], noDelay: true });
  // A client that does not like the certificate leaves in the middle of the handshake.
  server.on("tlsClientError", () => {});
  server.on("secureConnection", (socket) => accept(nodeIo(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
    },
  };
}
