/**
 * Reads heads: start line and header section, with everything the connection must know gathered on the way.
 *
 * Fields with a role are interpreted once, as they come by: framing (RFC 9112 section 6), `Connection`, `Host`, `Expect`,
 * `Upgrade`, `TE`. What contradicts itself is refused, never guessed at (section 11).
 */
import { HeaderMap } from "@sluice/body";
import { HttpError, quote } from "../error.ts";
import { isHostField } from "../message/authority.ts";
import {
  type KnownName,
  ROLE_CONNECTION,
  ROLE_CONTENT_LENGTH,
  ROLE_EXPECT,
  ROLE_HOST,
  ROLE_TE,
  ROLE_TRANSFER_ENCODING,
  ROLE_UPGRADE,
} from "./field-roles.ts";
import type { Leniency } from "./leniency.ts";
import { listHas, trimOws } from "./lists.ts";
import { type LeadingEmptyLine, SectionReader } from "./section-reader.ts";

export interface HeadOptions extends Leniency {
  readonly maxHeaders: number;
  readonly maxHeadBytes: number;
  readonly maxBufferBytes: number;
  readonly preserveHeaderCase: boolean;
}

/** No Transfer-Encoding, one that ends in chunked, one that ends in something else. */
export const TRANSFER_NONE = 0;
export const TRANSFER_CHUNKED = 1;
export const TRANSFER_OTHER = 2;

/** The registered codings (RFC 9112 12.3). They are not decoded, but a service can do so; others are unknown to us. */
const registeredCodings: ReadonlySet<string> = new Set(["compress", "deflate", "gzip", "x-compress", "x-gzip"]);

/** What an idle reader holds instead of a map of its own. */
const noHeaders = new HeaderMap();

export abstract class HeadReader extends SectionReader {
  /** The header section; of its own for each head that has begun. */
  headers: HeaderMap = noHeaders;
  minorVersion = 1;
  /** The value of Content-Length, or -1 without one. */
  contentLength = -1;
  transferEncoding: number = TRANSFER_NONE;
  unknownCoding: string | undefined;
  connectionClose = false;
  connectionKeepAlive = false;
  connectionUpgrade = false;
  hasUpgrade = false;
  hostCount = 0;
  validHost = true;
  expectContinue = false;
  unknownExpectation: string | undefined;
  acceptsTrailers = false;
  /** Transfer-Encoding came with Content-Length: legal when allowed, but the connection must end with this exchange. */
  ambiguousFraming = false;

  readonly #maxHeaders: number;
  readonly #preserveCase: boolean;
  #startLineRead = false;
  #chunkedSeen = false;
  /** The last valid Host value: clients repeat it on every request. */
  #knownHost: string | undefined;

  constructor(options: HeadOptions, leadingEmptyLine: LeadingEmptyLine) {
    super(options, Math.min(options.maxHeadBytes, options.maxBufferBytes), leadingEmptyLine);
    this.#maxHeaders = options.maxHeaders;
    this.#preserveCase = options.preserveHeaderCase;
  }

  protected abstract startLine(text: string, start: number, end: number): void;

  /** Prepares for the next head. */
  reset(): void {
    this.headers = noHeaders;
    this.contentLength = -1;
    this.transferEncoding = TRANSFER_NONE;
    this.unknownCoding = undefined;
    this.connectionClose = false;
    this.connectionKeepAlive = false;
    this.connectionUpgrade = false;
    this.hasUpgrade = false;
    this.hostCount = 0;
    this.validHost = true;
    this.expectContinue = false;
    this.unknownExpectation = undefined;
    this.acceptsTrailers = false;
    this.ambiguousFraming = false;
    this.#startLineRead = false;
    this.#chunkedSeen = false;
  }

  /** Whether the fields tell the connection nothing but the host, which they name as they should. */
  protected get isPlain(): boolean {
    return (
      this.hostCount === 1 &&
      this.validHost &&
      this.contentLength < 0 &&
      this.transferEncoding === TRANSFER_NONE &&
      !this.connectionClose &&
      !this.connectionKeepAlive &&
      !this.connectionUpgrade &&
      !this.hasUpgrade &&
      !this.expectContinue &&
      this.unknownExpectation === undefined &&
      !this.acceptsTrailers
    );
  }

  protected override line(text: string, start: number, end: number): void {
    if (this.#startLineRead) {
      this.fieldLine(text, start, end);
    } else {
      this.headers = new HeaderMap();
      this.startLine(text, start, end);
      this.#startLineRead = true;
    }
  }

