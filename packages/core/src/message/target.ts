/**
 * The request target in its four forms (RFC 9112 section 3.2).
 *
 * Parsing checks the form and the bytes and keeps the text exactly as received; parts are cut out when asked for.
 */
import { all, TARGET } from "../bytes/ascii.ts";
import { quote } from "../error.ts";
import { isHostField } from "./authority.ts";

export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]{0,63}:/;

export class RequestTarget {
  readonly form: TargetForm;
  readonly #text: string;
  /** For absolute-form: where the authority starts and where the path starts. */
  readonly #authorityStart: number;
  readonly #pathStart: number;

  private constructor(form: TargetForm, text: string, authorityStart: number, pathStart: number) {
    this.form = form;
    this.#text = text;
    this.#authorityStart = authorityStart;
    this.#pathStart = pathStart;
  }

  /** `*`, for `OPTIONS` of the server as a whole. */
  static readonly asterisk: RequestTarget = new RequestTarget("asterisk", "*", 0, 0);

  /**
   * Reads a target as a server would: authority-form belongs to CONNECT and to nothing else, asterisk-form to OPTIONS.
   * `undefined` if `text` is not a target, or not one for `method`.
   */
  static tryParse(text: string, method: string): RequestTarget | undefined {
    if (method !== "CONNECT" && text.charCodeAt(0) === 0x2f) {
      return all(text, 1, text.length, TARGET) ? new RequestTarget("origin", text, 0, 0) : undefined;
    }
    return RequestTarget.#tryOthers(text, method, false);
  }

  /** As `tryParse`, but lets bytes above 0x7F pass in paths and queries, as some peers send them. */
  static tryParseLoosely(text: string, method: string): RequestTarget | undefined {
    if (method !== "CONNECT" && text.charCodeAt(0) === 0x2f) {
      return isLoosely(text, 1) ? new RequestTarget("origin", text, 0, 0) : undefined;
    }
    return RequestTarget.#tryOthers(text, method, true);
  }

  static #tryOthers(text: string, method: string, loose: boolean): RequestTarget | undefined {
    if (method === "CONNECT") {
      // RFC 9112 3.2.3: host and port, both of them; the port is needed even when the scheme would have a default.
      if (!isHostField(text, true) || !/[^:]:0*[1-9][0-9]*$/.test(text)) return undefined;
      return new RequestTarget("authority", text, 0, text.length);
    }
    if (text === "*") return method === "OPTIONS" ? RequestTarget.asterisk : undefined;
    const scheme = schemePattern.exec(text);
    if (scheme === null) return undefined;
    const schemeEnd = scheme[0].length;
    if (!text.startsWith("//", schemeEnd)) return undefined;
    const authorityStart = schemeEnd + 2;
    let pathStart = authorityStart;
    for (; pathStart < text.length; pathStart++) {
      const unit = text.charCodeAt(pathStart);
      if (unit === 0x2f || unit === 0x3f) break;
    }
    const authority = text.slice(authorityStart, pathStart);
    // RFC 9110 4.2.1, 4.2.4: an http URI has a host, and user information in one that is received is an error.
    if (authority === "" || authority.startsWith(":") || !isHostField(authority, true)) return undefined;
    const rest = loose ? isLoosely(text, pathStart) : all(text, pathStart, text.length, TARGET);
    return rest ? new RequestTarget("absolute", text, authorityStart, pathStart) : undefined;
  }

  /**
   * Reads a target to be sent; a fragment is dropped, since it never leaves the client (RFC 9110 7.1).
   * @throws TypeError if `text` is not a target for `method`, or holds anything but URI characters.
   */
  static parse(text: string, method = "GET"): RequestTarget {
    const hash = text.indexOf("#");
    const target = RequestTarget.tryParse(hash < 0 ? text : text.slice(0, hash), method);
    if (target !== undefined) return target;
    throw new TypeError(`request target for ${quote(method)} must be ${expectedForm(method)}, got ${quote(text)}`);
  }

  /** The path, without the query; `/` for an absolute-form without one, empty for authority-form, `*` for asterisk-form. */
  get path(): string {
    const query = this.#text.indexOf("?", this.#pathStart);
    const path = this.#text.slice(this.#pathStart, query < 0 ? this.#text.length : query);
    return path === "" && this.form === "absolute" ? "/" : path;
  }

  /** What follows the first `?`, or `undefined` if there is none. */
  get query(): string | undefined {
    const query = this.#text.indexOf("?", this.#pathStart);
    return query < 0 ? undefined : this.#text.slice(query + 1);
  }

  /** Path and query as an origin-form would carry them. */
  get pathAndQuery(): string {
    const text = this.#text.slice(this.#pathStart);
    return this.form === "absolute" && text.charCodeAt(0) !== 0x2f ? `/${text}` : text;
  }

  /** The scheme of an absolute-form, lower-case. */
  get scheme(): string | undefined {
    return this.form === "absolute" ? this.#text.slice(0, this.#authorityStart - 3).toLowerCase() : undefined;
  }

  /** Host and, if given, port of an absolute-form or authority-form, as received. */
  get authority(): string | undefined {
    if (this.form === "origin" || this.form === "asterisk") return undefined;
    return this.#text.slice(this.#authorityStart, this.#pathStart);
  }

  /** The target as it stands in the request line. */
  toString(): string {
    return this.#text;
  }
}

function expectedForm(method: string): string {
  return method === "CONNECT"
    ? "host:port (RFC 9112 3.2.3)"
    : "a path starting with '/', an absolute URI, or '*' with OPTIONS (RFC 9112 3.2)";
}

function isLoosely(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x80 && !all(text, i, i + 1, TARGET)) return false;
  }
  return true;
}
