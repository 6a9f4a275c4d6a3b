/** What listening and connecting on Bun and Deno may be told. */
import type { Timer } from "@sluice/core";
import type { TlsConnectOptions, TlsListenOptions } from "./tls.ts";

/** Where and how to listen. */
export interface ListenOptions {
  /** The TCP port. Default 0: any free port, to be found in `address`. */
  readonly port?: number;
  /** The local address or host name. Default: all addresses. */
  readonly host?: string;
  /** The path of a Unix domain socket; not together with `port` or `host`. */
  readonly path?: string;
  /** Speak TLS: every connection that comes out of the iteration has completed its handshake. Default: no TLS. */
  readonly tls?: TlsListenOptions;
  /** How many accepted connections may wait to be taken or shake hands; those beyond are reset. Default 1,024. */
  readonly maxPending?: number;
  /** Closes the listener when it aborts, as `close()` does. */
  readonly signal?: AbortSignal;
  /** The clock of the accepted connections. Default: the shared `timer`. */
  readonly timer?: Timer;
}

/** Where and how to connect. */
export interface ConnectOptions {
  /** The TCP port of the peer. Needed unless there is a `path`. */
  readonly port?: number;
  /** The address or name of the peer. Default `localhost`. */
  readonly host?: string;
  /** The path of a Unix domain socket; not together with `port` or `host`. */
  readonly path?: string;
  /** Speak TLS; `true` for the defaults. The certificate of the peer must be valid. Default: no TLS. */
  readonly tls?: boolean | TlsConnectOptions;
  /** Milliseconds until the connection, with TLS its handshake, must be there; 0 for no limit. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Gives connecting up when it aborts; of no effect on a connection. */
  readonly signal?: AbortSignal;
  /** The clock of the connection. Default: the shared `timer`. */
  readonly timer?: Timer;
}

export const listenNames: readonly string[] = ["port", "host", "path", "tls", "maxPending", "signal", "timer"];
export const connectNames: readonly string[] = ["port", "host", "path", "tls", "connectTimeoutMs", "signal", "timer"];

/** @throws TypeError for a path beside a port or host, RangeError for a port out of range. */
export function checkPlace(place: { port?: number; host?: string; path?: string }, lowestPort: number): void {
  const { port, host, path } = place;
  if (path !== undefined && (port !== undefined || host !== undefined)) {
    throw new TypeError("path: cannot be given together with port or host");
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= lowestPort && port <= 65_535)) {
    throw new RangeError(`port: must be a whole number of ${lowestPort} to 65535, got ${String(port)}`);
  }
}
