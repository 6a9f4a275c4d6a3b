/**
 * Gives a listening socket to another process, for a restart in which no connection is refused and none is lost.
 *
 * Both processes then hold the same kernel socket and its one queue, both accept from it, and either may close its own
 * descriptor without the other noticing. Node accepts in the child from the moment the socket arrives, wanted or not, so
 * it is sent only when asked for: offer (parent) - want (child) - listener (parent) - taken (child). Offer and want may
 * come in any order, and twice; whichever side is later completes the exchange.
 *
 * The messages go over the IPC channel that `child_process.fork` makes; other listeners of `message` see them too and
 * should ignore what has a `sluice` property.
 */

import type { ChildProcess } from "node:child_process";
import { Server } from "node:net";
import { HttpError, type Timer } from "@sluice/core";
import { transportError } from "../transport-error.ts";
import { Listener } from "./listen.ts";
import { type AcceptOptions, atLeast, type ListenAddress, socketOptions } from "./listen-options.ts";
import { nodeTimer } from "./timer.ts";

interface Message {
  readonly sluice: "offer" | "want" | "listener" | "taken";
  readonly name: string;
  readonly address?: ListenAddress;
}

/** Tells listeners apart when a process hands over several. */
export interface HandOverName {
  /** The same on both sides. Default `"default"`. */
  readonly name?: string;
}

export interface HandOverOptions extends HandOverName {
  /** Milliseconds for the child to start and to take the listener. At least 1. Default 30,000. */
  readonly timeoutMs?: number;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

const defaultName = "default";
const defaultTimeoutMs = 30_000;

/**
 * Hands the socket of `listener` to a child process made with `child_process.fork` (or `spawn` with an `ipc` channel),
 * which takes it with `receiveListener`. From then on both accept, and this process goes over to its end:
 *
 * ```ts
 * const child = fork("server.js", { env: { ...process.env, TAKE_OVER: "1" } });
 * await handOver(listener, child);
 * await listener.close();      // the loop ends when what was accepted here is taken; then drain the connections
 * ```
 * A child that survives its parent wants `detached: true`, and `child.disconnect()` and `child.unref()` afterwards.
 * TLS options stay here: the child names its own.
 *
 * A Unix domain socket must have been made with `keepPath`, or be inherited, lest closing it removes its name.
 *
 * @returns a promise that resolves when the child accepts. It rejects with an `HttpError`, and this listener goes on as
 *   before: `closed` (`CHILD_GONE`: the child ended or its channel was closed), `timeout` (`HAND_OVER_TIMEOUT`),
 *   `io` (the channel failed), or what `listener.ready` rejects with.
 * @throws TypeError or RangeError when `child` has no channel, the listener's name would be removed, or an option is
 *   not valid.
 */
export function handOver(listener: Listener, child: ChildProcess, options: HandOverOptions = {}): Promise<void> {
  const name = options.name ?? defaultName;
  const timeoutMs = atLeast("timeoutMs", options.timeoutMs ?? defaultTimeoutMs, 1);
  if (child.channel === undefined) throw new TypeError("child: must have an IPC channel, such as fork() makes");
  return listener.ready.then((address) => {
    if (listener.losesPath) throw new TypeError("listener: a Unix domain socket must be made with keepPath: true");
    return give(listener.server, address, child, name, timeoutMs, options.timer);
  });
}

function give(
  server: Server,
  address: ListenAddress,
  child: ChildProcess,
  name: string,
  timeoutMs: number,
  timer: Timer = nodeTimer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let given = false;
    const settle = (error?: HttpError): void => {
      alarm.cancel();
      child.removeListener("message", onMessage);
      child.removeListener("disconnect", onGone);
      child.removeListener("exit", onGone);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onSent = (error: Error | null): void => {
      if (error !== null) settle(transportError(error));
    };
    const onGone = (): void =>
      settle(new HttpError("closed", "CHILD_GONE", "the child ended before it took the listener"));
    const onMessage = (received: unknown): void => {
      if (!isMessage(received, name)) return;
      if (received.sluice === "taken") {
        settle();
      } else if (received.sluice === "want" && !given) {
        given = true;
        child.send({ sluice: "listener", name, address } satisfies Message, server, onSent);
      }
    };
    const alarm = timer.schedule(timeoutMs, () => {
      const message = `the child did not take the listener within ${timeoutMs} ms`;
      settle(new HttpError("timeout", "HAND_OVER_TIMEOUT", message));
    });
    child.on("message", onMessage);
    child.on("disconnect", onGone);
    child.on("exit", onGone);
    if (child.connected) child.send({ sluice: "offer", name } satisfies Message, onSent);
    else onGone();
  });
}

