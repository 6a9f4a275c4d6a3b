/**
 * PRIORITY_UPDATE (RFC 9218 section 7.1): a client changes the priority of a stream. Only clients send it.
 */
import { decodeLatin1 } from "../../bytes/latin1.ts";
import { connectionError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { requireConnection, wrongLength } from "./checks.ts";
import { PROTOCOL_ERROR } from "./error-code.ts";
import { checkStreamId, type Frame, readStreamId, writeFrameHeader } from "./frame-header.ts";
import { PRIORITY_UPDATE } from "./frame-type.ts";

export interface PriorityUpdate {
  readonly streamId: number;
  /** The start of a structured dictionary, as in the `priority` field; it may be anything. */
  readonly value: string;
}

/** `u=7, i` takes six; this leaves room for parameters to come. */
const maxValueBytes = 256;

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkPriorityUpdateHeader(frame: Frame): void {
  requireConnection(frame, "RFC 9218 7.1");
  if (frame.length < 4) throw wrongLength(frame, "at least 4", "RFC 9113 4.2, RFC 9218 7.1");
}

/** @throws Http2Error connection error if it is about stream 0. */
export function decodePriorityUpdate(frame: Frame): PriorityUpdate {
  const { bytes, start, end } = frame;
  const streamId = readStreamId(bytes, start);
  if (streamId === 0) {
    const message = "PRIORITY_UPDATE: the prioritized stream must not be 0 (RFC 9218 7.1)";
    throw connectionError(PROTOCOL_ERROR, "PRIORITY_UPDATE_STREAM_ID", message);
  }
  return { streamId, value: decodeLatin1(bytes, start + 4, Math.min(end, start + 4 + maxValueBytes)) };
}

export function writePriorityUpdate(writer: OctetWriter, streamId: number, value: string): void {
  checkStreamId(streamId);
  writeFrameHeader(writer, 4 + value.length, PRIORITY_UPDATE, 0, 0);
  writer.uint32(streamId);
  writer.text(value);
}
