/**
 * The line before each chunk: size and extensions (RFC 9112 sections 7.1, 7.1.1).
 *
 * A numeric state machine fed byte by byte, so that it can stop anywhere. Extensions are checked against the grammar and
 * ignored; their bytes are counted over the whole body, since nothing else bounds them.
 */
import { charClass, FIELD_VALUE, hexValue, TOKEN } from "../bytes/ascii.ts";
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import type { Leniency } from "./leniency.ts";

const SIZE_START = 0;
const SIZE = 1;
/** Behind BWS after the size: only `;` may follow. */
const BEFORE_SEMICOLON = 2;
/** Behind `;`. */
const NAME_START = 3;
const NAME = 4;
const BEFORE_EQUALS = 5;
/** Behind `=`. */
const VALUE_START = 6;
const VALUE = 7;
const QUOTED = 8;
const ESCAPED = 9;
/** Extensions that need not follow the grammar. */
const LOOSE = 10;
const LINE_FEED = 11;
/** Behind the quote that ends a value. */
const QUOTE_END = 12;
/** Behind BWS after a value. */
const AFTER_VALUE = 13;

export class ChunkLine {
  /** The size of the chunk once `read` returned true. */
  size = 0;
  readonly #leniency: Leniency;
  readonly #maxExtensionBytes: number;
  #extensionBytes = 0;
  #state = SIZE_START;

  constructor(leniency: Leniency, maxExtensionBytes: number) {
    this.#leniency = leniency;
    this.#maxExtensionBytes = maxExtensionBytes;
  }

  /**
   * Takes what `buffer` holds of the line; true once its end has been taken.
   * @throws HttpError kind `parse` or `limit`.
   */
  read(buffer: ReadBuffer): boolean {
    const { bytes, start, end } = buffer;
    for (let at = start; at < end; at++) {
      if (!this.#step(bytes[at] as number)) continue;
      buffer.consume(at + 1 - start);
      this.#state = SIZE_START;
      return true;
    }
    buffer.consume(end - start);
    return false;
  }

  /** Takes one byte; true if it ended the line. */
  #step(byte: number): boolean {
    const state = this.#state;
    if (state === SIZE_START) {
      const digit = hexValue(byte);
      if (digit < 0) throw invalidChunk("a chunk size must start with a hexadecimal digit");
      this.size = digit;
      this.#state = SIZE;
      return false;
    }
    if (state === SIZE) {
      const digit = hexValue(byte);
      if (digit >= 0) {
        this.size = this.size * 16 + digit;
        if (this.size > Number.MAX_SAFE_INTEGER) throw invalidChunk("a chunk size must not exceed 2^53-1");
        return false;
      }
    } else if (state === LINE_FEED) {
      if (byte !== 0x0a) throw invalidChunk("CR in a chunk line must be followed by LF");
      return true;
    }
    if (byte === 0x0d) {
      this.#checkEnd();
      this.#state = LINE_FEED;
      return false;
    }
    if (byte === 0x0a) {
      if (!this.#leniency.allowBareLineFeed) throw invalidChunk("a chunk line must end in CRLF, got LF alone");
      this.#checkEnd();
      return true;
    }
    this.#countExtensionByte();
    this.#state = this.#next(state, byte);
    return false;
  }

  #next(state: number, byte: number): number {
    const flags = charClass[byte] as number;
    if ((flags & FIELD_VALUE) === 0) throw invalidChunk("control byte in a chunk extension");
    if (state === LOOSE) return LOOSE;
    const blank = byte === 0x20 || byte === 0x09;
    switch (state) {
      case SIZE:
      case BEFORE_SEMICOLON:
        if (blank) return BEFORE_SEMICOLON;
        if (byte === 0x3b) return NAME_START;
        // Never lenient here: "5 5" or "5x" may mean another size to somebody else.
        throw invalidChunk("a chunk size may be followed only by an extension");
      case NAME_START:
        if (blank) return NAME_START;
        if ((flags & TOKEN) !== 0) return NAME;
        break;
      case NAME:
        if ((flags & TOKEN) !== 0) return NAME;
        if (byte === 0x3d) return VALUE_START;
        if (byte === 0x3b) return NAME_START;
        if (blank) return BEFORE_EQUALS;
        break;
      case BEFORE_EQUALS:
        if (blank) return BEFORE_EQUALS;
        if (byte === 0x3d) return VALUE_START;
        if (byte === 0x3b) return NAME_START;
        break;
      case VALUE_START:
        if (blank) return VALUE_START;
        if (byte === 0x22) return QUOTED;
        if ((flags & TOKEN) !== 0) return VALUE;
        break;
      case VALUE:
        if ((flags & TOKEN) !== 0) return VALUE;
        if (byte === 0x3b) return NAME_START;
        if (blank) return AFTER_VALUE;
        break;
      case QUOTE_END:
      case AFTER_VALUE:
        if (byte === 0x3b) return NAME_START;
        if (blank) return AFTER_VALUE;
        break;
      case QUOTED:
        if (byte === 0x22) return QUOTE_END;
        return byte === 0x5c ? ESCAPED : QUOTED;
      case ESCAPED:
        return QUOTED;
      default:
        break;
    }
    if (this.#leniency.allowLooseChunks) return LOOSE;
    throw invalidChunk("malformed chunk extension");
  }

  /** Whether the line may end here; RFC 9112 7.1.1 allows blanks before `;` and `=`, not before the line end. */
  #checkEnd(): void {
    const state = this.#state;
    if (state === SIZE || state === NAME || state === VALUE || state === QUOTE_END) return;
    if (this.#leniency.allowLooseChunks) return;
    throw invalidChunk("a chunk line ends in the middle of an extension or in white space");
  }

  #countExtensionByte(): void {
    this.#extensionBytes++;
    if (this.#extensionBytes <= this.#maxExtensionBytes) return;
    const message = `chunk extensions exceed ${this.#maxExtensionBytes} bytes over the whole body`;
    throw new HttpError("limit", "CHUNK_EXTENSIONS_TOO_LARGE", message, { status: 413 });
  }
}

function invalidChunk(problem: string): HttpError {
  return new HttpError("parse", "INVALID_CHUNK", `${problem} (RFC 9112 7.1)`, { status: 400 });
}
