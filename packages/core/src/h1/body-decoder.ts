/**
 * Decodes the content of one message from received bytes (RFC 9112 sections 6.3, 7).
 *
 * Pulled by whoever reads the body: data frames are windows on the transport's chunks, and nothing is taken from the
 * buffer before it is asked for.
 */
import { type Frame, Trailers } from "@sluice/body";
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import { ChunkLine } from "./chunk-line.ts";
import type { Leniency } from "./leniency.ts";
import { TrailerReader } from "./trailer-reader.ts";

export interface BodyLimits extends Leniency {
  readonly maxHeaders: number;
  readonly maxTrailerBytes: number;
  readonly maxChunkExtensionBytes: number;
  readonly preserveHeaderCase: boolean;
}

/** `undefined`: more bytes are needed. `null`: the content is complete. */
export type Decoded = Frame | null | undefined;

export interface BodyDecoder {
  /** Takes the next frame from `buffer`. @throws HttpError kind `parse` or `limit`. */
  next(buffer: ReadBuffer): Decoded;
  /** The peer has ended its stream where `next` needs more: `undefined` if that is how this content ends, else an error. */
  end(): HttpError | undefined;
  /** Bytes still to come, where they are known. */
  readonly remaining: number | undefined;
}

/** Exactly as many bytes as Content-Length says. */
export class LengthDecoder implements BodyDecoder {
  #remaining: number;

  constructor(length: number) {
    this.#remaining = length;
  }

  get remaining(): number {
    return this.#remaining;
  }

  next(buffer: ReadBuffer): Decoded {
    if (this.#remaining === 0) return null;
    if (buffer.length === 0) return undefined;
    const data = buffer.take(this.#remaining);
    this.#remaining -= data.length;
    return data;
  }

  end(): HttpError {
    return incomplete(`with ${this.#remaining} bytes of the content missing`);
  }
}

/** Everything until the peer ends its stream (RFC 9112 6.3 rule 8). */
export class CloseDecoder implements BodyDecoder {
  get remaining(): undefined {
    return undefined;
  }

  next(buffer: ReadBuffer): Decoded {
    return buffer.length > 0 ? buffer.takeAll() : undefined;
  }

  end(): undefined {
    return undefined;
  }
}

const LINE = 0;
const DATA = 1;
const DATA_CR = 2;
const DATA_LF = 3;
const TRAILERS = 4;
const END = 5;

/** Chunks, then an optional trailer section (RFC 9112 7.1). */
export class ChunkedDecoder implements BodyDecoder {
  readonly #limits: BodyLimits;
  readonly #line: ChunkLine;
  #trailers: TrailerReader | undefined;
  #state = LINE;
  #chunkRemaining = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#line = new ChunkLine(limits, limits.maxChunkExtensionBytes);
  }

  get remaining(): number | undefined {
    return this.#state === END ? 0 : undefined;
  }

  next(buffer: ReadBuffer): Decoded {
    for (;;) {
      if (this.#state === END) return null;
      if (buffer.length === 0) return undefined;
      switch (this.#state) {
        case LINE:
          if (!this.#line.read(buffer)) return undefined;
          this.#chunkRemaining = this.#line.size;
          this.#state = this.#chunkRemaining === 0 ? TRAILERS : DATA;
          break;
        case DATA: {
          const data = buffer.take(this.#chunkRemaining);
          this.#chunkRemaining -= data.length;
          if (this.#chunkRemaining === 0) this.#state = takePlainEnd(buffer) ? END : DATA_CR;
          return data;
        }
        case TRAILERS: {
          const fields = this.#readTrailers(buffer);
          if (fields === undefined) return undefined;
          if (fields.size > 0) return new Trailers(fields);
          break;
        }
        default:
          this.#takeDataEnd(buffer);
          break;
      }
    }
  }

  end(): HttpError {
    return incomplete("before the last chunk");
  }

  #takeDataEnd(buffer: ReadBuffer): void {
    const byte = buffer.bytes[buffer.start];
    if (this.#state === DATA_CR && byte === 0x0d) {
      this.#state = DATA_LF;
    } else if (byte === 0x0a && (this.#state === DATA_LF || this.#limits.allowBareLineFeed)) {
      this.#state = LINE;
    } else {
      const message = "chunk data must be followed by CRLF (RFC 9112 7.1)";
      throw new HttpError("parse", "INVALID_CHUNK", message, { status: 400 });
    }
    buffer.consume(1);
  }

  #readTrailers(buffer: ReadBuffer): TrailerReader["fields"] | undefined {
    const limits = this.#limits;
    this.#trailers ??= new TrailerReader(limits, limits.maxTrailerBytes, limits.maxHeaders, limits.preserveHeaderCase);
    if (!this.#trailers.read(buffer)) return undefined;
    this.#state = END;
    return this.#trailers.fields;
  }
}

const plainEnd = [0x0d, 0x0a, 0x30, 0x0d, 0x0a, 0x0d, 0x0a];

/**
 * Takes the end of a chunk, the last chunk and an empty trailer section if that is what comes next. So content whose end
 * arrived with its last data is known to be complete as soon as that data has been taken.
 */
function takePlainEnd(buffer: ReadBuffer): boolean {
  if (buffer.length < plainEnd.length) return false;
  for (let i = 0; i < plainEnd.length; i++) {
    if (buffer.bytes[buffer.start + i] !== plainEnd[i]) return false;
  }
  buffer.consume(plainEnd.length);
  return true;
}

function incomplete(where: string): HttpError {
  return new HttpError("incomplete", "INCOMPLETE_MESSAGE", `the connection ended ${where}`);
}
