/**
 * GOAWAY (RFC 9113 section 6.8).
 */
import { decodeLatin1 } from "../../bytes/latin1.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { requireConnection, wrongLength } from "./checks.ts";
import { checkStreamId, type Frame, readStreamId, readUint32, writeFrameHeader } from "./frame-header.ts";
import { GOAWAY } from "./frame-type.ts";

export interface GoAway {
  /** The last stream that was or may be processed. */
  readonly lastStreamId: number;
  /** Unknown ones are legal. */
  readonly errorCode: number;
  /** The start of the debug data, one char per octet. Nothing is known of what it holds; escape it before printing. */
  readonly debugData: string;
}

/** Debug data is for people: more than this is not kept. */
const maxDebugBytes = 1024;

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkGoAwayHeader(frame: Frame): void {
  requireConnection(frame, "RFC 9113 6.8");
  if (frame.length < 8) throw wrongLength(frame, "at least 8", "RFC 9113 4.2, 6.8");
}

export function decodeGoAway(frame: Frame): GoAway {
  const { bytes, start, end } = frame;
  return {
    lastStreamId: readStreamId(bytes, start),
    errorCode: readUint32(bytes, start + 4),
    debugData: decodeLatin1(bytes, start + 8, Math.min(end, start + 8 + maxDebugBytes)),
  };
}

/** Writes a GOAWAY; of `debugData`, whose chars are all below 256, no more than 1,024 are sent. */
export function writeGoAway(writer: OctetWriter, lastStreamId: number, errorCode: number, debugData = ""): void {
  checkStreamId(lastStreamId);
  const shown = debugData.slice(0, maxDebugBytes);
  writeFrameHeader(writer, 8 + shown.length, GOAWAY, 0, 0);
  writer.uint32(lastStreamId);
  writer.uint32(errorCode);
  writer.text(shown);
}
