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
import { HeaderMap } from "@sluice/body";
import { WriteBuffer } from "../bytes/write-buffer.ts";
import type { Connection } from "../connection.ts";
import { Driver, type Machine } from "../driver/driver.ts";
import { abortedBy, asHttpError, type HttpError, shutdownExpired } from "../error.ts";
import type { Exchange } from "../message/exchange.ts";
import { cancelQuietly } from "../message/outgoing-body.ts";
import { abortRequest, attachToRequest, type HttpRequest } from "../message/request.ts";
import { HttpResponse } from "../message/response.ts";
import type { ExchangeTimeouts } from "../message/timeouts.ts";
import type { Observer } from "../observer.ts";
import { graceLimit, shutdownLimit } from "../options.ts";
import type { Io, Timer } from "../rt/io.ts";
import type { Service } from "../service/service.ts";
import { UpgradeOffer } from "../upgrade/upgrade-offer.ts";
import type { Upgraded, UpgradedParts } from "../upgrade/upgraded.ts";
import { bodyTooLarge } from "./body-receiver.ts";
import { BodyWriter, type BodyWriterOwner } from "./body-writer.ts";
import { UNTIL_CLOSE } from "./framing.ts";
import { interimResponse, refusal } from "./interim-writer.ts";
import type { ResolvedServerOptions } from "./options.ts";
import { BODY_SLOT, HEAD_SLOT, REQUEST_SLOT, RequestReader, type RequestReaderOwner } from "./request-reader.ts";
import { ResponseHeadWriter } from "./response-head-writer.ts";
import { clientGone, closedBehindResponse, incompleteHead, serviceError } from "./server-errors.ts";

const HEAD = 0;
const SERVICE = 1;
const RESPONSE = 2;
const DRAIN = 3;
const OVER = 4;

/** Deadlines beside those of the request. */
const AGE_SLOT = 3;
const SHUTDOWN_SLOT = 4;
/** While armed, a connection that is being shut down is left open for one more request. */
const GRACE_SLOT = 5;
const slots = 6;

const noFields = new HeaderMap();

/** Pipelined exchanges handled without waiting before other connections get their turn. */
const maxExchangesPerTurn = 64;

