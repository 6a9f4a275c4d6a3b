/**
 * Writes response heads (RFC 9112 section 4) and decides how their content is framed (section 6.3).
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "../error.ts";
import { checkReasonPhrase, reasonPhraseKey } from "../message/reason-phrase.ts";
import type { HttpResponse } from "../message/response.ts";
import { canonicalReason, checkStatus } from "../message/status.ts";
import { dateLine } from "./date.ts";
import {
  ROLE_CONNECTION,
  ROLE_CONTENT_LENGTH,
  ROLE_DATE,
  ROLE_NONE,
  ROLE_TRAILER,
  ROLE_TRANSFER_ENCODING,
  ROLE_UPGRADE,
  roleOf,
} from "./field-roles.ts";
import { fieldLine, lengthLine, ownLine, type Spelling } from "./field-writer.ts";
import {
  announcedTrailers,
  CHUNKED,
  conflictingFraming,
  declaredLength,
  endsInChunked,
  LENGTH,
  lengthMismatch,
  NO_CONTENT,
  UNTIL_CLOSE,
} from "./framing.ts";
import { listHas } from "./lists.ts";
import { keepHead, repeatedHead } from "./repeated-heads.ts";

/** What the head of a response depends on beside the response: the request it answers. */
export interface AnsweredRequest {
  readonly method: string;
  readonly minorVersion: number;
  readonly connectionKeepAlive: boolean;
  readonly acceptsTrailers: boolean;
  readonly wantsUpgrade: boolean;
}

export interface ResponseHeadOptions extends Spelling {
  readonly autoDateHeader: boolean;
}

const statusLines = new Map<number, string>();

export class ResponseHeadWriter {
  /** How the content of the last head is framed. */
  framing: number = NO_CONTENT;
  /** Its length, if `framing` is `LENGTH`. */
  length = 0;
  /** Whether another exchange may follow. */
  keepAlive = true;
  /** Whether HTTP ends on this connection with the last head. */
  upgrades = false;
  trailerNames: ReadonlySet<string> | undefined;
  readonly #options: ResponseHeadOptions;

  constructor(options: ResponseHeadOptions) {
    this.#options = options;
  }

