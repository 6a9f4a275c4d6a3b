/** How a connection ends while its version is being found out: time limits, shutdowns, ends and failures of the transport. */
import type { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  expectEnded,
  expectOpen,
  expectReset,
  get,
  getH2,
  lastOkText,
  outcomeOf,
  preface,
  serveAuto,
  settle,
} from "./support.ts";

const parts = ["P", "PRI", preface.slice(0, 23)];

describe("sniffTimeoutMs", () => {
  test("nothing in 10 s: the connection ends, and the error names the option", async () => {
    const under = serveAuto();
    under.timer.advance(9_999);
    expectOpen(under);
    under.timer.advance(1);
    await expectEnded(under, "", "timeout sniffTimeoutMs");
    expect(under.outcome.error?.message).toBe("nothing was received within sniffTimeoutMs = 10000 ms");
  });

  test.each(parts)("%j and no more: the same, however late it came", async (part) => {
    const under = serveAuto({ sniffTimeoutMs: 50 });
    under.timer.advance(49);
    under.io.push(part);
    expectOpen(under);
    under.timer.advance(1);
    await expectEnded(under, "", "timeout sniffTimeoutMs");
    expect(under.outcome.error?.message).toContain("no more than a part of the HTTP/2 preface came");
  });

  test("once the version is known it counts no more", async () => {
    const under = serveAuto({ sniffTimeoutMs: 50 });
    under.io.push("G");
    under.timer.advance(29_999);
    expectOpen(under);
    // From there on it is headTimeoutMs of HTTP/1.
    under.timer.advance(1);
    await settle();
    expect(under.outcome.error?.code ?? under.io.takeWritten().slice(0, 12)).toBe("HTTP/1.1 408");
  });

  test("0 is for ever, and so is having no clock", () => {
    for (const options of [{ sniffTimeoutMs: 0 }, { sniffTimeoutMs: Number.POSITIVE_INFINITY }, { timer: null }]) {
      const under = serveAuto(options);
      expect(under.timer.pending).toBe(0);
      under.io.push("PR");
      expectOpen(under);
      under.io.push("I / HTTP/1.1\r\nhost: a\r\n\r\n");
      expect(under.io.takeWritten()).not.toBe("");
    }
  });

  test("a client that does not end its stream is waited for 2 s", async () => {
    const under = serveAuto();
    under.timer.advance(10_000);
    under.timer.advance(1_999);
    expect([under.io.isShutdown, under.io.isAborted]).toEqual([true, false]);
    under.timer.advance(1);
    await expectEnded(under, "", "timeout sniffTimeoutMs");
  });

  test("a request that comes when the end was sent is not served", async () => {
    const under = serveAuto();
    under.timer.advance(10_000);
    under.io.push(get);
    await expectEnded(under, "", "timeout sniffTimeoutMs");
    expect(under.requests).toHaveLength(0);
  });
});

