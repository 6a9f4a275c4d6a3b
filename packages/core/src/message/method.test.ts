import { describe, expect, test } from "vitest";
import { anticipatesContent, checkMethod, isIdempotent, isSafe } from "./method.ts";

describe("methods", () => {
  const known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

  test("safe are GET, HEAD, OPTIONS and TRACE; idempotent are these, PUT and DELETE", () => {
    expect(known.filter(isSafe)).toEqual(["GET", "HEAD", "OPTIONS", "TRACE"]);
    expect(known.filter(isIdempotent)).toEqual(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);
    expect(known.filter(anticipatesContent)).toEqual(["POST", "PUT", "PATCH"]);
  });

  test("names are case-sensitive: `get` is another method, of which nothing is known", () => {
    expect([isSafe("get"), isIdempotent("get"), isIdempotent("QUERY"), anticipatesContent("post")]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(checkMethod("get")).toBe("get");
  });

  test("any token is a method, and comes back as it is", () => {
    for (const method of [...known, "M-SEARCH", "!#$%&'*+-.^_`|~09azAZ"]) expect(checkMethod(method)).toBe(method);
  });

  test.each(["", " ", "GET ", "G T", "GET\r\n", "G\0", "GET/", "G(T", "Ü", "\u0107"])("%j is no method", (method) => {
    expect(() => checkMethod(method)).toThrow(TypeError);
  });
});
