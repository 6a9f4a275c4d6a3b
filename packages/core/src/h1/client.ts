/**
 * The client role of an HTTP/1 connection: requests go out in order, responses come back in the same order.
 *
 * `#exchanges` holds what was sent and is not over, oldest first; the oldest one owns what is received. There is one at a
 * time unless pipelining is allowed. Bytes that belong to no request mean that the two sides disagree about where messages
 * end: the connection is given up before such bytes can pass for a response.
 */
import { type Body, empty } from "@sluice/body";
import type { Connection } from "../connection.ts";
import { Driver, type Machine, timeoutError } from "../driver/driver.ts";
import { HttpError } from "../error.ts";
import { isIdempotent } from "../message/method.ts";
import { reasonPhraseKey } from "../message/reason-phrase.ts";
import type { HttpRequest } from "../message/request.ts";
import { attachToResponse, HttpResponse } from "../message/response.ts";
import { canonicalReason } from "../message/status.ts";
import { checkTimeouts } from "../message/timeouts.ts";
import type { Observer } from "../observer.ts";
import type { Io, Timer } from "../rt/io.ts";
import { noUpgrade } from "../upgrade/pending-upgrade.ts";
import type { UpgradedParts } from "../upgrade/upgraded.ts";
import { type BodyDecoder, ChunkedDecoder, CloseDecoder, LengthDecoder } from "./body-decoder.ts";
import { BodyReceiver, type BodyReceiverOwner, bodyTooLarge } from "./body-receiver.ts";
import { BodyWriter, type BodyWriterOwner, cancelQuietly } from "./body-writer.ts";
import { ClientExchange, markUnsent, type SendOptions } from "./client-exchange.ts";
import { NO_CONTENT } from "./framing.ts";
import { TRANSFER_CHUNKED, TRANSFER_NONE } from "./head-reader.ts";
import type { ResolvedClientOptions } from "./options.ts";
import { RequestHeadWriter } from "./request-head-writer.ts";
import { ResponseHeadReader } from "./response-head-reader.ts";

/** The response head, or the idle time without an exchange. */
const WAIT_SLOT = 0;
const REQUEST_SLOT = 1;
const BODY_SLOT = 2;
const AGE_SLOT = 3;
const SHUTDOWN_SLOT = 4;
const CONTINUE_SLOT = 5;
const slots = 6;

const anyVersion = "HTTP/";

export class ClientConnection implements Connection, Machine, BodyReceiverOwner, BodyWriterOwner {
  readonly #options: ResolvedClientOptions;
  readonly #timer: Timer | null;
  readonly #observer: Observer | undefined;
  readonly #driver: Driver;
  readonly #head: ResponseHeadReader;
  readonly #receiver: BodyReceiver;
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
  #answered = 0;
  /** The exchange behind which HTTP ends as soon as the transport has taken what was written. */
  #leaving: ClientExchange | undefined;
  #upgraded: ClientExchange | undefined;
  #ready: { readonly resolve: () => void; readonly reject: (error: HttpError) => void }[] = [];
  /** Somebody waits to send until the transport takes more. */
  #waitsForRoom = false;
  #error: HttpError | undefined;

