/**
 * How a connection ends: gracefully in two steps (RFC 9113 section 6.8), at once with GOAWAY, or because the peer did.
 */
import type { Driver } from "../../driver/driver.ts";
import { HttpError } from "../../error.ts";
import { shutdownLimit } from "../../options.ts";
import { NO_ERROR, SETTINGS_TIMEOUT } from "../frame/error-code.ts";
import type { FrameReader } from "../frame/frame-reader.ts";
import { CLIENT } from "../stream/state.ts";
import type { FrameOutput } from "./frame-output.ts";
import { connectionLost, type GoingAway } from "./going-away.ts";
import { PING_SHUTDOWN, type Pings } from "./pings.ts";
import type { Streams } from "./streams.ts";

/** How long a server waits for requests under way when its shutdown began (half of a slow round trip and more). */
const drainMs = 1_000;

/** The deadlines that have to do with the end. */
export interface ClosingSlots {
  readonly age: number;
  readonly drain: number;
  readonly shutdown: number;
}

/** What the end has to know of the role. */
export interface ClosingRole {
  /** `CLIENT` or `SERVER`. */
  readonly side: number;
  /** The highest stream of the peer that was or is being processed. */
  readonly lastProcessed: number;
  /** Nothing waits that would open a stream. */
  readonly isIdle: boolean;
  /** A graceful shutdown has begun: what waits for a stream will not get one. */
  shuttingDown(): void;
  /** The connection is over; its streams have been told. */
  over(error: HttpError | undefined): void;
}

export class Closing {
  isOver = false;
  /** Why the connection is over. */
  error: HttpError | undefined;
  /** Streams that are not closed. */
  openStreams = 0;
  readonly #driver: Driver<FrameOutput>;
  readonly #role: ClosingRole;
  readonly #reader: FrameReader;
  readonly #streams: Streams;
  readonly #pings: Pings;
  readonly #goingAway: GoingAway;
  readonly #slots: ClosingSlots;
  readonly #shutdownTimeoutMs: number;

  constructor(
    driver: Driver<FrameOutput>,
    role: ClosingRole,
    reader: FrameReader,
    streams: Streams,
    pings: Pings,
    goingAway: GoingAway,
    slots: ClosingSlots,
    shutdownTimeoutMs: number,
  ) {
    this.#driver = driver;
    this.#role = role;
    this.#reader = reader;
    this.#streams = streams;
    this.#pings = pings;
    this.#goingAway = goingAway;
    this.#slots = slots;
    this.#shutdownTimeoutMs = shutdownTimeoutMs;
  }

  /** @param drains Whether requests may be under way that are not known yet, and a clock is there to wait for them. */
  gracefully(deadlineMs: number | undefined, drains: boolean): void {
    const limitMs = shutdownLimit(deadlineMs, this.#shutdownTimeoutMs);
    if (this.#driver.isClosed) return;
    const { deadlines } = this.#driver;
    const { age, drain, shutdown } = this.#slots;
    if (deadlineMs !== undefined || !deadlines.isSet(shutdown)) deadlines.set(shutdown, limitMs);
    if (this.isOver || this.#goingAway.isSent) return;
    deadlines.clear(age);
    if (drains && this.#role.side !== CLIENT) {
      this.#goingAway.announce();
      this.#pings.send(PING_SHUTDOWN, this.#streams.now());
      deadlines.set(drain, drainMs);
    } else {
      this.#goingAway.send(this.#role.lastProcessed, NO_ERROR);
    }
    this.#role.shuttingDown();
    this.closeIfDone();
  }

  /** Says which stream of the peer is the last, when it has seen that the connection will end. */
  drained(): void {
    if (this.isOver || this.#goingAway.isFinal) return;
    this.#driver.deadlines.clear(this.#slots.drain);
    this.#goingAway.send(this.#role.lastProcessed, NO_ERROR);
    this.closeIfDone();
  }

  /** Closes the connection once it has been shut down and nothing is left to do. */
  closeIfDone(): void {
    if (this.isOver || this.openStreams > 0 || !this.#role.isIdle) return;
    if (this.#goingAway.isFinal || this.#goingAway.received !== undefined) this.cleanly();
  }

  /** Closes a connection without streams. */
  cleanly(): void {
    this.isOver = true;
    if (!this.#goingAway.isFinal) this.#goingAway.send(this.#role.lastProcessed, NO_ERROR);
    this.#closeTransport();
    this.settle(undefined);
  }

  /** The peer ended its side of the transport. @param part What it ended in the middle of, if anything. */
  peerEnded(part: string | undefined): void {
    if (this.isOver) return;
    if (this.openStreams === 0 && part === undefined && this.#role.isIdle) {
      this.isOver = true;
      this.#closeTransport();
      this.settle(undefined);
      return;
    }
    const where = part === undefined ? "with streams open" : `in the middle of ${part}`;
    this.#end(connectionLost(where, this.#goingAway.received));
  }

  /** The peer did not do what it has to in time. */
  expired(option: string, limitMs: number, what: string): void {
    const message = `${what} within ${option} = ${limitMs} ms`;
    this.because(new HttpError("timeout", option, message, { reason: SETTINGS_TIMEOUT }), SETTINGS_TIMEOUT, message);
  }

  /** Ends the connection: tells the peer why, and everybody involved. */
  because(error: HttpError, reason: number, debugData: string): void {
    if (this.isOver) return;
    this.#goingAway.send(this.#role.lastProcessed, reason, debugData);
    this.#end(error);
  }

  /** Tells everybody involved that the connection is over. */
  settle(error: HttpError | undefined): void {
    this.#reader.stop();
    this.error = error;
    const reason = error ?? new HttpError("closed", "CLOSED", "the connection is closed");
    this.#pings.fail(reason);
    this.#streams.failAll(reason);
    this.#role.over(error);
  }

  /** All that a client wants has been received by then; of a server, the last of a response may still be under way. */
  #closeTransport(): void {
    this.#driver.close(undefined, this.#slots.shutdown, this.#role.side === CLIENT);
  }

  #end(error: HttpError): void {
    this.isOver = true;
    this.#driver.close(error, this.#slots.shutdown);
    this.settle(error);
  }
}
