import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { bytes } from "../test/helpers.ts";
import { dataLength, toData, toFrame, toTrailers } from "./frame.ts";
import { BodyError, empty, full, HeaderMap, isBody, isData, isTrailers, Trailers } from "./index.ts";
import { describe as describeValue, quote } from "./quote.ts";

describe("frames", () => {
  const fields = new HeaderMap({ a: "1" });

  test("a frame is data or trailers, and knows which", () => {
    const data = bytes("x");
    const trailers = new Trailers(fields);
    expect([isData(data), isTrailers(data)]).toEqual([true, false]);
    expect([isData(trailers), isTrailers(trailers)]).toEqual([false, true]);
    expect(trailers.fields).toBe(fields);
    expect([dataLength(data), dataLength(trailers)]).toEqual([1, 0]);
  });

  test("Trailers takes nothing but a HeaderMap", () => {
    expect(() => new Trailers({ a: "1" } as never)).toThrow('received an object of class "Object"');
    expect(() => toTrailers(null as never)).toThrow("received null");
  });

  test("trailers of another copy of the package are recognised", () => {
    const foreign = Object.defineProperty({ fields }, Symbol.for("@sluice/body.Trailers"), { value: true }) as Trailers;
    expect(isTrailers(foreign)).toBe(true);
    expect(toFrame(foreign)).toBe(foreign);
    expect(toTrailers(foreign)).toBe(foreign);
    expect(isTrailers({ fields } as Trailers)).toBe(false);
  });

  test("chunks of unknown kind become frames, or a TypeError that says what came", () => {
    const data = bytes("x");
    expect(toFrame(data)).toBe(data);
    expect(toFrame("é")).toEqual(new Uint8Array([0xc3, 0xa9]));
    const foreign = runInNewContext("new Uint8Array([1, 2])");
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    expect(toData(foreign)).toBe(foreign);
    expect(isData(foreign)).toBe(true);
    for (const wrong of [null, undefined, 5, {}, new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), [1]]) {
      expect(() => toFrame(wrong)).toThrow(/^body data must be a Uint8Array or a string; received /);
    }
  });
});

describe("isBody", () => {
  test("knows a body by its methods", () => {
    expect(isBody(empty())).toBe(true);
    expect(isBody(full("x"))).toBe(true);
    expect(isBody({ frame() {}, isEndStream() {}, sizeHint() {}, cancel() {} })).toBe(true);
  });

  test("refuses everything else", () => {
    const complete = { frame() {}, isEndStream() {}, sizeHint() {}, cancel() {} };
    for (const missing of ["frame", "isEndStream", "sizeHint", "cancel"]) {
      expect(isBody({ ...complete, [missing]: 1 })).toBe(false);
    }
    for (const other of [null, undefined, "text", 5, new Uint8Array(1), {}]) expect(isBody(other)).toBe(false);
  });
});

describe("BodyError", () => {
  test("carries code, cause, limit and frame", () => {
    const frame = bytes("x");
    const error = new BodyError("closed", "gone", { cause: "why", limit: 5, frame });
    expect(error).toMatchObject({ name: "BodyError", code: "closed", message: "gone", cause: "why", limit: 5, frame });
    expect(error).toBeInstanceOf(Error);
    expect("cause" in new BodyError("busy", "x")).toBe(false);
  });

  test("is known across copies of the package by its brand", () => {
    expect(BodyError.is(new BodyError("busy", "x"))).toBe(true);
    expect(BodyError.is({ [Symbol.for("@sluice/body.BodyError")]: true })).toBe(true);
    for (const other of [new Error("x"), null, undefined, "x", {}]) expect(BodyError.is(other)).toBe(false);
  });
});

describe("messages", () => {
  test("values are shortened and escaped", () => {
    expect(quote('a"b\\c\r\n\u{20ac}')).toBe('"a\\"b\\\\c\\x0d\\x0a\\u20ac"');
    expect(quote("x".repeat(64))).toBe(`"${"x".repeat(64)}"`);
    expect(quote("x".repeat(65))).toBe(`"${"x".repeat(64)}"... (65 characters)`);
  });

  test("kinds are named", () => {
    expect(describeValue("x")).toBe('the string "x"');
    expect(describeValue(5)).toBe("a number");
    expect(describeValue(undefined)).toBe("undefined");
    expect(describeValue(new Map())).toBe('an object of class "Map"');
    expect(describeValue(Object.create(null))).toBe("an object");
  });
});
