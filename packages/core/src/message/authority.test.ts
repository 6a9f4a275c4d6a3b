import { describe, expect, test } from "vitest";
import { isHostField } from "./authority.ts";

describe("isHostField", () => {
  test.each([
    "localhost",
    "example.com",
    "example.com:80",
    "example.com:",
    "example.com:0",
    "example.com:65535",
    "127.0.0.1:8080",
    "[::1]",
    "[::1]:443",
    "[2001:db8::192.0.2.1]:",
    "[v1.fe80::a+en1]",
    "a_b.test",
    "%C3%BC.test",
    "!$&'()*+,;=",
    ":80",
  ])("%j is a host", (value) => {
    expect(isHostField(value, true)).toBe(true);
  });

  test.each([
    "example.com:65536",
    "example.com:99999999999999999999",
    "example.com:8x",
    "example.com:80:80",
    "user@example.com",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "%",
    "%C",
    "%zz",
    "[::1",
    "::1",
    "[]",
    "[::1]x",
    "[::g]",
    "[::1]:65536",
    "[v.a]",
    "b\x80",
    "a\t",
    "\u0131",
  ])("%j is none", (value) => {
    expect(isHostField(value, false)).toBe(false);
  });

  test("empty is a host only where it may be", () => {
    expect(isHostField("", false)).toBe(true);
    expect(isHostField("", true)).toBe(false);
  });

  test("ten thousand bytes that almost match are refused quickly", () => {
    expect(isHostField(`${"a".repeat(10_000)}%`, true)).toBe(false);
    expect(isHostField(`[${":".repeat(10_000)}`, true)).toBe(false);
  });
});
