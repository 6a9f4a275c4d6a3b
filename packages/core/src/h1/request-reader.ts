/**
 * The receiving half of a server connection: reads one request after another, within the time limits for receiving (RFC 9112
 * sections 3, 6.3).
 */
import { type Body, empty } from "@sluice/body";
import { type Driver, timeoutError } from "../driver/driver.ts";
import type { HttpError } from "../error.ts";
import { HttpRequest } from "../message/request.ts";
import type { ExchangeTimeouts } from "../message/timeouts.ts";
import type { Timer } from "../rt/io.ts";
import { ChunkedDecoder, LengthDecoder } from "./body-decoder.ts";
import { BodyReceiver, type BodyReceiverOwner, bodyTooLarge, type Drained } from "./body-receiver.ts";
import { TRANSFER_NONE } from "./head-reader.ts";
import type { ResolvedServerOptions } from "./options.ts";
import { RequestHeadReader } from "./request-head-reader.ts";

/** The deadlines of a request: for its head, or the idle time before it; for the whole; for the next bytes of content. */
export const HEAD_SLOT = 0;
export const REQUEST_SLOT = 1;
export const BODY_SLOT = 2;

export interface RequestReaderOwner {
  /** A reader waits for content that the client sends only after 100 (Continue). */
  continueWanted(): void;
  /** The content has been received to its end. */
  requestReceived(): void;
  /** The request is malformed, too large or too slow. */
  requestFailed(error: HttpError): void;
  /** The reader of the content lost interest. */
  contentCanceled(): void;
}

export class RequestReader implements BodyReceiverOwner {
  /** What the last head says. */
  readonly head: RequestHeadReader;
  /** The client waits for 100 (Continue) before it sends content. */
  owesContinue = false;
  /** Requests so far. */
  count = 0;
  readonly #driver: Driver;
  readonly #owner: RequestReaderOwner;
  readonly #options: ResolvedServerOptions;
  readonly #timer: Timer | null;
  /** Made for the first request that has content: many connections never bring one. */
  #receiver: BodyReceiver | undefined;
  /** The time until the next request has not been limited yet. */
  #rested = false;
  #requestLimitMs = 0;

  constructor(driver: Driver, owner: RequestReaderOwner, options: ResolvedServerOptions, timer: Timer | null) {
    this.#driver = driver;
    this.#owner = owner;
    this.#options = options;
    this.head = new RequestHeadReader(options);
    this.#timer = timer;
    driver.deadlines.set(HEAD_SLOT, options.headTimeoutMs);
  }

  /** Whether nothing of the next request has been received. */
  get isIdle(): boolean {
    return !this.head.begun && this.#driver.input.length === 0;
  }

  /** Whether content is still to be received. */
  get active(): boolean {
    return this.#receiver?.active === true;
  }

  /** Whether to read on behalf of the content. */
  get wantsRead(): boolean {
    return this.#receiver?.wantsRead === true;
  }

  /** Whether the service has begun to read the content and has not given up. */
  get hasReader(): boolean {
    return this.#receiver?.hasReader === true;
  }

