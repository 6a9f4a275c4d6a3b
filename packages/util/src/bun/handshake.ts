/** A TLS socket of Bun until its handshake is over: whoever owns it then makes an `Io` of it, or it is closed. */
import { HttpError } from "@sluice/core";
import { transportError } from "../transport-error.ts";
import type { BunSocket, SocketOwner } from "./runtime.ts";

export class Handshake implements SocketOwner {
  readonly #socket: BunSocket;
  readonly #needsTrust: boolean;
  readonly #done: (error: HttpError | undefined) => void;
  #over = false;

  /** @param needsTrust Whether a peer whose certificate is not valid is refused, as a client must. */
  constructor(socket: BunSocket, needsTrust: boolean, done: (error: HttpError | undefined) => void) {
    this.#socket = socket;
    this.#needsTrust = needsTrust;
    this.#done = done;
    socket.data = this;
  }

  /** Ends the handshake, if it is still going on, with `error`. */
  fail(error: HttpError): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.terminate();
    this.#done(error);
  }

  handshaken(success: boolean, error: unknown): void {
    const untrusted = this.#needsTrust && error !== null && error !== undefined;
    if (!success || untrusted) return this.fail(transportError(error ?? handshakeFailed(), "HANDSHAKE_FAILED"));
    if (this.#over) return;
    this.#over = true;
    this.#done(undefined);
  }

  closed(error: unknown): void {
    this.fail(transportError(error ?? handshakeFailed(), "HANDSHAKE_FAILED"));
  }

  ended(): void {
    this.fail(handshakeFailed());
  }

  received(): void {}
  writable(): void {}
}

function handshakeFailed(): HttpError {
  return new HttpError("io", "HANDSHAKE_FAILED", "the TLS handshake was not completed");
}
