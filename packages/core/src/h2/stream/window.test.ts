import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FLOW_CONTROL_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import { maxWindowBytes } from "../frame/window-update.ts";
import type { Http2Error } from "../http2-error.ts";
import { ReceiveWindow, SendWindow } from "./window.ts";

function facts(error: Http2Error | undefined): unknown[] | undefined {
  return error === undefined ? undefined : [error.streamId, error.reason, error.code, error.message];
}

describe("SendWindow", () => {
  test("[h2-203] a window of 0 lets nothing pass, and then as much as it is given", () => {
    const window = new SendWindow(1, 0);
    expect(() => window.take(1)).toThrow(RangeError);
    window.increase(10);
    window.take(10);
    window.increase(11);
    window.take(4);
    expect(window.available).toBe(7);
  });

  test("[h2-196] an empty frame passes whatever the window", () => {
    const window = new SendWindow(1, 0);
    window.take(0);
    window.adjust(-100);
    window.take(0);
    expect(window.available).toBe(-100);
  });

  test("[h2-198] an increment of 0 is an error of the stream or of the connection", () => {
    const message = "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)";
    const code = "WINDOW_UPDATE_ZERO";
    expect(facts(new SendWindow(5, 7).increase(0))).toEqual([5, PROTOCOL_ERROR, code, message]);
    expect(facts(new SendWindow(0, 7).increase(0))).toEqual([0, PROTOCOL_ERROR, code, message]);
  });

  test("[h2-199] 2^31-1 is the largest window there may be, one more is an error of stream or connection", () => {
    for (const streamId of [5, 0]) {
      const window = new SendWindow(streamId, 65_535);
      expect(window.increase(maxWindowBytes - 65_535)).toBe(undefined);
      expect(window.available).toBe(maxWindowBytes);
      expect(facts(window.increase(1))).toEqual([
        streamId,
        FLOW_CONTROL_ERROR,
        "WINDOW_OVERFLOW",
        "WINDOW_UPDATE: window must not exceed 2^31-1, got 2147483647 and 1 more (RFC 9113 6.9.1)",
      ]);
      expect(window.available).toBe(maxWindowBytes);
    }
  });

  test("[h2-200] SETTINGS that make it larger are an error of the connection", () => {
    const window = new SendWindow(5, 0);
    window.increase(maxWindowBytes - 9);
    expect(window.adjust(9)).toBe(undefined);
    expect(facts(window.adjust(1))).toEqual([
      0,
      FLOW_CONTROL_ERROR,
      "SETTINGS_WINDOW_OVERFLOW",
      "SETTINGS: window of stream 5 must not exceed 2^31-1, got 2147483647 and 1 more (RFC 9113 6.9.2)",
    ]);
    expect(window.available).toBe(maxWindowBytes);
  });

  test("[h2-202] a window made negative lets nothing pass until it is above 0", () => {
    const window = new SendWindow(5, 100);
    window.take(60);
    expect(window.adjust(-90)).toBe(undefined);
    expect(window.available).toBe(-50);
    window.increase(50);
    expect(() => window.take(1)).toThrow(RangeError);
    window.increase(1);
    window.take(1);
    expect(window.available).toBe(0);
  });

  test("[h2-212] keeps count under any sequence of updates, settings and frames", () => {
    const amount = fc.oneof(fc.nat(70_000), fc.nat(maxWindowBytes), fc.constant(maxWindowBytes));
    const step = fc.oneof(
      fc.record({ kind: fc.constant("increase" as const), amount }),
      fc.record({ kind: fc.constant("settings" as const), amount }),
      fc.record({ kind: fc.constant("take" as const), amount }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        let initial = 65_535;
        let granted = 0;
        let sent = 0;
        const window = new SendWindow(1, initial);
        for (const { kind, amount } of steps) {
          const available = initial + granted - sent;
          if (kind === "increase") {
            const error = window.increase(amount);
            expect(error === undefined).toBe(amount > 0 && available + amount <= maxWindowBytes);
            if (error === undefined) granted += amount;
          } else if (kind === "settings") {
            const error = window.adjust(amount - initial);
            expect(error === undefined).toBe(available + amount - initial <= maxWindowBytes);
            if (error === undefined) initial = amount;
          } else if (amount <= available) {
            window.take(amount);
            sent += amount;
          } else if (amount > 0) expect(() => window.take(amount)).toThrow(RangeError);
          expect(window.available).toBe(initial + granted - sent);
          expect(window.available).toBeGreaterThanOrEqual(-maxWindowBytes);
          expect(window.available).toBeLessThanOrEqual(maxWindowBytes);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("ReceiveWindow", () => {
  test("[h2-175] gives credit back when half of the window was released, all of it at once", () => {
    const window = new ReceiveWindow(0, 65_535);
    window.receive(40_000);
    expect(window.takeIncrement()).toBe(0);
    window.release(32_767);
    expect(window.takeIncrement()).toBe(0);
    window.release(1);
    expect(window.takeIncrement()).toBe(32_768);
    expect(window.takeIncrement()).toBe(0);
    expect([window.window, window.held]).toEqual([65_535 - 40_000 + 32_768, 7232]);
  });

  test("exactly half is enough", () => {
    const window = new ReceiveWindow(0, 100);
    window.receive(100);
    window.release(49);
    expect(window.takeIncrement()).toBe(0);
    window.release(1);
    expect(window.takeIncrement()).toBe(50);
  });

  test("[h2-176] a small release gives nothing back, unless it is asked for", () => {
    const window = new ReceiveWindow(1, 65_535);
    window.receive(1000);
    window.release(1000);
    expect(window.takeIncrement()).toBe(0);
    expect(window.takeAll()).toBe(1000);
    expect(window.takeAll()).toBe(0);
    expect(window.window).toBe(65_535);
  });

  test("only what is held can be released", () => {
    const window = new ReceiveWindow(1, 65_535);
    window.receive(10);
    for (const bytes of [-1, 11, Number.NaN]) expect(() => window.release(bytes)).toThrow(RangeError);
    window.release(10);
    expect(() => window.release(1)).toThrow(RangeError);
    window.release(0);
  });

  test("[h2-178] padding is charged and can be released ahead of the data", () => {
    const window = new ReceiveWindow(1, 65_535);
    window.receive(32_768 + 6);
    window.release(6);
    expect(window.takeIncrement()).toBe(0);
    window.release(32_768);
    expect(window.takeIncrement()).toBe(32_774);
  });

  test("[h2-179][h2-180] a body that is dropped repays the connection exactly what is held", () => {
    const connection = new ReceiveWindow(0, 65_535);
    const stream = new ReceiveWindow(1, 65_535);
    for (const window of [connection, stream]) {
      window.receive(40_000);
      window.release(5000);
    }
    stream.end();
    connection.release(stream.releaseAll());
    expect(stream.releaseAll()).toBe(0);
    expect([connection.held, connection.takeIncrement()]).toEqual([0, 40_000]);
    expect([stream.takeIncrement(), stream.takeAll()]).toEqual([0, 0]);
  });

  test("[h2-181][h2-182][h2-183] a frame that nobody reads is paid for and repaid with its padding", () => {
    const window = new ReceiveWindow(0, 65_535);
    for (const bytes of [16_384, 10]) {
      expect(window.discard(bytes)).toBe(undefined);
      expect([window.held, window.takeAll()]).toEqual([0, bytes]);
    }
    window.receive(65_530);
    expect(window.discard(6)?.code).toBe("WINDOW_EXCEEDED");
    expect([window.window, window.held]).toEqual([5, 65_530]);
  });

  test("[h2-185][h2-186] a frame may use the window up but not exceed it", () => {
    for (const [streamId, whose] of [
      [0, "the connection"],
      [5, "stream 5"],
    ] as const) {
      const window = new ReceiveWindow(streamId, 100);
      expect(window.receive(90)).toBe(undefined);
      expect(facts(window.receive(11))).toEqual([
        streamId,
        FLOW_CONTROL_ERROR,
        "WINDOW_EXCEEDED",
        `DATA: window of ${whose} allows for 10 octets, got 11 (RFC 9113 6.9.1)`,
      ]);
      expect(window.receive(10)).toBe(undefined);
      expect(window.receive(0)).toBe(undefined);
      expect(window.receive(1)?.reason).toBe(FLOW_CONTROL_ERROR);
    }
  });

  test("[h2-187] a target raised several times makes one update", () => {
    const window = new ReceiveWindow(0, 65_535);
    window.retarget(100_000);
    window.retarget(200_000);
    window.retarget(1_048_576);
    expect(window.takeIncrement()).toBe(983_041);
    expect(window.takeIncrement()).toBe(0);
  });

  test("[h2-191] a target raised by little is announced when that is asked for", () => {
    const window = new ReceiveWindow(0, 65_535);
    window.retarget(70_000);
    expect(window.takeIncrement()).toBe(0);
    expect(window.takeAll()).toBe(4465);
  });

  test("[h2-188] a target that was lowered gives nothing back until it is reached", () => {
    const window = new ReceiveWindow(0, 65_535);
    window.retarget(16_384);
    expect(window.unannounced).toBe(-49_151);
    window.receive(50_000);
    window.release(50_000);
    expect(window.takeIncrement()).toBe(0);
    window.receive(8000);
    window.release(8000);
    expect(window.takeIncrement()).toBe(8849);
    expect(window.window).toBe(16_384);
  });

  test("[h2-189] acknowledged SETTINGS may make it negative, and it recovers by releases", () => {
    const window = new ReceiveWindow(5, 200);
    window.receive(150);
    window.adjust(-150);
    expect([window.target, window.window]).toEqual([50, -100]);
    expect(window.takeIncrement()).toBe(0);
    expect(window.receive(0)).toBe(undefined);
    expect(window.receive(1)?.message).toBe("DATA: window of stream 5 allows for 0 octets, got 1 (RFC 9113 6.9.1)");
    window.release(150);
    expect(window.takeIncrement()).toBe(150);
    expect(window.window).toBe(50);
  });

  test("[h2-193] what is dropped without being looked at keeps the window open for ever", () => {
    const window = new ReceiveWindow(0, 65_535);
    for (let i = 0; i < 10_000; i++) {
      expect(window.discard(16_384)).toBe(undefined);
      window.takeIncrement();
    }
    expect(window.window + window.unannounced).toBe(65_535);
  });

  test("targets are windows", () => {
    const window = new ReceiveWindow(0, 65_535);
    window.retarget(maxWindowBytes);
    expect(() => window.retarget(maxWindowBytes + 1)).toThrow(RangeError);
    expect(() => window.retarget(-1)).toThrow(RangeError);
    expect(() => window.adjust(1)).toThrow(RangeError);
  });

  test("credit is conserved under any sequence, and a peer that keeps to its window is never refused", () => {
    const amount = fc.oneof(fc.nat(100), fc.nat(70_000));
    const kind = fc.constantFrom("receive", "release", "discard", "retarget", "settings", "increment", "all", "drop");
    fc.assert(
      fc.property(fc.array(fc.record({ kind, amount }), { maxLength: 40 }), (steps) => {
        const window = new ReceiveWindow(1, 65_535);
        // What the peer reckons with, what was received and not read, and what there should be in the end.
        let credit = 65_535;
        let unread = 0;
        let target = 65_535;
        for (const { kind, amount } of steps) {
          if (kind === "receive" || kind === "discard") {
            const error = kind === "receive" ? window.receive(amount) : window.discard(amount);
            expect(error === undefined).toBe(amount === 0 || amount <= credit);
            if (error === undefined) {
              credit -= amount;
              if (kind === "receive") unread += amount;
            }
          } else if (kind === "release") {
            const bytes = Math.min(amount, unread);
            window.release(bytes);
            unread -= bytes;
          } else if (kind === "drop") {
            expect(window.releaseAll()).toBe(unread);
            unread = 0;
          } else if (kind === "retarget") {
            window.retarget(amount);
            target = amount;
          } else if (kind === "settings") {
            window.adjust(amount - target);
            credit += amount - target;
            target = amount;
          } else {
            const owed = target - credit - unread;
            const increment = kind === "all" ? window.takeAll() : window.takeIncrement();
            expect(increment).toBe(owed > 0 && (kind === "all" || owed * 2 >= target) ? owed : 0);
            credit += increment;
          }
          expect([window.window, window.held, window.target]).toEqual([credit, unread, target]);
          expect(window.window + window.held + window.unannounced).toBe(target);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
