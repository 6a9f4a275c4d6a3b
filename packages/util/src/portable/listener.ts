/**
 * A listening socket of a runtime other than Node, as an async iterable of `Io`s with the same words as Node's `Listener`.
 */
import type { Io } from "@sluice/core";
import { AcceptQueue } from "../node/accept-queue.ts";

/** Where a listener listens. `port` is 0 and `path` is there for a Unix domain socket. */
export interface PortableAddress {
  readonly address: string;
  readonly port: number;
  readonly path?: string;
}

/** Accepts connections until it is closed. */
export interface PortableListener extends AsyncIterable<Io, undefined>, AsyncDisposable {
  readonly address: PortableAddress;
  /** Accepted connections that nobody has taken yet. */
  readonly pending: number;
  /** Connections that were refused because too many waited already. */
  readonly dropped: number;
  /** TLS handshakes that failed or took too long so far. */
  readonly handshakeErrors: number;
  /**
   * Stops listening. Connections accepted before are still handed to a running iteration, which then ends; if there never
   * was one they are reset. Never rejects.
   */
  close(): Promise<void>;
}

/** The part that is the same everywhere; the runtime's part puts what it accepts and stops accepting. */
export abstract class ListenerBase implements PortableListener {
  abstract readonly address: PortableAddress;
  readonly queue: AcceptQueue<Io> = new AcceptQueue<Io>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => void this.close();
  #iterated = false;
  #closed = false;
  dropped = 0;
  handshakeErrors = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Stops accepting, at once. */
  protected abstract stop(): void;

  /** Somebody took a connection, or waits for one. */
  protected taken(): void {}

  get pending(): number {
    return this.queue.size;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** To be called once listening has begun. */
  protected begin(): void {
    if (this.#signal?.aborted === true) void this.close();
    else this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<Io, undefined> {
    this.#iterated = true;
    return {
      next: () => {
        const next = this.queue.take();
        this.taken();
        return next;
      },
      return: async () => {
        await this[Symbol.asyncDispose]();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.stop();
    if (!this.#iterated) this.#resetPending();
    this.queue.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    this.#resetPending();
  }

  #resetPending(): void {
    for (const connection of this.queue.clear()) connection.abort();
  }
}
