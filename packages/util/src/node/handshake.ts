/**
 * One TLS handshake on the server's side: from the accepted socket to a session or to the reason why there is none.
 *
 * Node does not say which socket a finished handshake belongs to. Each therefore gets its own view of the shared
 * `tls.Server`, an object that inherits from it: events of the server come with the view as `this`.
 *
 * The first bytes are looked at before TLS gets them, and put back. OpenSSL would tell plain HTTP too, but only for
 * four methods, and by then nothing can be answered; besides, a connection that never says anything costs no session.
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { Alarm, HttpError, Timer } from "@sluice/core";
import { handshakeError, handshakeTimeout, hungUp, notTls, plaintext } from "./handshake-error.ts";
import { openingOf, refusePlaintext } from "./plaintext-on-tls.ts";
import type { HandshakeServer } from "./tls-options.ts";

/** How long a client may take to hang up after it was told that TLS is wanted here. */
const lingerMs = 1_000;

/** Waiting for the first bytes. */
const OPENING = 0;
/** OpenSSL has the socket. */
const SHAKING = 1;
/** The plain request was answered; waiting for the client to hang up. */
const REFUSING = 2;
const OVER = 3;

/** A view of a `tls.Server` for one handshake. */
export interface View extends Server {
  readonly handshake?: Handshake | undefined;
}

export class Handshake {
  readonly #socket: Socket;
  readonly #using: HandshakeServer;
  readonly #timer: Timer;
  readonly #verdict: (session: TLSSocket | undefined, error: HttpError | undefined) => void;
  readonly #over: () => void;
  readonly #onReadable = (): void => this.#look();
  readonly #onEnd = (): void => this.#fail(hungUp());
  readonly #onClose = (): void => this.#closed();
  #state: typeof OPENING | typeof SHAKING | typeof REFUSING | typeof OVER = OPENING;
  #alarm: Alarm;
  /** The beginning, as long as it is too short to tell. */
  #seen: Buffer | undefined = undefined;

  constructor(
    socket: Socket,
    using: HandshakeServer,
    timer: Timer,
    verdict: (session: TLSSocket | undefined, error: HttpError | undefined) => void,
    over: () => void,
  ) {
    this.#socket = socket;
    this.#using = using;
    this.#timer = timer;
    this.#verdict = verdict;
    this.#over = over;
    this.#alarm = timer.schedule(using.timeoutMs, () => this.#expired());
    socket.on("close", this.#onClose);
    socket.on("end", this.#onEnd);
    socket.on("readable", this.#onReadable);
  }

  abort(): void {
    if (this.#state === OVER) return;
    reset(this.#socket);
    this.#finish();
  }

  /** @internal The handshake is complete. */
  complete(session: TLSSocket): void {
    if (this.#state !== SHAKING) return;
    this.#settle();
    this.#verdict(session, undefined);
    this.#over();
  }

  /** @internal Node gave the handshake up; an alert for the peer has been written. */
  failed(cause: Error, session: TLSSocket): void {
    session.destroy();
    this.#fail(handshakeError(cause, session));
  }

  #look(): void {
    const chunk = this.#socket.read() as Buffer | null;
    // The end of the stream is readable too; its event follows.
    if (chunk === null || this.#state !== OPENING) return;
    const bytes = this.#seen === undefined ? chunk : Buffer.concat([this.#seen, chunk]);
    const opening = openingOf(bytes);
    // Kept here meanwhile: bytes put back are announced again at once.
    if (opening === "short") this.#seen = bytes;
    else if (opening === "tls") this.#shake(bytes);
    else if (opening === "http") this.#refuse(bytes);
    else this.#fail(notTls(bytes));
  }

  #shake(bytes: Uint8Array): void {
    const socket = this.#socket;
    this.#state = SHAKING;
    socket.removeListener("readable", this.#onReadable);
    socket.removeListener("end", this.#onEnd);
    socket.unshift(bytes);
    // A peer that hangs up in the middle is then noticed at once; `nodeIo` allows half-close afterwards.
    socket.allowHalfOpen = false;
    const view = Object.create(this.#using.server, { handshake: { value: this } }) as View;
    view.emit("connection", socket);
  }

  #refuse(bytes: Uint8Array): void {
    const socket = this.#socket;
    socket.removeListener("readable", this.#onReadable);
    socket.removeListener("end", this.#onEnd);
    this.#state = REFUSING;
    this.#alarm.cancel();
    this.#alarm = this.#timer.schedule(lingerMs, () => socket.destroy());
    refusePlaintext(socket);
    this.#verdict(undefined, plaintext(bytes));
  }

  #expired(): void {
    this.#fail(handshakeTimeout(this.#using.timeoutMs));
  }

  #closed(): void {
    if (this.#state === REFUSING) this.#finish();
    // The event of Node that says why the handshake failed may be a turn behind.
    else setImmediate(() => this.#fail(hungUp()));
  }

  #fail(error: HttpError): void {
    if (this.#state !== OPENING && this.#state !== SHAKING) return;
    const byNode = this.#state === SHAKING && error.code !== "HANDSHAKE_TIMEOUT";
    if (!byNode) reset(this.#socket);
    this.#settle();
    this.#verdict(undefined, error);
    this.#over();
  }

  #finish(): void {
    this.#settle();
    this.#over();
  }

  #settle(): void {
    const socket = this.#socket;
    this.#state = OVER;
    this.#alarm.cancel();
    socket.removeListener("readable", this.#onReadable);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("close", this.#onClose);
  }
}

/** Gives a socket up with a reset. */
export function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // A Unix socket knows no reset.
    socket.destroy();
  }
}
