/**
 * The end of many connections at once: each is told to take no further exchange, and what is still under way when the
 * deadline passes is aborted.
 *
 *   RUNNING -> DRAINING -> OVER      once nothing watched is left; a deadline makes sure that this comes
 *
 * A connection is in the set from `watch` until it has ended and no longer; watching costs no time that grows with how many
 * there are.
 */
import { type Alarm, type Connection, HttpError, type Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions } from "../options.ts";
import { atLeastZero, finite } from "./durations.ts";

/** How a shutdown goes. */
export interface ShutdownOptions {
  /**
   * How long connections may go on, in milliseconds from the call, whatever `graceMs` says; those still open then are aborted.
   * `Infinity` for no deadline. Default 30,000.
   */
  readonly deadlineMs?: number;
  /**
   * How long an idle HTTP/1 connection, or one on which nothing was received yet, is left open, in milliseconds from the call.
   * A client may have a request on its way when a kept connection is closed, and cannot know whether it was served; so for this
   * long such a request is still served, and its answer says `connection: close`. Connections that are used end so by
   * themselves; 0 closes idle ones at once. HTTP/2 needs none of this: GOAWAY tells which requests were served. Default 1,000.
   */
  readonly graceMs?: number;
}

/** What became of the connections that were open when the shutdown began or came later. */
export interface ShutdownOutcome {
  /** Ended in order. */
  readonly clean: number;
  /** Ended by an error of their own, such as a peer that went away. */
  readonly failed: number;
  /** Still open at the deadline, and given up. */
  readonly aborted: number;
}

const RUNNING = 0;
const DRAINING = 1;
const OVER = 2;

const defaultDeadlineMs = 30_000;
const defaultGraceMs = 1_000;
const never = Number.POSITIVE_INFINITY;

/** Ends many connections together: each takes no further exchange; what still goes on at the deadline is aborted. */
export class GracefulShutdown {
  readonly #timer: Timer | null;
  readonly #connections = new Set<Connection>();
  /** How to give up what else must end first. */
  readonly #holds = new Set<() => void>();
  #phase: typeof RUNNING | typeof DRAINING | typeof OVER = RUNNING;
  #deadlineAt = never;
  #graceUntil = 0;
  #alarm: Alarm | undefined;
  /** Whether the deadline has passed: whatever comes now is aborted. */
  #expired = false;
  #clean = 0;
  #failed = 0;
  #aborted = 0;
  #done: Promise<ShutdownOutcome> | undefined;
  #settle: ((outcome: ShutdownOutcome) => void) | undefined;

  /** @param options.timer The clock of the deadline; `null` for no deadline and no grace. Default: the shared `nodeTimer`. */
  constructor(options: { readonly timer?: Timer | null | undefined } = {}) {
    knownOptions("GracefulShutdown", options, ["timer"]);
    this.#timer = options.timer === undefined ? nodeTimer : options.timer;
  }

  /** Watched connections that are open. */
  get count(): number {
    return this.#connections.size;
  }

  /** Whether a shutdown has begun. */
  get isShuttingDown(): boolean {
    return this.#phase !== RUNNING;
  }

