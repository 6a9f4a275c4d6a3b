/**
 * PUSH_PROMISE (RFC 9113 section 6.6).
 *
 * To send one: `openPushPromise`, encode the field block, `closeFieldBlock`.
 */
import { connectionError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { removePadding, requireStream, wrongLength } from "./checks.ts";
import { PROTOCOL_ERROR } from "./error-code.ts";
import { openFrame } from "./field-block.ts";
import { checkStreamId, type Frame, readStreamId } from "./frame-header.ts";
import { FLAG_PADDED, PUSH_PROMISE } from "./frame-type.ts";

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkPushPromiseHeader(frame: Frame): void {
  requireStream(frame, "6.6");
  const needed = (frame.flags & FLAG_PADDED) === 0 ? 4 : 5;
  if (frame.length < needed) throw wrongLength(frame, `at least ${needed}`, "RFC 9113 4.2, 6.6");
}

/**
 * Narrows the frame to its fragment of the field block and returns the promised stream, an even identifier.
 * @throws Http2Error connection error.
 */
export function decodePushPromise(frame: Frame): number {
  removePadding(frame, 4, "6.6");
  const promised = readStreamId(frame.bytes, frame.start);
  // RFC 9113 5.1.1: a server's streams have even identifiers, and none is 0.
  if (promised === 0 || promised % 2 === 1) {
    const message = `PUSH_PROMISE: the promised stream must be even and not 0, got ${promised} (RFC 9113 5.1.1, 6.6)`;
    throw connectionError(PROTOCOL_ERROR, "PUSH_PROMISE_STREAM_ID", message);
  }
  frame.start += 4;
  return promised;
}

/** Starts a PUSH_PROMISE frame and returns what `closeFieldBlock` wants. The field block is to be written next. */
export function openPushPromise(writer: OctetWriter, streamId: number, promisedStreamId: number): number {
  checkStreamId(promisedStreamId);
  const mark = openFrame(writer, PUSH_PROMISE, 0, streamId);
  writer.uint32(promisedStreamId);
  return mark;
}

/** The same with padding, the octets of which the caller writes behind the field block. */
export function openPaddedPushPromise(
  writer: OctetWriter,
  streamId: number,
  promisedStreamId: number,
  padding: number,
): number {
  checkStreamId(promisedStreamId);
  const mark = openFrame(writer, PUSH_PROMISE, FLAG_PADDED, streamId);
  writer.byte(padding);
  writer.uint32(promisedStreamId);
  return mark;
}
