/**
 * One request and its response on a server: the service is called, its response goes out, and the stream ends as it should
 * whatever happens on the way.
 */
import { HeaderMap } from "@sluice/body";
import { timeoutError } from "../../driver/driver.ts";
import { HttpError } from "../../error.ts";
import type { Exchange } from "../../message/exchange.ts";
import { cancelQuietly, endsQuietly } from "../../message/outgoing-body.ts";
import { abortRequest, attachToRequest, type HttpRequest } from "../../message/request.ts";
import { HttpResponse } from "../../message/response.ts";
import type { ExchangeTimeouts } from "../../message/timeouts.ts";
import { noUpgrade, PendingUpgrade } from "../../upgrade/pending-upgrade.ts";
import type { Upgraded } from "../../upgrade/upgraded.ts";
import type { BodySender, BodySenderOwner } from "../connection/body-sender.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { resetReason } from "../connection/reset-reason.ts";
import { StreamBody, type StreamBodyOwner } from "../connection/stream-body.ts";
import type { StreamIo } from "../connection/stream-io.ts";
import { CANCEL, INTERNAL_ERROR, NO_ERROR } from "../frame/error-code.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { pusherKey, RequestPusher } from "./pusher.ts";
import type { RequestHandler } from "./request-handler.ts";
import { startResponse } from "./response-start.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServiceAcceptor } from "./service-acceptor.ts";

/** Waits for its turn. */
const WAITING = 0;
/** The service works. */
const SERVICE = 1;
/** The response is being sent. */
const RESPONSE = 2;
/** The response has been sent; the request may still be read. */
const SENT = 3;
const OVER = 4;

const noFields = new HeaderMap();

export class ServerExchange implements RequestHandler, Exchange, StreamBodyOwner, BodySenderOwner {
  readonly #acceptor: ServiceAcceptor;
  readonly #connection: ServerConnection;
  readonly #machine: Http2Machine;
  readonly #request: HttpRequest;
  /** The client waits for 100 (Continue) before it sends the content. */
  #owesContinue: boolean;
  #state = WAITING;
  #stream: Stream | undefined;
  #body: StreamBody | undefined;
  #sender: BodySender | undefined;
  #upgrade: PendingUpgrade | undefined;
  #tunnel: StreamIo | undefined;
  #bodyTimeoutMs: number;
  #requestTimeoutMs: number;
  /** When the request must have been received whole. */
  #receiveBy = Number.POSITIVE_INFINITY;

  constructor(acceptor: ServiceAcceptor, connection: ServerConnection, request: HttpRequest, expectsContinue: boolean) {
    this.#acceptor = acceptor;
    this.#connection = connection;
    this.#machine = connection.machine;
    this.#request = request;
    this.#owesContinue = expectsContinue;
    this.#bodyTimeoutMs = connection.options.bodyTimeoutMs;
    this.#requestTimeoutMs = connection.options.requestTimeoutMs;
  }

  /** Whether the stream is over, so that the service need not be called any more. */
  get isOver(): boolean {
    return this.#state === OVER;
  }