  /** What became of the connections since the shutdown began. */
  get outcome(): ShutdownOutcome {
    return { clean: this.#clean, failed: this.#failed, aborted: this.#aborted };
  }

  /**
   * Keeps account of a connection until it has ended, and shuts it down with the others; at once if that has begun. Any
   * object that is a `Connection` will do. Returns it.
   */
  watch<Watched extends Connection>(connection: Watched): Watched {
    if (this.#connections.has(connection)) return connection;
    this.#connections.add(connection);
    connection.closed.then(
      () => this.#ended(connection, false),
      () => this.#ended(connection, true),
    );
    if (this.#expired) this.#giveUp(connection, undefined);
    else if (this.#phase !== RUNNING) this.#signal(connection);
    return connection;
  }

  /**
   * Keeps a shutdown from being over until the function it returns is called, for what is no connection, such as an accept
   * loop that may still bring one.
   * @param giveUp Called if the deadline passes first.
   */
  hold(giveUp: () => void): () => void {
    if (this.#expired) {
      giveUp();
      return () => {};
    }
    // A function of its own for each, should the same be given twice.
    const entry = (): void => giveUp();
    this.#holds.add(entry);
    return () => {
      this.#holds.delete(entry);
      this.#overIfDone();
    };
  }

  /**
   * Shuts all watched connections down. Resolves when every one has ended or was given up; never rejects. Called again it
   * gives the same promise, and what the later call says of `deadlineMs` and `graceMs` replaces what was said before.
   * @throws TypeError or RangeError for options that make no sense.
   */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownOutcome> {
    checkShutdownOptions(options);
    const first = this.#done === undefined;
    this.#done ??= new Promise((resolve) => (this.#settle = resolve));
    if (this.#phase === OVER) return this.#done;
    if (first || options.deadlineMs !== undefined) this.#setDeadline(options.deadlineMs ?? defaultDeadlineMs);
    if (first || options.graceMs !== undefined) {
      this.#phase = DRAINING;
      this.#graceUntil = this.#now() + (options.graceMs ?? defaultGraceMs);
      for (const connection of this.#connections) this.#signal(connection);
    }
    this.#overIfDone();
    return this.#done;
  }

  /** Gives all watched connections up, at once, and those that come later. Resolves as `shutdown` does. */
  abort(reason?: unknown): Promise<ShutdownOutcome> {
    this.#done ??= new Promise((resolve) => (this.#settle = resolve));
    this.#expire(reason);
    return this.#done;
  }

  #now(): number {
    return this.#timer?.now() ?? 0;
  }

  #setDeadline(deadlineMs: number): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#deadlineAt = this.#now() + deadlineMs;
    if (this.#timer === null || deadlineMs === never) return;
    const message = `the connection was still open at the deadline of the shutdown, deadlineMs = ${deadlineMs} ms`;
    this.#alarm = this.#timer.schedule(deadlineMs, () => {
      this.#expire(new HttpError("canceled", "SHUTDOWN", message));
    });
  }

  #signal(connection: Connection): void {
    // Deadlines are kept here, by one alarm for all. Once that is over a connection has to keep its own.
    const deadlineMs = this.#phase === OVER ? Math.max(0, this.#deadlineAt - this.#now()) : never;
    const graceMs = this.#timer === null ? 0 : Math.max(0, this.#graceUntil - this.#now());
    try {
      connection.gracefulShutdown(deadlineMs, graceMs);
    } catch (error) {
      this.#giveUp(connection, error);
    }
  }

  /** Not waited for: whatever a connection makes of it, it is no longer ours. */
  #giveUp(connection: Connection, reason: unknown): void {
    if (!this.#connections.delete(connection)) return;
    this.#aborted++;
    try {
      connection.abort(reason);
    } catch {
      // It is of somebody else's making, and given up in any case.
    }
  }

  #expire(reason: unknown): void {
    this.#expired = true;
    this.#phase = this.#phase === OVER ? OVER : DRAINING;
    for (const giveUp of this.#holds) giveUp();
    this.#holds.clear();
    for (const connection of this.#connections) this.#giveUp(connection, reason);
    this.#overIfDone();
  }

  #ended(connection: Connection, failed: boolean): void {
    if (!this.#connections.delete(connection) || this.#phase === RUNNING) return;
    if (failed) this.#failed++;
    else this.#clean++;
    this.#overIfDone();
  }

  #overIfDone(): void {
    if (this.#phase !== DRAINING || this.#connections.size > 0 || this.#holds.size > 0) return;
    this.#phase = OVER;
    this.#alarm?.cancel();
    this.#settle?.(this.outcome);
  }
}

/** @throws TypeError or RangeError for options that make no sense. */
export function checkShutdownOptions(options: ShutdownOptions): void {
  knownOptions("shutdown", options, ["deadlineMs", "graceMs"]);
  if (options.deadlineMs !== undefined) atLeastZero("deadlineMs", options.deadlineMs);
  if (options.graceMs !== undefined) finite("graceMs", atLeastZero("graceMs", options.graceMs));
}
