/**
 * Web streams as bodies. The stream is locked from the start; the lock is given back when the stream has ended, failed
 * or was cancelled.
 */

import type { Body } from "./body.ts";
import type { LengthOptions } from "./declared-length.ts";
import type { BodyChunk } from "./from-iterable.ts";
import { type Chunk, SourceBody } from "./source-body.ts";

class StreamBody extends SourceBody {
  readonly #reader: ReadableStreamDefaultReader<BodyChunk>;

  constructor(stream: ReadableStream<BodyChunk>, options: LengthOptions | undefined) {
    super(options);
    this.#reader = stream.getReader();
  }

  protected pull(): Promise<Chunk> {
    return this.#reader.read();
  }

  protected stop(reason: unknown): void {
    // The cancel algorithm of the source may reject; nobody is left to be told.
    this.#reader.cancel(reason).catch(() => {});
    this.#reader.releaseLock();
  }

  protected override onFinished(): void {
    this.#reader.releaseLock();
  }
}

/**
 * The chunks of a stream as a body: `Uint8Array`s, strings (sent as UTF-8), or `Trailers`. One chunk is read per frame.
 * The stream is cancelled exactly once when the body is cancelled or fails by its own rules.
 *
 * Throws `TypeError` when the stream is locked, `RangeError` for an impossible length. The body fails as that of
 * `fromIterable` does.
 */
export function fromReadableStream(stream: ReadableStream<BodyChunk>, options?: LengthOptions): Body {
  return new StreamBody(stream, options);
}
