/** Handlers of both generations, the interceptors of undici over the dispatcher, and both kinds of `fetch`. */

import { full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { getGlobalDispatcher, interceptors, fetch as npmFetch, request, setGlobalDispatcher } from "undici";
import { describe, expect, test } from "vitest";
import type { DispatchController, DispatchHandler, Interceptor } from "../../src/undici/index.ts";
import { startOrigin } from "../support/origin.ts";
import { rawInformational, rawResponse, startRawOrigin } from "../support/raw-origin.ts";
import {
  both,
  type Call,
  closedPort,
  failureFacts,
  type Held,
  newHandler,
  oldHandler,
  ours,
  until,
} from "./support.ts";

const isOver = (calls: readonly Call[]) => () => calls.some(([name]) => ["complete", "end", "error"].includes(name));

const trailing = "HTTP/1.1 200 Fine\r\nX-A: 1\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nX-B: 2\r\n\r\n";

describe("the calls", () => {
  test("of the older generation are those that undici makes, in its order", async () => {
    await using raw = await startRawOrigin(() => rawInformational(trailing, "103 Early Hints"));
    const result = await both(async (it) => {
      const calls: Call[] = [];
      const more = {
        onResponseStarted: () => void calls.push(["started"]),
        onBodySent: (chunk: Buffer) => void calls.push(["body sent", String(chunk)]),
        onRequestSent: () => void calls.push(["request sent"]),
      };
      const options = { origin: raw.url, path: "/", method: "POST", body: "up" } as const;
      expect(it.dispatch(options, oldHandler(calls, more as never))).toBe(true);
      await until(isOver(calls));
      return calls;
    });
    const [first, ...rest] = result.ours;
    expect(first).toEqual(["connect"]);
    expect(rest).toEqual([
      ["body sent", "up"],
      ["request sent"],
      ["started"],
      ["headers", 103, [], "Early Hints"],
      ["started"],
      ["headers", 200, ["x-a", "1"], "Fine"],
      ["data", "data"],
      ["complete", ["x-b", "2"]],
    ]);
    const spelled = JSON.parse(JSON.stringify(result.theirs).replace("X-A", "x-a").replace("X-B", "x-b"));
    expect(result.ours).toEqual(spelled);
  });

  test("names keep their spelling where the client is told to keep it", async () => {
    await using raw = await startRawOrigin(() => ({ bytes: trailing }));
    await using dispatcher = ours({ http1: { preserveHeaderCase: true } });
    const calls: Call[] = [];
    dispatcher.dispatch({ origin: raw.url, path: "/", method: "GET", headers: { "X-Own": "1" } }, oldHandler(calls));
    await until(isOver(calls));
    expect(calls).toContainEqual(["headers", 200, ["X-A", "1"], "Fine"]);
    expect(raw.requests[0]?.head).toContain("\r\nX-Own: 1\r\n");
  });

  test("of the newer generation are those that undici makes, with a controller that knows the raw lines", async () => {
    await using raw = await startRawOrigin(() => rawInformational(trailing, "103 Early Hints"));
    const result = await both(async (it) => {
      const calls: Call[] = [];
      it.dispatch({ origin: raw.url, path: "/", method: "GET" }, newHandler(calls));
      await until(isOver(calls));
      return calls;
    });
    expect(result.ours).toEqual([
      ["start"],
      ["response", 103, [], "Early Hints"],
      ["response", 200, [["x-a", "1"]], "Fine"],
      ["data", "data"],
      ["end", { "x-b": "2" }],
    ]);
    expect(result.ours).toEqual(result.theirs);
    await using dispatcher = ours();
    let seen: DispatchController | undefined;
    const calls: Call[] = [];
    const handler = newHandler(calls, {
      onRequestStart: (controller) => void (seen = controller as DispatchController),
    });
    dispatcher.dispatch({ origin: raw.url, path: "/", method: "GET" }, handler);
    await until(isOver(calls));
    expect([seen?.rawHeaders?.map(String).slice(0, 2), seen?.rawTrailers?.map(String)]).toEqual([
      ["x-a", "1"],
      ["x-b", "2"],
    ]);
    expect([seen?.aborted, seen?.paused, seen?.reason]).toEqual([false, false, null]);
  });

  test("allowH2: false, as undici 8 says for older handlers, keeps to HTTP/1", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours({ version: "http2" });
    const calls: Call[] = [];
    const options = { origin: origin.url, path: "/", method: "GET", allowH2: false } as const;
    dispatcher.dispatch(options, oldHandler(calls));
    await until(isOver(calls));
    expect(calls.map(([name]) => name)).toEqual(["connect", "headers", "data", "complete"]);
  });

  test("a handler that knows both is called as the newer", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const calls: Call[] = [];
    dispatcher.dispatch(
      { origin: origin.url, path: "/", method: "GET" },
      { ...oldHandler(calls), ...newHandler(calls) },
    );
    await until(isOver(calls));
    expect(calls.map(([name]) => name)).toEqual(["start", "response", "data", "end"]);
  });

  test("pausing: no data before resume, whoever asked for the pause and when", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const calls: Call[] = [];
    let resume = (): void => {};
    const options = { origin: origin.url, path: "/chunks/3", method: "GET" } as const;
    const old = oldHandler(calls, {
      onHeaders: (_status, _raw, given) => {
        resume = given;
        return false;
      },
      onData: (chunk) => {
        calls.push(["data", String(chunk)]);
        return false;
      },
    });
    dispatcher.dispatch(options, old);
    await until(() => origin.requests.length === 1);
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual([["connect"]]);
    let resumed = 0;
    while (!isOver(calls)()) {
      const before = calls.length;
      resume();
      resumed++;
      await new Promise((resolve) => setImmediate(resolve));
      // At most one piece for each time.
      expect(calls.filter(([name]) => name === "data").length).toBeLessThanOrEqual(resumed);
      expect(calls.length - before).toBeLessThanOrEqual(2);
    }
    const text = calls.flatMap(([name, chunk]) => (name === "data" ? [chunk] : [])).join("");
    expect(text).toBe("chunk 1\nchunk 2\nchunk 3\n");

    const later: Call[] = [];
    let controller: DispatchController | undefined;
    dispatcher.dispatch(
      { ...options, path: "/slow-body" },
      newHandler(later, {
        onRequestStart: (given) => void (controller = given as DispatchController),
      }),
    );
    await until(() => later.length === 1);
    controller?.pause();
    origin.slow.release();
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(later.length).toBe(1);
    controller?.resume();
    await until(isOver(later));
    expect(later.slice(1)).toEqual([
      ["data", "slow\n"],
      ["end", {}],
    ]);
  });

  test("pausing at a 1xx does not hold up the response", async () => {
    await using raw = await startRawOrigin(() => rawInformational(rawResponse("done"), "103 Early Hints"));
    await using dispatcher = ours();
    const calls: Call[] = [];
    const handler = oldHandler(calls, { onHeaders: (status) => status >= 200 });
    dispatcher.dispatch({ origin: raw.url, path: "/", method: "GET" }, handler);
    await until(isOver(calls));
    expect(calls.at(-1)).toEqual(["complete", []]);
  });
});

