/**
 * HTTP/1.0 and HTTP/1.1 on any transport (RFC 9112).
 */
import { Sender } from "./client/sender.ts";
import type { Connection } from "./connection.ts";
import { ClientConnection } from "./h1/client.ts";
import {
  type ClientOptions,
  resolveClientOptions,
  resolveServerOptions,
  type ServerOptions,
  timerOf,
} from "./h1/options.ts";
import { ServerConnection } from "./h1/server.ts";
import { guarded } from "./observer.ts";
import type { Io } from "./rt/io.ts";
import type { Service } from "./service/service.ts";

export type { WriteStrategy } from "./bytes/write-buffer.ts";
export type { RequestTimeouts, SendOptions } from "./client/send-options.ts";
export type { Sender, SendOutcome } from "./client/sender.ts";
export type { Leniency, RequestLeniency } from "./h1/leniency.ts";
export type { ClientOptions, CommonOptions, ServerOptions } from "./h1/options.ts";

/**
 * Serves requests that arrive on `io`, one after another, until either side ends the connection. Starts at once: where a
 * request is at hand already, the service is called before this returns.
 *
 * @throws TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export function serve(io: Io, service: Service, options?: ServerOptions): Connection {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  return new ServerConnection(io, service, resolveServerOptions(options), timer, observer);
}

/**
 * Checks options as `serve` does, for a program that may need them later.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function checkServerOptions(options: ServerOptions): void {
  resolveServerOptions(options);
}

/** A client connection: where to send, and the connection itself. */
export interface Handshake {
  readonly sender: Sender;
  readonly connection: Connection;
}

/**
 * Makes a client connection of `io`. HTTP/1 exchanges no bytes to begin with, so this resolves at once.
 *
 * Rejects with TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export async function handshake(io: Io, options?: ClientOptions): Promise<Handshake> {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  const connection = new ClientConnection(io, resolveClientOptions(options), timer, observer);
  return { sender: new Sender(connection), connection };
}
