import { describe, expect, test } from "vitest";
import { newReader, rawFrame, readFrames } from "../../../test/http2/support/frames.ts";
import { errorOf } from "../../../test/http2/support/hpack.ts";
import { ascii, cutAt, hex, joined, singly, toHex } from "../../../test/http2/support/octets.ts";
import { continuationLimit } from "./field-block-order.ts";
import { FrameReader } from "./frame-reader.ts";
import { ALTSVC, CONTINUATION, DATA, HEADERS, ORIGIN, PING, PUSH_PROMISE, SETTINGS } from "./frame-type.ts";

const ping = rawFrame(PING, 0, 0, "0102030405060708");

/** A session with something of everything. */
const session = joined([
  rawFrame(SETTINGS, 0, 0),
  rawFrame(HEADERS, 0, 1, "8286"),
  rawFrame(CONTINUATION, 0, 1),
  rawFrame(CONTINUATION, 4, 1, "84"),
  rawFrame(DATA, 0, 1, ascii("hello")),
  rawFrame(DATA, 8, 1, "03" + "776f726c64" + "000000"),
  rawFrame(0xbe, 0xff, 1, ascii("what is this")),
  rawFrame(DATA, 8, 1, "00"),
  ping,
  rawFrame(DATA, 0, 3, new Uint8Array(300).fill(7)),
  rawFrame(DATA, 9, 1, "0200" + "00"),
  rawFrame(ALTSVC, 0, 0, ascii("ignored")),
]);

