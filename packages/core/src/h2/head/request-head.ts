/**
 * Received request heads (RFC 9113 section 8.3.1): pseudo-header fields and fields, checked, and the request they make.
 *
 * What a connection repeats is checked once: a path or an authority that was good last time is good again, and the
 * comparison is one of pointers where the string comes from a table.
 */
import { all, TARGET, TOKEN } from "../../bytes/ascii.ts";
import { quote } from "../../error.ts";
import { isHostField } from "../../message/authority.ts";
import { HttpRequest } from "../../message/request.ts";
import { RequestTarget } from "../../message/target.ts";
import {
  SPECIAL_AUTHORITY,
  SPECIAL_COOKIE,
  SPECIAL_EXPECT,
  SPECIAL_FORWARDED,
  SPECIAL_HOST,
  SPECIAL_METHOD,
  SPECIAL_PATH,
  SPECIAL_PRIORITY,
  SPECIAL_PROTOCOL,
  SPECIAL_SCHEME,
} from "../hpack/special-names.ts";
import { FIELD_SENSITIVE } from "../hpack/static-table.ts";
import type { Http2Error } from "../http2-error.ts";
import { MessageHead, pseudoBit } from "./message-head.ts";
import { protocolKey } from "./protocol.ts";

const METHOD_SEEN = pseudoBit(SPECIAL_METHOD);
const SCHEME_SEEN = pseudoBit(SPECIAL_SCHEME);
const PATH_SEEN = pseudoBit(SPECIAL_PATH);
const PROTOCOL_SEEN = pseudoBit(SPECIAL_PROTOCOL);
/** What every request has but a plain CONNECT. */
const REQUIRED = METHOD_SEEN | SCHEME_SEEN | PATH_SEEN;

const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]*$/;

export class RequestHead extends MessageHead {
  method = "";
  scheme = "";
  authority: string | undefined = undefined;
  path = "";
  /** What an extended CONNECT asks for (RFC 8441). */
  protocol: string | undefined = undefined;
  /** Whether 100 (Continue) is waited for; never if there is no content (RFC 9110 10.1.1). */
  expectsContinue = false;
  /** The value of Priority (RFC 9218), several lines joined. */
  priority: string | undefined = undefined;
  /** Whether an intermediary says that it has passed the request on. */
  forwarded = false;
  protected override readonly kind: string = "a request";
  #hosts = 0;
  #host = "";
  /** The crumbs of `cookie` joined, how many there are, and where the line of the first is. */
  #cookie = "";
  #crumbs = 0;
  #cookieAt = 0;
  #cookieSensitive = false;
  /** Good ones of earlier requests. */
  #knownAuthority: string | undefined = undefined;
  #knownPath = "/";
  /** The target of a plain CONNECT. */
  #tunnel: RequestTarget | undefined = undefined;

  override begin(): void {
    super.begin();
    this.method = "";
    this.scheme = "";
    this.authority = undefined;
    this.path = "";
    this.protocol = undefined;
    this.expectsContinue = false;
    this.priority = undefined;
    this.forwarded = false;
    this.#hosts = 0;
    this.#host = "";
    this.#cookie = "";
    this.#crumbs = 0;
    this.#cookieSensitive = false;
    this.#tunnel = undefined;
  }

