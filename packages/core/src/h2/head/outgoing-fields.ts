/**
 * The fields of outgoing messages: which of them are sent, and what the connection has to know of them (RFC 9113 sections
 * 8.1, 8.2).
 *
 * A map is looked through once before anything is written, so that what cannot be sent leaves no trace in the encoder's
 * table. Names and values were checked when they entered the map. Content-Length is always left to the head's writer,
 * and so is Host in requests.
 */
import { HeaderMap } from "@sluice/body";
import { HttpError, quote } from "../../error.ts";
import { declaredLength, forbiddenTrailers } from "../../h1/framing.ts";
import { listHas, trimOws } from "../../h1/lists.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import {
  SPECIAL_CONNECTION,
  SPECIAL_CONTENT_LENGTH,
  SPECIAL_COOKIE,
  SPECIAL_DATE,
  SPECIAL_EXPECT,
  SPECIAL_HOST,
  SPECIAL_TE,
  specialOf,
} from "../hpack/special-names.ts";
import { entryOverheadBytes } from "../hpack/static-table.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { parseContentLength } from "./content-length.ts";
import { countCrumbs, crumbEnd, crumbGap } from "./cookie-crumbs.ts";

/**
 * What becomes of connection-specific fields (RFC 9113 section 8.2.2): they are left out, along with those that a
 * `Connection` field names, as a message of HTTP/1 may be passed on; or the message is refused.
 */
export type HopByHop = "strip" | "refuse";

const noFields = new HeaderMap();

/** The lines of one message's head, looked through by `take`. */
export class OutgoingFields {
  /** What the lines take of the peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2). */
  bytes = 0;
  dated = false;
  /** Whether a `Connection` field asks for the end of the connection. */
  closes = false;
  expectsContinue = false;
  /** The number of Host lines, and the last value. */
  hosts = 0;
  host = "";
  readonly #strips: boolean;
  readonly #isRequest: boolean;
  #headers: HeaderMap = noFields;
  /** The number of Content-Length lines, and the last value. */
  #lengths = 0;
  #length = "";
  /** Whether all lines are sent, each as it is. */
  #plain = true;
  /** The names that a `Connection` field holds, but for those with a rule of their own. */
  #named: Set<string> | undefined = undefined;

  constructor(hopByHop: HopByHop, of: "request" | "response") {
    this.#strips = hopByHop === "strip";
    this.#isRequest = of === "request";
  }

