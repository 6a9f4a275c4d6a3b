/**
 * Reads a section of lines ended by an empty one: a head or a trailer section (RFC 9112 sections 2.1, 7.1.2).
 *
 * One pass over the bytes finds the line ends and refuses control bytes, bare CR and bare LF on the way (section 2.2); the
 * complete lines at hand are then decoded to one latin1 string and given to `line` one by one. Bytes are scanned once
 * however they arrive, and a mistake is reported as soon as its line is there, without waiting for the end of the section.
 */
import { CONTROL, charClass } from "../bytes/ascii.ts";
import { decodeLatin1 } from "../bytes/latin1.ts";
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError, quote } from "../error.ts";
import { type KnownName, knownName, otherName } from "./field-roles.ts";
import type { Leniency } from "./leniency.ts";
import { isOws } from "./lists.ts";

/** Start and end of each line found by the scan in progress; shared, since a scan never yields. */
let bounds: Int32Array = new Int32Array(256);

/** What an empty line means before any other: skip it (RFC 9112 2.2), take it as a line, or end the section. */
export type LeadingEmptyLine = "skip" | "take" | "end";

export abstract class SectionReader {
  protected readonly leniency: Leniency;
  readonly #maxBytes: number;
  readonly #leadingEmptyLine: LeadingEmptyLine;
  /** Bytes of this section that have been consumed, and those behind them that have been scanned. */
  #consumed = 0;
  #scanned = 0;
  #sawLine = false;
  /** With folding allowed, the last field: it is complete only when the next line turns out not to continue it. */
  #lastField: KnownName | undefined;
  #lastValue = "";
  #lastSpelling = "";

  constructor(leniency: Leniency, maxBytes: number, leadingEmptyLine: LeadingEmptyLine) {
    this.leniency = leniency;
    this.#maxBytes = maxBytes;
    this.#leadingEmptyLine = leadingEmptyLine;
  }

  /** Takes one line other than the last, empty one. */
  protected abstract line(text: string, start: number, end: number): void;
  /** Takes one field. */
  protected abstract field(field: KnownName, value: string, spelling: string): void;
  /** The error for a section of more than `maxBytes`. */
  protected abstract tooLarge(maxBytes: number): HttpError;

  /** The most bytes a section may have. */
  protected get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Whether part of a section has been received. */
  get begun(): boolean {
    return this.#sawLine || this.#scanned > 0;
  }

