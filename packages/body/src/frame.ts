/**
 * A frame is what a body gives one at a time: a piece of data, or the trailer fields that follow the data.
 *
 * Data is a bare `Uint8Array`, so the common frame costs no wrapper object; `Trailers` marks the other kind. Trailers
 * come after all data (RFC 9110 section 6.5).
 */

import { HeaderMap } from "./header-map.ts";
import { describe } from "./quote.ts";

/** One frame of a body: data, or trailers. */
export type Frame = Uint8Array | Trailers;

const brand: symbol = Symbol.for("@sluice/body.Trailers");

/** The trailer fields of a message as a frame. */
export class Trailers {
  readonly fields: HeaderMap;

  /** Wraps `fields` without copying them. Throws `TypeError` when they are not a `HeaderMap`. */
  constructor(fields: HeaderMap) {
    if (!HeaderMap.is(fields)) throw new TypeError(`Trailers takes a HeaderMap; received ${describe(fields)}`);
    this.fields = fields;
  }

  static {
    Object.defineProperty(Trailers.prototype, brand, { value: true });
  }
}

/** Whether a frame is data. */
export function isData(frame: Frame): frame is Uint8Array {
  return ArrayBuffer.isView(frame);
}

/** Whether a frame is trailers, also those made by another copy of this package. */
export function isTrailers(frame: Frame): frame is Trailers {
  return !ArrayBuffer.isView(frame) && brand in frame;
}

const encoder = new TextEncoder();

/** The bytes of a chunk: itself, or a string's UTF-8. Throws `TypeError` for anything else. */
export function toData(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return encoder.encode(chunk);
  // A Uint8Array of another realm (a vm context, a test runner) is not an instance of this realm's class.
  if (ArrayBuffer.isView(chunk) && Object.prototype.toString.call(chunk) === "[object Uint8Array]") {
    return chunk as Uint8Array;
  }
  throw new TypeError(`body data must be a Uint8Array or a string; received ${describe(chunk)}`);
}

/** The frame for a chunk of unknown kind. Throws `TypeError` for what is neither data nor trailers. */
export function toFrame(chunk: unknown): Frame {
  return hasBrand(chunk) ? chunk : toData(chunk);
}

/** The trailers frame for fields that may already be wrapped. */
export function toTrailers(fields: HeaderMap | Trailers): Trailers {
  return hasBrand(fields) ? fields : new Trailers(fields as HeaderMap);
}

/** The number of data bytes in a frame. */
export function dataLength(frame: Frame): number {
  return isData(frame) ? frame.byteLength : 0;
}

function hasBrand(value: unknown): value is Trailers {
  return typeof value === "object" && value !== null && brand in value;
}
