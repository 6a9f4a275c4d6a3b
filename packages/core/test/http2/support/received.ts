/**
 * Frames as a peer receives them: taken apart strictly. What a careful sender never writes is an error here, also where
 * a receiver has to put up with it: undefined flags, the reserved bit, values out of range.
 */
import type { RawFrame } from "./frame-splitter.ts";
import type { Line } from "./hpack.ts";
import { errorCodes, flags, frameTypes, nameOf, settingIds } from "./names.ts";
import { toHex } from "./octets.ts";

interface OnStream {
  readonly streamId: number;
  /** The octets of the whole payload: what counts for flow control and against MAX_FRAME_SIZE. */
  readonly length: number;
}

export interface Priority {
  readonly exclusive: boolean;
  readonly dependency: number;
  readonly weight: number;
}

/** A fragment of a field block. */
interface Fragment extends OnStream {
  readonly endHeaders: boolean;
  readonly fragment: Uint8Array;
  /** The lines of the whole block, on the frame that completes it. */
  fields: readonly Line[] | undefined;
  /** The names of the lines that are never to be indexed (RFC 7541 section 6.2.3). */
  sensitive: readonly string[];
}

export interface Data extends OnStream {
  readonly type: "DATA";
  readonly endStream: boolean;
  readonly padding: number | undefined;
  readonly data: Uint8Array;
}

export interface Headers extends Fragment {
  readonly type: "HEADERS";
  readonly endStream: boolean;
  readonly padding: number | undefined;
  readonly priority: Priority | undefined;
}

export interface PushPromise extends Fragment {
  readonly type: "PUSH_PROMISE";
  readonly promised: number;
  readonly padding: number | undefined;
}

export interface Continuation extends Fragment {
  readonly type: "CONTINUATION";
}

export interface Settings {
  readonly type: "SETTINGS";
  readonly ack: boolean;
  readonly entries: readonly (readonly [name: string, value: number])[];
}

export type Received =
  | { readonly type: "PREFACE" }
  | Data
  | Headers
  | PushPromise
  | Continuation
  | Settings
  | { readonly type: "PRIORITY"; readonly streamId: number; readonly priority: Priority }
  | { readonly type: "RST_STREAM"; readonly streamId: number; readonly code: string }
  | { readonly type: "PING"; readonly ack: boolean; readonly payload: string }
  | { readonly type: "GOAWAY"; readonly lastStreamId: number; readonly code: string; readonly debug: string }
  | { readonly type: "WINDOW_UPDATE"; readonly streamId: number; readonly increment: number }
  | { readonly type: "PRIORITY_UPDATE"; readonly streamId: number; readonly value: string };

