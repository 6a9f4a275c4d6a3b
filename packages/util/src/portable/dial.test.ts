import { HttpError } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { connectTimeout, dialWithin } from "./dial.ts";

function dialing(timeoutMs = 100, signal?: AbortSignal) {
  const timer = fakeTimer();
  const calls: string[] = [];
  let resolve: (made: string) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const made = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const outcome = dialWithin(
    { timer, timeoutMs, signal },
    made,
    (late) => calls.push(`discard ${late}`),
    (error) => calls.push(`abandon ${error.code}`),
  ).catch((error: HttpError) => `${error.kind} ${error.code}`);
  return { timer, calls, resolve, reject, outcome };
}

describe("dialWithin", () => {
  test("gives the connection, and leaves no alarm", async () => {
    const { timer, calls, resolve, outcome } = dialing();
    resolve("made");
    expect([await outcome, calls, timer.pending]).toEqual(["made", [], 0]);
  });

  test("what dialing fails with is an io error that keeps its code", async () => {
    const { reject, outcome } = dialing();
    reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
    expect(await outcome).toBe("io ECONNREFUSED");
  });

  test("at the limit it is given up, and a connection that comes later is discarded", async () => {
    const { timer, calls, resolve, outcome } = dialing(100);
    timer.advance(99);
    expect(calls).toEqual([]);
    timer.advance(1);
    expect(await outcome).toBe("timeout CONNECT_TIMEOUT");
    resolve("late");
    await Promise.resolve();
    expect(calls).toEqual(["abandon CONNECT_TIMEOUT", "discard late"]);
  });

  test("a signal gives it up, before or meanwhile; 0 is no limit", async () => {
    const controller = new AbortController();
    const { timer, calls, outcome } = dialing(0, controller.signal);
    expect(timer.pending).toBe(0);
    controller.abort();
    expect(await outcome).toBe("canceled CONNECT_CANCELED");
    expect(calls).toEqual(["abandon CONNECT_CANCELED"]);
    expect(await dialing(100, AbortSignal.abort()).outcome).toBe("canceled CONNECT_CANCELED");
  });

  test("an HttpError stays what it is", async () => {
    const { reject, outcome } = dialing();
    reject(new HttpError("io", "HANDSHAKE_FAILED", "m"));
    expect(await outcome).toBe("io HANDSHAKE_FAILED");
  });
});

test("connectTimeoutMs: 10 s by default; a negative one is refused", () => {
  expect([connectTimeout(undefined), connectTimeout(0)]).toEqual([10_000, 0]);
  expect(() => connectTimeout(-1)).toThrow(new RangeError("connectTimeoutMs: must be at least 0, got -1"));
  expect(() => connectTimeout(Number.NaN)).toThrow(RangeError);
});
