/**
 * Integers with a prefix (RFC 7541 section 5.1).
 *
 * What fits in the free bits of an octet is there; otherwise these are all ones and the rest follows in groups of seven
 * bits, lowest first. RFC 7541 leaves the limit to the implementation: here five more octets and 2^32-1, so the
 * arithmetic is exact, and no run of zero groups costs more than five octets.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { compressionError } from "./compression-error.ts";

/** The largest integer accepted. */
const maxInteger = 0xffff_ffff;
const maxGroups = 5;

/** Reads one integer, stopping wherever the octets at hand end. */
export class IntegerReader {
  /** The integer, once it is complete. */
  value = 0;
  #groups = 0;
  #factor = 1;

  /** Takes the octet with the prefix; `mask` has the prefix's bits set. True if that was all of it. */
  begin(octet: number, mask: number): boolean {
    this.value = octet & mask;
    if (this.value < mask) return true;
    this.#groups = 0;
    this.#factor = 1;
    return false;
  }

  /** Takes one more octet; true if that was the last. */
  next(octet: number): boolean {
    this.value += (octet & 0x7f) * this.#factor;
    this.#factor *= 128;
    if (this.value > maxInteger || (octet >= 0x80 && ++this.#groups === maxGroups)) {
      const message = `an integer must be less than 2^32 and take at most ${maxGroups} octets after its prefix`;
      throw compressionError("INTEGER_OVERFLOW", `${message} (RFC 7541 5.1)`);
    }
    return octet < 0x80;
  }
}

/**
 * Writes an integer in the bits of `mask` and as many octets as it needs; `pattern` has the other bits of the first.
 */
export function writeInteger(writer: OctetWriter, value: number, mask: number, pattern: number): void {
  if (value < mask) {
    writer.byte(pattern | value);
    return;
  }
  writer.byte(pattern | mask);
  let left = value - mask;
  while (left >= 0x80) {
    writer.byte((left & 0x7f) | 0x80);
    left = Math.floor(left / 128);
  }
  writer.byte(left);
}
