/**
 * A workerd socket as an `Io`: its two web streams, with two differences.
 *
 * The streams of workerd take any amount at once, so what is unsent is counted here.
 *
 * workerd has no reset, and gives a socket whose streams were cancelled and aborted back only when the event it belongs to
 * is over. So `abort` ends the writing side in order when nothing is unsent, which the peer sees at once as FIN; with bytes
 * unsent these are discarded, and the peer sees the end when the event is over.
 *
 * `released` tells an inbound event when it may be over.
 */
import type { Io, IoInfo, ReadDone, Timer } from "@sluice/core";
import { webIo } from "../web/web-io.ts";
import type { WorkerSocket, WorkerSocketInfo } from "./runtime.ts";

type Done = (error?: unknown) => void;

/** With this much unsent, a socket has enough and `write` answers false. */
const highWaterBytes = 65_536;

export class WorkerIo implements Io {
  readonly info: IoInfo;
  readonly timer: Timer;
  /** Resolves when the socket was aborted, or both sides have ended. */
  readonly released: Promise<void>;
  readonly #io: Io;
  #release: () => void = () => {};
  #reader: ReadDone | undefined = undefined;
  #ended = false;
  #finished = false;

  constructor(socket: WorkerSocket, opened: WorkerSocketInfo, timer: Timer) {
    // It rejects whenever a connection did not end in order; who reads and writes is told too.
    socket.closed.catch(ignore);
    this.info = infoOf(opened, socket.secureTransport === "on");
    this.timer = timer;
    this.#io = webIo({ readable: socket.readable, writable: counted(socket.writable) }, { info: this.info, timer });
    this.released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    this.#reader = done;
    this.#io.read(this.#onRead);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#io.write(chunks);
  }

  drained(done: Done): void {
    this.#io.drained(done);
  }

  shutdown(done: Done): void {
    this.#io.shutdown((error) => {
      this.#finished = true;
      if (this.#ended) this.#release();
      done(error);
    });
  }

  abort(reason?: unknown): void {
    this.#io.abort(reason);
    this.#release();
  }

  readonly #onRead: ReadDone = (chunk, error) => {
    const done = this.#reader;
    this.#reader = undefined;
    if (chunk === null) {
      this.#ended = true;
      if (this.#finished) this.#release();
    }
    if (error === undefined) done?.(chunk);
    else done?.(chunk, error);
  };
}

/** A writable whose writer knows what is unsent. */
function counted(writable: WritableStream<Uint8Array>): WritableStream<Uint8Array> {
  return {
    get locked() {
      return writable.locked;
    },
    getWriter: () => new CountingWriter(writable.getWriter()),
    abort: (reason) => writable.abort(reason),
    close: () => writable.close(),
  };
}

/**
 * A writer that answers `desiredSize` and `ready` from what is unsent, as workerd's own say that there is room however much
 * waits, and that is closed instead of aborted while nothing is unsent.
 */
class CountingWriter implements WritableStreamDefaultWriter<Uint8Array> {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #unsent = 0;
  #waiting: Promise<undefined> | undefined = undefined;
  #wake: () => void = () => {};

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>) {
    this.#writer = writer;
  }

  get closed(): WritableStreamDefaultWriter["closed"] {
    return this.#writer.closed;
  }

  get ready(): WritableStreamDefaultWriter["ready"] {
    if (this.desiredSize > 0) return this.#writer.ready;
    this.#waiting ??= new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
    });
    return this.#waiting;
  }

  get desiredSize(): number {
    return highWaterBytes - this.#unsent;
  }

  write(chunk: Uint8Array): Promise<void> {
    const { length } = chunk;
    this.#unsent += length;
    const sent = this.#writer.write(chunk);
    // A failure shows in `closed`.
    sent.then(() => this.#sent(length), ignore);
    return sent;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  abort(reason?: unknown): Promise<void> {
    return this.#unsent === 0 ? this.#writer.close() : this.#writer.abort(reason);
  }

  releaseLock(): void {
    this.#writer.releaseLock();
  }

  #sent(length: number): void {
    this.#unsent -= length;
    if (this.#waiting === undefined || this.desiredSize <= 0) return;
    this.#waiting = undefined;
    this.#wake();
  }
}

function infoOf(opened: WorkerSocketInfo, secure: boolean): IoInfo {
  const remote = split(opened.remoteAddress);
  const local = split(opened.localAddress);
  return {
    remoteAddress: remote.address,
    remotePort: remote.port,
    localAddress: local.address,
    localPort: local.port,
    secure,
  };
}

/** `127.0.0.1:80` and `[::1]:80` in their parts. */
function split(place: string | null | undefined): { readonly address?: string; readonly port?: number } {
  const parts = /^\[?(.+?)\]?:(\d{1,5})$/.exec(place ?? "");
  if (parts?.[1] === undefined) return {};
  return { address: parts[1], port: Number(parts[2]) };
}

function ignore(): void {}
