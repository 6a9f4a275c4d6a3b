/** Limits of time on an exchange: what passes, what is cancelled, and that nothing is left behind. */
import { collect, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { signalKey, signalOf, timeout } from "@sluice/util/middleware";
import { describe, expect, test } from "vitest";
import {
  answering,
  bytes,
  call,
  countListeners,
  deferred,
  expectError,
  failure,
  SpyBody,
  settle,
} from "../../test/middleware/support.ts";

const never = (): Promise<HttpResponse> => new Promise(() => {});

describe("before the head", () => {
  test.each([
    ["totalMs", "TOTAL_TIMEOUT", "the exchange was not over within totalMs = 50 ms"],
    ["headMs", "HEAD_TIMEOUT", "the exchange had no response head within headMs = 50 ms"],
  ] as const)(
    "%s: the call rejects, the body of the request and what is below are given up",
    async (option, code, message) => {
      const timer = fakeTimer();
      let below: AbortSignal | undefined;
      const service = timeout({ [option]: 50, timer })(
        serviceFn((request) => {
          below = signalOf(request);
          return never();
        }),
      );
      const body = new SpyBody([], "open");
      const request = HttpRequest.post("http://a.test/", body);
      const result = failure(call(service, request));
      timer.advance(49);
      await settle();
      expect([below?.aborted, body.cancels]).toEqual([false, []]);
      timer.advance(1);
      const error = await result;
      expectError(error, "timeout", code);
      expect(error.message).toBe(message);
      expect(below?.reason).toBe(error);
      expect(body.cancels).toEqual([error]);
      expect(timer.pending).toBe(0);
      expect(request.extensions.has(signalKey)).toBe(false);
    },
  );

  test("a response that comes all the same has its body cancelled", async () => {
    const timer = fakeTimer();
    const late = deferred<HttpResponse>();
    const result = failure(call(timeout({ headMs: 10, timer })(serviceFn(() => late.promise))));
    timer.advance(10);
    const error = await result;
    const body = new SpyBody([bytes("late")]);
    late.resolve(new HttpResponse(200, undefined, body));
    await settle();
    expect(body.cancels).toEqual([error]);
  });

  test("a failure that comes all the same is nobody's", async () => {
    const timer = fakeTimer();
    const late = deferred<HttpResponse>();
    const result = failure(call(timeout({ headMs: 10, timer })(serviceFn(() => late.promise))));
    timer.advance(10);
    await result;
    late.reject(new Error("late"));
    await settle();
  });

  test("on a server: `status` is the answer", async () => {
    const timer = fakeTimer();
    const result = call(timeout({ totalMs: 10, status: 503, timer })(serviceFn(never)));
    timer.advance(10);
    const response = await result;
    expect([response.status, response.body.isEndStream()]).toEqual([503, true]);
  });

  test("`status` does not stand for other failures", async () => {
    const service = timeout({ totalMs: 10, status: 503, timer: fakeTimer() })(
      answering(async () => Promise.reject(boom)),
    );
    const boom = new HttpError("io", "ECONNRESET", "lost");
    expect(await failure(call(service))).toBe(boom);
  });

  test.each(["throws", "rejects"])("a service that %s leaves no alarm", async (how) => {
    const timer = fakeTimer();
    const boom = new HttpError("io", "ECONNRESET", "lost");
    const inner = answering(how === "throws" ? boom : () => Promise.reject(boom));
    expect(await failure(call(timeout({ totalMs: 10, headMs: 5, timer })(inner)))).toBe(boom);
    expect(timer.pending).toBe(0);
  });
});

describe("after the head", () => {
  test("totalMs goes on until the body was read; headMs does not", async () => {
    const timer = fakeTimer();
    const body = new SpyBody([bytes("a")], "open");
    let below: AbortSignal | undefined;
    const service = timeout({ totalMs: 50, headMs: 20, timer })(
      serviceFn((request) => {
        below = signalOf(request);
        return new HttpResponse(200, undefined, body);
      }),
    );
    const response = await call(service);
    expect(timer.pending).toBe(1);
    expect(await response.body.frame()).toEqual(bytes("a"));
    const next = failure(Promise.resolve(response.body.frame()));
    timer.advance(50);
    const error = await next;
    expectError(error, "timeout", "TOTAL_TIMEOUT");
    expect(body.cancels).toEqual([error]);
    expect(below?.reason).toBe(error);
    expect(await response.body.frame()).toBeNull();
  });

  test("a body nobody reads is cancelled as well", async () => {
    const timer = fakeTimer();
    const body = new SpyBody([bytes("a")]);
    const response = await call(timeout({ totalMs: 50, timer })(answering(new HttpResponse(200, undefined, body))));
    timer.advance(50);
    expect(body.cancels).toHaveLength(1);
    expect(() => response.body.frame()).toThrow("totalMs = 50 ms");
  });

  test.each(["read", "cancelled", "empty"])("a body that was %s: no alarm, no listener is left", async (end) => {
    const timer = fakeTimer();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const request = HttpRequest.get("http://a.test/").extension(signalKey, controller.signal);
    const answer = new HttpResponse(200, undefined, end === "empty" ? undefined : full("text"));
    const response = await call(timeout({ totalMs: 50, timer })(answering(answer)), request);
    if (end === "read") expect(await collect(response.body).text()).toBe("text");
    if (end === "cancelled") response.body.cancel();
    expect([timer.pending, listeners()]).toEqual([0, 0]);
    expect(request.extensions.get(signalKey)).toBe(controller.signal);
  });
});

describe("the signal from above", () => {
  test("ends the call, with its reason as the cause", async () => {
    const timer = fakeTimer();
    const controller = new AbortController();
    const request = HttpRequest.get("http://a.test/").extension(signalKey, controller.signal);
    const result = failure(call(timeout({ totalMs: 50, timer })(serviceFn(never)), request));
    controller.abort("enough");
    const error = await result;
    expectError(error, "canceled", "CANCELED");
    expect([error.cause, timer.pending]).toEqual(["enough", 0]);
  });

  test("ends the body", async () => {
    const controller = new AbortController();
    const body = new SpyBody([], "open");
    const request = HttpRequest.get("http://a.test/").extension(signalKey, controller.signal);
    const inner = answering(new HttpResponse(200, undefined, body));
    const response = await call(timeout({ totalMs: 50, timer: fakeTimer() })(inner), request);
    const next = failure(Promise.resolve(response.body.frame()));
    controller.abort();
    expectError(await next, "canceled", "CANCELED");
    expect(body.cancels).toHaveLength(1);
  });

  test("one that has aborted: the service is not called", async () => {
    const inner = answering();
    const request = HttpRequest.get("http://a.test/").extension(signalKey, AbortSignal.abort());
    expectError(
      await failure(call(timeout({ totalMs: 50, timer: fakeTimer() })(inner), request)),
      "canceled",
      "CANCELED",
    );
    expect(inner.requests).toEqual([]);
  });
});

test("an echo stays one: the response body is the request's", async () => {
  const request = HttpRequest.post("http://a.test/", new SpyBody([bytes("x")]));
  const echo = serviceFn(({ body }) => new HttpResponse(200, undefined, body));
  const response = await call(timeout({ totalMs: 50, timer: fakeTimer() })(echo), request);
  expect(response.body).toBe(request.body);
});

test("options that make no sense are refused at once", () => {
  expect(() => timeout({})).toThrow(new TypeError("timeout: totalMs or headMs must be given"));
  expect(() => timeout({ totalMs: -1 })).toThrow(RangeError);
  expect(() => timeout({ totalMs: 1, status: 200 })).toThrow(
    "timeout: status must be a whole number from 400 to 599, got 200",
  );
  expect(() => timeout({ total: 1 } as never)).toThrow(new TypeError("timeout: unknown option total"));
});
