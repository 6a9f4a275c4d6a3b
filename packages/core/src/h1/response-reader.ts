/**
 * The receiving half of a client connection: reads one response after another and hands each to the exchange that waits for
 * it (RFC 9112 sections 4, 6.3, 9.2).
 *
 * Bytes that belong to no request mean that the two sides disagree about where messages end: they are an error before they
 * can pass for a response.
 */
import { type Body, empty, HeaderMap } from "@sluice/body";
import type { Driver } from "../driver/driver.ts";
import { asHttpError, HttpError } from "../error.ts";
import { reasonPhraseKey } from "../message/reason-phrase.ts";
import { attachToResponse, HttpResponse } from "../message/response.ts";
import { canonicalReason } from "../message/status.ts";
import type { Observer } from "../observer.ts";
import type { Timer } from "../rt/io.ts";
import { type BodyDecoder, ChunkedDecoder, CloseDecoder, LengthDecoder } from "./body-decoder.ts";
import { BodyReceiver, type BodyReceiverOwner, bodyTooLarge, type Drained } from "./body-receiver.ts";
import { unexpectedBytes, unexpectedUpgrade } from "./client-errors.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { TRANSFER_CHUNKED, TRANSFER_NONE } from "./head-reader.ts";
import { isHttp09 } from "./http09.ts";
import type { ResolvedClientOptions } from "./options.ts";
import { ResponseHeadReader } from "./response-head-reader.ts";

export interface ResponseReaderOwner {
  /** The exchange whose response comes next; `undefined` if there is none to come. */
  readonly awaiting: ClientExchange | undefined;
  /** Whether heads are read; false once the connection is over or leaves HTTP. */
  readonly readsHeads: boolean;
  /** The server asks for the content. */
  continued(exchange: ClientExchange): void;
  /** A final head came; if `last`, the server says nothing after this response. The exchange is not answered yet. */
  answering(exchange: ClientExchange, last: boolean): void;
  /** HTTP ends here. */
  switched(exchange: ClientExchange): void;
  /** The oldest exchange has its whole response. */
  responseReceived(): void;
  /** The content was given up by its reader, and the rest of it is not at hand. */
  responseAbandoned(): void;
  /** What comes is no response that can be taken. */
  responseFailed(error: HttpError): void;
}

export class ResponseReader implements BodyReceiverOwner {
  /** Final responses so far. */
  answered = 0;
  readonly #driver: Driver;
  readonly #owner: ResponseReaderOwner;
  readonly #options: ResolvedClientOptions;
  readonly #observer: Observer | undefined;
  readonly #head: ResponseHeadReader;
  readonly #receiver: BodyReceiver;
  /** The content was given up, and the rest of it is dropped as it comes. */
  #dropping = false;

  /** @param bodySlot The deadline of `driver` for content. */
  constructor(
    driver: Driver,
    owner: ResponseReaderOwner,
    options: ResolvedClientOptions,
    timer: Timer | null,
    observer: Observer | undefined,
    bodySlot: number,
  ) {
    this.#driver = driver;
    this.#owner = owner;
    this.#options = options;
    this.#observer = observer;
    this.#head = new ResponseHeadReader(options);
    this.#receiver = new BodyReceiver(driver, this, options, timer, bodySlot);
  }

  /** Whether content is being received. */
  get active(): boolean {
    return this.#receiver.active;
  }

  get wantsRead(): boolean {
    return !this.#receiver.active || this.#receiver.wantsRead;
  }

  /** Whether nothing has come of the response that is awaited. */
  get isUntouched(): boolean {
    return !this.#receiver.active && !this.#head.begun && this.#driver.input.length === 0;
  }

