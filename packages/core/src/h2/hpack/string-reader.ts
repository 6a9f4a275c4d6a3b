/**
 * String literals (RFC 7541 section 5.2), read wherever the octets at hand end.
 *
 * A string that lies within one fragment is taken from there. One that does not is gathered in memory that doubles as
 * its octets arrive: a length alone makes nothing grow. The result is a window on octets, good until the next read, so
 * that a string is made only of what is kept.
 */
import { allocate } from "../../bytes/latin1.ts";
import { ENHANCE_YOUR_CALM } from "../frame/error-code.ts";
import { connectionError } from "../http2-error.ts";
import { compressionError } from "./compression-error.ts";
import {
  HUFFMAN_EOS,
  huffmanDecode,
  huffmanDecodedBytes,
  huffmanSlackBytes,
  maxDecodedBytes,
} from "./huffman-decode.ts";
import type { IntegerReader } from "./integer.ts";

const none = new Uint8Array(0);

/** Decoded octets up to this many go to memory shared by all connections; it is used at once and never waits. */
const scratchBytes = 8192;
const scratch: Uint8Array = new Uint8Array(scratchBytes + huffmanSlackBytes);

const PREFIX = 0;
const LENGTH = 1;
const OCTETS = 2;

export class StringReader {
  /** Where the complete string is: its octets from `start` up to `end`. */
  bytes: Uint8Array = none;
  start = 0;
  end = 0;
  /** Whether the string is complete. */
  done = false;
  readonly #length: IntegerReader;
  #state = PREFIX;
  #huffman = false;
  /** The part of the string that came in earlier fragments. */
  #gathered: Uint8Array = none;
  #gatheredBytes = 0;

  /** @param length Reads the length in front of each string; until the string is complete it has no other use. */
  constructor(length: IntegerReader) {
    this.#length = length;
  }

  /** Prepares for the next string. */
  begin(): void {
    this.done = false;
    this.#state = PREFIX;
  }

  /**
   * Takes octets from `at` up to `end`, of which there is at least one, and returns where it stopped. A string that is
   * encoded or decoded longer than `maxBytes` is refused before memory is set aside for it.
   * @throws Http2Error connection error.
   */
  read(bytes: Uint8Array, start: number, end: number, maxBytes: number): number {
    let at = start;
    if (this.#state === PREFIX) {
      const octet = bytes[at++] as number;
      this.#huffman = octet >= 0x80;
      this.#state = this.#length.begin(octet, 0x7f) ? OCTETS : LENGTH;
    }
    while (this.#state === LENGTH) {
      if (at === end) return at;
      if (this.#length.next(bytes[at++] as number)) this.#state = OCTETS;
    }
    const length = this.#length.value;
    if (length > maxBytes) throw tooLong(maxBytes);
    const missing = length - this.#gatheredBytes;
    if (this.#gatheredBytes === 0 && end - at >= length) {
      this.#finish(bytes, at, at + length, maxBytes);
      return at + length;
    }
    const taken = Math.min(missing, end - at);
    this.#gather(bytes, at, at + taken, length);
    if (taken === missing) {
      const gathered = this.#gathered;
      this.#gathered = none;
      this.#gatheredBytes = 0;
      this.#finish(gathered, 0, length, maxBytes);
    }
    return at + taken;
  }

  #gather(bytes: Uint8Array, start: number, end: number, length: number): void {
    const needed = this.#gatheredBytes + end - start;
    if (needed > this.#gathered.length) {
      const larger = allocate(Math.min(length, Math.max(64, needed * 2)));
      larger.set(this.#gathered.subarray(0, this.#gatheredBytes));
      this.#gathered = larger;
    }
    this.#gathered.set(bytes.subarray(start, end), this.#gatheredBytes);
    this.#gatheredBytes = needed;
  }

  #finish(bytes: Uint8Array, start: number, end: number, maxBytes: number): void {
    this.done = true;
    if (!this.#huffman) {
      this.bytes = bytes;
      this.start = start;
      this.end = end;
      return;
    }
    let output: Uint8Array = scratch;
    let length = maxDecodedBytes(end - start);
    if (length > scratchBytes || length > maxBytes) {
      // Rare, so it may take two passes: the first finds out how much memory the second needs.
      length = decoded(huffmanDecodedBytes(bytes, start, end));
      if (length > maxBytes) throw tooLong(maxBytes);
      if (length > scratchBytes) output = allocate(length + huffmanSlackBytes);
    }
    this.bytes = output;
    this.start = 0;
    this.end = decoded(huffmanDecode(bytes, start, end, output));
  }

  /** Lets go of the octets. */
  clear(): void {
    this.bytes = none;
    this.#gathered = none;
    this.#gatheredBytes = 0;
  }
}

function decoded(length: number): number {
  if (length >= 0) return length;
  if (length === HUFFMAN_EOS) throw compressionError("HUFFMAN_EOS", "a string must not contain EOS (RFC 7541 5.2)");
  const message = "a Huffman-coded string must be padded with at most 7 bits, all ones (RFC 7541 5.2)";
  throw compressionError("HUFFMAN_PADDING", message);
}

function tooLong(maxBytes: number): Error {
  const message = `header_list_way_too_large: a field name or value exceeds the ${maxBytes} octets left of the header list's hard limit`;
  return connectionError(ENHANCE_YOUR_CALM, "HEADER_LIST_WAY_TOO_LARGE", message);
}
