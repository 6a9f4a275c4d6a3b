/**
 * The rules that several frame types share: on which stream a frame may come, how long it is, how it is padded.
 */
import { connectionError, type Http2Error } from "../http2-error.ts";
import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from "./error-code.ts";
import type { Frame } from "./frame-header.ts";
import { FLAG_PADDED, frameTypeName } from "./frame-type.ts";

/** For frames that belong to a stream. @throws Http2Error connection error. */
export function requireStream(frame: Frame, section: string): void {
  if (frame.streamId !== 0) return;
  const name = frameTypeName(frame.type);
  throw connectionError(
    PROTOCOL_ERROR,
    `${name}_STREAM_ZERO`,
    `${name}: must belong to a stream, got stream 0 (RFC 9113 ${section})`,
  );
}

/** For frames that belong to the connection. @throws Http2Error connection error. */
export function requireConnection(frame: Frame, source: string): void {
  if (frame.streamId === 0) return;
  const name = frameTypeName(frame.type);
  throw connectionError(
    PROTOCOL_ERROR,
    `${name}_ON_STREAM`,
    `${name}: must be on stream 0, got stream ${frame.streamId} (${source})`,
  );
}

/** A payload of the wrong length, where that ends the connection. */
export function wrongLength(frame: Frame, expected: string, source: string): Http2Error {
  const name = frameTypeName(frame.type);
  return connectionError(FRAME_SIZE_ERROR, `${name}_LENGTH`, lengthMessage(name, frame, expected, source));
}

export function lengthMessage(name: string, frame: Frame, expected: string, source: string): string {
  return `${name}: length must be ${expected}, got ${frame.length} (${source})`;
}

/** Padding that does not fit in the frame. */
export function paddingTooLong(frame: Frame, padding: number, room: number, section: string): Http2Error {
  const name = frameTypeName(frame.type);
  return connectionError(
    PROTOCOL_ERROR,
    `${name}_PADDING`,
    `${name}: padding must be at most ${room} octets, got ${padding} (RFC 9113 ${section})`,
  );
}

/**
 * Takes the padding off a payload that is there as a whole and holds at least `fields` octets behind the padding's
 * length. @throws Http2Error connection error.
 */
export function removePadding(frame: Frame, fields: number, section: string): void {
  if ((frame.flags & FLAG_PADDED) === 0) return;
  const padding = frame.bytes[frame.start++] as number;
  const room = frame.end - frame.start - fields;
  if (padding > room) throw paddingTooLong(frame, padding, room, section);
  frame.end -= padding;
}
