import { describe, expect, test, vi } from "vitest";
import { bytes, expectBodyError, failure, now, readAll, settle, text, trailers } from "../test/helpers.ts";
import { type BodyChunk, fromIterable, SizeHint } from "./index.ts";

/** An iterator that notes how often it was asked and returned. */
function watched(chunks: readonly unknown[], async: boolean) {
  const log = { next: 0, return: 0 };
  const step = () => {
    const at = log.next++;
    const value = chunks[at];
    if (value instanceof Error) throw value;
    return at < chunks.length ? { done: false, value } : { done: true, value: undefined };
  };
  const iterator = {
    next: async ? async () => step() : step,
    return: () => {
      log.return++;
      return async ? Promise.reject(new Error("nobody listens")) : { done: true };
    },
  };
  const iterable = { [async ? Symbol.asyncIterator : Symbol.iterator]: () => iterator };
  return { log, iterable: iterable as unknown as Iterable<BodyChunk> };
}

describe("fromIterable", () => {
  test("[hyper-247] a stream of frames becomes a body: data, strings and trailers in order", async () => {
    const body = fromIterable([bytes("a"), "b€", trailers({ x: "1" })]);
    expect(body.isEndStream()).toBe(false);
    expect(body.sizeHint()).toBe(SizeHint.unknown);
    expect(await readAll(body)).toEqual(["a", "b€", "{x=1}"]);
    expect(body.isEndStream()).toBe(true);
    expect(body.sizeHint()).toBe(SizeHint.zero);
  });

  test("[hyper-247] an async iterable too, one chunk pulled per frame", async () => {
    const { log, iterable } = watched(["a", "b"], true);
    const body = fromIterable(iterable);
    expect(log.next).toBe(0);
    expect(text(await body.frame())).toBe("a");
    expect(log.next).toBe(1);
    expect(await readAll(body)).toEqual(["b"]);
    expect(log).toEqual({ next: 3, return: 0 });
    expect(now(body)).toBeNull();
    expect(log.next).toBe(3);
  });

  test("[hyper-247] an error of the stream is the body's error, then it is at its end", async () => {
    for (const async of [false, true]) {
      const trouble = new Error("trouble");
      const { log, iterable } = watched(["a", trouble], async);
      const body = fromIterable(iterable);
      await body.frame();
      expect(await failure(() => body.frame())).toBe(trouble);
      expect(now(body)).toBeNull();
      body.cancel();
      expect(log).toEqual({ next: 2, return: 0 });
    }
  });

  test("a synchronous iterable makes a synchronous body", () => {
    const body = fromIterable(new Set(["a"]));
    expect(text(now(body))).toBe("a");
    expect(now(body)).toBeNull();
  });

  test("return() is called once when cancelled: before, between and during pulls", async () => {
    for (const async of [false, true]) {
      for (const pulled of [0, 1]) {
        const { log, iterable } = watched(["a", "b"], async);
        const body = fromIterable(iterable);
        for (let i = 0; i < pulled; i++) await body.frame();
        body.cancel();
        body.cancel();
        await expectBodyError(() => body.frame(), "canceled");
        expect(now(body)).toBeNull();
        expect(log).toEqual({ next: pulled, return: 1 });
      }
    }
    const { log, iterable } = watched(["a"], true);
    const body = fromIterable(iterable);
    const pending = body.frame();
    const reason = new Error("enough");
    body.cancel(reason);
    expect(await failure(() => pending)).toBe(reason);
    await settle();
    expect(log).toEqual({ next: 1, return: 1 });
    expect(now(body)).toBeNull();
  });

  test("a generator is closed, also when it is cancelled from within", async () => {
    let closed = 0;
    function* generate(): Generator<string> {
      try {
        yield "a";
        body.cancel(new Error("from within"));
        yield "b";
      } finally {
        closed++;
      }
    }
    const body = fromIterable(generate());
    expect(text(now(body))).toBe("a");
    expect(() => body.frame()).toThrow("from within");
    expect(closed).toBe(1);
    expect(now(body)).toBeNull();
  });

  test("an iterator without return, or whose return throws, is let go quietly", () => {
    const quiet = fromIterable({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: "a" }) }) });
    quiet.cancel();
    const thrower = vi.fn(() => {
      throw new Error("nobody listens");
    });
    const next = () => ({ done: false as const, value: "a" });
    const loud = fromIterable({ [Symbol.iterator]: () => ({ next, return: thrower }) });
    loud.cancel();
    expect(thrower).toHaveBeenCalledTimes(1);
  });

  test("a chunk of another kind fails the body and closes the iterator", async () => {
    for (const async of [false, true]) {
      const { log, iterable } = watched([5, "b"], async);
      const body = fromIterable(iterable);
      expect(await failure(() => body.frame())).toBeInstanceOf(TypeError);
      expect(now(body)).toBeNull();
      expect(log).toEqual({ next: 1, return: 1 });
    }
  });

  test("the declared length is an exact hint that falls, and is held to", async () => {
    const body = fromIterable(["ab", trailers({}), "c"], { length: 3 });
    expect(body.sizeHint().exact).toBe(3);
    await body.frame();
    expect(body.sizeHint().exact).toBe(1);
    expect(await readAll(body)).toEqual(["{}", "c"]);
  });

  test("more than declared: fails with the chunk that goes over, and closes the iterator", async () => {
    const { log, iterable } = watched(["ab", "cd", "e"], false);
    const body = fromIterable(iterable, { length: 3 });
    await body.frame();
    const error = await expectBodyError(() => body.frame(), "length-mismatch");
    expect(error.message).toBe("the body was to be 3 bytes; it gives at least 4");
    expect(log).toEqual({ next: 2, return: 1 });
    expect(now(body)).toBeNull();
  });

  test("fewer than declared: fails at the end, with nothing left to close", async () => {
    const { log, iterable } = watched(["ab"], true);
    const body = fromIterable(iterable, { length: 3 });
    await body.frame();
    const error = await expectBodyError(() => body.frame(), "length-mismatch");
    expect(error.message).toBe("the body was to be 3 bytes; it ended after 2");
    expect(log).toEqual({ next: 2, return: 0 });
    expect(body.isEndStream()).toBe(true);
  });

  test("what is no iterable of chunks is refused at once", () => {
    for (const wrong of ["text", bytes("x"), null, 5, {}]) {
      expect(() => fromIterable(wrong as never)).toThrow(/^fromIterable takes an iterable of chunks; received /);
    }
    expect(() => fromIterable([], { length: -1 })).toThrow("the length of a body must be an integer");
    expect(() => fromIterable([], { length: 2 ** 53 })).toThrow(RangeError);
  });
});
