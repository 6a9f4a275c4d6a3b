/** How many at once, who waits, and who gets the place that becomes free. */
import { collect, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, type Service, serviceFn } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { type ConcurrencyLimitOptions, concurrencyLimit, signalKey } from "@sluice/util/middleware";
import { describe, expect, test } from "vitest";
import {
  answering,
  call,
  countListeners,
  deferred,
  expectError,
  failure,
  SpyBody,
  settle,
} from "../../test/middleware/support.ts";

/** A service whose answers come when they are told to. */
function held(): {
  service: Service;
  started: string[];
  answer(index: number, response?: HttpResponse): void;
  fail(index: number): void;
} {
  const started: string[] = [];
  const waiting: ReturnType<typeof deferred<HttpResponse>>[] = [];
  const service = serviceFn((request) => {
    started.push(request.target.path);
    const answer = deferred<HttpResponse>();
    waiting.push(answer);
    return answer.promise;
  });
  return {
    service,
    started,
    answer: (index, response = new HttpResponse()) => waiting[index]?.resolve(response),
    fail: (index) => waiting[index]?.reject(new HttpError("io", "ECONNRESET", "lost")),
  };
}

const get = (path: string): HttpRequest => HttpRequest.get(`http://a.test/${path}`);

function limitedTo(max: number, options: Omit<ConcurrencyLimitOptions, "max"> = {}) {
  const timer = fakeTimer();
  const inner = held();
  return { timer, ...inner, service: concurrencyLimit({ max, timer, ...options })(inner.service) };
}

describe("places", () => {
  test("no more than max at once; the next in line, in the order of coming", async () => {
    const { service, started, answer, timer } = limitedTo(2);
    const all = ["a", "b", "c", "d", "e"].map((path) => call(service, get(path)));
    await settle();
    expect(started).toEqual(["/a", "/b"]);
    answer(1);
    await settle();
    expect(started).toEqual(["/a", "/b", "/c"]);
    answer(0);
    answer(2);
    await settle();
    expect(started).toEqual(["/a", "/b", "/c", "/d", "/e"]);
    answer(3);
    answer(4);
    await Promise.all(all);
    expect(timer.pending).toBe(0);
  });

  test("a synchronous answer stays one", () => {
    const response = new HttpResponse();
    expect(concurrencyLimit({ max: 1 })(answering(response)).call(get(""))).toBe(response);
  });

  test.each(["read", "cancelled", "failed"])("a place is held until the body was %s", async (end) => {
    const body = new SpyBody([new Uint8Array(1)], end === "failed" ? "open" : "closed");
    const { service, started, answer } = limitedTo(1);
    const first = call(service, get("a"));
    const second = call(service, get("b"));
    await settle();
    answer(0, new HttpResponse(200, undefined, body));
    const response = await first;
    await settle();
    expect(started).toEqual(["/a"]);
    if (end === "read") await collect(response.body).bytes();
    if (end === "cancelled") response.body.cancel();
    if (end === "failed") {
      const read = collect(response.body).bytes();
      await settle();
      body.cancel(new HttpError("io", "ECONNRESET", "lost"));
      expectError(await failure(read), "io", "ECONNRESET");
    }
    await settle();
    expect(started).toEqual(["/a", "/b"]);
    answer(1);
    await second;
  });

  test("a full body that was taken in one go gives it back, though nobody asks for its end", async () => {
    const service = concurrencyLimit({ max: 1 })(serviceFn(() => new HttpResponse(200, undefined, full("x"))));
    for (let i = 0; i < 3; i++) {
      const response = await call(service);
      await response.body.frame();
    }
  });

  test.each(["throws", "rejects"])("a service that %s gives it back", async (how) => {
    const boom = new HttpError("io", "ECONNRESET", "lost");
    const failing = how === "throws" ? boom : () => Promise.reject(boom);
    const service = concurrencyLimit({ max: 1, maxQueued: 0 })(answering(failing, failing, new HttpResponse()));
    expect(await failure(call(service))).toBe(boom);
    expect(await failure(call(service))).toBe(boom);
    expect((await call(service)).status).toBe(200);
  });

  test("the body of a response to HEAD is not waited for", async () => {
    const service = concurrencyLimit({ max: 1, maxQueued: 0 })(
      serviceFn(() => new HttpResponse(200, undefined, full("x"))),
    );
    for (let i = 0; i < 3; i++) await call(service, HttpRequest.head("http://a.test/"));
  });
});

describe("the line", () => {
  test("one more than maxQueued fails at once, its body untouched", async () => {
    const { service, started } = limitedTo(1, { maxQueued: 1 });
    void call(service, get("a"));
    void call(service, get("b"));
    const body = new SpyBody();
    expectError(await failure(call(service, HttpRequest.post("http://a.test/", body))), "limit", "QUEUE_FULL");
    expect([started, body.asked, body.cancels]).toEqual([["/a"], 0, []]);
  });

  test("who waits too long leaves it; on a server with `status` that is the answer", async () => {
    const { service, started, answer, timer } = limitedTo(1, { queueTimeoutMs: 100 });
    void call(service, get("a"));
    const late = failure(call(service, get("b")));
    timer.advance(50);
    const next = call(service, get("c"));
    timer.advance(50);
    const error = await late;
    expectError(error, "timeout", "QUEUE_TIMEOUT");
    expect(error.message).toBe("the request waited longer than queueTimeoutMs = 100 ms");
    answer(0);
    await settle();
    expect(started).toEqual(["/a", "/c"]);
    answer(1);
    await next;
    expect(timer.pending).toBe(0);

    const server = limitedTo(1, { queueTimeoutMs: 100, maxQueued: 1, status: 503 });
    void call(server.service, get("a"));
    const waiting = call(server.service, get("b"));
    expect((await call(server.service, get("c"))).status).toBe(503);
    server.timer.advance(100);
    expect((await waiting).status).toBe(503);
  });

  test("who is given up leaves it; no alarm and no listener is left", async () => {
    const { service, started, answer, timer } = limitedTo(1);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    void call(service, get("a"));
    const left = failure(call(service, get("b").extension(signalKey, controller.signal)));
    const next = call(service, get("c"));
    expect([timer.pending, listeners()]).toEqual([2, 1]);
    controller.abort();
    expectError(await left, "canceled", "CANCELED");
    expect([timer.pending, listeners()]).toEqual([1, 0]);
    answer(0);
    await settle();
    expect(started).toEqual(["/a", "/c"]);
    answer(1);
    await next;
    const gone = get("d").extension(signalKey, controller.signal);
    void call(service, get("e"));
    expectError(await failure(call(service, gone)), "canceled", "CANCELED");
  });
});

test("options that make no sense are refused at once", () => {
  expect(() => concurrencyLimit({} as never)).toThrow(new TypeError("concurrencyLimit: max must be given"));
  expect(() => concurrencyLimit({ max: 0 })).toThrow("concurrencyLimit: max must be a whole number from 1");
});
