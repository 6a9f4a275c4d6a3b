/**
 * Binds a connection machine to its transport and clock.
 *
 * The machine works on buffers and never touches I/O; the driver reads when the machine wants bytes, and writes once per
 * turn, when the bytes at hand yield nothing more to send. Whoever enters the connection from outside (the transport, the
 * clock, a settled promise, the user) brackets the work in `enter` and `leave`; the outermost `leave` flushes and reads.
 *
 * Closing is the driver's too: flush, end the stream, then discard what the peer still sends until it has ended its own, so
 * that a reset cannot overtake our last words (RFC 9112 9.6).
 */
import { ReadBuffer } from "../bytes/read-buffer.ts";
import type { OutputBuffer, WriteBuffer } from "../bytes/write-buffer.ts";
import { HttpError } from "../error.ts";
import type { Observer } from "../observer.ts";
import type { Io, Timer } from "../rt/io.ts";
import { Upgraded, type UpgradedParts } from "../upgrade/upgraded.ts";
import { type DeadlineOwner, Deadlines } from "./deadlines.ts";

export interface Machine {
  /** Bytes were added to the input. */
  received(): void;
  /** The peer has ended its stream; nothing more will be received. */
  inputEnded(): void;
  /** The connection was given up; the transport is already gone. */
  failed(error: HttpError): void;
  /** There is room for more output. Called when `wantsWrite`. */
  writable(): void;
  /** One of the machine's deadlines has passed. */
  expired(slot: number): void;
  /** Whether the machine wants to receive now. */
  readonly wantsRead: boolean;
  /** Whether the machine stopped producing output because there was enough of it. */
  readonly wantsWrite: boolean;
  /** Whether input at hand will soon yield more output that should leave in the same write. */
  readonly moreOutputSoon: boolean;
}

export interface DriverOptions {
  readonly writeTimeoutMs: number;
  readonly lingerTimeoutMs: number;
  /** The most output that is ever gathered. */
  readonly maxBufferBytes?: number;
  /** The same, where that is another number than what bounds the input. */
  readonly maxWriteBytes?: number;
}

/** Output beyond this is flushed before more is produced. */
const highWaterBytes = 65_536;

/** Rounds of reading or writing without waiting before other connections get their turn. */
const maxRoundsPerTurn = 16;

const OPEN = 0;
/** Our stream is being ended; input is discarded. */
const CLOSING = 1;
/** Our stream has ended; waiting for the peer to end its own. */
const LINGERING = 2;
const CLOSED = 3;

export class Driver<Output extends OutputBuffer = WriteBuffer> implements DeadlineOwner {
  readonly input: ReadBuffer = new ReadBuffer();
  readonly output: Output;
  readonly deadlines: Deadlines;
  /** The transport holds enough. */
  blocked = false;
  /** The peer has ended its stream. */
  inputEnded = false;
  /** Bytes handed to the transport so far. */
  bytesWritten = 0;
  /** Longest time the transport may refuse more bytes; may be replaced for one exchange. */
  writeTimeoutMs: number;
  readonly #io: Io;
  readonly #machine: Machine;
  readonly #options: DriverOptions;
  readonly #timer: Timer | null;
  readonly #observer: Observer | undefined;
  readonly #writeSlot: number;
  readonly #closeSlot: number;
  /** Output beyond this is flushed. Grows while the transport takes all of it at once, since larger writes cost less. */
  #flushBytes: number;
  #writeLimitMs = 0;
  #phase = OPEN;
  /** How many `enter`s are waiting for their `leave`. */
  #depth = 0;
  #reading = false;
  /** What was received before the connection was made, until it is read. */
  #early: Uint8Array | undefined;
  #discarding = false;
  #turnScheduled = false;
  #flushScheduled = false;
  #error: HttpError | undefined;
  /** How the end of our stream comes about is nobody's concern. */
  #regardless = false;
  #closed: Promise<void> | undefined;
  #settle: (() => void) | undefined;

  /** @param slots How many deadlines the machine has, numbered from 0. */
  constructor(
    io: Io,
    machine: Machine,
    options: DriverOptions,
    output: Output,
    slots: number,
    timer: Timer | null,
    observer: Observer | undefined,
  ) {
    // What was read ahead is taken at once, and then the transport itself is spoken to: so it costs nothing for the rest of the
    // connection's life, and whoever gets the transport after an upgrade gets the very one that came.
    let transport = io;
    while (transport instanceof Upgraded) {
      const parts = transport.intoParts();
      transport = parts.io;
      this.#early = joined(this.#early, parts.readBuffer);
    }
    this.#io = transport;
    this.#machine = machine;
    this.#options = options;
    this.#timer = timer;
    this.#observer = observer;
    this.output = output;
    this.writeTimeoutMs = options.writeTimeoutMs;
    this.#writeSlot = slots;
    this.#closeSlot = slots + 1;
    this.#flushBytes = Math.min(highWaterBytes, options.maxBufferBytes ?? highWaterBytes);
    this.deadlines = new Deadlines(timer, slots + 2, this);
  }

