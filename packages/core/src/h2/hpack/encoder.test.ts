import { HeaderMap } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { written } from "../../../test/http2/support/frames.ts";
import { decodeLines, encodeLines, type Line, tableLines } from "../../../test/http2/support/hpack.ts";
import { toHex } from "../../../test/http2/support/octets.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder, headerListBytes } from "./encoder.ts";

function encoded(encoder: HpackEncoder, ...lines: readonly Line[]): string {
  return toHex(encodeLines(encoder, lines));
}

/** The pattern and prefix of the first representation of a block. */
function firstOctet(lines: readonly Line[], sensitive: readonly boolean[] = []): number {
  return encodeLines(new HpackEncoder(), lines, sensitive)[0] ?? -1;
}

describe("representations", () => {
  test("[h2-341] the same list twice is all indexes the second time", () => {
    const encoder = new HpackEncoder();
    const lines: Line[] = [
      [":status", "200"],
      ["content-type", "text/plain"],
      ["server", "sluice"],
      ["x-custom", "1"],
    ];
    encodeLines(encoder, lines);
    expect(encoded(encoder, ...lines)).toBe("88c0bfbe");
    expect(encoded(encoder, ...lines)).toBe("88c0bfbe");
  });

  test("[h2-341] a name that repeats with other values is referred to", () => {
    const encoder = new HpackEncoder();
    encodeLines(encoder, [["x-custom", "1"]]);
    expect(encoded(encoder, ["x-custom", "2"])).toBe("7e0132");
    expect(encoded(encoder, ["x-custom", "1"], ["x-custom", "2"])).toBe("bfbe");
  });

  test("a static line is one octet, even if its name is volatile", () => {
    expect(encoded(new HpackEncoder(), [":path", "/"], [":method", "POST"], ["etag", ""])).toBe("8483a2");
  });

  test("strings are Huffman-coded only where that is shorter", () => {
    expect(encoded(new HpackEncoder(), ["etag", "a"])).toBe("0f130161");
    expect(encoded(new HpackEncoder(), ["etag", "aaa"])).toBe("0f1382" + "18c7");
    expect(encoded(new HpackEncoder(), ["etag", "\x01\x02\x03"])).toBe("0f1303010203");
  });

  test("an index of more than 126 takes more octets", () => {
    const encoder = new HpackEncoder({ maxTableBytes: 65_536 });
    encoder.setAllowedTableBytes(65_536);
    const decoder = new HpackDecoder({ maxListBytes: 1_000_000 });
    decoder.setAllowedTableBytes(65_536);
    const lines = Array.from({ length: 1000 }, (_, i): Line => [`x-${i}`, "v"]);
    for (let round = 0; round < 2; round++) {
      const block = encodeLines(encoder, lines);
      expect(decodeLines(decoder, block).lines).toEqual(lines);
      if (round === 1) expect(block.length).toBeLessThan(3000);
    }
  });

  test("values that differ in most messages are not put into the table", () => {
    const names = [
      ":path",
      "age",
      "content-length",
      "content-range",
      "etag",
      "if-modified-since",
      "if-none-match",
      "if-range",
      "last-modified",
      "location",
      "range",
      "set-cookie",
      "traceparent",
      "x-request-id",
    ];
    for (const name of names) {
      const encoder = new HpackEncoder();
      const first = encodeLines(encoder, [[name, "something"]])[0] ?? 0;
      expect(first & 0xf0, name).toBe(0);
      expect(encoder.table.count).toBe(0);
    }
    const encoder = new HpackEncoder();
    encodeLines(encoder, [["date", "Tue, 21 Nov 2023 03:38:00 GMT"]]);
    expect(encoder.table.count).toBe(1);
  });

  test("a line of more than three quarters of the table is not put into it", () => {
    const encoder = new HpackEncoder();
    encodeLines(encoder, [["x", "v".repeat(3072 - 33)]]);
    expect(encoder.table.count).toBe(1);
    const other = new HpackEncoder();
    encodeLines(other, [["x", "v".repeat(3072 - 32)]]);
    expect(other.table.count).toBe(0);
  });
});

