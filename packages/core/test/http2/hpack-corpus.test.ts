/**
 * The stories of 14 HPACK encoders: decoded whole, cut in two, and octet by octet; and encoded again by ours.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { corpora, readCorpus } from "../support/corpus.ts";
import { decodeLines, encodeLines, type Line, tableLines } from "./support/hpack.ts";
import { cutAt, hex, singly } from "./support/octets.ts";

interface Story {
  readonly cases: readonly {
    readonly header_table_size?: number | null;
    readonly wire: string;
    readonly headers: readonly Readonly<Record<string, string>>[];
  }[];
}

interface Block {
  readonly tableBytes: number | undefined;
  readonly wire: Uint8Array;
  readonly lines: readonly Line[];
}

const folder = corpora === undefined ? undefined : join(corpora, "hpack");

const encoders =
  folder === undefined
    ? []
    : readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name !== "raw-data")
        .map((entry) => entry.name);

function readStories(encoder: string): (readonly Block[])[] {
  return readCorpus<Story>(join("hpack", encoder)).map(({ cases }) =>
    cases.map(({ header_table_size, wire, headers }) => ({
      tableBytes: header_table_size ?? undefined,
      wire: hex(wire),
      lines: headers.flatMap((line) => Object.entries(line)),
    })),
  );
}

/** The limits are not what these stories are about. */
function newDecoder(): HpackDecoder {
  return new HpackDecoder({ maxListBytes: 1_000_000 });
}

/** Decodes a story, each block cut as `fragments` says; the first difference, if any. */
function decodeStory(
  story: readonly Block[],
  fragments: (wire: Uint8Array) => readonly Uint8Array[],
): string | undefined {
  const decoder = newDecoder();
  for (const [at, { tableBytes, wire, lines }] of story.entries()) {
    if (tableBytes !== undefined) decoder.setAllowedTableBytes(tableBytes);
    const got = JSON.stringify(decodeLines(decoder, ...fragments(wire)).lines);
    if (got !== JSON.stringify(lines)) return `block ${at}: ${got} instead of ${JSON.stringify(lines)}`;
  }
  return undefined;
}

describe.skipIf(corpora === undefined)("the HPACK corpus", () => {
  test("is there", () => {
    expect(encoders.length).toBe(14);
    expect(encoders.reduce((sum, encoder) => sum + readStories(encoder).length, 0)).toBe(362);
  });

  for (const encoder of encoders) {
    const stories = corpora === undefined ? [] : readStories(encoder);

    test(`[h2-345] stories of ${encoder} decode, whole and in fragments`, () => {
      for (const [number, story] of stories.entries()) {
        expect(
          decodeStory(story, (wire) => [wire]),
          `story ${number}`,
        ).toBeUndefined();
        for (const share of [0.1, 0.5, 0.9]) {
          const cut = decodeStory(story, (wire) => cutAt(wire, [Math.floor(wire.length * share)]));
          expect(cut, `story ${number} cut at ${share}`).toBeUndefined();
        }
      }
    });

    test(`[h2-063] stories of ${encoder} decode octet by octet, and cut in two at every place`, () => {
      const sample = stories.slice(0, 3).map((story) => story.slice(0, 10));
      for (const story of sample) {
        expect(decodeStory(story, singly)).toBeUndefined();
        const longest = Math.max(...story.map(({ wire }) => wire.length));
        for (let at = 0; at < longest; at += longest > 400 ? 7 : 1) {
          expect(decodeStory(story, (wire) => cutAt(wire, [Math.min(at, wire.length)]))).toBeUndefined();
        }
      }
    });
  }

  test("[h2-341] our encoder's blocks decode to the same lines, with tables of several and changing sizes", () => {
    const sizes: readonly (readonly number[])[] = [[4096], [0], [100], [65_536], [4096, 0, 300, 10_000, 64]];
    for (const story of readStories("nghttp2")) {
      for (const tableSizes of sizes) {
        const decoder = newDecoder();
        const encoder = new HpackEncoder({ maxTableBytes: 65_536 });
        for (const [at, { lines }] of story.entries()) {
          const size = tableSizes[at % tableSizes.length] ?? 0;
          decoder.setAllowedTableBytes(size);
          encoder.setAllowedTableBytes(size);
          expect(decodeLines(decoder, encodeLines(encoder, lines)).lines).toEqual(lines);
          expect(tableLines(encoder.table)).toEqual(tableLines(decoder.table));
        }
      }
    }
  });
});
