/**
 * PRIORITY, and the fields it shares with HEADERS (RFC 9113 sections 5.3.2, 6.3). The scheme is deprecated and the
 * fields mean nothing here, but their syntax is checked, and they may be sent on for whoever makes use of them.
 */
import { streamError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { lengthMessage, requireStream } from "./checks.ts";
import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from "./error-code.ts";
import { checkStreamId, type Frame, readStreamId, writeFrameHeader } from "./frame-header.ts";
import { PRIORITY } from "./frame-type.ts";

/** The priority fields of RFC 7540 section 5.3. */
export interface PriorityFields {
  readonly exclusive: boolean;
  /** The stream that is depended on. */
  readonly dependency: number;
  /** 1 to 256. */
  readonly weight: number;
}

export const priorityFieldsBytes = 5;

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkPriorityHeader(frame: Frame): void {
  requireStream(frame, "6.3");
  if (frame.length === priorityFieldsBytes) return;
  // The one wrong length that is a stream error.
  const message = lengthMessage("PRIORITY", frame, "5", "RFC 9113 6.3");
  throw streamError(frame.streamId, FRAME_SIZE_ERROR, "PRIORITY_LENGTH", message);
}

/** @throws Http2Error stream error if the stream depends on itself. */
export function decodePriority(frame: Frame): PriorityFields {
  const fields = readPriorityFields(frame.bytes, frame.start);
  checkDependency(frame, fields);
  return fields;
}

/** For PRIORITY, and for HEADERS once the field block is decoded. @throws Http2Error stream error. */
export function checkDependency(frame: { readonly streamId: number }, fields: PriorityFields): void {
  if (fields.dependency !== frame.streamId) return;
  // RFC 7540 5.3.1; RFC 9113 says nothing of it any more.
  const message = `PRIORITY: stream ${frame.streamId} must not depend on itself (RFC 7540 5.3.1)`;
  throw streamError(frame.streamId, PROTOCOL_ERROR, "PRIORITY_ON_ITSELF", message);
}

export function readPriorityFields(bytes: Uint8Array, at: number): PriorityFields {
  return {
    exclusive: (bytes[at] as number) >= 0x80,
    dependency: readStreamId(bytes, at),
    weight: (bytes[at + 4] as number) + 1,
  };
}

export function writePriorityFields(writer: OctetWriter, fields: PriorityFields): void {
  checkStreamId(fields.dependency);
  writer.uint32(fields.exclusive ? fields.dependency | 0x8000_0000 : fields.dependency);
  writer.byte(fields.weight - 1);
}

export function writePriority(writer: OctetWriter, streamId: number, fields: PriorityFields): void {
  writeFrameHeader(writer, priorityFieldsBytes, PRIORITY, 0, streamId);
  writePriorityFields(writer, fields);
}