describe("gracefulShutdown", () => {
  test("[hyper-239] while nothing was received: the connection ends at once, and since nobody lost anything, without an error", async () => {
    const under = serveAuto();
    under.connection.gracefulShutdown();
    expect(under.io.isShutdown).toBe(true);
    await expectEnded(under, "", "clean");
  });

  test.each(parts)(
    "[hyper-239] with %j received and no more until the deadline: it ends with the code INTERRUPTED",
    async (part) => {
      const under = serveAuto();
      under.io.push(part);
      under.connection.gracefulShutdown(500);
      under.timer.advance(499);
      expectOpen(under);
      under.timer.advance(1);
      await expectReset(under, "canceled INTERRUPTED");
    },
  );

  test("with a part of a request received: it is served, and its answer says close", async () => {
    const under = serveAuto();
    under.io.push("P");
    under.connection.gracefulShutdown();
    expectOpen(under);
    under.io.push("UT / HTTP/1.1\r\nhost: a\r\n\r\n");
    await expectEnded(under, lastOkText, "clean");
    expect(under.requests).toHaveLength(1);
  });

  test("with a part of the preface received: the request behind it is served, and GOAWAY says that it was the last", async () => {
    const under = serveAuto();
    under.io.push(preface.slice(0, 10));
    under.connection.gracefulShutdown();
    expectOpen(under);
    under.io.push(getH2.slice(10));
    expect(under.requests).toHaveLength(1);
    const written = under.io.takeWritten();
    // GOAWAY with the highest stream there can be, and the PING whose answer shows that the client has seen it.
    const goAway = "\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0";
    const ping = "\0\0\x08\x06\0\0\0\0\0";
    expect(written).toContain(goAway + ping);
    const payload = written.slice(written.indexOf(ping) + 9).slice(0, 8);
    under.io.push(`\0\0\x08\x06\x01\0\0\0\0${payload}`);
    await expectEnded(under, "\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0", "clean");
  });

  test("what is left of the deadline counts for the version that was found", async () => {
    const under = serveAuto({}, {}, () => new Promise<HttpResponse>(() => {}));
    under.io.push("P");
    under.connection.gracefulShutdown(500);
    under.timer.advance(300);
    under.io.push("UT / HTTP/1.1\r\nhost: a\r\n\r\n");
    under.timer.advance(199);
    expectOpen(under);
    under.timer.advance(1);
    await expectReset(under, "canceled SHUTDOWN");
  });

  test("without a deadline of its own shutdownTimeoutMs counts, and sniffTimeoutMs all the while", async () => {
    const short = serveAuto({ shutdownTimeoutMs: 200 });
    short.io.push("P");
    short.connection.gracefulShutdown();
    short.timer.advance(200);
    await expectReset(short, "canceled INTERRUPTED");

    const long = serveAuto();
    long.io.push("P");
    long.connection.gracefulShutdown();
    long.timer.advance(10_000);
    await expectEnded(long, "", "timeout sniffTimeoutMs");
  });

  test("a later deadline replaces the one before; a later call without one does not", async () => {
    const under = serveAuto();
    under.io.push("P");
    under.connection.gracefulShutdown(500);
    under.connection.gracefulShutdown(100);
    under.connection.gracefulShutdown();
    under.timer.advance(99);
    expectOpen(under);
    under.timer.advance(1);
    await expectReset(under, "canceled INTERRUPTED");
  });

  describe("with idleGraceMs", () => {
    test("a request that comes in time is served, and its answer says close", async () => {
      const under = serveAuto();
      under.connection.gracefulShutdown(undefined, 500);
      under.timer.advance(499);
      expectOpen(under);
      under.io.push(get);
      await expectEnded(under, lastOkText, "clean");
    });

    test("what is left of the time counts for HTTP/1", async () => {
      const under = serveAuto();
      under.connection.gracefulShutdown(undefined, 500);
      under.timer.advance(300);
      under.io.push("G");
      under.timer.advance(300);
      expectOpen(under);
      under.io.push(get.slice(1));
      await expectEnded(under, lastOkText, "clean");
    });

    test("nothing in time: it ends in order", async () => {
      const under = serveAuto();
      under.connection.gracefulShutdown(undefined, 500);
      under.timer.advance(499);
      expectOpen(under);
      under.timer.advance(1);
      await expectEnded(under, "", "clean");
    });

    test("a part in time: sniffTimeoutMs counts, not the grace", async () => {
      const under = serveAuto();
      under.connection.gracefulShutdown(undefined, 500);
      under.io.push("PR");
      under.timer.advance(9_999);
      expectOpen(under);
      under.timer.advance(1);
      await expectEnded(under, "", "timeout sniffTimeoutMs");
    });

    test("without a clock there is no such time", async () => {
      const under = serveAuto({ timer: null });
      under.connection.gracefulShutdown(undefined, 500);
      await expectEnded(under, "", "clean");
    });

    for (const [deadlineMs, graceMs] of [
      [-1, 0],
      [Number.NaN, 0],
      [10, -1],
      [10, Number.POSITIVE_INFINITY],
    ] as const) {
      test(`gracefulShutdown(${deadlineMs}, ${graceMs}) is refused, and nothing happens`, () => {
        const under = serveAuto();
        expect(() => under.connection.gracefulShutdown(deadlineMs, graceMs)).toThrow(RangeError);
        expectOpen(under);
      });
    }
  });

  test("is for nothing once it is over", async () => {
    const under = serveAuto();
    under.connection.gracefulShutdown();
    await expectEnded(under, "", "clean");
    under.connection.gracefulShutdown();
    under.connection.abort();
    await settle();
    expect([under.outcome.is, under.timer.pending]).toEqual(["clean", 0]);
  });
});

