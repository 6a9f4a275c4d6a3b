import { describe, expect, test, vi } from "vitest";
import { bytes, expectBodyError, failure, now, readAll, SpyBody, settle, text, trailers } from "../test/helpers.ts";
import {
  type BodyChunk,
  collect,
  fromReadableStream,
  full,
  toAsyncIterable,
  toFrames,
  toReadableStream,
} from "./index.ts";

function streamOf(chunks: readonly unknown[], cancel?: (reason: unknown) => void): ReadableStream<BodyChunk> {
  const left = [...chunks];
  return new ReadableStream(
    {
      pull(controller) {
        const chunk = left.shift();
        if (chunk instanceof Error) controller.error(chunk);
        else if (chunk === undefined) controller.close();
        else controller.enqueue(chunk as BodyChunk);
      },
      ...(cancel !== undefined && { cancel }),
    },
    { highWaterMark: 0 },
  );
}

describe("fromReadableStream", () => {
  test("[hyper-247] a web stream becomes a body, and is unlocked at its end", async () => {
    const stream = streamOf([bytes("a"), "b", trailers({ x: "1" })]);
    const body = fromReadableStream(stream);
    expect(stream.locked).toBe(true);
    expect(await readAll(body)).toEqual(["a", "b", "{x=1}"]);
    expect(stream.locked).toBe(false);
    body.cancel();
    expect(body.isEndStream()).toBe(true);
  });

  test("its error is the body's error, and it is unlocked", async () => {
    const trouble = new Error("trouble");
    const stream = streamOf(["a", trouble]);
    const body = fromReadableStream(stream);
    await body.frame();
    expect(await failure(() => body.frame())).toBe(trouble);
    expect(stream.locked).toBe(false);
    expect(now(body)).toBeNull();
  });

  test("cancelled exactly once, with the reason, and unlocked; a rejection of its own is not unhandled", async () => {
    for (const pending of [false, true]) {
      const cancel = vi.fn(() => Promise.reject(new Error("nobody listens")));
      const stream = pending
        ? new ReadableStream<BodyChunk>({ cancel }, { highWaterMark: 0 })
        : streamOf(["a", "b"], cancel);
      const body = fromReadableStream(stream);
      const reason = new Error("enough");
      const frame = pending ? body.frame() : undefined;
      body.cancel(reason);
      body.cancel();
      expect(await failure(() => frame ?? body.frame())).toBe(reason);
      expect(now(body)).toBeNull();
      await settle();
      expect(cancel.mock.calls).toEqual([[reason]]);
      expect(stream.locked).toBe(false);
    }
  });

  test("a wrong chunk or length fails the body and cancels the stream", async () => {
    const cancel = vi.fn();
    const wrong = fromReadableStream(streamOf([5], cancel));
    expect(await failure(() => wrong.frame())).toBeInstanceOf(TypeError);
    const long = fromReadableStream(streamOf(["abc"], cancel), { length: 2 });
    await expectBodyError(() => long.frame(), "length-mismatch");
    expect(cancel).toHaveBeenCalledTimes(2);
    const short = fromReadableStream(streamOf(["a"], cancel), { length: 2 });
    expect(short.sizeHint().exact).toBe(2);
    await short.frame();
    await expectBodyError(() => short.frame(), "length-mismatch");
    expect(cancel).toHaveBeenCalledTimes(2);
  });

  test("a locked stream is refused at once", () => {
    const stream = streamOf([]);
    stream.getReader();
    expect(() => fromReadableStream(stream)).toThrow(TypeError);
  });
});

