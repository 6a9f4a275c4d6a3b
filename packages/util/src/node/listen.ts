/**
 * Accepts connections on a TCP port, a Unix socket or an inherited descriptor, as an async iterable of `NodeIo`s.
 *
 * Accepted sockets are not read until somebody reads their `Io` (with TLS: beyond the handshake), and at most
 * `maxPending` of them wait to be taken: Node has no way to stop accepting for a while, so those beyond the limit are
 * reset, which `dropped` counts. Every other policy (what to do with a connection, how many to serve at once) belongs to
 * the loop that iterates.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HttpError, type Timer } from "@sluice/core";
import { transportError } from "../transport-error.ts";
import { AcceptBackoff } from "./accept-backoff.ts";
import { AcceptQueue } from "./accept-queue.ts";
import {
  type AcceptOptions,
  atLeast,
  checkTarget,
  type ListenAddress,
  type ListenOptions,
  listenTarget,
  socketOptions,
} from "./listen-options.ts";
import { type NodeIo, nodeIo } from "./socket-io.ts";
import { nodeTimer } from "./timer.ts";
import { TlsAcceptor } from "./tls-accept.ts";
import type { TlsServerOptions } from "./tls-options.ts";
import { passingName, publishName } from "./unix-path.ts";

const defaultMaxPending = 1024;
const defaultMaxHandshakes = 1024;

/** A listening socket; made by `listen` and `receiveListener`. */
export class Listener implements AsyncIterable<NodeIo, undefined> {
  /**
   * Settles when listening has begun, or could not: with an `HttpError` of kind `io` and the errno name as its code
   * (`EADDRINUSE`, `EACCES`, ...). The iteration ends with the same error, and neither has to be observed. Closing
   * before listening has begun rejects with kind `canceled`, code `LISTENER_CLOSED`.
   */
  readonly ready: Promise<ListenAddress>;
  /**
   * The Node server underneath, for what a `Listener` has no word for, such as `getConnections`. Accepting from it or
   * closing it behind the back of this object is not supported.
   */
  readonly server: Server;
  readonly #queue = new AcceptQueue<NodeIo>();
  readonly #maxPending: number;
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => void this.close();
  readonly #backoff: AcceptBackoff;
  readonly #acceptor: TlsAcceptor | undefined;
  #address: ListenAddress | undefined = undefined;
  #closed = false;
  #closing: Promise<void> | undefined = undefined;
  #resolveReady: (address: ListenAddress) => void = () => {};
  #rejectReady: (error: unknown) => void = () => {};
  #dropped = 0;
  #acceptErrors = 0;
  #handshakeErrors = 0;
  #iterated = false;
  #losesPath = false;

