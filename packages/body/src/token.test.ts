import { describe, expect, test } from "vitest";
import { checkValue, isToken, normalizeName } from "./index.ts";
import { alternativeName } from "./token.ts";
import { wellKnownNames } from "./well-known-names.ts";

const tokenChars = new Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

describe("names", () => {
  test("tokens are what RFC 9110 5.6.2 says, for every char", () => {
    for (let code = 0; code < 0x300; code++) {
      const char = String.fromCharCode(code);
      expect([code, isToken(char), isToken(`a${char}`), isToken(`${char}a`)]).toEqual([
        code,
        ...new Array(3).fill(tokenChars.has(char)),
      ]);
    }
    expect(isToken("")).toBe(false);
  });

  test("names become lower-case", () => {
    expect(normalizeName("X-Custom_Name")).toBe("x-custom_name");
    expect(normalizeName("x-custom")).toBe("x-custom");
    expect(normalizeName("CONTENT-TYPE")).toBe("content-type");
    expect(normalizeName("Content-Type")).toBe("content-type");
    expect(normalizeName("WWW-Authenticate")).toBe("www-authenticate");
  });

  test("every well-known name is a lower-case token, and known by its usual spellings", () => {
    const names = new Set(wellKnownNames.values());
    expect(names.size).toBeGreaterThanOrEqual(80);
    for (const name of names) {
      expect(isToken(name) && name === name.toLowerCase()).toBe(true);
      expect(wellKnownNames.get(name)).toBe(name);
    }
    for (const [spelling, name] of wellKnownNames) expect(spelling.toLowerCase()).toBe(name);
    expect(wellKnownNames.get("Access-Control-Allow-Origin")).toBe("access-control-allow-origin");
    expect(wellKnownNames.get("ETag")).toBe("etag");
  });

  test("what is no name is refused with what came, shortened and escaped", () => {
    expect(() => normalizeName("a b\r\n")).toThrow(
      new TypeError('a field name must be a token (RFC 9110 5.6.2); received "a b\\x0d\\x0a"'),
    );
    expect(() => normalizeName("")).toThrow('received ""');
    expect(() => normalizeName(":path")).toThrow(TypeError);
    expect(() => normalizeName(5 as never)).toThrow("a field name must be a string; received a number");
  });

  test("a name may be 65,535 characters, not one more", () => {
    expect(normalizeName("a".repeat(65_535))).toHaveLength(65_535);
    expect(() => normalizeName("a".repeat(65_536))).toThrow("at most 65535 characters");
  });

  test("the other spelling to look for, without ever throwing", () => {
    expect(alternativeName("x-custom")).toBe("x-custom");
    expect(alternativeName("X-Custom")).toBe("x-custom");
    expect(alternativeName("Content-Type")).toBe("content-type");
    expect(alternativeName("A B")).toBe("A B");
    // KELVIN SIGN, whose lower case is the letter k.
    expect(alternativeName("X-\u212aey")).toBe("X-\u212aey");
    expect("\u212a".toLowerCase()).toBe("k");
  });
});

describe("values", () => {
  test("field content is what RFC 9110 5.5 says, for every char", () => {
    for (let code = 0; code < 0x300; code++) {
      const value = `a${String.fromCharCode(code)}b`;
      const allowed = code === 9 || (code >= 0x20 && code !== 0x7f && code <= 0xff);
      if (allowed) expect(checkValue(value)).toBe(value);
      else expect(() => checkValue(value)).toThrow(TypeError);
    }
  });

  test("nothing breaks out of a line", () => {
    for (const value of ["a\r\nx: y", "a\nx: y", "a\rx", "a\0", "\n", "a\n", "\u{1f600}", "\u0100"]) {
      expect(() => checkValue(value)).toThrow(/^a field value must consist of .* received "/);
    }
    expect(() => checkValue(5 as never)).toThrow("a field value must be a string; received a number");
  });

  test("surrounding SP and HTAB go, what is inside and obs-text stay", () => {
    expect(checkValue(" \t a\t b \t")).toBe("a\t b");
    expect([checkValue(" a"), checkValue("a "), checkValue("\ta"), checkValue("a\t")]).toEqual(["a", "a", "a", "a"]);
    expect(checkValue("")).toBe("");
    expect(checkValue(" ")).toBe("");
    expect(checkValue("\t")).toBe("");
    expect(checkValue("\xa0a\xa0")).toBe("\xa0a\xa0");
  });
});
