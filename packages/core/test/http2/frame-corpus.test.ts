/**
 * The frames of http2-frame-test-case: good ones decode to their fields and encode to the same octets, bad ones give
 * one of the listed error codes.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeData, writePaddedData } from "../../src/h2/frame/data.ts";
import { closeFieldBlock } from "../../src/h2/frame/field-block.ts";
import { type Frame, writeFrameHeader } from "../../src/h2/frame/frame-header.ts";
import * as types from "../../src/h2/frame/frame-type.ts";
import { decodeGoAway, writeGoAway } from "../../src/h2/frame/goaway.ts";
import { decodeHeaders, openHeaders, openPaddedHeaders } from "../../src/h2/frame/headers.ts";
import { writePing } from "../../src/h2/frame/ping.ts";
import { decodePriority, type PriorityFields, writePriority } from "../../src/h2/frame/priority.ts";
import { decodePushPromise, openPaddedPushPromise, openPushPromise } from "../../src/h2/frame/push-promise.ts";
import { decodeRstStream, writeRstStream } from "../../src/h2/frame/rst-stream.ts";
import { decodeSettings, writeSettings } from "../../src/h2/frame/settings.ts";
import { decodeWindowUpdate, writeWindowUpdate } from "../../src/h2/frame/window-update.ts";
import type { OctetWriter } from "../../src/h2/octet-writer.ts";
import { corpora, readCorpus } from "../support/corpus.ts";
import { newReader, rawFrame, withFrame, written } from "./support/frames.ts";
import { errorOf } from "./support/hpack.ts";
import { ascii, hex, toHex } from "./support/octets.ts";

interface Vector {
  readonly description: string;
  readonly wire: string;
  readonly error: readonly number[] | null;
  readonly frame: {
    readonly length: number;
    readonly type: number;
    readonly flags: number;
    readonly stream_identifier: number;
    readonly frame_payload: Readonly<Record<string, unknown>>;
  } | null;
}

const folder = corpora === undefined ? undefined : join(corpora, "h2frames");
const vectors =
  folder === undefined
    ? []
    : readdirSync(folder)
        .filter((name) => statSync(join(folder, name)).isDirectory())
        .flatMap((name) => readCorpus<Vector>(join("h2frames", name)));

/** The fields of a frame by the names of the corpus, and what writes it again. */
function decode(frame: Frame): { readonly fields: object; readonly write: (writer: OctetWriter) => void } {
  const { type, flags, streamId } = frame;
  const endStream = (flags & types.FLAG_END_STREAM) !== 0;
  const before = { bytes: frame.bytes, start: frame.start, end: frame.end };
  const padding = (flags & types.FLAG_PADDED) === 0 ? null : (frame.bytes[frame.start] ?? 0);
  const rest = (): Uint8Array => frame.bytes.slice(frame.start, frame.end);
  const text = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1");
  const paddingText = (): string | null => (padding === null ? null : text(before.bytes.slice(frame.end, before.end)));
  const ping = frame.bytes.slice(frame.start, frame.end);
  switch (type) {
    case types.HEADERS: {
      const priority = decodeHeaders(frame);
      const fragment = rest();
      return {
        fields: {
          ...priorityNames(priority),
          header_block_fragment: text(fragment),
          padding_length: padding,
          padding: paddingText(),
        },
        write: (writer) => {
          const mark =
            padding === null
              ? openHeaders(writer, streamId, endStream, priority)
              : openPaddedHeaders(writer, streamId, endStream, padding, priority);
          writer.octets(fragment, 0, fragment.length);
          writer.zeros(padding ?? 0);
          closeFieldBlock(writer, mark, 16_384);
        },
      };
    }
    case types.PRIORITY: {
      const priority = decodePriority(frame);
      return {
        fields: { ...priorityNames(priority), padding_length: null, padding: null },
        write: (writer) => writePriority(writer, streamId, priority),
      };
    }
    case types.RST_STREAM: {
      const code = decodeRstStream(frame);
      return { fields: { error_code: code }, write: (writer) => writeRstStream(writer, streamId, code) };
    }
    case types.SETTINGS: {
      const settings: [number, number][] = [];
      decodeSettings(frame, false, { setting: (id, value) => settings.push([id, value]) });
      return { fields: { settings }, write: (writer) => writeSettings(writer, settings) };
    }
    case types.PUSH_PROMISE: {
      const promised = decodePushPromise(frame);
      const fragment = rest();
      return {
        fields: {
          header_block_fragment: text(fragment),
          padding_length: padding,
          promised_stream_id: promised,
          padding: paddingText(),
        },
        write: (writer) => {
          const mark =
            padding === null
              ? openPushPromise(writer, streamId, promised)
              : openPaddedPushPromise(writer, streamId, promised, padding);
          writer.octets(fragment, 0, fragment.length);
          writer.zeros(padding ?? 0);
          closeFieldBlock(writer, mark, 16_384);
        },
      };
    }
    case types.PING:
      return { fields: { opaque_data: text(ping) }, write: (writer) => writePing(writer, (flags & 1) === 1, ping, 0) };
    case types.GOAWAY: {
      const { lastStreamId, errorCode, debugData } = decodeGoAway(frame);
      return {
        fields: { last_stream_id: lastStreamId, error_code: errorCode, additional_debug_data: debugData },
        write: (writer) => writeGoAway(writer, lastStreamId, errorCode, debugData),
      };
    }
    case types.WINDOW_UPDATE: {
      const increment = decodeWindowUpdate(frame);
      return {
        fields: { window_size_increment: increment },
        write: (writer) => writeWindowUpdate(writer, streamId, increment),
      };
    }
    case types.CONTINUATION: {
      const fragment = rest();
      return {
        fields: { header_block_fragment: text(fragment) },
        write: (writer) => {
          writeFrameHeader(writer, fragment.length, types.CONTINUATION, flags, streamId);
          writer.octets(fragment, 0, fragment.length);
        },
      };
    }
    default:
      throw new Error(`no such frame: ${type}`);
  }
}

