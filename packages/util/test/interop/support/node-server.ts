/** A server of node:http on a free port of this machine. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";

export interface NodeServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** How many connections were accepted so far. */
  readonly accepted: number;
}

export async function startNodeServer(listener: RequestListener, options: ServerOptions = {}): Promise<NodeServer> {
  const server = createServer(options, listener);
  let accepted = 0;
  server.on("connection", () => (accepted += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
