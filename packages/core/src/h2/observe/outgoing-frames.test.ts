import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rawFrame, written } from "../../../test/http2/support/frames.ts";
import { cutAt, joined, singly } from "../../../test/http2/support/octets.ts";
import { writeData } from "../frame/data.ts";
import { closeFieldBlock } from "../frame/field-block.ts";
import { type Frame, newFrame } from "../frame/frame-header.ts";
import { writeGoAway } from "../frame/goaway.ts";
import { openHeaders } from "../frame/headers.ts";
import { writePing } from "../frame/ping.ts";
import { writePriority } from "../frame/priority.ts";
import { writePriorityUpdate } from "../frame/priority-update.ts";
import { openPaddedPushPromise } from "../frame/push-promise.ts";
import { writeRstStream } from "../frame/rst-stream.ts";
import { writeSettings, writeSettingsAck } from "../frame/settings.ts";
import { writeWindowUpdate } from "../frame/window-update.ts";
import { type FrameFacts, frameFacts } from "./frame-facts.ts";
import { OutgoingFrames } from "./outgoing-frames.ts";

const preface = Uint8Array.from({ length: 24 }, () => 0x50);

/** What is told of octets that are written in these calls. */
function told(calls: readonly (readonly Uint8Array[])[], skip: number): FrameFacts[] {
  const frames: FrameFacts[] = [];
  const outgoing = new OutgoingFrames({ frameSent: (frame) => frames.push(frame) }, skip);
  for (const chunks of calls) outgoing.written(chunks);
  return frames;
}

/** One frame of each type that the engine writes, and one of each kind that it does not. */
const everything = joined([
  written((writer) => {
    writeSettings(writer, [
      [4, 1000],
      [0x7777, 1],
    ]);
    writeSettingsAck(writer);
    const headers = openHeaders(writer, 1, true);
    writer.zeros(40);
    closeFieldBlock(writer, headers, 30);
    writeData(writer, 1, preface, 0, 20, false);
    writeData(writer, 1, preface, 0, 0, true);
    writePriority(writer, 3, { exclusive: false, dependency: 0, weight: 16 });
    writeRstStream(writer, 5, 8);
    const promise = openPaddedPushPromise(writer, 1, 2, 1);
    writer.zeros(3);
    closeFieldBlock(writer, promise, 100);
    writePing(writer, true, preface, 0);
    writeWindowUpdate(writer, 0, 77);
    writePriorityUpdate(writer, 9, "u=1");
    writeGoAway(writer, 7, 2, "debug");
  }),
  rawFrame(0x1f, 0xff, 13, "010203"),
]);

const everythingTold: readonly FrameFacts[] = [
  { type: "SETTINGS", streamId: 0, length: 12, flags: [], settings: { INITIAL_WINDOW_SIZE: 1000, "0x7777": 1 } },
  { type: "SETTINGS", streamId: 0, length: 0, flags: ["ACK"] },
  { type: "HEADERS", streamId: 1, length: 30, flags: ["END_STREAM"] },
  { type: "CONTINUATION", streamId: 1, length: 10, flags: ["END_HEADERS"] },
  { type: "DATA", streamId: 1, length: 20, flags: [] },
  { type: "DATA", streamId: 1, length: 0, flags: ["END_STREAM"] },
  { type: "PRIORITY", streamId: 3, length: 5, flags: [] },
  { type: "RST_STREAM", streamId: 5, length: 4, flags: [], errorCode: "CANCEL" },
  { type: "PUSH_PROMISE", streamId: 1, length: 8, flags: ["END_HEADERS", "PADDED"], promisedStreamId: 2 },
  { type: "PING", streamId: 0, length: 8, flags: ["ACK"] },
  { type: "WINDOW_UPDATE", streamId: 0, length: 4, flags: [], increment: 77 },
  { type: "PRIORITY_UPDATE", streamId: 0, length: 7, flags: [], prioritizedStreamId: 9 },
  { type: "GOAWAY", streamId: 0, length: 13, flags: [], lastStreamId: 7, errorCode: "INTERNAL_ERROR" },
  { type: "0x1f", streamId: 13, length: 3, flags: [] },
];

