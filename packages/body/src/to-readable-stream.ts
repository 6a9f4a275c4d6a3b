/**
 * A body as a web stream of bytes. Nothing is pulled before it is asked for: the high water mark is 0.
 *
 * A byte stream takes over the buffers put into it, and a body's bytes may be views into a buffer that others use too
 * (one read of a socket, one answer given to many). So each chunk is copied: into the reader's own buffer where it brings
 * one, else into a new one.
 */

import type { Body } from "./body.ts";
import { isData } from "./frame.ts";
import { isPromise } from "./is-promise.ts";

/** An underlying byte source (Streams standard, section 4.2.3). */
class ByteSource {
  readonly type = "bytes";
  readonly #body: Body;
  /** What did not fit the reader's buffer. */
  #rest: Uint8Array | undefined;

  constructor(body: Body) {
    this.#body = body;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    const chunk = this.#rest ?? (await this.#nextChunk());
    const request = controller.byobRequest;
    if (chunk === null) {
      controller.close();
      request?.respond(0);
      return;
    }
    const view = request?.view;
    if (view === null || view === undefined) {
      this.#rest = undefined;
      // The stream takes the memory for itself: a copy, which `slice()` of a Node `Buffer` is not.
      controller.enqueue(new Uint8Array(chunk));
      return;
    }
    const length = Math.min(view.byteLength, chunk.byteLength);
    new Uint8Array(view.buffer, view.byteOffset, length).set(chunk.subarray(0, length));
    this.#rest = length < chunk.byteLength ? chunk.subarray(length) : undefined;
    request?.respond(length);
  }

  cancel(reason: unknown): void {
    this.#rest = undefined;
    this.#body.cancel(reason);
  }

  /** The next data that is not empty (a byte stream takes no empty chunk), `null` at the end. */
  async #nextChunk(): Promise<Uint8Array | null> {
    for (;;) {
      const next = this.#body.frame();
      const frame = isPromise(next) ? await next : next;
      if (frame === null) return null;
      if (isData(frame) && frame.byteLength > 0) return frame;
    }
  }
}

/**
 * The data of `body` as a byte stream; trailers are dropped. One frame is pulled per read. The body's error is the
 * stream's error, and cancelling the stream cancels the body.
 */
export function toReadableStream(body: Body): ReadableStream<Uint8Array> {
  return new ReadableStream(new ByteSource(body), { highWaterMark: 0 });
}