describe("the transport", () => {
  test("ends before the first octet: the connection ends without an error", async () => {
    const under = serveAuto();
    under.io.push(null);
    await expectEnded(under, "", "clean");
  });

  test.each([
    ["P", "incomplete INCOMPLETE_MESSAGE"],
    ["PRI * HTTP/2.0", "incomplete INCOMPLETE_MESSAGE"],
    [preface.slice(0, 23), "parse VERSION_H2"],
  ])("ends behind %j: the error of HTTP/1, %s", async (part, outcome) => {
    const under = serveAuto();
    under.io.push(part, null);
    await expectEnded(under, "", outcome);
  });

  test("ends within the preface, where nothing but HTTP/2 is served: the error of HTTP/2", async () => {
    const under = serveAuto({ protocol: "http2" });
    under.io.push("PRI", null);
    await settle();
    expect([under.outcome.is, under.io.isAborted, under.timer.pending]).toEqual([
      "incomplete CONNECTION_LOST",
      true,
      0,
    ]);
  });

  test.each(["", "P", "PRI"])("fails behind %j: its error", async (part) => {
    const under = serveAuto();
    if (part !== "") under.io.push(part);
    under.io.fail(Object.assign(new Error("broken"), { code: "ECONNRESET" }));
    await settle();
    expect([under.outcome.is, under.io.isAborted, under.timer.pending]).toEqual(["io ECONNRESET", true, 0]);
  });

  test("fails while its end is waited for: the connection is over all the same, as it would have been", async () => {
    const under = serveAuto();
    under.connection.gracefulShutdown();
    under.io.fail(new Error("broken"));
    await settle();
    expect([under.outcome.is, under.io.isAborted, under.timer.pending]).toEqual(["clean", true, 0]);
  });

  test("cannot be ended: it is released", async () => {
    const under = serveAuto({}, { shutdownError: new Error("no end") });
    under.connection.gracefulShutdown();
    await settle();
    expect([under.outcome.is, under.io.isAborted, under.timer.pending]).toEqual(["clean", true, 0]);
  });
});

describe("abort", () => {
  test.each(["", ...parts])("with %j received: the transport is reset, and the reason is kept", async (part) => {
    const under = serveAuto();
    if (part !== "") under.io.push(part);
    const reason = new Error("enough");
    under.connection.abort(reason);
    await expectReset(under, "canceled ABORTED");
    expect(under.outcome.error?.cause).toBe(reason);
    expect(under.io.abortReason).toBe(under.outcome.error);
  });

  test("when the version is known: as of that version", async () => {
    const under = serveAuto();
    under.io.push(get);
    under.io.takeWritten();
    under.connection.abort("why");
    await expectReset(under, "canceled ABORTED");
  });

  test("disposing of it shuts it down", async () => {
    const under = serveAuto();
    const disposed = under.connection[Symbol.asyncDispose]();
    await expectEnded(under, "", "clean");
    await disposed;
  });
});

describe("closed and the observer", () => {
  test("closed may be asked for early, late or never", async () => {
    const before = serveAuto();
    const late = () => outcomeOf(before.connection);
    before.io.push(get);
    before.io.push(null);
    await settle();
    const after = late();
    await settle();
    expect([before.outcome.is, after.is]).toEqual(["clean", "clean"]);

    const never = serveAuto({ sniffTimeoutMs: 5 });
    never.timer.advance(5);
    never.io.push(null);
    await settle();
    const asked = outcomeOf(never.connection);
    await settle();
    expect(asked.is).toBe("timeout sniffTimeoutMs");
  });

  test("the observer is told once how a connection without a version ended; what it throws is dropped", async () => {
    const told: unknown[] = [];
    const observer = {
      connectionClosed(error?: Error) {
        told.push(error?.message);
        throw new Error("not our concern");
      },
    };
    const idle = serveAuto({ observer });
    idle.connection.gracefulShutdown();
    await expectEnded(idle, "", "clean");
    const slow = serveAuto({ observer, sniffTimeoutMs: 5 });
    slow.timer.advance(5);
    await expectEnded(slow, "", "timeout sniffTimeoutMs");
    const gone = serveAuto({ observer });
    gone.io.push(null);
    await expectEnded(gone, "", "clean");
    expect(told).toEqual([undefined, "nothing was received within sniffTimeoutMs = 5 ms", undefined]);
  });
});
