/**
 * The body of a received message: pulls its frames from the connection's input when it is read, and not before.
 *
 * What has arrived and was not asked for stays in the transport's chunk, and no further chunk is read meanwhile: that is
 * the whole of backpressure.
 */
import { BaseBody, BodyError, type Frame, SizeHint } from "@sluice/body";
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import type { BodyDecoder } from "./body-decoder.ts";

/** What the connection is told by the bodies it hands out. */
export interface IncomingOwner {
  /** A reader waits for bytes that have not arrived. */
  bodyWanted(): void;
  /** `count` bytes of content were taken. @throws HttpError if that is too many. */
  bodyTaken(count: number): void;
  /** The content has been taken to its end. */
  bodyCompleted(): void;
  /** The content cannot be completed. */
  bodyFailed(error: HttpError): void;
  /** The reader lost interest. */
  bodyCanceled(): void;
}

interface Waiter {
  readonly resolve: (frame: Frame | null) => void;
  readonly reject: (error: unknown) => void;
}

export class Incoming extends BaseBody {
  readonly #owner: IncomingOwner;
  readonly #decoder: BodyDecoder;
  readonly #input: ReadBuffer;
  #waiter: Waiter | undefined;
  #completed = false;
  #inputEnded = false;
  #error: unknown;
  #failed = false;
  #failureTold = false;

  constructor(owner: IncomingOwner, decoder: BodyDecoder, input: ReadBuffer) {
    super();
    this.#owner = owner;
    this.#decoder = decoder;
    this.#input = input;
  }

  override frame(): Frame | null | Promise<Frame | null> {
    if (this.#failed) return this.#tellFailure();
    if (this.#completed) return null;
    if (this.#waiter !== undefined) throw new BodyError("busy", "frame() was called while an earlier call was pending");
    const frame = this.#next();
    if (frame !== undefined) return frame;
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#owner.bodyWanted();
    });
  }

  override isEndStream(): boolean {
    return this.#failed ? this.#failureTold : this.#completed;
  }

  override sizeHint(): SizeHint {
    if (this.#completed) return SizeHint.zero;
    const remaining = this.#decoder.remaining;
    return remaining === undefined ? SizeHint.unknown : SizeHint.exact(remaining);
  }

  override cancel(reason?: unknown): void {
    if (this.#completed || this.#failed) return;
    this.#fail(reason ?? new HttpError("canceled", "BODY_CANCELED", "the body was canceled"));
    this.#owner.bodyCanceled();
  }

  /** Whether a reader waits for bytes that have not arrived. */
  get waiting(): boolean {
    return this.#waiter !== undefined;
  }

  get completed(): boolean {
    return this.#completed;
  }

  /** More input has arrived. */
  received(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    try {
      const frame = this.#next();
      if (frame === undefined) return;
      this.#waiter = undefined;
      waiter.resolve(frame);
    } catch (error) {
      this.#waiter = undefined;
      waiter.reject(error);
    }
  }

  /** The peer has ended its stream: completes the content or fails it. Input at hand stays readable. */
  inputEnded(): void {
    this.#inputEnded = true;
    this.received();
  }

  /** Fails the content unless it is complete. */
  fail(error: HttpError): void {
    if (!this.#completed && !this.#failed) this.#fail(error);
  }

  /**
   * Drops what the input holds of the content, for a reader that lost interest.
   * @returns how many bytes of content were dropped; `completed` tells whether that was all.
   * @throws HttpError if the content is malformed.
   */
  skip(): number {
    // Whoever comes to read it after all must not take what is left for the whole.
    if (!this.#failed) this.#fail(new HttpError("canceled", "BODY_DROPPED", "the body was dropped before it was read"));
    let skipped = 0;
    for (;;) {
      const frame = this.#decoder.next(this.#input);
      if (frame === undefined) return skipped;
      if (frame === null || this.#decoder.remaining === 0) this.#completed = true;
      if (frame instanceof Uint8Array) skipped += frame.length;
      if (this.#completed) return skipped;
    }
  }

  /** Decodes the next frame; `undefined` if there is none yet. */
  #next(): Frame | null | undefined {
    try {
      let frame = this.#decoder.next(this.#input);
      if (frame === undefined) {
        if (!this.#inputEnded) return undefined;
        const error = this.#decoder.end();
        if (error !== undefined) throw error;
        frame = null;
      }
      if (frame instanceof Uint8Array) this.#owner.bodyTaken(frame.length);
      if (frame === null || this.#decoder.remaining === 0) {
        this.#completed = true;
        this.#owner.bodyCompleted();
      }
      return frame;
    } catch (error) {
      const failure = HttpError.find(error) ?? new HttpError("user", "INTERNAL", "decoding failed", { cause: error });
      this.#fail(failure);
      this.#failureTold = true;
      this.#owner.bodyFailed(failure);
      throw failure;
    }
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#error = error;
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    this.#failureTold = true;
    waiter.reject(error);
  }

  /** An error is given once; after it comes the end. */
  #tellFailure(): null {
    if (this.#failureTold) return null;
    this.#failureTold = true;
    throw this.#error;
  }
}