  /**
   * Takes what `buffer` holds of the section; true once its end has been taken.
   * @throws HttpError kind `parse` or `limit`.
   */
  read(buffer: ReadBuffer): boolean {
    const bytes = buffer.bytes;
    const start = buffer.start;
    const room = this.#maxBytes - this.#consumed;
    const end = buffer.length > room ? start + room : buffer.end;
    const leniency = this.leniency;
    let sawLine = this.#sawLine;
    let count = 0;
    let firstLine = -1;
    let lineStart = start;
    let complete = false;
    let fault: HttpError | undefined;
    let at = start + this.#scanned;
    for (; at < end; at++) {
      at = skipText(bytes, at, end);
      if (at === end) break;
      const byte = bytes[at] as number;
      if (byte === 0x0a) {
        const bare = at === lineStart || bytes[at - 1] !== 0x0d;
        if (bare && !leniency.allowBareLineFeed) {
          fault = bareLineFeed();
          break;
        }
        const lineEnd = bare ? at : at - 1;
        if (lineEnd > lineStart || (!sawLine && this.#leadingEmptyLine === "take")) {
          if (firstLine < 0) firstLine = lineStart;
          if (count + 2 > bounds.length) bounds = doubled(bounds);
          bounds[count++] = lineStart - firstLine;
          bounds[count++] = lineEnd - firstLine;
          sawLine = true;
        } else if (sawLine || this.#leadingEmptyLine === "end") {
          lineStart = at + 1;
          complete = true;
          break;
        }
        lineStart = at + 1;
      } else if (byte === 0x0d) {
        if (at + 1 === buffer.end) break;
        if (bytes[at + 1] !== 0x0a) {
          fault = bareCarriageReturn();
          break;
        }
      } else if (((charClass[byte] as number) & CONTROL) !== 0 && (byte === 0 || !leniency.ignoreInvalidHeaders)) {
        fault = controlByte(byte);
        break;
      }
    }
    this.#sawLine = sawLine;
    this.#consumed += lineStart - start;
    this.#scanned = complete ? 0 : at - lineStart;
    if (count > 0) {
      const text = decodeLatin1(bytes, firstLine, lineStart);
      buffer.consume(lineStart - start);
      // `line` never reads another section, so the bounds stay ours.
      for (let i = 0; i < count; i += 2) this.line(text, bounds[i] as number, bounds[i + 1] as number);
    } else {
      buffer.consume(lineStart - start);
    }
    if (fault !== undefined) throw fault;
    if (complete) {
      this.#finishField();
      this.#consumed = 0;
      this.#sawLine = false;
      return true;
    }
    if (this.#consumed + this.#scanned >= this.#maxBytes) throw this.tooLarge(this.#maxBytes);
    return false;
  }

  /** Splits a field line into name and value (RFC 9112 section 5). */
  protected fieldLine(text: string, start: number, end: number): void {
    if (isOws(text.charCodeAt(start))) {
      this.#fold(text, start, end);
      return;
    }
    this.#finishField();
    const colon = text.indexOf(":", start);
    let nameEnd = colon < 0 || colon > end ? end : colon;
    if (this.leniency.allowSpaceBeforeColon) {
      while (nameEnd > start && isOws(text.charCodeAt(nameEnd - 1))) nameEnd--;
    }
    const spelling = text.slice(start, nameEnd);
    const field = colon < 0 || colon >= end ? undefined : (knownName(spelling) ?? otherName(spelling));
    if (field === undefined) {
      if (this.leniency.ignoreInvalidHeaders) return;
      throw invalidFieldLine(text.slice(start, end));
    }
    let valueStart = colon + 1;
    let valueEnd = end;
    while (valueStart < valueEnd && isOws(text.charCodeAt(valueStart))) valueStart++;
    while (valueEnd > valueStart && isOws(text.charCodeAt(valueEnd - 1))) valueEnd--;
    const value = text.slice(valueStart, valueEnd);
    if (this.leniency.ignoreInvalidHeaders && hasControl(value)) return;
    if (this.leniency.allowObsoleteFolding) {
      this.#lastField = field;
      this.#lastValue = value;
      this.#lastSpelling = spelling;
    } else {
      this.field(field, value, spelling);
    }
  }

  /** RFC 9112 5.2: a server refuses obs-fold or replaces it by SP; we refuse unless told otherwise. */
  #fold(text: string, start: number, end: number): void {
    if (this.#lastField === undefined) {
      if (this.leniency.ignoreInvalidHeaders) return;
      throw new HttpError("parse", "OBSOLETE_FOLDING", "field line starts with white space (RFC 9112 5.2)", {
        status: 400,
      });
    }
    let from = start;
    let to = end;
    while (from < to && isOws(text.charCodeAt(from))) from++;
    while (to > from && isOws(text.charCodeAt(to - 1))) to--;
    if (from < to) this.#lastValue += this.#lastValue === "" ? text.slice(from, to) : ` ${text.slice(from, to)}`;
  }

  #finishField(): void {
    const field = this.#lastField;
    if (field === undefined) return;
    this.#lastField = undefined;
    this.field(field, this.#lastValue, this.#lastSpelling);
  }
}

/** Where the next control byte is; most bytes are none, and looking at four at a time takes two thirds of the time. */
export function skipText(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (
    at + 4 <= end &&
    isText(bytes[at] as number) &&
    isText(bytes[at + 1] as number) &&
    isText(bytes[at + 2] as number) &&
    isText(bytes[at + 3] as number)
  ) {
    at += 4;
  }
  while (at < end && isText(bytes[at] as number)) at++;
  return at;
}

function isText(byte: number): boolean {
  return byte > 0x1f && byte !== 0x7f;
}

function doubled(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    if (((charClass[value.charCodeAt(i)] as number) & CONTROL) !== 0) return true;
  }
  return false;
}

function bareLineFeed(): HttpError {
  return new HttpError("parse", "BARE_LF", "a line must end in CRLF, got LF alone (RFC 9112 2.2)", { status: 400 });
}

function bareCarriageReturn(): HttpError {
  return new HttpError("parse", "BARE_CR", "CR must be followed by LF (RFC 9112 2.2)", { status: 400 });
}

function controlByte(byte: number): HttpError {
  const hex = byte.toString(16).padStart(2, "0");
  return new HttpError("parse", "INVALID_BYTE", `control byte 0x${hex} in a line (RFC 9110 5.5)`, { status: 400 });
}

function invalidFieldLine(line: string): HttpError {
  const message = `field line must be a token, a colon and a value (RFC 9112 5), got ${quote(line)}`;
  return new HttpError("parse", "INVALID_HEADER", message, { status: 400 });
}
