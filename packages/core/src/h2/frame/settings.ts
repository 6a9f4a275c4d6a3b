/**
 * SETTINGS (RFC 9113 section 6.5): a list of identifiers and values, in the order in which they take effect.
 * Identifiers that are not known are skipped; a later value for the same one replaces the earlier.
 */
import { connectionError, type Http2Error } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { requireConnection, wrongLength } from "./checks.ts";
import { ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, PROTOCOL_ERROR } from "./error-code.ts";
import { type Frame, maxPayloadBytes, readUint32, writeFrameHeader } from "./frame-header.ts";
import { FLAG_ACK, SETTINGS } from "./frame-type.ts";
import { maxWindowBytes } from "./window-update.ts";

export const SETTINGS_HEADER_TABLE_SIZE = 0x1;
export const SETTINGS_ENABLE_PUSH = 0x2;
export const SETTINGS_MAX_CONCURRENT_STREAMS = 0x3;
export const SETTINGS_INITIAL_WINDOW_SIZE = 0x4;
export const SETTINGS_MAX_FRAME_SIZE = 0x5;
export const SETTINGS_MAX_HEADER_LIST_SIZE = 0x6;
/** RFC 8441 section 3. */
export const SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8;
/** RFC 9218 section 2.1. */
export const SETTINGS_NO_RFC7540_PRIORITIES = 0x9;

/** What is in force before any SETTINGS (RFC 9113 section 6.5.2). */
export const defaultInitialWindowBytes = 65_535;
export const defaultMaxFrameSize = 16_384;

/** More entries in one frame than this are not for their values (CVE-2020-11080); the same limit as nghttp2's. */
export const defaultMaxSettings = 32;

const entryBytes = 6;

/** Takes the entries of a SETTINGS frame, in order. */
export interface SettingsSink {
  /** A known setting with a valid value. May throw, which ends the frame. */
  setting(id: number, value: number): void;
}

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkSettingsHeader(frame: Frame): void {
  requireConnection(frame, "RFC 9113 6.5");
  if ((frame.flags & FLAG_ACK) !== 0 && frame.length !== 0) throw wrongLength(frame, "0 with ACK", "RFC 9113 6.5");
  if (frame.length % entryBytes !== 0) throw wrongLength(frame, "a multiple of 6", "RFC 9113 6.5");
}

/**
 * Hands the known entries of a frame without ACK to `sink`, one by one.
 * @param fromServer Whether a server sent it, which must not enable push.
 * @throws Http2Error connection error.
 */
export function decodeSettings(
  frame: Frame,
  fromServer: boolean,
  sink: SettingsSink,
  maxSettings: number = defaultMaxSettings,
): void {
  const count = (frame.end - frame.start) / entryBytes;
  if (count > maxSettings) {
    const message = `SETTINGS: at most ${maxSettings} entries are accepted in a frame, got ${count}`;
    throw connectionError(ENHANCE_YOUR_CALM, "TOO_MANY_SETTINGS", message);
  }
  for (let at = frame.start; at < frame.end; at += entryBytes) {
    const id = ((frame.bytes[at] as number) << 8) | (frame.bytes[at + 1] as number);
    if (!isKnownSetting(id)) continue;
    const value = readUint32(frame.bytes, at + 2);
    const error = checkSetting(id, value, fromServer);
    if (error !== undefined) throw error;
    sink.setting(id, value);
  }
}

function isKnownSetting(id: number): boolean {
  return id >= SETTINGS_HEADER_TABLE_SIZE && id <= SETTINGS_NO_RFC7540_PRIORITIES && id !== 0x7;
}

/** What is wrong with a value; nothing for an unknown identifier. Connection errors. */
export function checkSetting(id: number, value: number, fromServer: boolean): Http2Error | undefined {
  switch (id) {
    case SETTINGS_ENABLE_PUSH:
      if (value > 1) return wrongValue("ENABLE_PUSH", value, "0 or 1", "RFC 9113 6.5.2");
      if (value === 1 && fromServer) return wrongValue("ENABLE_PUSH", value, "0 from a server", "RFC 9113 6.5.2");
      return undefined;
    case SETTINGS_INITIAL_WINDOW_SIZE:
      if (value <= maxWindowBytes) return undefined;
      return wrongValue("INITIAL_WINDOW_SIZE", value, "at most 2^31-1", "RFC 9113 6.5.2", FLOW_CONTROL_ERROR);
    case SETTINGS_MAX_FRAME_SIZE:
      if (value >= defaultMaxFrameSize && value <= maxPayloadBytes) return undefined;
      return wrongValue("MAX_FRAME_SIZE", value, "from 16384 to 16777215", "RFC 9113 6.5.2");
    case SETTINGS_ENABLE_CONNECT_PROTOCOL:
      return value <= 1 ? undefined : wrongValue("ENABLE_CONNECT_PROTOCOL", value, "0 or 1", "RFC 8441 3");
    case SETTINGS_NO_RFC7540_PRIORITIES:
      return value <= 1 ? undefined : wrongValue("NO_RFC7540_PRIORITIES", value, "0 or 1", "RFC 9218 2.1");
    default:
      return undefined;
  }
}

function wrongValue(
  name: string,
  value: number,
  expected: string,
  source: string,
  reason: number = PROTOCOL_ERROR,
): Http2Error {
  const message = `SETTINGS: ${name} must be ${expected}, got ${value} (${source})`;
  return connectionError(reason, `SETTINGS_${name}`, message);
}

/** Writes SETTINGS with these identifiers and values. */
export function writeSettings(writer: OctetWriter, entries: readonly (readonly [id: number, value: number])[]): void {
  writeFrameHeader(writer, entries.length * entryBytes, SETTINGS, 0, 0);
  for (const [id, value] of entries) {
    writer.uint16(id);
    writer.uint32(value);
  }
}

/** Writes the acknowledgment of one SETTINGS frame. */
export function writeSettingsAck(writer: OctetWriter): void {
  writeFrameHeader(writer, 0, SETTINGS, FLAG_ACK, 0);
}
