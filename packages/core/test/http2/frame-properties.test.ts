/**
 * Frames at random: what is written is read again however it is cut, and no octets do more harm than an error.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeData, writePaddedData } from "../../src/h2/frame/data.ts";
import { closeFieldBlock } from "../../src/h2/frame/field-block.ts";
import type { Frame } from "../../src/h2/frame/frame-header.ts";
import { FrameReader } from "../../src/h2/frame/frame-reader.ts";
import * as types from "../../src/h2/frame/frame-type.ts";
import { decodeGoAway, writeGoAway } from "../../src/h2/frame/goaway.ts";
import { decodeHeaders, openHeaders, openPaddedHeaders } from "../../src/h2/frame/headers.ts";
import { writePing } from "../../src/h2/frame/ping.ts";
import { decodePriority, writePriority } from "../../src/h2/frame/priority.ts";
import { decodePriorityUpdate, writePriorityUpdate } from "../../src/h2/frame/priority-update.ts";
import { decodePushPromise, openPaddedPushPromise, openPushPromise } from "../../src/h2/frame/push-promise.ts";
import { decodeRstStream, writeRstStream } from "../../src/h2/frame/rst-stream.ts";
import { checkSetting, decodeSettings, writeSettings } from "../../src/h2/frame/settings.ts";
import { decodeWindowUpdate, writeWindowUpdate } from "../../src/h2/frame/window-update.ts";
import { Http2Error } from "../../src/h2/http2-error.ts";
import { OctetWriter } from "../../src/h2/octet-writer.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { cutAt, joined, toHex } from "./support/octets.ts";

/** A frame to write, and what is to be read: the same values, as text. */
interface Plan {
  readonly write: (writer: OctetWriter) => void;
  readonly expected: unknown;
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const streamId = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 0x7fff_ffff }));
const evenId = streamId.map((id) => (id === 1 ? 2 : id - (id % 2)));
const octets = fc.uint8Array({ maxLength: 60 });
const padding = fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined });
const text = fc.string({ unit: fc.constantFrom(..."abc=,; 0123456789"), maxLength: 20 });
const weight = fc.integer({ min: 1, max: 256 });
const priorityFields = fc.record({ exclusive: fc.boolean(), dependency: uint32.map((n) => n >>> 1), weight });
const maxFrameSize = fc.integer({ min: 8, max: 100 });

const data = fc.record({ streamId, octets, padding, end: fc.boolean() }).map((plan): Plan => {
  const { length } = plan.octets;
  return {
    write: (writer) => {
      if (plan.padding === undefined) writeData(writer, plan.streamId, plan.octets, 0, length, plan.end);
      else writePaddedData(writer, plan.streamId, plan.octets, 0, length, plan.end, plan.padding);
    },
    expected: [
      "DATA",
      plan.streamId,
      plan.end,
      toHex(plan.octets),
      plan.padding === undefined ? length : length + 1 + plan.padding,
    ],
  };
});

const headers = fc
  .record({
    streamId,
    octets,
    end: fc.boolean(),
    priority: fc.option(priorityFields, { nil: undefined }),
    maxFrameSize,
  })
  .map((plan): Plan => {
    return {
      write: (writer) => {
        const mark = openHeaders(writer, plan.streamId, plan.end, plan.priority);
        writer.octets(plan.octets, 0, plan.octets.length);
        closeFieldBlock(writer, mark, plan.maxFrameSize);
      },
      expected: ["HEADERS", plan.streamId, plan.end, toHex(plan.octets), plan.priority],
    };
  });

const paddedHeaders = fc
  .record({
    streamId,
    octets,
    padding: fc.integer({ min: 0, max: 255 }),
    priority: fc.option(priorityFields, { nil: undefined }),
  })
  .map((plan): Plan => {
    return {
      write: (writer) => {
        const mark = openPaddedHeaders(writer, plan.streamId, false, plan.padding, plan.priority);
        writer.octets(plan.octets, 0, plan.octets.length);
        writer.zeros(plan.padding);
        closeFieldBlock(writer, mark, 16_384);
      },
      expected: ["HEADERS", plan.streamId, false, toHex(plan.octets), plan.priority],
    };
  });