function priorityNames(priority: PriorityFields | undefined): object {
  return {
    stream_dependency: priority?.dependency ?? null,
    weight: priority?.weight ?? null,
    exclusive: priority?.exclusive ?? null,
  };
}

describe.skipIf(corpora === undefined)("the HTTP/2 frame corpus", () => {
  test("is there", () => {
    expect(vectors.filter(({ error }) => error === null).length).toBe(12);
    expect(vectors.filter(({ error }) => error !== null).length).toBe(22);
  });

  for (const { description, wire, error, frame } of vectors) {
    if (error !== null) {
      test(`refused: ${description}`, () => {
        const { reason } = errorOf(() => withFrame(hex(wire), (received) => decode(received)));
        expect(error).toContain(reason);
      });
      continue;
    }
    test(`[h2-056] ${description}`, () => {
      const expected = frame as NonNullable<Vector["frame"]>;
      const octets = hex(wire);
      const payload = expected.frame_payload;
      if (expected.type === types.DATA) {
        withFrame(octets, (received) => {
          const data = received.bytes.slice(received.start, received.end);
          expect(Buffer.from(data).toString()).toBe(payload["data"]);
          const padding = payload["padding_length"] as number | null;
          const again = written((writer) =>
            padding === null
              ? writeData(writer, received.streamId, data, 0, data.length, false)
              : writePaddedData(writer, received.streamId, data, 0, data.length, false, padding),
          );
          expect(toHex(again)).toBe(toHex(withoutPadding(octets, payload)));
        });
        return;
      }
      const reader = newReader();
      if (expected.type === types.CONTINUATION) {
        // Where it may stand.
        reader.push(rawFrame(types.HEADERS, 0, expected.stream_identifier, ascii("first")));
        expect(reader.next()).toBe(true);
      }
      withFrame(
        octets,
        (received) => {
          const { length, type, flags, streamId } = received;
          expect({ length, type, flags, stream_identifier: streamId }).toEqual({
            length: expected.length,
            type: expected.type,
            flags: expected.flags,
            stream_identifier: expected.stream_identifier,
          });
          const { fields, write } = decode(received);
          expect(fields).toEqual(payload);
          expect(toHex(written(write))).toBe(toHex(withoutPadding(octets, payload)));
        },
        reader,
      );
    });
  }
});

/** RFC 9113 6.1: padding is set to zero when sending; the corpus has text there. */
function withoutPadding(octets: Uint8Array, payload: Readonly<Record<string, unknown>>): Uint8Array {
  const copy = octets.slice();
  const padding = (payload["padding_length"] as number | null | undefined) ?? 0;
  return copy.fill(0, copy.length - padding);
}