  begin(stream: Stream): void {
    this.#stream = stream;
    const request = this.#request;
    attachToRequest(request, this);
    // Hardly any client does, and an extension costs its map.
    if (this.#machine.peer.enablePush) {
      request.extensions.set(pusherKey, new RequestPusher(this.#connection, stream, request));
    }
    if (!stream.endReceived) {
      if (request.method !== "CONNECT") {
        this.#body = new StreamBody(stream, this);
        request.body = this.#body;
        this.#limit(this.#requestTimeoutMs);
      }
    }
    this.#acceptor.admit(this);
  }

  /** Calls the service. Returns whether it is still at work. */
  run(): boolean {
    this.#state = SERVICE;
    const request = this.#request;
    this.#machine.observer?.requestStarted?.(request);
    // An observer may have ended the stream.
    if (this.#state !== SERVICE) return false;
    let response: HttpResponse | Promise<HttpResponse>;
    try {
      response = this.#acceptor.service.call(request);
    } catch (error) {
      this.#serviceFailed(error);
      return false;
    }
    if (response instanceof HttpResponse) {
      this.#respond(response);
      return false;
    }
    this.#machine.awaited++;
    Promise.resolve(response).then(
      (answer) => this.#answered(answer),
      (error) => this.#rejected(error),
    );
    return true;
  }

  #answered(response: HttpResponse): void {
    this.#machine.enter();
    this.#machine.awaited--;
    this.#respond(response);
    this.#acceptor.done();
    this.#machine.leave();
  }

  #rejected(error: unknown): void {
    this.#machine.enter();
    this.#machine.awaited--;
    this.#serviceFailed(error);
    this.#acceptor.done();
    this.#machine.leave();
  }

  /** The content cannot be taken: answers with the status of `error`, if it is not too late for that. */
  refuse(error: HttpError): void {
    const stream = this.#stream as Stream;
    this.#body?.fail(error);
    if (this.#state === SERVICE && error.status !== undefined) {
      this.#connection.writeStatus(stream, error.status);
      this.#end(error);
      this.#machine.streams.reset(stream, NO_ERROR, error);
      this.#machine.inbound.discard(stream);
    } else {
      this.#reset(CANCEL, error);
    }
  }

  // StreamHandler.

  ended(_stream: Stream): void {
    this.#limit(0);
    if (this.#state === SENT) this.#state = OVER;
  }

  drained(_stream: Stream): void {
    if (this.#tunnel !== undefined) this.#tunnel.sentSome();
    else this.#sender?.pump();
  }

  sent(stream: Stream): void {
    this.#tunnel?.sentEnd();
    if (this.#state !== RESPONSE) return;
    this.#state = stream.endReceived ? OVER : SENT;
    this.#machine.observer?.exchangeEnded?.(this.#request);
    this.#dropRest(stream);
  }

  failed(stream: Stream, error: HttpError): void {
    this.#tunnel?.failed(error);
    // The service will never be called, so nobody reads what waits.
    if (this.#state === WAITING) this.#machine.inbound.discard(stream);
    this.#end(error);
  }

  expired(stream: Stream): void {
    if (this.#state >= SENT) {
      this.#discardRest(stream);
    } else if (this.#machine.now() >= this.#receiveBy) {
      this.refuse(timeoutError("requestTimeoutMs", this.#requestTimeoutMs, "the request was not received whole", 408));
    } else {
      this.refuse(timeoutError("bodyTimeoutMs", this.#bodyTimeoutMs, "no bytes of the body came", 408));
    }
  }

  // StreamBodyOwner: the request's content.

  bodyWanted(stream: Stream): void {
    this.#machine.enter();
    if (this.#owesContinue && this.#state === SERVICE) this.informational(this.#request, 100, noFields);
    this.#await(stream, this.#bodyTimeoutMs);
    this.#machine.leave();
  }

  bodyTaken(stream: Stream, count: number): void {
    this.#machine.enter();
    this.#machine.inbound.release(stream, count);
    this.#await(stream, 0);
    this.#machine.streams.taken(stream);
    this.#machine.leave();
  }

  bodyFinished(stream: Stream): void {
    this.#machine.enter();
    this.#machine.streams.consumed(stream);
    this.#machine.leave();
  }

  bodyCanceled(stream: Stream): void {
    this.#machine.enter();
    this.#machine.inbound.discard(stream);
    if (this.#state >= SENT) this.#discardRest(stream);
    this.#machine.leave();
  }

  // BodySenderOwner: the response's content.

  bodyUnsent(error: HttpError): void {
    this.#reset(resetReason(error, INTERNAL_ERROR), error);
  }

  // Exchange: called through the request the service holds.

  upgrade(message: object): Promise<Upgraded> {
    const possible = message === this.#request && this.#request.method === "CONNECT";
    if (!possible || (this.#upgrade === undefined && this.#state > SERVICE)) {
      return Promise.reject(noUpgrade("the request asks for no tunnel, or was answered without one"));
    }
    this.#upgrade ??= new PendingUpgrade();
    return this.#upgrade.wait();
  }

  informational(request: object, status: number, headers: HeaderMap): boolean {
    const stream = this.#stream;
    if (request !== this.#request || this.#state !== SERVICE || stream === undefined) return false;
    this.#machine.enter();
    try {
      this.#connection.writeInformational(stream, status, headers);
      if (status === 100) this.#owesContinue = false;
      this.#machine.observer?.informational?.(this.#request, status, headers);
    } finally {
      this.#machine.leave();
    }
    return true;
  }

  setTimeouts(request: object, timeouts: ExchangeTimeouts): void {
    if (request !== this.#request || this.#state === OVER) return;
    const { bodyTimeoutMs, requestTimeoutMs } = timeouts;
    const stream = this.#stream;
    if (bodyTimeoutMs !== undefined) this.#bodyTimeoutMs = bodyTimeoutMs;
    if (stream === undefined || stream.endReceived || this.#body === undefined) return;
    if (requestTimeoutMs !== undefined) {
      this.#requestTimeoutMs = requestTimeoutMs;
      this.#limit(requestTimeoutMs);
    }
    if (this.#body.isWaiting) this.#await(stream, this.#bodyTimeoutMs);
  }

  // The response.

  #respond(response: HttpResponse): void {
    const stream = this.#stream as Stream;
    if (this.#state !== SERVICE) {
      if (response instanceof HttpResponse) cancelQuietly(response.body, undefined);
      return;
    }
    const { headWriter } = this.#connection;
    const request = this.#request;
    try {
      // An echo reads the content as it answers; behind the head it would be too late to ask for it.
      if (this.#owesContinue && response.body === request.body) this.informational(request, 100, noFields);
      headWriter.prepare(response, request.method);
      this.#connection.checkList(headWriter.listBytes);
    } catch (error) {
      this.#serviceFailed(error);
      if (response instanceof HttpResponse) cancelQuietly(response.body, error);
      return;
    }
    this.#state = RESPONSE;
    this.#machine.observer?.responseStarted?.(request, response);
    // An observer may have ended the stream.
    if (this.#state !== RESPONSE) {
      cancelQuietly(response.body, undefined);
      return;
    }
    const { closes } = headWriter;
    if (request.method === "CONNECT" && response.status < 300) {
      this.#grant(stream, response);
    } else {
      this.#upgrade?.fail(noUpgrade("the request was answered without a tunnel"));
      this.#sender = startResponse(this.#connection, stream, response, this);
      this.#sender?.start();
    }
    if (closes) this.#machine.gracefulShutdown();
  }

  /** CONNECT was answered with 2xx: the stream is a tunnel from here on. */
  #grant(stream: Stream, response: HttpResponse): void {
    const { outbound, driver, encoder } = this.#machine;
    const mark = outbound.openHeaders(stream, false);
    this.#connection.headWriter.write(driver.output.writer, encoder);
    outbound.closeHeaders(stream, mark, false);
    if (!endsQuietly(response.body)) cancelQuietly(response.body, undefined);
    const tunnel = this.#connection.tunnel(stream, this.#request);
    this.#tunnel = tunnel;
    this.#upgrade ??= new PendingUpgrade();
    const { options, timer } = this.#connection;
    this.#upgrade.fulfill({ io: tunnel, readBuffer: new Uint8Array(0) }, timer, options.idleTimeoutMs);
  }

  /** The service threw, or its response cannot be sent. */
  #serviceFailed(cause: unknown): void {
    if (this.#state !== SERVICE) return;
    this.#machine.observer?.serviceFailed?.(this.#request, cause);
    const known = HttpError.is(cause) && cause.kind === "user" ? cause : undefined;
    const message = known?.message ?? "the service failed";
    const error = new HttpError("user", known?.code ?? "SERVICE_FAILED", message, { cause });
    this.#reset(resetReason(cause, INTERNAL_ERROR), error);
  }

  /** The response has been sent. A service that has answered may go on reading, but not rest for ever. */
  #dropRest(stream: Stream): void {
    if (this.#tunnel !== undefined) return;
    const body = this.#body;
    // Behind a CONNECT that was refused there may be something all the same.
    if (body === undefined ? stream.endReceived && stream.queue === undefined : body.isFinished) return;
    if (body?.isRead === true) this.#await(stream, this.#bodyTimeoutMs);
    else this.#discardRest(stream);
  }

  /** Nobody reads the rest of the request; RFC 9113 8.1: a client that still sends it is told so. */
  #discardRest(stream: Stream): void {
    const error = new HttpError("canceled", "BODY_DROPPED", "the body was dropped before it was read");
    this.#state = OVER;
    this.#body?.fail(error);
    const wasClosed = isClosed(stream.state);
    // Reset first: a stream that is over needs no credit of its own.
    this.#machine.streams.reset(stream, NO_ERROR, error);
    this.#machine.inbound.discard(stream);
    if (wasClosed) this.#machine.streams.consumed(stream);
  }

  #reset(reason: number, error: HttpError): void {
    const stream = this.#stream as Stream;
    if (isClosed(stream.state)) {
      this.#end(error);
      return;
    }
    stream.canceled = true;
    this.#machine.streams.reset(stream, reason, error);
    this.#machine.inbound.discard(stream);
  }

  /** Tells everybody involved that the exchange is over. */
  #end(error: HttpError): void {
    const state = this.#state;
    this.#state = OVER;
    this.#sender?.cancel(error);
    this.#upgrade?.fail(new HttpError("canceled", "UPGRADE_CANCELED", "the stream ended first", { cause: error }));
    if (state >= SENT) return;
    abortRequest(this.#request, error);
    if (state === WAITING) return;
    this.#machine.observer?.exchangeEnded?.(this.#request, error);
  }

  /** The request must have been received whole in `limitMs`; 0 for no limit. */
  #limit(limitMs: number): void {
    const { deadlines } = this.#machine.streams;
    const stream = this.#stream as Stream;
    this.#receiveBy = limitMs > 0 ? this.#machine.now() + limitMs : Number.POSITIVE_INFINITY;
    deadlines.set(stream, limitMs);
  }

  /** Something must happen on the stream in `limitMs`, or 0, and within the limit of the whole. */
  #await(stream: Stream, limitMs: number): void {
    // What waits stays readable when the stream is gone, in any time.
    if (stream.error !== undefined || this.#machine.isOver) return;
    // Each chunk comes by here: the clock is read only for a limit of its own.
    const at = limitMs === 0 ? this.#receiveBy : Math.min(this.#receiveBy, this.#machine.now() + limitMs);
    this.#machine.streams.deadlines.setAt(stream, at);
  }
}
