/**
 * Field blocks on their way out (RFC 9113 section 4.3): one HEADERS or PUSH_PROMISE frame and, if the block is longer
 * than the peer's frames may be, CONTINUATION frames.
 *
 * The block is encoded behind room for one frame header. Only when it turns out too long is it moved apart, from the
 * end to the start, to let the other headers in between.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { frameHeaderBytes, putFrameHeader, readStreamId, writeFrameHeader } from "./frame-header.ts";
import { CONTINUATION, FLAG_END_HEADERS } from "./frame-type.ts";

/** Writes a header whose length is not known yet, and returns where it is. */
export function openFrame(writer: OctetWriter, type: number, flags: number, streamId: number): number {
  const mark = writer.length;
  writeFrameHeader(writer, 0, type, flags, streamId);
  return mark;
}

/**
 * Ends a field block that started with `openFrame` at `mark`: sets the length, splits it into frames of at most
 * `maxFrameSize` octets, and sets END_HEADERS on the last one.
 * @throws RangeError if `maxFrameSize` is less than 1.
 */
export function closeFieldBlock(writer: OctetWriter, mark: number, maxFrameSize: number): void {
  if (maxFrameSize < 1) throw new RangeError(`a frame must have room for at least 1 octet; got ${maxFrameSize}`);
  const header = writer.start + mark;
  const length = writer.end - header - frameHeaderBytes;
  const flags = header + 4;
  if (length <= maxFrameSize) {
    putLength(writer.bytes, header, length);
    writer.bytes[flags] = (writer.bytes[flags] as number) | FLAG_END_HEADERS;
    return;
  }
  splitFieldBlock(writer, mark, length, maxFrameSize);
}

function splitFieldBlock(writer: OctetWriter, mark: number, length: number, maxFrameSize: number): void {
  const continuations = Math.ceil(length / maxFrameSize) - 1;
  writer.reserve(continuations * frameHeaderBytes);
  const { bytes } = writer;
  const header = writer.start + mark;
  const payload = header + frameHeaderBytes;
  const streamId = readStreamId(bytes, header + 5);
  putLength(bytes, header, maxFrameSize);
  for (let i = continuations; i > 0; i--) {
    const from = payload + i * maxFrameSize;
    const to = Math.min(from + maxFrameSize, payload + length);
    const target = from + i * frameHeaderBytes;
    bytes.copyWithin(target, from, to);
    const flags = i === continuations ? FLAG_END_HEADERS : 0;
    putFrameHeader(bytes, target - frameHeaderBytes, to - from, CONTINUATION, flags, streamId);
  }
  writer.end += continuations * frameHeaderBytes;
}

function putLength(bytes: Uint8Array, header: number, length: number): void {
  bytes[header] = length >>> 16;
  bytes[header + 1] = length >>> 8;
  bytes[header + 2] = length;
}
