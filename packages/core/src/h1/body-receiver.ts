/**
 * Receives the content of one message at a time, in either role: hands out its body, and keeps the limits on its size, its
 * pace and on what is dropped unread.
 */
import type { Driver } from "../driver/driver.ts";
import { timeoutError } from "../driver/driver.ts";
import { HttpError } from "../error.ts";
import type { Timer } from "../rt/io.ts";
import type { BodyDecoder } from "./body-decoder.ts";
import { BodyRate } from "./body-rate.ts";
import { Incoming, type IncomingOwner } from "./incoming.ts";

export interface BodyReceiverOwner {
  /** A reader waits for content. */
  contentWanted(): void;
  /** The content has been received to its end. */
  contentReceived(): void;
  /** The content is malformed, too large or too slow. */
  contentFailed(error: HttpError): void;
  /** The reader lost interest before the end. */
  contentCanceled(): void;
}

export interface BodyReceiverOptions {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly minBodyRate: number;
  readonly minBodyRateGraceMs: number;
}

/** What became of an attempt to drop the rest. */
export type Drained = "complete" | "waiting" | "too-much";

export class BodyReceiver implements IncomingOwner {
  /** Longest wait for the next bytes; may be replaced for one exchange. */
  timeoutMs: number;
  readonly #driver: Driver;
  readonly #owner: BodyReceiverOwner;
  readonly #options: BodyReceiverOptions;
  readonly #timer: Timer | null;
  readonly #slot: number;
  #body: Incoming | undefined;
  #touched = false;
  #abandoned = false;
  #draining = false;
  /** Nothing but the reader keeps the exchange from ending. */
  #resting = false;
  #received = 0;
  #drained = 0;
  #rate: BodyRate | undefined;

  /** @param slot The deadline of `driver` to use. */
  constructor(
    driver: Driver,
    owner: BodyReceiverOwner,
    options: BodyReceiverOptions,
    timer: Timer | null,
    slot: number,
  ) {
    this.#driver = driver;
    this.#owner = owner;
    this.#options = options;
    this.#timer = timer;
    this.#slot = slot;
    this.timeoutMs = options.bodyTimeoutMs;
  }

  /** Whether content is still to be received. */
  get active(): boolean {
    return this.#body !== undefined;
  }

  /** Whether the connection should read on behalf of the content. */
  get wantsRead(): boolean {
    return this.#body !== undefined && (this.#draining || this.#body.waiting);
  }

  /** Whether somebody has begun to read and has not given up. */
  get hasReader(): boolean {
    return this.#touched && !this.#abandoned;
  }

  /** Begins to receive content; the body that hands it out. */
  start(decoder: BodyDecoder): Incoming {
    this.#touched = false;
    this.#abandoned = false;
    this.#draining = false;
    this.#resting = false;
    this.#received = 0;
    this.#drained = 0;
    this.#rate = undefined;
    this.timeoutMs = this.#options.bodyTimeoutMs;
    this.#body = new Incoming(this, decoder, this.#driver.input);
    return this.#body;
  }

  /** Bytes have arrived. */
  received(): void {
    const body = this.#body;
    if (body === undefined) return;
    const rate = this.#rate;
    if (rate !== undefined && this.#timer !== null && !rate.came(this.#driver.input.length, this.#timer.now())) {
      const { minBodyRate } = this.#options;
      const message = `the body comes more slowly than minBodyRate = ${minBodyRate} bytes per second`;
      this.fail(new HttpError("timeout", "minBodyRate", message, { status: 408 }));
      return;
    }
    if (!body.waiting) return;
    this.#driver.deadlines.clear(this.#slot);
    body.received();
    if (body.waiting) this.#await();
  }

  /** The peer has ended its stream. */
  inputEnded(): void {
    this.#body?.inputEnded();
  }

  /** Limits how long a reader may rest before the content is taken away from it. */
  awaitReader(): void {
    if (this.#resting) return;
    this.#resting = true;
    if (this.#body?.waiting === false) this.#driver.deadlines.set(this.#slot, this.timeoutMs);
  }

  /** The wait for the next bytes, or for their reader, was too long. */
  expired(): void {
    const body = this.#body;
    if (this.#resting && body?.waiting === false && !this.#draining) {
      body.fail(new HttpError("canceled", "BODY_DROPPED", "the body was dropped before it was read"));
      this.#abandoned = true;
      this.#owner.contentCanceled();
      return;
    }
    this.fail(timeoutError("bodyTimeoutMs", this.timeoutMs, "no bytes of the body came", 408));
  }

  /** Fails the content, and the owner with it. */
  fail(error: HttpError): void {
    if (this.#body === undefined) return;
    this.stop(error);
    this.#owner.contentFailed(error);
  }

  /** Fails the content because the owner has failed. */
  stop(error: HttpError): void {
    const body = this.#body;
    this.#end();
    body?.fail(error);
  }

  /**
   * Drops content that is at hand, up to `maxBytes` over the whole message.
   * @throws HttpError if it is malformed.
   */
  drain(maxBytes: number): Drained {
    const body = this.#body;
    if (body === undefined) return "complete";
    this.#abandoned = true;
    const known = body.sizeHint().exact ?? 0;
    if (this.#drained + known > maxBytes) return "too-much";
    this.#drained += body.skip();
    // Also when that was the end: whether it is must not depend on how the bytes were cut.
    if (this.#drained > maxBytes) return "too-much";
    if (body.completed) {
      this.#end();
      return "complete";
    }
    this.#draining = true;
    this.#await();
    return "waiting";
  }

  bodyWanted(): void {
    this.#touched = true;
    this.#driver.enter();
    this.#await();
    this.#owner.contentWanted();
    this.#driver.leave();
  }

  bodyTaken(count: number): void {
    this.#touched = true;
    if (this.#resting) this.#driver.deadlines.set(this.#slot, this.timeoutMs);
    this.#received += count;
    if (this.#received > this.#options.maxBodyBytes) throw bodyTooLarge(this.#options.maxBodyBytes);
  }

  bodyCompleted(): void {
    this.#driver.enter();
    this.#end();
    this.#owner.contentReceived();
    this.#driver.leave();
  }

  bodyFailed(error: HttpError): void {
    this.#driver.enter();
    this.#end();
    this.#owner.contentFailed(error);
    this.#driver.leave();
  }

  bodyCanceled(): void {
    this.#driver.enter();
    this.#abandoned = true;
    this.#driver.deadlines.clear(this.#slot);
    this.#owner.contentCanceled();
    this.#driver.leave();
  }

  /** Waits for bytes, within the limits. */
  #await(): void {
    this.#driver.deadlines.set(this.#slot, this.timeoutMs);
    if (this.#timer === null || this.#options.minBodyRate === 0) return;
    this.#rate ??= new BodyRate(this.#options.minBodyRate, this.#options.minBodyRateGraceMs);
    this.#rate.wait(this.#timer.now());
  }

  #end(): void {
    this.#body = undefined;
    this.#driver.deadlines.clear(this.#slot);
  }
}

export function bodyTooLarge(maxBodyBytes: number): HttpError {
  return new HttpError("limit", "BODY_TOO_LARGE", `the content exceeds ${maxBodyBytes} bytes`, { status: 413 });
}