describe("lines that are never indexed", () => {
  test("[h2-339] a marked line is, also one that is in a table, and the mark comes out at the other end", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const lines: Line[] = [
      ["x-secret", "abc"],
      [":path", "/"],
      ["accept", "*/*"],
    ];
    decodeLines(decoder, encodeLines(encoder, lines));
    const block = encodeLines(encoder, lines, [true, true, false]);
    const out = decodeLines(decoder, block);
    expect(out.lines).toEqual(lines);
    expect(out.sensitive).toEqual([true, true, false]);
    // And again from what was decoded, as an intermediary does.
    const again = decodeLines(new HpackDecoder(), encodeLines(new HpackEncoder(), out.lines, out.sensitive));
    expect(again.sensitive).toEqual([true, true, false]);
  });

  test("[h2-340] authorization and short cookies are, long cookies are not", () => {
    expect(firstOctet([["authorization", "Bearer 0123456789012345678901234567890123456789"]]) & 0xf0).toBe(0x10);
    expect(firstOctet([["proxy-authorization", "Basic YTpi"]]) & 0xf0).toBe(0x10);
    expect(firstOctet([["cookie", "a".repeat(19)]]) & 0xf0).toBe(0x10);
    expect(firstOctet([["cookie", "a".repeat(20)]]) & 0xc0).toBe(0x40);
  });

  test("a map's marks are kept", () => {
    const map = new HeaderMap();
    map.append("x-a", "1").append("x-b", "2", { sensitive: true });
    const block = written((writer) => new HpackEncoder().fields(writer, map));
    expect(decodeLines(new HpackDecoder(), block)).toMatchObject({
      lines: [
        ["x-a", "1"],
        ["x-b", "2"],
      ],
      sensitive: [false, true],
    });
    expect(headerListBytes(map)).toBe(2 * (32 + 3 + 1));
  });
});

describe("the table's size", () => {
  /** The size updates at the start of the next block after these settings. */
  function updates(encoder: HpackEncoder, ...settings: readonly number[]): string {
    for (const size of settings) encoder.setAllowedTableBytes(size);
    return encoded(encoder, [":method", "GET"]).slice(0, -2);
  }
  const large = (): HpackEncoder => new HpackEncoder({ maxTableBytes: 65_536 });

  test("[h2-335] each change is told once, the smallest size in between first", () => {
    expect(updates(large())).toBe("");
    expect(updates(large(), 2048, 4096)).toBe("3fe10f" + "3fe11f");
    expect(updates(large(), 16_384, 2048)).toBe("3fe10f");
    expect(updates(large(), 8192)).toBe("3fe13f");
    expect(updates(large(), 16_384, 4096)).toBe("");
    expect(updates(large(), 4096)).toBe("");
    const encoder = large();
    expect(updates(encoder, 8192)).toBe("3fe13f");
    expect(updates(encoder, 8192)).toBe("");
    expect(updates(encoder, 100, 200)).toBe("3f45" + "3fa901");
    expect(updates(encoder)).toBe("");
  });

  test("[h2-336] size 0 is told, and then everything is literal", () => {
    const encoder = new HpackEncoder();
    expect(updates(encoder, 0)).toBe("20");
    for (let i = 0; i < 2; i++) expect(encoded(encoder, ["x", "y"])).toBe("000178" + "0179");
  });

  test("never more than our own limit, which is told if it is less than the default", () => {
    const capped = new HpackEncoder();
    expect(updates(capped, 1_000_000)).toBe("");
    expect(capped.table.maxBytes).toBe(4096);
    expect(updates(new HpackEncoder({ maxTableBytes: 100 }))).toBe("3f45");
    expect(updates(new HpackEncoder({ maxTableBytes: 100 }), 4096)).toBe("3f45");
    expect(updates(new HpackEncoder({ maxTableBytes: 100 }), 0, 4096)).toBe("20" + "3f45");
  });

  test("a reduction drops what no longer fits on both sides alike", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const lines = Array.from({ length: 20 }, (_, i): Line => [`x-${i}`, "value"]);
    decodeLines(decoder, encodeLines(encoder, lines));
    for (const size of [300, 4096]) {
      encoder.setAllowedTableBytes(size);
      decoder.setAllowedTableBytes(size);
    }
    expect(decodeLines(decoder, encodeLines(encoder, lines)).lines).toEqual(lines);
    expect(tableLines(encoder.table)).toEqual(tableLines(decoder.table));
  });
});

test("text that is not latin1 is refused", () => {
  expect(() => encodeLines(new HpackEncoder(), [["x", "\u20ac"]])).toThrow(TypeError);
});
