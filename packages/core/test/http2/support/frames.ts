/**
 * Frames as tests write and read them.
 */
import type { Frame } from "../../../src/h2/frame/frame-header.ts";
import { FrameReader } from "../../../src/h2/frame/frame-reader.ts";
import * as types from "../../../src/h2/frame/frame-type.ts";
import { decodeGoAway } from "../../../src/h2/frame/goaway.ts";
import { decodeHeaders } from "../../../src/h2/frame/headers.ts";
import { checkDependency, decodePriority } from "../../../src/h2/frame/priority.ts";
import { decodePriorityUpdate } from "../../../src/h2/frame/priority-update.ts";
import { decodePushPromise } from "../../../src/h2/frame/push-promise.ts";
import { decodeRstStream } from "../../../src/h2/frame/rst-stream.ts";
import { decodeSettings } from "../../../src/h2/frame/settings.ts";
import { decodeWindowUpdate } from "../../../src/h2/frame/window-update.ts";
import { OctetWriter } from "../../../src/h2/octet-writer.ts";
import { hex, joined } from "./octets.ts";

/** A frame from its parts; the payload as hexadecimal or octets. */
export function rawFrame(type: number, flags: number, streamId: number, payload: string | Uint8Array = ""): Uint8Array {
  const octets = typeof payload === "string" ? hex(payload) : payload;
  const header = new DataView(new ArrayBuffer(9));
  header.setUint8(0, octets.length >>> 16);
  header.setUint16(1, octets.length & 0xffff);
  header.setUint8(3, type);
  header.setUint8(4, flags);
  header.setUint32(5, streamId);
  return joined([new Uint8Array(header.buffer), octets]);
}

/** What a reader handed out, with the parts of a DATA frame put together. */
export interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly length: number;
  readonly payload: Uint8Array;
}

/** Reads frames to the end of `chunks`. A part at a time must say rightly whether it is the first and the last. */
export function readFrames(reader: FrameReader, chunks: readonly Uint8Array[]): Seen[] {
  const seen: Seen[] = [];
  let parts: Uint8Array[] = [];
  let open = false;
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      const frame: Frame = reader.frame;
      if (frame.first === open) throw new Error("a part is the first of its frame exactly if no frame is open");
      if (frame.type !== types.DATA && !(frame.first && frame.last)) throw new Error("only DATA comes in parts");
      parts.push(frame.bytes.slice(frame.start, frame.end));
      open = !frame.last;
      if (open) continue;
      const { type, flags, streamId, length } = frame;
      seen.push({ type, flags, streamId, length, payload: joined(parts) });
      parts = [];
    }
  }
  return seen;
}

/** Reads one frame, which is all there is, and hands it to `decode` while it is good. */
export function withFrame<T>(octets: Uint8Array, decode: (frame: Frame) => T, reader: FrameReader = newReader()): T {
  reader.push(octets);
  if (!reader.next()) throw new Error("the frame is incomplete");
  const result = decode(reader.frame);
  if (reader.next()) throw new Error("there is another frame");
  return result;
}

export function newReader(): FrameReader {
  return new FrameReader(8);
}

/** What `write` writes. */
export function written(write: (writer: OctetWriter) => void): Uint8Array {
  const writer = new OctetWriter();
  write(writer);
  return writer.take();
}

/** What the payload of a frame decodes to, by its type. */
export function decodeFrame(frame: Frame): unknown {
  switch (frame.type) {
    case types.HEADERS: {
      const priority = decodeHeaders(frame);
      if (priority !== undefined) checkDependency(frame, priority);
      return priority;
    }
    case types.PRIORITY:
      return decodePriority(frame);
    case types.RST_STREAM:
      return decodeRstStream(frame);
    case types.SETTINGS:
      return decodeSettings(frame, false, { setting: () => undefined });
    case types.PUSH_PROMISE:
      return decodePushPromise(frame);
    case types.GOAWAY:
      return decodeGoAway(frame);
    case types.WINDOW_UPDATE:
      return decodeWindowUpdate(frame);
    case types.PRIORITY_UPDATE:
      return decodePriorityUpdate(frame);
    default:
      return undefined;
  }
}
