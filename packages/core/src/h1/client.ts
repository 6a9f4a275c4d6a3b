/**
 * The client role of an HTTP/1 connection: requests go out in order, responses come back in the same order.
 *
 * `#exchanges` holds what was sent and is not over, oldest first; the oldest one owns what is received. There is one at a
 * time unless pipelining is allowed. Bytes that belong to no request mean that the two sides disagree about where messages
 * end: the connection is given up before such bytes can pass for a response.
 */
import { empty } from "@sluice/body";
import { WriteBuffer } from "../bytes/write-buffer.ts";
import { canceledBySignal, closedConnection, markUnanswered, markUnsent, unsent } from "../client/errors.ts";
import { ReadyQueue } from "../client/ready-queue.ts";
import { limitsOf, type SendOptions } from "../client/send-options.ts";
import type { Connection } from "../connection.ts";
import { Driver, type Machine, timeoutError } from "../driver/driver.ts";
import { abortedBy, HttpError, shutdownExpired } from "../error.ts";
import { isIdempotent } from "../message/method.ts";
import { cancelQuietly } from "../message/outgoing-body.ts";
import type { HttpRequest } from "../message/request.ts";
import type { HttpResponse } from "../message/response.ts";
import { checkTimeouts } from "../message/timeouts.ts";
import type { Observer } from "../observer.ts";
import { shutdownLimit } from "../options.ts";
import type { Io, Timer } from "../rt/io.ts";
import { noUpgrade } from "../upgrade/pending-upgrade.ts";
import type { UpgradedParts } from "../upgrade/upgraded.ts";
import { BodyWriter, type BodyWriterOwner } from "./body-writer.ts";
import { bodyCanceled, incompleteResponse, lost, notReady, unanswered } from "./client-errors.ts";
import { ClientExchange } from "./client-exchange.ts";
import { NO_CONTENT } from "./framing.ts";
import type { ResolvedClientOptions } from "./options.ts";
import { RequestHeadWriter } from "./request-head-writer.ts";
import { ResponseReader, type ResponseReaderOwner } from "./response-reader.ts";

/** The response head, or the idle time without an exchange. */
const WAIT_SLOT = 0;
const REQUEST_SLOT = 1;
const BODY_SLOT = 2;
const AGE_SLOT = 3;
const SHUTDOWN_SLOT = 4;
const CONTINUE_SLOT = 5;
const slots = 6;

export class ClientConnection implements Connection, Machine, ResponseReaderOwner, BodyWriterOwner {
  readonly #options: ResolvedClientOptions;
  readonly #timer: Timer | null;
  readonly #observer: Observer | undefined;
  readonly #driver: Driver;
  readonly #reader: ResponseReader;
  readonly #headWriter: RequestHeadWriter;
  readonly #bodyWriter: BodyWriter;
  readonly #exchanges: ClientExchange[] = [];
  /** The exchange whose request is being sent. */
  #sending: ClientExchange | undefined;
  #over = false;
  /** No request follows those under way. */
  #last = false;
  /** Nothing follows the response under way: the server closes after it. */
  #ending = false;
  #accepted = 0;
  /** The exchange behind which HTTP ends as soon as the transport has taken what was written. */
  #leaving: ClientExchange | undefined;
  #upgraded: ClientExchange | undefined;
  readonly #waiting: ReadyQueue = new ReadyQueue();
  /** Somebody waits to send until the transport takes more. */
  #waitsForRoom = false;
  /** The exchange whose own doing ended the connection, if it is not the oldest. */
  #culprit: ClientExchange | undefined;
  #error: HttpError | undefined;

  constructor(io: Io, options: ResolvedClientOptions, timer: Timer | null, observer: Observer | undefined) {
    this.#options = options;
    this.#timer = timer;
    this.#observer = observer;
    this.#driver = new Driver(io, this, options, new WriteBuffer(options.writeStrategy), slots, timer, observer);
    this.#reader = new ResponseReader(this.#driver, this, options, timer, observer, BODY_SLOT);
    this.#headWriter = new RequestHeadWriter(options);
    this.#bodyWriter = new BodyWriter(this.#driver, this, options);
    this.#driver.deadlines.set(WAIT_SLOT, options.idleTimeoutMs);
    this.#driver.deadlines.set(AGE_SLOT, options.maxConnectionAgeMs);
    this.#driver.enter();
    this.#driver.leave();
  }

  // Connection.

  get closed(): Promise<void> {
    return this.#driver.closed;
  }

