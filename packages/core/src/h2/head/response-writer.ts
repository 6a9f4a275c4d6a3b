/**
 * Writes response heads (RFC 9113 section 8.3.2) and decides what of the content is sent.
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "../../error.ts";
import { httpDate } from "../../h1/date.ts";
import { lengthMismatch } from "../../h1/framing.ts";
import type { HttpResponse } from "../../message/response.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { contentLengthText } from "./content-length.ts";
import { fieldBytes, type HopByHop, OutgoingFields } from "./outgoing-fields.ts";

export interface ResponseHeadWriterOptions {
  /** A response without a Date gets one (RFC 9110 6.6.1). */
  readonly autoDateHeader: boolean;
  readonly hopByHop: HopByHop;
}

const statusTexts: string[] = new Array<string>(1000).fill("");
const statusBytes = fieldBytes(":status", "200");
const dateBytes = fieldBytes("date", "Thu, 01 Jan 1970 00:00:00 GMT");

export class ResponseHeadWriter {
  /** The length of the content as it was declared, else as the body knows it exactly; -1 if neither. */
  length = -1;
  /** Nothing of the body is sent: the request was HEAD, or the status is 204, 205 or 304. */
  noContent = false;
  /** The program said `connection: close`: the connection shuts down gracefully after this response. */
  closes = false;
  /** What the header list takes of the peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2). */
  listBytes = 0;
  readonly #autoDateHeader: boolean;
  readonly #fields: OutgoingFields;
  #status = 0;
  /** The Content-Length to send, or -1. */
  #announced = -1;
  #dates = false;

  constructor(options: ResponseHeadWriterOptions) {
    this.#autoDateHeader = options.autoDateHeader;
    this.#fields = new OutgoingFields(options.hopByHop, "response");
  }

  /**
   * Checks the head of a final response to a request with `requestMethod`, and says how it goes on. The body is asked for
   * its length and not touched otherwise.
   * @throws HttpError kind `user` if it cannot be sent.
   */
  prepare(response: HttpResponse, requestMethod: string): void {
    const { status, headers } = response;
    // The status may have been set past the checks of `HttpResponse`. RFC 9113 8.6: there is no 101.
    if (!(status >= 200 && status <= 999 && Number.isInteger(status))) throw unsupported(status);
    this.#fields.take(headers);
    this.#status = status;
    this.#frame(response, requestMethod);
    this.#count();
  }

  /**
   * As `prepare`, for content that is sent by hand: nothing is said of its length but what the program has set, and the body
   * is not asked.
   */
  prepareHead(response: HttpResponse, requestMethod: string): void {
    const { status, headers } = response;
    if (!(status >= 200 && status <= 999 && Number.isInteger(status))) throw unsupported(status);
    this.#fields.take(headers);
    this.#status = status;
    this.noContent = false;
    // RFC 9110 8.6: nothing is said of the length of no content.
    const silent = status === 204 || (requestMethod === "CONNECT" && status < 300);
    this.length = silent ? -1 : this.#fields.declaredLength();
    this.#announced = this.length;
    this.#count();
  }

  #count(): void {
    const fields = this.#fields;
    this.closes = fields.closes;
    this.#dates = this.#autoDateHeader && !fields.dated;
    let bytes = statusBytes + fields.bytes;
    if (this.#announced >= 0) bytes += fieldBytes("content-length", contentLengthText(this.#announced));
    if (this.#dates) bytes += dateBytes;
    this.listBytes = bytes;
  }

  /**
   * Checks the head of an informational response; `status` is from 100 to 199 and not 101.
   * @throws HttpError kind `user` if it cannot be sent.
   */
  prepareInformational(status: number, headers: HeaderMap): void {
    this.#fields.take(headers);
    this.#status = status;
    // RFC 9110 8.6, 15.2: no content, and nothing said of any.
    this.#announced = -1;
    this.#dates = false;
    this.length = -1;
    this.noContent = true;
    this.closes = false;
    this.listBytes = statusBytes + this.#fields.bytes;
  }

  /** Encodes what was prepared, once, within a block that was begun. */
  write(writer: OctetWriter, encoder: HpackEncoder): void {
    encoder.field(writer, ":status", statusText(this.#status), false);
    this.#fields.write(writer, encoder);
    if (this.#announced >= 0) encoder.field(writer, "content-length", contentLengthText(this.#announced), false);
    if (this.#dates) encoder.field(writer, "date", httpDate(), false);
  }

  /** Decides what is sent of the body, and what is said of its length. */
  #frame(response: HttpResponse, requestMethod: string): void {
    const status = response.status;
    this.noContent = false;
    this.length = -1;
    this.#announced = -1;
    // RFC 9110 9.3.6: what follows is no content.
    if (requestMethod === "CONNECT" && status < 300) return;
    // RFC 9110 8.6: no content, and nothing said of it.
    if (status === 204) {
      this.noContent = true;
      this.length = 0;
      return;
    }
    const declared = this.#fields.declaredLength();
    // RFC 9110 15.3.6: a 205 has no content and says so.
    if (status === 205) {
      this.noContent = true;
      this.length = 0;
      this.#announced = 0;
      return;
    }
    const exact = response.body.sizeHint().exact ?? -1;
    // RFC 9110 9.3.2, 15.4.5: what a GET would have got may be announced, but nothing is sent.
    if (requestMethod === "HEAD" || status === 304) {
      this.noContent = true;
      this.#announced = declared < 0 && exact > 0 && status !== 304 ? exact : declared;
      this.length = this.#announced;
      return;
    }
    if (declared >= 0 && exact >= 0 && exact !== declared) throw lengthMismatch(declared, exact);
    this.length = declared >= 0 ? declared : exact;
    this.#announced = this.length;
  }
}

function statusText(status: number): string {
  let text = statusTexts[status] as string;
  if (text === "") {
    text = String(status);
    statusTexts[status] = text;
  }
  return text;
}

function unsupported(status: number): HttpError {
  const message = "a service cannot answer with";
  return new HttpError("user", "UNSUPPORTED_STATUS", `${message} ${String(status)}; use sendInformational for 1xx`);
}
