/**
 * HTTP/2 on any transport (RFC 9113), with prior knowledge or where ALPN has chosen it.
 */
import { Sender } from "./client/sender.ts";
import { timerOf } from "./h1/options.ts";
import { ClientConnection } from "./h2/client/client-connection.ts";
import { RequestSender } from "./h2/client/request-sender.ts";
import type { Http2Connection } from "./h2/connection/connection-face.ts";
import { StreamClient } from "./h2/handles/stream-client.ts";
import { AcceptQueue, StreamServer } from "./h2/handles/stream-server.ts";
import type { HopByHop } from "./h2/head/outgoing-fields.ts";
import { type ClientOptions, resolveClientOptions, resolveServerOptions, type ServerOptions } from "./h2/options.ts";
import type { RequestAcceptor } from "./h2/server/request-handler.ts";
import { ServerConnection } from "./h2/server/server-connection.ts";
import { ServiceAcceptor } from "./h2/server/service-acceptor.ts";
import { guarded } from "./observer.ts";
import type { Io } from "./rt/io.ts";
import type { Service } from "./service/service.ts";

export type { RequestTimeouts, SendOptions } from "./client/send-options.ts";
export type { Sender, SendOutcome } from "./client/sender.ts";
export type { PushPromise } from "./h2/client/push-promise.ts";
export type { ConnectionWindows, Http2Connection, StreamCounts } from "./h2/connection/connection-face.ts";
export type { DefenceCounts } from "./h2/defence/defences.ts";
export * as errorCodes from "./h2/frame/error-code.ts";
export type { PeerSettings } from "./h2/frame/peer-settings.ts";
export type { FlowControl, RecvStream } from "./h2/handles/recv-stream.ts";
export type { Respond, SendPushedResponse, SendResponse } from "./h2/handles/respond.ts";
export type { SendStream } from "./h2/handles/send-stream.ts";
export type { Received, SendRequestOptions, SentRequest, StreamClient } from "./h2/handles/stream-client.ts";
export type { Accepted, StreamServer } from "./h2/handles/stream-server.ts";
export { protocolKey } from "./h2/head/protocol.ts";
export type { ClientOptions, CommonOptions, ServerOptions } from "./h2/options.ts";

export { type PushedResponse, type Pusher, pusherKey } from "./h2/server/pusher.ts";

/** An HTTP/2 server connection. */
export interface Http2ServerConnection extends Http2Connection {
  /** Offers extended CONNECT (RFC 8441) from now on; for `serve` from the start, use the option. */
  enableConnectProtocol(): void;
}

/**
 * Serves requests that arrive on `io`, many at a time, until either side ends the connection.
 *
 * @throws TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export function serve(io: Io, service: Service, options?: ServerOptions): Http2ServerConnection {
  return newServer(io, (connection) => new ServiceAcceptor(connection, service), options, "strip");
}

/**
 * Checks options as `serve` does, for a program that may need them later.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function checkServerOptions(options: ServerOptions): void {
  resolveServerOptions(options);
}

/**
 * As `serve`, for a program that accepts requests one by one and moves their streams by hand. Nothing is done for it: what it
 * does not read it discards or resets, and the limits of single requests (`requestTimeoutMs`, `bodyTimeoutMs`) are its own.
 *
 * @throws TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export function accept(io: Io, options?: ServerOptions): StreamServer {
  const queues: AcceptQueue[] = [];
  const connection = newServer(io, (made) => (queues[0] = new AcceptQueue(made)), options, "refuse");
  return new StreamServer(connection, queues[0] as AcceptQueue);
}

/** A client connection: where to send, and the connection itself. */
export interface Handshake {
  readonly sender: Sender;
  readonly connection: Http2Connection;
}

/**
 * Makes a client connection of `io`. The preface is sent at once, and requests need not wait for the server's SETTINGS, so
 * this resolves at once.
 *
 * Rejects with TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export async function handshake(io: Io, options?: ClientOptions): Promise<Handshake> {
  const connection = newClient(io, options, "strip");
  return { sender: new Sender(new RequestSender(connection)), connection };
}

/**
 * As `handshake`, for a program that moves the streams of its requests by hand. Nothing is done for it: what it does not read
 * it discards or resets, and the limits of single requests (`headTimeoutMs`, `bodyTimeoutMs`, `requestTimeoutMs`,
 * `expectContinueTimeoutMs`) are its own.
 *
 * @throws TypeError or RangeError for options that make no sense, or if there is no timer.
 */
export function connect(io: Io, options?: ClientOptions): StreamClient {
  return new StreamClient(newClient(io, options, "refuse"));
}

function newServer(
  io: Io,
  acceptor: (connection: ServerConnection) => RequestAcceptor,
  options: ServerOptions | undefined,
  hopByHop: HopByHop,
): ServerConnection {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  return new ServerConnection(io, acceptor, resolveServerOptions(options), hopByHop, timer, observer);
}

function newClient(io: Io, options: ClientOptions | undefined, hopByHop: HopByHop): ClientConnection {
  const timer = timerOf(options?.timer, io.timer);
  const observer = options?.observer === undefined ? undefined : guarded(options.observer);
  return new ClientConnection(io, resolveClientOptions(options), hopByHop, timer, observer, options?.onPush);
}
