/**
 * The request target in its four forms (RFC 9112 section 3.2).
 *
 * Parsing checks the form and the bytes and keeps the parts exactly as received, so that they make up the same text.
 */
import { all, TARGET } from "../bytes/ascii.ts";
import { quote } from "../error.ts";
import { isHostField } from "./authority.ts";

/** Ports that need not be named (RFC 9110 4.2.1, 4.2.2). */
const impliedPorts: ReadonlyMap<string, string> = new Map([
  ["http", ":80"],
  ["https", ":443"],
]);

/** The four forms of a request target (RFC 9112 section 3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]{0,63}:/;

/** The target of a request, its parts kept exactly as received. Made by `parse` and its relatives. */
export class RequestTarget {
  readonly form: TargetForm;
  /** For absolute-form, as received. */
  readonly #scheme: string;
  /** For absolute-form and authority-form. */
  readonly #authority: string;
  /** What follows: path and query, both of which an absolute-form may lack; `*` for asterisk-form. */
  readonly #rest: string;

  private constructor(form: TargetForm, scheme: string, authority: string, rest: string) {
    this.form = form;
    this.#scheme = scheme;
    this.#authority = authority;
    this.#rest = rest;
  }

  /** `*`, for `OPTIONS` of the server as a whole. */
  static readonly asterisk: RequestTarget = new RequestTarget("asterisk", "", "", "*");

  /**
   * Reads a target as a server would: authority-form belongs to CONNECT and to nothing else, asterisk-form to OPTIONS.
   * `undefined` if `text` is not a target, or not one for `method`.
   */
  static tryParse(text: string, method: string): RequestTarget | undefined {
    if (method !== "CONNECT" && text.charCodeAt(0) === 0x2f) {
      return all(text, 1, text.length, TARGET) ? new RequestTarget("origin", "", "", text) : undefined;
    }
    return RequestTarget.#tryOthers(text, method, false);
  }

  /** As `tryParse`, but lets bytes above 0x7F pass in paths and queries, as some peers send them. */
  static tryParseLoosely(text: string, method: string): RequestTarget | undefined {
    if (method !== "CONNECT" && text.charCodeAt(0) === 0x2f) {
      return isLoosely(text, 1) ? new RequestTarget("origin", "", "", text) : undefined;
    }
    return RequestTarget.#tryOthers(text, method, true);
  }

  static #tryOthers(text: string, method: string, loose: boolean): RequestTarget | undefined {
    if (method === "CONNECT") {
      // RFC 9112 3.2.3: host and port, both of them; the port is needed even when the scheme would have a default.
      if (!isHostField(text, true) || !/[^:]:0*[1-9][0-9]*$/.test(text)) return undefined;
      return new RequestTarget("authority", "", text, "");
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
    if (!rest) return undefined;
    return new RequestTarget("absolute", text.slice(0, schemeEnd - 1), authority, text.slice(pathStart));
  }

  /**
   * An absolute-form of its parts, or an origin-form if there is no authority; for protocol code that has checked them.
   * Nothing is read nor put together here. `pathAndQuery` starts with a slash, `authority` has no user information.
   */
  static ofParts(scheme: string, authority: string | undefined, pathAndQuery: string): RequestTarget {
    if (authority === undefined) return new RequestTarget("origin", "", "", pathAndQuery);
    return new RequestTarget("absolute", scheme, authority, pathAndQuery);
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
    const rest = this.#rest;
    const query = rest.indexOf("?");
    const path = query < 0 ? rest : rest.slice(0, query);
    return path === "" && this.form === "absolute" ? "/" : path;
  }

  /** What follows the first `?`, or `undefined` if there is none. */
  get query(): string | undefined {
    const query = this.#rest.indexOf("?");
    return query < 0 ? undefined : this.#rest.slice(query + 1);
  }

  /** Path and query as an origin-form would carry them. */
  get pathAndQuery(): string {
    const rest = this.#rest;
    return this.form === "absolute" && rest.charCodeAt(0) !== 0x2f ? `/${rest}` : rest;
  }

  /**
   * The target as a request for `method` to the origin server itself carries it: path and query of an absolute-form, or
   * `*` where OPTIONS has neither (RFC 9112 3.2.1, 3.2.4).
   */
  originText(method: string): string {
    if (this.form !== "absolute") return this.toString();
    return this.#rest === "" && method === "OPTIONS" ? "*" : this.pathAndQuery;
  }

  /** What Host says for this target: its authority, without a port that the scheme implies (RFC 9110 4.2.3, 7.2). */
  get host(): string | undefined {
    const authority = this.authority;
    if (authority === undefined || this.form === "authority") return authority;
    const implied = impliedPorts.get(this.#scheme.toLowerCase()) ?? ":";
    if (authority.endsWith(implied)) return authority.slice(0, -implied.length);
    return authority.endsWith(":") ? authority.slice(0, -1) : authority;
  }

  /** The scheme of an absolute-form, lower-case. */
  get scheme(): string | undefined {
    return this.form === "absolute" ? this.#scheme.toLowerCase() : undefined;
  }

  /** Host and, if given, port of an absolute-form or authority-form, as received. */
  get authority(): string | undefined {
    return this.form === "origin" || this.form === "asterisk" ? undefined : this.#authority;
  }

  /** The target as it stands in the request line. */
  toString(): string {
    if (this.form === "absolute") return `${this.#scheme}://${this.#authority}${this.#rest}`;
    return this.form === "authority" ? this.#authority : this.#rest;
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