  get isOpen(): boolean {
    return this.#phase === OPEN;
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }

  /** Settles when the transport has been released; rejects with the error that ended the connection. */
  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = new Promise((resolve, reject) => {
        this.#settle = () => (this.#error === undefined ? resolve() : reject(this.#error));
      });
      this.#closed.catch(ignore);
      if (this.#phase === CLOSED) this.#settle?.();
    }
    return this.#closed;
  }

  /** Begins work on the connection. */
  enter(): void {
    this.#depth++;
  }

  /** Ends work on the connection; the outermost call reads what is wanted and flushes what was produced. */
  leave(): void {
    if (this.#depth === 1) this.#turn();
    this.#depth--;
  }

  /** Whether work is put off to a later turn of the event loop. */
  get yielding(): boolean {
    return this.#turnScheduled;
  }

  /**
   * Puts further work off to a later turn of the event loop, so that other connections get theirs; false without a
   * timer, when there is no later turn to wait for.
   */
  yieldTurn(): boolean {
    const timer = this.#timer;
    if (timer === null) return false;
    if (!this.#turnScheduled) {
      this.#turnScheduled = true;
      timer.schedule(0, () => this.#resume());
    }
    return true;
  }

  /** Whether so much output is gathered that it must leave before more is produced. */
  get full(): boolean {
    return this.output.length >= this.#flushBytes;
  }

  /** Whether the machine should stop producing output until `writable`. */
  get congested(): boolean {
    return this.blocked || this.full;
  }

  /** Sends what is there now rather than at the end of the turn. */
  flush(): void {
    if (!this.blocked && this.output.length > 0) this.#write();
  }

  /**
   * Sends what is there, ends our stream, and releases the transport once the peer has ended its own.
   * @param keptSlot The one of the machine's deadlines that still counts.
   * @param regardless Whether nothing is lost if what is there cannot be sent any more.
   */
  close(error?: HttpError, keptSlot = -1, regardless = false): void {
    if (this.#phase !== OPEN) return;
    this.#error ??= error;
    this.#regardless = regardless;
    this.#phase = CLOSING;
    this.input.clear();
    this.deadlines.clearAllBut(keptSlot);
    this.#writeLimitMs = this.writeTimeoutMs;
    this.deadlines.set(this.#closeSlot, this.#writeLimitMs);
    if (this.output.length > 0) this.#write();
    this.#io.shutdown((error) => this.#afterShutdown(error));
    this.#discard();
  }

  /** Gives the transport up at once, and tells the machine if it did not know yet. */
  abort(error: HttpError): void {
    if (this.#phase === CLOSED) return;
    const wasOpen = this.#phase === OPEN;
    this.#error ??= error;
    this.#phase = CLOSED;
    this.#io.abort(error);
    if (wasOpen) this.#machine.failed(error);
    this.#finish();
  }

  /**
   * Flushes, and leaves the transport and the unread input to the caller. Only while no read is under way: it could not be
   * taken back.
   */
  detach(): UpgradedParts {
    // Whoever gets the transport asks for `drained` if need be; it takes one such request at a time.
    if (this.output.length > 0) this.#hand();
    const readBuffer = this.input.takeAll();
    if (this.#phase !== CLOSED) this.#finish();
    return { io: this.#io, readBuffer };
  }

  #turn(): void {
    for (let round = 0; this.#phase === OPEN; round++) {
      if (round >= maxRoundsPerTurn && this.yieldTurn()) {
        if (!this.blocked && this.output.length > 0) this.#write();
        return;
      }
      if (!this.blocked && this.full) this.#write();
      if (!this.blocked && this.#machine.wantsWrite) {
        this.#machine.writable();
        continue;
      }
      if (this.#read()) continue;
      if (this.output.length === 0 || this.blocked || this.#postponeFlush()) return;
      this.#write();
    }
  }

  /** Reads if the machine wants bytes; true if some came at once. */
  #read(): boolean {
    if (this.#reading || this.inputEnded || this.#turnScheduled || !this.#machine.wantsRead) return false;
    this.#reading = true;
    const early = this.#early;
    if (early === undefined) {
      this.#io.read(this.#onRead);
    } else {
      this.#early = undefined;
      this.#onRead(early);
    }
    return !this.#reading;
  }

  readonly #onRead = (chunk: Uint8Array | null, error?: unknown): void => {
    this.#reading = false;
    if (this.#phase === CLOSED) return;
    this.#depth++;
    if (error !== undefined && this.#phase !== LINGERING) {
      this.#transportFailed(error);
    } else if (this.#phase !== OPEN) {
      // All that was to be sent has been: that the peer resets instead of ending its stream is no concern any more.
      if (chunk === null) this.#peerEnded();
      else this.#observer?.bytesRead?.(chunk.length);
      this.#discard();
    } else if (chunk === null) {
      this.inputEnded = true;
      this.#machine.inputEnded();
    } else {
      this.#observer?.bytesRead?.(chunk.length);
      this.input.push(chunk);
      this.#machine.received();
    }
    this.leave();
  };

  /** Hands all output to the transport in one write. */
  #write(): void {
    const wasFull = this.full;
    const room = this.#hand();
    if (room) {
      const { maxBufferBytes, maxWriteBytes } = this.#options;
      if (wasFull) this.#flushBytes = Math.min(this.#flushBytes * 2, maxWriteBytes ?? maxBufferBytes ?? highWaterBytes);
      return;
    }
    if (!this.blocked && this.#phase === OPEN) {
      this.blocked = true;
      if (this.#flushBytes > highWaterBytes) this.#flushBytes = Math.max(highWaterBytes, this.#flushBytes / 2);
      this.#writeLimitMs = this.writeTimeoutMs;
      this.deadlines.set(this.#writeSlot, this.#writeLimitMs);
      this.#io.drained((error) => this.#drained(error));
    }
  }

  /** Hands all output over; false if the transport holds enough. An observer that sends more does so behind it. */
  #hand(): boolean {
    const count = this.output.length;
    this.bytesWritten += count;
    const room = this.#io.write(this.output.take());
    this.#observer?.bytesWritten?.(count);
    return room;
  }

  #drained(error: unknown): void {
    this.blocked = false;
    if (this.#phase !== OPEN) return;
    this.deadlines.clear(this.#writeSlot);
    this.#depth++;
    if (error !== undefined) this.abort(transportError(error));
    this.leave();
  }

  /** Whether output should wait for more that the input at hand will soon yield. */
  #postponeFlush(): boolean {
    if (!this.#machine.moreOutputSoon || this.full) return false;
    const timer = this.#timer;
    if (timer === null) return false;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      timer.schedule(0, () => this.#flushPostponed());
    }
    return true;
  }

  #flushPostponed(): void {
    this.#flushScheduled = false;
    if (this.#phase !== OPEN) return;
    this.#depth++;
    if (!this.blocked && this.output.length > 0) this.#write();
    this.leave();
  }

  #resume(): void {
    this.#turnScheduled = false;
    if (this.#phase === CLOSED) return;
    this.#depth++;
    if (this.#phase === OPEN) this.#machine.received();
    else this.#discard();
    this.leave();
  }

  /** For `Deadlines`. */
  expired(slot: number): void {
    this.#depth++;
    if (slot === this.#writeSlot) {
      this.abort(timeoutError("writeTimeoutMs", this.#writeLimitMs, "the transport took no more bytes"));
    } else if (this.#phase === LINGERING) {
      this.#release();
    } else if (slot !== this.#closeSlot) {
      this.#machine.expired(slot);
    } else {
      this.abort(timeoutError("writeTimeoutMs", this.#writeLimitMs, "the last bytes could not be sent"));
    }
    this.leave();
  }

  #afterShutdown(error: unknown): void {
    if (this.#phase !== CLOSING) return;
    if (error !== undefined) {
      this.#transportFailed(error);
    } else if (this.inputEnded || this.#timer === null || this.#options.lingerTimeoutMs === 0) {
      this.#release();
    } else {
      this.#phase = LINGERING;
      this.deadlines.set(this.#closeSlot, this.#options.lingerTimeoutMs);
    }
  }

  #transportFailed(error: unknown): void {
    if (this.#regardless) this.#release();
    else this.abort(transportError(error));
  }

  #peerEnded(): void {
    this.inputEnded = true;
    if (this.#phase === LINGERING) this.#release();
  }

  /** Reads and drops what the peer still sends. */
  #discard(): void {
    if (this.#discarding) return;
    this.#discarding = true;
    for (let round = 0; !(this.#reading || this.inputEnded || this.#phase === CLOSED); round++) {
      if (round >= maxRoundsPerTurn) {
        this.yieldTurn();
        break;
      }
      this.#reading = true;
      this.#io.read(this.#onRead);
    }
    this.#discarding = false;
  }

  #release(): void {
    this.#finish();
    this.#io.abort();
  }

  #finish(): void {
    this.#phase = CLOSED;
    this.deadlines.stop();
    this.#early = undefined;
    this.input.clear();
    this.output.clear();
    this.#observer?.connectionClosed?.(this.#error);
    this.#settle?.();
  }
}

/** Names the limit that passed, its value, and what it was waiting for. */
export function timeoutError(name: string, limitMs: number, what: string, status?: number): HttpError {
  const message = `${what} within ${name} = ${limitMs} ms`;
  return new HttpError("timeout", name, message, status === undefined ? undefined : { status });
}

function transportError(error: unknown): HttpError {
  if (HttpError.is(error)) return error;
  const message = error instanceof Error ? error.message : "the transport failed";
  return new HttpError("io", "TRANSPORT_FAILED", message, { cause: error });
}

/** Bytes that come one behind the other, in one piece; `undefined` if there are none. */
function joined(first: Uint8Array | undefined, second: Uint8Array): Uint8Array | undefined {
  if (second.length === 0) return first;
  if (first === undefined) return second;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function ignore(): void {}
