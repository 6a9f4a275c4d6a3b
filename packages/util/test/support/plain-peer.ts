/** Ends of connections that know nothing but TCP: what they read, and how it ended, to the byte and the errno. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { settle } from "./io.ts";

export class PlainPeer implements Disposable {
  readonly socket: Socket;
  /** All bytes so far, in latin1. */
  received = "";
  /** The same, as they arrived. */
  readonly chunks: string[] = [];
  /** How the reading side ended: `FIN`, or an errno name such as `ECONNRESET`; undefined while it has not. */
  ended: string | undefined = undefined;

  /** @param socket One that may half-close and that nobody has read from. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.chunks.push(chunk.toString("latin1"));
    });
    socket.on("end", () => {
      // A reset behind bytes that had not been read is reported as an end. Writing nothing asks the kernel.
      if (socket.writable) socket.write("");
      if (socket.errored === null) this.ended = "FIN";
    });
    socket.on("error", (error: NodeJS.ErrnoException) => (this.ended = error.code ?? error.message));
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Ends our side. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Resolves when `count` bytes have come in all, or when no more will. */
  async bytes(count: number): Promise<string> {
    while (this.received.length < count && this.ended === undefined && !this.socket.destroyed) await settle(1);
    return this.received;
  }

  /** Resolves with how the reading side ended. */
  async outcome(): Promise<string> {
    while (this.ended === undefined && !this.socket.destroyed) await settle(1);
    return this.ended ?? "destroyed";
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A connected client. Rejects with the error of connecting. */
export async function plainClient(port: number): Promise<PlainPeer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const peer = new PlainPeer(socket);
  await once(socket, "connect");
  return peer;
}

/** A server whose connections the test moves by hand. */
export interface PlainServer extends AsyncDisposable {
  readonly port: number;
  /** The accepted connections, oldest first. */
  readonly peers: readonly PlainPeer[];
  /** Resolves with the connection of that index, once it has been accepted. */
  accepted(index?: number): Promise<PlainPeer>;
}

export async function plainServer(): Promise<PlainServer> {
  const peers: PlainPeer[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => peers.push(new PlainPeer(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    async accepted(index = 0) {
      for (;;) {
        const peer = peers[index];
        if (peer !== undefined) return peer;
        await settle(1);
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const peer of peers) peer.socket.destroy();
      await closed;
    },
  };
}
