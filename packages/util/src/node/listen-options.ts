/** What `listen` may be told, and the form in which Node takes it. */

import type { ListenOptions as NetListenOptions, ServerOpts } from "node:net";
import type { HttpError, IoInfo, Timer } from "@sluice/core";
import type { TlsServerOptions } from "./tls-options.ts";

/** How to accept connections, wherever they come from. */
export interface AcceptOptions {
  /**
   * Speak TLS: every connection that comes out of the iteration has completed its handshake. Handshakes run beside each
   * other and never hold the iteration up; one that fails is counted and ends nothing. A plain HTTP request is answered
   * 400 with a sentence that says so. Default: no TLS.
   */
  readonly tls?: TlsServerOptions;
  /**
   * How many TLS handshakes may go on at once; connections beyond are reset, which `dropped` counts. Each holds some
   * tens of kilobytes, for at most `tls.handshakeTimeoutMs`. At least 1. Default 1,024.
   */
  readonly maxHandshakes?: number;
  /**
   * Told about every handshake that failed: with kind `timeout` (`HANDSHAKE_TIMEOUT`), `incomplete`
   * (`HANDSHAKE_INCOMPLETE`: the peer hung up, as health checks do), `io` (errno name) or `protocol`
   * (`PLAINTEXT_ON_TLS`, `NOT_TLS`, `CLIENT_CERTIFICATE_REFUSED`, or the `ERR_SSL_...` code of Node). What it throws
   * becomes an uncaught exception.
   */
  readonly onHandshakeError?: (error: HttpError, info: IoInfo) => void;
  /** Send small writes at once (TCP_NODELAY). Default true. */
  readonly noDelay?: boolean;
  /** Let the kernel probe idle connections (SO_KEEPALIVE). Default false. */
  readonly keepAlive?: boolean;
  /** Milliseconds of idleness before the first probe; 0 is the system's default. Default 0. */
  readonly keepAliveInitialDelayMs?: number;
  /**
   * How many connections may be open at once, whoever holds them; those beyond are closed on arrival (with FIN: Node
   * does this before anybody sees them), which `dropped` counts. Default: no limit.
   */
  readonly maxConnections?: number;
  /** How many accepted connections may wait to be taken; those beyond are reset. Default 1,024. */
  readonly maxPending?: number;
  /** Closes the listener when it aborts, as `close()` does. */
  readonly signal?: AbortSignal;
  /** The clock of the accepted connections, of handshakes and of the back-off. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

/** Where and how to listen. At most one of `port`, `path` and `fd` may be given. */
export interface ListenOptions extends AcceptOptions {
  /** The TCP port. Default 0: any free port, to be found in `address`. */
  readonly port?: number;
  /** The local address or host name. Default: all addresses, IPv6 and IPv4. */
  readonly host?: string;
  /** The path of a Unix domain socket or the name of a Windows pipe. Its file is removed on closing; see `keepPath`. */
  readonly path?: string;
  /**
   * Of a Unix domain socket: take the name over from whatever file is there, in one step, and leave the file on
   * closing. A successor can then begin to listen, or be handed the listener, before the predecessor closes, and the
   * name never goes missing. Not for Windows. Default false: an existing file is `EADDRINUSE`.
   */
  readonly keepPath?: boolean;
  /**
   * An open descriptor that is bound or listens already, such as 3, the first one of systemd (`LISTEN_FDS`), or one that
   * a parent put there by the `stdio` of `spawn`. Closing the listener closes it here, and not in other processes.
   */
  readonly fd?: number;
  /** How many connections the kernel queues before it refuses more. Default 511. */
  readonly backlog?: number;
  /** On an IPv6 address, refuse IPv4. Default false. */
  readonly ipv6Only?: boolean;
  /** In a cluster worker, do not share the port with other workers. Default false. */
  readonly exclusive?: boolean;
}

/** Where a listener listens. */
export interface ListenAddress {
  readonly family: "IPv4" | "IPv6" | "unix";
  /** The IP address, or the path of a Unix domain socket. */
  readonly address: string;
  /** The TCP port; 0 for a Unix domain socket. */
  readonly port: number;
}

/** The options of sockets, as `net.createServer` takes them. */
export function socketOptions(
  options: AcceptOptions,
): Required<Pick<ServerOpts, "noDelay" | "keepAlive" | "keepAliveInitialDelay">> {
  return {
    noDelay: options.noDelay ?? true,
    keepAlive: options.keepAlive ?? false,
    keepAliveInitialDelay: atLeast("keepAliveInitialDelayMs", options.keepAliveInitialDelayMs ?? 0, 0),
  };
}

/** Where to listen, as `server.listen` takes it, without what was not given. */
export function listenTarget(options: ListenOptions): NetListenOptions & { fd?: number } {
  const { path, fd, host, backlog, ipv6Only, exclusive } = options;
  return {
    ...(fd !== undefined ? { fd } : path !== undefined ? { path } : { port: options.port ?? 0 }),
    ...(host !== undefined && { host }),
    ...(backlog !== undefined && { backlog }),
    ...(ipv6Only !== undefined && { ipv6Only }),
    ...(exclusive !== undefined && { exclusive }),
  };
}

/** @throws TypeError when options exclude each other. */
export function checkTarget(options: ListenOptions): void {
  const targets = [options.port, options.path, options.fd].filter((value) => value !== undefined);
  if (targets.length > 1) throw new TypeError("listen: at most one of port, path and fd may be given");
  if (options.keepPath === true && options.path === undefined) {
    throw new TypeError("keepPath: goes with path only, but no path is given");
  }
}

/** @throws RangeError naming the option when `value` is not an integer of at least `minimum`. */
export function atLeast(name: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum) return value;
  throw new RangeError(`${name}: must be an integer of at least ${minimum}, but is ${value}`);
}
