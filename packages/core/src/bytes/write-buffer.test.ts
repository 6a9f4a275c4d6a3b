import { describe, expect, test } from "vitest";
import { decodePortably } from "./latin1.ts";
import { passThroughBytes, WriteBuffer, type WriteStrategy } from "./write-buffer.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const shown = (chunks: readonly Uint8Array[]): string[] =>
  chunks.map((chunk) => decodePortably(chunk, 0, chunk.length));

function filled(strategy: WriteStrategy, ...parts: readonly (string | Uint8Array)[]): WriteBuffer {
  const buffer = new WriteBuffer(strategy);
  for (const part of parts) typeof part === "string" ? buffer.text(part) : buffer.bytes(part);
  return buffer;
}

describe("WriteBuffer", () => {
  test("[hyper-176] an empty piece adds nothing and is no chunk of its own", () => {
    for (const strategy of ["auto", "flatten", "queue"] as const) {
      const buffer = filled(strategy, bytes(""), "", "head", bytes(""), bytes("x"), bytes(""));
      expect(buffer.length).toBe(5);
      expect(shown(buffer.take()).join("")).toBe("headx");
      expect(filled(strategy, bytes(""), "").take()).toEqual([]);
    }
  });

  test("taking empties it", () => {
    const buffer = filled("auto", "head", bytes("x"));
    buffer.take();
    expect(buffer.length).toBe(0);
    expect(buffer.take()).toEqual([]);
  });

  test("clear forgets everything", () => {
    const buffer = filled("auto", bytes("x"), "head");
    buffer.clear();
    expect(buffer.length).toBe(0);
    expect(buffer.take()).toEqual([]);
  });

  test("text is latin1: one byte per char", () => {
    expect(
      filled("auto", "\x00\x7f\x80\xff")
        .take()
        .map((chunk) => [...chunk]),
    ).toEqual([[0, 0x7f, 0x80, 0xff]]);
  });

  test("auto: small pieces are joined, in order", () => {
    const buffer = filled("auto", "a", bytes("b"), "c", "d", bytes("e"), bytes("f"));
    expect(buffer.length).toBe(6);
    expect(shown(buffer.take())).toEqual(["abcdef"]);
  });

  test("auto: a chunk is passed by reference from the threshold on, and joined one byte below it", () => {
    const large = new Uint8Array(passThroughBytes).fill(0x61);
    const chunks = filled("auto", "head", large, "tail").take();
    expect(chunks.length).toBe(3);
    expect(chunks[1]).toBe(large);
    const below = large.subarray(1);
    const joined = filled("auto", "head", below, "tail").take();
    expect(joined.length).toBe(1);
    expect(joined[0]?.length).toBe(passThroughBytes - 1 + 8);
  });

  test("auto: a small chunk alone is passed by reference", () => {
    const chunk = bytes("abc");
    expect(filled("auto", chunk).take()[0]).toBe(chunk);
    const large = new Uint8Array(passThroughBytes);
    const chunks = filled("auto", large, chunk, large).take();
    expect(chunks[0]).toBe(large);
    expect(chunks[1]).toBe(chunk);
    expect(chunks[2]).toBe(large);
  });

  test("[hyper-181] flatten: everything is one contiguous chunk, whatever its size, flush after flush", () => {
    const large = new Uint8Array(passThroughBytes * 3).fill(0x62);
    const buffer = filled("flatten", "head", large, "tail");
    expect(shown(buffer.take())).toEqual([`head${"b".repeat(large.length)}tail`]);
    buffer.text("next");
    expect(shown(buffer.take())).toEqual(["next"]);
  });

  test("[hyper-182] queue: body chunks are never copied; the lines between them are joined", () => {
    const body = [bytes("one"), bytes("two"), bytes("three")] as const;
    const chunks = filled(
      "queue",
      "head\r\n",
      "3\r\n",
      body[0],
      "\r\n",
      "3\r\n",
      body[1],
      body[2],
      "\r\n0\r\n\r\n",
    ).take();
    expect(shown(chunks)).toEqual(["head\r\n3\r\n", "one", "\r\n3\r\n", "two", "three", "\r\n0\r\n\r\n"]);
    expect([chunks[1], chunks[3], chunks[4]].every((chunk, i) => chunk === body[i])).toBe(true);
  });

  test("[hyper-182] queue: there is no cap on the number of chunks; the transport joins what it cannot vector", () => {
    const parts = Array.from({ length: 100 }, () => bytes("x"));
    expect(filled("queue", ...parts).take().length).toBe(100);
  });

  test("chunks cut from shared memory do not overlap", () => {
    const taken: Uint8Array[] = [];
    for (let i = 0; i < 2000; i++) taken.push(...filled("auto", `piece ${i};`, bytes("y")).take());
    expect(shown(taken)).toEqual(Array.from({ length: 2000 }, (_, i) => `piece ${i};y`));
  });
});