const pushPromise = fc.record({ streamId, promised: evenId, octets, padding, maxFrameSize }).map((plan): Plan => {
  return {
    write: (writer) => {
      const mark =
        plan.padding === undefined
          ? openPushPromise(writer, plan.streamId, plan.promised)
          : openPaddedPushPromise(writer, plan.streamId, plan.promised, plan.padding);
      writer.octets(plan.octets, 0, plan.octets.length);
      writer.zeros(plan.padding ?? 0);
      closeFieldBlock(writer, mark, plan.padding === undefined ? plan.maxFrameSize : 16_384);
    },
    expected: ["PUSH_PROMISE", plan.streamId, plan.promised, toHex(plan.octets)],
  };
});

const settings = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.oneof(fc.constantFrom(0, 1), uint32)), { maxLength: 32 })
  .map((entries) => entries.filter(([id, value]) => id !== 7 && checkSetting(id, value, false) === undefined))
  .map((entries): Plan => {
    return { write: (writer) => writeSettings(writer, entries), expected: ["SETTINGS", entries] };
  });

const plan: fc.Arbitrary<Plan> = fc.oneof(
  data,
  headers,
  paddedHeaders,
  pushPromise,
  settings,
  fc.tuple(streamId, priorityFields).map(([id, sent]): Plan => {
    const fields = sent.dependency === id ? { ...sent, dependency: 0 } : sent;
    return { write: (writer) => writePriority(writer, id, fields), expected: ["PRIORITY", id, fields] };
  }),
  fc.tuple(streamId, uint32).map(([id, code]): Plan => {
    return { write: (writer) => writeRstStream(writer, id, code), expected: ["RST_STREAM", id, code] };
  }),
  fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 8, maxLength: 8 })).map(([ack, payload]): Plan => {
    return { write: (writer) => writePing(writer, ack, payload, 0), expected: ["PING", ack, toHex(payload)] };
  }),
  fc.tuple(streamId, uint32, text).map(([lastStreamId, errorCode, debugData]): Plan => {
    return {
      write: (writer) => writeGoAway(writer, lastStreamId, errorCode, debugData),
      expected: ["GOAWAY", { lastStreamId, errorCode, debugData }],
    };
  }),
  fc.tuple(fc.nat({ max: 9 }), streamId).map(([id, increment]): Plan => {
    return { write: (writer) => writeWindowUpdate(writer, id, increment), expected: ["WINDOW_UPDATE", id, increment] };
  }),
  fc.tuple(streamId, text).map(([id, value]): Plan => {
    return {
      write: (writer) => writePriorityUpdate(writer, id, value),
      expected: ["PRIORITY_UPDATE", { streamId: id, value }],
    };
  }),
);

/** Decodes what a reader hands out, with DATA and field blocks put together; a list that grows. */
class Session {
  readonly seen: unknown[] = [];
  #parts: string[] = [];
  #open: ((block: string) => unknown) | undefined;

