/** How often, who waits how long, and what is remembered of whom. */
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";
import { type RateLimitOptions, rateLimit, signalKey } from "@sluice/util/middleware";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../../core/test/support/runs.ts";
import { answering, call, countListeners, expectError, failure, settle } from "../../test/middleware/support.ts";

const get = (path: string): HttpRequest => HttpRequest.get(`http://a.test/${path}`);

/** Notes at which time each request passes. */
function limited(options: RateLimitOptions, timer: FakeTimer = fakeTimer()) {
  const passed: [string, number][] = [];
  const inner = serviceFn((request) => {
    passed.push([request.target.path.slice(1), timer.now()]);
    return new HttpResponse();
  });
  return { timer, passed, service: rateLimit({ timer, ...options })(inner) };
}

async function advance(timer: FakeTimer, ms: number): Promise<void> {
  for (let left = ms; left > 0; ) {
    const stepMs = Math.min(left, timer.nextDelayMs);
    timer.advance(stepMs);
    left -= stepMs;
    await settle();
  }
}

describe("waiting", () => {
  test("a burst passes, then one per interval, in the order of coming", async () => {
    const { timer, passed, service } = limited({ perSecond: 10, burst: 2 });
    for (const path of ["a", "b", "c", "d"]) void call(service, get(path));
    await advance(timer, 150);
    void call(service, get("e"));
    await advance(timer, 1000);
    expect(passed).toEqual([
      ["a", 0],
      ["b", 0],
      ["c", 100],
      ["d", 200],
      ["e", 300],
    ]);
    expect(timer.pending).toBe(0);
  });

  test("what was not used can be, up to the burst", async () => {
    const { timer, passed, service } = limited({ perSecond: 10, burst: 2 });
    void call(service, get("a"));
    await advance(timer, 10_000);
    for (const path of ["b", "c", "d"]) void call(service, get(path));
    await advance(timer, 1000);
    expect(passed).toEqual([
      ["a", 0],
      ["b", 10_000],
      ["c", 10_000],
      ["d", 10_100],
    ]);
  });

  test("less than one per second", async () => {
    const { timer, passed, service } = limited({ perSecond: 0.5 });
    for (const path of ["a", "b"]) void call(service, get(path));
    await advance(timer, 2000);
    expect(passed).toEqual([
      ["a", 0],
      ["b", 2000],
    ]);
  });

  test("who would wait longer than maxWaitMs fails at once; so does one more than maxQueued", async () => {
    const slow = limited({ perSecond: 1, maxWaitMs: 1500 });
    void call(slow.service);
    void call(slow.service);
    const error = await failure(call(slow.service));
    expectError(error, "limit", "RATE_LIMIT");
    expect(error.message).toBe("the request would wait 2000 ms, longer than maxWaitMs = 1500 ms");
    const { service } = limited({ perSecond: 1, maxQueued: 1, key: ({ target }) => target.path });
    for (const path of ["a", "b", "a"]) void call(service, get(path));
    expectError(await failure(call(service, get("b"))), "limit", "QUEUE_FULL");
  });

  test("who is given up leaves the line, and the others move up", async () => {
    const { timer, passed, service } = limited({ perSecond: 1 });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    void call(service, get("a"));
    const left = failure(call(service, get("b").extension(signalKey, controller.signal)));
    void call(service, get("c"));
    controller.abort();
    expectError(await left, "canceled", "CANCELED");
    expect(listeners()).toBe(0);
    await advance(timer, 1000);
    expect(passed).toEqual([
      ["a", 0],
      ["c", 1000],
    ]);
    const alone = new AbortController();
    const last = failure(call(service, get("d").extension(signalKey, alone.signal)));
    expect(timer.pending).toBe(1);
    alone.abort();
    await last;
    expect(timer.pending).toBe(0);
  });

  test("a clock that is late: who comes between a token and its alarm does not overtake", async () => {
    let nowMs = 0;
    const alarms: (() => void)[] = [];
    const schedule = (_: number, task: () => void) => {
      alarms.push(task);
      return { cancel: () => {} };
    };
    const passed: string[] = [];
    const inner = serviceFn(({ target }) => {
      passed.push(target.path);
      return new HttpResponse();
    });
    const service = rateLimit({ perSecond: 10, burst: 1, timer: { now: () => nowMs, schedule } })(inner);
    void call(service, get("a"));
    void call(service, get("b"));
    nowMs = 120;
    void call(service, get("c"));
    await settle();
    expect(passed).toEqual(["/a"]);
    alarms.shift()?.();
    await settle();
    expect(passed).toEqual(["/a", "/b"]);
    nowMs = 250;
    alarms.shift()?.();
    await settle();
    expect([passed, alarms.length]).toEqual([["/a", "/b", "/c"], 0]);
  });

  test("a synchronous answer stays one", () => {
    const response = new HttpResponse();
    expect(rateLimit({ perSecond: 1 })(answering(response)).call(get(""))).toBe(response);
  });
});

