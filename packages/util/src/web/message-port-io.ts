/**
 * A `MessagePort` as an `Io`: HTTP between a page and its worker, between two frames, between threads of Node. Both sides
 * of the channel are adapted.
 *
 * A port takes any amount of messages, so the reading side gives credit, as HTTP/2 does with its windows, and the writing
 * side sends no more: at first `windowBytes`, and again what was read, once that is half of it. Who gives no credit is sent
 * nothing, and who sends without credit is not listened to any more.
 *
 * Bytes are copied once, into a buffer that is then transferred: what was written may be part of memory that others use.
 */
import { HttpError, type Io, type IoInfo, type ReadDone, type Timer } from "@sluice/core";
import { knownOptions, objectOption, wholeOption } from "../options.ts";
import { portableTimer } from "../portable/timer.ts";
import { abortReason, connectionReset, prematureClose, writeAfterShutdown } from "../transport-error.ts";
import { type Done, tell } from "./callbacks.ts";
import { Inlet } from "./inlet.ts";
import { type MessagePortLike, malformed, type PortMessage } from "./message-port.ts";
import { messageCostBytes, Outlet } from "./outlet.ts";

/** What `messagePortIo` may be told. */
export interface MessagePortIoOptions {
  /**
   * How much the other side may send before it is read, in bytes; each message counts for 256 more. From 4,096. Default
   * 262,144.
   */
  readonly windowBytes?: number;
  /** Facts about the transport. Default: none. */
  readonly info?: IoInfo;
  /** The clock of connections on this transport. Default: the shared `timer`. */
  readonly timer?: Timer;
}

const face = "messagePortIo";
const optionNames = ["windowBytes", "info", "timer"];
const defaultWindowBytes = 262_144;
/** Half of it must be enough for a message. */
const minWindowBytes = 4096;

const WRITABLE = 0;
/** `shutdown` was called. */
const CLOSING = 1;
/** The end was sent. */
const FINISHED = 2;

class MessagePortIo implements Io {
  readonly info?: IoInfo;
  readonly timer: Timer;
  readonly #port: MessagePortLike;
  readonly #windowBytes: number;
  readonly #inlet: Inlet;
  readonly #outlet = new Outlet();
  /** What the other side may still send. */
  #granted = 0;
  /** What was read and not given back yet. */
  #read = 0;
  #writing: typeof WRITABLE | typeof CLOSING | typeof FINISHED = WRITABLE;
  #writeFailure: unknown = undefined;
  /** The port is closed, on this side or the other. */
  #over = false;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;

