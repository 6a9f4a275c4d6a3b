import { describe, expect, test } from "vitest";
import { newReader, rawFrame, withFrame } from "../../../test/http2/support/frames.ts";
import { hex } from "../../../test/http2/support/octets.ts";
import { type Frame, newFrame } from "../frame/frame-header.ts";
import { FrameReader } from "../frame/frame-reader.ts";
import * as types from "../frame/frame-type.ts";
import { detailBytes, frameFacts, maxDetailBytes } from "./frame-facts.ts";

/** The facts of a frame that the reader finds. */
function factsOf(type: number, flags: number, streamId: number, payload: string | Uint8Array = ""): unknown {
  return withFrame(rawFrame(type, flags, streamId, payload), frameFacts, newReader());
}

/** The facts of a frame whose header says what its payload does not keep, behind other octets. */
function factsOfTorn(type: number, flags: number, payload: string): unknown {
  const octets = hex(payload);
  const frame: Frame = { ...newFrame(), type, flags, streamId: 1, length: 99 };
  frame.bytes = Uint8Array.from([0xff, 0xff, ...octets, 0xff, 0xff, 0xff, 0xff]);
  frame.start = 2;
  frame.end = 2 + octets.length;
  return frameFacts(frame);
}

const secret = "736563726574";

describe("frameFacts", () => {
  test("DATA: length and flags, nothing of the content", () => {
    expect(factsOf(types.DATA, 0, 1, secret)).toEqual({ type: "DATA", streamId: 1, length: 6, flags: [] });
    expect(factsOf(types.DATA, 0x9, 0x7fff_ffff, `02${secret}0000`)).toEqual({
      type: "DATA",
      streamId: 0x7fff_ffff,
      length: 9,
      flags: ["END_STREAM", "PADDED"],
    });
  });

  test("HEADERS and CONTINUATION: length and flags, nothing of the field block or of the priority fields", () => {
    expect(factsOf(types.HEADERS, 0x2d, 3, `0180000001ff${secret}00`)).toEqual({
      type: "HEADERS",
      streamId: 3,
      length: 13,
      flags: ["END_STREAM", "END_HEADERS", "PADDED", "PRIORITY"],
    });
    expect(factsOf(types.HEADERS, 0, 3, "82")).toEqual({ type: "HEADERS", streamId: 3, length: 1, flags: [] });
    expect(factsOfTorn(types.CONTINUATION, 0xff, secret)).toEqual({
      type: "CONTINUATION",
      streamId: 1,
      length: 99,
      flags: ["END_HEADERS"],
    });
  });

  test("PRIORITY has no flags and no details", () => {
    expect(factsOf(types.PRIORITY, 0xff, 5, "0000000310")).toEqual({
      type: "PRIORITY",
      streamId: 5,
      length: 5,
      flags: [],
    });
  });

  test("RST_STREAM: the error code by name, an unknown one by number", () => {
    const facts = { type: "RST_STREAM", streamId: 7, length: 4, flags: [] };
    expect(factsOf(types.RST_STREAM, 0xff, 7, "00000008")).toEqual({ ...facts, errorCode: "CANCEL" });
    expect(factsOf(types.RST_STREAM, 0, 7, "0000001f")).toEqual({ ...facts, errorCode: "0x1f" });
    expect(factsOf(types.RST_STREAM, 0, 7, "ffffffff")).toEqual({ ...facts, errorCode: "0xffffffff" });
  });

  test("SETTINGS: values by name, unknown ones by number, the last of several", () => {
    const payload = "000100001000 000200000000 000300000064 00040000ffff 000500004000 0006ffffffff 000800000001";
    expect(factsOf(types.SETTINGS, 0, 0, `${payload} 000900000001 000700000007 ffff00000000 000300000065`)).toEqual({
      type: "SETTINGS",
      streamId: 0,
      length: 66,
      flags: [],
      settings: {
        HEADER_TABLE_SIZE: 4096,
        ENABLE_PUSH: 0,
        MAX_CONCURRENT_STREAMS: 101,
        INITIAL_WINDOW_SIZE: 65_535,
        MAX_FRAME_SIZE: 16_384,
        MAX_HEADER_LIST_SIZE: 0xffff_ffff,
        ENABLE_CONNECT_PROTOCOL: 1,
        NO_RFC7540_PRIORITIES: 1,
        "0x7": 7,
        "0xffff": 0,
      },
    });
    expect(factsOf(types.SETTINGS, 0, 0)).toEqual({
      type: "SETTINGS",
      streamId: 0,
      length: 0,
      flags: [],
      settings: {},
    });
    expect(factsOf(types.SETTINGS, 1, 0)).toEqual({ type: "SETTINGS", streamId: 0, length: 0, flags: ["ACK"] });
  });

  test("SETTINGS: the first 32 entries and no more", () => {
    const entries = Array.from({ length: 33 }, (_, index) => `${(0xff00 + index).toString(16)}00000001`);
    const facts = factsOf(types.SETTINGS, 0, 0, entries.join(" ")) as { settings: Record<string, number> };
    expect(Object.keys(facts.settings)).toEqual(entries.slice(0, 32).map((entry) => `0x${entry.slice(0, 4)}`));
  });

  test("PUSH_PROMISE: the promised stream, padded or not", () => {
    const facts = { type: "PUSH_PROMISE", streamId: 1, promisedStreamId: 2 };
    expect(factsOf(types.PUSH_PROMISE, 0x4, 1, `80000002 ${secret}`)).toEqual({
      ...facts,
      length: 10,
      flags: ["END_HEADERS"],
    });
    expect(factsOf(types.PUSH_PROMISE, 0xc, 1, `01 00000002 ${secret} 00`)).toEqual({
      ...facts,
      length: 12,
      flags: ["END_HEADERS", "PADDED"],
    });
  });

  test("PING: nothing of its octets", () => {
    expect(factsOf(types.PING, 0, 0, `${secret}0000`)).toEqual({ type: "PING", streamId: 0, length: 8, flags: [] });
    expect(factsOf(types.PING, 0xff, 0, `${secret}0000`)).toEqual({
      type: "PING",
      streamId: 0,
      length: 8,
      flags: ["ACK"],
    });
  });

  test("GOAWAY: the last stream and the error code, nothing of the debug data", () => {
    expect(factsOf(types.GOAWAY, 0, 0, `ffffffff 0000000b ${secret}`)).toEqual({
      type: "GOAWAY",
      streamId: 0,
      length: 14,
      flags: [],
      lastStreamId: 0x7fff_ffff,
      errorCode: "ENHANCE_YOUR_CALM",
    });
  });

  test("WINDOW_UPDATE: the increment, 0 included", () => {
    const facts = { type: "WINDOW_UPDATE", streamId: 0, length: 4, flags: [] };
    expect(factsOf(types.WINDOW_UPDATE, 0, 0, "80000001")).toEqual({ ...facts, increment: 1 });
    expect(factsOf(types.WINDOW_UPDATE, 0, 0, "00000000")).toEqual({ ...facts, increment: 0 });
  });

  test("PRIORITY_UPDATE: the stream it is about, nothing of the value", () => {
    expect(factsOf(types.PRIORITY_UPDATE, 0, 0, `00000009 ${secret}`)).toEqual({
      type: "PRIORITY_UPDATE",
      streamId: 0,
      length: 10,
      flags: [],
      prioritizedStreamId: 9,
    });
  });

  test("types that are not used: the header alone", () => {
    const expected = [
      [types.ALTSVC, "ALTSVC"],
      [types.ORIGIN, "ORIGIN"],
      [0x1f, "0x1f"],
      [0xff, "0xff"],
    ] as const;
    for (const [type, name] of expected) {
      expect(factsOf(type, 0xff, 11, secret)).toEqual({ type: name, streamId: 11, length: 6, flags: [] });
    }
  });

  test("what is too short for a detail does without it", () => {
    const facts = (type: string, details: object): object => ({ type, streamId: 1, length: 99, flags: [], ...details });
    for (const [type, name] of [
      [types.RST_STREAM, "RST_STREAM"],
      [types.PUSH_PROMISE, "PUSH_PROMISE"],
      [types.GOAWAY, "GOAWAY"],
      [types.WINDOW_UPDATE, "WINDOW_UPDATE"],
      [types.PRIORITY_UPDATE, "PRIORITY_UPDATE"],
    ] as const) {
      for (const payload of ["", "00", "000000"]) expect(factsOfTorn(type, 0, payload)).toEqual(facts(name, {}));
    }
    const padded = factsOfTorn(types.PUSH_PROMISE, 8, "00000000");
    expect(padded).toEqual({ ...facts("PUSH_PROMISE", {}), flags: ["PADDED"] });
    expect(factsOfTorn(types.GOAWAY, 0, "00000005 000000")).toEqual(facts("GOAWAY", { lastStreamId: 5 }));
    expect(factsOfTorn(types.SETTINGS, 0, "0000000000")).toEqual(facts("SETTINGS", { settings: {} }));
    const oneAndAHalf = factsOfTorn(types.SETTINGS, 0, "000300000001 000400");
    expect(oneAndAHalf).toEqual(facts("SETTINGS", { settings: { MAX_CONCURRENT_STREAMS: 1 } }));
  });

  test("the record may be used again: facts do not change", () => {
    const reader = new FrameReader(8);
    reader.push(
      Uint8Array.from([
        ...rawFrame(types.RST_STREAM, 0, 1, "00000001"),
        ...rawFrame(types.PING, 1, 0, "0102030405060708"),
      ]),
    );
    reader.next();
    const first = frameFacts(reader.frame);
    reader.next();
    expect(frameFacts(reader.frame).type).toBe("PING");
    expect(first).toEqual({ type: "RST_STREAM", streamId: 1, length: 4, flags: [], errorCode: "PROTOCOL_ERROR" });
  });
});

describe("detailBytes", () => {
  test("is how much of a payload the facts depend on, for every type", () => {
    for (let type = 0; type < 0x100; type++) {
      for (const flags of [0, 0xff]) {
        const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
        const whole: Frame = { ...newFrame(), type, flags, streamId: 1, length: 300, bytes, end: 300 };
        const start: Frame = { ...whole, end: detailBytes(type) };
        expect(frameFacts(start)).toEqual(frameFacts(whole));
      }
      expect(detailBytes(type)).toBeLessThanOrEqual(maxDetailBytes);
    }
  });
});
