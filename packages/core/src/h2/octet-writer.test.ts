import { describe, expect, test } from "vitest";
import { ascii, toHex } from "../../test/http2/support/octets.ts";
import { OctetWriter } from "./octet-writer.ts";

describe("OctetWriter", () => {
  test("numbers are written highest octet first", () => {
    const writer = new OctetWriter();
    writer.byte(0x01);
    writer.uint16(0x0203);
    writer.uint32(0xfffefdfc);
    writer.text("a\xff");
    writer.zeros(2);
    writer.octets(ascii("abcdef"), 1, 3);
    expect(writer.length).toBe(13);
    expect(toHex(writer.take())).toBe("010203fffefdfc61ff00006263");
    expect(writer.length).toBe(0);
  });

  test("what was taken does not change, whoever writes next", () => {
    const first = new OctetWriter();
    const second = new OctetWriter();
    first.text("first");
    const taken = first.take();
    second.text("second");
    first.text("again");
    second.text("second");
    expect(toHex(taken)).toBe(toHex(ascii("first")));
    expect(toHex(second.take())).toBe(toHex(ascii("secondsecond")));
    expect(toHex(first.take())).toBe(toHex(ascii("again")));
    expect(toHex(taken)).toBe(toHex(ascii("first")));
  });

  test("it grows beyond a slab, and long text and octets arrive whole", () => {
    const writer = new OctetWriter();
    const text = "0123456789".repeat(30_000);
    writer.text("start");
    writer.text(text);
    writer.octets(ascii(text), 0, text.length);
    for (let i = 0; i < 300_000; i++) writer.byte(i);
    const taken = writer.take();
    expect(Buffer.from(taken.subarray(0, 5 + text.length)).toString()).toBe(`start${text}`);
    expect(Buffer.from(taken.subarray(5 + text.length, 5 + 2 * text.length)).toString()).toBe(text);
    expect(taken.subarray(-300_000).every((octet, i) => octet === (i & 0xff))).toBe(true);
  });

  test("it holds no memory once everything was taken or dropped", () => {
    const writer = new OctetWriter();
    writer.text("a");
    writer.take();
    expect(writer.bytes.length).toBe(0);
    writer.text("b");
    writer.clear();
    expect([writer.bytes.length, writer.length]).toEqual([0, 0]);
    writer.text("c");
    expect(toHex(writer.take())).toBe("63");
  });
});