export class ServerConnection implements Connection, Machine, Exchange, RequestReaderOwner, BodyWriterOwner {
  readonly #service: Service;
  readonly #options: ResolvedServerOptions;
  readonly #timer: Timer | null;
  readonly #observer: Observer | undefined;
  readonly #driver: Driver;
  readonly #reader: RequestReader;
  readonly #headWriter: ResponseHeadWriter;
  readonly #bodyWriter: BodyWriter;
  readonly #upgrade: UpgradeOffer = new UpgradeOffer();
  #state = HEAD;
  #advancing = false;
  /** Stopped between requests, or before the transport is handed over, because there was enough output. */
  #stalled = false;
  #shuttingDown = false;
  /** No exchange follows the one under way. */
  #last = false;
  #exchangesThisTurn = 0;
  #request: HttpRequest | undefined;
  /** Made when first needed: a synchronous service needs neither. */
  #onResponse: ((response: HttpResponse) => void) | undefined;
  #onServiceError: ((error: unknown) => void) | undefined;

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
    this.#driver = new Driver(io, this, options, new WriteBuffer(options.writeStrategy), slots, timer, observer);
    this.#reader = new RequestReader(this.#driver, this, options, timer);
    this.#headWriter = new ResponseHeadWriter(options);
    this.#bodyWriter = new BodyWriter(this.#driver, this, options);
    this.#driver.deadlines.set(AGE_SLOT, options.maxConnectionAgeMs);
    this.#driver.enter();
    this.#driver.leave();
  }

  get closed(): Promise<void> {
    return this.#driver.closed;
  }

  gracefulShutdown(deadlineMs?: number, idleGraceMs = 0): void {
    const limitMs = shutdownLimit(deadlineMs, this.#options.shutdownTimeoutMs);
    const graceMs = graceLimit(idleGraceMs);
    if (this.#driver.isClosed) return;
    const { deadlines } = this.#driver;
    if (deadlineMs !== undefined || !deadlines.isSet(SHUTDOWN_SLOT)) deadlines.set(SHUTDOWN_SLOT, limitMs);
    if (this.#state === OVER) return;
    this.#driver.enter();
    this.#shuttingDown = true;
    deadlines.set(GRACE_SLOT, graceMs);
    this.#closeIfDone();
    this.#driver.leave();
  }

  abort(reason?: unknown): void {
    const error = abortedBy(reason);
    this.#driver.abort(error);
    this.#upgrade.abandon(error);
  }

  intoParts(): UpgradedParts {
    return this.#upgrade.take();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gracefulShutdown();
    await this.closed.catch(() => {});
  }

  // Machine: called by the driver.

  get wantsRead(): boolean {
    // A client that takes no responses gets no further requests served: what waits to be sent must not grow.
    if (this.#state === HEAD) return !this.#driver.full;
    if (this.#reader.wantsRead) return true;
    // One read ahead while the service works tells when the client has gone. Not before an upgrade: a read under way cannot
    // be handed over.
    return this.#driver.input.length === 0 && !this.#reader.head.wantsUpgrade;
  }

  get wantsWrite(): boolean {
    return this.#bodyWriter.stalled || this.#stalled;
  }

  get moreOutputSoon(): boolean {
    const pipelined = this.#state === SERVICE && !this.#reader.active && this.#driver.input.length > 0;
    return pipelined && this.#options.pipelineFlush;
  }

  received(): void {
    this.#exchangesThisTurn = 0;
    this.#reader.receive();
    this.#advance();
  }

  inputEnded(): void {
    if (this.#state === HEAD) {
      this.#endedBetweenRequests();
    } else if (this.#state === DRAIN ? !this.#headWriter.upgrades : this.#options.halfClose) {
      this.#last = true;
      this.#reader.inputEnded();
      // A reader learns of it in time; dropping the rest has become pointless.
      if (this.#state === DRAIN && !this.#reader.hasReader) this.#finishExchange();
    } else {
      this.#driver.abort(clientGone());
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
    switch (slot) {
      case HEAD_SLOT:
      case REQUEST_SLOT: {
        const error = this.#reader.expired(slot);
        if (error === undefined) this.#close();
        else this.#refuse(error);
        break;
      }
      case BODY_SLOT:
        this.#reader.contentExpired();
        break;
      case AGE_SLOT:
        this.gracefulShutdown(this.#options.maxConnectionAgeGraceMs || Number.POSITIVE_INFINITY);
        break;
      case GRACE_SLOT:
        this.#closeIfDone();
        break;
      default:
        this.#driver.abort(shutdownExpired());
        break;
    }
  }

  failed(error: HttpError): void {
    const state = this.#state;
    this.#state = OVER;
    this.#endExchange(error, state);
  }

  // Exchange: called through the request the service holds.

  upgrade(message: object): Promise<Upgraded> {
    return this.#upgrade.wait(message, message === this.#request && this.#reader.head.wantsUpgrade);
  }

  informational(request: object, status: number, headers: HeaderMap): boolean {
    // RFC 9110 15.2: never to HTTP/1.0.
    if (request !== this.#request || this.#state !== SERVICE || this.#reader.head.minorVersion === 0) return false;
    this.#driver.enter();
    this.#driver.output.text(interimResponse(status, headers, this.#options));
    if (status === 100) this.#reader.owesContinue = false;
    this.#observer?.informational?.(this.#request as HttpRequest, status, headers);
    this.#driver.leave();
    return true;
  }

  setTimeouts(request: object, timeouts: ExchangeTimeouts): void {
    if (request !== this.#request) return;
    if (timeouts.writeTimeoutMs !== undefined) this.#driver.writeTimeoutMs = timeouts.writeTimeoutMs;
    this.#reader.setTimeouts(timeouts);
  }

  // RequestReaderOwner: the request.

  continueWanted(): void {
    if (this.#state === SERVICE) this.informational(this.#request as HttpRequest, 100, noFields);
  }

  requestReceived(): void {
    if (this.#state === DRAIN) this.#finishExchange();
  }

  requestFailed(error: HttpError): void {
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
    if (this.#reader.active) this.#drain();
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
    try {
      if (this.#reader.readHead()) return true;
    } catch (error) {
      this.#refuse(asHttpError(error));
      return false;
    }
    if (this.#driver.inputEnded) this.#endedBetweenRequests();
    else this.#closeIfDone();
    return false;
  }

  /** Hands the request whose head has been read to the service. */
  #serve(): void {
    this.#state = SERVICE;
    // Not at the end of the exchange before: its last bytes may leave only now.
    this.#driver.writeTimeoutMs = this.#options.writeTimeoutMs;
    if (this.#reader.count >= this.#options.maxRequestsPerConnection) this.#last = true;
    const request = this.#reader.request();
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
    else this.#await(response);
  }

  #await(response: Promise<HttpResponse>): void {
    this.#onResponse ??= (response) => {
      this.#driver.enter();
      this.#respond(response);
      this.#driver.leave();
    };
    this.#onServiceError ??= (error) => {
      this.#driver.enter();
      this.#serviceFailed(error);
      this.#driver.leave();
    };
    Promise.resolve(response).then(this.#onResponse, this.#onServiceError);
  }

  #respond(response: HttpResponse): void {
    if (this.#state !== SERVICE) {
      // The exchange was given up while the service worked.
      if (response instanceof HttpResponse) cancelQuietly(response.body, undefined);
      return;
    }
    const request = this.#request as HttpRequest;
    let head: string;
    try {
      // An echo reads the content as it answers; behind the head it would be too late to ask for it.
      if (response.body === request.body) this.#reader.contentWanted();
      head = this.#headWriter.write(response, this.#reader.head, this.#keepsAlive);
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

  /** A client that waits for 100 and gets a final response may or may not send its content: unusable. */
  get #keepsAlive(): boolean {
    if (this.#last || this.#shuttingDown || this.#reader.owesContinue || !this.#options.keepAlive) return false;
    return this.#reader.head.keepsAlive;
  }

  /** Answers for a service that failed, or whose response cannot be sent. */
  #serviceFailed(cause: unknown): void {
    if (this.#state !== SERVICE) return;
    this.#observer?.serviceFailed?.(this.#request as HttpRequest, cause);
    if (this.#options.abortOnServiceError) this.#driver.abort(serviceError(cause));
    else this.#refuse(serviceError(cause));
  }

  /** Gets what is left of the request out of the way, so that the next one can be read; or gives the connection up. */
  #drain(): void {
    const { upgrades } = this.#headWriter;
    // RFC 9110 7.8: the protocol changes behind the request, not within it.
    if (this.#last && !upgrades) {
      this.#finishExchange();
      return;
    }
    // A service that has answered may go on reading.
    if (this.#reader.hasReader) {
      this.#reader.awaitReader();
      return;
    }
    try {
      const drained = this.#reader.drain();
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
    if (this.#headWriter.upgrades && this.#driver.blocked) {
      // We are waiting for `drained`; whoever gets the transport may want to ask for it as well.
      this.#stalled = true;
      return;
    }
    this.#driver.deadlines.clear(REQUEST_SLOT);
    const request = this.#request;
    this.#request = undefined;
    if (this.#headWriter.upgrades) {
      this.#state = OVER;
      this.#upgrade.grant(request, this.#driver.detach(), this.#timer, this.#options.idleTimeoutMs);
      return;
    }
    this.#upgrade.decline();
    if (this.#last || this.#isLastCall || this.#driver.inputEnded) {
      this.#close();
      return;
    }
    this.#state = HEAD;
    this.#reader.next();
    this.#advance();
  }

  #endedBetweenRequests(): void {
    if (this.#reader.isIdle) this.#close();
    else this.#refuse(incompleteHead());
  }

  /** Whether the connection is being shut down and leaves no time for a further request. */
  get #isLastCall(): boolean {
    return this.#shuttingDown && !this.#driver.deadlines.isSet(GRACE_SLOT);
  }

  /** Closes a connection that is being shut down, between requests: one of which nothing has been received yet is none. */
  #closeIfDone(): void {
    if (this.#isLastCall && this.#state === HEAD && this.#reader.isIdle) this.#close();
  }

  #close(): void {
    this.#state = OVER;
    this.#driver.close(undefined, SHUTDOWN_SLOT);
    if (this.#reader.active) this.#reader.stop(closedBehindResponse());
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
    this.#reader.stop(error);
    this.#upgrade.fail(error);
    // Once the response has been sent the exchange has not failed, whatever becomes of the rest of the request.
    if (request === undefined || state === DRAIN) return;
    abortRequest(request, error);
    this.#observer?.exchangeEnded?.(request, error);
  }
}