describe("FrameReader", () => {
  test("[h2-059] frames are the same however they are cut", () => {
    const whole = readFrames(newReader(), [session]);
    expect(whole).toHaveLength(12);
    expect(whole.map(({ payload }) => payload.length)).toEqual([0, 2, 0, 1, 5, 5, 0, 0, 8, 300, 0, 0]);
    expect(readFrames(newReader(), singly(session))).toEqual(whole);
    for (let at = 0; at <= session.length; at++) {
      expect(readFrames(newReader(), cutAt(session, [at]))).toEqual(whole);
    }
  });

  test("a frame within a chunk is a window on it, and so is every part of DATA", () => {
    const reader = newReader();
    reader.push(session);
    while (reader.next()) if (reader.frame.end > reader.frame.start) expect(reader.frame.bytes).toBe(session);
    const [first, second] = cutAt(rawFrame(DATA, 0, 1, ascii("hello")), [11]) as [Uint8Array, Uint8Array];
    reader.push(first);
    expect(reader.next()).toBe(true);
    expect([reader.frame.bytes === first, reader.frame.first, reader.frame.last]).toEqual([true, true, false]);
    expect(reader.next()).toBe(false);
    reader.push(second);
    expect(reader.next()).toBe(true);
    expect([reader.frame.bytes === second, reader.frame.first, reader.frame.last]).toEqual([true, false, true]);
  });

  test("the last part of DATA comes when its padding has", () => {
    const reader = newReader();
    const parts: unknown[] = [];
    for (const chunk of cutAt(rawFrame(DATA, 8, 1, "02" + "6162" + "0000"), [9, 10, 11, 12, 13])) {
      reader.push(chunk);
      while (reader.next()) {
        const { start, end, first, last, length } = reader.frame;
        parts.push([end - start, first, last, length]);
      }
    }
    expect(parts).toEqual([
      [1, true, false, 5],
      [1, false, false, 5],
      [0, false, true, 5],
    ]);
  });

  test("[h2-036] 16,384 octets are accepted, 16,385 are FRAME_SIZE_ERROR before any of them has come", () => {
    const reader = newReader();
    expect(readFrames(reader, [rawFrame(DATA, 0, 1, new Uint8Array(16_384))])).toHaveLength(1);
    for (const type of [DATA, HEADERS, 0xfe]) {
      const fresh = newReader();
      fresh.push(rawFrame(type, 4, 1, new Uint8Array(16_385)).subarray(0, 9));
      expect(errorOf(() => fresh.next())).toMatchObject({ stream: 0, reason: 6, code: "FRAME_TOO_LARGE" });
    }
    const fresh = newReader();
    fresh.push(hex("ffffff000000000001"));
    expect(errorOf(() => fresh.next()).message).toBe("DATA: length must be at most 16384, got 16777215 (RFC 9113 4.2)");
  });

  test("[h2-037] the limit may be changed between frames", () => {
    const reader = newReader();
    reader.maxFrameSize = 20_000;
    expect(readFrames(reader, [rawFrame(DATA, 0, 1, new Uint8Array(20_000))])).toHaveLength(1);
    reader.maxFrameSize = 16_384;
    reader.push(rawFrame(DATA, 0, 1, new Uint8Array(20_000)));
    expect(errorOf(() => reader.next()).code).toBe("FRAME_TOO_LARGE");
  });

  test("[h2-032] types that are not known come out without their payload, which is skipped", () => {
    const octets = joined([rawFrame(0xb, 0xff, 0, ascii("x".repeat(100))), rawFrame(ORIGIN, 0, 9, "00"), ping]);
    const seen = readFrames(newReader(), singly(octets));
    expect(seen.map(({ type, length, payload }) => [type, length, payload.length])).toEqual([
      [0xb, 100, 0],
      [ORIGIN, 1, 0],
      [PING, 8, 8],
    ]);
  });

  test("[h2-053] every number of a type is taken or skipped", () => {
    for (let type = 0; type < 256; type++) {
      const reader = newReader();
      reader.push(joined([rawFrame(type, 0, 0, "000000000000"), ping]));
      const read = (): void => {
        while (reader.next()) expect([type, PING]).toContain(reader.frame.type);
      };
      // Six octets on stream 0 are wrong for all known types but SETTINGS, PRIORITY_UPDATE and those that are skipped.
      if (type <= 9 && type !== SETTINGS) expect(errorOf(read).stream, String(type)).toBe(0);
      else read();
    }
  });

  test("[h2-052] octets that end within a frame are noticed", () => {
    for (const [octets, expected] of [
      [hex(""), false],
      [ping, false],
      [ping.subarray(0, 8), true],
      [ping.subarray(0, 9), true],
      [ping.subarray(0, 16), true],
      [rawFrame(DATA, 0, 1, "aa").subarray(0, 9), true],
      [rawFrame(DATA, 8, 1, "0100").subarray(0, 10), true],
      [rawFrame(0xbe, 0, 1, "aa").subarray(0, 9), true],
    ] as const) {
      const reader = newReader();
      readFrames(reader, singly(octets));
      expect(reader.withinFrame, toHex(octets)).toBe(expected);
    }
  });

  test("[h2-055] nothing is held once everything was read", () => {
    const reader = newReader();
    readFrames(reader, [session]);
    expect(reader.frame.bytes.length).toBe(0);
    reader.push(joined([ping, ascii("rest")]));
    expect(reader.next()).toBe(true);
    expect(toHex(reader.takeRest())).toBe(toHex(ascii("rest")));
    expect([reader.next(), reader.withinFrame]).toEqual([false, false]);
  });

  test("[h2-057] after an error of the connection nothing comes out, whatever comes in", () => {
    const reader = newReader();
    reader.push(joined([rawFrame(PING, 0, 1, "0102030405060708"), ping, ping]));
    expect(errorOf(() => reader.next()).code).toBe("PING_ON_STREAM");
    for (let i = 0; i < 3; i++) {
      expect(reader.next()).toBe(false);
      reader.push(session);
    }
  });
});

