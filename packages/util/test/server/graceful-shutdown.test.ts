/** Shutting down many connections at once: order, deadline, grace, and what is told about it. */
import { type Connection, HttpError, type HttpResponse, serviceFn, type UpgradedParts } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { type FakeTimer, fakeTimer, scriptedIo } from "@sluice/util/memory";
import { auto, GracefulShutdown } from "@sluice/util/server";
import { describe, expect, test } from "vitest";
import { get, getH2, lastOkText, ok, okText, outcomeOf, plain, resultOf, settle } from "./support.ts";

/** A connection of nobody's making, that writes down what it is told and ends when it is told to. */
class FakeConnection implements Connection {
  readonly told: string[] = [];
  readonly closed: Promise<void>;
  end: () => void = () => {};
  fail: (error: unknown) => void = () => {};
  abortReason: unknown;

  constructor() {
    this.closed = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  gracefulShutdown(deadlineMs?: number, idleGraceMs?: number): void {
    this.told.push(`shutdown ${deadlineMs} ${idleGraceMs}`);
  }

  abort(reason?: unknown): void {
    this.told.push("abort");
    this.abortReason = reason;
  }

  intoParts(): UpgradedParts {
    throw new Error("not here");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Under {
  readonly timer: FakeTimer;
  readonly graceful: GracefulShutdown;
}

function start(): Under {
  const timer = fakeTimer();
  return { timer, graceful: new GracefulShutdown({ timer }) };
}

function watched({ graceful }: Under, count: number): FakeConnection[] {
  return Array.from({ length: count }, () => graceful.watch(new FakeConnection()));
}

const signaled = "shutdown Infinity 1000";

describe("GracefulShutdown", () => {
  test("[hyper-240] completes when all that are watched have ended, and not before", async () => {
    const under = start();
    const connections = watched(under, 3);
    expect(under.graceful.count).toBe(3);
    expect(connections.map(({ told }) => told)).toEqual([[], [], []]);
    const done = under.graceful.shutdown();
    expect(connections.map(({ told }) => told)).toEqual([[signaled], [signaled], [signaled]]);
    for (const connection of connections) {
      expect(await resultOf(done)).toBeUndefined();
      connection.end();
    }
    expect(await resultOf(done)).toEqual({ clean: 3, failed: 0, aborted: 0 });
    expect([under.graceful.count, under.timer.pending]).toEqual([0, 0]);
  });

  test("[hyper-240] waits for those that take their time", async () => {
    const under = start();
    const [first, slow] = watched(under, 2);
    const done = under.graceful.shutdown();
    first?.end();
    under.timer.advance(29_999);
    expect(await resultOf(done)).toBeUndefined();
    expect(slow?.told).toEqual([signaled]);
    slow?.end();
    expect(await resultOf(done)).toEqual({ clean: 2, failed: 0, aborted: 0 });
  });

  test("[hyper-240] any number can be watched, and one is watched once however often", async () => {
    const under = start();
    const connections = watched(under, 1_000);
    for (const connection of connections) expect(under.graceful.watch(connection)).toBe(connection);
    expect(under.graceful.count).toBe(1_000);
    const done = under.graceful.shutdown();
    expect(connections.every(({ told }) => told.length === 1)).toBe(true);
    for (const connection of connections) connection.end();
    expect(await resultOf(done)).toEqual({ clean: 1_000, failed: 0, aborted: 0 });
  });

  test("[hyper-240] a time limit around it wins where there is no deadline", async () => {
    const under = start();
    const [stuck] = watched(under, 1);
    const done = under.graceful.shutdown({ deadlineMs: Number.POSITIVE_INFINITY });
    const limit = new Promise<string>((resolve) => under.timer.schedule(60_000, () => resolve("limit")));
    const winner = Promise.race([done, limit]);
    under.timer.advance(60_000);
    expect(await winner).toBe("limit");
    expect(stuck?.told).toEqual([signaled]);
  });

  test("[hyper-240] at the deadline what is open is aborted, and not waited for", async () => {
    const under = start();
    const [quick, broken, stuck] = watched(under, 3);
    const done = under.graceful.shutdown({ deadlineMs: 100 });
    quick?.end();
    broken?.fail(new Error("reset"));
    under.timer.advance(99);
    expect(await resultOf(done)).toBeUndefined();
    under.timer.advance(1);
    expect(await resultOf(done)).toEqual({ clean: 1, failed: 1, aborted: 1 });
    expect([quick?.told, broken?.told, stuck?.told]).toEqual([[signaled], [signaled], [signaled, "abort"]]);
    expect(HttpError.is(stuck?.abortReason) && stuck.abortReason.code).toBe("SHUTDOWN");
    expect([under.graceful.count, under.timer.pending]).toEqual([0, 0]);
    stuck?.fail(new Error("late"));
    await settle();
    expect(under.graceful.outcome).toEqual({ clean: 1, failed: 1, aborted: 1 });
  });

  test("without anything to watch it is over at once", async () => {
    const under = start();
    expect(await resultOf(under.graceful.shutdown())).toEqual({ clean: 0, failed: 0, aborted: 0 });
    expect(under.timer.pending).toBe(0);
  });

  test("what has ended is forgotten, and is no part of what a later shutdown tells", async () => {
    const under = start();
    const [first, second, third] = watched(under, 3);
    first?.end();
    second?.fail(new Error("reset"));
    await settle();
    expect(under.graceful.count).toBe(1);
    const done = under.graceful.shutdown();
    third?.end();
    expect(await resultOf(done)).toEqual({ clean: 1, failed: 0, aborted: 0 });
    expect(first?.told).toEqual([]);
  });

  test("what is watched once the shutdown has begun is shut down at once, and waited for", async () => {
    const under = start();
    const [early] = watched(under, 1);
    const done = under.graceful.shutdown();
    under.timer.advance(400);
    const [late] = watched(under, 1);
    expect(late?.told).toEqual(["shutdown Infinity 600"]);
    early?.end();
    expect(await resultOf(done)).toBeUndefined();
    late?.end();
    expect(await resultOf(done)).toEqual({ clean: 2, failed: 0, aborted: 0 });
  });

  test("what is watched when it is over gets what is left of the deadline, and after the deadline is aborted", async () => {
    const under = start();
    await under.graceful.shutdown({ deadlineMs: 5_000 });
    under.timer.advance(2_000);
    expect(watched(under, 1)[0]?.told).toEqual(["shutdown 3000 0"]);

    const expired = start();
    watched(expired, 1);
    void expired.graceful.shutdown({ deadlineMs: 10 });
    expired.timer.advance(10);
    expect(watched(expired, 1)[0]?.told).toEqual(["abort"]);
    expect(expired.graceful.count).toBe(0);
  });

  test("several calls share the outcome; a later one changes what it names", async () => {
    const under = start();
    const [stuck] = watched(under, 1);
    const done = under.graceful.shutdown({ graceMs: 300 });
    expect(under.graceful.shutdown()).toBe(done);
    expect(stuck?.told).toEqual(["shutdown Infinity 300"]);
    expect(under.graceful.shutdown({ deadlineMs: 50 })).toBe(done);
    expect(stuck?.told).toEqual(["shutdown Infinity 300"]);
    expect(under.graceful.shutdown({ graceMs: 0 })).toBe(done);
    expect(stuck?.told).toEqual(["shutdown Infinity 300", "shutdown Infinity 0"]);
    under.timer.advance(50);
    expect(await resultOf(done)).toEqual({ clean: 0, failed: 0, aborted: 1 });
    expect(under.graceful.shutdown({ deadlineMs: 1 })).toBe(done);
    expect(under.timer.pending).toBe(0);
  });

  test("abort gives everything up at once", async () => {
    const under = start();
    const [one] = watched(under, 1);
    const done = under.graceful.shutdown();
    const reason = new Error("now");
    expect(under.graceful.abort(reason)).toBe(done);
    expect(await resultOf(done)).toEqual({ clean: 0, failed: 0, aborted: 1 });
    expect([one?.told, one?.abortReason]).toEqual([[signaled, "abort"], reason]);
    expect(under.timer.pending).toBe(0);
    expect(await resultOf(start().graceful.abort())).toEqual({ clean: 0, failed: 0, aborted: 0 });
  });

  test("a hold is waited for, and given up at the deadline", async () => {
    const under = start();
    let givenUp = 0;
    const release = under.graceful.hold(() => givenUp++);
    const done = under.graceful.shutdown({ deadlineMs: 100 });
    expect([under.graceful.count, await resultOf(done)]).toEqual([0, undefined]);
    release();
    expect(await resultOf(done)).toEqual({ clean: 0, failed: 0, aborted: 0 });
    expect(givenUp).toBe(0);

    const stuck = start();
    const giveUp = () => givenUp++;
    stuck.graceful.hold(giveUp);
    stuck.graceful.hold(giveUp)();
    const expired = stuck.graceful.shutdown({ deadlineMs: 100 });
    stuck.timer.advance(100);
    expect(await resultOf(expired)).toBeDefined();
    expect(givenUp).toBe(1);
    stuck.graceful.hold(giveUp)();
    expect(givenUp).toBe(2);
  });

  test("a connection that throws when it is told to go is given up, and keeps nobody else from being told", async () => {
    const under = start();
    const [bad, good] = watched(under, 2);
    if (bad === undefined) throw new Error("not there");
    bad.gracefulShutdown = () => {
      throw new Error("bad");
    };
    bad.abort = () => {
      throw new Error("worse");
    };
    const done = under.graceful.shutdown();
    expect(good?.told).toEqual([signaled]);
    good?.end();
    expect(await resultOf(done)).toEqual({ clean: 1, failed: 0, aborted: 1 });
  });

  test("without a timer there is neither a deadline nor a grace", async () => {
    const graceful = new GracefulShutdown({ timer: null });
    const connection = graceful.watch(new FakeConnection());
    void graceful.shutdown({ deadlineMs: 5 });
    expect(connection.told).toEqual(["shutdown Infinity 0"]);
  });

  for (const options of [
    { deadlineMs: -1 },
    { graceMs: -1 },
    { graceMs: Number.POSITIVE_INFINITY },
    { deadlineMs: Number.NaN },
  ]) {
    test(`${JSON.stringify(options)} is refused, and nothing happens`, () => {
      const under = start();
      const [connection] = watched(under, 1);
      expect(() => under.graceful.shutdown(options)).toThrow(RangeError);
      expect([connection?.told, under.graceful.isShuttingDown]).toEqual([[], false]);
    });
  }

  test("unknown options are refused", () => {
    expect(() => start().graceful.shutdown({ timeoutMs: 1 } as object)).toThrow("shutdown: unknown option timeoutMs");
    expect(() => new GracefulShutdown({ deadlineMs: 1 } as object)).toThrow(
      "GracefulShutdown: unknown option deadlineMs",
    );
  });
});

describe("real connections of every kind", () => {
  test("[hyper-240] are shut down, and none is left behind", async () => {
    const { graceful, timer } = start();
    const ios = Array.from({ length: 4 }, () => scriptedIo([], { timer }));
    const [one, two, either, fresh] = ios as [(typeof ios)[0], (typeof ios)[0], (typeof ios)[0], (typeof ios)[0]];
    const h1 = graceful.watch(http1.serve(one, ok, plain.http1));
    const h2 = graceful.watch(http2.serve(two, ok, plain.http2));
    graceful.watch(auto.serve(either, ok, plain));
    graceful.watch(auto.serve(fresh, ok, plain));
    one.push(get);
    two.push(getH2);
    either.push(get);
    expect([one.takeWritten(), either.takeWritten()]).toEqual([okText, okText]);
    two.takeWritten();
    const done = graceful.shutdown();
    // An idle connection of HTTP/1 is left open for one more request; HTTP/2 is told at once.
    one.push(get);
    expect(one.takeWritten()).toBe(lastOkText);
    expect(two.takeWritten()).toContain("\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0");
    expect([either.isShutdown, fresh.isShutdown]).toEqual([false, false]);
    timer.advance(1_000);
    expect(ios.map((io) => io.isShutdown)).toEqual([true, true, true, true]);
    for (const io of ios) if (!io.isAborted) io.push(null);
    expect(await resultOf(done)).toEqual({ clean: 4, failed: 0, aborted: 0 });
    expect([graceful.count, timer.pending]).toEqual([0, 0]);
    await expect(Promise.all([h1.closed, h2.closed])).resolves.toBeDefined();
  });

  test("with a service that does not answer are aborted at the deadline", async () => {
    const { graceful, timer } = start();
    const stuck = serviceFn(() => new Promise<HttpResponse>(() => {}));
    const outcomes = [get, getH2].map((request) => {
      const connection = graceful.watch(auto.serve(scriptedIo([request], { timer }), stuck, plain));
      return outcomeOf(connection);
    });
    const done = graceful.shutdown({ deadlineMs: 2_000 });
    timer.advance(2_000);
    expect(await resultOf(done)).toEqual({ clean: 0, failed: 0, aborted: 2 });
    expect(outcomes.map(({ is }) => is)).toEqual(["canceled ABORTED", "canceled ABORTED"]);
    expect(outcomes.map(({ error }) => HttpError.is(error?.cause) && error.cause.code)).toEqual([
      "SHUTDOWN",
      "SHUTDOWN",
    ]);
    expect(timer.pending).toBe(0);
  });
});
