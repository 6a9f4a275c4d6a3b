/**
 * Accepts connections on a TCP port, a Unix socket or an inherited descriptor, as an async iterable of `NodeIo`s.
 *
 * Accepted sockets are not read until somebody reads their `Io`, and at most `maxPending` of them wait to be taken: Node
 * has no way to stop accepting for a while, so those beyond the limit are reset, which `dropped` counts. Every other
 * policy (what to do with a connection, how many to serve at once) belongs to the loop that iterates.
 */

import { createServer, type ListenOptions as NetListenOptions, type Server, type Socket } from "node:net";
import { HttpError, type Timer } from "@sluice/core";
import { transportError } from "../transport-error.ts";
import { AcceptQueue } from "./accept-queue.ts";
import { type NodeIo, nodeIo } from "./socket-io.ts";

/** Where and how to listen. At most one of `port`, `path` and `fd` may be given. */
export interface ListenOptions {
  /** The TCP port. Default 0: any free port, to be found in `address`. */
  readonly port?: number;
  /** The local address or host name. Default: all addresses, IPv6 and IPv4. */
  readonly host?: string;
  /** The path of a Unix domain socket or the name of a Windows pipe. */
  readonly path?: string;
  /** An open descriptor that is already bound, such as one passed by systemd. */
  readonly fd?: number;
  /** How many connections the kernel queues before it refuses more. Default 511. */
  readonly backlog?: number;
  /** On an IPv6 address, refuse IPv4. Default false. */
  readonly ipv6Only?: boolean;
  /** In a cluster worker, do not share the port with other workers. Default false. */
  readonly exclusive?: boolean;
  /** Send small writes at once (TCP_NODELAY). Default true. */
  readonly noDelay?: boolean;
  /** Let the kernel probe idle connections (SO_KEEPALIVE). Default false. */
  readonly keepAlive?: boolean;
  /** Milliseconds of idleness before the first probe; 0 is the system's default. Default 0. */
  readonly keepAliveInitialDelayMs?: number;
  /** How many connections may be open at once; those beyond are closed on arrival. Default: no limit. */
  readonly maxConnections?: number;
  /** How many accepted connections may wait to be taken; those beyond are reset. Default 1,024. */
  readonly maxPending?: number;
  /** Closes the listener when it aborts, as `close()` does. */
  readonly signal?: AbortSignal;
  /** The clock of the accepted connections. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

/** Where a listener listens. */
export interface ListenAddress {
  readonly family: "IPv4" | "IPv6" | "unix";
  /** The IP address, or the path of a Unix domain socket. */
  readonly address: string;
  /** The TCP port; 0 for a Unix domain socket. */
  readonly port: number;
}

const defaultMaxPending = 1024;

/** A listening socket; made by `listen`. */
export class Listener implements AsyncIterable<NodeIo, undefined> {
  /**
   * Settles when listening has begun, or could not: with an `HttpError` of kind `io` and the errno name as its code
   * (`EADDRINUSE`, `EACCES`, ...). The iteration ends with the same error, and neither has to be observed. Closing
   * before listening has begun rejects with kind `canceled`, code `LISTENER_CLOSED`.
   */
  readonly ready: Promise<ListenAddress>;
  readonly #server: Server;
  readonly #queue = new AcceptQueue<NodeIo>();
  readonly #maxPending: number;
  readonly #timer: Timer | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => void this.close();
  #address: ListenAddress | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  #rejectReady: (error: unknown) => void = () => {};
  #dropped = 0;
  #acceptErrors = 0;
  #iterated = false;

