/** The sending end of a channel. */

import { BodyError } from "./body-error.ts";
import type { ChannelQueue } from "./channel-queue.ts";
import { type Frame, type Trailers, toData, toTrailers } from "./frame.ts";
import type { HeaderMap } from "./header-map.ts";

/** A frame that was not taken, and why. */
export interface Refusal {
  /** `full`: there is no free slot now. `closed`: no frame will be taken any more. */
  readonly reason: "full" | "closed";
  /** The frame, handed back. */
  readonly frame: Frame;
}

/** Sends frames into a channel. Made by `channel`. */
export class Sender {
  readonly #queue: ChannelQueue;

  constructor(queue: ChannelQueue) {
    this.#queue = queue;
  }

  /**
   * Sends a frame: resolves once it was taken or queued, waits for room until then. Sends that wait keep their order.
   * Rejects with a `BodyError` that hands back the frame: with code `closed` when the receiver is gone or finished or this
   * sender was closed or aborted, with code `length-mismatch` when the frame does not fit the declared length.
   */
  send(frame: Frame): Promise<void> {
    return this.#queue.send(frame);
  }

  /** Sends data; a string as its UTF-8. Rejects as `send` does, and with `TypeError` for anything else. */
  async sendData(data: Uint8Array | string): Promise<void> {
    await this.#queue.send(toData(data));
  }

  /** Sends trailers. Rejects as `send` does: a channel of declared length takes none. */
  async sendTrailers(trailers: HeaderMap | Trailers): Promise<void> {
    await this.#queue.send(toTrailers(trailers));
  }

  /**
   * Sends a frame if there is room now. Returns `undefined` when it was sent, else why it was not, with the frame. Throws
   * a `BodyError` with code `length-mismatch` when the frame does not fit the declared length.
   */
  trySend(frame: Frame): Refusal | undefined {
    const reason = this.#queue.trySend(frame);
    return reason === undefined ? undefined : { reason, frame };
  }

  /** Resolves when there is a free slot; no slot is reserved. Rejects with code `closed` when no frame will be taken. */
  ready(): Promise<void> {
    return this.#queue.ready();
  }

  /**
   * Resolves when the reader waits for a frame, so that nothing need be produced before it is asked for. Rejects with
   * code `closed` when no frame will be taken.
   */
  wanted(): Promise<void> {
    return this.#queue.wanted();
  }

  /** Whether the reader waits for a frame now. */
  get isWanted(): boolean {
    return this.#queue.isWanted;
  }

  /** The number of free slots now; 0 when no frame will be taken. */
  get capacity(): number {
    return this.#queue.capacity;
  }

  /** The number of slots. */
  get maxCapacity(): number {
    return this.#queue.maxCapacity;
  }

  /**
   * Ends the body: all that was sent arrives, sends that wait too, then the end. When less than the declared length was
   * sent the body fails instead, with a `BodyError` of code `length-mismatch`. Idempotent.
   */
  close(): void {
    this.#queue.close();
  }

  /**
   * Fails the body with `error`, or a `BodyError` with code `aborted`: the reader gets it after the queued frames. Sends
   * that wait reject. Does nothing after `close`.
   */
  abort(error?: unknown): void {
    this.#queue.abort(error === undefined ? new BodyError("aborted", "the body was aborted by its sender") : error);
  }

  /** Whether the receiver is gone or finished: it cancelled, or was given all there is. */
  get isClosed(): boolean {
    return this.#queue.isFinished;
  }

  /** Resolves once {@link Sender.isClosed}; never rejects. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.onFinished(resolve);
    });
  }

  /** Calls `listener` the moment the receiver is gone or finished, at once if it is. Returns a function to take it back. */
  onClosed(listener: () => void): () => void {
    return this.#queue.onFinished(listener);
  }

  /** Aborts unless closed, for `await using`: a body whose producer left early never looks complete. */
  [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    return Promise.resolve();
  }
}
