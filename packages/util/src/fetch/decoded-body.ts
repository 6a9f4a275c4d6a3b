/**
 * Content codings (RFC 9110 8.4) undone: gzip, deflate in both of its readings, and br, also one upon another.
 *
 * What is decoded may be very much longer than what was received, so its length is limited in itself and as a multiple. Nothing is
 * set up before the content is asked for.
 */
import { pipeline, Readable, type Transform } from "node:stream";
import { brotliDecompressSync, constants, createBrotliDecompress, createGunzip, gunzipSync } from "node:zlib";
import { BaseBody, type Body, type Frame, fromIterable, toAsyncIterable } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { AnyInflate } from "./any-inflate.ts";

/** Limits of what content may become. */
export interface DecodingLimits {
  /** Most bytes. */
  readonly maxDecodedBytes: number;
  /** Most bytes for each one received, counted beyond `uncounted` bytes. */
  readonly maxDecodedRatio: number;
}

/** Codings upon one another: more than a few are an attack. */
const maxCodings = 5;
/** Short content may shrink to next to nothing; no memory is lost by it. */
const uncounted = 1_048_576;
/** Up to this many bytes received, and that many decoded, are decoded at once. */
const maxSyncInput = 4_096;
const maxSyncOutput = 262_144;

const lenient = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const lenientBrotli = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };

/**
 * The codings named by a Content-Encoding, the last applied first; `undefined` if one of them is unknown: then content is given
 * as it is, as fetch does.
 * @throws HttpError kind `limit`, code `TOO_MANY_CODINGS`.
 */
export function codingsOf(contentEncoding: string | undefined): readonly string[] | undefined {
  if (contentEncoding === undefined) return undefined;
  const codings = contentEncoding
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim());
  if (codings.length > maxCodings) {
    const message = `content has ${codings.length} codings, of which at most ${maxCodings} are undone`;
    throw new HttpError("limit", "TOO_MANY_CODINGS", message);
  }
  return codings.every((coding) => makers.has(coding)) ? codings.reverse() : undefined;
}

const makers: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ["gzip", () => createGunzip(lenient)],
  ["x-gzip", () => createGunzip(lenient)],
  ["deflate", () => new AnyInflate()],
  ["br", () => createBrotliDecompress(lenientBrotli)],
]);

class DecodedBody extends BaseBody {
  readonly #body: Body;
  readonly #codings: readonly string[];
  readonly #limits: DecodingLimits;
  #received = 0;
  #decoded = 0;
  #output: Body | undefined;
  #last: Readable | undefined;
  #isCanceled = false;

  constructor(body: Body, codings: readonly string[], limits: DecodingLimits) {
    super();
    this.#body = body;
    this.#codings = codings;
    this.#limits = limits;
  }

  frame(): Frame | null | Promise<Frame | null> {
    if (this.#output === undefined) {
      if (this.#isCanceled) return this.#body.frame();
      this.#output = this.#open();
    }
    return this.#output.frame();
  }

  override isEndStream(): boolean {
    return this.#output?.isEndStream() ?? this.#body.isEndStream();
  }

  cancel(reason?: unknown): void {
    this.#isCanceled = true;
    this.#output?.cancel(reason);
    // An iterator that is waiting would wait on; what feeds it is let go here.
    this.#last?.destroy();
    this.#body.cancel(reason);
  }

  #open(): Body {
    const source = Readable.from(this.#input());
    const stages = this.#codings.map((coding) => (makers.get(coding) as () => Transform)());
    // Whoever reads the last one is told of what fails in any.
    this.#last = pipeline([source, ...stages], () => {}) as unknown as Readable;
    return fromIterable(this.#count(this.#last));
  }

  async *#input(): AsyncGenerator<Uint8Array> {
    for await (const chunk of toAsyncIterable(this.#body)) {
      this.#received += chunk.length;
      yield chunk;
    }
  }

  async *#count(output: Readable): AsyncGenerator<Uint8Array> {
    for await (const chunk of output as AsyncIterable<Uint8Array>) {
      this.#decoded += chunk.length;
      const { maxDecodedBytes, maxDecodedRatio } = this.#limits;
      if (this.#decoded > maxDecodedBytes) throw this.#tooLong(`maxDecodedBytes = ${maxDecodedBytes}`);
      if (this.#decoded > uncounted && this.#decoded > this.#received * maxDecodedRatio) {
        throw this.#tooLong(`maxDecodedRatio = ${maxDecodedRatio}`);
      }
      yield chunk;
    }
  }

  #tooLong(limit: string): HttpError {
    const message = `${this.#received} bytes of content became at least ${this.#decoded}, more than ${limit} allows`;
    const error = new HttpError("limit", "DECODED_TOO_LARGE", message);
    this.#body.cancel(error);
    return error;
  }
}

/** `body` with `codings` undone, the first of them first. */
export function decodedBody(body: Body, codings: readonly string[], limits: DecodingLimits): Body {
  return new DecodedBody(body, codings, limits);
}

/** As `decodedBody`, for short content that is at hand: the result, or `undefined` if it is better done piece by piece. */
export function decodedAtOnce(
  bytes: Uint8Array,
  codings: readonly string[],
  limits: DecodingLimits,
): Uint8Array | undefined {
  const [coding] = codings;
  if (codings.length !== 1 || bytes.length > maxSyncInput || limits.maxDecodedBytes < maxSyncOutput) return undefined;
  try {
    if (coding === "gzip" || coding === "x-gzip")
      return gunzipSync(bytes, { ...lenient, maxOutputLength: maxSyncOutput });
    if (coding === "br") return brotliDecompressSync(bytes, { ...lenientBrotli, maxOutputLength: maxSyncOutput });
  } catch {
    // Too long, or not what it says it is: whoever reads it will be told.
  }
  return undefined;
}
