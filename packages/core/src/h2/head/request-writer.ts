/**
 * Writes request heads (RFC 9113 section 8.3.1): method and target as pseudo-header fields, and fields.
 */
import { all, TOKEN } from "../../bytes/ascii.ts";
import { HttpError, quote } from "../../error.ts";
import { lengthMismatch } from "../../h1/framing.ts";
import { isHostField } from "../../message/authority.ts";
import { anticipatesContent } from "../../message/method.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { contentLengthText } from "./content-length.ts";
import { fieldBytes, type HopByHop, OutgoingFields } from "./outgoing-fields.ts";
import { protocolKey } from "./protocol.ts";

export interface RequestHeadWriterOptions {
  readonly hopByHop: HopByHop;
  /** The scheme of requests whose target names none: that of the connection. */
  readonly scheme: "http" | "https";
}

export class RequestHeadWriter {
  /** The length of the content as it was declared, else as the body knows it exactly; -1 if neither, and for CONNECT. */
  length = -1;
  /** There is nothing to send behind the head: neither content nor trailers. Never for CONNECT. */
  noContent = false;
  /** Whether the content waits for 100 (Continue). */
  expectsContinue = false;
  /** CONNECT, plain or extended: what follows the head is no content. */
  isConnect = false;
  /** What the header list takes of the peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2). */
  listBytes = 0;
  readonly #connectionScheme: string;
  readonly #fields: OutgoingFields;
  #method = "";
  #protocol: string | undefined = undefined;
  /** Both empty for a plain CONNECT. */
  #scheme = "";
  #path = "";
  #authority = "";
  /** The Content-Length to send, or -1. */
  #announced = -1;

  constructor(options: RequestHeadWriterOptions) {
    this.#connectionScheme = options.scheme;
    this.#fields = new OutgoingFields(options.hopByHop, "request");
  }

  /**
   * Checks the head of `request`. The body is asked for its length and not touched otherwise.
   * @throws HttpError kind `user` if it cannot be sent.
   */
  prepare(request: HttpRequest): void {
    this.#takeStart(request);
    this.#fields.take(request.headers);
    this.#takeTarget(request);
    this.#frame(request);
    this.#count();
  }

  /**
   * As `prepare`, for content that is sent by hand: nothing is said of its length but what the program has set, and the body
   * is not asked.
   */
  prepareHead(request: HttpRequest): void {
    this.#takeStart(request);
    this.#fields.take(request.headers);
    this.#takeTarget(request);
    this.noContent = false;
    this.length = this.isConnect ? -1 : this.#fields.declaredLength();
    this.#announced = this.length;
    this.#count();
  }

