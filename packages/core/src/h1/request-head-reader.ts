/**
 * Reads request heads (RFC 9112 section 3), with the rules that make a request acceptable at all.
 */
import { all, TOKEN } from "../bytes/ascii.ts";
import { decodeLatin1 } from "../bytes/latin1.ts";
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError, quote } from "../error.ts";
import { RequestTarget } from "../message/target.ts";
import { type HeadOptions, HeadReader, invalidTransferEncoding, TRANSFER_NONE, TRANSFER_OTHER } from "./head-reader.ts";
import { isLenient, type RequestLeniency } from "./leniency.ts";
import { keepSection, sectionAt } from "./repeated-sections.ts";
import { skipText } from "./section-reader.ts";

export interface RequestHeadOptions extends HeadOptions, RequestLeniency {
  readonly maxTargetBytes: number;
}

const methods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
]);

/** After so many heads that were all different, only now and then one is kept. */
const maxOthers = 4;
const othersBetweenTries = 64;

export class RequestHeadReader extends HeadReader {
  method = "";
  target: RequestTarget = RequestTarget.asterisk;
  readonly #options: RequestHeadOptions;
  /** Where the header section of the last request is kept, or -1. */
  #place = -1;
  /** Heads since one had the header section of the one before. */
  #others = 0;

  constructor(options: RequestHeadOptions) {
    super(options, "skip");
    this.#options = options;
  }

  /** RFC 9110 7.8: HTTP/1.0 has no Upgrade, and the field counts only when Connection names it. */
  get wantsUpgrade(): boolean {
    return this.method === "CONNECT" || (this.hasUpgrade && this.connectionUpgrade && this.minorVersion > 0);
  }

  /** Whether the request lets the connection go on (RFC 9112 9.3). */
  get keepsAlive(): boolean {
    if (this.connectionClose || this.ambiguousFraming) return false;
    return this.minorVersion > 0 || this.connectionKeepAlive;
  }

  override reset(): void {
    super.reset();
    this.target = RequestTarget.asterisk;
  }

