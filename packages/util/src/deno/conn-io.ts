/**
 * A Deno connection as an `Io`.
 *
 * Both are pull-style: one `read` is one `conn.read()`, so not asking is backpressure all the way to the peer. One
 * `conn.write()` is under way at a time, and what comes meanwhile waits here. Every promise of the connection is handled
 * here, so nothing is ever an unhandled rejection.
 *
 * Deno can close a connection and has no word for resetting it: `abort` sends FIN, behind what the kernel has taken.
 */
import type { Io, IoInfo, ReadDone, Timer } from "@sluice/core";
import { Unsent } from "../portable/unsent.ts";
import { abortReason, throwLater, transportError, writeAfterShutdown } from "../transport-error.ts";
import type { DenoConn } from "./runtime.ts";

type Done = (error?: unknown) => void;

/** Writes are taken. */
const OPEN = 0;
/** `shutdown` was called: the end follows what was written before. */
const CLOSING = 1;
/** The end was sent. */
const FINISHED = 2;

/** The first reads of a connection, and those after one that brought little, offer this much room. */
const smallReadBytes = 16_384;
/** A read that filled its room is followed by one that offers this much. */
const largeReadBytes = 65_536;

export class DenoIo implements Io {
  readonly info: IoInfo;
  readonly timer: Timer;
  readonly #conn: DenoConn;
  readonly #unsent = new Unsent();
  #room = smallReadBytes;
  /** What the read under way fills. */
  #into: Uint8Array | undefined = undefined;
  #reader: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;
  #ended = false;
  #sending = false;
  #released = false;
  #writing: typeof OPEN | typeof CLOSING | typeof FINISHED = OPEN;
  #readFailure: unknown = undefined;
  #writeFailure: unknown = undefined;

  constructor(conn: DenoConn, info: IoInfo, timer: Timer) {
    this.#conn = conn;
    this.info = info;
    this.timer = timer;
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    if (this.#ended) done(null);
    else if (this.#readFailure !== undefined) done(null, this.#readFailure);
    else {
      this.#reader = done;
      this.#into = new Uint8Array(this.#room);
      this.#conn.read(this.#into).then(this.#onRead, this.#onReadError);
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#writeFailure !== undefined || this.#writing !== OPEN) return false;
    this.#unsent.add(chunks);
    this.#send();
    return this.#unsent.hasRoom;
  }

  drained(done: Done): void {
    if (this.#writeFailure !== undefined) done(this.#writeFailure);
    else if (this.#writing !== OPEN) done(writeAfterShutdown());
    else if (this.#unsent.hasRoom) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    if (this.#writeFailure !== undefined) done(this.#writeFailure);
    else if (this.#writing !== OPEN) done(writeAfterShutdown());
    else {
      this.#writing = CLOSING;
      this.#closer = done;
      if (!this.#sending) this.#end();
    }
  }

  abort(reason?: unknown): void {
    if (this.#released && this.#readFailure !== undefined) return;
    const failure = abortReason(reason);
    this.#readFailure ??= failure;
    this.#writeFailure ??= failure;
    this.#unsent.clear();
    this.#release();
    this.#completeRead(null, failure);
    this.#wakeWriter(failure);
    this.#completeShutdown(failure);
  }

  #send(): void {
    const first = this.#unsent.first;
    if (this.#sending || first === undefined) return;
    this.#sending = true;
    this.#conn.write(first).then(this.#onWritten, this.#onWriteError);
  }

  #end(): void {
    this.#conn.closeWrite().then(this.#onFinished, this.#onWriteError);
  }

  /** Frees the descriptor, once. */
  #release(): void {
    if (this.#released) return;
    this.#released = true;
    try {
      this.#conn.close();
    } catch {
      // The runtime has closed it already.
    }
  }

  readonly #onRead = (count: number | null): void => {
    const into = this.#into;
    this.#into = undefined;
    if (into === undefined || this.#readFailure !== undefined) return;
    if (count === null) {
      this.#ended = true;
      if (this.#writing === FINISHED) this.#release();
      this.#completeRead(null, undefined);
    } else {
      this.#room = count === into.length ? largeReadBytes : smallReadBytes;
      this.#completeRead(into.subarray(0, count), undefined);
    }
  };

  readonly #onReadError = (cause: unknown): void => {
    this.#into = undefined;
    if (this.#readFailure !== undefined) return;
    this.#readFailure = transportError(cause, nameOf(cause));
    this.#completeRead(null, this.#readFailure);
  };

  readonly #onWritten = (count: number): void => {
    this.#sending = false;
    if (this.#writeFailure !== undefined) return;
    this.#unsent.taken(count);
    if (this.#unsent.bytes > 0) this.#send();
    else if (this.#writing === CLOSING) this.#end();
    if (this.#writing === OPEN && this.#unsent.hasRoom) this.#wakeWriter(undefined);
  };

  readonly #onWriteError = (cause: unknown): void => {
    this.#sending = false;
    if (this.#writeFailure !== undefined) return;
    this.#writeFailure = transportError(cause, nameOf(cause));
    this.#unsent.clear();
    this.#wakeWriter(this.#writeFailure);
    this.#completeShutdown(this.#writeFailure);
  };

  readonly #onFinished = (): void => {
    if (this.#writeFailure !== undefined) return;
    this.#writing = FINISHED;
    if (this.#ended) this.#release();
    this.#wakeWriter(writeAfterShutdown());
    this.#completeShutdown(undefined);
  };

  #completeRead(chunk: Uint8Array | null, error: unknown): void {
    const done = this.#reader;
    if (done === undefined) return;
    this.#reader = undefined;
    try {
      if (error === undefined) done(chunk);
      else done(chunk, error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #wakeWriter(error: unknown): void {
    const done = this.#waiter;
    this.#waiter = undefined;
    call(done, error);
  }

  #completeShutdown(error: unknown): void {
    const done = this.#closer;
    this.#closer = undefined;
    call(done, error);
  }
}

/** Facts about a connection. `alpnProtocol` is null where TLS chose none, and undefined without TLS. */
export function connInfo(conn: DenoConn, alpnProtocol: string | null | undefined): IoInfo {
  const { remoteAddr, localAddr } = conn;
  return {
    remoteAddress: remoteAddr.hostname,
    remotePort: remoteAddr.port,
    localAddress: localAddr.hostname,
    localPort: localAddr.port,
    secure: alpnProtocol !== undefined,
    alpnProtocol: alpnProtocol ?? undefined,
  };
}

/** Calls back from a promise reaction, where a throw would be an unhandled rejection. */
function call(done: Done | undefined, error: unknown): void {
  if (done === undefined) return;
  try {
    if (error === undefined) done();
    else done(error);
  } catch (thrown) {
    throwLater(thrown);
  }
}

/** What Deno calls an error that carries no errno name, such as `UnexpectedEof`, as a code. */
export function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "TRANSPORT_FAILED";
  return cause.name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
