/** One record per exchange, when it is over, whatever way it ended. */
import { collect, fromIterable, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, type Service, serviceFn } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { type AccessRecord, accessLog, signalKey } from "@sluice/util/middleware";
import { describe, expect, test } from "vitest";
import { answering, bytes, call, countListeners, failure, SpyBody, settle } from "../../test/middleware/support.ts";

function logged(inner: Service, options: { readonly query?: boolean } = {}) {
  const records: AccessRecord[] = [];
  const timer = fakeTimer();
  const service = accessLog({ write: (record) => records.push(record), now: () => 1000, timer, ...options })(inner);
  return { records, timer, service };
}

test("written when the body was read to its end: all there is to say, and no query", async () => {
  const inner = serviceFn(async ({ body }) => {
    await collect(body).bytes();
    timer.advance(5);
    return new HttpResponse(201, undefined, fromIterable(["ab", "cde"]));
  });
  const { records, service, timer } = logged(inner);
  const request = HttpRequest.post("http://a.test:81/p?token=secret", fromIterable(["1234"]), {
    authorization: "secret",
  });
  const response = await call(service, request);
  timer.advance(10);
  expect(records).toEqual([]);
  expect(await collect(response.body).text()).toBe("abcde");
  expect(records).toEqual([
    {
      time: 1000,
      method: "POST",
      authority: "a.test:81",
      path: "/p",
      version: "HTTP/1.1",
      status: 201,
      requestBytes: 4,
      responseBytes: 5,
      headMs: 5,
      totalMs: 15,
      outcome: "completed",
      error: undefined,
    },
  ]);
  expect(JSON.stringify(records)).not.toContain("secret");
});

test("the query, if it is asked for", async () => {
  const { records, service } = logged(answering(new HttpResponse(204), new HttpResponse(204)), { query: true });
  await call(service, HttpRequest.get("/p?a=b"));
  await call(service, HttpRequest.get("/p"));
  expect(records.map(({ path, status, responseBytes }) => [path, status, responseBytes])).toEqual([
    ["/p?a=b", 204, 0],
    ["/p", 204, 0],
  ]);
});

test("a full body of a request stays what it is, and is counted once it was taken", async () => {
  const { records, service } = logged(
    serviceFn(async ({ body, target }) => {
      if (target.path === "/read") await collect(body).bytes();
      return new HttpResponse();
    }),
  );
  for (const path of ["read", "left"]) {
    const body = full("1234");
    const request = HttpRequest.post(`http://a.test/${path}`, body);
    await call(service, request);
    expect(request.body).toBe(body);
  }
  expect(records.map(({ requestBytes }) => requestBytes)).toEqual([4, 0]);
});

describe("other ends", () => {
  const lost = new HttpError("io", "ECONNRESET", "secret detail");

  test("the reader cancels: aborted, with what was given so far", async () => {
    const { records, service } = logged(
      answering(new HttpResponse(200, undefined, new SpyBody([bytes("abc")], "open"))),
    );
    const response = await call(service);
    await response.body.frame();
    response.body.cancel(new HttpError("io", "PEER_RESET", "gone"));
    expect(records).toMatchObject([{ status: 200, responseBytes: 3, outcome: "aborted", error: "PEER_RESET" }]);
  });

  test("the body fails", async () => {
    const body = new SpyBody([], "open");
    const { records, service } = logged(answering(new HttpResponse(200, undefined, body)));
    const read = collect((await call(service)).body).bytes();
    body.cancel(lost);
    await failure(read);
    expect(records).toMatchObject([{ status: 200, outcome: "failed", error: "ECONNRESET" }]);
  });

  test.each(["throws", "rejects"])("the service %s: the error comes out, its message is not logged", async (how) => {
    const { records, service } = logged(answering(how === "throws" ? lost : () => Promise.reject(lost)));
    expect(await failure(call(service))).toBe(lost);
    expect(records).toMatchObject([{ status: undefined, headMs: undefined, outcome: "failed", error: "ECONNRESET" }]);
    expect(JSON.stringify(records)).not.toContain("secret");
  });

  test("another error is told by its name", async () => {
    const { records, service } = logged(answering(new RangeError("secret")));
    await expect(call(service)).rejects.toThrow(RangeError);
    expect(records).toMatchObject([{ outcome: "failed", error: "RangeError" }]);
  });

  test("given up before the head: at once, and only once", async () => {
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    let answer: (response: HttpResponse) => void = () => {};
    const { records, service } = logged(serviceFn(() => new Promise((resolve) => void (answer = resolve))));
    const result = call(service, HttpRequest.get("/").extension(signalKey, controller.signal));
    expect(listeners()).toBe(1);
    controller.abort(new HttpError("io", "PEER_RESET", "gone"));
    expect(records).toMatchObject([{ status: undefined, outcome: "aborted", error: "PEER_RESET" }]);
    answer(new HttpResponse(200, undefined, full("late")));
    await collect((await result).body).bytes();
    expect([records.length, listeners()]).toEqual([1, 0]);
  });
});

test("`format` makes what is written", async () => {
  const lines: string[] = [];
  const format = ({ method, path, status, outcome }: AccessRecord): string => `${method} ${path} ${status} ${outcome}`;
  await call(accessLog({ write: (line: string) => lines.push(line), format })(answering(new HttpResponse())));
  expect(lines).toEqual(["GET / 200 completed"]);
});

test("what goes wrong in writing does not reach the exchange", async () => {
  const broken = (): never => {
    throw new Error("disk full");
  };
  for (const options of [{ write: broken }, { write: async () => broken() }, { write: () => {}, format: broken }]) {
    const response = await call(accessLog(options)(answering(new HttpResponse(200, undefined, fromIterable(["x"])))));
    expect(await collect(response.body).text()).toBe("x");
  }
  await settle();
});

test("options that make no sense are refused at once", () => {
  expect(() => accessLog({} as never)).toThrow(new TypeError("accessLog: write must be a function, got undefined"));
  expect(() => accessLog({ write: () => {}, query: 1 as never })).toThrow(TypeError);
});
