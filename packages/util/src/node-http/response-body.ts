/**
 * The bodies of responses that listeners write. Each tells its owner, once, that all of it has been handed over, or that it
 * never will be, since Node's `finish` and `close` depend on nothing else.
 */
import { BaseBody, BodyError, type Frame, Full, type HeaderMap, SizeHint, Trailers } from "@sluice/body";
import { streamDestroyed } from "./node-errors.ts";

/** Who is told of a body's way. */
export interface BodyOwner {
  /** The connection has taken all there was to take. */
  sent(): void;
  /** The connection has given the response up. */
  lost(reason: unknown): void;
  /** The connection has let the content go: the head announced no more, or the exchange was over before. */
  released(): void;
  /** `bytes` wait to be taken. */
  waiting(bytes: number): void;
}

export type WriteDone = (error?: Error | null) => void;

/** Content that is at hand, and small. */
export class WholeBody extends Full {
  readonly #owner: BodyOwner;

  constructor(data: Uint8Array | string, owner: BodyOwner) {
    super(data);
    this.#owner = owner;
  }

  override frame(): Frame | null {
    const frame = super.frame();
    if (frame !== null) this.#owner.sent();
    return frame;
  }

  override takeText(): string | undefined {
    const text = super.takeText();
    if (text !== undefined) this.#owner.sent();
    return text;
  }

  override intoInner(): Uint8Array | undefined {
    const data = super.intoInner();
    if (data !== undefined) this.#owner.sent();
    return data;
  }

  override cancel(reason?: unknown): void {
    const held = !super.isEndStream();
    super.cancel(reason);
    if (!held) return;
    if (reason === undefined) this.#owner.released();
    else this.#owner.lost(reason);
  }
}

/** No content, of a known length or, where the request or the status forbids any, of one that nothing is said of. */
export class NoBody extends BaseBody {
  readonly #owner: BodyOwner;
  readonly #isEmpty: boolean;
  #told = false;

  constructor(isEmpty: boolean, owner: BodyOwner) {
    super();
    this.#isEmpty = isEmpty;
    this.#owner = owner;
  }

  frame(): null {
    this.#tell();
    return null;
  }

  /** Who asks this of no content is about to send the head with the end. */
  override isEndStream(): boolean {
    if (!this.#isEmpty) return this.#told;
    this.#tell();
    return true;
  }

  override sizeHint(): SizeHint {
    return this.#isEmpty ? SizeHint.zero : SizeHint.unknown;
  }

  cancel(reason?: unknown): void {
    if (this.#told) return;
    this.#told = true;
    if (reason === undefined) this.#owner.released();
    else this.#owner.lost(reason);
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#owner.sent();
  }
}

interface Waiter {
  readonly resolve: (frame: Frame | null) => void;
  readonly reject: (error: unknown) => void;
}

/** More is written. */
const OPEN = 0;
/** All has been written. */
const ENDED = 1;
/** All has been taken, or as much as the head announced. */
const TAKEN = 2;
const FAILED = 3;

/** Content as it is written, held until the connection takes it. */
export class QueueBody extends BaseBody {
  readonly #owner: BodyOwner;
  readonly #length: number | undefined;
  #state: typeof OPEN | typeof ENDED | typeof TAKEN | typeof FAILED = OPEN;
  #chunks: Uint8Array[] = [];
  /** Called when the chunk of the same place has been taken. */
  #callbacks: (WriteDone | undefined)[] = [];
  /** The first chunk that was not taken. */
  #first = 0;
  #bytes = 0;
  #trailers: HeaderMap | undefined;
  #waiter: Waiter | undefined;
  #reason: unknown;

  /** @param length The number of bytes, if it is known from the beginning. */
  constructor(owner: BodyOwner, length?: number) {
    super();
    this.#owner = owner;
    this.#length = length;
  }

  /** Adds a chunk. Returns the number of bytes that wait. */
  push(chunk: Uint8Array, done: WriteDone | undefined): number {
    if (this.#state === TAKEN) {
      // The head announced less.
      if (done !== undefined) process.nextTick(done);
      return 0;
    }
    if (this.#state !== OPEN) {
      if (done !== undefined) process.nextTick(done, streamDestroyed("write"));
      return this.#bytes;
    }
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      if (done !== undefined) process.nextTick(done);
      waiter.resolve(chunk);
      return 0;
    }
    this.#chunks.push(chunk);
    this.#callbacks.push(done);
    this.#bytes += chunk.length;
    this.#owner.waiting(this.#bytes);
    return this.#bytes;
  }

  /** Ends the content. */
  end(trailers: HeaderMap | undefined): void {
    if (this.#state !== OPEN) return;
    this.#state = ENDED;
    this.#trailers = trailers;
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    waiter.resolve(this.#last());
  }

  /** The listener gives the response up: what follows can no longer be. */
  fail(reason: unknown): void {
    if (this.#state >= TAKEN) return;
    const waiter = this.#waiter;
    this.#drop(reason);
    waiter?.reject(reason);
  }

  frame(): Frame | null | Promise<Frame | null> {
    const chunk = this.#chunks[this.#first];
    if (chunk !== undefined) return this.#take(chunk);
    if (this.#state === OPEN) {
      if (this.#waiter !== undefined)
        throw new BodyError("busy", "frame() was called while an earlier call was pending");
      return new Promise((resolve, reject) => {
        this.#waiter = { resolve, reject };
      });
    }
    if (this.#state === ENDED) return this.#last();
    if (this.#state === FAILED && this.#reason !== undefined) {
      const reason = this.#reason;
      this.#reason = undefined;
      throw reason;
    }
    return null;
  }

  override isEndStream(): boolean {
    return this.#state === TAKEN;
  }

  override sizeHint(): SizeHint {
    if (this.#length === undefined) return SizeHint.unknown;
    return SizeHint.exact(this.#state === TAKEN ? 0 : this.#length);
  }

  cancel(reason?: unknown): void {
    if (this.#state >= TAKEN) return;
    const waiter = this.#waiter;
    if (reason === undefined) {
      this.#state = TAKEN;
      this.#release(undefined);
      waiter?.resolve(null);
      this.#owner.released();
    } else {
      this.#drop(reason);
      waiter?.reject(reason);
      this.#owner.lost(reason);
    }
  }

  #take(chunk: Uint8Array): Uint8Array {
    const done = this.#callbacks[this.#first];
    if (done !== undefined) process.nextTick(done);
    this.#bytes -= chunk.length;
    if (++this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#callbacks = [];
      this.#first = 0;
    }
    this.#owner.waiting(this.#bytes);
    return chunk;
  }

  /** The trailers if there are any, and then the end. */
  #last(): Frame | null {
    const trailers = this.#trailers;
    this.#state = TAKEN;
    this.#owner.sent();
    return trailers === undefined ? null : new Trailers(trailers);
  }

  #drop(reason: unknown): void {
    this.#state = FAILED;
    this.#reason = reason ?? streamDestroyed("write");
    this.#release(streamDestroyed("write"));
  }

  #release(error: Error | undefined): void {
    const callbacks = this.#callbacks;
    const first = this.#first;
    this.#waiter = undefined;
    this.#chunks = [];
    this.#callbacks = [];
    this.#first = 0;
    this.#bytes = 0;
    for (let i = first; i < callbacks.length; i++) {
      const done = callbacks[i];
      if (done !== undefined) process.nextTick(done, error);
    }
  }
}
