/**
 * HPACK at random: what is encoded comes back through any sizes of tables and any fragments, and no octets do more harm
 * than an error.
 */
import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { type FieldSink, HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { Http2Error } from "../../src/h2/http2-error.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { decodeLines, encodeLines, tableLines } from "./support/hpack.ts";
import { cutAt, joined } from "./support/octets.ts";

/** The largest piece of memory that was asked for. */
let largest = 0;

vi.mock("../../src/bytes/latin1.ts", async (original) => {
  const module = await original<typeof import("../../src/bytes/latin1.ts")>();
  return {
    ...module,
    allocate: (size: number): Uint8Array => {
      largest = Math.max(largest, size);
      return module.allocate(size);
    },
  };
});

beforeEach(() => {
  largest = 0;
});

const name = fc.oneof(
  fc.constantFrom(":method", ":path", ":status", "cookie", "date", "content-length", "authorization", "x-a", "x-b"),
  fc.string({ unit: fc.constantFrom(..."abcxyz-0"), minLength: 1, maxLength: 12 }),
);
const value = fc.oneof(
  fc.constantFrom("", "GET", "/", "200", "a", "0123456789012345678901234567890123456789"),
  fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString("latin1")),
  fc.integer({ min: 100, max: 3000 }).map((length) => "v".repeat(length)),
);
const tableBytes = fc.oneof(fc.constantFrom(0, 32, 64, 100, 4096), fc.integer({ min: 0, max: 10_000 }));
const block = fc.record({
  lines: fc.array(fc.record({ name, value, sensitive: fc.boolean() }), { maxLength: 10 }),
  sizes: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(tableBytes, { maxLength: 3 }) },
  ),
  cuts: fc.array(fc.nat({ max: 200 }), { maxLength: 4 }),
});

test(
  "[h2-346] lists come back whatever the sizes of the tables and the fragments",
  () => {
    const cap = fc.constantFrom(0, 200, 4096, 10_000);
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 6 }), cap, (blocks, maxTableBytes) => {
        const encoder = new HpackEncoder({ maxTableBytes });
        const decoder = new HpackDecoder({ maxListBytes: 1_000_000 });
        for (const { lines, sizes, cuts } of blocks) {
          for (const size of sizes) {
            encoder.setAllowedTableBytes(size);
            decoder.setAllowedTableBytes(size);
          }
          const sent = lines.map((line) => [line.name, line.value] as const);
          const marks = lines.map((line) => line.sensitive);
          const seen = decodeLines(decoder, ...cutAt(encodeLines(encoder, sent, marks), cuts));
          expect(seen.lines).toEqual(sent);
          for (const [at, mark] of marks.entries()) if (mark) expect(seen.sensitive[at]).toBe(true);
          expect(tableLines(encoder.table)).toEqual(tableLines(decoder.table));
          expect(encoder.table.bytes).toBe(decoder.table.bytes);
          expect(encoder.table.bytes).toBeLessThanOrEqual(
            Math.min(encoder.table.maxBytes, Math.max(maxTableBytes, 4096)),
          );
        }
      }),
      runs(5000),
    );
  },
  propertyTimeoutMs,
);

/** Octets that look like a field block for a while. */
const something = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0x80, max: 0xff }).map((octet) => Uint8Array.of(octet)),
        fc.constantFrom("40", "00", "10", "0f", "20", "3f", "7f", "be", "ff").map((text) => Buffer.from(text, "hex")),
        fc.uint8Array({ maxLength: 10 }).map((octets) => Uint8Array.of(octets.length, ...octets)),
        fc.uint8Array({ maxLength: 10 }).map((octets) => Uint8Array.of(octets.length | 0x80, ...octets)),
        fc.array(block, { minLength: 1, maxLength: 1 }).map(([first]) =>
          encodeLines(
            new HpackEncoder(),
            (first?.lines ?? []).map((line) => [line.name, line.value]),
          ),
        ),
      ),
      { maxLength: 12 },
    )
    .map(joined),
);

test(
  "no octets make anything but an HttpError, nor more memory than the limit",
  () => {
    const maxListBytes = 500;
    let seenLargest = 0;
    fc.assert(
      fc.property(
        fc.array(something, { maxLength: 3 }),
        fc.array(fc.nat({ max: 100 }), { maxLength: 5 }),
        (blocks, cuts) => {
          const decoder = new HpackDecoder({ maxListBytes });
          for (const octets of blocks) {
            let delivered = 0;
            const sink: FieldSink = {
              field: (fieldName, fieldValue) => {
                delivered += fieldName.length + fieldValue.length + 32;
              },
            };
            decoder.begin(sink);
            largest = 0;
            try {
              for (const fragment of cutAt(octets, cuts)) decoder.decode(fragment, 0, fragment.length);
              decoder.end();
            } catch (error) {
              expect(error).toBeInstanceOf(Http2Error);
              expect((error as Http2Error).isConnectionError).toBe(true);
              expect([9, 11]).toContain((error as Http2Error).reason);
              return;
            } finally {
              expect(delivered).toBeLessThanOrEqual(maxListBytes);
              expect(decoder.table.bytes).toBeLessThanOrEqual(4096);
              expect(largest).toBeLessThanOrEqual(4 * maxListBytes + 2);
              seenLargest = Math.max(seenLargest, largest);
            }
            expect(decoder.overLimit).toBe(decoder.listBytes > maxListBytes);
          }
        },
      ),
      runs(6000),
    );
  },
  propertyTimeoutMs,
);

test(
  "a block is the same in one fragment and in any others, also if it is an error",
  () => {
    const outcome = (octets: Uint8Array, cuts: readonly number[]): string => {
      const decoder = new HpackDecoder({ maxListBytes: 500 });
      const fields: unknown[] = [];
      try {
        decoder.begin({ field: (...field) => fields.push(field) });
        for (const fragment of cutAt(octets, cuts)) decoder.decode(fragment, 0, fragment.length);
        decoder.end();
        return JSON.stringify([fields, decoder.listBytes, decoder.overLimit, tableLines(decoder.table)]);
      } catch (error) {
        return JSON.stringify([fields, (error as Http2Error).code, (error as Http2Error).message]);
      }
    };
    fc.assert(
      fc.property(something, fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 8 }), (octets, cuts) => {
        expect(outcome(octets, cuts)).toBe(outcome(octets, []));
      }),
      runs(4000),
    );
  },
  propertyTimeoutMs,
);
