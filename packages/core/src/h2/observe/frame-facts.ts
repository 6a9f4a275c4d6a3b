/**
 * A frame as an observer is told of it: what its header says, and the few numbers of its payload that explain what a
 * connection does. Never what belongs to the messages or to the peer alone: header fields, DATA, the octets of PING,
 * debug data.
 *
 * Nothing is judged here. A detail whose octets are not there is left out.
 */
import { errorCodeName } from "../frame/error-code.ts";
import { type Frame, readStreamId, readUint32 } from "../frame/frame-header.ts";
import {
  CONTINUATION,
  DATA,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FLAG_PADDED,
  FLAG_PRIORITY,
  frameTypeName,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY_UPDATE,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../frame/frame-type.ts";
import {
  defaultMaxSettings,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_FRAME_SIZE,
  SETTINGS_MAX_HEADER_LIST_SIZE,
  SETTINGS_NO_RFC7540_PRIORITIES,
} from "../frame/settings.ts";

/** What an observer is told of an HTTP/2 frame. */
export interface FrameFacts {
  /** The name of the type, such as `HEADERS`; of an unknown one the number in hexadecimal: `0x1f`. */
  readonly type: string;
  /** The stream it is on; 0 for the connection. */
  readonly streamId: number;
  /** Octets of payload, padding included. */
  readonly length: number;
  /** The names of the flags that are set and mean something for the type, such as `END_STREAM`. */
  readonly flags: readonly string[];
  /** RST_STREAM and GOAWAY: the name of the error code, such as `CANCEL`; of an unknown one the number: `0x1f`. */
  readonly errorCode?: string;
  /** GOAWAY: the last stream that was or may be processed. */
  readonly lastStreamId?: number;
  /** WINDOW_UPDATE: octets. */
  readonly increment?: number;
  /** PUSH_PROMISE: the stream that is promised. */
  readonly promisedStreamId?: number;
  /**
   * SETTINGS without ACK: values by registered name, such as `INITIAL_WINDOW_SIZE`; of an unknown one the number in
   * hexadecimal. The last of several values for one name, and no more than the first 32 entries.
   */
  readonly settings?: Readonly<Record<string, number>>;
  /** PRIORITY_UPDATE: the stream it is about. */
  readonly prioritizedStreamId?: number;
}

type Draft = { -readonly [Name in keyof FrameFacts]: FrameFacts[Name] };

const settingBytes = 6;

/** Octets at the start of a payload that facts are taken from, at most. */
export const maxDetailBytes: number = defaultMaxSettings * settingBytes;

/** Octets at the start of a payload of this type that facts are taken from, if there are as many. */
export function detailBytes(type: number): number {
  switch (type) {
    case RST_STREAM:
    case WINDOW_UPDATE:
    case PRIORITY_UPDATE:
      return 4;
    case PUSH_PROMISE:
      return 5;
    case GOAWAY:
      return 8;
    case SETTINGS:
      return maxDetailBytes;
    default:
      return 0;
  }
}

/** The facts of a frame as the reader hands it out: the first part of it, before its payload is decoded. */
export function frameFacts(frame: Frame): FrameFacts {
  const { type, streamId, length, bytes, start, end } = frame;
  const facts: Draft = { type: frameTypeName(type), streamId, length, flags: flagNames(type, frame.flags) };
  const present = end - start;
  switch (type) {
    case RST_STREAM:
      if (present >= 4) facts.errorCode = errorCodeName(readUint32(bytes, start));
      break;
    case SETTINGS:
      if ((frame.flags & FLAG_ACK) === 0) facts.settings = settingsOf(bytes, start, Math.min(present, maxDetailBytes));
      break;
    case PUSH_PROMISE: {
      const padded = (frame.flags & FLAG_PADDED) === 0 ? 0 : 1;
      if (present >= padded + 4) facts.promisedStreamId = readStreamId(bytes, start + padded);
      break;
    }
    case GOAWAY:
      if (present >= 4) facts.lastStreamId = readStreamId(bytes, start);
      if (present >= 8) facts.errorCode = errorCodeName(readUint32(bytes, start + 4));
      break;
    case WINDOW_UPDATE:
      if (present >= 4) facts.increment = readStreamId(bytes, start);
      break;
    case PRIORITY_UPDATE:
      if (present >= 4) facts.prioritizedStreamId = readStreamId(bytes, start);
      break;
    default:
      break;
  }
  return facts;
}

type FlagName = readonly [bit: number, name: string];

const endStream: FlagName = [FLAG_END_STREAM, "END_STREAM"];
const endHeaders: FlagName = [FLAG_END_HEADERS, "END_HEADERS"];
const padded: FlagName = [FLAG_PADDED, "PADDED"];
const ack: FlagName = [FLAG_ACK, "ACK"];

/** RFC 9113 section 6. */
const flagsByType: ReadonlyMap<number, readonly FlagName[]> = new Map([
  [DATA, [endStream, padded]],
  [HEADERS, [endStream, endHeaders, padded, [FLAG_PRIORITY, "PRIORITY"]]],
  [SETTINGS, [ack]],
  [PUSH_PROMISE, [endHeaders, padded]],
  [PING, [ack]],
  [CONTINUATION, [endHeaders]],
]);

function flagNames(type: number, flags: number): readonly string[] {
  const names: string[] = [];
  if (flags === 0) return names;
  for (const [bit, name] of flagsByType.get(type) ?? []) {
    if ((flags & bit) !== 0) names.push(name);
  }
  return names;
}

const settingNames: ReadonlyMap<number, string> = new Map([
  [SETTINGS_HEADER_TABLE_SIZE, "HEADER_TABLE_SIZE"],
  [SETTINGS_ENABLE_PUSH, "ENABLE_PUSH"],
  [SETTINGS_MAX_CONCURRENT_STREAMS, "MAX_CONCURRENT_STREAMS"],
  [SETTINGS_INITIAL_WINDOW_SIZE, "INITIAL_WINDOW_SIZE"],
  [SETTINGS_MAX_FRAME_SIZE, "MAX_FRAME_SIZE"],
  [SETTINGS_MAX_HEADER_LIST_SIZE, "MAX_HEADER_LIST_SIZE"],
  [SETTINGS_ENABLE_CONNECT_PROTOCOL, "ENABLE_CONNECT_PROTOCOL"],
  [SETTINGS_NO_RFC7540_PRIORITIES, "NO_RFC7540_PRIORITIES"],
]);

function settingsOf(bytes: Uint8Array, start: number, count: number): Readonly<Record<string, number>> {
  const settings: Record<string, number> = {};
  for (let at = start; at + settingBytes <= start + count; at += settingBytes) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    settings[settingNames.get(id) ?? `0x${id.toString(16)}`] = readUint32(bytes, at + 2);
  }
  return settings;
}
