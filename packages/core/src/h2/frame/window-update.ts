/**
 * WINDOW_UPDATE (RFC 9113 section 6.9).
 */
import { connectionError, streamError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { wrongLength } from "./checks.ts";
import { PROTOCOL_ERROR } from "./error-code.ts";
import { type Frame, readStreamId, writeFrameHeader } from "./frame-header.ts";
import { WINDOW_UPDATE } from "./frame-type.ts";

/** The largest flow-control window, and so the largest increment (RFC 9113 section 6.9.1). */
export const maxWindowBytes = 0x7fff_ffff;

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkWindowUpdateHeader(frame: Frame): void {
  if (frame.length !== 4) throw wrongLength(frame, "4", "RFC 9113 6.9");
}

/** The increment. @throws Http2Error stream error if it is 0, or connection error on stream 0. */
export function decodeWindowUpdate(frame: Frame): number {
  // The bit in front is reserved, as that of a stream identifier.
  const increment = readStreamId(frame.bytes, frame.start);
  if (increment !== 0) return increment;
  const message = "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)";
  throw frame.streamId === 0
    ? connectionError(PROTOCOL_ERROR, "WINDOW_UPDATE_ZERO", message)
    : streamError(frame.streamId, PROTOCOL_ERROR, "WINDOW_UPDATE_ZERO", message);
}

/** @throws RangeError unless the increment is from 1 to 2^31-1. */
export function writeWindowUpdate(writer: OctetWriter, streamId: number, increment: number): void {
  if (increment < 1 || increment > maxWindowBytes) {
    throw new RangeError(`a window increment must be from 1 to 2^31-1; got ${increment}`);
  }
  writeFrameHeader(writer, 4, WINDOW_UPDATE, 0, streamId);
  writer.uint32(increment);
}
