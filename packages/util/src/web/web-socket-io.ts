/**
 * A WebSocket as an `Io`: the bytes are the content of binary messages, whose limits mean nothing.
 *
 * A WebSocket is less than a TCP connection in three ways, and this is what becomes of them:
 *
 * - It tells how much is unsent but not when that has left. So a writer that waits looks again: at every message that comes
 *   in, in the next 16 turns of the event loop, and from then on every 50 ms. A network that has not taken `maxBufferedBytes`
 *   in that time is still never idle.
 * - It cannot be told to stop reading. What nobody reads waits here, and if it becomes more than `maxQueuedBytes` the
 *   connection is given up, as there is nothing else to do but to let memory grow. HTTP/2 never gets there, since its windows
 *   hold the peer back; HTTP/1 does when content is not read as fast as it comes.
 * - It ends both ways at once (RFC 6455 section 7.1). `shutdown` is its closing handshake: the peer reads to the end, and
 *   what the peer then still writes is lost.
 *
 * The sockets of `ws` on Node can do better, and are made to: they are paused, and tell when a message has left.
 */
import { type Alarm, HttpError, type Io, type IoInfo, type ReadDone, type Timer } from "@sluice/core";
import { quoted } from "../connect/connect-errors.ts";
import { knownOptions, objectOption, wholeOption } from "../options.ts";
import { portableTimer } from "../portable/timer.ts";
import { abortReason, writeAfterShutdown } from "../transport-error.ts";
import { type Done, tell } from "./callbacks.ts";
import { Inlet } from "./inlet.ts";
import { joinChunks, maxJoinedBytes, totalBytes } from "./join-chunks.ts";
import {
  CLOSED,
  type CloseFacts,
  CONNECTING,
  type ControllableWebSocket,
  isControllable,
  type MessageFacts,
  OPEN,
  type WebSocketLike,
} from "./web-socket.ts";

/** What `webSocketIo` may be told. */
export interface WebSocketIoOptions {
  /**
   * How many bytes may be unsent before `write` answers false. The write that reaches it is still taken as a whole. Default
   * 262,144.
   */
  readonly maxBufferedBytes?: number;
  /**
   * How much may wait unread before the connection is given up, in bytes; each message counts for 256 more. Should be more
   * than `connectionWindowBytes` of HTTP/2. Default 16,777,216.
   */
  readonly maxQueuedBytes?: number;
  /** Facts about the transport. Default: none. */
  readonly info?: IoInfo;
  /** The clock of connections on this transport, and of looking whether there is room. Default: the shared `timer`. */
  readonly timer?: Timer;
}

const face = "webSocketIo";
const optionNames = ["maxBufferedBytes", "maxQueuedBytes", "info", "timer"];
const defaultMaxBufferedBytes = 262_144;
const defaultMaxQueuedBytes = 16_777_216;

/** A message is given to its receiver as a whole, so none is longer than this. */
const maxMessageBytes = 65_536;

/** How often a waiting writer looks for room in the next turns of the event loop, before it does so more rarely. */
const quickLooks = 16;
const slowLookMs = 50;

/** RFC 6455 section 7.4.1: the purpose has been fulfilled; and the peer has said nothing. */
const normalClosure = 1000;
const noStatus = 1005;
/** RFC 6455 section 7.4.2: a code of our own, for want of a reset. Browsers let a page send no other but 1000. */
const givenUp = 4000;

const WRITABLE = 0;
/** `shutdown` was called. */
const CLOSING = 1;

class WebSocketIo implements Io {
  readonly info?: IoInfo;
  readonly timer: Timer;
  readonly #socket: WebSocketLike;
  /** The same socket, if it can do more. */
  readonly #controllable: ControllableWebSocket | undefined;
  readonly #maxBufferedBytes: number;
  readonly #maxQueuedBytes: number;
  readonly #inlet = new Inlet();
  /** What was written before the socket was open. */
  #early: Uint8Array[] = [];
  #writing: typeof WRITABLE | typeof CLOSING = WRITABLE;
  #writeFailure: unknown = undefined;
  /** The socket is closed, or given up. */
  #over = false;
  #opened: boolean;
  #paused = false;
  /** Something that was written has not left. */
  #lost = false;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;
  #looks = 0;
  #alarm: Alarm | undefined = undefined;