  /** @internal Use `listen`. */
  constructor(options: ListenOptions) {
    this.#maxPending = atLeast("maxPending", options.maxPending ?? defaultMaxPending, 1);
    this.#timer = options.timer;
    this.#signal = options.signal;
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive ?? false,
      keepAliveInitialDelay: atLeast("keepAliveInitialDelayMs", options.keepAliveInitialDelayMs ?? 0, 0),
    });
    this.#server = server;
    if (options.maxConnections !== undefined) {
      server.maxConnections = atLeast("maxConnections", options.maxConnections, 1);
    }
    server.on("connection", (socket) => this.#accept(socket));
    server.on("drop", () => (this.#dropped += 1));
    server.on("error", (error) => this.#fail(error));
    this.ready = new Promise((resolve, reject) => {
      this.#rejectReady = reject;
      server.once("listening", () => resolve((this.#address = addressOf(server))));
    });
    this.ready.catch(() => {});
    server.listen(target(options));
    if (options.signal?.aborted === true) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Where this listener listens; undefined until `ready` has resolved. */
  get address(): ListenAddress | undefined {
    return this.#address;
  }

  /** Connections refused so far because of `maxPending` or `maxConnections`. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Accepts that failed so far, such as those for want of a descriptor (`EMFILE`). Node goes on accepting by itself and
   * gives no means to pause it.
   */
  get acceptErrors(): number {
    return this.#acceptErrors;
  }

  /** Accepted connections that nobody has taken yet. */
  get pending(): number {
    return this.#queue.size;
  }

  /**
   * The connections, as they come. Several loops share them. Leaving a loop (`break`, `return`, a throw) closes the
   * listener and resets the connections that nobody has taken.
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
   * Stops listening. Connections that were accepted before are still handed to a running iteration, which then ends;
   * if there never was one, they are reset. Connections already taken are not touched.
   *
   * @returns a promise that resolves when the address is free again, and never rejects. Calling again gives the same.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#signal?.removeEventListener("abort", this.#onAbort);
      // The callback of Server.close waits for the connections too; the descriptor itself is closed in this turn.
      this.#server.close();
      setImmediate(resolve);
      this.#rejectReady(new HttpError("canceled", "LISTENER_CLOSED", "the listener was closed before it listened"));
      if (!this.#iterated) this.#resetPending();
      this.#queue.end();
    });
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
    this.#server.ref();
    return this;
  }

  /** Lets the process end although the listener is open. */
  unref(): this {
    this.#server.unref();
    return this;
  }

  #accept(socket: Socket): void {
    const connection = nodeIo(socket, this.#timer === undefined ? undefined : { timer: this.#timer });
    if (this.#closing === undefined && this.#queue.size < this.#maxPending) {
      this.#queue.put(connection);
    } else {
      this.#dropped += 1;
      connection.abort();
    }
  }

  #fail(cause: Error): void {
    if (this.#address !== undefined) {
      this.#acceptErrors += 1;
      return;
    }
    const error = transportError(cause);
    this.#rejectReady(error);
    this.#queue.fail(error);
    void this.close();
  }

  #resetPending(): void {
    for (const connection of this.#queue.clear()) connection.abort();
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
  const targets = [options.port, options.path, options.fd].filter((value) => value !== undefined);
  if (targets.length > 1) throw new TypeError("listen: at most one of port, path and fd may be given");
  return new Listener(options);
}

/** The options in the form Node takes, without those that were not given. */
function target(options: ListenOptions): NetListenOptions & { fd?: number } {
  const { path, fd, host, backlog, ipv6Only, exclusive } = options;
  return {
    ...(fd !== undefined ? { fd } : path !== undefined ? { path } : { port: options.port ?? 0 }),
    ...(host !== undefined && { host }),
    ...(backlog !== undefined && { backlog }),
    ...(ipv6Only !== undefined && { ipv6Only }),
    ...(exclusive !== undefined && { exclusive }),
  };
}

function addressOf(server: Server): ListenAddress {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { family: "unix", address: bound ?? "", port: 0 };
  return { family: bound.family === "IPv4" ? "IPv4" : "IPv6", address: bound.address, port: bound.port };
}

function atLeast(name: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum) return value;
  throw new RangeError(`${name}: must be an integer of at least ${minimum}, but is ${value}`);
}
