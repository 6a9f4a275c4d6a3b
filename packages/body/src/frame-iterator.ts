/**
 * Bodies as async iterators.
 *
 * Written by hand and not as async generators: the `return()` of a generator waits behind a pending `next()`, here it
 * cancels the body at once. Like `frame()`, `next()` may have one call pending at a time.
 */

import type { Body } from "./body.ts";
import { type Frame, isData } from "./frame.ts";
import { isPromise } from "./is-promise.ts";

/** The frames of a body. */
export class FrameIterator implements AsyncIterableIterator<Frame> {
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    const next = this.#body.frame();
    const frame = isPromise(next) ? await next : next;
    return frame === null ? { done: true, value: undefined } : { done: false, value: frame };
  }

  return(): Promise<IteratorResult<Frame, undefined>> {
    this.#body.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The data of a body; its trailers are dropped. */
class DataIterator implements AsyncIterableIterator<Uint8Array> {
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const next = this.#body.frame();
      const frame = isPromise(next) ? await next : next;
      if (frame === null) return { done: true, value: undefined };
      if (isData(frame)) return { done: false, value: frame };
    }
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#body.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The frames of a body as an async iterable. Leaving the loop early cancels the body. */
export function toFrames(body: Body): AsyncIterableIterator<Frame> {
  return new FrameIterator(body);
}

/** The data of a body as an async iterable; trailers are dropped. Leaving the loop early cancels the body. */
export function toAsyncIterable(body: Body): AsyncIterableIterator<Uint8Array> {
  return new DataIterator(body);
}
