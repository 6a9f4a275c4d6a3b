/**
 * Iterables and async iterables as bodies. Chunks are pulled one at a time, each when a frame is asked for; a
 * synchronous iterable makes a synchronous body.
 */

import type { Body } from "./body.ts";
import type { LengthOptions } from "./declared-length.ts";
import type { Trailers } from "./frame.ts";
import { describe } from "./quote.ts";
import { type Chunk, SourceBody } from "./source-body.ts";

/** What an iterable may give: data, data as a string (sent as UTF-8), or trailers. */
export type BodyChunk = Uint8Array | string | Trailers;

interface ChunkIterator {
  next(): Chunk | Promise<Chunk>;
  return?(): unknown;
}

class IterableBody extends SourceBody {
  readonly #iterator: ChunkIterator;

  constructor(iterator: ChunkIterator, options: LengthOptions | undefined) {
    super(options);
    this.#iterator = iterator;
  }

  protected pull(): Chunk | Promise<Chunk> {
    return this.#iterator.next();
  }

  protected stop(): void {
    const returned = this.#iterator.return?.();
    // An async iterator may reject; nobody is left to be told.
    Promise.resolve(returned).catch(() => {});
  }
}

/**
 * The chunks of an iterable as a body. The iterator's `return()` is called exactly once when the body is cancelled or
 * fails by its own rules (a chunk of the wrong kind, a wrong length), and not after the iterator ended or threw.
 *
 * Throws `TypeError` when `iterable` is not an iterable of chunks (a string or a `Uint8Array` is one chunk: use `full`),
 * `RangeError` for an impossible length. The body fails with a `TypeError` for a chunk of another kind, and with a
 * `BodyError` of code `length-mismatch` when the chunks do not add up to `options.length`.
 */
export function fromIterable(iterable: Iterable<BodyChunk> | AsyncIterable<BodyChunk>, options?: LengthOptions): Body {
  return new IterableBody(iteratorOf(iterable), options);
}

function iteratorOf(iterable: Iterable<BodyChunk> | AsyncIterable<BodyChunk>): ChunkIterator {
  if (typeof iterable === "object" && iterable !== null && !ArrayBuffer.isView(iterable)) {
    if (Symbol.asyncIterator in iterable) return iterable[Symbol.asyncIterator]();
    if (Symbol.iterator in iterable) return iterable[Symbol.iterator]();
  }
  throw new TypeError(`fromIterable takes an iterable of chunks; received ${describe(iterable)}`);
}