  constructor(socket: WebSocketLike, options: WebSocketIoOptions) {
    knownOptions(face, options, optionNames);
    const { info, timer, maxBufferedBytes, maxQueuedBytes } = options;
    const whole = Number.MAX_SAFE_INTEGER;
    this.#maxBufferedBytes = wholeOption(face, "maxBufferedBytes", maxBufferedBytes, defaultMaxBufferedBytes, 1, whole);
    this.#maxQueuedBytes = wholeOption(face, "maxQueuedBytes", maxQueuedBytes, defaultMaxQueuedBytes, 1, Infinity);
    this.timer = objectOption(face, "timer", timer, "schedule", () => portableTimer);
    if (info !== undefined) this.info = info;
    this.#socket = socket;
    this.#controllable = isControllable(socket) ? socket : undefined;
    this.#opened = socket.readyState !== CONNECTING;
    // A buffer of Node's is taken as it is, where an ArrayBuffer would have to be copied out of it.
    socket.binaryType = this.#controllable === undefined ? "arraybuffer" : "nodebuffer";
    socket.addEventListener("open", this.#onOpen);
    socket.addEventListener("message", this.#onMessage);
    socket.addEventListener("close", this.#onClose);
    // It says nothing that `close` does not say; but of `ws` an error without a listener is thrown.
    socket.addEventListener("error", ignore);
    if (socket.readyState === CLOSED) this.#closed(reset("the WebSocket was already closed"));
  }

  read(done: ReadDone): void {
    this.#inlet.read(done);
    if (this.#paused && this.#inlet.charged === 0) {
      this.#paused = false;
      this.#controllable?.resume();
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#writing !== WRITABLE) return false;
    if (this.#writeFailure !== undefined) this.#lost = true;
    else if (this.#opened) this.#send(chunks);
    else this.#early.push(...chunks);
    return this.#hasRoom();
  }

  drained(done: Done): void {
    if (this.#writeFailure !== undefined) done(this.#writeFailure);
    else if (this.#writing !== WRITABLE) done(writeAfterShutdown());
    else if (this.#hasRoom()) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else {
      this.#waiter = done;
      if (this.#opened) this.#lookLater();
    }
  }

  shutdown(done: Done): void {
    if (this.#writing !== WRITABLE) return done(writeAfterShutdown());
    this.#writing = CLOSING;
    if (this.#over) {
      // The peer has closed. Unless something is lost by that, both ends are where they wanted to be.
      if (this.#inlet.ended && !this.#lost) done();
      else done(this.#writeFailure);
      return;
    }
    this.#closer = done;
    this.#wakeWriter(writeAfterShutdown());
    if (this.#opened) this.#socket.close(normalClosure);
  }

  abort(reason?: unknown): void {
    const failure = abortReason(reason);
    if (this.#over) {
      this.#writeFailure ??= failure;
      this.#inlet.fail(failure, true);
    } else {
      this.#giveUp(failure, "");
    }
  }

  /** Of no more use: closes the socket, tells the peer why, and drops what is unread. */
  #giveUp(failure: unknown, why: string): void {
    this.#over = true;
    if (this.#controllable === undefined) this.#socket.close(givenUp, why);
    else this.#controllable.terminate();
    this.#fail(failure, true);
  }

  #closed(failure: unknown): void {
    this.#over = true;
    this.#fail(failure, false);
  }

  #fail(failure: unknown, lost: boolean): void {
    this.#writeFailure ??= failure;
    this.#early = [];
    this.#inlet.fail(failure, lost);
    this.#wakeWriter(failure);
    this.#wakeCloser(failure);
  }

  #send(chunks: readonly Uint8Array[]): void {
    const size = totalBytes(chunks);
    if (size === 0) return;
    if (this.#socket.readyState !== OPEN) {
      // Closed by the peer; the event that says so is on its way.
      this.#lost = true;
    } else if (chunks.length > 1 && size <= maxJoinedBytes) {
      this.#sendMessage(joinChunks(chunks, size));
    } else {
      for (const chunk of chunks) {
        for (let at = 0; at < chunk.length; at += maxMessageBytes) {
          this.#sendMessage(chunk.subarray(at, at + maxMessageBytes));
        }
      }
    }
  }

  #sendMessage(bytes: Uint8Array): void {
    const data = bytes as Uint8Array<ArrayBuffer>;
    if (this.#controllable === undefined) this.#socket.send(data);
    else this.#controllable.send(data, this.#look);
  }

  #hasRoom(): boolean {
    const { readyState, bufferedAmount } = this.#socket;
    return this.#writeFailure === undefined && readyState === OPEN && bufferedAmount < this.#maxBufferedBytes;
  }

  /** A socket that tells when a message has left calls `#look` by itself. */
  #lookLater(): void {
    if (this.#controllable !== undefined) return;
    this.#alarm = this.timer.schedule(this.#looks < quickLooks ? 0 : slowLookMs, () => {
      this.#alarm = undefined;
      this.#looks += 1;
      this.#look();
      // Whoever was woken may wait again already.
      if (this.#waiter !== undefined && this.#alarm === undefined) this.#lookLater();
    });
  }

  readonly #look = (): void => {
    if (this.#waiter !== undefined && this.#hasRoom()) this.#wakeWriter(undefined);
  };

  #wakeWriter(error: unknown): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#looks = 0;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    tell(waiter, error);
  }

  #wakeCloser(error: unknown): void {
    const closer = this.#closer;
    this.#closer = undefined;
    tell(closer, error);
  }

  readonly #onOpen = (): void => {
    if (this.#over) return;
    this.#opened = true;
    const early = this.#early;
    this.#early = [];
    this.#send(early);
    if (this.#writing === CLOSING) this.#socket.close(normalClosure);
    else if (this.#hasRoom()) this.#wakeWriter(undefined);
    else if (this.#waiter !== undefined) this.#lookLater();
  };

  readonly #onMessage = (event: object): void => {
    if (this.#over) return;
    const { data } = event as MessageFacts;
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    if (!(bytes instanceof Uint8Array)) {
      const received = typeof data === "string" ? "a text message" : "a message that is no buffer";
      const why = `${received} was received where binary messages carry the bytes`;
      this.#giveUp(new HttpError("io", "MESSAGE_TYPE", why), why);
      return;
    }
    this.#look();
    if (bytes.length === 0) return;
    this.#inlet.push(bytes);
    if (this.#inlet.charged > this.#maxQueuedBytes) {
      const why = `more than maxQueuedBytes = ${this.#maxQueuedBytes} bytes were waiting to be read`;
      this.#giveUp(new HttpError("limit", "MAX_QUEUED_BYTES", why), why);
    } else if (this.#inlet.charged > 0 && !this.#paused && this.#controllable !== undefined) {
      this.#paused = true;
      this.#controllable.pause();
    }
  };

  readonly #onClose = (event: object): void => {
    if (this.#over) return;
    const { code, reason } = event as CloseFacts;
    if (!this.#opened) {
      this.#closed(new HttpError("io", "CONNECT_FAILED", "the WebSocket could not be opened"));
    } else if (code === normalClosure || code === noStatus) {
      this.#over = true;
      this.#lost ||= this.#socket.bufferedAmount > 0;
      this.#writeFailure = new HttpError("io", "EPIPE", "the peer has closed the WebSocket");
      this.#inlet.end();
      this.#wakeWriter(this.#writeFailure);
      this.#wakeCloser(this.#lost ? this.#writeFailure : undefined);
    } else {
      const said = reason === "" ? "" : ` (${quoted(reason)})`;
      this.#closed(reset(`the WebSocket was closed with code ${code}${said}`));
    }
  };
}

/**
 * Adapts a WebSocket: of a browser, of Node, Deno, Bun or a Worker, or of the `ws` package, on either side of it. It may
 * still be connecting. Binary messages carry the bytes, and who listens for messages beside the `Io` must leave them alone.
 *
 * Codes of errors, all of kind `io` but one:
 *
 * | code               | what happened                                                                                     |
 * | ------------------ | ------------------------------------------------------------------------------------------------- |
 * | `CONNECT_FAILED`   | the WebSocket was never open                                                                      |
 * | `ECONNRESET`       | it was closed with any other code than 1000, or 1005 for none: lost, or given up by the peer      |
 * | `EPIPE`            | there was something to write when the peer had closed it                                          |
 * | `MESSAGE_TYPE`     | a text message was received; the WebSocket is closed                                              |
 * | `MAX_QUEUED_BYTES` | too much was waiting to be read; the WebSocket is closed (kind `limit`)                           |
 *
 * Close codes 1000 and 1005 are the end of what is read. `shutdown` closes with code 1000 behind what was written, for both
 * directions: nothing more may come. `abort` closes with code 4000, behind what is unsent since there is nothing that
 * would discard that; on `ws` it is a true end at once.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function webSocketIo(socket: WebSocketLike, options: WebSocketIoOptions = {}): Io {
  return new WebSocketIo(socket, options);
}

function reset(message: string): HttpError {
  return new HttpError("io", "ECONNRESET", message);
}

function ignore(): void {}
