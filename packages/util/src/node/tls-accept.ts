/**
 * From an accepted TCP socket to a TLS session: every handshake runs by itself, under one time limit from the accept to
 * the end, and at most `maxHandshakes` of them at once.
 */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HttpError, IoInfo, Timer } from "@sluice/core";
import { throwLater } from "../transport-error.ts";
import { Handshake, reset, type View } from "./handshake.ts";
import { socketInfo } from "./socket-info.ts";
import { type HandshakeServer, handshakeServer, type TlsServerOptions } from "./tls-options.ts";

/** What becomes of handshakes. */
export interface TlsAcceptEvents {
  accepted(socket: TLSSocket): void;
  /** One socket was reset because too many handshakes were going on. */
  refused(): void;
  /** One handshake failed; the socket has been or is being freed. */
  failed(): void;
  /** No handshake is going on any more. */
  idle(): void;
}

export interface TlsAcceptOptions {
  readonly tls: TlsServerOptions;
  readonly maxHandshakes: number;
  readonly timer: Timer;
  readonly onHandshakeError: ((error: HttpError, info: IoInfo) => void) | undefined;
}

export class TlsAcceptor {
  readonly #options: TlsAcceptOptions;
  readonly #events: TlsAcceptEvents;
  readonly #handshakes = new Set<Handshake>();
  #current: HandshakeServer;

  constructor(options: TlsAcceptOptions, events: TlsAcceptEvents) {
    this.#options = options;
    this.#events = events;
    this.#current = prepared(options.tls);
  }

  /** Handshakes going on. */
  get size(): number {
    return this.#handshakes.size;
  }

  /** Uses other options from now on; handshakes that have begun go on with theirs. */
  replace(tls: TlsServerOptions): void {
    this.#current = prepared(tls);
  }

  accept(socket: Socket): void {
    socket.on("error", ignore);
    if (this.#handshakes.size >= this.#options.maxHandshakes) {
      reset(socket);
      this.#events.refused();
      return;
    }
    const { timer, onHandshakeError } = this.#options;
    const info = socketInfo(socket);
    // A socket that failed no longer knows its addresses.
    if (onHandshakeError !== undefined) remember(info);
    const handshake = new Handshake(
      socket,
      this.#current,
      timer,
      (session, error) => {
        if (session !== undefined) this.#events.accepted(session);
        if (error !== undefined) {
          this.#events.failed();
          try {
            onHandshakeError?.(error, info);
          } catch (thrown) {
            throwLater(thrown);
          }
        }
      },
      () => {
        this.#handshakes.delete(handshake);
        if (this.#handshakes.size === 0) this.#events.idle();
      },
    );
    this.#handshakes.add(handshake);
  }

  /** Resets every connection whose handshake is going on; they are not counted as failed. */
  abort(): void {
    for (const handshake of this.#handshakes) handshake.abort();
  }
}

function prepared(tls: TlsServerOptions): HandshakeServer {
  const using = handshakeServer(tls);
  using.server.on("secureConnection", function (this: View, session: TLSSocket) {
    this.handshake?.complete(session);
  });
  using.server.on("tlsClientError", function (this: View, error: Error, session: TLSSocket) {
    this.handshake?.failed(error, session);
  });
  return using;
}

function ignore(): void {}

function remember(info: IoInfo): readonly unknown[] {
  return [info.remoteAddress, info.remotePort, info.localAddress, info.localPort];
}
