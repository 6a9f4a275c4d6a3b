/**
 * The receiving side of a stream, by hand.
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "../../error.ts";
import type { Http2Machine } from "../connection/machine.ts";
import type { Stream, StreamReader } from "../stream/stream.ts";

/** How much the peer may send on a stream, and what was received and not given back. All in octets. */
export class FlowControl {
  readonly #machine: Http2Machine;
  readonly #stream: Stream;

  /** @internal */
  constructor(machine: Http2Machine, stream: Stream) {
    this.#machine = machine;
    this.#stream = stream;
  }

  /** What the peer may still send on the stream; negative after our INITIAL_WINDOW_SIZE was lowered. */
  get availableCapacity(): number {
    return this.#stream.receiveWindow?.window ?? this.#machine.inbound.initialWindowBytes;
  }

  /** Octets received that have not been released. */
  get usedCapacity(): number {
    return this.#stream.receiveWindow?.held ?? 0;
  }

  /**
   * Gives `bytes` of what was received back to the peer, on the stream and on the connection. For streams that release by
   * hand (`RecvStream.releaseManually`).
   * @throws RangeError for more than was received and not released.
   */
  releaseCapacity(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.usedCapacity && Number.isInteger(bytes))) {
      throw new RangeError(`from 0 to ${this.usedCapacity} octets can be released, got ${bytes}`);
    }
    this.#machine.enter();
    this.#machine.inbound.release(this.#stream, bytes);
    this.#machine.leave();
  }
}

interface Waiter {
  readonly resolve: (chunk: Uint8Array | null) => void;
  readonly reject: (error: unknown) => void;
}

export class RecvStream implements StreamReader, AsyncIterable<Uint8Array> {
  readonly #machine: Http2Machine;
  readonly #stream: Stream;
  #flowControl: FlowControl | undefined;
  #manual = false;
  #waiter: Waiter | undefined;
  #trailersWaiter: ((trailers: HeaderMap | undefined) => void) | undefined;
  #trailersFailed: ((error: unknown) => void) | undefined;

  /** @internal */
  constructor(machine: Http2Machine, stream: Stream) {
    this.#machine = machine;
    this.#stream = stream;
  }

  get id(): number {
    return this.#stream.id;
  }

  /** Whether all content was taken and the peer has ended its side. */
  get isEndStream(): boolean {
    const { endReceived, queue } = this.#stream;
    return endReceived && (queue === undefined || queue.isEmpty);
  }

  /** The windows of the stream. */
  get flowControl(): FlowControl {
    this.#flowControl ??= new FlowControl(this.#machine, this.#stream);
    return this.#flowControl;
  }

  /** From here on, `data` does not give credit back: call `flowControl.releaseCapacity`. */
  releaseManually(): this {
    this.#manual = true;
    return this;
  }

  /**
   * The next content, or `null` at the end. Rejects with the `HttpError` that ended the stream, behind the content that
   * was received before it.
   * @throws TypeError if an earlier call is pending.
   */
  data(): Promise<Uint8Array | null> {
    if (this.#waiter !== undefined) throw new TypeError("data() was called while an earlier call was pending");
    const stream = this.#stream;
    const chunk = stream.queue?.shift();
    if (chunk !== undefined) {
      this.#taken(chunk.length);
      return Promise.resolve(chunk);
    }
    if (stream.endReceived) return Promise.resolve(null);
    if (stream.error !== undefined) return Promise.reject(stream.error);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      stream.reader = this;
    });
  }

  /** The trailers, once all content was taken; `undefined` if there are none. Rejects as `data`. */
  trailers(): Promise<HeaderMap | undefined> {
    const stream = this.#stream;
    if (this.isEndStream) return Promise.resolve(stream.trailers);
    if (stream.error !== undefined && !stream.endReceived) return Promise.reject(stream.error);
    return new Promise((resolve, reject) => {
      this.#trailersWaiter = resolve;
      this.#trailersFailed = reject;
      stream.reader ??= this;
    });
  }

  /** Nobody will read the rest: what waits and what comes is thrown away, and its credit given back. */
  discard(): void {
    this.#machine.enter();
    this.#machine.inbound.discard(this.#stream);
    this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let chunk = await this.data(); chunk !== null; chunk = await this.data()) yield chunk;
  }

  /** @internal */
  chunk(_stream: Stream, bytes: Uint8Array): boolean {
    const waiter = this.#waiter;
    // Or only trailers are waited for, which come behind this.
    if (waiter === undefined) return false;
    this.#waiter = undefined;
    this.#taken(bytes.length);
    waiter.resolve(bytes);
    if (this.#trailersWaiter !== undefined) this.#stream.reader = this;
    return true;
  }

  /** @internal */
  over(stream: Stream): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (stream.endReceived) waiter?.resolve(null);
    else waiter?.reject(stream.error ?? new HttpError("closed", "CLOSED", "the stream is closed"));
    this.#settleTrailers();
  }

  #taken(count: number): void {
    this.#machine.enter();
    if (!this.#manual) this.#machine.inbound.release(this.#stream, count);
    if (this.isEndStream) this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
    this.#settleTrailers();
  }

  #settleTrailers(): void {
    const resolve = this.#trailersWaiter;
    const reject = this.#trailersFailed;
    const { error, endReceived, trailers } = this.#stream;
    if (resolve === undefined || !(this.isEndStream || (error !== undefined && !endReceived))) return;
    this.#trailersWaiter = undefined;
    this.#trailersFailed = undefined;
    if (this.isEndStream) resolve(trailers);
    else reject?.(error);
  }
}
