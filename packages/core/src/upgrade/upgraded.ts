/**
 * A transport taken over after HTTP was left on it, by 101 or by CONNECT (RFC 9110 7.8, 9.3.6).
 *
 * It is an `Io`. Bytes that arrived behind the last HTTP message come first out of `read`.
 */
import type { Io, IoInfo, ReadDone, Timer } from "../rt/io.ts";

export class Upgraded implements Io {
  readonly #io: Io;
  #early: Uint8Array | undefined;

  constructor(io: Io, early: Uint8Array) {
    this.#io = io;
    this.#early = early.length === 0 ? undefined : early;
  }

  get info(): IoInfo | undefined {
    return this.#io.info;
  }

  get timer(): Timer | undefined {
    return this.#io.timer;
  }

  read(done: ReadDone): void {
    const early = this.#early;
    if (early === undefined) {
      this.#io.read(done);
    } else {
      this.#early = undefined;
      done(early);
    }
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#io.write(chunks);
  }

  drained(done: (error?: unknown) => void): void {
    this.#io.drained(done);
  }

  shutdown(done: (error?: unknown) => void): void {
    this.#io.shutdown(done);
  }

  abort(reason?: unknown): void {
    this.#early = undefined;
    this.#io.abort(reason);
  }

  /** Gives the transport back, with the bytes that were received and not yet read. Do not use this object afterwards. */
  intoParts(): UpgradedParts {
    const early = this.#early ?? new Uint8Array(0);
    this.#early = undefined;
    return { io: this.#io, readBuffer: early };
  }
}

/** A transport that was taken back, with what had been read of it. */
export interface UpgradedParts {
  readonly io: Io;
  /** Received and not yet read; comes before anything `io` will read. */
  readonly readBuffer: Uint8Array;
}
