/** A Sluice client connection of HTTP/2 to a port of this machine, in the clear or over TLS. */
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Collected, collect } from "@sluice/body";
import { type Connection, HttpRequest, type HttpResponse } from "@sluice/core";
import { type ClientOptions, handshake, type Sender } from "@sluice/core/http2";
import { nodeIo } from "../../../src/node/index.ts";
import { certificate } from "./certificate.ts";

export interface TestClient2 extends AsyncDisposable {
  readonly sender: Sender;
  readonly connection: Connection;
  readonly origin: string;
  get(path: string, headers?: { readonly [name: string]: string }): Promise<Answer>;
}

export interface Answer extends Pick<Collected, "text" | "bytes" | "trailers"> {
  readonly response: HttpResponse;
}

export interface TestClientOptions extends ClientOptions {
  readonly tls?: boolean;
}

export async function connectTo2(port: number, options: TestClientOptions = {}): Promise<TestClient2> {
  const { tls = false, ...settings } = options;
  const address = { port, host: "127.0.0.1", noDelay: true };
  const socket = tls
    ? connectTls({ ...address, ca: certificate().cert, servername: "localhost", ALPNProtocols: ["h2"] })
    : connect(address);
  await once(socket, tls ? "secureConnect" : "connect");
  const { sender, connection } = await handshake(nodeIo(socket), settings);
  const origin = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  return {
    sender,
    connection,
    origin,
    async get(path, headers) {
      const response = await sender.send(HttpRequest.get(`${origin}${path}`, headers));
      const collected = collect(response.body);
      return {
        response,
        text: () => collected.text(),
        bytes: () => collected.bytes(),
        trailers: () => collected.trailers(),
      };
    },
    async [Symbol.asyncDispose]() {
      connection.abort();
      await connection.closed.catch(() => {});
    },
  };
}