  take(frame: Frame): void {
    const { type, flags, streamId: id } = frame;
    const rest = (): string => toHex(frame.bytes.slice(frame.start, frame.end));
    const endStream = (flags & types.FLAG_END_STREAM) !== 0;
    switch (type) {
      case types.DATA:
        this.#parts.push(rest());
        if (frame.last) this.seen.push(["DATA", id, endStream, this.#join(), frame.length]);
        break;
      case types.HEADERS: {
        const priority = decodeHeaders(frame);
        this.#block(frame, (block) => ["HEADERS", id, endStream, block, priority]);
        break;
      }
      case types.PUSH_PROMISE: {
        const promised = decodePushPromise(frame);
        this.#block(frame, (block) => ["PUSH_PROMISE", id, promised, block]);
        break;
      }
      case types.CONTINUATION:
        this.#block(frame, this.#open ?? (() => undefined));
        break;
      case types.PRIORITY:
        this.seen.push(["PRIORITY", id, decodePriority(frame)]);
        break;
      case types.RST_STREAM:
        this.seen.push(["RST_STREAM", id, decodeRstStream(frame)]);
        break;
      case types.SETTINGS: {
        const entries: [number, number][] = [];
        decodeSettings(frame, false, { setting: (setting, value) => entries.push([setting, value]) });
        this.seen.push(["SETTINGS", entries]);
        break;
      }
      case types.PING:
        this.seen.push(["PING", (flags & types.FLAG_ACK) !== 0, rest()]);
        break;
      case types.GOAWAY:
        this.seen.push(["GOAWAY", decodeGoAway(frame)]);
        break;
      case types.WINDOW_UPDATE:
        this.seen.push(["WINDOW_UPDATE", id, decodeWindowUpdate(frame)]);
        break;
      case types.PRIORITY_UPDATE:
        this.seen.push(["PRIORITY_UPDATE", decodePriorityUpdate(frame)]);
        break;
      default:
        this.seen.push([type]);
    }
  }

  #block(frame: Frame, event: (block: string) => unknown): void {
    this.#parts.push(toHex(frame.bytes.slice(frame.start, frame.end)));
    this.#open = event;
    if ((frame.flags & types.FLAG_END_HEADERS) !== 0) this.seen.push(event(this.#join()));
  }

  #join(): string {
    const whole = this.#parts.join("");
    this.#parts = [];
    return whole;
  }
}

const cuts = fc.array(fc.nat({ max: 1500 }), { maxLength: 12 });

test(
  "[h2-059] frames that were written are read again, however they are cut",
  () => {
    fc.assert(
      fc.property(fc.array(plan, { maxLength: 8 }), cuts, (plans, places) => {
        const writer = new OctetWriter();
        for (const { write } of plans) write(writer);
        const reader = new FrameReader(1000);
        const session = new Session();
        for (const chunk of cutAt(writer.take(), places)) {
          reader.push(chunk);
          while (reader.next()) session.take(reader.frame);
        }
        expect(session.seen).toEqual(plans.map(({ expected }) => expected));
        expect(reader.withinFrame).toBe(false);
      }),
      runs(3000),
    );
  },
  propertyTimeoutMs,
);

/** A header that is often right, and a payload that is often as long as it says. */
const almostFrame = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 16 }), fc.nat({ max: 255 })),
    flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 0x2d), fc.nat({ max: 255 })),
    streamId: fc.oneof(fc.nat({ max: 3 }), uint32),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.constantFrom(4, 5, 6, 8, 12).map((length) => new Uint8Array(length)),
    ),
    error: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 20_000 }) }),
  })
  .map(({ type, flags, streamId: id, payload, error }) => {
    const length = payload.length + error;
    const header = [length >>> 16, length >>> 8, length, type, flags, id >>> 24, id >>> 16, id >>> 8, id];
    return joined([Uint8Array.from(header), payload]);
  });

test(
  "[h2-057] no octets make anything but an HttpError, and their cuts make no difference",
  () => {
    const outcome = (chunks: readonly Uint8Array[]): unknown[] => {
      const reader = new FrameReader(8);
      const session = new Session();
      for (const chunk of chunks) {
        reader.push(chunk);
        for (;;) {
          try {
            if (!reader.next()) break;
            session.take(reader.frame);
          } catch (error) {
            expect(error).toBeInstanceOf(Http2Error);
            const { code, message, isConnectionError } = error as Http2Error;
            session.seen.push([code, message]);
            if (isConnectionError) reader.stop();
          }
        }
      }
      return [session.seen, reader.withinFrame];
    };
    fc.assert(
      fc.property(
        fc.array(fc.oneof(almostFrame, fc.uint8Array({ maxLength: 30 })), { maxLength: 6 }),
        cuts,
        (parts, places) => {
          const all = joined(parts);
          expect(outcome(cutAt(all, places))).toEqual(outcome([all]));
        },
      ),
      runs(4000),
    );
  },
  propertyTimeoutMs,
);