  gracefulShutdown(deadlineMs?: number): void {
    const limitMs = shutdownLimit(deadlineMs, this.#options.shutdownTimeoutMs);
    if (this.#driver.isClosed) return;
    const { deadlines } = this.#driver;
    if (deadlineMs !== undefined || !deadlines.isSet(SHUTDOWN_SLOT)) deadlines.set(SHUTDOWN_SLOT, limitMs);
    if (this.#over) return;
    this.#driver.enter();
    this.#last = true;
    if (this.#exchanges.length === 0) this.#close();
    this.#waiting.fail(this.#closedError);
    this.#driver.leave();
  }

  abort(reason?: unknown): void {
    const error = abortedBy(reason);
    this.#driver.abort(error);
    this.#upgraded?.pendingUpgrade.abandon(error);
  }

  intoParts(): UpgradedParts {
    const parts = this.#upgraded?.pendingUpgrade.take();
    if (parts === undefined) throw noUpgrade("the connection has no transport to give");
    return parts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gracefulShutdown();
    await this.closed.catch(() => {});
  }

  // For the sender.

  get isClosed(): boolean {
    return this.#over || this.#last || this.#ending;
  }

  /** Whether some request would be taken now. */
  get isReady(): boolean {
    // While the last request still waits to leave, the next one could only wait behind it.
    if (this.isClosed || this.#sending !== undefined || this.#driver.blocked) return false;
    const count = this.#exchanges.length;
    return count === 0 || (count < this.#options.pipelining && this.#exchanges.every(({ isPipelined }) => isPipelined));
  }

  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    if (this.isClosed) return Promise.reject(this.#closedError());
    if (this.#driver.blocked) this.#waitsForRoom = true;
    return this.#waiting.wait();
  }

  send(request: HttpRequest, options: SendOptions): Promise<HttpResponse> {
    const refused = this.#refuseNow(request, options);
    if (refused !== undefined) return Promise.reject(markUnsent(refused));
    const writer = this.#headWriter;
    const last = this.#accepted + 1 >= this.#options.maxRequestsPerConnection;
    let head: string;
    try {
      if (options.timeouts !== undefined) checkTimeouts(options.timeouts);
      head = writer.write(request, last);
    } catch (error) {
      return Promise.reject(HttpError.is(error) ? markUnsent(error) : error);
    }
    this.#driver.enter();
    const exchange = this.#accept(request, options);
    if (last || !writer.keepAlive) this.#last = true;
    this.#driver.output.text(head);
    this.#observer?.requestStarted?.(request);
    if (this.#over) {
      // The observer has ended the connection; nobody would send the content, or let it go.
    } else if (writer.expectsContinue) {
      exchange.awaitsContinue = true;
      this.#driver.deadlines.set(CONTINUE_SLOT, exchange.facts.limits.expectContinueTimeoutMs);
    } else {
      this.#bodyWriter.start(request.body, writer);
    }
    this.#driver.leave();
    return exchange.response;
  }

  #accept(request: HttpRequest, options: SendOptions): ClientExchange {
    const { wantsUpgrade, keepAlive } = this.#headWriter;
    const driver = this.#driver;
    const offset = driver.bytesWritten + driver.output.length;
    const facts = { offset, wantsUpgrade, keepAlive, limits: limitsOf(options.timeouts, this.#options) };
    const exchange = new ClientExchange(request, options, facts, () => this.#signaled(exchange));
    this.#exchanges.push(exchange);
    this.#sending = exchange;
    this.#accepted++;
    driver.deadlines.clear(WAIT_SLOT);
    driver.writeTimeoutMs = facts.limits.writeTimeoutMs;
    if (this.#exchanges.length === 1) driver.deadlines.set(REQUEST_SLOT, facts.limits.requestTimeoutMs);
    return exchange;
  }

  /** Why `request` cannot be taken now; it can be sent elsewhere. */
  #refuseNow(request: HttpRequest, options: SendOptions): HttpError | undefined {
    if (this.isClosed) return this.#closedError();
    const signal = options.signal;
    if (signal?.aborted === true) return canceledBySignal(signal.reason);
    const first = this.#exchanges.length === 0;
    if (this.isReady && (first || (isIdempotent(request.method) && request.body.isEndStream()))) return undefined;
    return notReady();
  }

  readonly #closedError = (): HttpError => closedConnection(this.#error);

  // Machine.

  get wantsRead(): boolean {
    return this.#leaving === undefined && this.#reader.wantsRead;
  }

  get wantsWrite(): boolean {
    return this.#bodyWriter.stalled || this.#leaving !== undefined || this.#waitsForRoom;
  }

  get moreOutputSoon(): boolean {
    return false;
  }

  received(): void {
    this.#reader.receive();
  }

  inputEnded(): void {
    const exchange = this.#exchanges[0];
    this.#ending = true;
    if (this.#reader.active) {
      this.#reader.inputEnded();
    } else if (exchange === undefined) {
      this.#close();
    } else if (!exchange.answered) {
      this.#fail(incompleteResponse());
    } else {
      // The response is complete and the request is not; nobody is left to read the rest.
      this.#finish(exchange);
    }
  }

  writable(): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    if (leaving !== undefined) this.switched(leaving);
    else if (this.#bodyWriter.stalled) this.#bodyWriter.pump();
    this.#waitsForRoom = false;
    this.#wakeWaiting();
  }

  expired(slot: number): void {
    const exchange = this.#exchanges[0];
    const { headTimeoutMs, requestTimeoutMs } = exchange?.facts.limits ?? this.#options;
    switch (slot) {
      case WAIT_SLOT:
        if (exchange === undefined) this.#close();
        else this.#fail(timeoutError("headTimeoutMs", headTimeoutMs, "no response head came"));
        break;
      case REQUEST_SLOT:
        this.#fail(timeoutError("requestTimeoutMs", requestTimeoutMs, "no whole response came"));
        break;
      case BODY_SLOT:
        this.#reader.expired();
        break;
      case AGE_SLOT:
        this.gracefulShutdown(this.#options.maxConnectionAgeGraceMs || Number.POSITIVE_INFINITY);
        break;
      case CONTINUE_SLOT:
        // RFC 9110 10.1.1: a client need not wait for ever.
        if (exchange !== undefined) this.continued(exchange);
        break;
      default:
        this.#fail(shutdownExpired());
        break;
    }
  }

  failed(error: HttpError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#endAll(error);
  }

  // ResponseReaderOwner: the responses.

  get awaiting(): ClientExchange | undefined {
    const exchange = this.#exchanges[0];
    return exchange === undefined || exchange.answered || !this.#isWritten(exchange) ? undefined : exchange;
  }

  get readsHeads(): boolean {
    return !this.#over && this.#leaving === undefined;
  }

  /** Sends the content that waited for 100 (Continue). */
  continued(exchange: ClientExchange): void {
    this.#driver.deadlines.clear(CONTINUE_SLOT);
    if (this.#sending !== exchange || !exchange.awaitsContinue) return;
    exchange.awaitsContinue = false;
    this.#bodyWriter.start(exchange.request.body, this.#headWriter);
  }

  answering(exchange: ClientExchange, last: boolean): void {
    this.#driver.deadlines.clear(WAIT_SLOT);
    if (last) this.#ending = true;
    if (!exchange.awaitsContinue) return;
    // The server has not asked for the content: it is not sent, and so the connection cannot go on.
    exchange.awaitsContinue = false;
    this.#driver.deadlines.clear(CONTINUE_SLOT);
    this.#ending = true;
    this.#bodyWriter.start(exchange.request.body, { framing: NO_CONTENT, length: 0, trailerNames: undefined });
  }

  /** Leaves HTTP: the transport goes to whoever asks for it. */
  switched(exchange: ClientExchange): void {
    if (this.#driver.blocked) {
      // We are waiting for `drained`; whoever gets the transport may want to ask for it as well.
      this.#leaving = exchange;
      return;
    }
    this.#over = true;
    this.#upgraded = exchange;
    this.#exchanges.length = 0;
    this.#bodyWriter.cancel(undefined);
    this.#sending = undefined;
    this.#reader.deliver(exchange, empty());
    exchange.end();
    this.#observer?.exchangeEnded?.(exchange.request);
    if (this.#driver.isOpen) {
      exchange.pendingUpgrade.fulfill(this.#driver.detach(), this.#timer, this.#options.idleTimeoutMs);
    } else {
      exchange.pendingUpgrade.fail(new HttpError("canceled", "UPGRADE_CANCELED", "the connection was aborted"));
    }
    this.#waiting.fail(this.#closedError);
  }

  responseReceived(): void {
    const exchange = this.#exchanges[0];
    // RFC 9112 9.5: once the server has said all it will say, the rest of the request would be sent in vain.
    if (exchange !== undefined && !this.#over && (exchange.sent || this.#ending)) this.#finish(exchange);
  }

  responseAbandoned(): void {
    if (this.#exchanges.length > 0) this.#fail(bodyCanceled());
  }

  responseFailed(error: HttpError): void {
    this.#fail(error);
  }

  // BodyWriterOwner: the request's content.

  bodySent(): void {
    const exchange = this.#sending;
    if (exchange === undefined) return;
    exchange.sent = true;
    exchange.bodyTouched = this.#bodyWriter.touched;
    this.#sending = undefined;
    if (exchange === this.#exchanges[0]) {
      if (!exchange.answered) this.#driver.deadlines.set(WAIT_SLOT, exchange.facts.limits.headTimeoutMs);
      else if (!this.#reader.active) this.#finish(exchange);
    }
    this.#wakeWaiting();
  }

  bodyUnsent(error: HttpError): void {
    if (this.#sending !== undefined) this.#sending.bodyTouched = true;
    this.#fail(error);
  }

  // The exchange, in order.

  #finish(exchange: ClientExchange): void {
    this.#exchanges.shift();
    this.#driver.deadlines.clear(REQUEST_SLOT);
    exchange.end();
    this.#observer?.exchangeEnded?.(exchange.request);
    if (this.#over) return;
    const next = this.#exchanges[0];
    if (next === undefined) {
      if (this.#last || this.#ending) this.#close();
      else this.#driver.deadlines.set(WAIT_SLOT, this.#options.idleTimeoutMs);
    } else if (this.#ending) {
      this.#failUnanswered();
      this.#close();
    } else {
      const { requestTimeoutMs, headTimeoutMs } = next.facts.limits;
      this.#driver.deadlines.set(REQUEST_SLOT, requestTimeoutMs);
      if (next.sent) this.#driver.deadlines.set(WAIT_SLOT, headTimeoutMs);
    }
    this.#wakeWaiting();
  }

  #signaled(exchange: ClientExchange): void {
    if (!this.#exchanges.includes(exchange)) return;
    this.#driver.enter();
    this.#culprit = exchange;
    this.#fail(canceledBySignal(exchange.options.signal?.reason));
    this.#driver.leave();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#bodyWriter.cancel(undefined);
    this.#sending = undefined;
    this.#driver.close(undefined, SHUTDOWN_SLOT);
    this.#waiting.fail(this.#closedError);
  }

  /** Ends the connection because of `error`. */
  #fail(error: HttpError): void {
    this.#driver.abort(error);
  }

  #endAll(error: HttpError): void {
    const exchanges = this.#exchanges.splice(0);
    const sending = this.#sending;
    this.#sending = undefined;
    if (sending !== undefined && this.#bodyWriter.active) sending.bodyTouched = this.#bodyWriter.touched;
    const untouched = this.#reader.isUntouched;
    this.#reader.stop(error);
    const culprit = this.#culprit ?? exchanges[0];
    for (const exchange of exchanges) {
      const intact = !(exchange.bodyTouched || this.#isWritten(exchange));
      if (exchange === sending) this.#dropBody(exchange, intact, error);
      const own = exchange === culprit ? error : lost(error);
      if (exchange !== exchanges[0] || (untouched && !exchange.answered && exchange.informationals === 0)) {
        markUnanswered(own);
      }
      exchange.fail(intact ? unsent(error) : own);
      this.#observer?.exchangeEnded?.(exchange.request, own);
    }
    // Content of an exchange that was answered before it was sent whole.
    this.#bodyWriter.cancel(error);
    this.#waiting.fail(this.#closedError);
  }

  /** RFC 9112 9.6: what was sent behind a request whose response says close is not answered. */
  #failUnanswered(): void {
    for (const exchange of this.#exchanges.splice(0)) {
      const error = markUnanswered(unanswered());
      exchange.fail(error);
      this.#observer?.exchangeEnded?.(exchange.request, error);
    }
  }

  /** Lets go of the content that was to be sent. An intact request keeps it: it can be sent elsewhere. */
  #dropBody(exchange: ClientExchange, intact: boolean, error: HttpError): void {
    if (intact) this.#bodyWriter.release();
    else if (exchange.awaitsContinue) cancelQuietly(exchange.request.body, error);
    else this.#bodyWriter.cancel(error);
  }

  /** Whether any of the request has been handed to the transport. */
  #isWritten(exchange: ClientExchange): boolean {
    return this.#driver.bytesWritten > exchange.facts.offset;
  }

  #wakeWaiting(): void {
    if (this.#waiting.isEmpty) return;
    if (this.isReady) this.#waiting.wake();
    else this.#waitsForRoom = this.#driver.blocked;
  }
}
