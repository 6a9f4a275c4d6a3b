/** The certificates of the TLS tests, and servers that show them. */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { fileURLToPath } from "node:url";

export type Leaf =
  | "localhost"
  | "name-only"
  | "elsewhere"
  | "expired"
  | "not-yet-valid"
  | "revoked"
  | "stranger"
  | "self-signed"
  | "client";

export function tlsFixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
}

export function pem(name: string): string {
  return readFileSync(tlsFixture(`${name}.pem`), "latin1");
}

export const ca: string = pem("ca-cert");

/** A certificate with its key, as servers and clients take them. */
export function leaf(name: Leaf): { readonly cert: string; readonly key: string } {
  return { cert: pem(`${name}-cert`), key: pem(`${name}-key`) };
}

export interface TestServer {
  readonly port: number;
  /** Connections whose handshake is complete; for a server of plain TCP all. */
  readonly sockets: readonly Socket[];
  /** Waits until a connection is closed, from the client's first byte to its last. */
  closedConnections(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A TLS server on 127.0.0.1 that answers the first bytes of each connection with "hello". */
export async function tlsServer(
  options: TlsOptions,
  onSocket: (socket: TLSSocket) => void = greet,
): Promise<TestServer> {
  const server = createServer(options, onSocket);
  server.on("tlsClientError", () => {});
  return await listening(server, "secureConnection");
}

/** A TCP server on 127.0.0.1. */
export async function tcpServer(onSocket: (socket: Socket) => void): Promise<TestServer> {
  return await listening(createTcpServer(onSocket), "connection");
}

function greet(socket: TLSSocket): void {
  socket.once("data", () => socket.write("hello"));
}

async function listening(server: Server, event: string): Promise<TestServer> {
  const all = new Set<Socket>();
  const sockets: Socket[] = [];
  let closed = 0;
  const waiters: (() => void)[] = [];
  server.on("connection", (socket: Socket) => {
    all.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      all.delete(socket);
      closed += 1;
      for (const wake of waiters.splice(0)) wake();
    });
  });
  server.on(event, (socket: Socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async closedConnections(count) {
      while (closed < count) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async close() {
      for (const socket of all) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
