/**
 * Reads a body to its end, into memory. On anything a peer sends, set `maxBytes`.
 */

import type { Body } from "./body.ts";
import { ByteJoiner } from "./byte-joiner.ts";
import { isData, Trailers } from "./frame.ts";
import { type BodyChunk, fromIterable } from "./from-iterable.ts";
import type { HeaderMap } from "./header-map.ts";
import { isPromise } from "./is-promise.ts";
import { limited } from "./limited.ts";

/** Options of {@link collect}. */
export interface CollectOptions {
  /** The most data bytes to take, 0 to 2^53-1; a longer body fails as with `limited`. Default: no limit. */
  readonly maxBytes?: number | undefined;
}

/** What a body came to. */
interface Contents {
  /** The data; empty chunks are left out. */
  chunks: readonly Uint8Array[];
  readonly trailers: HeaderMap | undefined;
}

const decoder = new TextDecoder();

/**
 * A body being collected. Reading starts with the first question and happens once. Every question may be asked any number
 * of times, in any order; each rejects with the body's error if there is one.
 */
export class Collected {
  readonly #body: Body;
  #contents: Promise<Contents> | undefined;

  /** See {@link collect}. */
  constructor(body: Body) {
    this.#body = body;
  }

  /** The data in one piece: always the same one, and where the body gave a single chunk, that very chunk. */
  async bytes(): Promise<Uint8Array> {
    const contents = await this.#read(true);
    const [only] = contents.chunks;
    if (only !== undefined && contents.chunks.length === 1) return only;
    const bytes = joinAll(contents.chunks);
    contents.chunks = [bytes];
    return bytes;
  }

  /** The data as text: UTF-8, without a byte order mark, ill-formed sequences as U+FFFD. */
  async text(): Promise<string> {
    return decoder.decode(await this.bytes());
  }

  /** The data as JSON (in UTF-8). Rejects with `SyntaxError` when it is none. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** The trailers, those of several frames in one map; `undefined` when there were none. */
  async trailers(): Promise<HeaderMap | undefined> {
    return (await this.#read(true)).trailers;
  }

  /**
   * The data in the chunks it came in, uncopied, without empty ones. Asked first it keeps every chunk by reference;
   * asked after another question it gives what was joined for that.
   */
  async chunks(): Promise<readonly Uint8Array[]> {
    const { chunks } = await this.#read(false);
    return chunks.filter((chunk) => chunk.byteLength > 0);
  }

  /** A new body that gives what was collected, each time: for retries. */
  async replay(): Promise<Body> {
    const { chunks, trailers } = await this.#read(false);
    const frames: BodyChunk[] = [...chunks];
    if (trailers !== undefined) frames.push(new Trailers(trailers));
    return fromIterable(frames, { length: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) });
  }

  /** Gives up: cancels the body, if it is not at its end. */
  cancel(reason?: unknown): void {
    this.#body.cancel(reason);
  }

  #read(joined: boolean): Promise<Contents> {
    this.#contents ??= joined ? readJoined(this.#body) : readChunks(this.#body);
    return this.#contents;
  }
}

async function readJoined(body: Body): Promise<Contents> {
  const joiner = new ByteJoiner(body.sizeHint().exact);
  const trailers = await drain(body, (chunk) => joiner.push(chunk));
  return { chunks: [joiner.join()], trailers };
}

async function readChunks(body: Body): Promise<Contents> {
  const chunks: Uint8Array[] = [];
  const trailers = await drain(body, (chunk) => {
    if (chunk.byteLength > 0) chunks.push(chunk);
  });
  return { chunks, trailers };
}

/** Reads to the end, waiting only where the body makes it wait. Returns the trailers. */
async function drain(body: Body, push: (chunk: Uint8Array) => void): Promise<HeaderMap | undefined> {
  let trailers: HeaderMap | undefined;
  for (;;) {
    const next = body.frame();
    const frame = isPromise(next) ? await next : next;
    if (frame === null) return trailers;
    if (isData(frame)) {
      push(frame);
      continue;
    }
    try {
      // Copied before anything is added: the map may still be its sender's.
      trailers = trailers === undefined ? frame.fields : trailers.clone().extend(frame.fields);
    } catch (error) {
      body.cancel(error);
      throw error;
    }
  }
}

function joinAll(chunks: readonly Uint8Array[]): Uint8Array {
  const joiner = new ByteJoiner(undefined);
  for (const chunk of chunks) joiner.push(chunk);
  return joiner.join();
}

/**
 * Collects `body`: `await collect(body).text()`. Nothing is read before the first question.
 *
 * With `maxBytes`, a longer body fails with a `BodyError` of code `length-limit`. Throws `RangeError` when `maxBytes` is
 * not an integer from 0 to 2^53-1.
 */
export function collect(body: Body, options?: CollectOptions): Collected {
  return new Collected(options?.maxBytes === undefined ? body : limited(body, options.maxBytes));
}
