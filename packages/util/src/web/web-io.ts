/**
 * A pair of WHATWG streams as an `Io`: Deno connections, Cloudflare sockets, WebTransport, transform streams.
 *
 * Both are pull-style, so one `read` is one `reader.read()`. The two directions are independent, as they are in the
 * streams: a writable that fails does not end what the readable still has. Every promise a stream makes is handled
 * here, so nothing is ever an unhandled rejection. No Node module is used.
 */
import { HttpError, type Io, type IoInfo, type ReadDone, type Timer } from "@sluice/core";
import { abortReason, transportError, writeAfterShutdown } from "../transport-error.ts";
import { type Done, tell, tellRead } from "./callbacks.ts";
import { joinChunks, maxJoinedBytes, totalBytes } from "./join-chunks.ts";

/** The two directions, named as on a Deno connection, a Cloudflare socket or a `TransformStream`. */
export interface WebStreamPair {
  /** Must give non-empty `Uint8Array`s; empty ones are skipped, and anything else is an error. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** What `webIo` may be told. */
export interface WebIoOptions {
  /** Facts about the transport. Default: none. */
  readonly info?: IoInfo;
  /** The clock of connections on this transport. Default: none, so the connection has to be given one. */
  readonly timer?: Timer;
}

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;

const OPEN = 0;
/** `shutdown` was called. */
const CLOSING = 1;
const CLOSED = 2;

class WebIo implements Io {
  readonly info?: IoInfo;
  readonly timer?: Timer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reading: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #ended = false;
  #readFailure: unknown = undefined;
  #writeFailure: unknown = undefined;
  #writing: typeof OPEN | typeof CLOSING | typeof CLOSED = OPEN;
  #aborted = false;

  constructor(streams: WebStreamPair, options: WebIoOptions | undefined) {
    if (streams.writable.locked) throw new TypeError("writable: is locked");
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    this.#writer.closed.catch(this.#onWriteError);
    if (options?.info !== undefined) this.info = options.info;
    if (options?.timer !== undefined) this.timer = options.timer;
  }

  read(done: ReadDone): void {
    if (this.#reading !== undefined) throw new TypeError("read() was called while another read is outstanding");
    if (this.#readFailure !== undefined) done(null, this.#readFailure);
    else if (this.#ended) done(null);
    else {
      this.#reading = done;
      this.#pull();
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#writeFailure !== undefined || this.#writing !== OPEN) return false;
    const size = totalBytes(chunks);
    if (chunks.length > 1 && size <= maxJoinedBytes) this.#send(joinChunks(chunks, size));
    else for (const chunk of chunks) this.#send(chunk);
    return this.#hasRoom();
  }

  drained(done: Done): void {
    if (this.#writeFailure !== undefined) done(this.#writeFailure);
    else if (this.#writing !== OPEN) done(writeAfterShutdown());
    else if (this.#hasRoom()) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else {
      this.#waiter = done;
      this.#writer.ready.then(this.#onReady, this.#onWriteError);
    }
  }

  shutdown(done: Done): void {
    if (this.#writeFailure !== undefined) return done(this.#writeFailure);
    if (this.#writing !== OPEN) return done(writeAfterShutdown());
    this.#writing = CLOSING;
    this.#writer.close().then(
      () => {
        this.#writing = CLOSED;
        this.#writer.releaseLock();
        this.#wakeWriter(writeAfterShutdown());
        tell(done, undefined);
      },
      (error: unknown) => {
        this.#onWriteError(error);
        tell(done, this.#writeFailure);
      },
    );
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const failure = abortReason(reason);
    // Failures first, so that what the streams report because of the abort finds nobody.
    const ended = this.#ended;
    const broken = this.#writeFailure !== undefined;
    this.#readFailure ??= failure;
    this.#writeFailure ??= failure;
    if (!ended) {
      this.#reader.cancel(failure).catch(ignore);
      this.#reader.releaseLock();
    }
    if (this.#writing !== CLOSED) {
      if (!broken) this.#writer.abort(failure).catch(ignore);
      this.#writer.releaseLock();
    }
    this.#completeRead(null, failure);
    this.#wakeWriter(failure);
  }

  #pull(): void {
    this.#reader.read().then(this.#onRead, this.#onReadError);
  }

  #send(chunk: Uint8Array): void {
    // The outcome of every write shows in `closed` and `ready`.
    this.#writer.write(chunk).catch(ignore);
  }

  #hasRoom(): boolean {
    return (this.#writer.desiredSize ?? 0) > 0;
  }

  #completeRead(chunk: Uint8Array | null, error: unknown): void {
    const done = this.#reading;
    if (done === undefined) return;
    this.#reading = undefined;
    tellRead(done, chunk, error);
  }

  #wakeWriter(error: unknown): void {
    const done = this.#waiter;
    if (done === undefined) return;
    this.#waiter = undefined;
    tell(done, error);
  }

  readonly #onRead = (result: ReadResult): void => {
    if (this.#aborted) return;
    if (result.done) {
      this.#ended = true;
      this.#reader.releaseLock();
      this.#completeRead(null, undefined);
    } else if (!((result.value as unknown) instanceof Uint8Array)) {
      const error = new HttpError("io", "CHUNK_TYPE", "the readable gave a chunk that is not a Uint8Array");
      this.#reader.cancel(error).catch(ignore);
      this.#onReadError(error);
    } else if (result.value.length === 0) {
      this.#pull();
    } else {
      this.#completeRead(result.value, undefined);
    }
  };

  readonly #onReadError = (error: unknown): void => {
    if (this.#readFailure !== undefined) return;
    this.#readFailure = transportError(error, "STREAM_FAILED");
    this.#completeRead(null, this.#readFailure);
  };

  readonly #onReady = (): void => {
    this.#wakeWriter(this.#writeFailure);
  };

  readonly #onWriteError = (error: unknown): void => {
    // Giving the lock back rejects `closed` too.
    if (this.#writing === CLOSED || this.#writeFailure !== undefined) return;
    this.#writeFailure = transportError(error, "STREAM_FAILED");
    this.#wakeWriter(this.#writeFailure);
  };
}

/**
 * Adapts a pair of WHATWG byte streams.
 *
 * Both are locked: the readable until its end or `abort`, the writable until the end was delivered or `abort`. `shutdown`
 * closes the writable, and `abort(reason)` cancels the readable and aborts the writable with `reason`. An error of a
 * stream arrives as an `HttpError` of kind `io` with the original as its cause; its code is that of the original, or
 * `STREAM_FAILED`. A chunk that is not a `Uint8Array` gives the code `CHUNK_TYPE`.
 *
 * @throws TypeError when one of the streams is locked.
 */
export function webIo(streams: WebStreamPair, options?: WebIoOptions): Io {
  return new WebIo(streams, options);
}

function ignore(): void {}
