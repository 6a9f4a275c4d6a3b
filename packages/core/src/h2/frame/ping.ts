/**
 * PING (RFC 9113 section 6.7): eight octets that come back.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { requireConnection, wrongLength } from "./checks.ts";
import { type Frame, writeFrameHeader } from "./frame-header.ts";
import { FLAG_ACK, PING } from "./frame-type.ts";

export const pingBytes = 8;

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkPingHeader(frame: Frame): void {
  requireConnection(frame, "RFC 9113 6.7");
  if (frame.length !== pingBytes) throw wrongLength(frame, "8", "RFC 9113 6.7");
}

/** Writes a PING, or the answer to one, with the eight octets of `bytes` from `start`. */
export function writePing(writer: OctetWriter, ack: boolean, bytes: Uint8Array, start: number): void {
  writeFrameHeader(writer, pingBytes, PING, ack ? FLAG_ACK : 0, 0);
  writer.octets(bytes, start, start + pingBytes);
}