  /** @throws HttpError kind `user` if the lines cannot be sent. */
  take(headers: HeaderMap): void {
    this.#headers = headers;
    this.#plain = true;
    this.#named = undefined;
    this.#lengths = 0;
    this.#length = "";
    this.dated = false;
    this.closes = false;
    this.expectsContinue = false;
    this.hosts = 0;
    this.host = "";
    const size = headers.size;
    let bytes = 0;
    for (let at = 0; at < size; at++) {
      const name = headers.nameAt(at);
      const value = headers.valueAt(at);
      const special = outgoingSpecial(name);
      if (special === 0 || this.#look(special, name, value)) bytes += entryOverheadBytes + name.length + value.length;
    }
    this.bytes = this.#plain ? bytes : this.#sentBytes();
  }

  /**
   * The Content-Length the program has set, or -1.
   * @throws HttpError kind `user` if it is not one number.
   */
  declaredLength(): number {
    if (this.#lengths === 0) return -1;
    const length = this.#lengths === 1 ? parseContentLength(this.#length) : -1;
    return length < 0 ? declaredLength(this.#headers) : length;
  }

  /** Encodes the lines that are sent, and forgets them. */
  write(writer: OctetWriter, encoder: HpackEncoder): void {
    const headers = this.#headers;
    this.#headers = noFields;
    if (this.#plain) {
      encoder.fields(writer, headers);
      return;
    }
    const size = headers.size;
    for (let at = 0; at < size; at++) {
      const name = headers.nameAt(at);
      const value = headers.valueAt(at);
      const special = outgoingSpecial(name);
      if (!this.#sends(special, name, value)) continue;
      if (special === SPECIAL_COOKIE && this.#isRequest) writeCrumbs(writer, encoder, value, headers.sensitiveAt(at));
      else encoder.field(writer, name, special === SPECIAL_TE ? "trailers" : value, headers.sensitiveAt(at));
    }
  }

  /** Notes what a field means; true if it is sent as it is, unless a `Connection` field names it. */
  #look(special: number, name: string, value: string): boolean {
    switch (special) {
      case SPECIAL_CONTENT_LENGTH:
        this.#lengths++;
        this.#length = value;
        break;
      case SPECIAL_CONNECTION:
        if (!this.#strips) throw connectionSpecific(name);
        if (name === "connection") this.#lookAtConnection(value);
        break;
      case SPECIAL_TE:
        if (value === "trailers") return true;
        if (!this.#strips && value.toLowerCase() !== "trailers") throw connectionSpecific(name);
        break;
      case SPECIAL_HOST:
        if (!this.#isRequest) return true;
        this.hosts++;
        this.host = value;
        break;
      case SPECIAL_COOKIE:
        if (!this.#isRequest) return true;
        break;
      case SPECIAL_EXPECT:
        if (value.toLowerCase() === "100-continue") this.expectsContinue = true;
        return true;
      case SPECIAL_DATE:
        this.dated = true;
        return true;
      default:
        return true;
    }
    this.#plain = false;
    return false;
  }

  #lookAtConnection(value: string): void {
    if (value === "keep-alive") return;
    for (const element of value.split(",")) {
      const name = trimOws(element).toLowerCase();
      if (name === "close") this.closes = true;
      else if (outgoingSpecial(name) === 0) {
        this.#named ??= new Set();
        this.#named.add(name);
      }
    }
  }

  /** Whether a line is sent at all; what the head's writer sends itself is not. */
  #sends(special: number, name: string, value: string): boolean {
    switch (special) {
      case SPECIAL_CONTENT_LENGTH:
      case SPECIAL_CONNECTION:
        return false;
      case SPECIAL_HOST:
        return !this.#isRequest;
      case SPECIAL_TE:
        return listHas(value, "trailers");
      default:
        return this.#named === undefined || !this.#named.has(name);
    }
  }

  #sentBytes(): number {
    const headers = this.#headers;
    const size = headers.size;
    let bytes = 0;
    for (let at = 0; at < size; at++) {
      const name = headers.nameAt(at);
      const value = headers.valueAt(at);
      const special = outgoingSpecial(name);
      if (!this.#sends(special, name, value)) continue;
      if (special === SPECIAL_TE) {
        bytes += fieldBytes("te", "trailers");
      } else if (special === SPECIAL_COOKIE && this.#isRequest) {
        const crumbs = countCrumbs(value);
        bytes += crumbs * fieldBytes(name, "") + value.length - (crumbs - 1) * crumbGap;
      } else {
        bytes += fieldBytes(name, value);
      }
    }
    return bytes;
  }
}

/** What a field takes of a header list (RFC 9113 section 6.5.2). */
export function fieldBytes(name: string, value: string): number {
  return entryOverheadBytes + name.length + value.length;
}

/** @throws HttpError kind `user` if `peer` does not take a header list of this size (RFC 9113 section 6.5.2). */
export function checkListBytes(bytes: number, most: number, peer: "client" | "server"): void {
  if (bytes <= most) return;
  const message = `the ${peer} takes header lists of at most ${most} octets, got ${bytes}`;
  throw new HttpError("user", "HEADER_LIST_TOO_LARGE", message);
}

/**
 * What of `headers` may be sent behind content: no connection-specific fields, nor framing, routing and what is needed
 * before the content (RFC 9110 section 6.5.1). The map itself if that is all of it.
 * @throws HttpError kind `user` if something else is in it and `hopByHop` is `refuse`.
 */
export function prepareTrailers(headers: HeaderMap, hopByHop: HopByHop): HeaderMap {
  const size = headers.size;
  let at = 0;
  while (at < size && isTrailer(headers.nameAt(at))) at++;
  if (at === size) return headers;
  if (hopByHop === "refuse") {
    const name = headers.nameAt(at);
    if (specialOf(name) === SPECIAL_CONNECTION) throw connectionSpecific(name);
    const message = `a field needed before the content cannot be a trailer (RFC 9110 6.5.1), got ${quote(name)}`;
    throw new HttpError("user", "FORBIDDEN_TRAILER", message);
  }
  const kept = new HeaderMap();
  for (let i = 0; i < size; i++) {
    const name = headers.nameAt(i);
    if (!isTrailer(name)) continue;
    kept.appendParsed(name, headers.valueAt(i));
    if (headers.sensitiveAt(i)) kept.setSensitiveAt(kept.size - 1, true);
  }
  return kept;
}

/** Encodes all lines of `headers` as they are, within a block that was begun. */
export function writeFields(writer: OctetWriter, encoder: HpackEncoder, headers: HeaderMap): void {
  encoder.fields(writer, headers);
}

function isTrailer(name: string): boolean {
  return outgoingSpecial(name) !== SPECIAL_CONNECTION && !forbiddenTrailers.has(name);
}

/** The meaning of a name for what is sent; names of other lengths than these have none. */
function outgoingSpecial(name: string): number {
  switch (name.length) {
    case 2:
    case 4:
    case 6:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      return specialOf(name);
    default:
      return 0;
  }
}

function writeCrumbs(writer: OctetWriter, encoder: HpackEncoder, value: string, sensitive: boolean): void {
  let start = 0;
  for (let end = crumbEnd(value, 0); end < value.length; end = crumbEnd(value, start)) {
    encoder.field(writer, "cookie", value.slice(start, end), sensitive);
    start = end + crumbGap;
  }
  encoder.field(writer, "cookie", start === 0 ? value : value.slice(start), sensitive);
}

function connectionSpecific(name: string): HttpError {
  const message = `connection-specific fields cannot be sent (RFC 9113 8.2.2), got ${quote(name)}`;
  return new HttpError("user", "CONNECTION_SPECIFIC_FIELD", message);
}
