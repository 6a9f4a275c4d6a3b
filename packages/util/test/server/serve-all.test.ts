/** The accept loop: whom it serves, what ends it, and what does not. */
import process from "node:process";
import { type HttpResponse, type Service, serviceFn } from "@sluice/core";
import { type FakeTimer, fakeTimer, type ScriptedIo, scriptedIo } from "@sluice/util/memory";
import { serveAll } from "@sluice/util/server";
import { describe, expect, test, vi } from "vitest";
import { AcceptQueue } from "../../src/node/accept-queue.ts";
import type { MakeService, ServeAllOptions, Serving } from "../../src/server/index.ts";
import { get, getH2, lastOkText, ok, okText, plain, resultOf, settle } from "./support.ts";

/** A listener whose connections come when they are told to. */
class FakeListener implements AsyncIterable<ScriptedIo> {
  readonly queue = new AcceptQueue<ScriptedIo>();
  /** How often it was asked, closed and left. */
  asked = 0;
  closed = 0;
  left = 0;

  [Symbol.asyncIterator](): AsyncIterator<ScriptedIo, undefined> {
    return {
      next: () => {
        this.asked++;
        return this.queue.take();
      },
      return: async () => {
        this.left++;
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    this.closed++;
    this.queue.end();
  }
}

interface Under {
  readonly timer: FakeTimer;
  readonly listener: FakeListener;
  readonly server: Serving;
  readonly errors: { readonly error: unknown; readonly io: ScriptedIo | undefined }[];
  connect(...chunks: string[]): Promise<ScriptedIo>;
}

function start(makeService: MakeService<ScriptedIo> = ok, options: ServeAllOptions<ScriptedIo> = {}): Under {
  const timer = fakeTimer();
  const listener = new FakeListener();
  const errors: Under["errors"] = [];
  const onError = (error: unknown, io: ScriptedIo | undefined) => void errors.push({ error, io });
  const server = serveAll(listener, makeService, { ...plain, timer, onError, ...options });
  return {
    timer,
    listener,
    server,
    errors,
    async connect(...chunks) {
      const io = scriptedIo(chunks, { timer });
      listener.queue.put(io);
      await settle();
      return io;
    },
  };
}

function codes({ errors }: Under): (string | undefined)[] {
  return errors.map(({ error }) => (error as { code?: string }).code ?? (error as Error).message);
}

/** Nothing is left of a server that has ended. */
async function expectOver(under: Under, outcome: "resolved" | "rejected" = "resolved"): Promise<void> {
  const how = under.server.done.then(
    () => "resolved",
    () => "rejected",
  );
  expect(await resultOf(how)).toBe(outcome);
  expect([under.server.count, under.timer.pending]).toEqual([0, 0]);
}

const stuck: Service = serviceFn(() => new Promise<HttpResponse>(() => {}));

describe("serving", () => {
  test("[hyper-238] every connection is served in the version its client speaks", async () => {
    const under = start();
    const one = await under.connect(get);
    const two = await under.connect(getH2);
    expect(one.takeWritten()).toBe(okText);
    expect(two.takeWritten().length).toBeGreaterThan(0);
    expect(under.server.count).toBe(2);
    one.push(null);
    await settle();
    expect(under.server.count).toBe(1);
    expect(under.errors).toEqual([]);
  });

  test("makeService is called with each transport; its service may take its time", async () => {
    const made: ScriptedIo[] = [];
    const under = start(async (io) => {
      made.push(io);
      await settle(2);
      return ok;
    });
    const one = await under.connect(get);
    const two = await under.connect(get);
    expect([one.takeWritten(), two.takeWritten()]).toEqual([okText, okText]);
    expect(made).toEqual([one, two]);
  });

  test("a makeService that throws or rejects ends that connection only, and onError is told", async () => {
    let calls = 0;
    const under = start((): Service | Promise<Service> => {
      calls++;
      if (calls === 1) throw new Error("thrown");
      return calls === 2 ? Promise.reject(new Error("rejected")) : ok;
    });
    const ios = [await under.connect(get), await under.connect(get), await under.connect(get)];
    expect(ios.map((io) => [io.isAborted, io.writtenText])).toEqual([
      [true, ""],
      [true, ""],
      [false, okText],
    ]);
    expect(codes(under)).toEqual(["thrown", "rejected"]);
    expect(under.errors.map(({ io }) => io)).toEqual(ios.slice(0, 2));
    expect(under.server.count).toBe(1);
  });

  test("a connection that does not end in order is told of, and what onError throws is dropped", async () => {
    const seen: unknown[] = [];
    const onError = (error: unknown) => {
      seen.push((error as { code?: string }).code);
      throw new Error("not our concern");
    };
    const under = start(ok, { onError });
    (await under.connect(get)).fail(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    await under.connect("GET / HTTP/9.9\r\n\r\n");
    (await under.connect("PRI")).push(null);
    await settle();
    const last = await under.connect(get);
    expect(seen).toContain("ECONNRESET");
    expect(seen).toContain("INCOMPLETE_MESSAGE");
    expect(last.takeWritten()).toBe(okText);
  });

  test("a transport that cannot be served is given up, and is told of", async () => {
    const listener = new FakeListener();
    const errors: unknown[] = [];
    serveAll(listener, ok, { onError: (error) => void errors.push(error) });
    const io = scriptedIo([get]);
    listener.queue.put(io);
    await settle();
    expect(errors).toEqual([new TypeError("no timer: pass one in the options, or null to do without any time limit")]);
    expect(io.isAborted).toBe(true);
  });

  test("maxConnections: no further one is taken until one has ended", async () => {
    const under = start(ok, { maxConnections: 2 });
    const one = await under.connect(get);
    await under.connect(get);
    const third = await under.connect(get);
    expect([under.server.count, under.listener.queue.size, third.writtenText]).toEqual([2, 1, ""]);
    one.push(null);
    await settle();
    expect([under.server.count, under.listener.queue.size, third.writtenText]).toEqual([2, 0, okText]);
  });

  test("maxConnections counts those whose service is being made, and those that failed no more", async () => {
    const made: ((error: Error) => void)[] = [];
    const under = start(() => new Promise<Service>((_, reject) => made.push(reject)), { maxConnections: 1 });
    await under.connect();
    await under.connect();
    expect([made.length, under.server.count]).toEqual([1, 1]);
    made[0]?.(new Error("no"));
    await settle();
    expect([made.length, under.server.count]).toEqual([2, 1]);
  });

  test("a listener is asked for one connection at a time", async () => {
    const under = start();
    await settle();
    expect(under.listener.asked).toBe(1);
    await under.connect(get);
    expect(under.listener.asked).toBe(2);
  });

  for (const [options, error] of [
    [{ maxConnections: 0 }, RangeError],
    [{ drainTimeoutMs: -1 }, RangeError],
    [{ graceMs: Number.POSITIVE_INFINITY }, RangeError],
    [{ sniffTimeoutMs: -1 }, RangeError],
    [{ http2: { maxFrameBytes: 1 } }, RangeError],
    [{ maxConnection: 1 }, TypeError],
  ] as const) {
    test(`${JSON.stringify(options)} is refused at once, and nothing is listened to`, async () => {
      const listener = new FakeListener();
      expect(() => serveAll(listener, ok, options as ServeAllOptions)).toThrow(error);
      await settle();
      expect(listener.asked).toBe(0);
    });
  }
});

describe("shutdown", () => {
  test("stops listening first, then ends every connection, then is done", async () => {
    const under = start(ok, { graceMs: 100 });
    const idle = await under.connect(get);
    const busy = await under.connect("GET / HT");
    const fresh = await under.connect();
    idle.takeWritten();
    const outcome = under.server.shutdown();
    await settle();
    expect([under.listener.closed, idle.isShutdown, fresh.isShutdown]).toEqual([1, false, false]);
    under.timer.advance(100);
    expect([idle.isShutdown, fresh.isShutdown, busy.isShutdown]).toEqual([true, true, false]);
    idle.push(null);
    fresh.push(null);
    expect(await resultOf(under.server.done)).toBeUndefined();
    expect(under.server.count).toBe(1);
    busy.push("TP/1.1\r\nhost: a\r\n\r\n");
    expect(busy.takeWritten()).toBe(lastOkText);
    busy.push(null);
    await expectOver(under);
    expect(await resultOf(outcome)).toEqual({ clean: 3, failed: 0, aborted: 0 });
  });

  test("a connection that the listener had accepted is served once", async () => {
    const under = start();
    const late = scriptedIo([get], { timer: under.timer });
    under.listener.queue.put(late);
    const outcome = under.server.shutdown();
    await settle();
    expect(late.takeWritten()).toBe(lastOkText);
    late.push(null);
    await expectOver(under);
    expect(await resultOf(outcome)).toEqual({ clean: 1, failed: 0, aborted: 0 });
  });

  test("with as many connections as there may be, those that wait are taken as others end", async () => {
    const under = start(ok, { maxConnections: 1 });
    const one = await under.connect(get);
    const two = await under.connect(get);
    void under.server.shutdown();
    await settle();
    one.push(get, null);
    await settle();
    expect(two.takeWritten()).toBe(lastOkText);
    two.push(null);
    await expectOver(under);
  });

  test("a service that is made too late is still served, once", async () => {
    let made: (service: Service) => void = () => {};
    const under = start(() => new Promise<Service>((resolve) => (made = resolve)));
    const io = await under.connect(get);
    void under.server.shutdown();
    expect(await resultOf(under.server.done)).toBeUndefined();
    made(ok);
    await settle();
    expect(io.takeWritten()).toBe(lastOkText);
    io.push(null);
    await expectOver(under);
  });

  test("at the deadline everything is given up: what is served, what waits for a service, what is listened to", async () => {
    const never = () => new Promise<Service>(() => {});
    const under = start((io) => (io.remaining > 0 ? stuck : never()), { drainTimeoutMs: 5_000 });
    under.listener.close = async () => {};
    const served = await under.connect(get);
    const waiting = await under.connect();
    const outcome = under.server.shutdown();
    under.timer.advance(4_999);
    expect(await resultOf(outcome)).toBeUndefined();
    under.timer.advance(1);
    expect(await resultOf(outcome)).toEqual({ clean: 0, failed: 0, aborted: 1 });
    expect([served.isAborted, waiting.isAborted, under.listener.left]).toEqual([true, true, 1]);
    await expectOver(under);
    const after = await under.connect(get);
    expect([after.isAborted, under.server.count]).toEqual([true, 0]);
  });

  test("what is said in the call comes before the options", async () => {
    const under = start(stuck);
    await under.connect(get);
    const outcome = under.server.shutdown({ deadlineMs: 10 });
    under.timer.advance(10);
    expect(await resultOf(outcome)).toEqual({ clean: 0, failed: 0, aborted: 1 });
    await expectOver(under);
  });

  test("the deadline is shutdownTimeoutMs unless drainTimeoutMs says otherwise; 0 is for ever", async () => {
    for (const [options, limitMs] of [
      [{}, 30_000],
      [{ shutdownTimeoutMs: 70 }, 70],
      [{ shutdownTimeoutMs: 70, drainTimeoutMs: 50 }, 50],
      [{ drainTimeoutMs: 0 }, undefined],
    ] as const) {
      const under = start(stuck, options);
      await under.connect(get);
      const outcome = under.server.shutdown();
      under.timer.advance((limitMs ?? 1_000_000) - 1);
      expect(await resultOf(outcome)).toBeUndefined();
      under.timer.advance(1);
      expect((await resultOf(outcome))?.aborted).toBe(limitMs === undefined ? undefined : 1);
    }
  });

  test("several calls share the outcome; a second one may be more urgent", async () => {
    const under = start(stuck);
    await under.connect(get);
    const first = under.server.shutdown();
    const second = under.server.shutdown({ deadlineMs: 10 });
    expect(under.listener.closed).toBe(1);
    under.timer.advance(10);
    expect([await resultOf(first), await resultOf(second)]).toEqual([
      { clean: 0, failed: 0, aborted: 1 },
      { clean: 0, failed: 0, aborted: 1 },
    ]);
  });

  test("options that make no sense are refused at once, and nothing happens", async () => {
    const under = start();
    expect(() => under.server.shutdown({ deadlineMs: -1 })).toThrow(RangeError);
    expect(() => under.server.shutdown({ drainTimeoutMs: 1 } as object)).toThrow(TypeError);
    await settle();
    expect(under.listener.closed).toBe(0);
  });

  test("abort gives everything up at once", async () => {
    const under = start(stuck);
    const io = await under.connect(get);
    const outcome = under.server.abort(new Error("now"));
    expect(await resultOf(outcome)).toEqual({ clean: 0, failed: 0, aborted: 1 });
    expect([io.isAborted, under.listener.closed]).toEqual([true, 1]);
    expect(codes(under)).toEqual(["ABORTED"]);
    await expectOver(under);
  });

  test("disposing of it shuts it down", async () => {
    const under = start();
    const io = await under.connect();
    const disposed = resultOf(Promise.resolve(under.server[Symbol.asyncDispose]()).then(() => true));
    under.timer.advance(1_000);
    io.push(null);
    expect(await disposed).toBe(true);
    await expectOver(under);
  });

  test("a listener without close, such as a generator that waits, is no longer waited for", async () => {
    const timer = fakeTimer();
    let give: (io: ScriptedIo) => void = () => {};
    const first = scriptedIo([get], { timer });
    async function* connections() {
      yield first;
      yield await new Promise<ScriptedIo>((resolve) => (give = resolve));
    }
    const server = serveAll(connections(), ok, { ...plain, timer });
    await settle();
    expect(first.takeWritten()).toBe(okText);
    const outcome = server.shutdown();
    first.push(get, null);
    expect(await resultOf(outcome)).toEqual({ clean: 1, failed: 0, aborted: 0 });
    const late = scriptedIo([get], { timer });
    give(late);
    await settle();
    expect([late.takeWritten(), late.isShutdown]).toEqual([lastOkText, true]);
  });
});

describe("the listener", () => {
  test("ends by itself: the connections it gave go on, and done waits for them", async () => {
    const under = start();
    const io = await under.connect(get);
    under.listener.queue.end();
    await settle();
    io.takeWritten();
    expect(await resultOf(under.server.done.then(() => true))).toBeUndefined();
    io.push(get);
    expect(io.takeWritten()).toBe(okText);
    io.push(null);
    await expectOver(under);
  });

  test("fails: the connections are shut down, and done rejects with its error when they have ended", async () => {
    const under = start(ok, { graceMs: 0 });
    const io = await under.connect(get);
    io.takeWritten();
    const error = new Error("EMFILE");
    under.listener.queue.fail(error);
    await settle();
    expect([io.isShutdown, under.listener.closed]).toEqual([true, 0]);
    expect(under.errors).toEqual([{ error, io: undefined }]);
    io.push(null);
    await expectOver(under, "rejected");
    await expect(under.server.done).rejects.toBe(error);
    expect(await resultOf(under.server.shutdown())).toEqual({ clean: 1, failed: 0, aborted: 0 });
  });

  test("throws when it is asked or closed: the same", async () => {
    const listener: AsyncIterable<ScriptedIo> & { close(): void } = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          throw new Error("at once");
        },
      }),
      close: () => {
        throw new Error("not that either");
      },
    };
    const server = serveAll(listener, ok, { timer: fakeTimer() });
    await expect(server.done).rejects.toThrow("at once");
    expect(await resultOf(server.shutdown())).toEqual({ clean: 0, failed: 0, aborted: 0 });
  });
});