  constructor(port: MessagePortLike, options: MessagePortIoOptions) {
    knownOptions(face, options, optionNames);
    const { info, timer, windowBytes } = options;
    const whole = Number.MAX_SAFE_INTEGER;
    this.#windowBytes = wholeOption(face, "windowBytes", windowBytes, defaultWindowBytes, minWindowBytes, whole);
    this.timer = objectOption(face, "timer", timer, "schedule", () => portableTimer);
    if (info !== undefined) this.info = info;
    this.#port = port;
    this.#inlet = new Inlet(this.#onTaken);
    port.addEventListener("message", this.#onMessage);
    port.addEventListener("messageerror", () => this.#refuse("a message that cannot be read"));
    port.addEventListener("close", this.#onClose);
    port.start();
    this.#grant(this.#windowBytes);
  }

  read(done: ReadDone): void {
    this.#inlet.read(done);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#writeFailure !== undefined || this.#writing !== WRITABLE) return false;
    this.#outlet.push(chunks);
    this.#flush();
    return this.#outlet.hasRoom;
  }

  drained(done: Done): void {
    if (this.#writeFailure !== undefined) done(this.#writeFailure);
    else if (this.#writing !== WRITABLE) done(writeAfterShutdown());
    else if (this.#outlet.hasRoom) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    if (this.#writeFailure !== undefined) return done(this.#writeFailure);
    if (this.#writing !== WRITABLE) return done(writeAfterShutdown());
    this.#writing = CLOSING;
    this.#closer = done;
    this.#wakeWriter(writeAfterShutdown());
    this.#finishIfFlushed();
  }

  abort(reason?: unknown): void {
    const failure = abortReason(reason);
    if (!this.#over) this.#leave();
    this.#fail(failure, true);
  }

  #post(message: PortMessage): void {
    this.#port.postMessage(message, message instanceof ArrayBuffer ? [message] : []);
  }

  /** Says that this side has gone, and goes. */
  #leave(): void {
    this.#over = true;
    this.#post("abort");
    this.#port.close();
  }

  #refuse(received: string): void {
    if (this.#over) return;
    const error = new HttpError("io", "MALFORMED_MESSAGE", `${received} was received over a port that carries bytes`);
    this.#leave();
    this.#fail(error, true);
  }

  #fail(failure: unknown, lost: boolean): void {
    this.#inlet.fail(failure, lost);
    this.#failWrites(failure);
  }

  #failWrites(failure: unknown): void {
    this.#writeFailure ??= failure;
    this.#outlet.clear();
    this.#wakeWriter(failure);
    this.#wakeCloser(failure);
  }

  #grant(bytes: number): void {
    this.#granted += bytes;
    this.#post(bytes);
  }

  #flush(): void {
    for (let message = this.#outlet.take(); message !== undefined; message = this.#outlet.take()) this.#post(message);
  }

  #finishIfFlushed(): void {
    if (this.#writing !== CLOSING || !this.#outlet.isEmpty) return;
    this.#writing = FINISHED;
    this.#post("end");
    this.#wakeCloser(undefined);
  }

  #wakeWriter(error: unknown): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    tell(waiter, error);
  }

  #wakeCloser(error: unknown): void {
    const closer = this.#closer;
    this.#closer = undefined;
    tell(closer, error);
  }

  readonly #onTaken = (chunk: Uint8Array): void => {
    this.#read += chunk.length + messageCostBytes;
    if (this.#over || this.#inlet.ended || this.#read * 2 < this.#windowBytes) return;
    const read = this.#read;
    this.#read = 0;
    this.#grant(read);
  };

  readonly #onMessage = (event: object): void => {
    if (this.#over) return;
    const { data } = event as { readonly data: unknown };
    const fault = malformed(data);
    if (fault !== undefined) return this.#refuse(fault);
    const message = data as PortMessage;
    if (typeof message === "number") this.#onCredit(message);
    else if (message === "abort") this.#onAbort();
    else if (this.#inlet.ended) this.#refuse(message === "end" ? "a second end" : "a buffer behind the end");
    else if (message === "end") this.#inlet.end();
    else this.#onBytes(new Uint8Array(message));
  };

  #onBytes(bytes: Uint8Array): void {
    this.#granted -= bytes.length + messageCostBytes;
    if (this.#granted >= 0) {
      this.#inlet.push(bytes);
      return;
    }
    const what = `more than windowBytes = ${this.#windowBytes} bytes were received before they were read`;
    this.#leave();
    this.#fail(new HttpError("limit", "WINDOW_EXCEEDED", what), true);
  }

  #onCredit(bytes: number): void {
    if (!this.#outlet.grant(bytes)) return this.#refuse("more credit than can be counted");
    this.#flush();
    this.#finishIfFlushed();
    if (this.#waiter !== undefined && this.#outlet.hasRoom) this.#wakeWriter(undefined);
  }

  #onAbort(): void {
    this.#over = true;
    this.#port.close();
    if (this.#inlet.ended) this.#failWrites(new HttpError("io", "EPIPE", "the peer has gone"));
    else this.#fail(connectionReset(), true);
  }

  /** The other side is gone without a word: its page was closed, its thread has ended. Not every runtime tells. */
  readonly #onClose = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#fail(prematureClose(), false);
  };
}

/**
 * Adapts one port of a `MessageChannel`, of a browser or of Node (`node:worker_threads`); the other one is adapted as well,
 * wherever it has been transferred to. Nothing else may be sent over it.
 *
 * Codes of errors, all of kind `io` but one:
 *
 * | code                | what happened                                                                                   |
 * | ------------------- | ----------------------------------------------------------------------------------------------- |
 * | `ECONNRESET`        | the other side called `abort` before its `shutdown` had completed: what is unread is lost       |
 * | `EPIPE`             | the other side called `abort` afterwards: it can be read to its end, but takes nothing any more |
 * | `PREMATURE_CLOSE`   | the port was closed, or the other side's page or thread is gone, where the runtime tells        |
 * | `MALFORMED_MESSAGE` | something else than an adapted port has sent a message; the port is closed                      |
 * | `WINDOW_EXCEEDED`   | more was sent than there was credit for; the port is closed (kind `limit`)                      |
 *
 * Either side may end on its own, as on TCP. `shutdown` completes when the last byte is on its way. Browsers let nobody see
 * that a port is closed already: over such a one nothing comes, and the connection's own time limits are what ends it.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function messagePortIo(port: MessagePortLike, options: MessagePortIoOptions = {}): Io {
  return new MessagePortIo(port, options);
}
