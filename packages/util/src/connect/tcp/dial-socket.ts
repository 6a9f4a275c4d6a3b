/**
 * One attempt to connect a socket: it becomes an `Io`, or nothing of it is left.
 *
 * The `Io` is made within the `connect` event, because only then is there no moment at which an error of the socket
 * has no listener.
 */
import { connect, type NetConnectOpts, Socket } from "node:net";
import type { Timer } from "@sluice/core";
import { type NodeIo, nodeIo } from "../../node/socket-io.ts";
import { connectCanceled, connectError, throwIfCanceled } from "../connect-errors.ts";
import type { ConnectedOptions } from "../connector.ts";

/**
 * Connects. `signal` destroys a socket that is not connected yet.
 *
 * Rejects with an `HttpError`: kind `connect` and the errno name as its code, or kind `canceled`.
 *
 * @param what the attempt, for messages: `connecting to 127.0.0.1 port 80`.
 */
export async function dialSocket(
  options: NetConnectOpts,
  timer: Timer,
  signal: AbortSignal | undefined,
  what: string,
): Promise<NodeIo> {
  throwIfCanceled(signal);
  return await new Promise<NodeIo>((resolve, reject) => {
    const socket = connect(options);
    const onConnect = (): void => {
      forget();
      resolve(nodeIo(socket, { timer }));
    };
    const onError = (error: Error): void => {
      forget();
      socket.on("error", ignore);
      reject(connectError(error, what));
    };
    const onClose = (): void => onError(new Error("the socket was closed"));
    const onAbort = (): void => {
      forget();
      socket.on("error", ignore);
      socket.destroy();
      reject(connectCanceled(signal?.reason));
    };
    const forget = (): void => {
      socket.removeListener("connect", onConnect);
      socket.removeListener("error", onError);
      socket.removeListener("close", onClose);
      signal?.removeEventListener("abort", onAbort);
    };
    socket.on("connect", onConnect);
    socket.on("error", onError);
    socket.on("close", onClose);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Closes a connection that nobody wants, without a reset: the peer has done nothing wrong. */
export function discardIo(io: NodeIo): void {
  io.socket.destroy();
}

/** How a `Connected` keeps the process alive, or lets it end, by the socket of `io`. */
export function holdOf(io: NodeIo): Pick<ConnectedOptions, "ref" | "unref"> {
  const { socket } = io;
  return socket instanceof Socket ? { unref: () => void socket.unref(), ref: () => void socket.ref() } : {};
}

/** A late error of a socket that was given up must not be uncaught. */
function ignore(): void {}