/** Takes a frame apart. @throws Error for what no frame may look like. */
export function parseFrame(raw: RawFrame): Received {
  const name = nameOf(frameTypes, raw.type);
  const { payload, streamId } = raw;
  const require = (holds: boolean, rule: string): void => {
    if (holds) return;
    const flagsText = `0x${raw.flags.toString(16)}`;
    throw new Error(`${name}: ${rule}; stream ${streamId}, flags ${flagsText}, payload ${shortHex(payload)}`);
  };
  const allowFlags = (allowed: number): void =>
    require((raw.flags & ~allowed) === 0, "undefined flags must not be set");
  const has = (flag: number): boolean => (raw.flags & flag) !== 0;
  const length = payload.length;
  const view = new DataView(payload.buffer, payload.byteOffset, length);
  require(streamId < 2 ** 31, "the reserved bit must not be set");

  /** What is behind the fields of a frame that may be padded, without the padding. */
  const unpadded = (
    fixed: number,
  ): { readonly padding: number | undefined; readonly start: number; readonly end: number } => {
    const padding = has(flags.PADDED) ? view.getUint8(0) : undefined;
    const start = padding === undefined ? 0 : 1;
    const end = length - (padding ?? 0);
    require(start + fixed <= end, "the padding must fit");
    require(payload.subarray(end).every((octet) => octet === 0), "padding must be zeros");
    return { padding, start, end };
  };
  const fragment = (start: number, end: number): Omit<Fragment, "type"> => ({
    streamId,
    length,
    endHeaders: has(flags.END_HEADERS),
    fragment: payload.subarray(start, end),
    fields: undefined,
    sensitive: [],
  });
  const onStream = (): void => require(streamId > 0, "must be on a stream");
  const onConnection = (): void => require(streamId === 0, "must be on stream 0");
  const hasLength = (expected: number): void => require(length === expected, `length must be ${expected}`);

  switch (raw.type) {
    case frameTypes.DATA: {
      onStream();
      allowFlags(flags.END_STREAM | flags.PADDED);
      const { padding, start, end } = unpadded(0);
      const data = payload.subarray(start, end);
      return { type: "DATA", streamId, length, endStream: has(flags.END_STREAM), padding, data };
    }
    case frameTypes.HEADERS: {
      onStream();
      allowFlags(flags.END_STREAM | flags.END_HEADERS | flags.PADDED | flags.PRIORITY);
      const { padding, start, end } = unpadded(has(flags.PRIORITY) ? 5 : 0);
      const priority = has(flags.PRIORITY) ? priorityAt(view, start) : undefined;
      const rest = fragment(priority === undefined ? start : start + 5, end);
      return { type: "HEADERS", ...rest, endStream: has(flags.END_STREAM), padding, priority };
    }
    case frameTypes.PRIORITY:
      onStream();
      allowFlags(0);
      hasLength(5);
      return { type: "PRIORITY", streamId, priority: priorityAt(view, 0) };
    case frameTypes.RST_STREAM:
      onStream();
      allowFlags(0);
      hasLength(4);
      return { type: "RST_STREAM", streamId, code: nameOf(errorCodes, view.getUint32(0)) };
    case frameTypes.SETTINGS: {
      onConnection();
      allowFlags(flags.ACK);
      require(length % 6 === 0 && (length === 0 || !has(flags.ACK)), "length must be a multiple of 6, and 0 with ACK");
      const entries: [string, number][] = [];
      for (let at = 0; at < length; at += 6) {
        entries.push([nameOf(settingIds, view.getUint16(at)), view.getUint32(at + 2)]);
      }
      return { type: "SETTINGS", ack: has(flags.ACK), entries };
    }
    case frameTypes.PUSH_PROMISE: {
      onStream();
      allowFlags(flags.END_HEADERS | flags.PADDED);
      const { padding, start, end } = unpadded(4);
      return { type: "PUSH_PROMISE", ...fragment(start + 4, end), promised: view.getUint32(start), padding };
    }
    case frameTypes.PING:
      onConnection();
      allowFlags(flags.ACK);
      hasLength(8);
      return { type: "PING", ack: has(flags.ACK), payload: toHex(payload) };
    case frameTypes.GOAWAY: {
      onConnection();
      allowFlags(0);
      require(length >= 8, "length must be at least 8");
      const debug = Buffer.from(payload.subarray(8)).toString("latin1");
      return { type: "GOAWAY", lastStreamId: view.getUint32(0), code: nameOf(errorCodes, view.getUint32(4)), debug };
    }
    case frameTypes.WINDOW_UPDATE:
      allowFlags(0);
      hasLength(4);
      require(view.getUint32(0) >= 1 && view.getUint32(0) < 2 ** 31, "increment must be from 1 to 2^31-1");
      return { type: "WINDOW_UPDATE", streamId, increment: view.getUint32(0) };
    case frameTypes.CONTINUATION:
      onStream();
      allowFlags(flags.END_HEADERS);
      return { type: "CONTINUATION", ...fragment(0, length) };
    case frameTypes.PRIORITY_UPDATE:
      onConnection();
      allowFlags(0);
      require(length >= 4, "length must be at least 4");
      return {
        type: "PRIORITY_UPDATE",
        streamId: view.getUint32(0),
        value: Buffer.from(payload.subarray(4)).toString("latin1"),
      };
    default:
      throw new Error(`a frame of type ${name} on stream ${streamId}; none of a type that is not known should be sent`);
  }
}

function priorityAt(view: DataView, at: number): Priority {
  const first = view.getUint32(at);
  return { exclusive: first >= 2 ** 31, dependency: first % 2 ** 31, weight: view.getUint8(at + 4) + 1 };
}

function shortHex(octets: Uint8Array): string {
  return octets.length <= 32 ? toHex(octets) : `${toHex(octets.subarray(0, 32))}... (${octets.length} octets)`;
}