describe("stop requests", () => {
  test("an AbortSignal that aborts shuts the server down", async () => {
    const controller = new AbortController();
    const under = start(ok, { signal: controller.signal, graceMs: 0 });
    const io = await under.connect(get);
    controller.abort();
    await settle();
    expect([under.listener.closed, io.isShutdown]).toEqual([1, true]);
    io.push(null);
    await expectOver(under);
  });

  test("one that has aborted before: it never begins", async () => {
    const under = start(ok, { signal: AbortSignal.abort() });
    await expectOver(under);
    expect(under.listener.closed).toBe(1);
  });

  test("its listener is taken away when the server has ended", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    const under = start(ok, { signal });
    await settle();
    await under.server.shutdown();
    expect(add).toHaveBeenCalledTimes(1);
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
  });

  test("a signal of the process shuts it down, a second one aborts it, and the handlers are taken away", async () => {
    const before = process.listenerCount("SIGUSR2");
    const under = start(stuck, { signals: ["SIGUSR2", "SIGUSR2"] });
    const io = await under.connect(get);
    expect(process.listenerCount("SIGUSR2")).toBe(before + 1);
    process.kill(process.pid, "SIGUSR2");
    await expect.poll(() => under.listener.closed).toBe(1);
    expect([io.isAborted, under.server.count]).toEqual([false, 1]);
    process.kill(process.pid, "SIGUSR2");
    await expect.poll(() => io.isAborted).toBe(true);
    await expectOver(under);
    expect(process.listenerCount("SIGUSR2")).toBe(before);
  });
});
