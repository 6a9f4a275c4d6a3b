/**
 * Writes request heads (RFC 9112 section 3) and decides how their content is framed (section 6.3).
 */
import { all, TOKEN } from "../bytes/ascii.ts";
import { HttpError, quote } from "../error.ts";
import { isHostField } from "../message/authority.ts";
import { anticipatesContent } from "../message/method.ts";
import type { HttpRequest } from "../message/request.ts";
import {
  ROLE_CONNECTION,
  ROLE_CONTENT_LENGTH,
  ROLE_EXPECT,
  ROLE_NONE,
  ROLE_TE,
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
} from "./framing.ts";
import { listHas } from "./lists.ts";

export interface RequestHeadWriterOptions extends Spelling {
  readonly requireHost: boolean;
  readonly originForm: boolean;
}

export class RequestHeadWriter {
  /** How the content of the last head is framed. */
  framing: number = NO_CONTENT;
  /** Its length, if `framing` is `LENGTH`. */
  length = 0;
  trailerNames: ReadonlySet<string> | undefined;
  /** Whether the request lets the connection go on after it. */
  keepAlive = true;
  /** Whether the request asks to leave HTTP. */
  wantsUpgrade = false;
  /** Whether the content waits for 100 (Continue). */
  expectsContinue = false;
  readonly #options: RequestHeadWriterOptions;

  constructor(options: RequestHeadWriterOptions) {
    this.#options = options;
  }

