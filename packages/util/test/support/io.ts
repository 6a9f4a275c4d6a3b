/** The vocabulary of the transport tests: calls of an `Io` as promises, and connected pairs of real sockets. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Read, Write } from "@sluice/core";

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function text(chunk: Uint8Array | null): string | null {
  return chunk === null ? null : Buffer.from(chunk).toString("latin1");
}

/** The next chunk as text, or null; rejects with the error the read completed with. */
export function readText(io: Read): Promise<string | null> {
  return new Promise((resolve, reject) => {
    io.read((chunk, error) => (error === undefined ? resolve(text(chunk)) : reject(error)));
  });
}

/** Everything up to the end. */
export async function readToEnd(io: Read): Promise<string> {
  let all = "";
  for (let chunk = await readText(io); chunk !== null; chunk = await readText(io)) all += chunk;
  return all;
}

export function drained(io: Write): Promise<void> {
  return new Promise((resolve, reject) => io.drained((error) => (error === undefined ? resolve() : reject(error))));
}

export function shutdown(io: Write): Promise<void> {
  return new Promise((resolve, reject) => io.shutdown((error) => (error === undefined ? resolve() : reject(error))));
}

/** The error a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** Lets the event loop do what it can do now. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Listeners on `emitter`, by event. */
export function listenerCounts(emitter: NodeJS.EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));
}

export interface SocketPair {
  readonly client: Socket;
  readonly server: Socket;
  readonly listener: Server;
  close(): Promise<void>;
}

/** Two ends of one TCP connection; the client swallows its errors and may half-close too. */
export async function tcpPair(options: { readonly allowHalfOpen?: boolean } = {}): Promise<SocketPair> {
  const { allowHalfOpen = true } = options;
  const listener = createServer({ allowHalfOpen, noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const accepted = once(listener, "connection");
  const client = connect({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
  await once(client, "connect");
  const [server] = (await accepted) as [Socket];
  return {
    client,
    server,
    listener,
    async close() {
      client.destroy();
      server.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
