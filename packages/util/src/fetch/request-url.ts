/**
 * The URL of a received request (RFC 9110 7.1, RFC 9112 3.3), in the one spelling the URL standard gives it.
 *
 * The authority is the target's, else Host; the scheme is the transport's, never what the peer says on HTTP/1. Fields such as
 * X-Forwarded-Proto say what whoever is in front says, which may be anybody: they count only where a program asks for it. Most
 * targets are spelled right already, and cost one look; hosts are few, and are parsed once.
 */
import { HttpError, type HttpRequest } from "@sluice/core";

export interface UrlOptions {
  /** The scheme, if it is known. */
  readonly scheme: "http" | "https" | undefined;
  /** What stands for the host where the request names none. */
  readonly defaultHost: string;
  /** X-Forwarded-Proto and X-Forwarded-Host are those of a proxy in front. */
  readonly trustProxy: boolean;
}

/** Hosts that are remembered, by what was received; a client that sends others all the time gains nothing. */
const maxRemembered = 256;
const maxRememberedLength = 300;

/** Characters that the URL standard leaves as they are, both in a path and in a query. */
const plainTarget = /^\/[A-Za-z0-9\-._~!$&()*+,;=:@%/?]*$/;
/** Path segments that are taken out. */
const dotSegment = /\/(?:\.|%2e)/i;

export class RequestUrls {
  readonly #options: UrlOptions;
  readonly #origins = new Map<string, string>();
  /** The last of them, which the next request most often asks for again. */
  #last = { scheme: "", host: "", origin: "" };

  constructor(options: UrlOptions) {
    this.#options = options;
  }

  /** @throws HttpError kind `parse`, code `URL_INVALID`, status 400, if there is no such URL. */
  urlOf(request: HttpRequest): string {
    const { target } = request;
    const origin = this.#originOf(request);
    // RFC 9112 3.3: those of authority-form and asterisk-form have no path.
    const isRooted = target.form === "origin" || target.form === "absolute";
    const path = isRooted ? target.pathAndQuery : "/";
    if (plainTarget.test(path) && !dotSegment.test(path)) return origin + path;
    const url = tryParse(origin + path);
    // A path that begins with two slashes stays one; anything else that moves the host is not a path.
    if (url === undefined || url.origin !== origin) throw invalid("target", path);
    return url.href;
  }

  #originOf(request: HttpRequest): string {
    const { scheme: given, defaultHost, trustProxy } = this.#options;
    // HTTP/2 always names a scheme; an absolute target on HTTP/1 is for proxies, and says nothing about this connection.
    const named = request.version === "HTTP/2" ? request.target.scheme : undefined;
    let scheme: string = given ?? (named === "https" ? "https" : "http");
    let host = request.authority || defaultHost;
    if (trustProxy) {
      const proto = lastOf(request, "x-forwarded-proto");
      if (proto === "http" || proto === "https") scheme = proto;
      host = lastOf(request, "x-forwarded-host") ?? host;
    }
    if (host === this.#last.host && scheme === this.#last.scheme) return this.#last.origin;
    const origin = this.#remembered(scheme, host);
    this.#last = { scheme, host, origin };
    return origin;
  }

  #remembered(scheme: string, host: string): string {
    const text = `${scheme}://${host}`;
    const remembered = this.#origins.get(text);
    if (remembered !== undefined) return remembered;
    const url = tryParse(`${text}/`);
    // A host and a port, and nothing else.
    if (url === undefined || url.href !== `${url.origin}/`) throw invalid("host", host);
    if (text.length > maxRememberedLength) return url.origin;
    if (this.#origins.size >= maxRemembered) this.#origins.clear();
    this.#origins.set(text, url.origin);
    return url.origin;
  }
}

function tryParse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** The value that the nearest proxy has added. */
function lastOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers.getJoined(name)?.split(",").at(-1)?.trim();
  return value === "" ? undefined : value;
}

function invalid(what: string, text: string): HttpError {
  const shown = JSON.stringify(text.slice(0, 64));
  return new HttpError("parse", "URL_INVALID", `the ${what} of the request is not one of a URL: ${shown}`, {
    status: 400,
  });
}