  /** Bytes have arrived. */
  receive(): void {
    this.#receiver.received();
    if (this.#dropping) this.#drop(this.#options.maxDrainBytes);
    else this.#advance();
  }

  /** The server has ended its stream while content was being received. */
  inputEnded(): void {
    if (this.#dropping) this.#owner.responseAbandoned();
    else this.#receiver.inputEnded();
  }

  /** The wait for content was too long. */
  expired(): void {
    this.#receiver.expired();
  }

  /** Fails the content being received. */
  stop(error: HttpError): void {
    this.#receiver.stop(error);
  }

  /** Gives the response whose head was read last to its exchange. */
  deliver(exchange: ClientExchange, body: Body): HttpResponse {
    const head = this.#head;
    const response = new HttpResponse(head.status, head.headers, body);
    if (head.minorVersion === 0) response.version = "HTTP/1.0";
    if (head.reason !== (canonicalReason(head.status) ?? "")) response.extension(reasonPhraseKey, head.reason);
    attachToResponse(response, exchange);
    head.reset();
    this.#observer?.responseStarted?.(exchange.request, response);
    exchange.answer(response);
    return response;
  }

  contentWanted(): void {}

  contentReceived(): void {
    this.#owner.responseReceived();
    this.#advance();
  }

  contentFailed(error: HttpError): void {
    this.#owner.responseFailed(error);
  }

  contentCanceled(): void {
    this.#receiver.timeoutMs = this.#options.drainTimeoutMs;
    // What is at hand costs nothing.
    this.#drop(Math.max(this.#options.maxDrainBytes, this.#driver.input.length));
  }

  /** Drops what is at hand of content nobody wants, and waits for the rest if that may cost less than a new connection. */
  #drop(maxBytes: number): void {
    let drained: Drained = "too-much";
    try {
      drained = this.#receiver.drain(maxBytes);
    } catch {
      // Malformed content is one more reason to give the connection up.
    }
    this.#dropping = drained === "waiting" && this.#options.maxDrainBytes > 0;
    if (drained === "complete") this.contentReceived();
    else if (!this.#dropping) this.#owner.responseAbandoned();
  }

  /** Reads heads while there is input and nothing to wait for. */
  #advance(): void {
    const input = this.#driver.input;
    while (input.length > 0 && !this.#receiver.active && this.#owner.readsHeads) {
      const exchange = this.#owner.awaiting;
      if (exchange === undefined) {
        this.#owner.responseFailed(unexpectedBytes());
        return;
      }
      if (this.#options.http09Responses && this.answered === 0 && !this.#head.begun) {
        const verdict = isHttp09(input);
        if (verdict) this.#answer09(exchange);
        if (verdict !== false) return;
      }
      try {
        if (!this.#head.read(input)) return;
      } catch (error) {
        this.#owner.responseFailed(asHttpError(error));
        return;
      }
      if (this.#head.status === 101) this.#switchProtocols(exchange);
      else if (this.#head.status < 200) this.#informational(exchange);
      else this.#final(exchange);
    }
  }

  /** RFC 9110 15.2: any number of these may come before the final response. */
  #informational(exchange: ClientExchange): void {
    const { status, headers } = this.#head;
    if (++exchange.informationals > this.#options.maxInformational) {
      const message = `more than ${this.#options.maxInformational} informational responses`;
      this.#owner.responseFailed(new HttpError("limit", "TOO_MANY_INFORMATIONAL", message));
      return;
    }
    this.#head.reset();
    this.#observer?.informational?.(exchange.request, status, headers);
    if (!this.#owner.readsHeads) return;
    try {
      exchange.options.onInformational?.(status, headers);
    } catch (error) {
      this.#owner.responseFailed(
        new HttpError("user", "ABORTED_BY_CALLBACK", "onInformational threw", { cause: error }),
      );
    }
    // Last, since the content may fail at once, and nothing is told of a connection that has failed.
    if (status === 100) this.#owner.continued(exchange);
  }

  #switchProtocols(exchange: ClientExchange): void {
    if (!exchange.facts.wantsUpgrade || exchange.request.method === "CONNECT") {
      this.#owner.responseFailed(unexpectedUpgrade("without an upgrade request"));
    } else if (!exchange.sent) {
      this.#owner.responseFailed(unexpectedUpgrade("before the request was sent whole"));
    } else {
      this.#owner.switched(exchange);
    }
  }

  #final(exchange: ClientExchange): void {
    const { status, contentLength } = this.#head;
    const tunnel = exchange.request.method === "CONNECT" && status >= 200 && status < 300;
    const decoder = tunnel ? undefined : this.#decoder(exchange);
    this.answered++;
    this.#owner.answering(exchange, !this.#keepsAlive(exchange) || decoder instanceof CloseDecoder);
    if (tunnel) {
      this.#owner.switched(exchange);
    } else if (decoder === undefined) {
      this.deliver(exchange, empty());
      this.#owner.responseReceived();
    } else if (contentLength > this.#options.maxBodyBytes) {
      this.#owner.responseFailed(bodyTooLarge(this.#options.maxBodyBytes));
    } else {
      this.deliver(exchange, this.#receive(exchange, decoder));
    }
  }

  /** RFC 9112 6.3: how the content ends; `undefined` if there is none. */
  #decoder(exchange: ClientExchange): BodyDecoder | undefined {
    const { status, transferEncoding, contentLength } = this.#head;
    if (exchange.request.method === "HEAD" || status === 204 || status === 304) return undefined;
    if (transferEncoding === TRANSFER_CHUNKED) return new ChunkedDecoder(this.#options);
    if (transferEncoding !== TRANSFER_NONE || contentLength < 0) return new CloseDecoder();
    return contentLength === 0 ? undefined : new LengthDecoder(contentLength);
  }

  /** RFC 9112 9.3. */
  #keepsAlive(exchange: ClientExchange): boolean {
    const head = this.#head;
    if (!exchange.facts.keepAlive || head.connectionClose || head.ambiguousFraming) return false;
    return head.minorVersion > 0 || head.connectionKeepAlive;
  }

  /** HTTP/0.9: everything that comes is the content. */
  #answer09(exchange: ClientExchange): void {
    this.answered++;
    this.#head.status = 200;
    this.#head.reason = "OK";
    this.#head.headers = new HeaderMap();
    this.#owner.answering(exchange, true);
    const response = this.deliver(exchange, this.#receive(exchange, new CloseDecoder()));
    response.version = "HTTP/0.9";
  }

  #receive(exchange: ClientExchange, decoder: BodyDecoder): Body {
    const body = this.#receiver.start(decoder);
    this.#receiver.timeoutMs = exchange.facts.limits.bodyTimeoutMs;
    return body;
  }
}
