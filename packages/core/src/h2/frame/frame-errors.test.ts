/**
 * What makes a frame wrong, and what the error is: scope, error code, name and text.
 */
import { describe, expect, test } from "vitest";
import { decodeFrame, newReader, rawFrame, withFrame } from "../../../test/http2/support/frames.ts";
import { errorOf } from "../../../test/http2/support/hpack.ts";
import { Http2Error } from "../http2-error.ts";
import * as types from "./frame-type.ts";

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE } = types;
const { CONTINUATION, PRIORITY_UPDATE } = types;
const protocol = 1;
const frameSize = 6;

function refused(type: number, flags: number, streamId: number, payload: string): ReturnType<typeof errorOf> {
  return errorOf(() => withFrame(rawFrame(type, flags, streamId, payload), decodeFrame));
}

/** The payload of a frame that is fine but for its length or stream. */
const zeros = (count: number): string => "00".repeat(count);

interface Refusal {
  readonly title: string;
  readonly frame: readonly [type: number, flags: number, streamId: number, payload: string];
  readonly stream?: number;
  readonly reason: number;
  readonly code: string;
  readonly message: string;
}

const refusals: readonly Refusal[] = [
  {
    title: "[h2-039] DATA on stream 0",
    frame: [DATA, 0, 0, "00"],
    reason: protocol,
    code: "DATA_STREAM_ZERO",
    message: "DATA: must belong to a stream, got stream 0 (RFC 9113 6.1)",
  },
  ...(
    [
      [HEADERS, "HEADERS", 4, "", "6.2"],
      [PRIORITY, "PRIORITY", 0, zeros(5), "6.3"],
      [RST_STREAM, "RST_STREAM", 0, zeros(4), "6.4"],
      [PUSH_PROMISE, "PUSH_PROMISE", 4, "00000002", "6.6"],
      [CONTINUATION, "CONTINUATION", 4, "", "6.10"],
    ] as const
  ).map(
    ([type, name, flags, payload, section]): Refusal => ({
      title: `[h2-040] ${name} on stream 0`,
      frame: [type, flags, 0, payload],
      reason: protocol,
      code: `${name}_STREAM_ZERO`,
      message: `${name}: must belong to a stream, got stream 0 (RFC 9113 ${section})`,
    }),
  ),
  {
    title: "[h2-011] SETTINGS on a stream",
    frame: [SETTINGS, 0, 1, ""],
    reason: protocol,
    code: "SETTINGS_ON_STREAM",
    message: "SETTINGS: must be on stream 0, got stream 1 (RFC 9113 6.5)",
  },
  {
    title: "[h2-041] PING on a stream",
    frame: [PING, 0, 3, zeros(8)],
    reason: protocol,
    code: "PING_ON_STREAM",
    message: "PING: must be on stream 0, got stream 3 (RFC 9113 6.7)",
  },
  {
    title: "[h2-041] GOAWAY on a stream",
    frame: [GOAWAY, 0, 1, zeros(8)],
    reason: protocol,
    code: "GOAWAY_ON_STREAM",
    message: "GOAWAY: must be on stream 0, got stream 1 (RFC 9113 6.8)",
  },
  {
    title: "[h2-230] PRIORITY_UPDATE on a stream",
    frame: [PRIORITY_UPDATE, 0, 1, "00000001"],
    reason: protocol,
    code: "PRIORITY_UPDATE_ON_STREAM",
    message: "PRIORITY_UPDATE: must be on stream 0, got stream 1 (RFC 9218 7.1)",
  },
  {
    title: "[h2-230] PRIORITY_UPDATE about stream 0",
    frame: [PRIORITY_UPDATE, 0, 0, "80000000753d37"],
    reason: protocol,
    code: "PRIORITY_UPDATE_STREAM_ID",
    message: "PRIORITY_UPDATE: the prioritized stream must not be 0 (RFC 9218 7.1)",
  },
  {
    title: "PRIORITY_UPDATE of 3 octets",
    frame: [PRIORITY_UPDATE, 0, 0, "000001"],
    reason: frameSize,
    code: "PRIORITY_UPDATE_LENGTH",
    message: "PRIORITY_UPDATE: length must be at least 4, got 3 (RFC 9113 4.2, RFC 9218 7.1)",
  },
  {
    title: "[h2-009] SETTINGS with ACK and a payload",
    frame: [SETTINGS, 1, 0, zeros(6)],
    reason: frameSize,
    code: "SETTINGS_LENGTH",
    message: "SETTINGS: length must be 0 with ACK, got 6 (RFC 9113 6.5)",
  },
  {
    title: "[h2-010] SETTINGS whose length is not a multiple of 6",
    frame: [SETTINGS, 0, 0, zeros(8)],
    reason: frameSize,
    code: "SETTINGS_LENGTH",
    message: "SETTINGS: length must be a multiple of 6, got 8 (RFC 9113 6.5)",
  },
  ...([7, 9] as const).map(
    (length): Refusal => ({
      title: `[h2-042] PING of ${length} octets`,
      frame: [PING, 0, 0, zeros(length)],
      reason: frameSize,
      code: "PING_LENGTH",
      message: `PING: length must be 8, got ${length} (RFC 9113 6.7)`,
    }),
  ),
  ...([3, 5] as const).map(
    (length): Refusal => ({
      title: `[h2-042] RST_STREAM of ${length} octets`,
      frame: [RST_STREAM, 0, 1, zeros(length)],
      reason: frameSize,
      code: "RST_STREAM_LENGTH",
      message: `RST_STREAM: length must be 4, got ${length} (RFC 9113 6.4)`,
    }),
  ),
  ...([0, 1] as const).map(
    (streamId): Refusal => ({
      title: `[h2-042] WINDOW_UPDATE of 3 octets on stream ${streamId}`,
      frame: [WINDOW_UPDATE, 0, streamId, zeros(3)],
      reason: frameSize,
      code: "WINDOW_UPDATE_LENGTH",
      message: "WINDOW_UPDATE: length must be 4, got 3 (RFC 9113 6.9)",
    }),
  ),
  {
    title: "[h2-042] GOAWAY of 7 octets",
    frame: [GOAWAY, 0, 0, zeros(7)],
    reason: frameSize,
    code: "GOAWAY_LENGTH",
    message: "GOAWAY: length must be at least 8, got 7 (RFC 9113 4.2, 6.8)",
  },
  ...([4, 6] as const).map(
    (length): Refusal => ({
      title: `[h2-043] PRIORITY of ${length} octets is a stream error`,
      frame: [PRIORITY, 0, 5, zeros(length)],
      stream: 5,
      reason: frameSize,
      code: "PRIORITY_LENGTH",
      message: `PRIORITY: length must be 5, got ${length} (RFC 9113 6.3)`,
    }),
  ),
  {
    title: "[h2-044] DATA with as much padding as payload",
    frame: [DATA, 8, 1, "04aaaaaa"],
    reason: protocol,
    code: "DATA_PADDING",
    message: "DATA: padding must be at most 3 octets, got 4 (RFC 9113 6.1)",
  },
  {
    title: "[h2-044] HEADERS with as much padding as payload",
    frame: [HEADERS, 0xc, 1, "04aaaaaa"],
    reason: protocol,
    code: "HEADERS_PADDING",
    message: "HEADERS: padding must be at most 3 octets, got 4 (RFC 9113 6.2)",
  },
  {
    title: "[h2-044] HEADERS whose padding reaches into its priority fields",
    frame: [HEADERS, 0x2c, 1, "0300000000" + "00aaaa"],
    reason: protocol,
    code: "HEADERS_PADDING",
    message: "HEADERS: padding must be at most 2 octets, got 3 (RFC 9113 6.2)",
  },
  {
    title: "[h2-044] PUSH_PROMISE whose padding reaches into the promised stream",
    frame: [PUSH_PROMISE, 0xc, 1, "0200000002aa"],
    reason: protocol,
    code: "PUSH_PROMISE_PADDING",
    message: "PUSH_PROMISE: padding must be at most 1 octets, got 2 (RFC 9113 6.6)",
  },
  {
    title: "padded DATA without the octet that says how much is a stream error",
    frame: [DATA, 8, 7, ""],
    stream: 7,
    reason: frameSize,
    code: "DATA_LENGTH",
    message: "DATA: length must be at least 1 when padded, got 0 (RFC 9113 4.2, 6.1)",
  },
  {
    title: "padded HEADERS without the octet that says how much",
    frame: [HEADERS, 0xc, 1, ""],
    reason: frameSize,
    code: "HEADERS_LENGTH",
    message: "HEADERS: length must be at least 1, got 0 (RFC 9113 4.2, 6.2)",
  },
  {
    title: "HEADERS that end within their priority fields",
    frame: [HEADERS, 0x2c, 1, zeros(5)],
    reason: frameSize,
    code: "HEADERS_LENGTH",
    message: "HEADERS: length must be at least 6, got 5 (RFC 9113 4.2, 6.2)",
  },
  {
    title: "PUSH_PROMISE that ends within the promised stream",
    frame: [PUSH_PROMISE, 4, 1, zeros(3)],
    reason: frameSize,
    code: "PUSH_PROMISE_LENGTH",
    message: "PUSH_PROMISE: length must be at least 4, got 3 (RFC 9113 4.2, 6.6)",
  },
  ...([0, 7] as const).map(
    (promised): Refusal => ({
      title: `[h2-134] PUSH_PROMISE of stream ${promised}`,
      frame: [PUSH_PROMISE, 4, 1, `0000000${promised}`],
      reason: protocol,
      code: "PUSH_PROMISE_STREAM_ID",
      message: `PUSH_PROMISE: the promised stream must be even and not 0, got ${promised} (RFC 9113 5.1.1, 6.6)`,
    }),
  ),
  {
    title: "[h2-198] WINDOW_UPDATE of 0 on a stream is a stream error, the reserved bit not counting",
    frame: [WINDOW_UPDATE, 0, 9, "80000000"],
    stream: 9,
    reason: protocol,
    code: "WINDOW_UPDATE_ZERO",
    message: "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)",
  },
  {
    title: "[h2-198] WINDOW_UPDATE of 0 on the connection",
    frame: [WINDOW_UPDATE, 0, 0, zeros(4)],
    reason: protocol,
    code: "WINDOW_UPDATE_ZERO",
    message: "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)",
  },
  ...(
    [
      ["PRIORITY", PRIORITY, 0],
      ["HEADERS", HEADERS, 0x24],
    ] as const
  ).map(
    ([name, type, flags]): Refusal => ({
      title: `[h2-159] ${name} that makes a stream depend on itself is a stream error`,
      frame: [type, flags, 11, "8000000b10"],
      stream: 11,
      reason: protocol,
      code: "PRIORITY_ON_ITSELF",
      message: "PRIORITY: stream 11 must not depend on itself (RFC 7540 5.3.1)",
    }),
  ),
];

