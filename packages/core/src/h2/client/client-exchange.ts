/**
 * One request and its response on a client: waits for a stream, sends the request, hands the response out.
 */
import { empty, full } from "@sluice/body";
import { canceledBySignal, markUnanswered, markUnsent } from "../../client/errors.ts";
import { limitsOf, type RequestLimits, type SendOptions, tellEnd } from "../../client/send-options.ts";
import { timeoutError } from "../../driver/driver.ts";
import { HttpError } from "../../error.ts";
import type { Exchange } from "../../message/exchange.ts";
import { cancelQuietly, endsQuietly } from "../../message/outgoing-body.ts";
import type { HttpRequest } from "../../message/request.ts";
import { attachToResponse, type HttpResponse } from "../../message/response.ts";
import { noUpgrade, PendingUpgrade } from "../../upgrade/pending-upgrade.ts";
import type { Upgraded } from "../../upgrade/upgraded.ts";
import { BodySender, type BodySenderOwner } from "../connection/body-sender.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { resetReason } from "../connection/reset-reason.ts";
import { StreamBody, type StreamBodyOwner } from "../connection/stream-body.ts";
import type { StreamIo } from "../connection/stream-io.ts";
import { CANCEL, NO_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { ResponseHead } from "../head/response-head.ts";
import { streamError } from "../http2-error.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import type { ClientConnection } from "./client-connection.ts";
import { CONTENT, contentOf, NO_CONTENT, TUNNEL } from "./response-content.ts";
import type { ResponseHandler } from "./response-handler.ts";

const nothing = new Uint8Array(0);

/** Waits for a stream. */
const QUEUED = 0;
/** Waits for the response. */
const SENT = 1;
/** The response is being received. */
const ANSWERED = 2;
const OVER = 3;

export class ClientExchange implements ResponseHandler, Exchange, StreamBodyOwner, BodySenderOwner {
  readonly request: HttpRequest;
  readonly response: Promise<HttpResponse>;
  queuedAt = -1;
  readonly #connection: ClientConnection;
  readonly #machine: Http2Machine;
  readonly #options: SendOptions;
  readonly #limits: RequestLimits;
  #state = QUEUED;
  #stream: Stream | undefined;
  #sender: BodySender | undefined;
  #body: StreamBody | undefined;
  /** The content waits for 100 (Continue). */
  #awaitsContinue = false;
  /** The observer knows of the request. */
  #isStarted = false;
  /** No more of the request is sent: the answer does not depend on it. */
  #stopped = false;
  /** The request has been handed to the output to its last byte. */
  #requestSent = false;
  #informationals = 0;
  /** What the connection had read when the request was sent. */
  #readsBefore = 0;
  #informationalBytes = 0;
  #upgrade: PendingUpgrade | undefined;
  #tunnel: StreamIo | undefined;
  /** When the response must have been received whole. */
  #receiveBy = Number.POSITIVE_INFINITY;
  #resolve: ((response: HttpResponse) => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;

  constructor(connection: ClientConnection, request: HttpRequest, options: SendOptions) {
    this.#connection = connection;
    this.#machine = connection.machine;
    this.request = request;
    this.#options = options;
    this.#limits = limitsOf(options.timeouts, connection.options);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener("abort", this.#signaled);
  }

  /** The stream of the request is open and its head prepared: sends it. */
  begin(stream: Stream): void {
    const { headWriter } = this.#connection;
    const machine = this.#machine;
    this.#stream = stream;
    this.#readsBefore = machine.reads;
    this.#state = SENT;
    const { body } = this.request;
    const { noContent, length, expectsContinue, isConnect } = headWriter;
    const endStream = !isConnect && (noContent || (length <= 0 && endsQuietly(body)));
    const sender = endStream || isConnect ? undefined : new BodySender(machine, this, stream, body, length);
    this.#sender = sender;
    this.#limit();
    const mark = machine.outbound.openHeaders(stream, endStream);
    headWriter.write(machine.driver.output.writer, machine.encoder);
    machine.outbound.closeHeaders(stream, mark, endStream);
    // Behind the head: an observer may end the stream, or send another request.
    if (this.#state === SENT) {
      this.#isStarted = true;
      machine.observer?.requestStarted?.(this.request);
    }
    if (sender === undefined) {
      if (!endsQuietly(body)) cancelQuietly(body, undefined);
      if (isConnect) this.#await(this.#limits.headTimeoutMs);
      return;
    }
    if (this.#state !== SENT) return;
    this.#awaitsContinue = expectsContinue;
    this.#await(expectsContinue ? this.#limits.expectContinueTimeoutMs : 0);
    if (!expectsContinue) sender.start();
  }

  /** The request cannot be sent, or will not be processed. */
  refuse(error: HttpError): void {
    this.#end(error);
  }

  // ResponseHandler.

  headReceived(stream: Stream, head: ResponseHead, endStream: boolean): void {
    if (head.status < 200) {
      this.#informational(stream, head, endStream);
      return;
    }
    const { request } = this;
    const content = contentOf(request.method, head, stream.id, endStream);
    const response = head.toResponse();
    stream.headReceived = true;
    if (head.status >= 300 || this.#awaitsContinue) this.#stopSending();
    if (content === CONTENT) stream.contentLength = head.contentLength;
    attachToResponse(response, this);
    this.#state = ANSWERED;
    this.#machine.observer?.responseStarted?.(request, response);
    if (this.#state !== ANSWERED) return;
    if (content === TUNNEL) {
      this.#grant(stream);
    } else if (content === NO_CONTENT) {
      this.#machine.inbound.discard(stream);
      response.body = empty();
    } else if (!endStream) {
      this.#body = new StreamBody(stream, this);
      response.body = this.#body;
    }
    // What CONNECT left open for a tunnel ends with the refusal.
    if (request.method === "CONNECT" && content !== TUNNEL) this.#machine.outbound.data(stream, nothing, true);
    this.#await(0);
    // It will not be sent once more.
    this.#sender?.takeBack();
    this.#resolve?.(response);
  }

  ended(stream: Stream): void {
    if (this.#state !== ANSWERED) return;
    // RFC 9113 8.1: what the server did not wait for is given up, and the response is whole all the same.
    if (this.#stopped && !this.#requestSent) {
      this.#machine.streams.reset(
        stream,
        NO_ERROR,
        new HttpError("canceled", "REQUEST_STOPPED", "the response came early"),
      );
      return;
    }
    if (this.#requestSent) this.#complete();
    else this.#await(0);
  }

  drained(_stream: Stream): void {
    if (this.#tunnel !== undefined) this.#tunnel.sentSome();
    else this.#sender?.pump();
  }

  sent(stream: Stream): void {
    this.#requestSent = true;
    this.#tunnel?.sentEnd();
    if (this.#state === SENT) this.#await(this.#limits.headTimeoutMs);
    else if (this.#state === ANSWERED && stream.endReceived) this.#complete();
  }

  failed(stream: Stream, error: HttpError): void {
    this.#tunnel?.failed(error);
    // RFC 9113 8.1: a response that is whole stays so.
    if (this.#state === ANSWERED && stream.endReceived) {
      this.#sender?.cancel(error);
      this.#complete();
    } else {
      this.#end(error);
    }
  }

  expired(stream: Stream): void {
    const { headTimeoutMs, requestTimeoutMs, bodyTimeoutMs } = this.#limits;
    const late = this.#machine.now() >= this.#receiveBy;
    if (isClosed(stream.state)) {
      this.#drop(stream, timeoutError("requestTimeoutMs", requestTimeoutMs, "the response was not read"));
    } else if (late) {
      this.#cancel(timeoutError("requestTimeoutMs", requestTimeoutMs, "no whole response came"));
    } else if (this.#awaitsContinue) {
      // RFC 9110 10.1.1: a client need not wait for ever.
      this.#continue();
    } else if (this.#state === SENT && this.#requestSent) {
      this.#cancel(timeoutError("headTimeoutMs", headTimeoutMs, "no response head came"));
    } else {
      this.#cancel(timeoutError("bodyTimeoutMs", bodyTimeoutMs, "no bytes of the body came"));
    }
  }

  // StreamBodyOwner: the response's content.

  bodyWanted(): void {
    this.#machine.enter();
    this.#await(this.#limits.bodyTimeoutMs);
    this.#machine.leave();
  }

  bodyTaken(stream: Stream, count: number): void {
    this.#machine.enter();
    this.#machine.inbound.release(stream, count);
    this.#await(0);
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
    // With all of the content received nothing but the end is to come. A reset would tell the server of a failure, and be counted.
    const isWhole = this.#requestSent && stream.received === stream.contentLength;
    if (isWhole && !isClosed(stream.state)) this.#machine.inbound.discard(stream);
    else this.#drop(stream, new HttpError("canceled", "BODY_CANCELED", "the response body was canceled"));
    this.#machine.leave();
  }

  // BodySenderOwner: the request's content.

  bodyUnsent(error: HttpError): void {
    const stream = this.#stream as Stream;
    stream.canceled = true;
    this.#machine.streams.reset(stream, resetReason(error, CANCEL), error);
  }

  // Exchange: called through the response the program holds.

  upgrade(): Promise<Upgraded> {
    return this.#upgrade?.wait() ?? Promise.reject(noUpgrade("the response grants no tunnel"));
  }

  informational(): boolean {
    return false;
  }

  setTimeouts(): void {}

  // The parts.

  readonly #signaled = (): void => {
    this.#machine.enter();
    const error = canceledBySignal(this.#options.signal?.reason);
    if (this.#state === QUEUED) {
      this.#connection.leaveQueue(this);
      this.#end(markUnsent(error));
    } else {
      this.#cancel(error);
    }
    this.#machine.leave();
  };

  #informational(stream: Stream, head: ResponseHead, endStream: boolean): void {
    const { status, headers } = head;
    if (endStream) {
      // RFC 9113 8.1.
      const message = `HEADERS: an informational response, ${status}, must not carry END_STREAM (RFC 9113 8.1)`;
      throw streamError(stream.id, PROTOCOL_ERROR, "INFORMATIONAL_WITH_END_STREAM", message);
    }
    this.#informationalBytes += this.#machine.blocks.listBytes;
    const { maxInformational, maxHeaderListBytes } = this.#connection.options;
    if (++this.#informationals > maxInformational || this.#informationalBytes > maxHeaderListBytes) {
      const message = `at most ${maxInformational} informational responses of ${maxHeaderListBytes} octets are accepted`;
      throw streamError(stream.id, PROTOCOL_ERROR, "TOO_MANY_INFORMATIONAL", message);
    }
    this.#machine.observer?.informational?.(this.request, status, headers);
    try {
      this.#options.onInformational?.(status, headers);
    } catch (cause) {
      this.#cancel(new HttpError("user", "CALLBACK_FAILED", "onInformational threw", { cause }));
      return;
    }
    if (status === 100 && this.#awaitsContinue) this.#continue();
  }

  /** Sends the content that waited for 100 (Continue). */
  #continue(): void {
    this.#awaitsContinue = false;
    this.#await(0);
    this.#sender?.start();
  }

  /** The server has answered without waiting for all of the request; nothing more of it is sent. */
  #stopSending(): void {
    this.#awaitsContinue = false;
    if (this.#requestSent || this.#sender === undefined) return;
    this.#stopped = true;
    this.#sender.cancel(undefined);
    this.#machine.outbound.drop(this.#stream as Stream);
  }

  /** CONNECT was answered with 2xx: the stream is a tunnel from here on. */
  #grant(stream: Stream): void {
    this.#tunnel = this.#connection.tunnel(stream, this.request);
    this.#upgrade = new PendingUpgrade();
    const { options, timer } = this.#connection;
    this.#upgrade.fulfill({ io: this.#tunnel, readBuffer: new Uint8Array(0) }, timer, options.idleTimeoutMs);
    this.#receiveBy = Number.POSITIVE_INFINITY;
  }

  /** Gives the exchange up. */
  #cancel(error: HttpError): void {
    const stream = this.#stream;
    if (stream === undefined || isClosed(stream.state)) return;
    stream.canceled = true;
    // Reset first: a stream that is over needs no credit of its own.
    this.#machine.streams.reset(stream, CANCEL, error);
    this.#machine.inbound.discard(stream);
    if (this.#connection.options.probeAfterCancel) this.#machine.probe(this.#readsBefore);
  }

  /** The rest of the response is not wanted. */
  #drop(stream: Stream, error: HttpError): void {
    if (!isClosed(stream.state)) {
      this.#cancel(error);
      return;
    }
    this.#body?.fail(error);
    this.#machine.inbound.discard(stream);
    this.#machine.streams.consumed(stream);
  }

  /** The response was received to its last byte, and nothing more is sent. */
  #complete(): void {
    this.#state = OVER;
    this.#options.signal?.removeEventListener("abort", this.#signaled);
    this.#machine.observer?.exchangeEnded?.(this.request);
    tellEnd(this.#options);
  }

  #end(error: HttpError): void {
    if (this.#state === OVER) return;
    const unprocessed = error.code === "REFUSED_STREAM" || error.code === "GOAWAY";
    const repeatable = unprocessed && this.#hasBody();
    const silent = this.#state === SENT && this.#informationals === 0;
    this.#state = OVER;
    this.#options.signal?.removeEventListener("abort", this.#signaled);
    if (!repeatable) this.#sender?.cancel(error);
    const shown = repeatable ? this.#unprocessed(error) : error;
    if (silent && this.#machine.isOver) markUnanswered(shown);
    this.#upgrade?.fail(new HttpError("canceled", "UPGRADE_CANCELED", error.message, { cause: error }));
    this.#reject?.(shown);
    if (this.#isStarted) this.#machine.observer?.exchangeEnded?.(this.request, shown);
    tellEnd(this.#options, shown);
  }

  /** Whether the request has its body still, or again: what was sent as a whole is put back. */
  #hasBody(): boolean {
    const sender = this.#sender;
    if (sender === undefined || !sender.touched) return true;
    const whole = sender.takeBack();
    if (whole !== undefined) this.request.body = full(whole);
    return whole !== undefined;
  }

  /** The same error for this request alone, to say that it can be sent elsewhere. */
  #unprocessed(error: HttpError): HttpError {
    const { kind, code, message, reason } = error;
    return markUnsent(
      new HttpError(kind, code, message, reason === undefined ? undefined : { reason, cause: error.cause }),
    );
  }

  /** Starts the limit of the whole. */
  #limit(): void {
    const { requestTimeoutMs } = this.#limits;
    if (requestTimeoutMs > 0) this.#receiveBy = this.#machine.now() + requestTimeoutMs;
  }

  /** Something must happen on the stream in `limitMs`, or 0, and within the limit of the whole. */
  #await(limitMs: number): void {
    const stream = this.#stream as Stream;
    // What waits stays readable when the stream is gone, in any time.
    if (stream.error !== undefined || this.#machine.isOver) return;
    // Each chunk comes by here: the clock is read only for a limit of its own.
    const at = limitMs === 0 ? this.#receiveBy : Math.min(this.#receiveBy, this.#machine.now() + limitMs);
    this.#machine.streams.deadlines.setAt(stream, at);
  }
}