describe("fetch", () => {
  test("of npm's undici and of Node: content both ways, 1xx, errors, giving up", async () => {
    await using origin = await startOrigin();
    await using raw = await startRawOrigin(() => rawInformational(rawResponse("done"), "103 Early Hints"));
    await using dispatcher = ours();
    for (const it of [fetch, npmFetch as unknown as typeof fetch]) {
      const init = { dispatcher } as unknown as RequestInit;
      const sized = await it(`${origin.url}/size/300000`, init);
      expect([sized.status, sized.statusText, (await sized.arrayBuffer()).byteLength]).toEqual([200, "OK", 300_000]);
      const posted = await it(`${origin.url}/echo`, { ...init, method: "POST", body: "echoed" });
      expect(await posted.text()).toBe("echoed");
      const counted = { ...init, method: "POST", body: "counted", headers: { "content-length": "7" } };
      expect(await (await it(`${origin.url}/echo`, counted)).text()).toBe("counted");
      const stream = new Blob(["a ", "stream"]).stream();
      const streamed = await it(`${origin.url}/echo`, {
        ...init,
        method: "POST",
        body: stream,
        duplex: "half",
      } as RequestInit);
      expect(await streamed.text()).toBe("a stream");
      const form = new FormData();
      form.set("a", "b");
      const sent = await it(`${origin.url}/echo`, {
        ...init,
        method: "POST",
        body: it === fetch ? form : new URLSearchParams("a=b"),
      });
      expect(await sent.text()).toMatch(/a/);
      expect(await (await it(raw.url, init)).text()).toBe("done");
      const head = await it(`${origin.url}/size/10`, { ...init, method: "HEAD" });
      expect([head.headers.get("content-length"), await head.text()]).toEqual(["10", ""]);

      const waiting = new AbortController();
      const hanging = it(`${origin.url}/hang`, { ...init, signal: waiting.signal }).catch(
        (error: unknown) => (error as Error).name,
      );
      await until(() => origin.requests.at(-1)?.path === "/hang");
      waiting.abort();
      expect(await hanging).toBe("AbortError");
      const reading = new AbortController();
      const slow = await it(`${origin.url}/slow-body`, { ...init, signal: reading.signal });
      const text = slow.text().catch((error: unknown) => (error as Error).name);
      reading.abort();
      expect(await text).toBe("AbortError");
      const unread = await it(`${origin.url}/slow-body`, init);
      await unread.body?.cancel();
      const refused = it(`http://127.0.0.1:${await closedPort()}/`, init);
      expect(await failureFacts(refused)).toEqual({ name: "Error", code: "ECONNREFUSED" });
    }
  });

  test("the global dispatcher of undici, which built-in fetch uses too", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const before = getGlobalDispatcher();
    setGlobalDispatcher(dispatcher);
    try {
      expect(await (await fetch(`${origin.url}/size/3`)).text()).toBe("abc");
      expect(await (await npmFetch(`${origin.url}/size/3`)).text()).toBe("abc");
      expect(await (await request(`${origin.url}/size/3`)).body.text()).toBe("abc");
    } finally {
      setGlobalDispatcher(before);
    }
    // One connection for all three: they went through one pool.
    expect(origin.connectionCount).toBe(1);
  });
});

