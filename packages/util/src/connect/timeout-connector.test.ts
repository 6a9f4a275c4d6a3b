import { HttpError } from "@sluice/core";
import { fakeTimer, memoryPair } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { Connected, type Connector, type ConnectTarget } from "./connector.ts";
import { timeoutConnector } from "./timeout-connector.ts";

const target: ConnectTarget = { scheme: "http", host: "example.com", port: 80 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connector that settles when it is told to. */
function manual(): {
  connector: Connector;
  signals: (AbortSignal | undefined)[];
  resolve(connected: Connected): void;
  reject(error: unknown): void;
} {
  const signals: (AbortSignal | undefined)[] = [];
  const { promise, resolve, reject } = withResolvers<Connected>();
  const connector: Connector = (_target, signal) => {
    signals.push(signal);
    return promise;
  };
  return { connector, signals, resolve, reject };
}

function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let settle: { resolve(value: T): void; reject(error: unknown): void } | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  if (settle === undefined) throw new Error("a promise runs its executor at once");
  return { promise, ...settle };
}

describe("timeoutConnector", () => {
  test("one millisecond before the limit nothing happens, at the limit it rejects and the inner one is aborted", async () => {
    const timer = fakeTimer();
    const { connector, signals } = manual();
    let error: unknown;
    timeoutConnector(connector, 100, { timer })(target).catch((reason: unknown) => (error = reason));
    timer.advance(99);
    await turn();
    expect([error, signals[0]?.aborted]).toEqual([undefined, false]);
    timer.advance(1);
    await turn();
    expect(error).toMatchObject({
      kind: "timeout",
      code: "CONNECT_TIMEOUT",
      message: 'connecting to "example.com" port 80 took longer than connectTimeoutMs allows (100 ms)',
    });
    expect(signals[0]?.reason).toBe(error);
    expect(timer.pending).toBe(0);
  });

  test("a connection in time is passed on, a failure too; no alarm is left", async () => {
    const timer = fakeTimer();
    const connected = new Connected(memoryPair()[0]);
    expect(await timeoutConnector(async () => connected, 100, { timer })(target)).toBe(connected);
    const failure = new HttpError("connect", "ECONNREFUSED", "no");
    const failing = timeoutConnector(
      () => {
        throw failure;
      },
      100,
      { timer },
    );
    await expect(failing(target)).rejects.toBe(failure);
    expect(timer.pending).toBe(0);
  });

  test("a connection that comes too late is closed", async () => {
    const timer = fakeTimer();
    const { connector, resolve } = manual();
    const connecting = timeoutConnector(connector, 100, { timer })(target);
    timer.advance(100);
    await expect(connecting).rejects.toMatchObject({ code: "CONNECT_TIMEOUT" });
    const [mine, theirs] = memoryPair();
    resolve(new Connected(mine));
    const end = await new Promise((done) => theirs.read((chunk, error) => done(error ?? chunk)));
    expect(end).toMatchObject({ kind: "io" });
  });

  test("a failure that comes too late is nobody's", async () => {
    const timer = fakeTimer();
    const { connector, reject } = manual();
    const connecting = timeoutConnector(connector, 100, { timer })(target);
    timer.advance(100);
    await expect(connecting).rejects.toMatchObject({ code: "CONNECT_TIMEOUT" });
    reject(new Error("late"));
    await turn();
  });

  test("the signal cancels at once and aborts the inner one with its reason; no alarm is left", async () => {
    const timer = fakeTimer();
    const { connector, signals } = manual();
    const controller = new AbortController();
    const connecting = timeoutConnector(connector, 100, { timer })(target, controller.signal);
    controller.abort("why");
    await expect(connecting).rejects.toMatchObject({ kind: "canceled", code: "CANCELED", cause: "why" });
    expect(signals[0]?.reason).toBe("why");
    expect(timer.pending).toBe(0);
  });

  test("a signal that has aborted before: the inner one is not asked", async () => {
    const { connector, signals } = manual();
    const connecting = timeoutConnector(connector, 100, { timer: fakeTimer() })(target, AbortSignal.abort("why"));
    await expect(connecting).rejects.toMatchObject({ code: "CANCELED", cause: "why" });
    expect(signals).toEqual([]);
  });

  test("0 and Infinity are no limit", () => {
    const { connector } = manual();
    expect(timeoutConnector(connector, 0)).toBe(connector);
    expect(timeoutConnector(connector, Infinity)).toBe(connector);
  });

  test("senseless values throw", () => {
    const { connector } = manual();
    expect(() => timeoutConnector(connector, -1)).toThrow(
      new RangeError("timeoutConnector: connectTimeoutMs must be a number of milliseconds from 0 to Infinity, got -1"),
    );
    expect(() => timeoutConnector({} as Connector, 1)).toThrow(TypeError);
    expect(() => timeoutConnector(connector, 1, { time: 1 } as object)).toThrow(
      new TypeError("timeoutConnector: unknown option time"),
    );
  });
});
