/**
 * Reads the first octets of a connection until they tell which version of HTTP it is, within a time limit.
 *
 *   READING -> OVER               decided, and handed on with what was read
 *   READING -> ENDING -> OVER     ended in order: the time limit, or a shutdown before anything was received
 *   any -> OVER                   given up
 *
 * At most 24 octets are needed, and each read brings at least one. Nothing is ever written here, so our end of the stream
 * leaves at once; what is waited for afterwards is only the peer's, so that a request on its way is not answered by a reset.
 */
import { type Alarm, HttpError, type Io, type Timer } from "@sluice/core";
import { joinBytes } from "../join-bytes.ts";
import { judge, UNDECIDED, type Verdict } from "./preface.ts";

export interface SnifferOwner {
  /** What `octets`, which are to be replayed, are; `UNDECIDED` if the peer has ended its stream or the transport failed. */
  sniffed(verdict: Verdict, octets: Uint8Array | undefined): void;
  /** The connection ended before that, and its transport was released. */
  over(error: HttpError | undefined): void;
}

const READING = 0;
const ENDING = 1;
const OVER = 2;

/** How long to wait for the peer to end its stream after we have ended ours. */
const lingerMs = 2_000;

const never = Number.POSITIVE_INFINITY;

export class Sniffer {
  readonly #io: Io;
  readonly #timer: Timer | null;
  readonly #limitMs: number;
  readonly #owner: SnifferOwner;
  #phase: typeof READING | typeof ENDING | typeof OVER = READING;
  #octets: Uint8Array | undefined;
  #error: HttpError | undefined;
  #readDone = false;
  #shutdownDone = false;
  /** The time limit of the phase. */
  #limit: Alarm | undefined;
  /** When a shutdown asks for the end, and until when it lets a client begin that has sent nothing; by the clock. */
  #shutdownAt: number | undefined;
  #graceUntil = 0;
  #deadline: Alarm | undefined;
  #grace: Alarm | undefined;

  constructor(io: Io, timer: Timer | null, limitMs: number, owner: SnifferOwner) {
    this.#io = io;
    this.#timer = timer;
    this.#limitMs = limitMs;
    this.#owner = owner;
  }

  start(): void {
    this.#io.read(this.#onRead);
    if (this.#phase === READING && this.#limitMs !== 0 && this.#limitMs !== never) {
      this.#limit = this.#timer?.schedule(this.#limitMs, this.#expired);
    }
  }

  /** Ends at once if nothing was received, or after `graceMs`; else goes on, and gives up after `deadlineMs`. */
  shutDown(deadlineMs: number | undefined, defaultMs: number, graceMs: number): void {
    if (this.#phase !== READING) return;
    const timer = this.#timer;
    const now = this.#now();
    if (deadlineMs !== undefined || this.#shutdownAt === undefined) {
      const limitMs = deadlineMs ?? defaultMs;
      this.#shutdownAt = now + limitMs;
      this.#deadline?.cancel();
      if (limitMs !== never) this.#deadline = timer?.schedule(limitMs, this.#interrupt);
    }
    this.#graceUntil = now + graceMs;
    this.#grace?.cancel();
    if (this.#octets !== undefined) return;
    if (timer === null || graceMs === 0) this.#end(undefined);
    else this.#grace = timer.schedule(graceMs, this.#graceOver);
  }

  /** What is left of the times of a shutdown that has begun. */
  get shutdownLeft(): { readonly deadlineMs: number; readonly graceMs: number } | undefined {
    if (this.#shutdownAt === undefined) return undefined;
    const now = this.#now();
    return { deadlineMs: Math.max(0, this.#shutdownAt - now), graceMs: Math.max(0, this.#graceUntil - now) };
  }

  abort(error: HttpError): void {
    if (this.#phase === OVER) return;
    this.#error ??= error;
    this.#release(this.#error);
  }

  #now(): number {
    return this.#timer?.now() ?? 0;
  }

  readonly #onRead = (chunk: Uint8Array | null): void => {
    if (this.#phase === ENDING) {
      this.#readDone = true;
      this.#releaseIfDone();
    } else if (this.#phase === READING) {
      if (chunk === null) this.#decided(UNDECIDED);
      else this.#receive(chunk);
    }
  };

  #receive(chunk: Uint8Array): void {
    const seen = this.#octets?.length ?? 0;
    const octets = this.#octets === undefined ? chunk : joinBytes(this.#octets, chunk);
    this.#octets = octets;
    const verdict = judge(octets, seen);
    if (verdict === UNDECIDED) this.#io.read(this.#onRead);
    else this.#decided(verdict);
  }

  #decided(verdict: Verdict): void {
    this.#phase = OVER;
    this.#cancelAlarms();
    this.#owner.sniffed(verdict, this.#octets);
  }

  readonly #expired = (): void => {
    const got = this.#octets === undefined ? "nothing was received" : "no more than a part of the HTTP/2 preface came";
    const message = `${got} within sniffTimeoutMs = ${this.#limitMs} ms`;
    this.#end(new HttpError("timeout", "sniffTimeoutMs", message));
  };

  readonly #graceOver = (): void => {
    if (this.#octets === undefined) this.#end(undefined);
  };

  readonly #interrupt = (): void => {
    const message = "the shutdown's deadline passed while the version of HTTP was not known yet";
    this.abort(new HttpError("canceled", "INTERRUPTED", message));
  };

  /** Ends our stream, and releases the transport once the peer has ended its own or has sent what nobody will answer. */
  #end(error: HttpError | undefined): void {
    this.#phase = ENDING;
    this.#error = error;
    const waitMs = Math.min(lingerMs, this.shutdownLeft?.deadlineMs ?? never);
    this.#cancelAlarms();
    this.#limit = this.#timer?.schedule(waitMs, () => this.#release(this.#error));
    this.#io.shutdown((failure) => {
      this.#shutdownDone = true;
      if (this.#timer === null || failure !== undefined) this.#readDone = true;
      this.#releaseIfDone();
    });
  }

  #releaseIfDone(): void {
    if (this.#phase === ENDING && this.#readDone && this.#shutdownDone) this.#release(undefined);
  }

  /** @param reason What the transport is told; none after an end in order. */
  #release(reason: HttpError | undefined): void {
    this.#phase = OVER;
    this.#cancelAlarms();
    this.#io.abort(reason);
    this.#owner.over(this.#error);
  }

  #cancelAlarms(): void {
    this.#limit?.cancel();
    this.#deadline?.cancel();
    this.#grace?.cancel();
  }
}