describe("interceptors", () => {
  const text = async (url: string, dispatcher: Held, options: object = {}): Promise<string> =>
    await (await request(url, { ...options, dispatcher })).body.text();

  test("of undici: retry, redirect, dump and responseError are as over its Agent", async () => {
    let attempts = 0;
    await using origin = await startOrigin({
      service: ({ target }) => {
        if (target.path === "/go") return new HttpResponse(302, { location: "/there" });
        if (target.path === "/busy") return new HttpResponse(attempts++ % 2 === 0 ? 503 : 200, {}, full("at last"));
        if (target.path === "/wrong") return new HttpResponse(400, { "content-type": "text/plain" }, full("wrong"));
        return new HttpResponse(200, {}, full("here"));
      },
    });
    const result = await both(async (it) => {
      const through = (...list: readonly unknown[]): Held => it.compose(list as never) as unknown as Held;
      const all = through(
        interceptors.redirect({ maxRedirections: 3 }),
        interceptors.retry({ minTimeout: 1, maxTimeout: 2 }),
      );
      return [
        await text(`${origin.url}/go`, all),
        await text(`${origin.url}/busy`, all),
        await text(`${origin.url}/x`, through(interceptors.dump({ maxSize: 100 }))),
        await failureFacts(text(`${origin.url}/x`, through(interceptors.dump({ maxSize: 2 })))),
        await failureFacts(text(`${origin.url}/wrong`, through(interceptors.responseError()))),
      ];
    });
    expect(result.ours).toEqual(result.theirs);
    expect(result.ours.slice(0, 3)).toEqual(["here", "at last", ""]);
  });

  test("retry resumes what was cut off, with Range", async () => {
    let count = 0;
    await using raw = await startRawOrigin(() =>
      count++ % 2 === 0
        ? { bytes: 'HTTP/1.1 200 OK\r\netag: "a"\r\ncontent-length: 6\r\n\r\nabc', afterwards: "close" }
        : { bytes: 'HTTP/1.1 206 Partial\r\netag: "a"\r\ncontent-range: bytes 3-5/6\r\ncontent-length: 3\r\n\r\ndef' },
    );
    const result = await both((it) =>
      text(raw.url, it.compose(interceptors.retry({ minTimeout: 1 })) as unknown as Held),
    );
    expect(result).toEqual({ ours: "abcdef", theirs: "abcdef" });
  });

  test("of any generation, in any mixture, whatever the handler is", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const marks: string[] = [];
    // As those written for undici 6: they call the older methods of what they are given, and hand on the same.
    const older: Interceptor = (dispatch) => (options, handler) =>
      dispatch(options, {
        onConnect: (abort, context) => {
          marks.push("older");
          handler.onConnect?.(abort, context);
        },
        onHeaders: (status, raw, resume, reason) => handler.onHeaders?.(status, raw, resume, reason),
        onData: (chunk) => handler.onData?.(chunk),
        onComplete: (trailers) => handler.onComplete?.(trailers),
        onError: (error) => handler.onError?.(error),
      });
    const newer: Interceptor = (dispatch) => (options, handler) =>
      dispatch(options, {
        onRequestStart: (controller, context) => {
          marks.push("newer");
          handler.onRequestStart?.(controller, context);
        },
        onResponseStart: (controller, status, headers, reason) =>
          handler.onResponseStart?.(controller, status, headers, reason),
        onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
        onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
        onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
      });
    for (const list of [[older], [newer], [older, newer], [newer, older], [older, null, newer, older]]) {
      const composed = dispatcher.compose(list as never) as unknown as Held;
      for (const make of [oldHandler, newHandler]) {
        marks.length = 0;
        const calls: Call[] = [];
        composed.dispatch({ origin: origin.url, path: "/chunks/2", method: "GET" }, make(calls));
        await until(isOver(calls));
        expect(calls.map(([name]) => name).filter((name) => name !== "data")).toEqual(
          make === oldHandler ? ["connect", "headers", "complete"] : ["start", "response", "end"],
        );
        expect(marks.length).toBe(list.filter((one) => one !== null).length);
      }
      // Backpressure goes through all of them.
      expect((await text(`${origin.url}/size/500000`, composed)).length).toBe(500_000);
    }
  });

  test("the last one is the first to be asked; composing again adds; what is no interceptor is refused", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const order: string[] = [];
    const named =
      (name: string): Interceptor =>
      (dispatch) =>
      (options, handler: DispatchHandler) => {
        order.push(name);
        return dispatch(options, handler);
      };
    const composed = dispatcher
      .compose([named("a"), named("b")] as never)
      .compose(named("c") as never) as unknown as Held;
    await text(origin.url, composed);
    expect(order).toEqual(["c", "b", "a"]);
    expect(() => dispatcher.compose(1 as never)).toThrow(TypeError);
    expect(() => dispatcher.compose((() => 1) as never)).toThrow(TypeError);
    await composed.close();
    expect([composed.closed, dispatcher.closed]).toEqual([true, true]);
  });
});