describe("toReadableStream", () => {
  test("[hyper-247] a body becomes a byte stream: data only, nothing pulled ahead", async () => {
    const source = new SpyBody([bytes("a"), bytes(""), trailers({ x: "1" }), bytes("b")], { mode: "mixed" });
    const stream = toReadableStream(source);
    await settle();
    expect(source.pulls).toBe(0);
    const reader = stream.getReader();
    expect(await reader.read()).toEqual({ done: false, value: bytes("a") });
    await settle();
    expect(source.pulls).toBe(1);
    expect(await reader.read()).toEqual({ done: false, value: bytes("b") });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(source.cancels).toEqual([]);
  });

  test("the buffers of the body are left alone", async () => {
    const shared = bytes("hello world");
    const answer = await new Response(toReadableStream(full(shared.subarray(0, 5)))).text();
    expect(answer).toBe("hello");
    expect(text(shared)).toBe("hello world");
  });

  test("also where they are Node's, whose slices are views", async () => {
    const shared = Buffer.from("shared memory");
    expect(await new Response(toReadableStream(full(shared.subarray(0, 6)))).text()).toBe("shared");
    expect(shared.toString()).toBe("shared memory");
  });

  test("a reader's own buffer is filled, what does not fit comes next", async () => {
    const source = new SpyBody([bytes("abcde"), bytes("f")]);
    const reader = toReadableStream(source).getReader({ mode: "byob" });
    const read = async (size: number) => {
      const { done, value } = await reader.read(new Uint8Array(size));
      return done ? done : text(value);
    };
    expect(await read(2)).toBe("ab");
    expect(await read(2)).toBe("cd");
    expect(source.pulls).toBe(1);
    expect(await read(8)).toBe("e");
    expect(await read(8)).toBe("f");
    expect(await read(8)).toBe(true);
  });

  test("a rest goes to the next reader, whatever its kind", async () => {
    const stream = toReadableStream(full("abc"));
    const byob = stream.getReader({ mode: "byob" });
    await byob.read(new Uint8Array(1));
    byob.releaseLock();
    const reader = stream.getReader();
    expect(await reader.read()).toEqual({ done: false, value: bytes("bc") });
    expect((await reader.read()).done).toBe(true);
  });

  test("the body's error is the stream's, cancelling goes through, also to a pending frame", async () => {
    const trouble = new Error("trouble");
    const failing = toReadableStream(new SpyBody([trouble]));
    expect(await failure(() => failing.getReader().read())).toBe(trouble);

    for (const mode of ["sync", "stuck"] as const) {
      const source = new SpyBody([bytes("abc")], { mode });
      const reader = toReadableStream(source).getReader({ mode: "byob" });
      const read = reader.read(new Uint8Array(1));
      if (mode === "sync") await read;
      const reason = new Error("enough");
      await reader.cancel(reason);
      await read;
      expect(source.cancels).toEqual([reason]);
    }
  });

  test("there and back again", async () => {
    const body = fromReadableStream(toReadableStream(full("round trip")), { length: 10 });
    expect(await collect(body).text()).toBe("round trip");
  });
});

describe("iterators", () => {
  test("[hyper-247] toFrames gives all frames, toAsyncIterable data only", async () => {
    const steps = [bytes("a"), trailers({ x: "1" }), bytes("b")];
    const frames: string[] = [];
    for await (const frame of toFrames(new SpyBody(steps, { mode: "mixed" }))) frames.push(text(frame));
    expect(frames).toEqual(["a", "{x=1}", "b"]);
    const data: string[] = [];
    for await (const chunk of toAsyncIterable(new SpyBody(steps, { mode: "mixed" }))) data.push(text(chunk));
    expect(data).toEqual(["a", "b"]);
  });

  test("leaving the loop, and failing, reach the body and the loop", async () => {
    for (const iterate of [toFrames, toAsyncIterable]) {
      const source = new SpyBody([bytes("a"), bytes("b")]);
      for await (const _ of iterate(source)) break;
      expect(source.cancels).toHaveLength(1);
      const trouble = new Error("trouble");
      const iterator = iterate(new SpyBody([trouble]));
      expect(await failure(() => iterator.next())).toBe(trouble);
      expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    }
  });

  test("return() does not wait behind a pending next()", async () => {
    const source = new SpyBody([], { mode: "stuck" });
    const iterator = toAsyncIterable(source);
    const next = iterator.next();
    await iterator.return?.();
    await expectBodyError(() => next, "canceled");
  });
});