/**
 * Takes a listener that the parent process hands over with `handOver`, to be called in the child as soon as it is able
 * to serve: nothing is accepted here before.
 *
 * ```ts
 * const listener = process.env.TAKE_OVER ? await receiveListener({ tls }) : listen({ port: 443, tls });
 * for await (const io of listener) serve(io);
 * ```
 * The listener is like one of `listen`, save that a connection may be read a little before somebody asks. What the
 * parent has already accepted stays with the parent. It can be handed over again. A Unix domain socket keeps its file
 * when closed.
 *
 * @returns a promise of the listener. It rejects with an `HttpError`: `closed` (`PARENT_GONE`) when the channel is closed
 *   before, `canceled` (`LISTENER_CLOSED`) when the signal aborts before.
 * @throws TypeError or RangeError when this process has no IPC channel, or an option is not valid.
 */
export function receiveListener(options: AcceptOptions & HandOverName = {}): Promise<Listener> {
  const name = options.name ?? defaultName;
  const { signal } = options;
  if (process.send === undefined)
    throw new TypeError("receiveListener: this process was started without an IPC channel");
  // A listener without a socket, to find out about mistakes at once and not when the parent has sent something.
  void new Listener(new Server(), { ...options, signal: AbortSignal.abort() });
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      process.removeListener("message", onMessage);
      process.removeListener("disconnect", onGone);
      signal?.removeEventListener("abort", onAbort);
    };
    const onGone = (): void => {
      settle();
      reject(new HttpError("closed", "PARENT_GONE", "the channel to the parent was closed before a listener came"));
    };
    const onAbort = (): void => {
      settle();
      reject(new HttpError("canceled", "LISTENER_CLOSED", "the signal aborted before a listener came"));
    };
    const onMessage = (received: unknown, server: unknown): void => {
      if (!isMessage(received, name)) return;
      if (received.sluice === "offer") {
        send({ sluice: "want", name });
      } else if (received.sluice === "listener" && server instanceof Server && received.address !== undefined) {
        settle();
        // In this turn: the server accepts already, and a connection nobody listens for would be lost.
        const listener = inherit(server, received.address, options);
        send({ sluice: "taken", name });
        resolve(listener);
      }
    };
    process.on("message", onMessage);
    process.on("disconnect", onGone);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    else if (process.connected) send({ sluice: "want", name });
    else onGone();
  });
}

/** A server that came over a channel was made by Node, without our options: its sockets get them one by one. */
function inherit(server: Server, address: ListenAddress, options: AcceptOptions): Listener {
  const { noDelay, keepAlive, keepAliveInitialDelay } = socketOptions(options);
  server.on("connection", (socket) => {
    socket.pause();
    socket.allowHalfOpen = true;
    socket.setNoDelay(noDelay);
    if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay);
  });
  const listener = new Listener(server, options);
  listener.began(address, false);
  return listener;
}

/** To the parent. A channel that breaks is told by `disconnect`. */
function send(message: Message): void {
  process.send?.(message, undefined, undefined, () => {});
}

function isMessage(value: unknown, name: string): value is Message {
  return typeof value === "object" && value !== null && "sluice" in value && "name" in value && value.name === name;
}
