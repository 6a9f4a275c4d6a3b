/**
 * The server role of an HTTP/1 connection: one exchange after another (RFC 9112 section 9).
 *
 *   HEAD -> SERVICE -> RESPONSE -> DRAIN -> HEAD ...        a head is read, the service called, its response sent, what
 *                                                           is left of the request dropped
 *   any  -> OVER                                            closing, closed, or handed over after an upgrade
 *
 * Exchanges never overlap: the next head is not looked at before the response is complete, which also keeps pipelined
 * responses in order.
 */
import { type Body, empty, HeaderMap } from "@sluice/body";
import type { Connection } from "../connection.ts";
import { Driver, type Machine, timeoutError } from "../driver/driver.ts";
import { HttpError } from "../error.ts";
import type { Exchange } from "../message/exchange.ts";
import { abortRequest, attachToRequest, HttpRequest } from "../message/request.ts";
import { HttpResponse } from "../message/response.ts";
import type { ExchangeTimeouts } from "../message/timeouts.ts";
import type { Observer } from "../observer.ts";
import type { Io, Timer } from "../rt/io.ts";
import type { Service } from "../service/service.ts";
import { noUpgrade, PendingUpgrade } from "../upgrade/pending-upgrade.ts";
import type { Upgraded, UpgradedParts } from "../upgrade/upgraded.ts";
import { ChunkedDecoder, LengthDecoder } from "./body-decoder.ts";
import { BodyReceiver, type BodyReceiverOwner, bodyTooLarge } from "./body-receiver.ts";
import { BodyWriter, type BodyWriterOwner, cancelQuietly } from "./body-writer.ts";
import { UNTIL_CLOSE } from "./framing.ts";
import { TRANSFER_NONE } from "./head-reader.ts";
import { interimResponse, refusal } from "./interim-writer.ts";
import type { ResolvedServerOptions } from "./options.ts";
import { RequestHeadReader } from "./request-head-reader.ts";
import { type ResponseContext, ResponseHeadWriter } from "./response-head-writer.ts";

const HEAD = 0;
const SERVICE = 1;
const RESPONSE = 2;
const DRAIN = 3;
const OVER = 4;

/** The head, or the idle time before it. */
const WAIT_SLOT = 0;
const REQUEST_SLOT = 1;
const BODY_SLOT = 2;
const AGE_SLOT = 3;
const SHUTDOWN_SLOT = 4;
const slots = 5;

const noFields = new HeaderMap();

/** Pipelined exchanges handled without waiting before other connections get their turn. */
const maxExchangesPerTurn = 64;

