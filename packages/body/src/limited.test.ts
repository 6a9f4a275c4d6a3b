import { describe, expect, test } from "vitest";
import { bytes, expectBodyError, failure, now, readAll, SpyBody, text, trailers } from "../test/helpers.ts";
import { full, limited, SizeHint } from "./index.ts";

describe("limited", () => {
  test("[hyper-245] under the limit: passes", async () => {
    const body = limited(full("1234"), 10);
    expect(body.sizeHint().exact).toBe(4);
    expect(text(now(body))).toBe("1234");
    expect(now(body)).toBeNull();
  });

  test("[hyper-245] exactly the limit passes, one byte over does not", async () => {
    expect(await readAll(limited(full("12345"), 5))).toEqual(["12345"]);
    expect(await readAll(limited(new SpyBody([bytes("123"), bytes("45")]), 5))).toEqual(["123", "45"]);
    await expectBodyError(() => readAll(limited(new SpyBody([bytes("123"), bytes("456")]), 5)), "length-limit");
    expect(await readAll(limited(full(""), 0))).toEqual([]);
  });

  test("[hyper-245] over on the first chunk: fails with the limit, cancels the body", async () => {
    const source = new SpyBody([bytes("123456"), bytes("7")]);
    const body = limited(source, 5);
    const error = await expectBodyError(() => body.frame(), "length-limit");
    expect(error.limit).toBe(5);
    expect(error.message).toBe("the body is longer than the limit of 5 bytes");
    expect(source.cancels).toEqual([error]);
    expect(now(body)).toBeNull();
    expect(body.isEndStream()).toBe(true);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    body.cancel();
    expect(source.cancels).toHaveLength(1);
  });

  test("[hyper-245] over on the second chunk: the first passes", async () => {
    for (const mode of ["sync", "async"] as const) {
      const source = new SpyBody([bytes("123"), bytes("456"), bytes("7")], { mode });
      const body = limited(source, 5);
      expect(text(await body.frame())).toBe("123");
      const error = await expectBodyError(() => body.frame(), "length-limit");
      expect(source.cancels).toEqual([error]);
      expect(source.pulls).toBe(2);
    }
  });

  test("[hyper-245] chunked (of unknown length) under the limit: passes, the hint is bounded by what is left", async () => {
    const body = limited(new SpyBody([bytes("12"), bytes("34")]), 10);
    expect(body.sizeHint()).toEqual(new SizeHint(0, 10));
    await body.frame();
    expect(body.sizeHint()).toEqual(new SizeHint(0, 8));
    expect(await readAll(body)).toEqual(["34"]);
  });

  test("[hyper-245] trailers pass and do not count", async () => {
    const source = new SpyBody([bytes("12345"), trailers({ x: "a long value" })]);
    expect(await readAll(limited(source, 5))).toEqual(["12345", "{x=a long value}"]);
  });

  test("[hyper-245] an error of the inner body passes", async () => {
    const trouble = new Error("trouble");
    const body = limited(new SpyBody([bytes("1"), trouble]), 5);
    await body.frame();
    expect(await failure(() => body.frame())).toBe(trouble);
  });

  test("a body that promises too much is refused before anything is read", async () => {
    const source = new SpyBody([bytes("123"), bytes("456")], { hints: true });
    const body = limited(source, 5);
    expect(body.sizeHint().exact).toBe(5);
    const error = await expectBodyError(() => body.frame(), "length-limit");
    expect(source.pulls).toBe(0);
    expect(source.cancels).toEqual([error]);
    expect(now(body)).toBeNull();
  });

  test("an impossible limit is refused", () => {
    for (const wrong of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => limited(full("x"), wrong)).toThrow(RangeError);
  });
});
