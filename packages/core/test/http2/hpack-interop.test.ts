/**
 * Python's hpack (Debian's python3-hpack) decodes what our encoder makes, and our decoder what it makes.
 *
 * Without it the tests are skipped; with `SLUICE_INTEROP=required` they fail instead.
 */
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { corpora, readCorpus } from "../support/corpus.ts";
import { decodeLines, encodeLines, type Line } from "./support/hpack.ts";
import { hex, toHex } from "./support/octets.ts";

/** The one in the path may be another than the one Debian's packages are for. */
const pythons = ["python3", "/usr/bin/python3"];

function hasHpack(python: string): boolean {
  try {
    execFileSync(python, ["-c", "import hpack"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const python = pythons.find(hasHpack);

const program = `
import json, sys
import hpack

def octets(text):
    return text.encode("latin-1")

stories = []
for story in json.load(sys.stdin):
    decoder = hpack.Decoder(max_header_list_size=1 << 20)
    encoder = hpack.Encoder()
    answers = []
    for block in story:
        for size in block["sizes"]:
            decoder.max_allowed_table_size = size
            encoder.header_table_size = size
        lines = [
            [str(line[0], "latin-1"), str(line[1], "latin-1"), not line.indexable]
            for line in decoder.decode(bytes.fromhex(block["wire"]), raw=True)
        ]
        wire = encoder.encode([(octets(n), octets(v)) for n, v in block["lines"]], huffman=block["huffman"])
        answers.append({"lines": lines, "wire": wire.hex()})
    stories.append(answers)
json.dump(stories, sys.stdout)
`;

interface Asked {
  readonly sizes: readonly number[];
  readonly lines: readonly Line[];
  readonly huffman: boolean;
  readonly wire: string;
}

interface Answer {
  readonly lines: readonly (readonly [name: string, value: string, sensitive: boolean])[];
  readonly wire: string;
}

function ask(stories: readonly (readonly Asked[])[]): readonly (readonly Answer[])[] {
  if (python === undefined) throw new Error("python3-hpack is not installed, and SLUICE_INTEROP=required asks for it");
  const options = { input: JSON.stringify(stories), maxBuffer: 1 << 28, encoding: "utf8" } as const;
  return JSON.parse(execFileSync(python, ["-c", program], options)) as readonly (readonly Answer[])[];
}

/** Some blocks of our own, with every representation and odd octets. */
const own: readonly (readonly Line[])[] = [
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "example.com"],
    [":path", "/a?b=c"],
    ["user-agent", "sluice"],
    ["cookie", "a=b"],
    ["authorization", "Basic YTpi"],
  ],
  [
    [":status", "200"],
    ["x-octets", Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join("")],
    ["x-empty", ""],
    ["x-long", "long ".repeat(700)],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ],
];

const recorded = readCorpus<{ cases: { headers: Record<string, string>[] }[] }>("hpack/nghttp2")
  .slice(0, corpora === undefined ? 0 : 12)
  .map(({ cases }) => cases.slice(0, 30).map(({ headers }) => headers.flatMap((line): Line[] => Object.entries(line))));

const stories = [[...own, ...own, ...own], ...recorded];

describe.skipIf(python === undefined && process.env["SLUICE_INTEROP"] !== "required")("python3-hpack", () => {
  for (const [title, sizes] of [
    ["the default table", []],
    ["no table", [[0]]],
    ["a small table", [[150]]],
    ["tables of changing size", [[4096], [64], [], [8192], [0], [300, 1000]]],
  ] as const) {
    test(`[h2-345] both directions, ${title}`, () => {
      const asked = stories.map((story) => {
        const encoder = new HpackEncoder({ maxTableBytes: 8192 });
        return story.map((lines, at): Asked => {
          const now = sizes[at % Math.max(1, sizes.length)] ?? [];
          for (const size of now) encoder.setAllowedTableBytes(size);
          return { sizes: now, lines, huffman: at % 2 === 0, wire: toHex(encodeLines(encoder, lines)) };
        });
      });
      const answers = ask(asked);
      for (const [number, story] of asked.entries()) {
        const decoder = new HpackDecoder({ maxListBytes: 1_000_000 });
        for (const [at, block] of story.entries()) {
          const answer = answers[number]?.[at];
          expect(answer?.lines.map(([name, value]) => [name, value])).toEqual(block.lines);
          for (const size of block.sizes) decoder.setAllowedTableBytes(size);
          const seen = decodeLines(decoder, hex(answer?.wire ?? ""));
          expect(seen.lines).toEqual(block.lines);
        }
      }
      // Credentials are marked by either side.
      expect(answers[0]?.[0]?.lines.map(([, , sensitive]) => sensitive)).toEqual([
        ...[false, false, false, false, false],
        ...[true, true],
      ]);
    });
  }
});
