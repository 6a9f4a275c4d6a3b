import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { written } from "../../../test/http2/support/frames.ts";
import { ascii, hex, joined, toHex } from "../../../test/http2/support/octets.ts";
import { runs } from "../../../test/support/runs.ts";
import { codeLengths, codes, EOS } from "./huffman-code.ts";
import {
  HUFFMAN_EOS,
  HUFFMAN_PADDING,
  huffmanDecode,
  huffmanDecodedBytes,
  huffmanSlackBytes,
  maxDecodedBytes,
} from "./huffman-decode.ts";
import { huffmanEncode, huffmanEncodedBytes } from "./huffman-encode.ts";

function encode(text: string): Uint8Array {
  const length = huffmanEncodedBytes(text);
  const octets = written((writer) => huffmanEncode(writer, text, length));
  expect(octets.length).toBe(length);
  return octets;
}

/** The text, or the negative result. */
function decode(octets: Uint8Array): string | number {
  const output = new Uint8Array(maxDecodedBytes(octets.length) + huffmanSlackBytes);
  const length = huffmanDecode(octets, 0, octets.length, output);
  expect(huffmanDecodedBytes(octets, 0, octets.length)).toBe(length);
  return length < 0 ? length : Buffer.from(output.subarray(0, length)).toString("latin1");
}

/** The bits of the code of each symbol, padded with ones. */
function bits(...symbols: readonly number[]): string {
  return symbols.map((symbol) => (codes[symbol] ?? 0).toString(2).padStart(codeLengths[symbol] ?? 0, "0")).join("");
}

function octetsOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
}

/** Decoding bit by bit, from the definition. */
function slowly(octets: Uint8Array): string | number {
  const symbols = new Map(Array.from(codeLengths, (_, symbol) => [bits(symbol), symbol]));
  let text = "";
  let code = "";
  let sawEos = false;
  for (const octet of octets) {
    for (const bit of octet.toString(2).padStart(8, "0")) {
      code += bit;
      const symbol = symbols.get(code);
      if (symbol === undefined) continue;
      if (symbol === EOS) sawEos = true;
      else text += String.fromCharCode(symbol);
      code = "";
    }
  }
  if (sawEos) return HUFFMAN_EOS;
  return code.length <= 7 && !code.includes("0") ? text : HUFFMAN_PADDING;
}

describe("the Huffman code", () => {
  test("is complete: every sequence of bits is a sequence of symbols", () => {
    expect(codeLengths.length).toBe(257);
    expect(Array.from(codeLengths).reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
  });

  test("has the codes of RFC 7541 appendix B", () => {
    expect([bits(0x30), bits(0x61), bits(0x20), bits(0x58)]).toEqual(["00000", "00011", "010100", "11111100"]);
    expect(bits(0)).toBe("1111111111000");
    expect(bits(10)).toBe("111111111111111111111111111100");
    expect(bits(255)).toBe("11111111111111111111101110");
    expect(bits(EOS)).toBe("1".repeat(30));
  });
});

describe("Huffman decoding", () => {
  test("[h2-331] an empty string decodes to nothing", () => {
    expect(decode(hex(""))).toBe("");
    expect(toHex(encode(""))).toBe("");
  });

  test("[h2-331] every octet comes back, alone and between others", () => {
    for (let octet = 0; octet < 256; octet++) {
      const char = String.fromCharCode(octet);
      for (const text of [char, `a${char}`, `${char}a`, char.repeat(9)]) expect(decode(encode(text))).toBe(text);
    }
  });

  test("[h2-330] EOS in a string is an error, wherever it stands", () => {
    for (const symbols of [[EOS], [0x61, EOS], [EOS, 0x61], [0x61, EOS, 0x61, EOS, 0x62]]) {
      const digits = bits(...symbols);
      expect(decode(octetsOf(digits.padEnd(Math.ceil(digits.length / 8) * 8, "1")))).toBe(HUFFMAN_EOS);
    }
  });

  test("[h2-330] padding of up to 7 ones is taken, of 8 and more refused", () => {
    // The codes of these symbols and the padding make whole octets.
    for (const [symbols, padding] of [
      [[0x58], 0],
      [[0x3a], 1],
      [[0x20], 2],
      [[0x30], 3],
      [[0x20, 0x20], 4],
      [[0x30, 0x20], 5],
      [[0x30, 0x30], 6],
      [[0x30, 0x30, 0x3a, 0x58], 7],
    ] as const) {
      const digits = bits(...symbols);
      expect(digits.length % 8).toBe((8 - padding) % 8);
      const text = String.fromCharCode(...symbols);
      expect(decode(octetsOf(digits + "1".repeat(padding)))).toBe(text);
      for (const more of [8, 16, 24]) {
        const longer = padding + more;
        // 30 ones would be EOS.
        expect(decode(octetsOf(digits + "1".repeat(longer)))).toBe(longer >= 30 ? HUFFMAN_EOS : HUFFMAN_PADDING);
      }
    }
  });

  test("[h2-330] padding with a zero in it, and the start of a symbol, are refused", () => {
    for (const tail of ["000", "110", "101", "011"]) expect(decode(octetsOf(bits(0x30) + tail))).toBe(HUFFMAN_PADDING);
    expect(decode(hex("ff"))).toBe(HUFFMAN_PADDING);
    expect(decode(hex("fffe"))).toBe(HUFFMAN_PADDING);
    // 0x0a and its 30 bits, cut short.
    expect(decode(octetsOf(bits(10).slice(0, 24)))).toBe(HUFFMAN_PADDING);
  });

  test("[h2-331] any octets decode as they do bit by bit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (octets) => {
        expect(decode(octets)).toBe(slowly(octets));
      }),
      runs(1000),
    );
  });
});

describe("Huffman encoding", () => {
  test("text of any octets comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        const text = Buffer.from(octets).toString("latin1");
        const encoded = encode(text);
        expect(toHex(encoded)).toBe(toHex(octetsOf(padded(bits(...octets)))));
        expect(decode(encoded)).toBe(text);
      }),
      runs(4000),
    );
  });

  test("a character above U+00FF is refused", () => {
    for (const text of ["\u0100", "a\u2028", "\ud83d\ude00"]) {
      expect(() => huffmanEncodedBytes(text)).toThrow(TypeError);
    }
  });

  test("several strings lie behind one another", () => {
    const both = written((writer) => {
      for (const text of ["www.example.com", "no-cache"]) huffmanEncode(writer, text, huffmanEncodedBytes(text));
    });
    expect(toHex(both)).toBe(toHex(joined([hex("f1e3c2e5f23a6ba0ab90f4ff"), hex("a8eb10649cbf")])));
    expect(ascii("www.example.com").length).toBe(15);
  });
});

function padded(digits: string): string {
  return digits.padEnd(Math.ceil(digits.length / 8) * 8, "1");
}
