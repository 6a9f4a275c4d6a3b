/**
 * Several listeners as one: a plain port and a TLS port, IPv4 and a Unix socket, in one accept loop.
 *
 * Each listener is asked for one connection, and for the next when that one was taken. So the queue here never holds
 * more than one connection of each, and serves them in turn: a busy listener cannot starve a quiet one.
 */
import { AcceptQueue } from "./accept-queue.ts";
import type { Listener } from "./listen.ts";
import type { ListenAddress } from "./listen-options.ts";
import type { NodeIo } from "./socket-io.ts";

interface Arrival {
  readonly connection: NodeIo;
  /** Asks the listener it came from for another. */
  readonly again: () => void;
}

/** Several listeners in one; made by `mergeListeners`. */
export class MergedListeners implements AsyncIterable<NodeIo, undefined> {
  /** Resolves, with all addresses, when all listen; rejects with the error of the first that cannot. */
  readonly ready: Promise<readonly ListenAddress[]>;
  readonly #listeners: readonly Listener[];
  readonly #queue = new AcceptQueue<Arrival>();
  #open: number;
  #started = false;
  #disposed = false;

  /** @internal Use `mergeListeners`. */
  constructor(listeners: readonly Listener[]) {
    this.#listeners = listeners;
    this.#open = listeners.length;
    this.ready = Promise.all(listeners.map((listener) => listener.ready));
    this.ready.catch(() => {});
  }

  /** Where the listeners listen that do so by now, in the order in which they were given. */
  get addresses(): readonly ListenAddress[] {
    return this.#listeners.flatMap((listener) => listener.address ?? []);
  }

  /** Connections refused so far, by all listeners. */
  get dropped(): number {
    return this.#sum((listener) => listener.dropped);
  }

  /** Accepts that failed so far, of all listeners. */
  get acceptErrors(): number {
    return this.#sum((listener) => listener.acceptErrors);
  }

  /** TLS handshakes that failed so far, of all listeners. */
  get handshakeErrors(): number {
    return this.#sum((listener) => listener.handshakeErrors);
  }

  /** TLS handshakes going on, of all listeners. */
  get handshakes(): number {
    return this.#sum((listener) => listener.handshakes);
  }

  /** Accepted connections that nobody has taken yet, of all listeners. */
  get pending(): number {
    return this.#queue.size + this.#sum((listener) => listener.pending);
  }

  /**
   * The connections of all listeners, in turn. Several loops share them. It ends when all listeners have; when one fails,
   * it ends with its error, and the others are closed. Leaving a loop closes all listeners and resets the connections
   * that nobody has taken.
   */
  [Symbol.asyncIterator](): AsyncIterator<NodeIo, undefined> {
    this.#start();
    return {
      next: async () => {
        const { value } = await this.#queue.take();
        if (value === undefined) return { done: true, value: undefined };
        value.again();
        return { done: false, value: value.connection };
      },
      return: async () => {
        await this[Symbol.asyncDispose]();
        return { done: true, value: undefined };
      },
    };
  }

  /** Closes all listeners, as their `close()` does. Resolves when all addresses are free, and never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** Closes all listeners and resets the connections that nobody has taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const { connection } of this.#queue.clear()) connection.abort();
    await Promise.all(this.#listeners.map((listener) => listener[Symbol.asyncDispose]()));
    this.#queue.end();
  }

  /** Lets the listeners keep the process alive, which is the default. */
  ref(): this {
    for (const listener of this.#listeners) listener.ref();
    return this;
  }

  /** Lets the process end although the listeners are open. */
  unref(): this {
    for (const listener of this.#listeners) listener.unref();
    return this;
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const listener of this.#listeners) this.#ask(listener[Symbol.asyncIterator]());
  }

  #ask(iterator: AsyncIterator<NodeIo, undefined>): void {
    iterator.next().then(
      ({ value }) => {
        if (value === undefined) this.#ended();
        else if (this.#disposed) value.abort();
        else this.#queue.put({ connection: value, again: () => this.#ask(iterator) });
      },
      (error: unknown) => {
        if (this.#disposed) return;
        void this[Symbol.asyncDispose]();
        this.#queue.fail(error);
      },
    );
  }

  #ended(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#queue.end();
  }

  #sum(of: (listener: Listener) => number): number {
    return this.#listeners.reduce((total, listener) => total + of(listener), 0);
  }
}

/**
 * One accept loop over several listeners.
 *
 * ```ts
 * for await (const io of mergeListeners(listen({ port: 80 }), listen({ port: 443, tls }))) auto.serve(io, service);
 * ```
 * The listeners belong to the result from then on: iterating one of them takes connections away from it.
 *
 * @throws TypeError when no listener is given, or one twice.
 */
export function mergeListeners(...listeners: readonly Listener[]): MergedListeners {
  if (listeners.length === 0) throw new TypeError("mergeListeners: must be given at least one listener");
  if (new Set(listeners).size < listeners.length) throw new TypeError("mergeListeners: a listener was given twice");
  return new MergedListeners(listeners);
}