  /** @internal Use `listen` or `receiveListener`. */
  constructor(server: Server, options: AcceptOptions) {
    this.server = server;
    this.#maxPending = atLeast("maxPending", options.maxPending ?? defaultMaxPending, 1);
    this.#timer = options.timer ?? nodeTimer;
    this.#signal = options.signal;
    this.#acceptor = this.#tlsAcceptor(options);
    if (options.maxConnections !== undefined) {
      server.maxConnections = atLeast("maxConnections", options.maxConnections, 1);
    }
    const queue = this.#queue;
    this.#backoff = new AcceptBackoff(
      this.#timer,
      () => queue.hold(),
      () => queue.release(),
    );
    server.on("connection", (socket) => this.#accept(socket));
    server.on("drop", () => (this.#dropped += 1));
    server.on("error", (error) => this.#failed(error));
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {});
    if (options.signal?.aborted === true) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Where this listener listens; undefined until `ready` has resolved. */
  get address(): ListenAddress | undefined {
    return this.#address;
  }

  /** Connections refused so far because of `maxPending`, `maxHandshakes` or `maxConnections`. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Accepts that failed so far and that Node told about. After each, connections are kept back from the iteration for
   * 5 ms, twice as long after every further one, at most 1 s; a success begins anew. Node itself goes on accepting and
   * gives no means to pause it.
   *
   * Want of descriptors (`EMFILE`, `ENFILE`) is usually not among them: on Unix libuv then accepts what waits in the
   * kernel and closes it at once, without a word, so that the process does not spin. `maxConnections` is the way not to
   * get there. An accept that the client gave up (`ECONNABORTED`) is passed over silently too.
   */
  get acceptErrors(): number {
    return this.#acceptErrors;
  }

  /** TLS handshakes that failed or took too long so far; `onHandshakeError` is told why. */
  get handshakeErrors(): number {
    return this.#handshakeErrors;
  }

  /** TLS handshakes going on. */
  get handshakes(): number {
    return this.#acceptor?.size ?? 0;
  }

  /** Accepted connections that nobody has taken yet. */
  get pending(): number {
    return this.#queue.size;
  }

  /**
   * The connections, as they come; with TLS, as their handshakes complete. Several loops share them. Leaving a loop
   * (`break`, `return`, a throw) closes the listener and resets the connections that nobody has taken.
   */
  [Symbol.asyncIterator](): AsyncIterator<NodeIo, undefined> {
    this.#iterated = true;
    return {
      next: () => this.#queue.take(),
      return: async () => {
        await this[Symbol.asyncDispose]();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Uses other certificates, protocols and rules for handshakes that begin from now on: all TLS options are replaced.
   * Connections and handshakes that exist are not touched.
   *
   * @throws TypeError when this listener does not speak TLS; TypeError or RangeError when an option is not valid or the
   *   certificate cannot be used. The former options then stay.
   */
  setSecureContext(tls: TlsServerOptions): void {
    if (this.#acceptor === undefined) throw new TypeError("setSecureContext: the listener was made without tls");
    this.#acceptor.replace(tls);
  }

  /**
   * Stops listening. Connections that were accepted before are still handed to a running iteration, which then ends
   * (with TLS: after the last handshake); if there never was one, they are reset. Connections already taken are not
   * touched.
   *
   * @returns a promise that resolves when the address is free again, and never rejects. Calling again gives the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  /** Closes the listener and resets the connections that nobody has taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.close();
    this.#resetPending();
    await closed;
  }

  /** Lets the listener keep the process alive, which is the default. */
  ref(): this {
    this.server.ref();
    return this;
  }

  /** Lets the process end although the listener is open. */
  unref(): this {
    this.server.unref();
    return this;
  }

  /** @internal Closing removes the name of this Unix domain socket. */
  get losesPath(): boolean {
    return this.#losesPath;
  }

  /** @internal Listening has begun; `losesPath` when Node will remove the name of the socket. */
  began(address: ListenAddress, losesPath: boolean): void {
    if (this.#closed) return;
    this.#losesPath = losesPath;
    this.#address = address;
    this.#resolveReady(address);
  }

  /** @internal Listening could not begin. */
  failedToBegin(cause: unknown): void {
    const error = transportError(cause);
    this.#rejectReady(error);
    this.#queue.fail(error);
    void this.close();
  }

  #stop(): Promise<void> {
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#backoff.stop();
    // The callback of Server.close waits for the connections too; the descriptor itself is closed in this turn.
    this.server.close();
    this.#rejectReady(new HttpError("canceled", "LISTENER_CLOSED", "the listener was closed before it listened"));
    if (!this.#iterated) this.#resetPending();
    this.#endIfIdle();
    return new Promise((resolve) => setImmediate(resolve));
  }

  #failed(cause: Error): void {
    if (this.#address === undefined) {
      this.failedToBegin(cause);
    } else {
      this.#acceptErrors += 1;
      if (!this.#closed) this.#backoff.failed();
    }
  }

  #accept(socket: Socket): void {
    this.#backoff.succeeded();
    if (this.#acceptor === undefined || this.#queue.size >= this.#maxPending) this.#offer(socket);
    else this.#acceptor.accept(socket);
  }

  #offer(socket: Socket): void {
    const connection = nodeIo(socket, { timer: this.#timer });
    if (this.#queue.size < this.#maxPending) {
      this.#queue.put(connection);
    } else {
      this.#dropped += 1;
      connection.abort();
    }
  }

  #tlsAcceptor(options: AcceptOptions): TlsAcceptor | undefined {
    const maxHandshakes = atLeast("maxHandshakes", options.maxHandshakes ?? defaultMaxHandshakes, 1);
    const { tls, onHandshakeError } = options;
    if (tls === undefined) return undefined;
    return new TlsAcceptor(
      { tls, maxHandshakes, timer: this.#timer, onHandshakeError },
      {
        accepted: (socket) => this.#offer(socket),
        refused: () => (this.#dropped += 1),
        failed: () => (this.#handshakeErrors += 1),
        idle: () => this.#endIfIdle(),
      },
    );
  }

  /** Ends the iteration of a closed listener, once nothing can come any more. */
  #endIfIdle(): void {
    if (this.#closed && this.handshakes === 0) this.#queue.end();
  }

  #resetPending(): void {
    for (const connection of this.#queue.clear()) connection.abort();
    this.#acceptor?.abort();
  }
}

/**
 * Listens for connections.
 *
 * ```ts
 * for await (const io of listen({ port: 3000 })) serve(io);
 * ```
 * @throws TypeError or RangeError at once when an option is not valid. That an address cannot be listened on is told by
 *   `ready` and by the iteration.
 */
export function listen(options: ListenOptions = {}): Listener {
  checkTarget(options);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, ...socketOptions(options) });
  const listener = new Listener(server, options);
  if (options.signal?.aborted === true) return listener;
  const { path } = options;
  const passing = path !== undefined && options.keepPath === true ? passingName(path) : undefined;
  server.once("listening", () => {
    try {
      if (path !== undefined && passing !== undefined) publishName(passing, path);
      listener.began(addressOf(server, path), path !== undefined && passing === undefined);
    } catch (error) {
      listener.failedToBegin(error);
    }
  });
  server.listen(listenTarget(passing === undefined ? options : { ...options, path: passing }));
  return listener;
}

function addressOf(server: Server, path: string | undefined): ListenAddress {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { family: "unix", address: path ?? bound ?? "", port: 0 };
  return { family: bound.family === "IPv4" ? "IPv4" : "IPv6", address: bound.address, port: bound.port };
}