  /**
   * The head of `request`, whose body is not touched. The `last` one on a connection says so.
   * @throws HttpError kind `user` if it cannot be sent.
   */
  write(request: HttpRequest, last = false): string {
    const { headers, method } = request;
    const minorVersion = minorVersionOf(request);
    checkStart(request);
    let text = this.#start(request, minorVersion);
    let framed = false;
    let close = false;
    let keepAlive = false;
    let te = false;
    let teSaid = false;
    let upgrade = false;
    let upgradeSaid = false;
    this.expectsContinue = false;
    for (let i = 0; i < headers.size; i++) {
      const role = roleOf(headers.nameAt(i));
      if (role !== ROLE_NONE) {
        if (role === ROLE_CONTENT_LENGTH || role === ROLE_TRANSFER_ENCODING || role === ROLE_TRAILER) {
          framed = true;
          continue;
        }
        const value = headers.valueAt(i);
        if (role === ROLE_CONNECTION) {
          close ||= listHas(value, "close");
          keepAlive ||= listHas(value, "keep-alive");
          teSaid ||= listHas(value, "te");
          upgradeSaid ||= listHas(value, "upgrade");
        } else if (role === ROLE_TE) te = true;
        else if (role === ROLE_UPGRADE) upgrade = true;
        else if (role === ROLE_EXPECT) this.expectsContinue = value.toLowerCase() === "100-continue";
      }
      text += fieldLine(headers, i, this.#options);
    }
    text += this.#frame(request, minorVersion, framed);
    // RFC 9110 10.1.4, 7.8: both are meant for this connection only, and must say so.
    if (te && !teSaid) text += ownLine("connection", "te", this.#options);
    if (upgrade && !upgradeSaid) text += ownLine("connection", "upgrade", this.#options);
    this.wantsUpgrade = method === "CONNECT" || (upgrade && minorVersion > 0);
    this.keepAlive = !close && (minorVersion > 0 || keepAlive);
    // RFC 9112 9.6. A connection that may leave HTTP does not close in the sense of HTTP.
    if (last && this.keepAlive && !this.wantsUpgrade) text += ownLine("connection", "close", this.#options);
    // RFC 9110 10.1.1: there is nothing to wait for without content.
    const hasContent = this.framing === CHUNKED || this.length > 0;
    this.expectsContinue = this.expectsContinue && minorVersion > 0 && hasContent;
    return `${text}\r\n`;
  }

  /** The request line, and Host where it follows from the target. */
  #start(request: HttpRequest, minorVersion: number): string {
    const { method, target } = request;
    const { originForm, requireHost } = this.#options;
    const line = `${method} ${originForm ? target.originText(method) : target.toString()} HTTP/1.${minorVersion}\r\n`;
    const host = originForm && !request.headers.has("host") ? target.host : undefined;
    if (host !== undefined) return line + ownLine("host", host, this.#options);
    if (requireHost && minorVersion > 0) checkHost(request);
    return line;
  }

  /** Decides the framing; returns the lines that announce it. */
  #frame(request: HttpRequest, minorVersion: number, framed: boolean): string {
    const { headers, method } = request;
    this.framing = NO_CONTENT;
    this.length = 0;
    this.trailerNames = undefined;
    // RFC 9110 9.3.6: content of CONNECT has no meaning.
    if (method === "CONNECT") return "";
    const declared = framed ? declaredLength(headers) : -1;
    const coded = framed && headers.has("transfer-encoding");
    if (declared >= 0 && coded) throw conflictingFraming();
    if (coded && minorVersion > 0) {
      const value = headers.getAll("transfer-encoding").join(", ");
      return this.#chunked(request, endsInChunked(headers) ? value : `${value}, chunked`);
    }
    const exact = request.body.sizeHint().exact;
    const length = declared >= 0 ? declared : exact;
    if (length === undefined) {
      // Without a length GET and HEAD send none of the body, and HTTP/1.0 cannot.
      if (minorVersion === 0 || method === "GET" || method === "HEAD") return "";
      return this.#chunked(request, "chunked");
    }
    // Announced trailers need chunked, even where the length is known.
    if (framed && declared < 0 && minorVersion > 0 && announcedTrailers(headers) !== undefined) {
      return this.#chunked(request, "chunked");
    }
    if (exact !== undefined && exact !== length) throw lengthMismatch(length, exact);
    // RFC 9110 8.6: no content needs to be announced only where content is expected.
    if (length === 0 && declared < 0 && !anticipatesContent(method)) return "";
    this.framing = LENGTH;
    this.length = length;
    return lengthLine(length, this.#options);
  }

  #chunked(request: HttpRequest, codings: string): string {
    this.framing = CHUNKED;
    const line = ownLine("transfer-encoding", codings, this.#options);
    if (!request.headers.has("trailer")) return line;
    this.trailerNames = announcedTrailers(request.headers);
    return line + ownLine("trailer", request.headers.getAll("trailer").join(", "), this.#options);
  }
}

/** A request made for HTTP/2 goes out as HTTP/1.1; HTTP/0.9 had no heads. */
function minorVersionOf(request: HttpRequest): number {
  if (request.version === "HTTP/0.9") {
    throw new HttpError("user", "UNSUPPORTED_VERSION", "a request cannot be sent as HTTP/0.9");
  }
  return request.version === "HTTP/1.0" ? 0 : 1;
}

/** Both can be replaced after the request was made; what is sent is checked as what is received. */
function checkStart({ method, target }: HttpRequest): void {
  if (method === "" || !all(method, 0, method.length, TOKEN)) {
    throw new HttpError("user", "INVALID_METHOD", `a method must be a token (RFC 9110 9.1), got ${quote(method)}`);
  }
  // RFC 9112 3.2.3, 3.2.4.
  const { form } = target;
  if ((form === "authority") === (method === "CONNECT") && (form !== "asterisk" || method === "OPTIONS")) return;
  throw new HttpError("user", "INVALID_TARGET", `a target in ${form}-form is not for ${quote(method)} (RFC 9112 3.2)`);
}

/** RFC 9112 3.2. */
function checkHost(request: HttpRequest): void {
  const hosts = request.headers.getAll("host");
  if (hosts.length === 1 && isHostField(hosts[0] as string, false)) return;
  const message = `an HTTP/1.1 request needs exactly one valid Host (RFC 9112 3.2), got ${hosts.length}`;
  throw new HttpError("user", "INVALID_HOST", message);
}
