/** What is tried again, when, how often, and what becomes of the tries that are given up. */
import { collect, empty, fromIterable, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";
import {
  isSafeToRetry,
  RetryBudget,
  type RetryOptions,
  replayableBody,
  retry,
  signalKey,
  signalOf,
  timeout,
} from "@sluice/util/middleware";
import { describe, expect, test, vi } from "vitest";
import {
  type Answer,
  answering,
  bytes,
  call,
  countListeners,
  expectError,
  failure,
  SpyBody,
  settle,
} from "../../test/middleware/support.ts";

const refused = new HttpError("connect", "ECONNREFUSED", "connecting failed");
const ok = (): HttpResponse => new HttpResponse(200);
const busy = (retryAfter = "0"): HttpResponse => new HttpResponse(503, { "retry-after": retryAfter });

/** At once, and any error. */
const eager: RetryOptions = { backoffMs: 0, classify: ({ error }) => error !== undefined };

function eagerly(timer: FakeTimer, options: RetryOptions = {}): RetryOptions {
  return { ...eager, ...options, timer };
}

/** Runs what is due now until `promise` is settled. */
async function run<T>(timer: FakeTimer, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = (): void => {
    isSettled = true;
  };
  promise.then(end, end);
  for (let turn = 0; turn < 50 && !isSettled; turn++) {
    await settle();
    timer.advance(0);
  }
  return promise;
}

describe("what is tried again", () => {
  test("until it succeeds, at most maxRetries times; then the last error comes out", async () => {
    const timer = fakeTimer();
    const succeeding = answering(refused, refused, ok);
    expect((await run(timer, call(retry(eagerly(timer))(succeeding)))).status).toBe(200);
    const last = new HttpError("connect", "ECONNREFUSED", "again");
    const failing = answering(refused, refused, last, ok);
    expect(await failure(run(timer, call(retry(eagerly(timer))(failing))))).toBe(last);
    expect([succeeding.requests.length, failing.requests.length]).toEqual([3, 3]);
  });

  test("the last response comes out as it is", async () => {
    const timer = fakeTimer();
    const responses = [busy(), busy(), busy()] as const;
    const response = await run(timer, call(retry({ backoffMs: 0, timer })(answering(...responses))));
    expect(response).toBe(responses[2]);
  });

  test("the scope is asked before the first try; out of it nothing is touched", async () => {
    const scope = vi.fn(() => false);
    const inner = answering(refused);
    const request = HttpRequest.post("http://a.test/", full("x"));
    const { body } = request;
    expect(await failure(call(retry({ ...eager, scope })(inner), request))).toBe(refused);
    expect([scope.mock.calls, inner.requests, request.body === body]).toEqual([[[request]], [request], true]);
  });

  test("the request itself is not changed, and each try has its own header section", async () => {
    const timer = fakeTimer();
    const request = HttpRequest.get("http://a.test/", { "x-a": "1" });
    const inner = answering((first) => {
      expect(first).toBe(request);
      return Promise.reject(refused);
    }, ok);
    await run(timer, call(retry(eagerly(timer))(inner), request));
    expect(inner.requests[1]).not.toBe(request);
    expect(inner.requests[1]?.headers).not.toBe(request.headers);
    expect([...(inner.requests[1]?.headers ?? [])]).toEqual([["x-a", "1"]]);
    expect(request.extensionsIfAny?.has(signalKey) ?? false).toBe(false);
  });

  const connectTimeout = new HttpError("timeout", "CONNECT_TIMEOUT", "");
  const badName = new HttpError("connect", "ENOTFOUND", "");
  const goAway = new HttpError("closed", "GOAWAY", "");
  const headTimeout = new HttpError("timeout", "HEAD_TIMEOUT", "");
  const lost = new HttpError("io", "ECONNRESET", "");
  const mistake = new HttpError("user", "BODY_FAILED", "");
  test.each([
    ["GET", { error: refused }, true],
    ["POST", { error: refused }, true],
    ["POST", { error: connectTimeout }, true],
    ["POST", { error: goAway }, true],
    ["GET", { error: badName }, false],
    ["GET", { error: headTimeout }, true],
    ["POST", { error: headTimeout }, false],
    ["GET", { error: lost }, false],
    ["GET", { error: mistake }, false],
    ["GET", { error: new Error("no HttpError") }, false],
    ["GET", { response: busy() }, true],
    ["PUT", { response: new HttpResponse(429, { "retry-after": "1" }) }, true],
    ["POST", { response: busy() }, false],
    ["GET", { response: new HttpResponse(503) }, false],
    ["GET", { response: new HttpResponse(500, { "retry-after": "1" }) }, false],
    ["GET", { response: ok() }, false],
  ])("by default, %s with %o: %s", (method, outcome, expected) => {
    const request = new HttpRequest(method, "http://a.test/");
    expect(isSafeToRetry({ request, retries: 0, ...outcome })).toBe(expected);
  });

  test("a callback that throws ends the call, and the response is cancelled", async () => {
    const body = new SpyBody();
    const thrower = (): never => {
      throw new Error("oops");
    };
    const inner = answering(new HttpResponse(503, undefined, body));
    const error = await failure(call(retry({ classify: thrower })(inner)));
    expectError(error, "user", "CALLBACK_FAILED");
    expect([error.message, body.cancels]).toEqual(["classify threw", [error]]);
    expectError(await failure(call(retry({ scope: thrower })(answering()))), "user", "CALLBACK_FAILED");
  });
});

describe("bodies", () => {
  const texts = async (requests: readonly HttpRequest[]): Promise<string[]> =>
    Promise.all(requests.map(({ body }) => collect(body).text()));

  test("an empty one, a full one and one that is made are sent anew each time", async () => {
    for (const [request, expected] of [
      [HttpRequest.post("http://a.test/"), ""],
      [HttpRequest.post("http://a.test/", full("text")), "text"],
      [HttpRequest.post("http://a.test/", full(bytes("é"))), "é"],
      [replayableBody(HttpRequest.post("http://a.test/"), () => fromIterable(["a", "b"])), "ab"],
    ] as const) {
      const timer = fakeTimer();
      const seen: string[] = [];
      const failing = async ({ body }: HttpRequest): Promise<HttpResponse> => {
        seen.push(await collect(body).text());
        throw refused;
      };
      await failure(run(timer, call(retry(eagerly(timer))(answering(failing, failing, failing)), request)));
      expect(seen).toEqual([expected, expected, expected]);
    }
  });

  test("a streaming one is sent once", async () => {
    const inner = answering(refused);
    const request = HttpRequest.post("http://a.test/", fromIterable(["a"]));
    expect(await failure(call(retry(eager)(inner), request))).toBe(refused);
    expect(await texts(inner.requests)).toEqual(["a"]);
  });

  test("one that was made for a try and not read is cancelled; the caller's error is thrown when it cannot be made again", async () => {
    const timer = fakeTimer();
    const made: SpyBody[] = [];
    const make = (): SpyBody => {
      if (made.length === 2) throw new Error("no more");
      const body = new SpyBody([bytes("x")]);
      made.push(body);
      return body;
    };
    const request = replayableBody(HttpRequest.post("http://a.test/"), make);
    const error = await failure(run(timer, call(retry(eagerly(timer))(answering(refused, refused)), request)));
    expectError(error, "user", "CALLBACK_FAILED");
    expect(made.map(({ cancels }) => cancels.length)).toEqual([1, 1]);
  });

  test("the body of a response that is not the last is cancelled", async () => {
    const timer = fakeTimer();
    const body = new SpyBody([bytes("busy")], "open");
    const inner = answering(new HttpResponse(503, { "retry-after": "0" }, body), ok);
    expect((await run(timer, call(retry({ backoffMs: 0, timer })(inner)))).status).toBe(200);
    expect(body.cancels).toHaveLength(1);
  });
});

describe("when", () => {
  async function delays(options: RetryOptions, ...answers: readonly Answer[]): Promise<number[]> {
    const timer = fakeTimer();
    const seen: number[] = [];
    const onRetry = (_: unknown, ms: number): void => void seen.push(ms);
    const result = call(retry({ onRetry, maxRetries: 5, timer, ...options })(answering(...answers)));
    result.catch(() => {});
    for (let i = 0; i < answers.length; i++) {
      await settle();
      if (timer.pending > 0) timer.advance(timer.nextDelayMs);
    }
    await settle();
    expect(timer.pending).toBe(0);
    return seen;
  }

  test("full jitter: a random share of a time that doubles, up to maxBackoffMs", async () => {
    const random = vi
      .fn()
      .mockReturnValueOnce(0.5)
      .mockReturnValueOnce(0)
      .mockReturnValueOnce(0.25)
      .mockReturnValue(0.75);
    expect(await delays({ random, maxBackoffMs: 1000 }, refused, refused, refused, refused, refused, ok)).toEqual([
      50, 0, 100, 600, 750,
    ]);
  });

  test("Retry-After is waited for, if it is longer", async () => {
    expect(await delays({ random: () => 0.5 }, busy("0"), busy("7"), ok)).toEqual([50, 7000]);
  });

  test("beyond maxRetryAfterMs the response is returned", async () => {
    expect(await delays({ maxRetryAfterMs: 2000, random: () => 0 }, busy("2"), busy("3"))).toEqual([2000]);
  });

  test("the budget is asked last, and its refusal ends the tries", async () => {
    const timer = fakeTimer();
    const budget = new RetryBudget({ timer, reservePerSecond: 0, extraLoad: 1 });
    const service = retry(eagerly(timer, { budget }))(answering(refused, refused, ok));
    expect(await failure(run(timer, call(service)))).toBe(refused);
    expect(budget.available).toBe(0);
    const unused = new RetryBudget({ timer });
    await call(retry({ budget: unused, timer })(answering(new HttpResponse(500))));
    expect(unused.available).toBe(100);
  });

  test("without a budget there is no limit but maxRetries", async () => {
    const timer = fakeTimer();
    const service = retry(eagerly(timer, { budget: null, maxRetries: 100 }))(serviceFn(() => Promise.reject(refused)));
    for (let i = 0; i < 3; i++) {
      const result = failure(call(service));
      for (let turn = 0; turn < 100; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        timer.advance();
      }
      expect(await result).toBe(refused);
    }
  });
});

describe("given up", () => {
  test("while it waits: no alarm, no listener, no further try", async () => {
    const timer = fakeTimer();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const inner = answering(() => Promise.reject(refused));
    const request = HttpRequest.get("http://a.test/").extension(signalKey, controller.signal);
    const result = failure(call(retry({ random: () => 1, timer })(inner), request));
    await settle();
    expect([timer.pending, listeners()]).toEqual([1, 1]);
    controller.abort("enough");
    const error = await result;
    expectError(error, "canceled", "CANCELED");
    expect([error.cause, timer.pending, listeners(), inner.requests.length]).toEqual(["enough", 0, 0, 1]);
  });

  test("during a try: the call ends, the body of that try is cancelled", async () => {
    const timer = fakeTimer();
    const controller = new AbortController();
    const made: SpyBody[] = [];
    const request = replayableBody(HttpRequest.put("http://a.test/"), () => {
      made.push(new SpyBody([], "open"));
      return made.at(-1) ?? empty();
    }).extension(signalKey, controller.signal);
    let below: AbortSignal | undefined;
    const inner = answering(refused, (second) => {
      below = signalOf(second);
      return new Promise(() => {});
    });
    const result = failure(run(timer, call(retry(eagerly(timer))(inner), request)));
    while (inner.requests.length < 2) {
      await settle();
      timer.advance();
    }
    controller.abort();
    expectError(await result, "canceled", "CANCELED");
    expect([below?.aborted, made[1]?.cancels.length]).toEqual([true, 1]);
  });

  test("a limit for each try: it is tried again after one that took too long", async () => {
    const timer = fakeTimer();
    const inner = answering(() => new Promise(() => {}), ok);
    const service = retry({ backoffMs: 0, timer })(timeout({ headMs: 100, timer })(inner));
    const result = call(service);
    await settle();
    timer.advance(100);
    expect((await run(timer, result)).status).toBe(200);
    expect([inner.requests.length, timer.pending]).toEqual([2, 0]);
  });

  test("a limit for all: nothing is tried after it", async () => {
    const timer = fakeTimer();
    const inner = answering(() => Promise.reject(refused));
    const result = failure(
      call(timeout({ totalMs: 100, timer })(retry({ backoffMs: 1000, random: () => 1, timer })(inner))),
    );
    await settle();
    timer.advance(100);
    expectError(await result, "timeout", "TOTAL_TIMEOUT");
    await settle();
    expect([inner.requests.length, timer.pending]).toEqual([1, 0]);
  });
});

test("options that make no sense are refused at once", () => {
  expect(() => retry({ maxRetries: 1.5 })).toThrow("retry: maxRetries must be a whole number from 0 to 100, got 1.5");
  expect(() => retry({ scope: true as never })).toThrow(new TypeError("retry: scope must be a function, got true"));
  expect(() => retry({ budget: {} as never })).toThrow("retry: budget must be an object with the method withdraw");
  expect(() => retry({ retries: 3 } as never)).toThrow(new TypeError("retry: unknown option retries"));
});
