/**
 * What is accepted where it might not be, and what is sent, octet by octet.
 */
import { describe, expect, test } from "vitest";
import { decodeFrame, rawFrame, withFrame, written } from "../../../test/http2/support/frames.ts";
import { ascii, hex, toHex } from "../../../test/http2/support/octets.ts";
import { writeData, writePaddedData } from "./data.ts";
import { errorCodeName } from "./error-code.ts";
import { frameHeaderBytes, writeFrameHeader } from "./frame-header.ts";
import * as types from "./frame-type.ts";
import { writeGoAway } from "./goaway.ts";
import { writePing } from "./ping.ts";
import { writePriority } from "./priority.ts";
import { writePriorityUpdate } from "./priority-update.ts";
import { openPushPromise } from "./push-promise.ts";
import { writeRstStream } from "./rst-stream.ts";
import { writeWindowUpdate } from "./window-update.ts";

const { DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, PRIORITY_UPDATE } = types;

/** The payload of a frame that is fine but for what is tested. */
const zeros = (count: number): string => "00".repeat(count);

describe("what is accepted", () => {
  test("[h2-035] the reserved bit of every stream identifier is ignored", () => {
    const frame = (type: number, flags: number, streamId: number, payload: string): unknown =>
      withFrame(rawFrame(type, flags, streamId, payload), (received) => [received.streamId, decodeFrame(received)]);
    expect(frame(WINDOW_UPDATE, 0, 0x8000_0005, "80000001")).toEqual([5, 1]);
    expect(frame(PUSH_PROMISE, 4, 0x8000_0001, "8000000c")).toEqual([1, 12]);
    expect(frame(GOAWAY, 0, 0x8000_0000, "ffffffff00000002")).toEqual([
      0,
      { lastStreamId: 0x7fff_ffff, errorCode: 2, debugData: "" },
    ]);
    expect(frame(PRIORITY_UPDATE, 0, 0x8000_0000, "80000003753d31")).toEqual([0, { streamId: 3, value: "u=1" }]);
    expect(frame(PRIORITY, 0, 0xffff_ffff, "80000003ff")).toEqual([
      0x7fff_ffff,
      { exclusive: true, dependency: 3, weight: 256 },
    ]);
  });

  test("[h2-034] flags that are not defined are ignored", () => {
    expect(withFrame(rawFrame(PING, 0xfe, 0, zeros(8)), (frame) => frame.flags & types.FLAG_ACK)).toBe(0);
    expect(withFrame(rawFrame(RST_STREAM, 0xff, 1, "00000008"), decodeFrame)).toBe(8);
    expect(withFrame(rawFrame(DATA, 0xf6, 1, "aa"), (frame) => [frame.end - frame.start, frame.last])).toEqual([
      1,
      true,
    ]);
  });

  test("[h2-045] padding may take all that is left", () => {
    expect(withFrame(rawFrame(DATA, 8, 1, "03000000"), (frame) => [frame.end - frame.start, frame.length])).toEqual([
      0, 4,
    ]);
    for (const [type, payload] of [
      [HEADERS, "020000"],
      [PUSH_PROMISE, "02000000020000"],
    ] as const) {
      const left = withFrame(rawFrame(type, 0xc, 1, payload), (frame) => {
        decodeFrame(frame);
        return frame.end - frame.start;
      });
      expect(left).toBe(0);
    }
  });

  test("[h2-046] empty DATA with padding of 255 counts 256 octets", () => {
    const octets = written((writer) => writePaddedData(writer, 1, hex(""), 0, 0, true, 255));
    expect(withFrame(octets, ({ length, start, end, last }) => [length, end - start, last])).toEqual([256, 0, true]);
  });

  test("[h2-047] padding is taken off and END_STREAM stays", () => {
    const octets = written((writer) => writePaddedData(writer, 1, ascii("abc"), 0, 3, true, 6));
    withFrame(octets, (frame) => {
      expect(Buffer.from(frame.bytes.slice(frame.start, frame.end)).toString()).toBe("abc");
      expect(frame.flags & types.FLAG_END_STREAM).toBe(1);
      expect(frame.length).toBe(10);
    });
  });

  test("[h2-049] the debug data of GOAWAY comes out, up to 1,024 octets of it", () => {
    const long = "x".repeat(2000);
    const octets = rawFrame(GOAWAY, 0, 0, new Uint8Array([0, 0, 0, 1, 0, 0, 0, 11, ...ascii(long)]));
    expect(withFrame(octets, decodeFrame)).toEqual({ lastStreamId: 1, errorCode: 11, debugData: long.slice(0, 1024) });
    expect(written((writer) => writeGoAway(writer, 1, 11, long)).length).toBe(9 + 8 + 1024);
  });

  test("[h2-050] RST_STREAM with an unknown error code keeps it", () => {
    expect(withFrame(rawFrame(RST_STREAM, 0, 1, "fffffffe"), decodeFrame)).toBe(0xffff_fffe);
    expect([errorCodeName(0xffff_fffe), errorCodeName(13)]).toEqual(["0xfffffffe", "HTTP_1_1_REQUIRED"]);
  });

  test("[h2-051] GOAWAY with an unknown error code keeps it", () => {
    expect(withFrame(rawFrame(GOAWAY, 0, 0, "0000000180000000"), decodeFrame)).toMatchObject({
      errorCode: 0x8000_0000,
    });
  });
});

