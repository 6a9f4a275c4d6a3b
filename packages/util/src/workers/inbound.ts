/** The `connect` handler of a Worker, which takes inbound TCP connections. */
import type { Io } from "@sluice/core";
import { createPortableTimer } from "../portable/timer.ts";
import type { WorkerSocket } from "./runtime.ts";
import { WorkerIo } from "./socket-io.ts";

/** What a `connect` handler is. */
export type ConnectHandler<Env> = (socket: WorkerSocket, env: Env) => Promise<void>;

/**
 * Makes a `connect` handler that gives every inbound connection to `onConnection`. The event lasts until the transport was
 * aborted or both of its sides have ended, which is when workerd closes the socket.
 *
 * ```ts
 * export default { connect: inbound((io) => { auto.serve(io, hello); }) };
 * ```
 * Inbound sockets are experimental in workerd: a socket of kind `tcp` in its configuration, the compatibility flag
 * `experimental`, and the command line option `--experimental`. What `onConnection` throws ends the connection and is
 * reported by workerd.
 */
export function inbound<Env = unknown>(onConnection: (io: Io, env: Env) => void): ConnectHandler<Env> {
  return async (socket, env) => {
    // Each event has a clock of its own: a timeout belongs to the event that set it and ends with it.
    const io = new WorkerIo(socket, await socket.opened, createPortableTimer());
    onConnection(io, env);
    await io.released;
  };
}
