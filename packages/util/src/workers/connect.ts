/** Makes connections with `connect` of `cloudflare:sockets`, which a program passes in. */
import type { Io, Timer } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { connectTimeout, dialWithin } from "../portable/dial.ts";
import { checkPlace } from "../portable/options.ts";
import { createPortableTimer } from "../portable/timer.ts";
import type { SocketsConnect, WorkerSocket, WorkerSocketInfo } from "./runtime.ts";
import { WorkerIo } from "./socket-io.ts";

/** How to connect from workerd. */
export interface WorkerConnectOptions {
  /** The TCP port of the peer. */
  readonly port: number;
  /** The address or name of the peer. */
  readonly host: string;
  /** Speak TLS. workerd offers no ALPN and tells of none, so what is spoken must be known. Default false. */
  readonly tls?: boolean;
  /** Milliseconds until the connection must be there; 0 for no limit. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Gives connecting up when it aborts; of no effect on a connection. */
  readonly signal?: AbortSignal;
  /** The clock of the connection. Default: one of its own, as timeouts belong to the event that made the connection. */
  readonly timer?: Timer;
}

const names = ["port", "host", "tls", "connectTimeoutMs", "signal", "timer"];

/**
 * Connects.
 *
 * ```ts
 * import { connect as open } from "cloudflare:sockets";
 * const io = await connect(open, { host: "example.com", port: 80 });
 * ```
 * Rejects with an `HttpError`: kind `io`, code `CONNECT_FAILED` (workerd tells no more than a sentence); kind `timeout`,
 * code `CONNECT_TIMEOUT`; kind `canceled`, code `CONNECT_CANCELED`. Rejects with TypeError or RangeError for options that
 * make no sense.
 */
export async function connect(open: SocketsConnect, options: WorkerConnectOptions): Promise<Io> {
  knownOptions("connect", options, names);
  checkPlace(options, 1);
  const { host, port, tls = false, signal } = options;
  const timer = options.timer ?? createPortableTimer();
  const timeoutMs = connectTimeout(options.connectTimeoutMs);
  let socket: WorkerSocket | undefined;
  const dial = async (): Promise<WorkerSocketInfo> => {
    socket = open({ hostname: host, port }, { secureTransport: tls ? "on" : "off", allowHalfOpen: true });
    socket.closed.catch(ignore);
    return await socket.opened;
  };
  const discard = (): void => void socket?.close().catch(ignore);
  const opened = await dialWithin({ timer, timeoutMs, signal }, dial(), discard, discard);
  // `dial` has set it, as it has resolved.
  return new WorkerIo(socket as WorkerSocket, opened, timer);
}

function ignore(): void {}
