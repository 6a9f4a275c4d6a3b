import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { TlsSessionCache } from "./tls-sessions.ts";

function session(name: string): { readonly session: Buffer; readonly certificate: undefined } {
  return { session: Buffer.from(name), certificate: undefined };
}

function take(cache: TlsSessionCache, key: string): string | undefined {
  return cache.take(key)?.session.toString();
}

describe("TlsSessionCache", () => {
  test("a session that may be used once is given once, the newest first", () => {
    const cache = new TlsSessionCache();
    cache.put("a", session("1"), true);
    cache.put("a", session("2"), true);
    expect(cache.size).toBe(2);
    expect([take(cache, "a"), take(cache, "a"), take(cache, "a")]).toEqual(["2", "1", undefined]);
    expect(cache.size).toBe(0);
  });

  test("one that may be used again is given again, until another takes its place", () => {
    const cache = new TlsSessionCache();
    cache.put("a", session("1"), false);
    expect([take(cache, "a"), take(cache, "a")]).toEqual(["1", "1"]);
    cache.put("a", session("2"), false);
    expect(cache.size).toBe(1);
    expect(take(cache, "a")).toBe("2");
  });

  test("keys do not mix, and one can be dropped", () => {
    const cache = new TlsSessionCache();
    cache.put("a", session("1"), true);
    cache.put("b", session("2"), true);
    cache.drop("a");
    cache.drop("none");
    expect([cache.size, take(cache, "a"), take(cache, "b")]).toEqual([1, undefined, "2"]);
    cache.put("b", session("3"), false);
    cache.clear();
    expect([cache.size, take(cache, "b")]).toEqual([0, undefined]);
  });

  test("maxSessionsPerServer: at the limit all are kept, one past it the oldest goes", () => {
    const cache = new TlsSessionCache({ maxSessionsPerServer: 2 });
    for (const name of ["1", "2"]) cache.put("a", session(name), true);
    expect(cache.size).toBe(2);
    cache.put("a", session("3"), true);
    expect(cache.size).toBe(2);
    expect([take(cache, "a"), take(cache, "a"), take(cache, "a")]).toEqual(["3", "2", undefined]);
  });

  test("maxSessions: at the limit all are kept, one past it the server not asked for longest loses its oldest", () => {
    const cache = new TlsSessionCache({ maxSessions: 4 });
    cache.put("a", session("a1"), false);
    cache.put("b", session("b1"), true);
    cache.put("b", session("b2"), true);
    cache.put("c", session("c1"), true);
    expect(cache.size).toBe(4);
    expect(take(cache, "a")).toBe("a1");
    cache.put("d", session("d1"), true);
    expect(cache.size).toBe(4);
    expect([take(cache, "b"), take(cache, "b")]).toEqual(["b2", undefined]);
    expect([take(cache, "a"), take(cache, "c"), take(cache, "d")]).toEqual(["a1", "c1", "d1"]);
  });

  test("limits are 256 and 8 unless told otherwise", () => {
    const cache = new TlsSessionCache();
    for (let i = 0; i < 9; i++) cache.put("a", session(`${i}`), true);
    expect(cache.size).toBe(8);
    for (let i = 0; i < 300; i++) cache.put(`b${i}`, session("x"), true);
    expect(cache.size).toBe(256);
  });

  test("senseless options are refused", () => {
    expect(() => new TlsSessionCache({ maxSessions: 0 })).toThrow(RangeError);
    expect(() => new TlsSessionCache({ maxSessionsPerServer: 1.5 })).toThrow(RangeError);
    expect(() => new TlsSessionCache({ max: 1 } as object)).toThrow(TypeError);
  });
});