  /**
   * Takes what there is of a head; true once it is complete.
   * @throws HttpError with the status to answer.
   */
  readHead(): boolean {
    const begun = this.head.begun;
    if (this.#driver.input.length === 0) {
      this.#rest();
      return false;
    }
    if (this.head.read(this.#driver.input)) {
      this.#driver.deadlines.clear(HEAD_SLOT);
      this.count++;
      if (this.head.contentLength > this.#options.maxBodyBytes) throw bodyTooLarge(this.#options.maxBodyBytes);
      return true;
    }
    if (!begun && this.head.begun) {
      this.#driver.deadlines.set(HEAD_SLOT, this.#options.headTimeoutMs);
      this.#limitRequest(this.#options.requestTimeoutMs);
    } else {
      this.#rest();
    }
    return false;
  }

  /** The request whose head has been read. */
  request(): HttpRequest {
    const { method, target, headers, minorVersion } = this.head;
    const request = new HttpRequest(method, target, headers, this.#content());
    if (minorVersion === 0) request.version = "HTTP/1.0";
    return request;
  }

  /** Makes ready for the next request, which may be `idleTimeoutMs` away. */
  next(): void {
    this.owesContinue = false;
    this.head.reset();
    this.#rested = true;
  }

  /** Bytes have arrived. */
  receive(): void {
    this.#receiver?.received();
  }

  /** The client has ended its stream. */
  inputEnded(): void {
    this.#receiver?.inputEnded();
  }

  /** Drops the rest of the content, up to `maxDrainBytes`. @throws HttpError if it is malformed. */
  drain(): Drained {
    return this.#receiver?.drain(this.#options.maxDrainBytes) ?? "complete";
  }

  /** The response has been sent and somebody still reads: limits how long that may rest. */
  awaitReader(): void {
    this.#receiver?.awaitReader();
  }

  /** Fails the content because the connection has failed. */
  stop(error: HttpError): void {
    this.#receiver?.stop(error);
  }

  /** The error of a time limit, or `undefined` if the connection has merely been idle. */
  expired(slot: number): HttpError | undefined {
    if (slot === REQUEST_SLOT)
      return timeoutError("requestTimeoutMs", this.#requestLimitMs, "no whole request came", 408);
    const { headTimeoutMs } = this.#options;
    if (this.head.begun) return timeoutError("headTimeoutMs", headTimeoutMs, "no whole head came", 408);
    return this.count === 0 ? timeoutError("headTimeoutMs", headTimeoutMs, "no request came") : undefined;
  }

  contentExpired(): void {
    this.#receiver?.expired();
  }

  setTimeouts(timeouts: ExchangeTimeouts): void {
    if (timeouts.bodyTimeoutMs !== undefined && this.#receiver !== undefined) {
      this.#receiver.timeoutMs = timeouts.bodyTimeoutMs;
      if (this.#receiver.wantsRead) this.#driver.deadlines.set(BODY_SLOT, timeouts.bodyTimeoutMs);
    }
    if (timeouts.requestTimeoutMs !== undefined && this.active) this.#limitRequest(timeouts.requestTimeoutMs);
  }

  contentWanted(): void {
    if (this.owesContinue) this.#owner.continueWanted();
  }

  contentReceived(): void {
    this.#driver.deadlines.clear(REQUEST_SLOT);
    // RFC 9110 10.1.1: a client may have sent its content without waiting for 100.
    this.owesContinue = false;
    this.#owner.requestReceived();
  }

  contentFailed(error: HttpError): void {
    this.#owner.requestFailed(error);
  }

  contentCanceled(): void {
    this.#owner.contentCanceled();
  }

  /** RFC 9112 6.3: content is announced by Transfer-Encoding or by Content-Length, or there is none. */
  #content(): Body {
    const head = this.head;
    const deadlines = this.#driver.deadlines;
    const chunked = head.transferEncoding !== TRANSFER_NONE;
    if (!chunked && head.contentLength <= 0) {
      deadlines.clear(REQUEST_SLOT);
      return empty();
    }
    if (!deadlines.isSet(REQUEST_SLOT)) this.#limitRequest(this.#options.requestTimeoutMs);
    // RFC 9110 10.1.1: HTTP/1.0 does not know 100 (Continue).
    this.owesContinue = head.expectContinue && head.minorVersion > 0;
    this.#receiver ??= new BodyReceiver(this.#driver, this, this.#options, this.#timer, BODY_SLOT);
    return this.#receiver.start(chunked ? new ChunkedDecoder(this.#options) : new LengthDecoder(head.contentLength));
  }

  /** Limits the time until the next request, once there is nothing at hand of it. */
  #rest(): void {
    if (!this.#rested) return;
    this.#rested = false;
    this.#driver.deadlines.set(HEAD_SLOT, this.#options.idleTimeoutMs);
  }

  #limitRequest(limitMs: number): void {
    this.#requestLimitMs = limitMs;
    this.#driver.deadlines.set(REQUEST_SLOT, limitMs);
  }
}
