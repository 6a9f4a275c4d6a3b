/**
 * HEADERS (RFC 9113 section 6.2).
 *
 * To send one: `openHeaders`, encode the field block, `closeFieldBlock`.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { removePadding, requireStream, wrongLength } from "./checks.ts";
import { openFrame } from "./field-block.ts";
import type { Frame } from "./frame-header.ts";
import { FLAG_END_STREAM, FLAG_PADDED, FLAG_PRIORITY, HEADERS } from "./frame-type.ts";
import { type PriorityFields, priorityFieldsBytes, readPriorityFields, writePriorityFields } from "./priority.ts";

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkHeadersHeader(frame: Frame): void {
  requireStream(frame, "6.2");
  const padded = (frame.flags & FLAG_PADDED) === 0 ? 0 : 1;
  const needed = (frame.flags & FLAG_PRIORITY) === 0 ? padded : padded + priorityFieldsBytes;
  // A frame size error in what carries a field block ends the connection (RFC 9113 4.2).
  if (frame.length < needed) throw wrongLength(frame, `at least ${needed}`, "RFC 9113 4.2, 6.2");
}

/**
 * Narrows the frame to its fragment of the field block and returns its priority fields, if it has any. They have not
 * been checked (see `checkDependency`): the field block must be decoded first, whatever becomes of the stream.
 * @throws Http2Error connection error.
 */
export function decodeHeaders(frame: Frame): PriorityFields | undefined {
  if ((frame.flags & (FLAG_PADDED | FLAG_PRIORITY)) === 0) return undefined;
  if ((frame.flags & FLAG_PRIORITY) === 0) {
    removePadding(frame, 0, "6.2");
    return undefined;
  }
  removePadding(frame, priorityFieldsBytes, "6.2");
  const fields = readPriorityFields(frame.bytes, frame.start);
  frame.start += priorityFieldsBytes;
  return fields;
}

/** Starts a HEADERS frame and returns what `closeFieldBlock` wants. The field block is to be written next. */
export function openHeaders(
  writer: OctetWriter,
  streamId: number,
  endStream: boolean,
  priority?: PriorityFields,
): number {
  const flags = endStream ? FLAG_END_STREAM : 0;
  const mark = openFrame(writer, HEADERS, priority === undefined ? flags : flags | FLAG_PRIORITY, streamId);
  if (priority !== undefined) writePriorityFields(writer, priority);
  return mark;
}

/** The same with padding, the octets of which the caller writes behind the field block. */
export function openPaddedHeaders(
  writer: OctetWriter,
  streamId: number,
  endStream: boolean,
  padding: number,
  priority?: PriorityFields,
): number {
  const flags = (endStream ? FLAG_END_STREAM : 0) | (priority === undefined ? 0 : FLAG_PRIORITY);
  const mark = openFrame(writer, HEADERS, flags | FLAG_PADDED, streamId);
  writer.byte(padding);
  if (priority !== undefined) writePriorityFields(writer, priority);
  return mark;
}