  protected override field(field: KnownName, value: string, spelling: string): void {
    if (this.headers.size >= this.#maxHeaders) {
      throw new HttpError("limit", "TOO_MANY_HEADERS", `more than ${this.#maxHeaders} field lines in a head`, {
        status: 431,
      });
    }
    if (field.role !== 0 && !this.#interpret(field.role, value)) return;
    this.headers.appendParsed(field.name, value, this.#preserveCase ? spelling : undefined);
  }

  protected override tooLarge(maxBytes: number): HttpError {
    return this.#startLineRead
      ? new HttpError("limit", "HEAD_TOO_LARGE", `head exceeds ${maxBytes} bytes`, { status: 431 })
      : new HttpError("limit", "TARGET_TOO_LONG", `start line exceeds ${maxBytes} bytes`, { status: 414 });
  }

  /** Applies a field; false if the line repeats another and is dropped. */
  #interpret(role: number, value: string): boolean {
    switch (role) {
      case ROLE_CONTENT_LENGTH:
        return this.#takeContentLength(value);
      case ROLE_TRANSFER_ENCODING:
        this.#takeTransferEncoding(value);
        break;
      case ROLE_CONNECTION:
        if (listHas(value, "close")) this.connectionClose = true;
        if (listHas(value, "keep-alive")) this.connectionKeepAlive = true;
        if (listHas(value, "upgrade")) this.connectionUpgrade = true;
        break;
      case ROLE_HOST:
        this.hostCount++;
        if (value !== this.#knownHost) {
          if (isHostField(value, false)) this.#knownHost = value;
          else this.validHost = false;
        }
        break;
      case ROLE_UPGRADE:
        this.hasUpgrade = true;
        break;
      case ROLE_EXPECT:
        if (value.toLowerCase() === "100-continue") this.expectContinue = true;
        else this.unknownExpectation = value;
        break;
      case ROLE_TE:
        if (listHas(value, "trailers")) this.acceptsTrailers = true;
        break;
      default:
        break;
    }
    return true;
  }

  /** RFC 9110 8.6, RFC 9112 6.3 rule 5. */
  #takeContentLength(value: string): boolean {
    let digits = value;
    if (this.leniency.allowRepeatedContentLength && value.includes(",")) {
      const values = value.split(",").map(trimOws);
      if (values.every((other) => other === values[0])) digits = values[0] as string;
    }
    if (!/^[0-9]+$/.test(digits)) throw invalidContentLength(value);
    const length = Number(digits);
    if (!Number.isSafeInteger(length)) {
      throw new HttpError("limit", "CONTENT_LENGTH_TOO_LARGE", `content-length ${quote(value)} exceeds 2^53-1`, {
        status: 413,
      });
    }
    if (this.contentLength < 0) {
      this.contentLength = length;
      return true;
    }
    if (this.leniency.allowRepeatedContentLength && this.contentLength === length) return false;
    throw invalidContentLength(`${this.contentLength}, ${value}`);
  }

  /** RFC 9112 6.1: chunked is applied once; several lines are one list. */
  #takeTransferEncoding(value: string): void {
    for (const element of value.split(",")) {
      const coding = trimOws(element).toLowerCase();
      if (coding === "") throw invalidTransferEncoding(value);
      if (coding === "chunked") {
        if (this.#chunkedSeen) throw invalidTransferEncoding(value);
        this.#chunkedSeen = true;
        this.transferEncoding = TRANSFER_CHUNKED;
        continue;
      }
      this.transferEncoding = TRANSFER_OTHER;
      const semicolon = coding.indexOf(";");
      const name = semicolon < 0 ? coding : trimOws(coding.slice(0, semicolon));
      if (name === "chunked") throw invalidTransferEncoding(value);
      if (!registeredCodings.has(name)) this.unknownCoding ??= coding;
    }
  }

  /** RFC 9112 6.3 rule 3, 11.2: both framings at once are a smuggling attempt until told otherwise. */
  protected settleFraming(): void {
    if (this.transferEncoding === TRANSFER_NONE || this.contentLength < 0) return;
    if (!this.leniency.allowTransferEncodingWithContentLength) {
      throw new HttpError(
        "parse",
        "TRANSFER_ENCODING_WITH_CONTENT_LENGTH",
        "Transfer-Encoding and Content-Length exclude each other (RFC 9112 6.3)",
        { status: 400 },
      );
    }
    this.ambiguousFraming = true;
    this.contentLength = -1;
    this.headers.remove("content-length");
  }
}

function invalidContentLength(value: string): HttpError {
  const message = `content-length must be one run of digits (RFC 9110 8.6), got ${quote(value)}`;
  return new HttpError("parse", "CONTENT_LENGTH_INVALID", message, { status: 400 });
}

export function invalidTransferEncoding(value: string): HttpError {
  const message = `chunked must be the last transfer coding, applied once and without parameters (RFC 9112 6.1), got ${quote(value)}`;
  return new HttpError("parse", "TRANSFER_ENCODING_INVALID", message, { status: 400 });
}