  constructor(io: Io, options: ResolvedClientOptions, timer: Timer | null, observer: Observer | undefined) {
    this.#options = options;
    this.#timer = timer;
    this.#observer = observer;
    this.#driver = new Driver(io, this, options, slots, timer, observer);
    this.#head = new ResponseHeadReader(options);
    this.#receiver = new BodyReceiver(this.#driver, this, options, timer, BODY_SLOT);
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
    if (this.#over) return;
    this.#driver.enter();
    this.#last = true;
    if (deadlineMs !== undefined) this.#driver.deadlines.set(SHUTDOWN_SLOT, Math.max(1, deadlineMs));
    if (this.#exchanges.length === 0) this.#close();
    this.#rejectWaiting();
    this.#driver.leave();
  }

  abort(reason?: unknown): void {
    this.#driver.abort(new HttpError("canceled", "ABORTED", "the connection was aborted", { cause: reason }));
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
    const waiting = this.#exchanges.length;
    return waiting === 0 || (waiting < this.#options.pipelining && this.#exchanges.every(isPipelined));
  }

  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    if (this.isClosed) return Promise.reject(this.#closedError());
    if (this.#driver.blocked) this.#waitsForRoom = true;
    return new Promise((resolve, reject) => this.#ready.push({ resolve, reject }));
  }

  send(request: HttpRequest, options: SendOptions): Promise<HttpResponse> {
    const refused = this.#refuseNow(request, options);
    if (refused !== undefined) return Promise.reject(markUnsent(refused));
    const { timeouts } = options;
    const writer = this.#headWriter;
    const last = this.#accepted + 1 >= this.#options.maxRequestsPerConnection;
    let head: string;
    try {
      if (timeouts !== undefined) checkTimeouts(timeouts);
      head = writer.write(request, last);
    } catch (error) {
      return Promise.reject(HttpError.is(error) ? markUnsent(error) : error);
    }
    this.#driver.enter();
    const offset = this.#driver.bytesWritten + this.#driver.output.length;
    const facts = { offset, wantsUpgrade: writer.wantsUpgrade, keepAlive: writer.keepAlive };
    const exchange = new ClientExchange(request, options, facts, () => this.#signaled(exchange));
    this.#exchanges.push(exchange);
    this.#sending = exchange;
    this.#accepted++;
    if (last || !writer.keepAlive) this.#last = true;
    const deadlines = this.#driver.deadlines;
    deadlines.clear(WAIT_SLOT);
    this.#driver.writeTimeoutMs = timeouts?.writeTimeoutMs ?? this.#options.writeTimeoutMs;
    if (this.#exchanges.length === 1) this.#startRequestTimer(exchange);
    this.#driver.output.text(head);
    this.#observer?.requestStarted?.(request);
    if (this.#over) {
      // The observer has ended the connection; nobody would send the content, or let it go.
    } else if (writer.expectsContinue) {
      exchange.awaitsContinue = true;
      deadlines.set(CONTINUE_SLOT, timeouts?.expectContinueTimeoutMs ?? this.#options.expectContinueTimeoutMs);
    } else {
      this.#bodyWriter.start(request.body, writer);
    }
    this.#driver.leave();
    return exchange.response;
  }

  /** Why `request` cannot be taken now; it can be sent elsewhere. */
  #refuseNow(request: HttpRequest, options: SendOptions): HttpError | undefined {
    if (this.isClosed) return this.#closedError();
    const signal = options.signal;
    if (signal?.aborted === true) return canceled(signal.reason);
    const first = this.#exchanges.length === 0;
    if (this.isReady && (first || (isIdempotent(request.method) && request.body.isEndStream()))) return undefined;
    return new HttpError("canceled", "NOT_READY", "the connection was not ready for another request");
  }

  #closedError(): HttpError {
    return new HttpError("closed", "CLOSED", "the connection is closed", { cause: this.#error });
  }

  // Machine.

  get wantsRead(): boolean {
    if (this.#leaving !== undefined) return false;
    if (this.#receiver.active) return this.#receiver.wantsRead;
    return true;
  }

  get wantsWrite(): boolean {
    return this.#bodyWriter.stalled || this.#leaving !== undefined || this.#waitsForRoom;
  }

  get moreOutputSoon(): boolean {
    return false;
  }

  received(): void {
    this.#receiver.received();
    this.#advance();
  }

  inputEnded(): void {
    const exchange = this.#exchanges[0];
    this.#ending = true;
    if (this.#receiver.active) {
      this.#receiver.inputEnded();
    } else if (exchange === undefined) {
      this.#close();
    } else if (!exchange.answered) {
      const message = "the server ended its stream before its response was complete";
      this.#fail(new HttpError("incomplete", "INCOMPLETE_MESSAGE", message));
    } else {
      // The response is complete and the request is not; nobody is left to read the rest.
      this.#finish(exchange);
    }
  }

  writable(): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    if (leaving !== undefined) this.#handOver(leaving);
    else if (this.#bodyWriter.stalled) this.#bodyWriter.pump();
    this.#waitsForRoom = false;
    this.#wakeWaiting();
  }

  expired(slot: number): void {
    const exchange = this.#exchanges[0];
    const timeouts = exchange?.options.timeouts;
    switch (slot) {
      case WAIT_SLOT: {
        const limit = timeouts?.headTimeoutMs ?? this.#options.headTimeoutMs;
        if (exchange === undefined) this.#close();
        else this.#fail(timeoutError("headTimeoutMs", limit, "no response head came"));
        break;
      }
      case REQUEST_SLOT: {
        const limit = timeouts?.requestTimeoutMs ?? this.#options.requestTimeoutMs;
        this.#fail(timeoutError("requestTimeoutMs", limit, "no whole response came"));
        break;
      }
      case BODY_SLOT:
        this.#receiver.expired();
        break;
      case AGE_SLOT:
        this.gracefulShutdown(this.#options.maxConnectionAgeGraceMs || undefined);
        break;
      case CONTINUE_SLOT:
        // RFC 9110 10.1.1: a client need not wait for ever.
        this.#continue();
        break;
      default:
        this.#fail(new HttpError("canceled", "SHUTDOWN", "the deadline of the graceful shutdown has passed"));
        break;
    }
  }

  failed(error: HttpError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#endAll(error);
  }

  // BodyReceiverOwner: the response's content.

  contentWanted(): void {}

  contentReceived(): void {
    const exchange = this.#exchanges[0];
    if (exchange !== undefined) this.#received(exchange);
    this.#advance();
  }

  contentFailed(error: HttpError): void {
    this.#fail(error);
  }

  contentCanceled(): void {
    const exchange = this.#exchanges[0];
    if (exchange === undefined) return;
    // What is at hand costs nothing to drop; waiting for the rest may cost more than a new connection.
    try {
      if (this.#receiver.drain(this.#driver.input.length) === "complete") {
        this.#received(exchange);
        this.#advance();
        return;
      }
    } catch {
      // Malformed content is one more reason to give the connection up.
    }
    this.#fail(new HttpError("canceled", "BODY_CANCELED", "the response body was canceled"));
  }

  // BodyWriterOwner: the request's content.

  bodySent(): void {
    const exchange = this.#sending;
    if (exchange === undefined) return;
    exchange.sent = true;
    exchange.bodyTouched = this.#bodyWriter.touched;
    this.#sending = undefined;
    if (exchange === this.#exchanges[0]) {
      if (!exchange.answered) this.#startHeadTimer(exchange);
      else if (!this.#receiver.active) this.#finish(exchange);
    }
    this.#wakeWaiting();
  }

  bodyUnsent(error: HttpError): void {
    if (this.#sending !== undefined) this.#sending.bodyTouched = true;
    this.#fail(error);
  }

  // The exchange, in order.

  /** Reads heads while there is input and nothing to wait for. */
  #advance(): void {
    while (!this.#over && !this.#receiver.active && this.#leaving === undefined && this.#driver.input.length > 0) {
      const exchange = this.#exchanges[0];
      if (exchange === undefined || exchange.answered || !this.#isWritten(exchange)) {
        this.#fail(unexpectedBytes());
        return;
      }
      if (this.#mayBeHttp09()) {
        const verdict = this.#isHttp09();
        if (verdict) this.#answer09(exchange);
        if (verdict !== false) return;
      }
      try {
        if (!this.#head.read(this.#driver.input)) return;
      } catch (error) {
        this.#fail(asHttpError(error));
        return;
      }
      this.#headReceived(exchange);
    }
  }

  #startRequestTimer(exchange: ClientExchange): void {
    const limit = exchange.options.timeouts?.requestTimeoutMs ?? this.#options.requestTimeoutMs;
    this.#driver.deadlines.set(REQUEST_SLOT, limit);
  }

  #startHeadTimer(exchange: ClientExchange): void {
    const limit = exchange.options.timeouts?.headTimeoutMs ?? this.#options.headTimeoutMs;
    this.#driver.deadlines.set(WAIT_SLOT, limit);
  }

  /** Sends the content that waited for 100 (Continue). */
  #continue(): void {
    const exchange = this.#sending;
    this.#driver.deadlines.clear(CONTINUE_SLOT);
    if (exchange?.awaitsContinue !== true) return;
    exchange.awaitsContinue = false;
    this.#bodyWriter.start(exchange.request.body, this.#headWriter);
  }

  #headReceived(exchange: ClientExchange): void {
    const head = this.#head;
    if (head.status === 101) {
      this.#switchProtocols(exchange);
    } else if (head.status < 200) {
      this.#informational(exchange);
    } else {
      this.#final(exchange);
    }
  }

  /** RFC 9110 15.2: any number of these may come before the final response. */
  #informational(exchange: ClientExchange): void {
    const { status, headers } = this.#head;
    if (++exchange.informationals > this.#options.maxInformational) {
      const message = `more than ${this.#options.maxInformational} informational responses`;
      this.#fail(new HttpError("limit", "TOO_MANY_INFORMATIONAL", message));
      return;
    }
    this.#head.reset();
    this.#observer?.informational?.(exchange.request, status, headers);
    if (this.#over) return;
    try {
      exchange.options.onInformational?.(status, headers);
    } catch (error) {
      this.#fail(new HttpError("user", "ABORTED_BY_CALLBACK", "onInformational threw", { cause: error }));
    }
    // Last, since the content may fail at once, and nothing is told of a connection that has failed.
    if (status === 100) this.#continue();
  }

  #switchProtocols(exchange: ClientExchange): void {
    if (!exchange.wantsUpgrade || exchange.request.method === "CONNECT") {
      this.#fail(new HttpError("protocol", "UNEXPECTED_UPGRADE", "101 without an upgrade request (RFC 9110 15.2.2)"));
      return;
    }
    if (!exchange.sent) {
      // RFC 9110 7.8: the protocol cannot change in the middle of a message.
      this.#fail(new HttpError("protocol", "UNEXPECTED_UPGRADE", "101 before the request was sent whole"));
      return;
    }
    this.#handOver(exchange);
  }

  #final(exchange: ClientExchange): void {
    const { status, contentLength } = this.#head;
    this.#answered++;
    if (!this.#keepsAlive(exchange)) this.#ending = true;
    if (exchange.awaitsContinue) this.#dropContent(exchange);
    if (exchange.request.method === "CONNECT" && status >= 200 && status < 300) {
      this.#handOver(exchange);
      return;
    }
    const decoder = this.#decoder(exchange);
    if (contentLength > this.#options.maxBodyBytes && decoder !== undefined) {
      this.#fail(bodyTooLarge(this.#options.maxBodyBytes));
      return;
    }
    if (decoder === undefined) {
      this.#deliver(exchange, empty());
      this.#received(exchange);
      return;
    }
    const body = this.#receiver.start(decoder);
    this.#receiver.timeoutMs = exchange.options.timeouts?.bodyTimeoutMs ?? this.#options.bodyTimeoutMs;
    this.#deliver(exchange, body);
  }

  /** RFC 9112 6.3: how the content ends; `undefined` if there is none. */
  #decoder(exchange: ClientExchange): BodyDecoder | undefined {
    const { status, transferEncoding, contentLength } = this.#head;
    if (exchange.request.method === "HEAD" || status === 204 || status === 304) return undefined;
    if (transferEncoding === TRANSFER_CHUNKED) return new ChunkedDecoder(this.#options);
    if (transferEncoding !== TRANSFER_NONE || contentLength < 0) {
      this.#ending = true;
      return new CloseDecoder();
    }
    return contentLength === 0 ? undefined : new LengthDecoder(contentLength);
  }

  /** RFC 9112 9.3. */
  #keepsAlive(exchange: ClientExchange): boolean {
    const head = this.#head;
    if (!exchange.keepAlive || head.connectionClose || head.ambiguousFraming) return false;
    return head.minorVersion > 0 || head.connectionKeepAlive;
  }

  /** The server has answered without having asked for the content: it is not sent, and so the connection cannot go on. */
  #dropContent(exchange: ClientExchange): void {
    exchange.awaitsContinue = false;
    this.#driver.deadlines.clear(CONTINUE_SLOT);
    this.#ending = true;
    this.#bodyWriter.start(exchange.request.body, { framing: NO_CONTENT, length: 0, trailerNames: undefined });
  }

  #deliver(exchange: ClientExchange, body: Body): HttpResponse {
    const head = this.#head;
    this.#driver.deadlines.clear(WAIT_SLOT);
    const response = new HttpResponse(head.status, head.headers, body);
    if (head.minorVersion === 0) response.version = "HTTP/1.0";
    if (head.reason !== (canonicalReason(head.status) ?? "")) response.extension(reasonPhraseKey, head.reason);
    attachToResponse(response, exchange);
    head.reset();
    this.#observer?.responseStarted?.(exchange.request, response);
    exchange.answer(response);
    return response;
  }

  /** Leaves HTTP: the transport goes to whoever asks for it. */
  #handOver(exchange: ClientExchange): void {
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
    this.#deliver(exchange, empty());
    exchange.end();
    this.#observer?.exchangeEnded?.(exchange.request);
    if (this.#driver.isOpen) {
      exchange.pendingUpgrade.fulfill(this.#driver.detach(), this.#timer, this.#options.idleTimeoutMs);
    } else {
      exchange.pendingUpgrade.fail(new HttpError("canceled", "UPGRADE_CANCELED", "the connection was aborted"));
    }
    this.#rejectWaiting();
  }

  /** The response of `exchange` has been received whole. */
  #received(exchange: ClientExchange): void {
    if (this.#over) return;
    // RFC 9112 9.5: once the server has said all it will say, the rest of the request would be sent in vain.
    if (exchange.sent || this.#ending) this.#finish(exchange);
  }

  #finish(exchange: ClientExchange): void {
    this.#exchanges.shift();
    this.#driver.deadlines.clear(REQUEST_SLOT);
    exchange.end();
    this.#observer?.exchangeEnded?.(exchange.request);
    const next = this.#exchanges[0];
    if (next === undefined) {
      if (this.#last || this.#ending) this.#close();
      else this.#driver.deadlines.set(WAIT_SLOT, this.#options.idleTimeoutMs);
    } else if (this.#ending) {
      this.#fail(new HttpError("closed", "CLOSED", "the server closes the connection before it answers this request"));
    } else {
      this.#startRequestTimer(next);
      if (next.sent) this.#startHeadTimer(next);
    }
    this.#wakeWaiting();
  }

  #signaled(exchange: ClientExchange): void {
    if (!this.#exchanges.includes(exchange)) return;
    this.#driver.enter();
    this.#fail(canceled(exchange.options.signal?.reason));
    this.#driver.leave();
  }

  #mayBeHttp09(): boolean {
    return this.#options.http09Responses && this.#answered === 0 && !this.#head.begun;
  }

  /** Whether what comes is no status line; `undefined` while there is too little of it to tell. */
  #isHttp09(): boolean | undefined {
    const { bytes, start, length } = this.#driver.input;
    for (let i = 0; i < Math.min(length, anyVersion.length); i++) {
      if (bytes[start + i] !== anyVersion.charCodeAt(i)) return true;
    }
    return length < anyVersion.length ? undefined : false;
  }

  /** HTTP/0.9: everything that comes is the content. */
  #answer09(exchange: ClientExchange): void {
    this.#answered++;
    this.#ending = true;
    this.#head.status = 200;
    this.#head.reason = "OK";
    const response = this.#deliver(exchange, this.#receiver.start(new CloseDecoder()));
    response.version = "HTTP/0.9";
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#bodyWriter.cancel(undefined);
    this.#sending = undefined;
    this.#driver.close();
    this.#rejectWaiting();
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
    this.#receiver.stop(error);
    for (const exchange of exchanges) {
      const intact = !(exchange.bodyTouched || this.#isWritten(exchange));
      if (exchange === sending) this.#dropBody(exchange, intact, error);
      exchange.fail(intact ? unsent(error) : error);
      this.#observer?.exchangeEnded?.(exchange.request, error);
    }
    // Content of an exchange that was answered before it was sent whole.
    this.#bodyWriter.cancel(error);
    this.#rejectWaiting();
  }

  /** Lets go of the content that was to be sent. An intact request keeps it: it can be sent elsewhere. */
  #dropBody(exchange: ClientExchange, intact: boolean, error: HttpError): void {
    if (intact) this.#bodyWriter.release();
    else if (exchange.awaitsContinue) cancelQuietly(exchange.request.body, error);
    else this.#bodyWriter.cancel(error);
  }

  /** Whether any of the request has been handed to the transport. */
  #isWritten(exchange: ClientExchange): boolean {
    return this.#driver.bytesWritten > exchange.offset;
  }

  #wakeWaiting(): void {
    if (this.#ready.length === 0) return;
    if (this.isReady) this.#ready.shift()?.resolve();
    else this.#waitsForRoom = this.#driver.blocked;
  }

  #rejectWaiting(): void {
    for (const waiting of this.#ready.splice(0)) waiting.reject(this.#closedError());
  }
}

/** RFC 9112 9.3.2: only what may be repeated is sent before the earlier ones are answered. */
function isPipelined(exchange: ClientExchange): boolean {
  return exchange.sent && isIdempotent(exchange.request.method) && !exchange.wantsUpgrade;
}

function canceled(reason: unknown): HttpError {
  return new HttpError("canceled", "CANCELED", "the request was canceled by its signal", { cause: reason });
}

/** The connection failed before any of the request was written. */
function unsent(error: HttpError): HttpError {
  const message = "the connection failed before the request was written";
  return markUnsent(new HttpError("canceled", "UNSENT", message, { cause: error }));
}

function unexpectedBytes(): HttpError {
  return new HttpError("protocol", "UNEXPECTED_MESSAGE", "the server sent bytes that belong to no request");
}

function asHttpError(error: unknown): HttpError {
  return HttpError.find(error) ?? new HttpError("user", "INTERNAL", "the connection failed", { cause: error });
}