describe("what is refused", () => {
  for (const { title, frame, stream = 0, reason, code, message } of refusals) {
    test(title, () => {
      expect(refused(...frame)).toEqual({ stream, reason, code, message });
    });
  }

  test("an error says whether it ends the connection, and is an HttpError of its kind", () => {
    const error = new Http2Error(0, protocol, "X", "x");
    expect([error.isConnectionError, error.kind, error.reason, error.name]).toEqual([true, "protocol", 1, "HttpError"]);
    const stream = new Http2Error(1, 11, "X", "x");
    expect([stream.isConnectionError, stream.kind, stream.streamId]).toEqual([false, "limit", 1]);
  });
});

test("a reader stops at an error of the connection and goes on after one of a stream", () => {
  const reader = newReader();
  const ping = rawFrame(PING, 0, 0, zeros(8));
  reader.push(new Uint8Array([...rawFrame(PRIORITY, 0, 1, zeros(4)), ...ping, ...rawFrame(DATA, 0, 0), ...ping]));
  expect(errorOf(() => reader.next()).stream).toBe(1);
  expect(reader.next()).toBe(true);
  expect(reader.frame.type).toBe(PING);
  expect(errorOf(() => reader.next()).code).toBe("DATA_STREAM_ZERO");
  expect(reader.next()).toBe(false);
  reader.push(ping);
  expect([reader.next(), reader.withinFrame]).toEqual([false, false]);
});
