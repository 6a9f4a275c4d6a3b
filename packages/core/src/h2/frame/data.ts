/**
 * DATA (RFC 9113 section 6.1). The reader takes the padding off and hands the rest out as it comes, so there is nothing
 * to decode here; the whole length counts for flow control.
 */
import { streamError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { lengthMessage, requireStream } from "./checks.ts";
import { FRAME_SIZE_ERROR } from "./error-code.ts";
import { type Frame, writeFrameHeader } from "./frame-header.ts";
import { DATA, FLAG_END_STREAM, FLAG_PADDED } from "./frame-type.ts";

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkDataHeader(frame: Frame): void {
  requireStream(frame, "6.1");
  if ((frame.flags & FLAG_PADDED) === 0 || frame.length >= 1) return;
  // RFC 9113 4.2: too small for its mandatory fields, and nothing but the stream depends on it.
  const message = lengthMessage("DATA", frame, "at least 1 when padded", "RFC 9113 4.2, 6.1");
  throw streamError(frame.streamId, FRAME_SIZE_ERROR, "DATA_LENGTH", message);
}

/** Writes the header of a DATA frame without padding; its `length` octets follow. */
export function writeDataHeader(writer: OctetWriter, streamId: number, length: number, endStream: boolean): void {
  writeFrameHeader(writer, length, DATA, endStream ? FLAG_END_STREAM : 0, streamId);
}

/** Writes a whole DATA frame without padding: the octets from `start` up to `end`. */
export function writeData(
  writer: OctetWriter,
  streamId: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  endStream: boolean,
): void {
  writeDataHeader(writer, streamId, end - start, endStream);
  writer.octets(bytes, start, end);
}

/** Writes a whole DATA frame with 0 to 255 octets of padding beside the octet that tells their number. */
export function writePaddedData(
  writer: OctetWriter,
  streamId: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  endStream: boolean,
  padding: number,
): void {
  const flags = endStream ? FLAG_PADDED | FLAG_END_STREAM : FLAG_PADDED;
  writeFrameHeader(writer, 1 + end - start + padding, DATA, flags, streamId);
  writer.byte(padding);
  writer.octets(bytes, start, end);
  writer.zeros(padding);
}
