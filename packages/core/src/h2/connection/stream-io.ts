/**
 * A stream that CONNECT has made a tunnel of, as a transport (RFC 9113 section 8.5, RFC 8441 section 5): the end of a side
 * is END_STREAM, giving up is a reset.
 */
import { HttpError } from "../../error.ts";
import type { Io, IoInfo, ReadDone, Timer } from "../../rt/io.ts";
import { canSend, isClosed } from "../stream/state.ts";
import type { Stream, StreamReader } from "../stream/stream.ts";
import type { Http2Machine } from "./machine.ts";

type Done = (error?: unknown) => void;

const nothing = new Uint8Array(0);

export class StreamIo implements Io, StreamReader {
  readonly info: IoInfo | undefined;
  readonly timer: Timer | undefined;
  readonly #machine: Http2Machine;
  readonly #stream: Stream;
  /** The code that says that the tunnel broke: CONNECT_ERROR, or CANCEL for extended CONNECT. */
  readonly #abortReason: number;
  readonly #highWaterBytes: number;
  #reader: ReadDone | undefined;
  #waiter: Done | undefined;
  #ended: Done | undefined;
  #isEnded = false;

  constructor(
    machine: Http2Machine,
    stream: Stream,
    abortReason: number,
    highWaterBytes: number,
    info: IoInfo | undefined,
    timer: Timer | undefined,
  ) {
    this.#machine = machine;
    this.#stream = stream;
    this.#abortReason = abortReason;
    this.#highWaterBytes = highWaterBytes;
    this.info = info;
    this.timer = timer;
    stream.isTunnel = true;
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    const stream = this.#stream;
    const chunk = stream.queue?.shift();
    if (chunk !== undefined) {
      this.#release(chunk.length);
      done(chunk);
    } else if (stream.endReceived) {
      done(null);
    } else if (stream.error !== undefined) {
      done(null, stream.error);
    } else {
      this.#reader = done;
      stream.reader = this;
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (this.#isEnded || !canSend(stream.state)) return false;
    this.#machine.enter();
    for (const chunk of chunks) if (chunk.length > 0) this.#machine.outbound.data(stream, chunk, false);
    this.#machine.leave();
    return this.#hasRoom;
  }

  drained(done: Done): void {
    const stream = this.#stream;
    if (this.#isEnded || !canSend(stream.state)) done(stream.error ?? afterShutdown());
    else if (this.#hasRoom) done();
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    const stream = this.#stream;
    if (this.#isEnded || !canSend(stream.state)) {
      done(stream.error ?? afterShutdown());
      return;
    }
    this.#isEnded = true;
    this.#ended = done;
    this.#machine.enter();
    this.#machine.outbound.data(stream, nothing, true);
    this.#machine.leave();
  }

  abort(reason?: unknown): void {
    const error = new HttpError("canceled", "ABORTED", "the tunnel was given up", { cause: reason });
    this.#machine.enter();
    this.#stream.canceled = true;
    const wasClosed = isClosed(this.#stream.state);
    this.#machine.streams.reset(this.#stream, this.#abortReason, error);
    this.#machine.inbound.discard(this.#stream);
    if (wasClosed) this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
  }

  /** Some of what was to be sent has been, or all of it. */
  sentSome(): void {
    if (this.#waiter === undefined || !this.#hasRoom) return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter();
  }

  /** The end of our side has been handed to the output. */
  sentEnd(): void {
    // The last octets went with it.
    this.sentSome();
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.();
  }

  /** The stream is over because of `error`. */
  failed(error: HttpError): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(null, error);
    const waiters = [this.#waiter, this.#ended];
    this.#waiter = undefined;
    this.#ended = undefined;
    for (const waiter of waiters) waiter?.(error);
  }

  chunk(_stream: Stream, bytes: Uint8Array): boolean {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#release(bytes.length);
    reader?.(bytes);
    return true;
  }

  over(stream: Stream): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (stream.endReceived) reader?.(null);
    else reader?.(null, stream.error);
  }

  get #hasRoom(): boolean {
    return this.#stream.outBytes < this.#highWaterBytes;
  }

  #release(count: number): void {
    this.#machine.enter();
    this.#machine.inbound.release(this.#stream, count);
    if (this.#stream.endReceived && this.#stream.queue?.isEmpty !== false) this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
  }
}

function afterShutdown(): HttpError {
  return new HttpError("user", "WRITE_AFTER_SHUTDOWN", "nothing can be written after shutdown()");
}