  /**
   * Takes what `buffer` holds; true when the head is complete and acceptable.
   * @throws HttpError with the status to answer.
   */
  override read(buffer: ReadBuffer): boolean {
    const { bytes, start, end } = buffer;
    const isFirst = !this.begun;
    if (isFirst && this.#place >= 0 && this.#readRepeated(buffer)) return true;
    if (!super.read(buffer)) return false;
    this.#checkHost();
    this.#checkTransferEncoding();
    this.settleFraming();
    // RFC 9110 10.1.1: an expectation that cannot be met. HTTP/1.0 has no expectations.
    if (this.unknownExpectation !== undefined && this.minorVersion > 0) {
      const message = `only 100-continue can be expected, got ${quote(this.unknownExpectation)}`;
      throw new HttpError("protocol", "EXPECTATION_FAILED", message, { status: 417 });
    }
    // A buffer that was emptied has forgotten where it ended.
    if (isFirst) this.#keep(bytes, start, buffer.length === 0 ? end : buffer.start);
    return true;
  }

  /** Reads a head whose header section is that of the last request; false, with nothing taken, if it is another. */
  #readRepeated(buffer: ReadBuffer): boolean {
    const { bytes, start, end } = buffer;
    const lineEnd = skipText(bytes, start, end);
    if (lineEnd === start || bytes[lineEnd] !== 0x0d || lineEnd + 1 >= end || bytes[lineEnd + 1] !== 0x0a) return false;
    const section = sectionAt(this.#place, bytes, lineEnd + 2, end);
    if (section === undefined) return false;
    const length = lineEnd + 2 - start + section.text.length;
    if (length > this.maxBytes || section.headers.size > this.#options.maxHeaders) return false;
    const line = decodeLatin1(bytes, start, lineEnd);
    buffer.consume(length);
    this.startLine(line, 0, line.length);
    this.headers = section.headers.clone();
    this.#others = 0;
    return true;
  }

  /** Keeps the header section of the head that stood in `bytes` for the next request, unless all were different lately. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#place = -1;
    this.#others++;
    if (this.#others > maxOthers && this.#others % othersBetweenTries !== 0) return;
    if (!this.isPlain || this.#options.preserveHeaderCase || isLenient(this.#options)) return;
    // Empty lines may have come before the request line.
    if (bytes[start] !== 0x0d) this.#place = keepSection(this.headers, bytes, bytes.indexOf(0x0a, start) + 1, end);
  }

  protected override startLine(text: string, start: number, end: number): void {
    const methodEnd = text.indexOf(" ", start);
    if (methodEnd < 0 || methodEnd >= end) throw invalidRequestLine(text.slice(start, end));
    const method = readMethod(text, start, methodEnd);
    const targetStart = this.#skipSpaces(text, methodEnd + 1, end);
    let targetEnd = text.indexOf(" ", targetStart);
    if (targetEnd < 0 || targetEnd >= end) targetEnd = end;
    const versionStart = targetEnd === end ? end : this.#skipSpaces(text, targetEnd + 1, end);
    if (end - versionStart === 8 && text.startsWith("HTTP/1.1", versionStart)) this.minorVersion = 1;
    else this.#readVersion(text.slice(start, end), text.slice(versionStart, end));
    if (targetEnd - targetStart > this.#options.maxTargetBytes) {
      throw new HttpError("limit", "TARGET_TOO_LONG", `request target exceeds ${this.#options.maxTargetBytes} bytes`, {
        status: 414,
      });
    }
    const target = text.slice(targetStart, targetEnd);
    const parsed = this.#options.allowUtf8Target
      ? RequestTarget.tryParseLoosely(target, method)
      : RequestTarget.tryParse(target, method);
    if (parsed === undefined) {
      const message = `request target is in no form allowed for ${quote(method)} (RFC 9112 3.2), got ${quote(target)}`;
      throw new HttpError("parse", "INVALID_TARGET", message, { status: 400 });
    }
    this.method = method;
    this.target = parsed;
  }

  #skipSpaces(text: string, start: number, end: number): number {
    let at = start;
    if (this.#options.allowMultipleSpaces) {
      while (at < end && text.charCodeAt(at) === 0x20) at++;
    }
    return at;
  }

  /** RFC 9110 2.5: a higher minor version is handled as the highest one we know; another major version is refused. */
  #readVersion(line: string, version: string): void {
    const match = /^HTTP\/([0-9])\.([0-9])$/.exec(version);
    if (match === null) throw invalidRequestLine(line);
    if (line === "PRI * HTTP/2.0") {
      throw new HttpError("parse", "VERSION_H2", "the peer speaks HTTP/2 (RFC 9113 3.4)");
    }
    if (match[1] !== "1") {
      throw new HttpError("parse", "VERSION", `major version must be 1, got ${quote(version)}`, { status: 505 });
    }
    this.minorVersion = match[2] === "0" ? 0 : 1;
  }

  /** RFC 9112 3.2: exactly one valid Host in HTTP/1.1; HTTP/1.0 may do without. */
  #checkHost(): void {
    if (this.hostCount === 1 && this.validHost) return;
    if (this.hostCount === 0 && this.minorVersion === 0) return;
    const problem = this.hostCount === 0 ? "is missing" : this.hostCount > 1 ? "is repeated" : "is not a host";
    throw new HttpError("parse", "INVALID_HOST", `Host ${problem} (RFC 9112 3.2)`, { status: 400 });
  }

  #checkTransferEncoding(): void {
    if (this.transferEncoding === TRANSFER_NONE) return;
    const value = (): string => this.headers.getAll("transfer-encoding").join(", ");
    if (this.minorVersion === 0) {
      // RFC 9112 6.1: the framing of an HTTP/1.0 message with Transfer-Encoding is faulty.
      const message = `Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1), got ${quote(value())}`;
      throw new HttpError("parse", "TRANSFER_ENCODING_UNEXPECTED", message, { status: 400 });
    }
    if (this.unknownCoding !== undefined) {
      const message = `transfer coding ${quote(this.unknownCoding)} is not implemented (RFC 9112 6.1)`;
      throw new HttpError("protocol", "TRANSFER_CODING_UNKNOWN", message, { status: 501 });
    }
    // RFC 9112 6.3 rule 4: a request whose last coding is not chunked has no determinable length.
    if (this.transferEncoding === TRANSFER_OTHER) throw invalidTransferEncoding(value());
  }
}

function readMethod(text: string, start: number, end: number): string {
  if (end - start === 3 && text.startsWith("GET", start)) return "GET";
  const method = text.slice(start, end);
  if (methods.has(method) || (method !== "" && all(method, 0, method.length, TOKEN))) return method;
  const message = `method must be a token (RFC 9112 3.1), got ${quote(method)}`;
  throw new HttpError("parse", "INVALID_METHOD", message, { status: 400 });
}

function invalidRequestLine(line: string): HttpError {
  const message = `request line must be "method SP target SP HTTP/1.x" (RFC 9112 3), got ${quote(line)}`;
  return new HttpError("parse", "INVALID_REQUEST_LINE", message, { status: 400 });
}