  /**
   * To be called behind the block's end, unless the list was over the decoder's limit: the stream error, if the request
   * broke a rule. `extendedConnect` tells whether our SETTINGS_ENABLE_CONNECT_PROTOCOL is 1.
   */
  check(streamId: number, endStream: boolean, extendedConnect: boolean): Http2Error | undefined {
    if (this.isGood) {
      if (this.method === "CONNECT") this.#checkConnect(extendedConnect);
      else this.#checkOrdinary();
      this.#checkHost();
      this.#checkContent(endStream);
      if (this.#crumbs > 1) this.#joinCookie();
    }
    return this.problem(streamId);
  }

  /** The request, without its content. */
  toRequest(): HttpRequest {
    const request = new HttpRequest(this.method, this.#target(), this.headers).withVersion("HTTP/2");
    if (this.protocol !== undefined) request.extension(protocolKey, this.protocol);
    return request;
  }

  protected override take(special: number, value: string): boolean {
    switch (special) {
      case SPECIAL_METHOD:
        this.method = value;
        return true;
      case SPECIAL_SCHEME:
        this.scheme = value;
        return true;
      case SPECIAL_AUTHORITY:
        this.authority = value;
        return true;
      case SPECIAL_PATH:
        this.path = value;
        return true;
      case SPECIAL_PROTOCOL:
        this.protocol = value;
        return true;
      default:
        return false;
    }
  }

  protected override special(special: number, name: string, value: string, flags: number): boolean {
    switch (special) {
      case SPECIAL_COOKIE:
        return this.#takeCookie(value, (flags & FIELD_SENSITIVE) !== 0);
      case SPECIAL_HOST:
        this.#hosts++;
        this.#host = value;
        return true;
      case SPECIAL_EXPECT:
        if (value.toLowerCase() === "100-continue") this.expectsContinue = true;
        return true;
      case SPECIAL_PRIORITY:
        this.priority = this.priority === undefined ? value : `${this.priority}, ${value}`;
        return true;
      case SPECIAL_FORWARDED:
        this.forwarded = true;
        return true;
      default:
        return super.special(special, name, value, flags);
    }
  }

  #checkOrdinary(): void {
    const { method, path } = this;
    if ((this.seen & (REQUIRED | PROTOCOL_SEEN)) !== REQUIRED) this.#refusePseudos();
    // RFC 9110 9.1.
    if (method !== "GET" && method !== "POST" && (method === "" || !all(method, 0, method.length, TOKEN))) {
      this.refuse("INVALID_METHOD", `:method must be a token, got ${quote(method)} (RFC 9113 8.3.1)`);
    }
    this.#checkScheme();
    if (path !== this.#knownPath && !(path === "*" && method === "OPTIONS")) this.#checkPath();
    if (this.authority !== undefined && this.authority !== this.#knownAuthority) this.#checkAuthority(this.authority);
  }

  #refusePseudos(): void {
    if ((this.seen & METHOD_SEEN) === 0) this.missing(":method", "RFC 9113 8.3.1");
    else if ((this.seen & PROTOCOL_SEEN) !== 0) {
      const message = `:protocol must come with the method CONNECT, got ${quote(this.method)} (RFC 8441 4)`;
      this.refuse("PSEUDO_FIELD_FORBIDDEN", message);
    } else if ((this.seen & SCHEME_SEEN) === 0) this.missing(":scheme", "RFC 9113 8.3.1");
    else this.missing(":path", "RFC 9113 8.3.1");
  }

  /** RFC 9113 8.5, RFC 8441 4. */
  #checkConnect(extended: boolean): void {
    const { seen, protocol, authority } = this;
    if (protocol !== undefined) {
      if (!extended) {
        const message = ":protocol must not come without our SETTINGS_ENABLE_CONNECT_PROTOCOL";
        this.refuse("EXTENDED_CONNECT_DISABLED", `${message}, got ${quote(protocol)} (RFC 8441 3)`);
      }
      if (protocol === "" || !all(protocol, 0, protocol.length, TOKEN)) {
        this.refuse("INVALID_PROTOCOL", `:protocol must be a token, got ${quote(protocol)} (RFC 8441 4)`);
      }
      if ((seen & SCHEME_SEEN) === 0) this.missing(":scheme", "RFC 8441 4");
      if ((seen & PATH_SEEN) === 0) this.missing(":path", "RFC 8441 4");
      if (authority === undefined) this.missing(":authority", "RFC 8441 4");
      this.#checkScheme();
      if (this.path !== this.#knownPath) this.#checkPath();
      if (authority !== undefined && authority !== this.#knownAuthority) this.#checkAuthority(authority);
      return;
    }
    if ((seen & (SCHEME_SEEN | PATH_SEEN)) !== 0) {
      const name = (seen & SCHEME_SEEN) !== 0 ? ":scheme" : ":path";
      const message = `CONNECT must have no pseudo-header fields but :method and :authority, got "${name}"`;
      this.refuse("PSEUDO_FIELD_FORBIDDEN", `${message} (RFC 9113 8.5)`);
    }
    if (authority === undefined) {
      this.missing(":authority", "RFC 9113 8.5");
      return;
    }
    this.#tunnel = RequestTarget.tryParse(authority, "CONNECT");
    if (this.#tunnel === undefined) {
      const message = `:authority must be host and port, got ${shownAuthority(authority)} (RFC 9113 8.5)`;
      this.refuse("INVALID_AUTHORITY", message);
    }
  }

  /** RFC 9113 8.3.1: any scheme will do. */
  #checkScheme(): void {
    const scheme = this.scheme;
    if (scheme === "https" || scheme === "http" || schemePattern.test(scheme)) return;
    this.refuse("INVALID_SCHEME", `:scheme must be a URI scheme, got ${quote(scheme)} (RFC 9113 8.3.1)`);
  }

  #checkPath(): void {
    const path = this.path;
    if (path.charCodeAt(0) === 0x2f && all(path, 1, path.length, TARGET)) {
      this.#knownPath = path;
      return;
    }
    const message = `:path must be a slash and URI characters, or "*" with OPTIONS, got ${quote(path)}`;
    this.refuse("INVALID_PATH", `${message} (RFC 9113 8.3.1)`);
  }

  /** RFC 9113 8.3.1, RFC 9110 4.2.1: a host, an optional port, and no user information. */
  #checkAuthority(authority: string): void {
    if (authority.charCodeAt(0) !== 0x3a && isHostField(authority, true)) {
      this.#knownAuthority = authority;
      return;
    }
    const message = "must be a host and an optional port";
    this.refuse("INVALID_AUTHORITY", `:authority ${message}, got ${shownAuthority(authority)} (RFC 9113 8.3.1)`);
  }

