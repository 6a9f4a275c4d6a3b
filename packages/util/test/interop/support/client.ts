/** A Sluice client connection to a port of this machine. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Connection } from "@sluice/core";
import { type ClientOptions, handshake, type Sender } from "@sluice/core/http1";
import { nodeIo } from "../../../src/node/index.ts";

export interface TestClient extends AsyncDisposable {
  readonly sender: Sender;
  readonly connection: Connection;
  /** The header fields every request needs. */
  readonly host: { readonly host: string };
}

export async function connectTo(port: number, options: ClientOptions = {}): Promise<TestClient> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const { sender, connection } = await handshake(nodeIo(socket), options);
  return {
    sender,
    connection,
    host: { host: `127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      connection.abort();
      await connection.closed.catch(() => {});
    },
  };
}
