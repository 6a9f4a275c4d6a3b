import { HeaderMap } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { announcedTrailers, declaredLength, endsInChunked } from "./framing.ts";
import { listHas, trimOws } from "./lists.ts";

const fields = (...lines: readonly (readonly [string, string])[]): HeaderMap => new HeaderMap(lines);

describe("what a head to be sent says about its content", () => {
  test("[hyper-133] trailers: those announced, in any case, over several lines; without `Trailer` none", () => {
    const announced = announcedTrailers(fields(["trailer", "Chunky-Trailer, x-SUM"], ["Trailer", " , x-other ,"]));
    expect([...(announced ?? [])]).toEqual(["chunky-trailer", "x-sum", "x-other"]);
    expect(announcedTrailers(fields(["a", "b"]))).toBeUndefined();
    expect(announcedTrailers(fields(["trailer", ", ,"]))).toBeUndefined();
  });

  test("[hyper-133] never in a trailer section, even when announced: the twelve of the deny-list", () => {
    const denied =
      "authorization cache-control content-encoding content-length content-range content-type host max-forwards set-cookie te trailer transfer-encoding";
    for (const name of denied.split(" ")) {
      expect(announcedTrailers(fields(["trailer", name.toUpperCase()]))).toBeUndefined();
    }
    expect([...(announcedTrailers(fields(["trailer", `${denied.replaceAll(" ", ",")},etag`])) ?? [])]).toEqual([
      "etag",
    ]);
  });

  test("a content-length is one number, or a mistake of the program", () => {
    expect(declaredLength(fields())).toBe(-1);
    expect(declaredLength(fields(["content-length", "0"]))).toBe(0);
    expect(declaredLength(fields(["content-length", "9007199254740991"]))).toBe(Number.MAX_SAFE_INTEGER);
    for (const value of ["", "+5", "-1", "5, 5", "5.0", "0x5", "1e3", "9007199254740992", "five"]) {
      const set = fields(["content-length", value]);
      expect(() => declaredLength(set)).toThrow(
        expect.objectContaining({ kind: "user", code: "CONTENT_LENGTH_INVALID" }),
      );
    }
    const twice = fields(["content-length", "5"], ["content-length", "5"]);
    expect(() => declaredLength(twice)).toThrow(expect.objectContaining({ kind: "user" }));
  });

  test("codings end in chunked when the last element of the last line is that", () => {
    const ends = (...values: readonly string[]): boolean =>
      endsInChunked(fields(...values.map((value) => ["transfer-encoding", value] as const)));
    expect([ends("chunked"), ends("gzip, Chunked"), ends("gzip", "chunked"), ends("gzip ,\tchunked")]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([ends("gzip"), ends("chunked, gzip"), ends("chunked", "gzip"), ends("chunkedd"), ends()]).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("lists", () => {
  test("a token is found anywhere, in any case, but only whole", () => {
    for (const value of ["close", "CLOSE", "a, close", "close ,b", "a,\tClose\t,b", ",close,"]) {
      expect(listHas(value, "close")).toBe(true);
    }
    for (const value of ["", "closed", "clos", "a close", "close;q=1", "c,lose", "x-close, y"]) {
      expect(listHas(value, "close")).toBe(false);
    }
  });

  test("only SP and HTAB are trimmed", () => {
    expect(trimOws(" \t a b\t ")).toBe("a b");
    expect(trimOws("\x0ba\xa0")).toBe("\x0ba\xa0");
    expect(trimOws(" \t")).toBe("");
  });
});
