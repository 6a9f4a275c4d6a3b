/**
 * What the two ends of a channel share: the queue between them, and who waits for whom.
 *
 * ```
 *   send ---> sends that wait ---> queue (at most maxCapacity frames) ---> the pending frame(), if any
 * ```
 * A frame goes to a pending `frame()`, else into the queue, else its send waits. The sending end is open, closed (the
 * end follows all that was sent) or aborted (an error follows what is queued). The receiving end is finished once it was
 * given the end or an error, took the last frame before the end, or cancelled. So: where a send waits the queue is full,
 * and where a `frame()` is pending the queue is empty.
 */

import { BodyError, type BodyErrorOptions, busy, canceled } from "./body-error.ts";
import { DeclaredLength } from "./declared-length.ts";
import { dataLength, type Frame, isTrailers } from "./frame.ts";
import { SizeHint } from "./size-hint.ts";

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface WaitingSend extends Waiter<void> {
  readonly frame: Frame;
}

const done: Promise<void> = Promise.resolve();

export class ChannelQueue {
  readonly maxCapacity: number;
  readonly #queue: Frame[] = [];
  #sends: WaitingSend[] = [];
  #read: Waiter<Frame | null> | undefined;
  #readyWaiters: Waiter<void>[] = [];
  #wantedWaiters: Waiter<void>[] = [];
  #finishedListeners: (() => void)[] = [];

  #sending: "open" | "closed" | "aborted" = "open";
  #isFinished = false;
  /** Makes the error that follows the queued frames; gone once it was given. */
  #failure: (() => unknown) | undefined;
  /** Why the reader cancelled, for the errors of later sends. */
  #cancelReason: unknown;

  readonly #declared: boolean;
  /** Counts what is sent, and what is taken, against the declared length. */
  readonly #sent: DeclaredLength;
  readonly #taken: DeclaredLength;
  /** Data bytes in the queue and in the sends that wait. */
  #heldBytes = 0;