  /**
   * The head of `response`, whose body is not touched. `keepAlive` tells whether another exchange may follow.
   * @throws HttpError kind `user` if it cannot be sent.
   */
  write(response: HttpResponse, request: AnsweredRequest, keepAlive: boolean): string {
    const { status, headers } = response;
    this.trailerNames = undefined;
    const plainLength = keepAlive ? this.#plainLength(response, request) : undefined;
    if (plainLength !== undefined) {
      const text = repeatedHead(status, headers, plainLength, dateLine(this.#options));
      if (text !== undefined) {
        this.framing = LENGTH;
        this.length = plainLength;
        this.keepAlive = true;
        this.upgrades = false;
        return text;
      }
    }
    this.upgrades = request.method === "CONNECT" ? status >= 200 && status < 300 : status === 101;
    if (status < 200 && !(this.upgrades && request.wantsUpgrade)) {
      const message = `a service cannot answer with ${status}; use sendInformational for 1xx, 101 needs an upgrade request`;
      throw new HttpError("user", "UNSUPPORTED_STATUS", message);
    }
    let text = this.#statusLine(response, request.minorVersion);
    let close = !keepAlive;
    let closeSaid = false;
    let connectionSaid = false;
    let upgrade = status === 101;
    let upgradeSaid = false;
    let dated = !this.#options.autoDateHeader;
    let framed = false;
    for (let i = 0; i < headers.size; i++) {
      const role = roleOf(headers.nameAt(i));
      if (role !== ROLE_NONE) {
        if (role === ROLE_CONTENT_LENGTH || role === ROLE_TRANSFER_ENCODING || role === ROLE_TRAILER) {
          framed = true;
          continue;
        }
        if (role === ROLE_DATE) dated = true;
        if (role === ROLE_UPGRADE) upgrade = true;
        if (role === ROLE_CONNECTION) {
          connectionSaid = true;
          upgradeSaid ||= listHas(headers.valueAt(i), "upgrade");
          if (listHas(headers.valueAt(i), "close")) {
            close = true;
            closeSaid = true;
          }
        }
      }
      text += fieldLine(headers, i, this.#options);
    }
    text += this.#frame(response, request, framed);
    if (this.framing === UNTIL_CLOSE) close = true;
    this.keepAlive = !close && !this.upgrades;
    // RFC 9110 7.8: what is switched to, or could be, is said to this recipient alone.
    if (upgrade && !upgradeSaid) text += ownLine("connection", "upgrade", this.#options);
    if (this.upgrades) {
      // HTTP ends here, and says nothing of the connection any more.
    } else if (close) {
      if (!closeSaid) text += ownLine("connection", "close", this.#options);
    } else if (request.minorVersion === 0 && request.connectionKeepAlive && !connectionSaid) {
      text += ownLine("connection", "keep-alive", this.#options);
    }
    const date = dateLine(this.#options);
    if (!dated) text += date;
    text += "\r\n";
    const isRepeatable = !dated && !framed && !connectionSaid && this.keepAlive;
    if (plainLength !== undefined && isRepeatable) keepHead(status, headers, plainLength, date, text);
    return text;
  }

  /** The length of the content, if nothing but that, status, fields and date makes up the head; else `undefined`. */
  #plainLength(response: HttpResponse, request: AnsweredRequest): number | undefined {
    const { autoDateHeader, titleCaseHeaders, preserveHeaderCase } = this.#options;
    if (!autoDateHeader || titleCaseHeaders || preserveHeaderCase) return undefined;
    const { method, minorVersion } = request;
    if (minorVersion === 0 || method === "HEAD" || method === "CONNECT") return undefined;
    const { status } = response;
    if (status < 200 || status === 204 || status === 205 || status === 304) return undefined;
    // A reason phrase of its own would be among them.
    return response.extensionsIfAny === undefined ? response.body.sizeHint().exact : undefined;
  }

  #statusLine(response: HttpResponse, minorVersion: number): string {
    const phrase = response.extensionsIfAny?.get(reasonPhraseKey);
    // Status and phrase may have been set past the checks of `HttpResponse`.
    if (phrase !== undefined) {
      return `HTTP/1.${minorVersion} ${checkStatus(response.status)} ${checkReasonPhrase(phrase)}\r\n`;
    }
    const key = response.status * 2 + minorVersion;
    let line = statusLines.get(key);
    if (line === undefined) {
      const status = checkStatus(response.status);
      line = `HTTP/1.${minorVersion} ${status} ${canonicalReason(status) ?? ""}\r\n`;
      statusLines.set(key, line);
    }
    return line;
  }

  /** Decides the framing; returns the lines that announce it. */
  #frame(response: HttpResponse, request: AnsweredRequest, framed: boolean): string {
    const { status, headers } = response;
    this.length = 0;
    // RFC 9110 8.6, RFC 9112 6.1: these carry no content and announce none.
    if (this.upgrades || status === 204) {
      this.framing = NO_CONTENT;
      return "";
    }
    const declared = framed ? declaredLength(headers) : -1;
    const coded = framed && headers.has("transfer-encoding");
    if (declared >= 0 && coded) throw conflictingFraming();
    const exact = response.body.sizeHint().exact;
    // RFC 9110 15.3.6: a 205 has no content and says so.
    if (status === 205) {
      this.framing = NO_CONTENT;
      return lengthLine(0, this.#options);
    }
    // RFC 9110 9.3.2, 15.4.5: what a GET would have got may be announced, but nothing is sent.
    if (request.method === "HEAD" || status === 304) {
      this.framing = NO_CONTENT;
      if (declared >= 0) return lengthLine(declared, this.#options);
      return exact === undefined || exact === 0 || status === 304 ? "" : lengthLine(exact, this.#options);
    }
    if (coded && request.minorVersion > 0) {
      this.framing = CHUNKED;
      return this.#codedLines(headers, request);
    }
    const length = declared >= 0 ? declared : exact;
    // Announced trailers need chunked, even where the length is known.
    const trailing = framed && declared < 0 && request.minorVersion > 0 && request.acceptsTrailers;
    if (length !== undefined && !(trailing && announcedTrailers(headers) !== undefined)) {
      if (exact !== undefined && exact !== length) throw lengthMismatch(length, exact);
      this.framing = LENGTH;
      this.length = length;
      return lengthLine(length, this.#options);
    }
    if (request.minorVersion === 0) {
      this.framing = UNTIL_CLOSE;
      return "";
    }
    this.framing = CHUNKED;
    return ownLine("transfer-encoding", "chunked", this.#options) + this.#trailerLines(headers, request);
  }

  /** The transfer codings a program has set, made to end in chunked. */
  #codedLines(headers: HeaderMap, request: AnsweredRequest): string {
    const value = headers.getAll("transfer-encoding").join(", ");
    const complete = endsInChunked(headers) ? value : `${value}, chunked`;
    return ownLine("transfer-encoding", complete, this.#options) + this.#trailerLines(headers, request);
  }

  #trailerLines(headers: HeaderMap, request: AnsweredRequest): string {
    if (!headers.has("trailer")) return "";
    // RFC 9110 6.5.1: trailers are for those who said they can take them.
    if (request.acceptsTrailers) this.trailerNames = announcedTrailers(headers);
    return ownLine("trailer", headers.getAll("trailer").join(", "), this.#options);
  }
}
