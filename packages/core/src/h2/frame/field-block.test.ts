import { describe, expect, test } from "vitest";
import { readFrames, written } from "../../../test/http2/support/frames.ts";
import { ascii, joined, toHex } from "../../../test/http2/support/octets.ts";
import { closeFieldBlock } from "./field-block.ts";
import { FrameReader } from "./frame-reader.ts";
import { CONTINUATION, FLAG_END_HEADERS, FLAG_END_STREAM, HEADERS, PUSH_PROMISE } from "./frame-type.ts";
import { openHeaders } from "./headers.ts";
import { openPushPromise } from "./push-promise.ts";

/** A block of `length` octets, behind and in front of other octets, as frames. */
function split(length: number, maxFrameSize: number, endStream = false): ReturnType<typeof readFrames> {
  const block = Uint8Array.from({ length }, (_, i) => i);
  const octets = written((writer) => {
    writer.text("before");
    const mark = openHeaders(writer, 5, endStream);
    writer.octets(block, 0, length);
    closeFieldBlock(writer, mark, maxFrameSize);
    writer.text("behind");
  });
  expect(toHex(octets.subarray(0, 6))).toBe(toHex(ascii("before")));
  expect(toHex(octets.subarray(-6))).toBe(toHex(ascii("behind")));
  const frames = readFrames(new FrameReader(1_000_000), [octets.subarray(6, -6)]);
  expect(toHex(joined(frames.map(({ payload }) => payload)))).toBe(toHex(block));
  expect(frames.every(({ streamId }) => streamId === 5)).toBe(true);
  return frames;
}

describe("field blocks", () => {
  test("[h2-066] a block that fits is one frame with END_HEADERS", () => {
    for (const length of [0, 1, 99, 100]) {
      expect(split(length, 100).map(({ type, flags }) => [type, flags])).toEqual([[HEADERS, FLAG_END_HEADERS]]);
    }
  });

  test("[h2-066] a longer one is continued; only the last frame has END_HEADERS, only the first END_STREAM", () => {
    expect(split(250, 100, true).map(({ type, flags, length }) => [type, flags, length])).toEqual([
      [HEADERS, FLAG_END_STREAM, 100],
      [CONTINUATION, 0, 100],
      [CONTINUATION, FLAG_END_HEADERS, 50],
    ]);
    expect(split(200, 100).map(({ length }) => length)).toEqual([100, 100]);
    expect(split(101, 100).map(({ length }) => length)).toEqual([100, 1]);
    expect(split(100_000, 16_384)).toHaveLength(7);
    expect(split(300, 1)).toHaveLength(300);
  });

  test("the promised stream counts for the size of the first frame", () => {
    const octets = written((writer) => {
      const mark = openPushPromise(writer, 1, 2);
      writer.zeros(10);
      closeFieldBlock(writer, mark, 8);
    });
    const frames = readFrames(new FrameReader(8), [octets]);
    expect(frames.map(({ type, flags, length }) => [type, flags, length])).toEqual([
      [PUSH_PROMISE, 0, 8],
      [CONTINUATION, FLAG_END_HEADERS, 6],
    ]);
  });

  test("[h2-016] a frame size of 0 is refused and does not hang", () => {
    expect(() => split(1, 0)).toThrow(RangeError);
  });
});
