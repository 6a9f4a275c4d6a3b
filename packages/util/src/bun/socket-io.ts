/**
 * A Bun TCP or TLS socket as an `Io`.
 *
 * Bun pushes and an `Io` is pulled, so a chunk that nobody asked for is held and the socket paused, as on Node: no pause
 * at all while the consumer asks again from within `done`. Bun takes of a write what the kernel takes and leaves the rest
 * to its caller, so what is unsent waits here until `drain`. Handlers are shared by all sockets; each socket finds its
 * `BunIo` in its `data`.
 */
import type { Io, IoInfo, ReadDone, Timer } from "@sluice/core";
import { joinBytes } from "../join-bytes.ts";
import { Unsent } from "../portable/unsent.ts";
import { abortReason, prematureClose, throwLater, transportError, writeAfterShutdown } from "../transport-error.ts";
import type { BunSocket, BunSocketHandlers, SocketOwner } from "./runtime.ts";

type Done = (error?: unknown) => void;

/** Bytes arrive as they come. */
const FLOWING = 0;
/** The socket is paused until the next `read`. */
const PAUSED = 1;
/** The peer has ended its side. */
const ENDED = 2;

/** Writes are taken. */
const OPEN = 0;
/** `shutdown` was called and waits for what was written before. */
const FLUSHING = 1;
/** The end was sent. */
const FINISHED = 2;

export class BunIo implements Io, SocketOwner {
  readonly timer: Timer;
  readonly #socket: BunSocket;
  readonly #secure: boolean;
  #info: IoInfo | undefined = undefined;
  #reading: typeof FLOWING | typeof PAUSED | typeof ENDED = FLOWING;
  #writing: typeof OPEN | typeof FLUSHING | typeof FINISHED = OPEN;
  /** Set once the transport has failed, was aborted or closed. */
  #failure: unknown = undefined;
  #held: Uint8Array | undefined = undefined;
  #reader: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;
  readonly #unsent = new Unsent();

  constructor(socket: BunSocket, secure: boolean, timer: Timer) {
    this.#socket = socket;
    this.#secure = secure;
    this.timer = timer;
    socket.data = this;
  }

  /** Facts about the transport, read from the socket when first asked for. */
  get info(): IoInfo {
    return (this.#info ??= socketInfo(this.#socket, this.#secure));
  }

  read(done: ReadDone): void {
    if (this.#held !== undefined) {
      const chunk = this.#held;
      this.#held = undefined;
      done(chunk);
    } else if (this.#reading === ENDED) {
      done(null);
    } else if (this.#failure !== undefined) {
      done(null, this.#failure);
    } else if (this.#reader !== undefined) {
      throw new TypeError("read() was called while another read is outstanding");
    } else {
      this.#reader = done;
      if (this.#reading === PAUSED) {
        this.#reading = FLOWING;
        this.#socket.resume();
      }
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#failure !== undefined || this.#writing !== OPEN) return false;
    const idle = this.#unsent.bytes === 0;
    this.#unsent.add(chunks);
    // While something waits, the kernel is full, and `drain` will come.
    if (idle) this.#flush();
    return this.#failure === undefined && this.#unsent.hasRoom;
  }

  drained(done: Done): void {
    if (this.#failure !== undefined) done(this.#failure);
    else if (this.#writing !== OPEN) done(writeAfterShutdown());
    else if (this.#unsent.hasRoom) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    if (this.#failure !== undefined) {
      done(this.#failure);
    } else if (this.#writing === FINISHED) {
      done();
    } else if (this.#writing === FLUSHING) {
      done(writeAfterShutdown());
    } else {
      this.#closer = done;
      this.#writing = FLUSHING;
      this.#finishIfFlushed();
    }
  }

  abort(reason?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#held = undefined;
    this.#unsent.clear();
    const finished = this.#writing === FINISHED;
    this.#fail(abortReason(reason));
    if (finished) this.#socket.close();
    else this.#socket.terminate();
  }

  // What the handlers of the socket call.

  received(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader(chunk);
    } else if (this.#failure === undefined) {
      // A paused socket still gives what it has read when the peer resets it.
      this.#held = this.#held === undefined ? chunk : joinBytes(this.#held, chunk);
      if (this.#reading !== FLOWING) return;
      this.#reading = PAUSED;
      this.#socket.pause();
    }
  }

  ended(): void {
    if (this.#failure !== undefined) return;
    this.#reading = ENDED;
    this.#completeRead();
  }

  writable(): void {
    if (this.#failure !== undefined) return;
    this.#flush();
    if (this.#failure !== undefined) return;
    this.#finishIfFlushed();
    if (this.#writing === OPEN && this.#unsent.hasRoom) this.#wakeWriter(undefined);
  }

  closed(error: unknown): void {
    if (this.#failure !== undefined) return;
    if (error !== undefined && error !== null) return this.#fail(transportError(error));
    // After our own end Bun tells the end of the peer by closing.
    if (this.#writing === FINISHED && this.#reading !== ENDED) {
      this.#reading = ENDED;
      this.#completeRead();
    }
    this.#fail(prematureClose());
  }

  handshaken(): void {}

  #flush(): void {
    let chunk = this.#unsent.first;
    while (chunk !== undefined) {
      const count = this.#socket.write(chunk);
      // Closed: the handler for that says why, perhaps in a moment.
      if (count < 0) return;
      this.#unsent.taken(count);
      if (count < chunk.length) return;
      chunk = this.#unsent.first;
    }
  }

  #finishIfFlushed(): void {
    if (this.#writing !== FLUSHING || this.#unsent.bytes > 0) return;
    this.#writing = FINISHED;
    this.#socket.shutdown();
    const closer = this.#closer;
    this.#closer = undefined;
    this.#wakeWriter(writeAfterShutdown());
    closer?.();
  }

  #completeRead(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(null);
  }

  #fail(failure: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const reader = this.#reader;
    const closer = this.#closer;
    this.#reader = undefined;
    this.#closer = undefined;
    this.#unsent.clear();
    reader?.(null, failure);
    this.#wakeWriter(failure);
    closer?.(failure);
  }

  #wakeWriter(error: unknown): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    if (error === undefined) waiter();
    else waiter(error);
  }
}

/** The handlers of every socket. What a callback throws becomes an exception nobody caught, as on Node. */
export function socketHandlers(open: (socket: BunSocket) => void): BunSocketHandlers {
  return {
    open,
    data: (socket, chunk) => socket.data.received(chunk),
    end: (socket) => socket.data.ended(),
    drain: (socket) => socket.data.writable(),
    close: (socket, error) => socket.data.closed(error),
    error: (_socket, error) => throwLater(error),
    handshake: (socket, success, error) => socket.data.handshaken(success, error),
  };
}

function socketInfo(socket: BunSocket, secure: boolean): IoInfo {
  const { remoteAddress, remotePort, localAddress, localPort, alpnProtocol } = socket;
  const addresses = { remoteAddress, remotePort, localAddress, localPort };
  if (!secure) return { ...addresses, secure: false };
  return {
    ...addresses,
    secure: true,
    alpnProtocol: typeof alpnProtocol === "string" ? alpnProtocol : undefined,
    tlsVersion: socket.getTLSVersion?.() ?? undefined,
    cipherSuite: socket.getCipher?.()?.standardName,
    servername: socket.getServername?.() ?? undefined,
  };
}
