import { describe, expect, test } from "vitest";
import { decodePortably } from "./latin1.ts";
import { ReadBuffer } from "./read-buffer.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (of: Uint8Array): string => decodePortably(of, 0, of.length);
const held = (buffer: ReadBuffer): string => decodePortably(buffer.bytes, buffer.start, buffer.end);

describe("ReadBuffer", () => {
  test("one chunk is used as it is, and given out whole without a copy", () => {
    const buffer = new ReadBuffer();
    const chunk = bytes("abc");
    buffer.push(chunk);
    expect(buffer.bytes).toBe(chunk);
    expect(buffer.length).toBe(3);
    expect(buffer.takeAll()).toBe(chunk);
    expect(buffer.length).toBe(0);
  });

  test("empty, it holds no memory", () => {
    const buffer = new ReadBuffer();
    buffer.push(bytes("abc"));
    buffer.consume(3);
    expect(buffer.bytes.length).toBe(0);
    buffer.push(bytes("abc"));
    buffer.clear();
    expect([buffer.bytes.length, buffer.start, buffer.end]).toEqual([0, 0, 0]);
  });

  test("a chunk behind what is left is joined to it", () => {
    const buffer = new ReadBuffer();
    buffer.push(bytes("abc"));
    buffer.consume(1);
    buffer.push(bytes("def"));
    expect(held(buffer)).toBe("bcdef");
    expect(text(buffer.take(2))).toBe("bc");
    expect(held(buffer)).toBe("def");
  });

  test("the transport's chunk is never written to when joining", () => {
    const buffer = new ReadBuffer();
    const memory = bytes("abcdef");
    buffer.push(memory.subarray(0, 3));
    buffer.push(bytes("XYZ"));
    expect(text(memory)).toBe("abcdef");
    expect(held(buffer)).toBe("abcXYZ");
  });

  test("what was handed out is not overwritten by later chunks", () => {
    const buffer = new ReadBuffer();
    buffer.push(bytes("ab"));
    buffer.push(bytes("cd"));
    const taken = buffer.take(3);
    for (let i = 0; i < 300; i++) buffer.push(bytes("-"));
    expect(text(taken)).toBe("abc");
    expect(held(buffer)).toBe(`d${"-".repeat(300)}`);
  });

  test("single bytes cost linear work: memory is replaced only when it doubles", () => {
    const buffer = new ReadBuffer();
    const memories = new Set<Uint8Array>();
    for (let i = 0; i < 10_000; i++) {
      buffer.push(Uint8Array.of(i & 0x7f));
      memories.add(buffer.bytes);
    }
    expect(buffer.length).toBe(10_000);
    expect(memories.size).toBeLessThan(10);
    expect(buffer.bytes[buffer.start + 9_999]).toBe(9_999 & 0x7f);
  });

  test("taking more than there is takes what there is", () => {
    const buffer = new ReadBuffer();
    buffer.push(bytes("abc"));
    expect(text(buffer.take(10))).toBe("abc");
    expect(buffer.take(10).length).toBe(0);
  });
});