describe("field blocks", () => {
  /** The error that reading these frames ends in. */
  function refused(...frames: readonly Uint8Array[]): ReturnType<typeof errorOf> {
    return errorOf(() => readFrames(newReader(), frames));
  }
  const open = rawFrame(HEADERS, 0, 1, "82");

  test("[h2-048] an empty fragment and a CONTINUATION are a field block", () => {
    const seen = readFrames(newReader(), [rawFrame(HEADERS, 0, 1), rawFrame(CONTINUATION, 4, 1, "82")]);
    expect(seen).toHaveLength(2);
  });

  test("[h2-060] [h2-029] [h2-033] a field block must not be interrupted by any other frame", () => {
    const others = {
      "HEADERS on stream 1": rawFrame(HEADERS, 4, 1, "82"),
      "HEADERS on stream 3": rawFrame(HEADERS, 4, 3, "82"),
      "PING on stream 0": ping,
      "SETTINGS on stream 0": rawFrame(SETTINGS, 0, 0),
      "DATA on stream 1": rawFrame(DATA, 0, 1, "00"),
      "CONTINUATION on stream 3": rawFrame(CONTINUATION, 4, 3, "82"),
      "0xbe on stream 0": rawFrame(0xbe, 0, 0),
      "ALTSVC on stream 0": rawFrame(ALTSVC, 0, 0),
    };
    for (const [got, frame] of Object.entries(others)) {
      expect(refused(open, frame)).toEqual({
        stream: 0,
        reason: 1,
        code: "FIELD_BLOCK_INTERRUPTED",
        message: `a field block on stream 1 must be continued by CONTINUATION, got ${got} (RFC 9113 6.10)`,
      });
    }
  });

  test("[h2-065] PUSH_PROMISE is continued as HEADERS are", () => {
    const promise = rawFrame(PUSH_PROMISE, 0, 1, "0000000282");
    expect(readFrames(newReader(), [promise, rawFrame(CONTINUATION, 4, 1, "84"), ping])).toHaveLength(3);
    expect(refused(promise, ping).code).toBe("FIELD_BLOCK_INTERRUPTED");
  });

  test("[h2-061] [h2-062] CONTINUATION must follow an open field block", () => {
    const expected = {
      stream: 0,
      reason: 1,
      code: "CONTINUATION_UNEXPECTED",
      message: "CONTINUATION: must follow a frame without END_HEADERS (RFC 9113 6.10)",
    };
    const more = rawFrame(CONTINUATION, 4, 1, "82");
    expect(refused(more)).toEqual(expected);
    expect(refused(rawFrame(HEADERS, 4, 1, "82"), more)).toEqual(expected);
    expect(refused(open, more, more)).toEqual(expected);
    expect(refused(rawFrame(DATA, 0, 1), more)).toEqual(expected);
  });

  test("[h2-067] as many CONTINUATION frames as the limit says are accepted, one more is ENHANCE_YOUR_CALM", () => {
    const more = rawFrame(CONTINUATION, 0, 1, "82");
    const last = rawFrame(CONTINUATION, 4, 1, "82");
    const some = Array.from({ length: 7 }, () => more);
    expect(readFrames(newReader(), [open, ...some, last, open, ...some, last])).toHaveLength(18);
    expect(refused(open, ...some, more)).toEqual({
      stream: 0,
      reason: 11,
      code: "TOO_MANY_CONTINUATIONS",
      message: "too_many_continuations: a field block must take at most 8 of them",
    });
    expect(continuationLimit(16_384)).toBe(8);
    expect(continuationLimit(65_536)).toBe(17);
  });

  test("[h2-067] two empty CONTINUATION frames in a row are ENHANCE_YOUR_CALM, one is not", () => {
    const empty = rawFrame(CONTINUATION, 0, 1);
    const more = rawFrame(CONTINUATION, 0, 1, "82");
    const last = rawFrame(CONTINUATION, 4, 1);
    expect(readFrames(newReader(), [open, empty, more, empty, last])).toHaveLength(5);
    expect(refused(open, empty, empty)).toEqual({
      stream: 0,
      reason: 11,
      code: "EMPTY_CONTINUATIONS",
      message: "too_many_continuations: two in a row were empty and ended nothing",
    });
  });

  test("the stream of an open field block is known", () => {
    const reader = new FrameReader(8);
    readFrames(reader, [rawFrame(HEADERS, 0, 5, "82")]);
    expect(reader.openFieldBlock).toBe(5);
    readFrames(reader, [rawFrame(CONTINUATION, 4, 5, "82")]);
    expect(reader.openFieldBlock).toBe(0);
  });
});