describe("what is sent", () => {
  test("[h2-054] a payload of 2^24 octets and a stream identifier of 32 bits are refused", () => {
    const header = (length: number, streamId: number): Uint8Array =>
      written((writer) => writeFrameHeader(writer, length, DATA, 0, streamId));
    expect(toHex(header(0xff_ffff, 0x7fff_ffff))).toBe("ffffff00007fffffff");
    expect(header(0, 0).length).toBe(frameHeaderBytes);
    expect(() => header(0x100_0000, 1)).toThrow(RangeError);
    expect(() => header(0, 0x8000_0000)).toThrow(RangeError);
    expect(() => header(0, -1)).toThrow(RangeError);
    for (const write of [
      () => written((writer) => openPushPromise(writer, 1, 0x8000_0000)),
      () => written((writer) => writeGoAway(writer, 0x8000_0000, 0)),
      () => written((writer) => writePriorityUpdate(writer, 0x8000_0000, "")),
      () => written((writer) => writePriority(writer, 1, { exclusive: false, dependency: 0x8000_0000, weight: 1 })),
      () => written((writer) => writeWindowUpdate(writer, 1, 0)),
      () => written((writer) => writeWindowUpdate(writer, 1, 0x8000_0000)),
    ]) {
      expect(write).toThrow(RangeError);
    }
  });

  test("[h2-056] frames are what they should be, octet by octet", () => {
    const data = ascii("xabcx");
    const all = written((writer) => {
      writeData(writer, 1, data, 1, 4, true);
      writePaddedData(writer, 3, data, 1, 4, false, 2);
      writePriority(writer, 5, { exclusive: true, dependency: 3, weight: 16 });
      writeRstStream(writer, 7, 0xffff_ffff);
      writePing(writer, true, ascii("12345678"), 0);
      writeGoAway(writer, 0x7fff_ffff, 2, "why");
      writeWindowUpdate(writer, 0, 0x7fff_ffff);
      writePriorityUpdate(writer, 9, "u=7, i");
    });
    expect(toHex(all)).toBe(
      [
        "000003000100000001616263",
        "00000600080000000302" + "616263" + "0000",
        "000005020000000005" + "80000003" + "0f",
        "000004030000000007" + "ffffffff",
        "000008060100000000" + "3132333435363738",
        "00000b070000000000" + "7fffffff" + "00000002" + "776879",
        "000004080000000000" + "7fffffff",
        "00000a100000000000" + "00000009" + "753d372c2069",
      ].join(""),
    );
  });
});
