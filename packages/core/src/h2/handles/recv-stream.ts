/**
 * The receiving side of a stream, by hand.
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "../../error.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { canReceive } from "../stream/state.ts";
import type { Stream, StreamReader } from "../stream/stream.ts";

/** How much the peer may send on a stream, and what was received and not given back. All in octets, without padding. */
export class FlowControl {
  readonly #machine: Http2Machine;
  readonly #stream: Stream;
  /** Octets handed out and not released; below zero while octets that wait were released ahead. */
  #unreleased = 0;

  /** @internal */
  constructor(machine: Http2Machine, stream: Stream) {
    this.#machine = machine;
    this.#stream = stream;
  }

  /**
   * What the peer may still send on the stream: negative after our INITIAL_WINDOW_SIZE was lowered, 0 once the peer has
   * ended its side.
   */
  get availableCapacity(): number {
    const { state, receiveWindow } = this.#stream;
    if (!canReceive(state)) return 0;
    return receiveWindow?.window ?? this.#machine.inbound.initialWindowBytes;
  }

  /** Octets received that have not been released: those that wait to be read, and those read and kept back by hand. */
  get usedCapacity(): number {
    return Math.max(0, this.#unreleased + (this.#stream.queue?.length ?? 0));
  }

  /**
   * Gives `bytes` of what was received back to the peer, on the stream and on the connection. For streams that release by
   * hand (`RecvStream.releaseManually`). Nothing more is given back on a stream that was reset or discarded: that has been
   * done.
   * @throws RangeError for more than was received and not released.
   */
  releaseCapacity(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.usedCapacity && Number.isInteger(bytes))) {
      throw new RangeError(`from 0 to ${this.usedCapacity} octets can be released, got ${bytes}`);
    }
    this.#release(bytes);
  }

  /** `count` octets that waited were handed out. @internal */
  taken(count: number, manual: boolean): void {
    this.#unreleased += count;
    if (!manual && this.#unreleased > 0) this.#release(this.#unreleased);
  }

  #release(bytes: number): void {
    this.#unreleased -= bytes;
    if (this.#stream.discards) return;
    this.#machine.enter();
    this.#machine.inbound.release(this.#stream, bytes);
    this.#machine.leave();
  }
}

interface Waiter {
  readonly resolve: (chunk: Uint8Array | null) => void;
  readonly reject: (error: unknown) => void;
}

interface TrailersWaiter {
  readonly resolve: (trailers: HeaderMap | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What the peer sends on a stream: content, then trailers. What is not read stays in the windows of the stream and of the
 * connection, so whoever loses interest calls `discard`, or resets the stream.
 */
export class RecvStream implements StreamReader, AsyncIterable<Uint8Array> {
  /** The windows of the stream. */
  readonly flowControl: FlowControl;
  readonly #machine: Http2Machine;
  readonly #stream: Stream;
  #manual = false;
  #waiter: Waiter | undefined;
  #trailersWaiter: TrailersWaiter | undefined;

  /** @internal */
  constructor(machine: Http2Machine, stream: Stream) {
    this.#machine = machine;
    this.#stream = stream;
    this.flowControl = new FlowControl(machine, stream);
  }

  /** The identifier of the stream. */
  get id(): number {
    return this.#stream.id;
  }

  /** Whether all content was taken and the peer has ended its side. */
  get isEndStream(): boolean {
    const { endReceived, queue } = this.#stream;
    return endReceived && (queue === undefined || queue.isEmpty) && !this.#isLost;
  }

  /** From here on, `data` does not give credit back: call `flowControl.releaseCapacity`. */
  releaseManually(): this {
    this.#manual = true;
    return this;
  }

  /**
   * The next content, or `null` at the end. Rejects with the `HttpError` that ended the stream: on a client behind the
   * content that was received before it, which on a server is let go when the client resets its request.
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
    if (this.#isLost) return Promise.reject(stream.error);
    if (stream.endReceived) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      stream.reader = this;
    });
  }

  /**
   * The trailers, once all content was taken; `undefined` if there are none. Rejects with the `HttpError` that ended the
   * stream.
   * @throws TypeError if an earlier call is pending.
   */
  trailers(): Promise<HeaderMap | undefined> {
    if (this.#trailersWaiter !== undefined) {
      throw new TypeError("trailers() was called while an earlier call was pending");
    }
    const stream = this.#stream;
    if (this.isEndStream) return Promise.resolve(stream.trailers);
    if (this.#isLost) return Promise.reject(stream.error);
    return new Promise((resolve, reject) => {
      this.#trailersWaiter = { resolve, reject };
      stream.reader ??= this;
    });
  }

  /**
   * Nobody will read the rest: what waits and what comes is thrown away, and its credit given back. From here on `data`
   * waits for the end and nothing else.
   */
  discard(): void {
    this.#machine.enter();
    this.#machine.inbound.discard(this.#stream);
    this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
    this.#settleTrailers();
  }

  /** The content. Leaving the loop early discards the rest. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let chunk = await this.data(); chunk !== null; chunk = await this.data()) yield chunk;
    } finally {
      if (!this.isEndStream) this.discard();
    }
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
    // They wait for content to be taken, and want to know if that is lost.
    if (this.#trailersWaiter !== undefined) stream.reader = this;
  }

  /** Nothing more can be read but the error; what was thrown away must not pass for the whole. */
  get #isLost(): boolean {
    const { error, endReceived, discards } = this.#stream;
    return error !== undefined && (discards || !endReceived);
  }

  #taken(count: number): void {
    this.#machine.enter();
    this.flowControl.taken(count, this.#manual);
    if (this.isEndStream) this.#machine.streams.consumed(this.#stream);
    this.#machine.leave();
    this.#settleTrailers();
  }

  #settleTrailers(): void {
    const waiter = this.#trailersWaiter;
    if (waiter === undefined || !(this.isEndStream || this.#isLost)) return;
    this.#trailersWaiter = undefined;
    if (this.isEndStream) waiter.resolve(this.#stream.trailers);
    else waiter.reject(this.#stream.error);
  }
}