  constructor(capacity: number, length: number | undefined) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`the capacity of a channel must be an integer of 1 or more; received ${String(capacity)}`);
    }
    this.maxCapacity = capacity;
    this.#declared = length !== undefined;
    this.#sent = new DeclaredLength(length);
    this.#taken = new DeclaredLength(length);
    this.#finishIfDrained();
  }

  // The sending end.

  get capacity(): number {
    return this.#refusesSends() ? 0 : this.maxCapacity - this.#queue.length;
  }

  get isWanted(): boolean {
    return this.#read !== undefined;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  send(frame: Frame): Promise<void> {
    if (this.#refusesSends()) return Promise.reject(this.#closedError(frame));
    try {
      this.#account(frame);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#queue.length < this.maxCapacity) {
      this.#put(frame);
      return done;
    }
    return new Promise((resolve, reject) => {
      this.#sends.push({ frame, resolve, reject });
    });
  }

  trySend(frame: Frame): "full" | "closed" | undefined {
    if (this.#refusesSends()) return "closed";
    if (this.#queue.length >= this.maxCapacity) return "full";
    this.#account(frame);
    this.#put(frame);
    return undefined;
  }

  ready(): Promise<void> {
    if (this.#refusesSends()) return Promise.reject(this.#closedError());
    return this.#queue.length < this.maxCapacity ? done : wait(this.#readyWaiters);
  }

  wanted(): Promise<void> {
    if (this.#refusesSends()) return Promise.reject(this.#closedError());
    return this.#read !== undefined ? done : wait(this.#wantedWaiters);
  }

  close(): void {
    if (this.#refusesSends()) return;
    try {
      this.#sent.finish();
    } catch (error) {
      this.abort(error);
      return;
    }
    this.#sending = "closed";
    this.#dismissWaiters();
    this.#finishIfDrained();
    this.#settleRead()?.resolve(null);
  }

  abort(error: unknown): void {
    if (this.#refusesSends()) return;
    this.#sending = "aborted";
    this.#dismissSends();
    this.#dismissWaiters();
    const read = this.#settleRead();
    if (read === undefined) {
      this.#failure = () => error;
      return;
    }
    this.#finish();
    read.reject(error);
  }

  /** Calls `listener` once the receiving end is finished, at once if it is. Returns a function that takes it back. */
  onFinished(listener: () => void): () => void {
    if (this.#isFinished) {
      listener();
      return () => {};
    }
    this.#finishedListeners.push(listener);
    return () => {
      this.#finishedListeners = this.#finishedListeners.filter((other) => other !== listener);
    };
  }

  // The receiving end.

  take(): Frame | null | Promise<Frame | null> {
    if (this.#read !== undefined) throw busy();
    const frame = this.#queue.shift();
    if (frame !== undefined) {
      this.#onTaken(frame);
      return frame;
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      this.#finish();
      throw failure();
    }
    if (this.#isFinished) return null;
    return new Promise((resolve, reject) => {
      this.#read = { resolve, reject };
      const waiters = this.#wantedWaiters;
      this.#wantedWaiters = [];
      for (const waiter of waiters) waiter.resolve();
    });
  }

  get isEnd(): boolean {
    return this.#isFinished && this.#failure === undefined;
  }

  get sizeHint(): SizeHint {
    if (this.#isFinished) return SizeHint.zero;
    if (this.#declared) return this.#taken.hint;
    return this.#sending === "closed" ? SizeHint.exact(this.#heldBytes) : new SizeHint(this.#heldBytes);
  }

  cancel(reason: unknown): void {
    if (this.#isFinished) return;
    this.#cancelReason = reason;
    this.#queue.length = 0;
    const read = this.#settleRead();
    this.#failure = read === undefined ? () => canceled(reason) : undefined;
    this.#finish();
    read?.reject(canceled(reason));
  }

  // Between them.

  #refusesSends(): boolean {
    return this.#isFinished || this.#sending !== "open";
  }

  #account(frame: Frame): void {
    if (this.#declared && isTrailers(frame)) {
      throw new BodyError(
        "length-mismatch",
        "a channel of declared length ends with its last byte: it takes no trailers",
        {
          frame,
        },
      );
    }
    const length = dataLength(frame);
    this.#sent.count(length, frame);
    this.#heldBytes += length;
  }

  #put(frame: Frame): void {
    const read = this.#settleRead();
    if (read === undefined) {
      this.#queue.push(frame);
    } else {
      this.#onTaken(frame);
      read.resolve(frame);
    }
  }

  #onTaken(frame: Frame): void {
    const length = dataLength(frame);
    this.#heldBytes -= length;
    this.#taken.count(length);
    const send = this.#sends.shift();
    if (send !== undefined) {
      this.#queue.push(send.frame);
      send.resolve();
      return;
    }
    const waiters = this.#readyWaiters;
    if (waiters.length > 0) {
      this.#readyWaiters = [];
      for (const waiter of waiters) waiter.resolve();
    }
    this.#finishIfDrained();
  }

  #settleRead(): Waiter<Frame | null> | undefined {
    const read = this.#read;
    this.#read = undefined;
    return read;
  }

  #finishIfDrained(): void {
    if (this.#queue.length === 0 && (this.#sending === "closed" || this.#taken.isReached)) this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#dismissSends();
    this.#dismissWaiters();
    const listeners = this.#finishedListeners;
    this.#finishedListeners = [];
    for (const listener of listeners) notify(listener);
  }

  #dismissSends(): void {
    const sends = this.#sends;
    this.#sends = [];
    for (const { frame, reject } of sends) {
      this.#heldBytes -= dataLength(frame);
      reject(this.#closedError(frame));
    }
  }

  #dismissWaiters(): void {
    if (this.#readyWaiters.length === 0 && this.#wantedWaiters.length === 0) return;
    const waiters = [...this.#readyWaiters, ...this.#wantedWaiters];
    this.#readyWaiters = [];
    this.#wantedWaiters = [];
    const error = this.#closedError();
    for (const waiter of waiters) waiter.reject(error);
  }

  #closedError(frame?: Frame): BodyError {
    const message = this.#isFinished
      ? "the receiver of the channel is gone or finished"
      : "the channel was closed by its sender";
    const options: BodyErrorOptions = { cause: this.#cancelReason };
    return new BodyError("closed", message, frame === undefined ? options : { ...options, frame });
  }
}

function wait(waiters: Waiter<void>[]): Promise<void> {
  return new Promise((resolve, reject) => {
    waiters.push({ resolve, reject });
  });
}

/** A listener that throws is a bug of its owner's: it surfaces, but disturbs neither the channel nor other listeners. */
function notify(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