  #count(): void {
    const fields = this.#fields;
    // RFC 9110 10.1.1: there is nothing to wait for without content.
    this.expectsContinue = fields.expectsContinue && !this.isConnect && !this.noContent && this.length !== 0;
    let bytes = fields.bytes + fieldBytes(":method", this.#method) + fieldBytes(":authority", this.#authority);
    if (this.#protocol !== undefined) bytes += fieldBytes(":protocol", this.#protocol);
    if (this.#path !== "") bytes += fieldBytes(":scheme", this.#scheme) + fieldBytes(":path", this.#path);
    if (this.#announced >= 0) bytes += fieldBytes("content-length", contentLengthText(this.#announced));
    this.listBytes = bytes;
  }

  /** Encodes what was prepared, once, within a block that was begun. */
  write(writer: OctetWriter, encoder: HpackEncoder): void {
    encoder.field(writer, ":method", this.#method, false);
    if (this.#protocol !== undefined) encoder.field(writer, ":protocol", this.#protocol, false);
    if (this.#path !== "") encoder.field(writer, ":scheme", this.#scheme, false);
    encoder.field(writer, ":authority", this.#authority, false);
    if (this.#path !== "") encoder.field(writer, ":path", this.#path, false);
    this.#fields.write(writer, encoder);
    if (this.#announced >= 0) encoder.field(writer, "content-length", contentLengthText(this.#announced), false);
  }

  /** Method, target and protocol can be replaced after the request was made; what is sent is checked as what is received. */
  #takeStart(request: HttpRequest): void {
    const { method } = request;
    const form = request.target.form;
    if (request.version === "HTTP/0.9") {
      throw new HttpError("user", "UNSUPPORTED_VERSION", "a request cannot be sent as HTTP/0.9");
    }
    if (method !== "GET" && method !== "POST" && (method === "" || !all(method, 0, method.length, TOKEN))) {
      throw new HttpError("user", "INVALID_METHOD", `a method must be a token (RFC 9110 9.1), got ${quote(method)}`);
    }
    const protocol = request.extensionsIfAny?.get(protocolKey);
    if (protocol !== undefined) checkProtocol(protocol, method);
    const expected = protocol !== undefined ? "absolute" : method === "CONNECT" ? "authority" : undefined;
    const fits = expected === undefined ? form !== "authority" : form === expected;
    if (!fits || (form === "asterisk" && method !== "OPTIONS")) {
      const message = `a target in ${form}-form is not for ${quote(method)} (RFC 9113 8.3.1, 8.5)`;
      throw new HttpError("user", "INVALID_TARGET", message);
    }
    this.#method = method;
    this.#protocol = protocol;
    this.isConnect = method === "CONNECT";
  }

  #takeTarget(request: HttpRequest): void {
    const { method, target } = request;
    const authority = target.authority;
    if (authority === undefined) {
      this.#scheme = this.#connectionScheme;
      this.#path = target.pathAndQuery;
      this.#authority = this.#hostAsAuthority();
      return;
    }
    this.#checkHost(authority);
    this.#authority = authority;
    if (target.form === "authority") {
      this.#scheme = "";
      this.#path = "";
      return;
    }
    const scheme = target.scheme as string;
    this.#scheme = scheme;
    // RFC 9113 8.3.1: OPTIONS of a URI without a path is of the server as a whole.
    const whole = method === "OPTIONS" && target.toString().length === scheme.length + 3 + authority.length;
    this.#path = whole ? "*" : target.pathAndQuery;
  }

  /** RFC 9113 8.3.1: the authority is not sent as Host. */
  #hostAsAuthority(): string {
    const { hosts, host } = this.#fields;
    if (hosts === 1 && host.charCodeAt(0) !== 0x3a && isHostField(host, true)) return host;
    const message = `a target without an authority needs exactly one valid Host (RFC 9113 8.3.1), got ${hosts}`;
    throw new HttpError("user", "INVALID_HOST", message);
  }

  #checkHost(authority: string): void {
    const { hosts, host } = this.#fields;
    if (hosts === 0) return;
    if (hosts === 1 && (host === authority || host.toLowerCase() === authority.toLowerCase())) return;
    const message = `Host must not differ from the target's ${quote(authority)} (RFC 9113 8.3.1)`;
    throw new HttpError("user", "INVALID_HOST", message);
  }

  /** Decides what is said of the content's length. */
  #frame(request: HttpRequest): void {
    this.noContent = false;
    this.length = -1;
    this.#announced = -1;
    // RFC 9110 9.3.6: what follows is no content.
    if (this.isConnect) return;
    const { body, method } = request;
    const declared = this.#fields.declaredLength();
    const exact = body.sizeHint().exact ?? -1;
    if (declared >= 0 && exact >= 0 && exact !== declared) throw lengthMismatch(declared, exact);
    const length = declared >= 0 ? declared : exact;
    this.length = length;
    this.noContent = length <= 0 && body.isEndStream();
    // RFC 9110 8.6: no content needs to be announced only where content is expected.
    if (declared >= 0 || length > 0 || (length === 0 && anticipatesContent(method))) this.#announced = length;
  }
}

/** RFC 8441 4. */
function checkProtocol(protocol: string, method: string): void {
  if (method !== "CONNECT") {
    const message = `a request for another protocol must be CONNECT (RFC 8441 4), got ${quote(method)}`;
    throw new HttpError("user", "INVALID_PROTOCOL", message);
  }
  if (protocol !== "" && all(protocol, 0, protocol.length, TOKEN)) return;
  throw new HttpError("user", "INVALID_PROTOCOL", `a protocol must be a token (RFC 8441 4), got ${quote(protocol)}`);
}
