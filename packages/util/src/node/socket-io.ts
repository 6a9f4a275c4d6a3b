/**
 * A Node stream (TCP socket, TLS session, pipe, any binary `Duplex`) as an `Io`.
 *
 * Node pushes and an `Io` is pulled, so a chunk that nobody asked for is held here and the stream is paused: at most
 * one chunk, and no pause at all while the consumer asks again from within `done`. Each stream gets one listener per
 * event, shared by all streams: the listeners find their `NodeIo` through a property of the stream, which costs an
 * idle connection one object and no closures. The `error` listener stays for good, so a late error of a transport
 * that was given up is never uncaught.
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { HttpError, type Io, type IoInfo, type ReadDone, type Timer } from "@sluice/core";
import { abortReason, prematureClose, transportError, writeAfterShutdown } from "../transport-error.ts";
import { socketInfo } from "./socket-info.ts";
import { nodeTimer } from "./timer.ts";

/** What `nodeIo` may be told. */
export interface NodeIoOptions {
  /** Facts about the transport. Default: read from the socket, lazily. */
  readonly info?: IoInfo;
  /** The clock of connections on this transport. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

type Done = (error?: unknown) => void;

/** Bytes arrive as they come. */
const FLOWING = 0;
/** The stream is paused until the next `read`. */
const PAUSED = 1;
/** The peer has ended its side. */
const ENDED = 2;

/** Writes are taken. */
const OPEN = 0;
/** `shutdown` was called and waits for what was written before; a reset is still possible. */
const FLUSHING = 1;
/** The end is being sent; libuv refuses to reset a socket in this state. */
const ENDING = 2;
/** The end was sent. */
const FINISHED = 3;

const owner: unique symbol = Symbol("sluice.NodeIo");

/** A stream that has a `NodeIo`. */
interface Owned extends Duplex {
  [owner]?: NodeIo | undefined;
}

const nothing: Uint8Array = new Uint8Array(0);

/**
 * In place of the error of a transport that was given up without a reason. Most connections end like that, with nobody
 * left to tell, and an error takes its stack trace when it is made: a fifth of the cost of a short connection.
 */
const givenUp: unique symbol = Symbol("given up");

/** The `Io` of a Node stream; made by `nodeIo`. */
export class NodeIo implements Io {
  readonly #stream: Owned;
  readonly timer: Timer;
  #info: IoInfo | undefined;
  #reading: typeof FLOWING | typeof PAUSED | typeof ENDED;
  #writing: typeof OPEN | typeof FLUSHING | typeof ENDING | typeof FINISHED;
  /** Set once the transport has failed, was aborted, closed or handed over. */
  #failure: unknown = undefined;
  #held: Uint8Array | undefined = undefined;
  #reader: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;

  /** @internal Use `nodeIo`. */
  constructor(stream: Duplex, options: NodeIoOptions | undefined) {
    this.#stream = stream;
    this.timer = options?.timer ?? nodeTimer;
    this.#info = options?.info;
    this.#reading = stream.readableEnded ? ENDED : stream.readableFlowing === false ? PAUSED : FLOWING;
    this.#writing = stream.writableFinished ? FINISHED : OPEN;
    if (stream.destroyed) this.#failure = stream.errored ? transportError(stream.errored) : prematureClose();
    this.#attach();
  }