  /** RFC 9113 8.3.1, RFC 9110 7.2: at most one Host, which says the same as `:authority`. */
  #checkHost(): void {
    if (this.#hosts === 0) return;
    const host = this.#host;
    const authority = this.authority;
    if (this.#hosts > 1) {
      this.refuse("INVALID_HOST", `a request must have at most one host field, got ${this.#hosts} (RFC 9110 7.2)`);
    } else if (authority === undefined) {
      if (host === this.#knownAuthority || isHostField(host, false)) return;
      const message = `host must be a host and an optional port, got ${shownAuthority(host)} (RFC 9110 7.2)`;
      this.refuse("INVALID_HOST", message);
    } else if (host !== authority && host.toLowerCase() !== authority.toLowerCase()) {
      const message = `host must not differ from :authority ${shownAuthority(authority)}, got ${shownAuthority(host)}`;
      this.refuse("HOST_MISMATCH", `${message} (RFC 9113 8.3.1)`);
    }
  }

  #checkContent(endStream: boolean): void {
    // RFC 9110 9.3.6: what follows a CONNECT is no content.
    if (this.method === "CONNECT") this.contentLength = -1;
    if (!endStream) return;
    if (this.contentLength > 0) {
      const message = `content-length must be the length of the content, got ${this.contentLength} with END_STREAM`;
      this.refuse("CONTENT_LENGTH_WITHOUT_CONTENT", `${message} (RFC 9113 8.1.1)`);
    }
    this.expectsContinue = false;
  }

  /** RFC 9113 8.2.3: crumbs are one line for everyone else. */
  #takeCookie(value: string, sensitive: boolean): boolean {
    if (sensitive) this.#cookieSensitive = true;
    if (++this.#crumbs > 1) {
      this.#cookie += `; ${value}`;
      return false;
    }
    this.#cookie = value;
    this.#cookieAt = this.headers.size;
    return true;
  }

  #joinCookie(): void {
    const headers = this.headers;
    // The first crumb may have been one line too many.
    if (this.#cookieAt >= headers.size) return;
    headers.setValueAt(this.#cookieAt, this.#cookie);
    if (this.#cookieSensitive) headers.setSensitiveAt(this.#cookieAt, true);
  }

  #target(): RequestTarget {
    if (this.#tunnel !== undefined) return this.#tunnel;
    const { authority, path } = this;
    if (path === "*") {
      // The target of `OPTIONS *` has no place for the authority; `Host` has (RFC 9112 3.2.4).
      const headers = this.headers;
      if (authority !== undefined && this.#hosts === 0 && headers.size < headers.maxLines) {
        headers.appendParsed("host", authority);
      }
      return RequestTarget.asterisk;
    }
    return RequestTarget.ofParts(this.scheme, authority, path);
  }
}

/** User information is a credential. */
function shownAuthority(text: string): string {
  return text.includes("@") ? "one with user information" : quote(text);
}
