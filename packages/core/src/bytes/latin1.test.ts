import { describe, expect, test } from "vitest";
import { allocate, decodeLatin1, decodePortably, encodeLatin1Into, encodePortably } from "./latin1.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const everyChar = String.fromCharCode(...everyByte);

describe("latin1", () => {
  test("each byte is the char of the same number, natively and portably, whatever the length", () => {
    expect(decodePortably(everyByte, 0, 256)).toBe(everyChar);
    for (let length = 0; length <= 256; length++) {
      const wanted = everyChar.slice(256 - length);
      expect(decodeLatin1(everyByte, 256 - length, 256)).toBe(wanted);
      expect(decodePortably(everyByte, 256 - length, 256)).toBe(wanted);
    }
  });

  test("0x80 to 0x9F stay what they are: windows-1252 is another encoding", () => {
    const bytes = new Uint8Array(64).fill(0x80);
    expect(decodeLatin1(bytes, 0, 64)).toBe("\x80".repeat(64));
  });

  test("text longer than an argument list is decoded whole", () => {
    const long = new Uint8Array(4096 * 2 + 1).map((_, i) => i & 0xff);
    const wanted = Array.from(long, (byte) => String.fromCharCode(byte)).join("");
    expect(decodePortably(long, 0, long.length)).toBe(wanted);
    expect(decodeLatin1(long, 0, long.length)).toBe(wanted);
    expect(decodePortably(long, 4095, 4098)).toBe(wanted.slice(4095, 4098));
  });

  test.each([
    ["natively", encodeLatin1Into],
    ["portably", encodePortably],
  ])("text is written at its offset and nowhere else, %s", (_, encode) => {
    const target = new Uint8Array(260).fill(0xee);
    encode(everyChar, target, 2);
    expect(target.subarray(2, 258)).toEqual(everyByte);
    expect([...target.subarray(0, 2), ...target.subarray(258)]).toEqual([0xee, 0xee, 0xee, 0xee]);
  });

  test("memory is of the size asked for and belongs to nobody else", () => {
    const memory = allocate(100);
    expect(memory.length).toBe(100);
    expect(memory.byteOffset).toBe(0);
    expect(memory.buffer.byteLength).toBe(100);
  });
});
