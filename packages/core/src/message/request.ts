/**
 * A request: method, target, version, header section and body (RFC 9110 section 6).
 *
 * Not named `Request`: that is the platform's global, and a forgotten import must not silently pick the wrong class.
 */
import { type Body, empty, type HeaderInit, HeaderMap } from "@sluice/body";
import type { Exchange } from "./exchange.ts";
import { type ExtensionKey, Extensions } from "./extensions.ts";
import { checkMethod, type Method } from "./method.ts";
import { RequestTarget } from "./target.ts";
import type { HttpVersion } from "./version.ts";

/** For connections: the exchange a request belongs to, and giving it up. Not part of the public face. */
export let attachToRequest: (request: HttpRequest, exchange: Exchange) => void;
export let exchangeOfRequest: (request: HttpRequest) => Exchange | undefined;
export let abortRequest: (request: HttpRequest, reason: unknown) => void;

/** A request: method, target, version, header section and body (RFC 9110 section 6). */
export class HttpRequest {
  method: Method;
  target: RequestTarget;
  version: HttpVersion;
  headers: HeaderMap;
  body: Body;
  #extensions: Extensions | undefined;
  #exchange: Exchange | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  /**
   * @param target A `RequestTarget`, or its text: an absolute URI, a path with an optional query, `host:port` for
   *   CONNECT, `*` for OPTIONS. A fragment is dropped.
   * @param headers A `HeaderMap` is used as it is, anything else is copied into a new one.
   * @throws TypeError if method, target or a header field cannot be sent.
   */
  constructor(method: Method, target: RequestTarget | string, headers?: HeaderInit, body?: Body) {
    this.method = checkMethod(method);
    this.target = typeof target === "string" ? RequestTarget.parse(target, method) : target;
    this.version = "HTTP/1.1";
    this.headers = HeaderMap.is(headers) ? headers : new HeaderMap(headers);
    this.body = body ?? empty();
    this.#extensions = undefined;
    this.#exchange = undefined;
    this.#controller = undefined;
    this.#aborted = undefined;
  }

  /** A GET request. @throws TypeError as the constructor does. */
  static get(target: RequestTarget | string, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("GET", target, headers);
  }
  /** A HEAD request. @throws TypeError as the constructor does. */
  static head(target: RequestTarget | string, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("HEAD", target, headers);
  }
  /** A POST request. @throws TypeError as the constructor does. */
  static post(target: RequestTarget | string, body?: Body, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("POST", target, headers, body);
  }
  /** A PUT request. @throws TypeError as the constructor does. */
  static put(target: RequestTarget | string, body?: Body, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("PUT", target, headers, body);
  }
  /** A PATCH request. @throws TypeError as the constructor does. */
  static patch(target: RequestTarget | string, body?: Body, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("PATCH", target, headers, body);
  }
  /** A DELETE request. @throws TypeError as the constructor does. */
  static delete(target: RequestTarget | string, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("DELETE", target, headers);
  }
  /** A OPTIONS request. @throws TypeError as the constructor does. */
  static options(target: RequestTarget | string, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("OPTIONS", target, headers);
  }
  /** A CONNECT request for `host:port`. @throws TypeError as the constructor does. */
  static connect(authority: RequestTarget | string, headers?: HeaderInit): HttpRequest {
    return new HttpRequest("CONNECT", authority, headers);
  }

  /** Appends a field line. @throws TypeError if it cannot be sent. */
  header(name: string, value: string): this {
    this.headers.append(name, value);
    return this;
  }

  /** Sets the version. */
  withVersion(version: HttpVersion): this {
    this.version = version;
    return this;
  }

  /** Sets the body, in place of the one there is. */
  withBody(body: Body): this {
    this.body = body;
    return this;
  }

  /** Sets a value that travels with the request. */
  extension<T>(key: ExtensionKey<T>, value: T): this {
    this.extensions.set(key, value);
    return this;
  }

  /** Values that travel with the request beside head and body. */
  get extensions(): Extensions {
    this.#extensions ??= new Extensions();
    return this.#extensions;
  }

  /** As `extensions`, but makes none if there are none. */
  get extensionsIfAny(): Extensions | undefined {
    return this.#extensions;
  }

  /**
   * Host and, if given, port the request is for: of the target if it names one, else of the `Host` field
   * (RFC 9112 3.2.2, 3.3). `undefined` if neither does.
   */
  get authority(): string | undefined {
    return this.target.authority ?? this.headers.get("host");
  }

  /**
   * On a received request: aborts when the peer or the connection gave this exchange up before the response was
   * complete, with the `HttpError` as reason; never because of a normal end. On others: never aborts.
   *
   * On HTTP/1 a client's going is noticed by reading: not while more of what it sent waits to be read, and not during an
   * exchange that may become an upgrade.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  static {
    attachToRequest = (request, exchange) => {
      request.#exchange = exchange;
    };
    exchangeOfRequest = (request) => request.#exchange;
    abortRequest = (request, reason) => {
      if (request.#aborted !== undefined) return;
      request.#aborted = { reason };
      request.#controller?.abort(reason);
    };
  }
}