test.each([429, 503] as const)("onLimit %i: answered at once, with the seconds to wait", async (onLimit) => {
  const { timer, passed, service } = limited({ perSecond: 0.4, onLimit });
  await call(service, get("a"));
  const response = await call(service, get("b"));
  expect([response.status, [...response.headers], response.body.isEndStream()]).toEqual([
    onLimit,
    [["retry-after", "3"]],
    true,
  ]);
  timer.advance(2500);
  expect((await call(service, get("c"))).status).toBe(200);
  expect(passed.map(([path]) => path)).toEqual(["a", "c"]);
});

describe("keys", () => {
  const key = ({ target }: HttpRequest): string => target.path;

  test("each has its own bucket", async () => {
    const { passed, service } = limited({ perSecond: 1, key, onLimit: 429 });
    for (const path of ["a", "b", "a", "b", "c"]) await call(service, get(path));
    expect(passed.map(([path]) => path)).toEqual(["a", "b", "c"]);
  });

  test("beyond maxKeys the least recently used is forgotten, but not one that is waited at", async () => {
    const { timer, passed, service } = limited({ perSecond: 1, key, maxKeys: 2 });
    void call(service, get("a"));
    void call(service, get("a"));
    await call(service, get("b"));
    await call(service, get("c"));
    await call(service, get("b"));
    expect(passed.map(([path]) => path)).toEqual(["a", "b", "c", "b"]);
    await advance(timer, 1000);
    expect(passed.at(-1)).toEqual(["a", 1000]);
  });

  test("a key that throws, or is no string, ends the call", async () => {
    const bad = [() => 1 as never, () => JSON.parse("{") as never];
    for (const key of bad) {
      expectError(await failure(call(limited({ perSecond: 1, key }).service)), "user", "CALLBACK_FAILED");
    }
  });
});

test("whatever comes when: never more in any time than burst and rate allow", {
  timeout: propertyTimeoutMs,
}, async () => {
  const options = fc.record({ perSecond: fc.constantFrom(0.5, 1, 3, 7, 100), burst: fc.integer({ min: 1, max: 4 }) });
  const pauses = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 2, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(options, pauses, async ({ perSecond, burst }, times) => {
      const { timer, passed, service } = limited({ perSecond, burst });
      for (const ms of times) {
        void call(service, get("x"));
        await advance(timer, ms);
      }
      await advance(timer, 60_000);
      expect(passed.length).toBe(times.length);
      const at = passed.map(([, ms]) => ms);
      for (const [first, from] of at.entries()) {
        for (const [last, until] of at.entries()) {
          const allowed = burst + ((until - from) * perSecond) / 1000 + 1e-6;
          if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(allowed);
        }
      }
    }),
    runs(15),
  );
});

test("options that make no sense are refused at once", () => {
  expect(() => rateLimit({ perSecond: 0 })).toThrow("rateLimit: perSecond must be above 0 and at most 1000000, got 0");
  expect(() => rateLimit({} as never)).toThrow(new TypeError("rateLimit: perSecond must be a number, got undefined"));
  expect(() => rateLimit({ perSecond: 1, onLimit: 500 as never })).toThrow(
    "rateLimit: onLimit must be wait, 429 or 503, got 500",
  );
  expect(() => rateLimit({ perSecond: 1, burst: 0 })).toThrow(RangeError);
});