describe("OutgoingFrames", () => {
  test("tells of every frame, in order, behind a preface or not", () => {
    expect(told([[everything]], 0)).toEqual(everythingTold);
    expect(told([[preface], [everything]], 24)).toEqual(everythingTold);
    expect(told([[joined([preface, everything])]], 24)).toEqual(everythingTold);
  });

  test("tells the same wherever the octets are cut, between chunks or calls", () => {
    const octets = joined([preface, everything]);
    expect(told([singly(octets)], 24)).toEqual(everythingTold);
    expect(
      told(
        singly(octets).map((chunk) => [chunk]),
        24,
      ),
    ).toEqual(everythingTold);
    for (let cut = 0; cut <= octets.length; cut++) {
      const [head, tail] = [octets.subarray(0, cut), octets.subarray(cut)];
      expect(told([[head, tail]], 24)).toEqual(everythingTold);
      expect(told([[head], [], [tail]], 24)).toEqual(everythingTold);
    }
  });

  test("tells of a frame when its last octet is written, and not before", () => {
    let length = 24;
    const ends = everythingTold.map((facts) => (length += 9 + facts.length));
    const octets = joined([preface, everything]);
    const at: number[] = [];
    let writtenSoFar = 0;
    const outgoing = new OutgoingFrames({ frameSent: () => at.push(writtenSoFar) }, 24);
    for (const chunk of singly(octets)) {
      writtenSoFar += 1;
      outgoing.written([chunk]);
    }
    expect(at).toEqual(ends);
  });

  test("looks at the start of a long payload and no further, wherever it is cut", () => {
    const octets = joined([
      rawFrame(0x4, 0, 0, new Uint8Array(600)),
      rawFrame(0x7, 0, 0, new Uint8Array(600)),
      rawFrame(0x3, 0, 1, "00000008"),
    ]);
    const expected = [
      { type: "SETTINGS", streamId: 0, length: 600, flags: [], settings: { "0x0": 0 } },
      { type: "GOAWAY", streamId: 0, length: 600, flags: [], lastStreamId: 0, errorCode: "NO_ERROR" },
      { type: "RST_STREAM", streamId: 1, length: 4, flags: [], errorCode: "CANCEL" },
    ];
    expect(told([[octets]], 0)).toEqual(expected);
    expect(told([singly(octets)], 0)).toEqual(expected);
  });

  test("keeps nothing of a chunk", () => {
    const chunk = rawFrame(0x3, 0, 1, "00000008").slice(0, 12);
    const frames: FrameFacts[] = [];
    const outgoing = new OutgoingFrames({ frameSent: (frame) => frames.push(frame) }, 0);
    outgoing.written([chunk]);
    chunk.fill(0xff);
    outgoing.written([Uint8Array.of(8)]);
    expect(frames).toEqual([{ type: "RST_STREAM", streamId: 1, length: 4, flags: [], errorCode: "CANCEL" }]);
  });

  test("tells what `frameFacts` says of the same frames, whatever they hold and wherever they are cut", () => {
    const frame = fc.record({
      type: fc.oneof(fc.integer({ min: 0, max: 0x10 }), fc.nat(0xff)),
      flags: fc.oneof(fc.constant(0), fc.nat(0xff)),
      streamId: fc.nat(0xffff),
      payload: fc.oneof({ weight: 3, arbitrary: fc.uint8Array({ maxLength: 20 }) }, fc.uint8Array({ maxLength: 400 })),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.nat(400)),
        fc.nat(40),
        fc.nat(5),
        (frames, cuts, skip, split) => {
          const expected = frames.map(({ type, flags, streamId, payload }) => {
            const whole: Frame = { ...newFrame(), type, flags, streamId, length: payload.length };
            return frameFacts({ ...whole, bytes: payload, end: payload.length });
          });
          const octets = joined([
            new Uint8Array(skip),
            ...frames.map(({ type, flags, streamId, payload }) => rawFrame(type, flags, streamId, payload)),
          ]);
          const chunks = cutAt(octets, cuts);
          expect(told([chunks.slice(0, split), chunks.slice(split)], skip)).toEqual(expected);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
