import { describe, expect, test } from "vitest";
import { HttpError, type HttpErrorKind, quote } from "./error.ts";

describe("quote", () => {
  test("printable ASCII stands as it is, between quotes", () => {
    expect(quote("")).toBe('""');
    expect(quote(" GET /~ ")).toBe('" GET /~ "');
  });

  test("control bytes, obs-text, quotes and backslashes are escaped", () => {
    expect(quote("a\r\n\t\0\x1f\x7f")).toBe('"a\\x0d\\x0a\\x09\\x00\\x1f\\x7f"');
    expect(quote("\x80\xff")).toBe('"\\x80\\xff"');
    expect(quote('say "hi" \\')).toBe('"say \\"hi\\" \\\\"');
    expect(quote("\u0100\u2028")).toBe('"\\u0100\\u2028"');
  });

  test("64 characters are shown whole, the 65th shortens to 64 and says how many there were", () => {
    expect(quote("x".repeat(64))).toBe(`"${"x".repeat(64)}"`);
    expect(quote(`${"x".repeat(64)}y`)).toBe(`"${"x".repeat(64)}"... (65 characters)`);
  });

  test("a huge value gives a short message", () => {
    expect(quote("\n".repeat(1_000_000)).length).toBeLessThan(300);
  });
});

describe("HttpError", () => {
  test("carries kind, code, message, cause, reason and status", () => {
    const cause = new Error("below");
    const error = new HttpError("limit", "CODE", "what happened", { cause, reason: 8, status: 431 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "HttpError", kind: "limit", code: "CODE", reason: 8, status: 431 });
    expect(error.message).toBe("what happened");
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe("HttpError: what happened");
  });

  test("without options there is no reason, no status and no cause property at all", () => {
    const error = new HttpError("io", "CODE", "m");
    expect([error.reason, error.status]).toEqual([undefined, undefined]);
    expect("cause" in error).toBe(false);
    expect("cause" in new HttpError("io", "CODE", "m", { status: 400 })).toBe(false);
    expect("cause" in new HttpError("io", "CODE", "m", { cause: undefined })).toBe(true);
  });

  const predicates = {
    parse: "isParse",
    user: "isUser",
    canceled: "isCanceled",
    connect: "isConnect",
    closed: "isClosed",
    incomplete: "isIncomplete",
    timeout: "isTimeout",
    limit: "isLimit",
  } as const satisfies Partial<Record<HttpErrorKind, keyof HttpError>>;
  const kinds: readonly HttpErrorKind[] = [...(Object.keys(predicates) as HttpErrorKind[]), "protocol", "io"];

  test.each(kinds)("kind %s answers to its own predicate and to no other", (kind) => {
    const error = new HttpError(kind, "CODE", "m");
    for (const [of, predicate] of Object.entries(predicates)) expect(error[predicate]).toBe(of === kind);
  });

  test("is: tells an HttpError from anything else", () => {
    expect(HttpError.is(new HttpError("io", "C", "m"))).toBe(true);
    for (const other of [undefined, null, "HttpError", 1, {}, new Error("m"), { kind: "io", code: "C" }]) {
      expect(HttpError.is(other)).toBe(false);
    }
  });

  test("is: knows one made by another copy of the package", () => {
    const other = Object.assign(new Error("m"), {
      kind: "io",
      code: "C",
      [Symbol.for("@sluice/core.HttpError")]: true,
    });
    expect(HttpError.is(other)).toBe(true);
  });

  test("the brand is not enumerable: it does not show in dumps or copies", () => {
    const error = new HttpError("io", "C", "m");
    expect(Object.getOwnPropertySymbols({ ...error })).toEqual([]);
  });

  test("find: the error itself, or the first in its chain of causes", () => {
    const inner = new HttpError("timeout", "INNER", "m");
    const outer = new HttpError("user", "OUTER", "m", { cause: inner });
    expect(HttpError.find(inner)).toBe(inner);
    expect(HttpError.find(outer)).toBe(outer);
    expect(HttpError.find(new Error("m", { cause: new Error("m", { cause: inner }) }))).toBe(inner);
    expect(HttpError.find({ cause: inner })).toBe(inner);
  });

  test("find: undefined where there is none, and for a chain that goes round in circles", () => {
    for (const nothing of [undefined, null, 1, "x", new Error("m"), { cause: undefined }]) {
      expect(HttpError.find(nothing)).toBeUndefined();
    }
    const circle = new Error("m");
    circle.cause = circle;
    expect(HttpError.find(circle)).toBeUndefined();
  });
});
