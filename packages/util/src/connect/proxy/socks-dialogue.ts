/**
 * Asks and answers on a transport that is to become a tunnel: what arrives behind the last answer is kept for it.
 */
import { HttpError, type Io, Upgraded } from "@sluice/core";
import type { Decoded } from "./socks-codec.ts";

export class SocksDialogue {
  readonly #io: Io;
  #held: Uint8Array = new Uint8Array(0);

  constructor(io: Io) {
    this.#io = io;
  }

  /** Writes `message`, and waits until the transport would take more. */
  send(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#io.write([message])) resolve();
      else this.#io.drained((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /**
   * The next message of the proxy, as `decode` reads it.
   *
   * Rejects with an `HttpError` of kind `connect`, code `SOCKS_CLOSED`, if the proxy ends its side before; with what `decode`
   * throws; and with the error of the transport.
   */
  async receive<T>(decode: (bytes: Uint8Array) => Decoded<T> | undefined): Promise<T> {
    for (;;) {
      const decoded = decode(this.#held);
      if (decoded !== undefined) {
        this.#held = this.#held.subarray(decoded.length);
        return decoded.value;
      }
      this.#held = Buffer.concat([this.#held, await this.#read()]);
    }
  }

  /** The transport from here on. Do not use this object afterwards. */
  leave(): Io {
    return this.#held.length === 0 ? this.#io : new Upgraded(this.#io, this.#held);
  }

  #read(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#io.read((chunk, error) => {
        if (chunk !== null) resolve(chunk);
        else reject(error ?? new HttpError("connect", "SOCKS_CLOSED", "the proxy closed the connection in its answer"));
      });
    });
  }
}
