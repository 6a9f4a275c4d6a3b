/**
 * The vocabulary of decoder tests: bytes in some cut, frames as text.
 */
import { type Frame, isData } from "@sluice/body";
import { ReadBuffer } from "../../src/bytes/read-buffer.ts";
import { HttpError } from "../../src/error.ts";
import type { BodyDecoder } from "../../src/h1/body-decoder.ts";
import type { Leniency } from "../../src/h1/leniency.ts";
import { bytes, latin1 } from "./wire.ts";

export const strict: Leniency = {
  allowBareLineFeed: false,
  allowObsoleteFolding: false,
  allowSpaceBeforeColon: false,
  ignoreInvalidHeaders: false,
  allowTransferEncodingWithContentLength: false,
  allowRepeatedContentLength: false,
  allowLooseChunks: false,
};

export const bodyLimits = {
  ...strict,
  maxHeaders: 100,
  maxTrailerBytes: 16_384,
  maxChunkExtensionBytes: 16_384,
  preserveHeaderCase: false,
} as const;

/** A buffer that holds `text`. */
export function buffered(text: string): ReadBuffer {
  const buffer = new ReadBuffer();
  if (text !== "") buffer.push(bytes(text));
  return buffer;
}

/** Pieces of one byte each. */
export function byteByByte(text: string): string[] {
  return [...text];
}

/** Trailers as lines, data as text. */
function shown(frame: Frame): string {
  return isData(frame) ? latin1(frame) : Array.from(frame.fields, ([name, value]) => `${name}=${value}`).join("&");
}

export interface Decoding {
  readonly frames: readonly string[];
  /** `end`: complete. `more`: needs bytes. Else the code of the error. */
  readonly outcome: string;
  readonly error?: HttpError;
  /** What the decoder left in the buffer. */
  readonly rest: string;
}

/** Feeds `pieces` one after another, taking frames as they come; with `eof` the stream ends behind them. */
export function decode(decoder: BodyDecoder, pieces: readonly string[], eof = false): Decoding {
  const buffer = new ReadBuffer();
  const frames: string[] = [];
  const rest = (): string => latin1(buffer.bytes.subarray(buffer.start, buffer.end));
  const queue = [...pieces];
  for (;;) {
    let frame: Frame | null | undefined;
    try {
      frame = decoder.next(buffer);
    } catch (error) {
      if (!HttpError.is(error)) throw error;
      return { frames, outcome: error.code, error, rest: rest() };
    }
    if (frame === null) return { frames, outcome: "end", rest: rest() + queue.join("") };
    if (frame !== undefined) {
      frames.push(shown(frame));
      continue;
    }
    const piece = queue.shift();
    if (piece !== undefined) {
      buffer.push(bytes(piece));
      continue;
    }
    const error = eof ? decoder.end() : undefined;
    if (!eof) return { frames, outcome: "more", rest: rest() };
    return error === undefined
      ? { frames, outcome: "end", rest: "" }
      : { frames, outcome: error.code, error, rest: rest() };
  }
}