  /** Facts about the transport; each is looked up when first asked for, and then kept. */
  get info(): IoInfo {
    return (this.#info ??= socketInfo(this.#stream));
  }

  /**
   * The stream underneath, for what an `Io` has no word for: `unref`, `setKeepAlive`, the peer's certificate. Reading
   * it, writing to it or ending it behind the back of this object is not supported; `intoSocket` hands it over.
   */
  get socket(): Duplex {
    return this.#stream;
  }

  read(done: ReadDone): void {
    if (this.#held !== undefined) {
      const chunk = this.#held;
      this.#held = undefined;
      done(chunk);
    } else if (this.#reading === ENDED) {
      done(null);
    } else if (this.#failure !== undefined) {
      done(null, this.#error);
    } else if (this.#reader !== undefined) {
      throw new TypeError("read() was called while another read is outstanding");
    } else {
      this.#reader = done;
      if (this.#reading === PAUSED) {
        this.#reading = FLOWING;
        this.#stream.resume();
      }
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#failure !== undefined || this.#writing !== OPEN) return false;
    const stream = this.#stream;
    if (chunks.length === 1) {
      if (stream.write(chunks[0])) return true;
    } else {
      // Corked writes leave together, in one writev.
      stream.cork();
      for (const chunk of chunks) stream.write(chunk);
      stream.uncork();
    }
    // Node answers false for every write of a high-water mark or more, also when the kernel took all of it at once.
    return stream.writableLength < stream.writableHighWaterMark;
  }

  drained(done: Done): void {
    if (this.#failure !== undefined) done(this.#error);
    else if (this.#writing !== OPEN) done(writeAfterShutdown());
    else if (!this.#stream.writableNeedDrain || this.#hasRoom()) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    if (this.#failure !== undefined) {
      done(this.#error);
    } else if (this.#writing === FINISHED) {
      done();
    } else if (this.#writing !== OPEN) {
      done(writeAfterShutdown());
    } else {
      this.#closer = done;
      const stream = this.#stream;
      // A socket whose FIN is queued cannot be reset any more. So the FIN is queued only when nothing is unsent: an
      // abort must not turn a cut message into a complete one.
      if (isTcp(stream) && stream.writableLength > 0 && !stream.writableEnded) {
        this.#writing = FLUSHING;
        stream.write(nothing, (error) => (error ? this.#finish(error) : this.#end()));
      } else {
        this.#end();
      }
    }
  }

  abort(reason?: unknown): void {
    // A stream that was handed over is somebody else's.
    if (this.#stream[owner] !== this) return;
    this.#held = undefined;
    this.#reading = PAUSED;
    if (!this.#stream.destroyed) this.#release();
    this.#fail(reason ?? givenUp);
  }

  /**
   * Takes the stream back, for a library that wants a socket of its own, such as one for WebSockets after an upgrade:
   * all listeners are removed, bytes that arrived and were not read are put back, and the stream is as if nobody had
   * touched it, so that adding a `data` listener starts it. Writing that has not finished goes on.
   *
   * This object is of no use afterwards: an outstanding or later `read`, `drained` or `shutdown` completes with an
   * `HttpError` (`canceled`, code `HANDED_OVER`), and `abort` does nothing.
   *
   * @throws HttpError kind `closed` when the transport has failed or was closed, or when the peer has ended its side
   *   while bytes were held: such a stream takes nothing back.
   */
  intoSocket(): Duplex {
    const stream = this.#stream;
    if (this.#failure !== undefined || stream.destroyed) {
      throw new HttpError("closed", "SOCKET_GONE", "the socket is gone", { cause: this.#error });
    }
    const held = this.#held;
    if (held !== undefined && stream.readableEnded) {
      throw new HttpError("closed", "SOCKET_ENDED", `the peer ended with ${held.length} bytes unread`);
    }
    this.#detach();
    stream.removeListener("error", NodeIo.#onError);
    stream[owner] = undefined;
    neverStarted(stream);
    if (held !== undefined) {
      this.#held = undefined;
      stream.unshift(held);
    }
    this.#fail(new HttpError("canceled", "HANDED_OVER", "the socket was handed over by intoSocket()"));
    return stream;
  }

  #hasRoom(): boolean {
    return this.#stream.writableLength < this.#stream.writableHighWaterMark;
  }

  #end(): void {
    this.#writing = ENDING;
    this.#stream.end((error?: Error | null) => this.#finish(error));
  }

  #finish(error: Error | null | undefined): void {
    const closer = this.#closer;
    // Without one, the transport has failed meanwhile, and the failure was reported.
    if (closer === undefined) return;
    this.#closer = undefined;
    if (error) {
      closer(transportError(error));
    } else {
      this.#writing = FINISHED;
      if (this.#waiter !== undefined) this.#wakeWriter(writeAfterShutdown());
      closer();
    }
  }

  /** Frees the descriptor, with a reset where that still makes sense and the transport knows one. */
  #release(): void {
    const stream = this.#stream;
    if (this.#writing < ENDING && isTcp(stream) && !stream.connecting) {
      try {
        stream.resetAndDestroy();
        return;
      } catch {
        // A pipe is a net.Socket without a reset.
      }
    }
    stream.destroy();
  }

  #fail(failure: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const reader = this.#reader;
    const closer = this.#closer;
    this.#reader = undefined;
    this.#closer = undefined;
    if (reader !== undefined) reader(null, this.#error);
    if (this.#waiter !== undefined) this.#wakeWriter(this.#error);
    if (closer !== undefined) closer(this.#error);
  }

  /** The failure, as whoever asks is told. */
  get #error(): unknown {
    if (this.#failure === givenUp) this.#failure = abortReason(undefined);
    return this.#failure;
  }

  #wakeWriter(error: unknown): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    waiter(error);
  }

  #attach(): void {
    const stream = this.#stream;
    stream[owner] = this;
    // Errors first: adding a data listener may start the stream.
    stream.on("error", NodeIo.#onError);
    if (stream.closed) return;
    stream.on("close", NodeIo.#onClose);
    stream.on("end", NodeIo.#onEnd);
    stream.on("drain", NodeIo.#onDrain);
    stream.on("data", NodeIo.#onData);
  }

  #detach(): void {
    const stream = this.#stream;
    stream.removeListener("close", NodeIo.#onClose);
    stream.removeListener("end", NodeIo.#onEnd);
    stream.removeListener("drain", NodeIo.#onDrain);
    stream.removeListener("data", NodeIo.#onData);
  }

  #receive(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader(chunk);
    } else if (this.#failure === undefined) {
      // Only a stream that somebody else resumed brings a second chunk.
      this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
      this.#reading = PAUSED;
      this.#stream.pause();
    }
  }

  #finishReading(): void {
    const stream = this.#stream;
    // libuv reports a reset that arrives behind unread data as an end, which makes a cut message look complete. Writing
    // nothing asks the kernel: after a reset it refuses, and the error event follows.
    if (isTcp(stream) && stream.writable && stream.writableLength === 0) {
      stream.write(nothing);
      if (stream.errored !== null) return;
    }
    this.#reading = ENDED;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(null);
  }

  // The listeners. One function each for all streams, called with the stream as `this`.

  static readonly #onData = function (this: Owned, chunk: Uint8Array): void {
    const io = this[owner];
    if (io !== undefined) io.#receive(chunk);
  };

  static readonly #onEnd = function (this: Owned): void {
    const io = this[owner];
    // A stream that was destroyed in the same turn still announces the end it had seen before.
    if (io === undefined || io.#failure !== undefined) return;
    io.#finishReading();
  };

  static readonly #onDrain = function (this: Owned): void {
    const io = this[owner];
    if (io !== undefined) io.#wakeWriter(undefined);
  };

  static readonly #onError = function (this: Owned, error: Error): void {
    const io = this[owner];
    if (io !== undefined) io.#fail(transportError(error));
  };

  static readonly #onClose = function (this: Owned): void {
    const io = this[owner];
    if (io === undefined) return;
    io.#detach();
    if (io.#failure === undefined) io.#fail(prematureClose());
  };
}

/**
 * Adapts a Node stream, which must be binary and must have no other reader.
 *
 * Bytes that the stream has already buffered are read first. A stream that has ended, failed or been destroyed gives
 * an `Io` that says so. Half-close is honoured for every stream: its `allowHalfOpen` is set to true, so that the end
 * of the peer's side does not end ours.
 *
 * `abort` resets a TCP connection (RST), and destroys anything else. Errors of the stream arrive as `HttpError` of
 * kind `io` whose `code` is the errno name and whose `cause` is the original; a stream that is closed with neither an
 * end nor an error gives the code `PREMATURE_CLOSE`.
 *
 * @throws TypeError when the stream already belongs to a `NodeIo`, is in object mode, or decodes to strings.
 */
export function nodeIo(stream: Duplex, options?: NodeIoOptions): NodeIo {
  if ((stream as Owned)[owner] !== undefined) throw new TypeError("stream: already belongs to a NodeIo");
  if (stream.readableObjectMode || stream.writableObjectMode) throw new TypeError("stream: must not be in object mode");
  if (stream.readableEncoding !== null) {
    throw new TypeError(`stream: must give bytes, but decodes to ${stream.readableEncoding}`);
  }
  stream.allowHalfOpen = true;
  return new NodeIo(stream, options);
}

function isTcp(stream: Duplex): stream is Socket {
  return stream instanceof Socket && !("encrypted" in stream);
}

/** Puts a stream back to the state in which a `data` listener starts it; `node:http` does the same for upgrades. */
function neverStarted(stream: Duplex): void {
  (stream as { readableFlowing: boolean | null }).readableFlowing = null;
}
