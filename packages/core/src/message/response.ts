/**
 * A response: status, version, header section and body (RFC 9110 section 6).
 *
 * Not named `Response`: that is the platform's global, and a forgotten import must not silently pick the wrong class.
 */
import { type Body, empty, type HeaderInit, HeaderMap } from "@sluice/body";
import type { Exchange } from "./exchange.ts";
import { type ExtensionKey, Extensions } from "./extensions.ts";
import { checkReasonPhrase, reasonPhraseKey } from "./reason-phrase.ts";
import { canonicalReason, checkStatus } from "./status.ts";
import type { HttpVersion } from "./version.ts";

/** For connections: the exchange a response belongs to. Not part of the public face. */
export let attachToResponse: (response: HttpResponse, exchange: Exchange) => void;
export let exchangeOfResponse: (response: HttpResponse) => Exchange | undefined;

/** A response: status, version, header section and body (RFC 9110 section 6). */
export class HttpResponse {
  status: number;
  version: HttpVersion;
  headers: HeaderMap;
  body: Body;
  #extensions: Extensions | undefined;
  #exchange: Exchange | undefined;

  /**
   * @param headers A `HeaderMap` is used as it is, anything else is copied into a new one.
   * @throws RangeError for a status outside 100 to 999; TypeError if a header field cannot be sent.
   */
  constructor(status = 200, headers?: HeaderInit, body?: Body) {
    this.status = checkStatus(status);
    this.version = "HTTP/1.1";
    this.headers = HeaderMap.is(headers) ? headers : new HeaderMap(headers);
    this.body = body ?? empty();
    this.#extensions = undefined;
    this.#exchange = undefined;
  }

  /** Appends a field line. @throws TypeError if it cannot be sent. */
  header(name: string, value: string): this {
    this.headers.append(name, value);
    return this;
  }

  /** Sets the body, in place of the one there is. */
  withBody(body: Body): this {
    this.body = body;
    return this;
  }

  /** Sets the version. */
  withVersion(version: HttpVersion): this {
    this.version = version;
    return this;
  }

  /** Sets a reason phrase other than the registered one (HTTP/1 only). @throws TypeError if it cannot be sent. */
  withReason(phrase: string): this {
    this.extensions.set(reasonPhraseKey, checkReasonPhrase(phrase));
    return this;
  }

  /** The reason phrase: the one received or set, else the registered one, else empty. */
  get reason(): string {
    return this.#extensions?.get(reasonPhraseKey) ?? canonicalReason(this.status) ?? "";
  }

  /** Sets a value that travels with the response. */
  extension<T>(key: ExtensionKey<T>, value: T): this {
    this.extensions.set(key, value);
    return this;
  }

  /** Values that travel with the response beside head and body. */
  get extensions(): Extensions {
    this.#extensions ??= new Extensions();
    return this.#extensions;
  }

  /** As `extensions`, but makes none if there are none. */
  get extensionsIfAny(): Extensions | undefined {
    return this.#extensions;
  }

  static {
    attachToResponse = (response, exchange) => {
      response.#exchange = exchange;
    };
    exchangeOfResponse = (response) => response.#exchange;
  }
}
