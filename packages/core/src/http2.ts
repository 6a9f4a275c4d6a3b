/**
 * HTTP/2 on any transport (RFC 9113), with prior knowledge or where ALPN has chosen it.
 */
import { Sender } from "./client/sender.ts";
import type { Connection } from "./connection.ts";
import { timerOf } from "./h1/options.ts";
import { ClientConnection } from "./h2/client/client-connection.ts";
import { RequestSender } from "./h2/client/request-sender.ts";
import { type ClientOptions, resolveClientOptions, resolveServerOptions, type ServerOptions } from "./h2/options.ts";
import { ServerConnection } from "./h2/server/server-connection.ts";
import { ServiceAcceptor } from "./h2/server/service-acceptor.ts";
import { guarded } from "./observer.ts";
import type { Io } from "./rt/io.ts";
import type { Service } from "./service/service.ts";

export type { RequestTimeouts, SendOptions } from "./client/send-options.ts";
export type { Sender, SendOutcome } from "./client/sender.ts";
export { protocolKey } from "./h2/head/protocol.ts";
export type { ClientOptions, CommonOptions, ServerOptions } from "./h2/options.ts";

/**
 * Serves requests that arrive on `io`, many at a time, until either side ends the connection.
 *
 * @throws TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export function serve(io: Io, service: Service, options?: ServerOptions): Connection {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  const accept = (connection: ServerConnection): ServiceAcceptor => new ServiceAcceptor(connection, service);
  return new ServerConnection(io, accept, resolveServerOptions(options), "strip", timer, observer);
}

/** A client connection: where to send, and the connection itself. */
export interface Handshake {
  readonly sender: Sender;
  readonly connection: Connection;
}

/**
 * Makes a client connection of `io`. The preface is sent at once, and requests need not wait for the server's SETTINGS, so
 * this resolves at once.
 *
 * Rejects with TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export async function handshake(io: Io, options?: ClientOptions): Promise<Handshake> {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  const connection = new ClientConnection(io, resolveClientOptions(options), "strip", timer, observer);
  return { sender: new Sender(new RequestSender(connection)), connection };
}
