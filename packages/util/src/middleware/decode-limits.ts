/**
 * What keeps a small response from becoming a large one without end: a limit on the decoded bytes, and one on how many there may
 * be for each byte received. Several codings share one, so that a chain of them cannot multiply what each may do.
 */
import { HttpError } from "@sluice/core";

/** Up to here the ratio is not looked at: a short text of one repeated line is no attack. */
const freeBytes = 1_048_576;

export class DecodeLimits {
  readonly #maxBytes: number;
  readonly #maxRatio: number;
  #received = 0;

  constructor(maxBytes: number, maxRatio: number) {
    this.#maxBytes = maxBytes;
    this.#maxRatio = maxRatio;
  }

  /** Counts bytes of the body as it is received. */
  receive(byteLength: number): void {
    this.#received += byteLength;
  }

  /**
   * Checks how much one coding has given in all.
   * @throws HttpError kind `limit`, code `DECODED_TOO_LONG` or `DECODED_RATIO`.
   */
  check(decoded: number): void {
    if (decoded > this.#maxBytes) {
      const message = `the decoded content is longer than maxBytes = ${this.#maxBytes} allows`;
      throw new HttpError("limit", "DECODED_TOO_LONG", message);
    }
    if (decoded > freeBytes && decoded > this.#received * this.#maxRatio) {
      const message = `${decoded} bytes were decoded of ${this.#received}, more than maxRatio = ${this.#maxRatio} allows`;
      throw new HttpError("limit", "DECODED_RATIO", message);
    }
  }
}
