/**
 * Chooses between two pools by what a connection turns out to be, such as by the protocol that ALPN has chosen (hyper-util
 * `client::pool::negotiate`).
 *
 * Nothing is known before the first connection is made, so those who come until then share its making: a crowd that finds the
 * pool empty opens one connection, and a second one only once it is known that the first cannot be shared. What was learned
 * holds until a connection shows something else.
 */
import { HttpError } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { poolClosed } from "./pool-errors.ts";
import { Singleton } from "./singleton.ts";

/** What both pools need for taking part. */
export interface NegotiablePool<Connection> {
  /** Takes in a connection that was made to find out what it is. */
  offer(connection: Connection): void;
  /** Closes all and refuses whoever waits. */
  close(): void;
}

/** Options of a `Negotiate`. */
export interface NegotiateOptions<Connection, Fallback, Upgraded> {
  /** Makes a connection. */
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
  /** Whether it is one for the pool of `upgrade`. */
  readonly inspect: (connection: Connection) => boolean;
  /** Lets go of a connection that belongs to no pool. */
  readonly close: (connection: Connection) => void;
  /** Makes the pool for connections that are nothing special; it makes further ones with `connect`. */
  readonly fallback: (connect: (signal: AbortSignal) => Promise<Connection>) => Fallback;
  /** Makes the pool for the others. */
  readonly upgrade: (connect: (signal: AbortSignal) => Promise<Connection>) => Upgraded;
}

const known = ["connect", "inspect", "close", "fallback", "upgrade"];

/** The pool to use, as far as is known. */
export type Choice = "fallback" | "upgrade" | undefined;

/** How often whoever waits may be sent from one pool to the other before he is told. */
const maxTurns = 4;

/** A connection turned out to be for the other pool, which has it now. */
class Turned extends Error {}

/** Chooses between two pools by what a connection turns out to be, such as by the protocol that ALPN has chosen. */
export class Negotiate<
  Connection,
  Fallback extends NegotiablePool<Connection>,
  Upgraded extends NegotiablePool<Connection>,
> {
  readonly fallback: Fallback;
  readonly upgrade: Upgraded;
  readonly #options: NegotiateOptions<Connection, Fallback, Upgraded>;
  readonly #first: Singleton<true>;
  #choice: Choice;
  /** The connection that was made to find out, until somebody uses it. */
  #kept: { readonly connection: Connection } | undefined;
  #isClosed = false;

  /** @throws TypeError for options that make no sense. */
  constructor(options: NegotiateOptions<Connection, Fallback, Upgraded>) {
    knownOptions("negotiate", options, known);
    this.#options = options;
    this.fallback = options.fallback((signal) => this.#connect("fallback", signal));
    this.upgrade = options.upgrade((signal) => this.#connect("upgrade", signal));
    this.#first = new Singleton({
      connect: async (signal) => {
        this.#keep(await options.connect(signal), signal);
        return true as const;
      },
      isOpen: () => false,
    });
  }

  /** Which pool the last connection was for; undefined before the first. */
  get choice(): Choice {
    return this.#choice;
  }

  /** Whether the first connection is being made. */
  get isConnecting(): boolean {
    return this.#first.isConnecting;
  }

  /**
   * Uses the pool that is the right one: `use` is called with the choice, once it is known, and again if its pool finds that the
   * destination has changed its mind.
   *
   * Rejects with what `use` or `connect` fails with; kind `canceled`, code `CANCELED` when `signal` aborts; kind `closed`, code
   * `POOL_CLOSED` after `close`.
   */
  async with<Result>(
    use: (choice: "fallback" | "upgrade") => Result | Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    for (let turn = 0; ; turn++) {
      if (this.#choice === undefined) await this.#decide(signal);
      if (this.#isClosed) throw poolClosed();
      try {
        return await use(this.#choice ?? "fallback");
      } catch (error) {
        if (!(error instanceof Turned)) throw error;
        if (turn < maxTurns) continue;
        throw new HttpError("connect", "UNSTEADY", "the server chooses another protocol on each connection");
      } finally {
        this.#placeKept();
      }
    }
  }

  /** Makes at least one connection, so that the choice is known. */
  async decide(signal?: AbortSignal): Promise<void> {
    await this.#decide(signal);
    this.#placeKept();
  }

  /** Closes both pools, and refuses whoever waits. */
  close(): void {
    this.#isClosed = true;
    this.#first.clear(poolClosed());
    this.#placeKept();
    this.fallback.close();
    this.upgrade.close();
  }

  async #decide(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isClosed) throw poolClosed();
    if (this.#choice === undefined) await this.#first.get(signal);
  }

  /** Makes a connection for one of the pools, or hands it the one that was made to find out. */
  async #connect(wanted: "fallback" | "upgrade", signal: AbortSignal): Promise<Connection> {
    const kept = this.#choice === wanted ? this.#kept : undefined;
    if (kept !== undefined) {
      this.#kept = undefined;
      return kept.connection;
    }
    const connection = await this.#options.connect(signal);
    const choice = this.#options.inspect(connection) ? "upgrade" : "fallback";
    if (choice === wanted) return connection;
    this.#place(connection, signal);
    throw new Turned("the connection is for the other pool");
  }

  /** Keeps the connection that was made to find out for the first who asks the right pool: a pool may keep no idle ones. */
  #keep(connection: Connection, signal: AbortSignal): void {
    if (this.#isClosed || signal.aborted) {
      this.#options.close(connection);
      return;
    }
    this.#choice = this.#options.inspect(connection) ? "upgrade" : "fallback";
    this.#kept = { connection };
  }

  /** Gives the connection that was kept to its pool, if nobody came for it. */
  #placeKept(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept === undefined || this.#choice === undefined) return;
    if (this.#isClosed) this.#options.close(kept.connection);
    else this[this.#choice].offer(kept.connection);
  }

  /** Gives a connection to the pool it is for, unless nobody waits for it any more. */
  #place(connection: Connection, signal: AbortSignal): void {
    if (this.#isClosed || signal.aborted) {
      this.#options.close(connection);
      return;
    }
    this.#choice = this.#options.inspect(connection) ? "upgrade" : "fallback";
    this[this.#choice].offer(connection);
  }
}
