/**
 * RST_STREAM (RFC 9113 section 6.4): an error code for a stream.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { requireStream, wrongLength } from "./checks.ts";
import { type Frame, readUint32, writeFrameHeader } from "./frame-header.ts";
import { RST_STREAM } from "./frame-type.ts";

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkRstStreamHeader(frame: Frame): void {
  requireStream(frame, "6.4");
  if (frame.length !== 4) throw wrongLength(frame, "4", "RFC 9113 6.4");
}

/** The error code; unknown ones are legal. */
export function decodeRstStream(frame: Frame): number {
  return readUint32(frame.bytes, frame.start);
}

export function writeRstStream(writer: OctetWriter, streamId: number, errorCode: number): void {
  writeFrameHeader(writer, 4, RST_STREAM, 0, streamId);
  writer.uint32(errorCode);
}