export class ServerConnection
  implements Connection, Machine, Exchange, BodyReceiverOwner, BodyWriterOwner, ResponseContext
{
  readonly #service: Service;
  readonly #options: ResolvedServerOptions;
  readonly #timer: Timer | null;
  readonly #observer: Observer | undefined;
  readonly #driver: Driver;
  readonly #head: RequestHeadReader;
  readonly #receiver: BodyReceiver;
  readonly #headWriter: ResponseHeadWriter;
  readonly #bodyWriter: BodyWriter;
  #state = HEAD;
  #advancing = false;
  /** Stopped between requests, or before the transport is handed over, because there was enough output. */
  #stalled = false;
  #shuttingDown = false;
  /** No exchange follows the one under way. */
  #last = false;
  /** The client waits for 100 (Continue) before it sends content. */
  #owesContinue = false;
  #requestLimitMs = 0;
  #exchanges = 0;
  #exchangesThisTurn = 0;
  #request: HttpRequest | undefined;
  #upgrade: PendingUpgrade | undefined;
  /** The request whose answer ended HTTP on this connection. */
  #upgraded: HttpRequest | undefined;

  constructor(
    io: Io,
    service: Service,
    options: ResolvedServerOptions,
    timer: Timer | null,
    observer: Observer | undefined,
  ) {
    this.#service = service;
    this.#options = options;
    this.#timer = timer;
    this.#observer = observer;
    this.#driver = new Driver(io, this, options, slots, timer, observer);
    this.#head = new RequestHeadReader(options);
    this.#receiver = new BodyReceiver(this.#driver, this, options, timer, BODY_SLOT);
    this.#headWriter = new ResponseHeadWriter(options);
    this.#bodyWriter = new BodyWriter(this.#driver, this, options);
    this.#driver.deadlines.set(WAIT_SLOT, options.headTimeoutMs);
    this.#driver.deadlines.set(AGE_SLOT, options.maxConnectionAgeMs);
    this.#driver.enter();
    this.#driver.leave();
  }

  get closed(): Promise<void> {
    return this.#driver.closed;
  }

  gracefulShutdown(deadlineMs?: number): void {
    if (this.#driver.isClosed) return;
    if (deadlineMs !== undefined) this.#driver.deadlines.set(SHUTDOWN_SLOT, Math.max(1, deadlineMs));
    if (this.#state === OVER) return;
    this.#driver.enter();
    this.#shuttingDown = true;
    // A request of which nothing has been received yet is none.
    if (this.#state === HEAD && !this.#head.begun && this.#driver.input.length === 0) this.#close();
    this.#driver.leave();
  }

  abort(reason?: unknown): void {
    const error = new HttpError("canceled", "ABORTED", "the connection was aborted", { cause: reason });
    this.#driver.abort(error);
    this.#upgrade?.abandon(error);
  }

  intoParts(): UpgradedParts {
    const parts = this.#upgrade?.take();
    if (parts === undefined) throw noUpgrade("the connection has no transport to give");
    return parts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gracefulShutdown();
    await this.closed.catch(() => {});
  }

  // Machine: called by the driver.

  get wantsRead(): boolean {
    // A client that takes no responses gets no further requests served: what waits to be sent must not grow.
    if (this.#state === HEAD) return !this.#driver.full;
    if (this.#receiver.wantsRead) return true;
    // One read ahead while the service works tells when the client has gone. Not before an upgrade: a read under way cannot
    // be handed over.
    return this.#driver.input.length === 0 && !this.wantsUpgrade;
  }

  get wantsWrite(): boolean {
    return this.#bodyWriter.stalled || this.#stalled;
  }

  get moreOutputSoon(): boolean {
    return (
      this.#options.pipelineFlush && this.#state === SERVICE && !this.#receiver.active && this.#driver.input.length > 0
    );
  }

  received(): void {
    this.#exchangesThisTurn = 0;
    this.#receiver.received();
    this.#advance();
  }

  inputEnded(): void {
    if (this.#state === HEAD) {
      this.#endedBetweenRequests();
    } else if (this.#state === DRAIN ? !this.#headWriter.upgrades : this.#options.halfClose) {
      this.#last = true;
      this.#receiver.inputEnded();
      // A reader learns of it in time; dropping the rest has become pointless.
      if (this.#state === DRAIN && !this.#receiver.hasReader) this.#finishExchange();
    } else {
      const message = "the client ended its stream before its exchange was complete";
      this.#driver.abort(new HttpError("incomplete", "CLIENT_GONE", message));
    }
  }

  writable(): void {
    this.#bodyWriter.pump();
    if (!this.#stalled) return;
    this.#stalled = false;
    if (this.#state === DRAIN) this.#finishExchange();
    else this.#advance();
  }

  expired(slot: number): void {
    const { headTimeoutMs, maxConnectionAgeGraceMs } = this.#options;
    switch (slot) {
      case WAIT_SLOT:
        if (this.#head.begun) this.#refuse(timeoutError("headTimeoutMs", headTimeoutMs, "no whole head came", 408));
        else if (this.#exchanges === 0) this.#refuse(timeoutError("headTimeoutMs", headTimeoutMs, "no request came"));
        else this.#close();
        break;
      case REQUEST_SLOT:
        this.#refuse(timeoutError("requestTimeoutMs", this.#requestLimitMs, "no whole request came", 408));
        break;
      case BODY_SLOT:
        this.#receiver.expired();
        break;
      case AGE_SLOT:
        this.gracefulShutdown(maxConnectionAgeGraceMs || undefined);
        break;
      default:
        this.#driver.abort(new HttpError("canceled", "SHUTDOWN", "the deadline of the graceful shutdown has passed"));
        break;
    }
  }

  failed(error: HttpError): void {
    const state = this.#state;
    this.#state = OVER;
    this.#endExchange(error, state);
  }

  // ResponseContext: what the head of the response depends on.

  get method(): string {
    return this.#head.method;
  }

  get minorVersion(): number {
    return this.#head.minorVersion;
  }

  get acceptsTrailers(): boolean {
    return this.#head.acceptsTrailers;
  }

  get keepAliveAsked(): boolean {
    return this.#head.connectionKeepAlive;
  }

  /** RFC 9112 9.3. A client that waits for 100 and gets a final response may or may not send its content: unusable. */
  get keepAlive(): boolean {
    const head = this.#head;
    if (this.#last || this.#shuttingDown || this.#owesContinue || !this.#options.keepAlive) return false;
    if (head.connectionClose || head.ambiguousFraming) return false;
    return head.minorVersion > 0 || head.connectionKeepAlive;
  }

  /** RFC 9110 7.8: HTTP/1.0 has no Upgrade, and the field counts only when Connection names it. */
  get wantsUpgrade(): boolean {
    const head = this.#head;
    return head.method === "CONNECT" || (head.hasUpgrade && head.connectionUpgrade && head.minorVersion > 0);
  }

  // Exchange: called through the request the service holds.

  upgrade(message: object): Promise<Upgraded> {
    if ((message === this.#request && this.wantsUpgrade) || message === this.#upgraded) {
      this.#upgrade ??= new PendingUpgrade();
      return this.#upgrade.wait();
    }
    return Promise.reject(noUpgrade("the request asks for no upgrade, or was answered without one"));
  }

  informational(request: object, status: number, headers: HeaderMap): boolean {
    // RFC 9110 15.2: never to HTTP/1.0.
    if (request !== this.#request || this.#state !== SERVICE || this.#head.minorVersion === 0) return false;
    this.#driver.enter();
    this.#driver.output.text(interimResponse(status, headers, this.#options));
    if (status === 100) this.#owesContinue = false;
    this.#observer?.informational?.(this.#request as HttpRequest, status, headers);
    this.#driver.leave();
    return true;
  }

  setTimeouts(request: object, timeouts: ExchangeTimeouts): void {
    if (request !== this.#request) return;
    if (timeouts.bodyTimeoutMs !== undefined) {
      this.#receiver.timeoutMs = timeouts.bodyTimeoutMs;
      if (this.#receiver.wantsRead) this.#driver.deadlines.set(BODY_SLOT, timeouts.bodyTimeoutMs);
    }
    if (timeouts.writeTimeoutMs !== undefined) this.#driver.writeTimeoutMs = timeouts.writeTimeoutMs;
    if (timeouts.requestTimeoutMs !== undefined && this.#receiver.active) {
      this.#limitRequest(timeouts.requestTimeoutMs);
    }
  }

  // BodyReceiverOwner: the request's content.

  contentWanted(): void {
    if (!this.#owesContinue || this.#state !== SERVICE) return;
    this.informational(this.#request as HttpRequest, 100, noFields);
  }

  contentReceived(): void {
    this.#driver.deadlines.clear(REQUEST_SLOT);
    // RFC 9110 10.1.1: a client may have sent its content without waiting for 100.
    this.#owesContinue = false;
    if (this.#state === DRAIN) this.#finishExchange();
  }

  contentFailed(error: HttpError): void {
    this.#refuse(error);
  }

  contentCanceled(): void {
    if (this.#state === DRAIN) this.#drain();
  }

  // BodyWriterOwner: the response's content.

  bodySent(): void {
    if (this.#state !== RESPONSE) return;
    this.#state = DRAIN;
    this.#observer?.exchangeEnded?.(this.#request as HttpRequest);
    if (this.#state !== DRAIN) return;
    if (this.#receiver.active) this.#drain();
    else this.#finishExchange();
  }

  bodyUnsent(error: HttpError): void {
    this.#refuse(error);
  }

  // The exchange, in order.

  /** Reads heads and serves requests while there is input and nothing to wait for. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    while (this.#state === HEAD && !this.#driver.yielding) {
      if (!this.#options.pipelineFlush) this.#driver.flush();
      this.#stalled = this.#driver.full && this.#driver.input.length > 0;
      if (this.#stalled || !this.#readHead()) break;
      this.#serve();
      if (++this.#exchangesThisTurn >= maxExchangesPerTurn && this.#driver.input.length > 0) this.#driver.yieldTurn();
    }
    this.#advancing = false;
    if (this.#state === DRAIN) this.#drain();
  }

  /** True once a whole head has been read. */
  #readHead(): boolean {
    const { input, deadlines } = this.#driver;
    const begun = this.#head.begun;
    try {
      if (input.length > 0 && this.#head.read(input)) return true;
    } catch (error) {
      this.#refuse(asHttpError(error));
      return false;
    }
    if (this.#driver.inputEnded) {
      this.#endedBetweenRequests();
    } else if (this.#shuttingDown && !this.#head.begun) {
      this.#close();
    } else if (!begun && this.#head.begun) {
      deadlines.set(WAIT_SLOT, this.#options.headTimeoutMs);
      this.#limitRequest(this.#options.requestTimeoutMs);
    }
    return false;
  }

  #limitRequest(limitMs: number): void {
    this.#requestLimitMs = limitMs;
    this.#driver.deadlines.set(REQUEST_SLOT, limitMs);
  }

  /** Hands the request whose head has been read to the service. */
  #serve(): void {
    const head = this.#head;
    this.#driver.deadlines.clear(WAIT_SLOT);
    this.#state = SERVICE;
    this.#exchanges++;
    // Not at the end of the exchange before: its last bytes may leave only now.
    this.#driver.writeTimeoutMs = this.#options.writeTimeoutMs;
    if (this.#exchanges >= this.#options.maxRequestsPerConnection) this.#last = true;
    if (head.contentLength > this.#options.maxBodyBytes) {
      this.#refuse(bodyTooLarge(this.#options.maxBodyBytes));
      return;
    }
    const request = new HttpRequest(head.method, head.target, head.headers, this.#requestBody());
    if (head.minorVersion === 0) request.version = "HTTP/1.0";
    attachToRequest(request, this);
    this.#request = request;
    this.#observer?.requestStarted?.(request);
    // An observer may have ended the connection.
    if (this.#state !== SERVICE) return;
    let response: HttpResponse | Promise<HttpResponse>;
    try {
      response = this.#service.call(request);
    } catch (error) {
      this.#serviceFailed(error);
      return;
    }
    if (response instanceof HttpResponse) this.#respond(response);
    else Promise.resolve(response).then(this.#onResponse, this.#onServiceError);
  }

  /** RFC 9112 6.3: content is announced by Transfer-Encoding or by Content-Length, or there is none. */
  #requestBody(): Body {
    const head = this.#head;
    const deadlines = this.#driver.deadlines;
    if (head.transferEncoding === TRANSFER_NONE && head.contentLength <= 0) {
      deadlines.clear(REQUEST_SLOT);
      return empty();
    }
    if (!deadlines.isSet(REQUEST_SLOT)) this.#limitRequest(this.#options.requestTimeoutMs);
    // RFC 9110 10.1.1: HTTP/1.0 does not know 100 (Continue).
    this.#owesContinue = head.expectContinue && head.minorVersion > 0;
    const chunked = head.transferEncoding !== TRANSFER_NONE;
    return this.#receiver.start(chunked ? new ChunkedDecoder(this.#options) : new LengthDecoder(head.contentLength));
  }

  readonly #onResponse = (response: HttpResponse): void => {
    this.#driver.enter();
    this.#respond(response);
    this.#driver.leave();
  };

  readonly #onServiceError = (error: unknown): void => {
    this.#driver.enter();
    this.#serviceFailed(error);
    this.#driver.leave();
  };

  #respond(response: HttpResponse): void {
    if (this.#state !== SERVICE) {
      // The exchange was given up while the service worked.
      if (response instanceof HttpResponse) cancelQuietly(response.body, undefined);
      return;
    }
    const request = this.#request as HttpRequest;
    let head: string;
    try {
      head = this.#headWriter.write(response, this);
    } catch (error) {
      this.#serviceFailed(error);
      if (response instanceof HttpResponse) cancelQuietly(response.body, error);
      return;
    }
    this.#state = RESPONSE;
    if (!this.#headWriter.keepAlive) this.#last = true;
    this.#driver.output.text(head);
    this.#observer?.responseStarted?.(request, response);
    // An observer may have given the connection up.
    if (this.#state === RESPONSE) this.#bodyWriter.start(response.body, this.#headWriter);
    else cancelQuietly(response.body, undefined);
  }

  /** Answers for a service that failed, or whose response cannot be sent. */
  #serviceFailed(cause: unknown): void {
    if (this.#state !== SERVICE) return;
    this.#observer?.serviceFailed?.(this.#request as HttpRequest, cause);
    const known = HttpError.is(cause) && cause.kind === "user" ? cause : undefined;
    const message = known?.message ?? "the service failed";
    const error = new HttpError("user", known?.code ?? "SERVICE_FAILED", message, { cause, status: 500 });
    if (this.#options.abortOnServiceError) this.#driver.abort(error);
    else this.#refuse(error);
  }

  /** Gets what is left of the request out of the way, so that the next one can be read; or gives the connection up. */
  #drain(): void {
    const { upgrades } = this.#headWriter;
    // RFC 9110 7.8: the protocol changes behind the request, not within it.
    if (this.#last && !upgrades) {
      this.#finishExchange();
      return;
    }
    // A service that has answered may go on reading, within the time limits for the request.
    if (this.#receiver.hasReader) return;
    try {
      const drained = this.#receiver.drain(this.#options.maxDrainBytes);
      if (drained === "waiting") return;
      if (drained === "too-much") {
        if (upgrades) throw bodyTooLarge(this.#options.maxDrainBytes);
        this.#last = true;
      }
    } catch (error) {
      this.#refuse(asHttpError(error));
      return;
    }
    this.#finishExchange();
  }

  /** The response has been sent and the request is out of the way. */
  #finishExchange(): void {
    const { deadlines } = this.#driver;
    if (this.#headWriter.upgrades && this.#driver.blocked) {
      // We are waiting for `drained`; whoever gets the transport may want to ask for it as well.
      this.#stalled = true;
      return;
    }
    deadlines.clear(REQUEST_SLOT);
    const request = this.#request;
    this.#request = undefined;
    this.#owesContinue = false;
    if (this.#headWriter.upgrades) {
      this.#upgraded = request;
      this.#handOver();
      return;
    }
    this.#upgrade?.fail(noUpgrade("the request was answered without an upgrade"));
    this.#upgrade = undefined;
    if (this.#last || this.#shuttingDown || this.#driver.inputEnded) {
      this.#close();
      return;
    }
    this.#head.reset();
    this.#state = HEAD;
    deadlines.set(WAIT_SLOT, this.#options.idleTimeoutMs);
    this.#advance();
  }

  #handOver(): void {
    this.#state = OVER;
    this.#upgrade ??= new PendingUpgrade();
    this.#upgrade.fulfill(this.#driver.detach(), this.#timer, this.#options.idleTimeoutMs);
  }

  #endedBetweenRequests(): void {
    if (!this.#head.begun && this.#driver.input.length === 0) {
      this.#close();
      return;
    }
    const message = "the client ended its stream in the middle of a request head";
    this.#refuse(new HttpError("incomplete", "INCOMPLETE_MESSAGE", message));
  }

  #close(): void {
    const receiving = this.#receiver.active;
    this.#state = OVER;
    this.#driver.close(undefined, SHUTDOWN_SLOT);
    if (receiving)
      this.#receiver.stop(new HttpError("closed", "CLOSED", "the connection was closed after the response"));
  }

  /** Ends the connection because of `error`; tells the peer why if it is still owed a response. */
  #refuse(error: HttpError): void {
    const state = this.#state;
    if (state === OVER) return;
    this.#state = OVER;
    // RFC 9112 6.3: what ends with the connection must not end cleanly when it is cut short.
    if (state === RESPONSE && this.#headWriter.framing === UNTIL_CLOSE) {
      this.#driver.abort(error);
    } else {
      if (state <= SERVICE && error.status !== undefined)
        this.#driver.output.text(refusal(error.status, this.#options));
      this.#endExchange(error, state);
      this.#driver.close(error, SHUTDOWN_SLOT);
    }
  }

  /** Tells everybody involved in the exchange under way that it is over. */
  #endExchange(error: HttpError, state: number): void {
    const request = this.#request;
    this.#request = undefined;
    this.#bodyWriter.cancel(error);
    this.#receiver.stop(error);
    this.#upgrade?.fail(new HttpError("canceled", "UPGRADE_CANCELED", "the connection ended first", { cause: error }));
    // Once the response has been sent the exchange has not failed, whatever becomes of the rest of the request.
    if (request === undefined || state === DRAIN) return;
    abortRequest(request, error);
    this.#observer?.exchangeEnded?.(request, error);
  }
}

function asHttpError(error: unknown): HttpError {
  return HttpError.find(error) ?? new HttpError("user", "INTERNAL", "the connection failed", { cause: error });
}
