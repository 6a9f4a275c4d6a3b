/**
 * The examples of RFC 7541 appendix C, octet by octet, with the tables they leave.
 */
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { IntegerReader, writeInteger } from "../../src/h2/hpack/integer.ts";
import { written } from "./support/frames.ts";
import { decodeLines, encodeLines, type Line, tableLines } from "./support/hpack.ts";
import { hex, singly, toHex } from "./support/octets.ts";

interface Example {
  readonly name: string;
  readonly wire: string;
  readonly lines: readonly Line[];
  readonly table: readonly Line[];
  readonly bytes: number;
}

const authority: Line = [":authority", "www.example.com"];
const noCache: Line = ["cache-control", "no-cache"];
const custom: Line = ["custom-key", "custom-value"];

/** C.3 and C.4 have the same lines and tables. */
function requests(section: string, wires: readonly [string, string, string]): readonly Example[] {
  const get: readonly Line[] = [[":method", "GET"], [":scheme", "http"], [":path", "/"], authority];
  return [
    { name: `${section}.1`, wire: wires[0], lines: get, table: [authority], bytes: 57 },
    { name: `${section}.2`, wire: wires[1], lines: [...get, noCache], table: [noCache, authority], bytes: 110 },
    {
      name: `${section}.3`,
      wire: wires[2],
      lines: [[":method", "GET"], [":scheme", "https"], [":path", "/index.html"], authority, custom],
      table: [custom, noCache, authority],
      bytes: 164,
    },
  ];
}

const secret: Line = ["cache-control", "private"];
const location: Line = ["location", "https://www.example.com"];
const date: Line = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const later: Line = ["date", "Mon, 21 Oct 2013 20:13:22 GMT"];
const gzip: Line = ["content-encoding", "gzip"];
const cookie: Line = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"];

/** C.5 and C.6 have the same lines and tables, of at most 256 octets. */
function responses(section: string, wires: readonly [string, string, string]): readonly Example[] {
  return [
    {
      name: `${section}.1`,
      wire: wires[0],
      lines: [[":status", "302"], secret, date, location],
      table: [location, date, secret, [":status", "302"]],
      bytes: 222,
    },
    {
      name: `${section}.2`,
      wire: wires[1],
      lines: [[":status", "307"], secret, date, location],
      table: [[":status", "307"], location, date, secret],
      bytes: 222,
    },
    {
      name: `${section}.3`,
      wire: wires[2],
      lines: [[":status", "200"], secret, later, location, gzip, cookie],
      table: [cookie, gzip, later],
      bytes: 215,
    },
  ];
}

const sequences: readonly (readonly Example[])[] = [
  [
    {
      name: "C.2.1",
      wire: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      lines: [["custom-key", "custom-header"]],
      table: [["custom-key", "custom-header"]],
      bytes: 55,
    },
  ],
  [
    {
      name: "C.2.2",
      wire: "040c 2f73 616d 706c 652f 7061 7468",
      lines: [[":path", "/sample/path"]],
      table: [],
      bytes: 0,
    },
  ],
  [
    {
      name: "C.2.3",
      wire: "1008 7061 7373 776f 7264 0673 6563 7265 74",
      lines: [["password", "secret"]],
      table: [],
      bytes: 0,
    },
  ],
  [{ name: "C.2.4", wire: "82", lines: [[":method", "GET"]], table: [], bytes: 0 }],
  requests("C.3", [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ]),
  requests("C.4", [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ]),
  responses("C.5", [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
     1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    "4803 3330 37c1 c0bf",
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
     4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
     7369 6f6e 3d31`,
  ]),
  responses("C.6", [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
     97c8 e9ae 82ae 43d3`,
    "4883 640e ffc1 c0bf",
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
     cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ]),
];

describe("RFC 7541 appendix C", () => {
  const integers = [
    { name: "C.1.1", value: 10, mask: 0x1f, wire: "0a" },
    { name: "C.1.2", value: 1337, mask: 0x1f, wire: "1f9a0a" },
    { name: "C.1.3", value: 42, mask: 0xff, wire: "2a" },
  ] as const;
  for (const { name, value, mask, wire } of integers) {
    test(`[h2-329] ${name}: the integer ${value}`, () => {
      expect(toHex(written((writer) => writeInteger(writer, value, mask, 0)))).toBe(wire);
      const reader = new IntegerReader();
      const [first = 0, ...more] = hex(wire);
      let done = reader.begin(first, mask);
      for (const octet of more) {
        expect(done).toBe(false);
        done = reader.next(octet);
      }
      expect([done, reader.value]).toEqual([true, value]);
    });
  }

  for (const sequence of sequences) {
    const names = sequence.map(({ name }) => name).join(", ");
    for (const cut of ["whole", "octet by octet"] as const) {
      test(`[h2-327] ${names} ${cut}: the lines and the table behind each block`, () => {
        const decoder = new HpackDecoder();
        // C.5 and C.6 say that the table is limited to 256 octets, and have no size updates.
        if (/C\.[56]/.test(names)) decoder.table.resize(256);
        for (const { wire, lines, table, bytes } of sequence) {
          const octets = hex(wire);
          expect(decodeLines(decoder, ...(cut === "whole" ? [octets] : singly(octets))).lines).toEqual(lines);
          expect(tableLines(decoder.table)).toEqual(table);
          expect(decoder.table.bytes).toBe(bytes);
        }
      });
    }
  }

  test("[h2-327] C.4 is what our encoder makes of its lines", () => {
    const encoder = new HpackEncoder();
    for (const { wire, lines, table, bytes } of sequences[5] ?? []) {
      expect(toHex(encodeLines(encoder, lines))).toBe(toHex(hex(wire)));
      expect(tableLines(encoder.table)).toEqual(table);
      expect(encoder.table.bytes).toBe(bytes);
    }
  });
});
