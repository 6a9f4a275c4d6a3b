/**
 * The nine octets in front of each frame (RFC 9113 section 4.1): length, type, flags, and the stream's identifier
 * behind a reserved bit.
 */
import type { OctetWriter } from "../octet-writer.ts";

export const frameHeaderBytes = 9;
/** The longest payload that the length field can express. */
export const maxPayloadBytes = 0xff_ffff;
export const maxStreamId = 0x7fff_ffff;

/** A frame as the reader hands it out. The record is used again for the next one. */
export interface Frame {
  /** The length of the whole payload. */
  length: number;
  type: number;
  flags: number;
  streamId: number;
  /** Where the payload is, or the part of it that has come: the octets from `start` up to `end`. */
  bytes: Uint8Array;
  start: number;
  end: number;
  /** Whether this is the first part of the frame. */
  first: boolean;
  /** Whether this is the last part of the frame. */
  last: boolean;
}

const none = new Uint8Array(0);

export function newFrame(): Frame {
  return { length: 0, type: 0, flags: 0, streamId: 0, bytes: none, start: 0, end: 0, first: true, last: true };
}

/** Reads a header into `frame` and leaves its payload alone. The reserved bit is ignored. */
export function readFrameHeader(frame: Frame, bytes: Uint8Array, at: number): void {
  frame.length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  frame.type = bytes[at + 3] as number;
  frame.flags = bytes[at + 4] as number;
  frame.streamId = readStreamId(bytes, at + 5);
}

/** A stream identifier: 31 bits, the bit in front of them ignored. */
export function readStreamId(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
  return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/**
 * Writes a header.
 * @throws RangeError for a length or stream identifier that has no place in it.
 */
export function writeFrameHeader(
  writer: OctetWriter,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  writer.reserve(frameHeaderBytes);
  putFrameHeader(writer.bytes, writer.end, length, type, flags, streamId);
  writer.end += frameHeaderBytes;
}

/** Puts a header where there is room for it. */
export function putFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  if (length > maxPayloadBytes) throw new RangeError(`a frame's payload must be less than 2^24 octets; got ${length}`);
  checkStreamId(streamId);
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = streamId >>> 24;
  bytes[at + 6] = streamId >>> 16;
  bytes[at + 7] = streamId >>> 8;
  bytes[at + 8] = streamId;
}

/** @throws RangeError unless `streamId` fits in 31 bits. */
export function checkStreamId(streamId: number): void {
  if (streamId >= 0 && streamId <= maxStreamId) return;
  throw new RangeError(`a stream identifier must be from 0 to 2^31-1; got ${streamId}`);
}
