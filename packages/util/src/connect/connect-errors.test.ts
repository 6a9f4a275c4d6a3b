import { HttpError } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectCanceled, connectError, connectTimeout, quoted, throwIfCanceled } from "./connect-errors.ts";

describe("connectError", () => {
  test("keeps the code and the cause, and says what was tried", () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
    const error = connectError(cause, "connecting to 127.0.0.1 port 1");
    expect(error).toMatchObject({ kind: "connect", code: "ECONNREFUSED", cause });
    expect(error.message).toBe("connecting to 127.0.0.1 port 1 failed: connect ECONNREFUSED 127.0.0.1:1");
  });

  test("a cause without a code is CONNECT_FAILED", () => {
    expect(connectError("odd", "x")).toMatchObject({
      code: "CONNECT_FAILED",
      message: "x failed: CONNECT_FAILED",
      cause: "odd",
    });
  });

  test("an error that says it already passes through, one of another kind is wrapped", () => {
    for (const kind of ["connect", "timeout", "canceled", "user"] as const) {
      const error = new HttpError(kind, "CODE", "message");
      expect(connectError(error, "x")).toBe(error);
    }
    const cause = new HttpError("io", "ECONNRESET", "reset");
    expect(connectError(cause, "x")).toMatchObject({
      kind: "connect",
      code: "ECONNRESET",
      cause,
      message: "x failed: reset",
    });
  });
});

test("connectCanceled keeps the reason", () => {
  expect(connectCanceled("why")).toMatchObject({ kind: "canceled", code: "CANCELED", cause: "why" });
});

test("connectTimeout names the option and its value", () => {
  const error = connectTimeout("connectTimeoutMs", 5, 'connecting to "a" port 80');
  expect(error).toMatchObject({ kind: "timeout", code: "CONNECT_TIMEOUT" });
  expect(error.message).toBe('connecting to "a" port 80 took longer than connectTimeoutMs allows (5 ms)');
});

test("throwIfCanceled throws for an aborted signal alone", () => {
  throwIfCanceled(undefined);
  throwIfCanceled(new AbortController().signal);
  expect(() => throwIfCanceled(AbortSignal.abort("why"))).toThrow(
    expect.objectContaining({ code: "CANCELED", cause: "why" }),
  );
});

test("quoted shortens and escapes", () => {
  expect(quoted('a"\u0000\u00e9')).toBe('"a\\"\\u0000\\u00e9"');
  expect(quoted("a".repeat(64))).toBe(`"${"a".repeat(64)}"`);
  expect(quoted("a".repeat(65))).toBe(`"${"a".repeat(64)}"... (65 characters)`);
});
