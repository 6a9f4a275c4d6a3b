import { isData } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { StreamBody } from "./stream-body.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A stream that gives `chunks` whenever it is asked, and says how often it was. It is not asked before somebody reads. */
function streamOf(chunks: readonly (Uint8Array | string)[], atEnd: (source: ReadableStreamDefaultController) => void) {
  const seen = { pulls: 0, canceled: [] as unknown[] };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[seen.pulls++];
        if (chunk === undefined) atEnd(controller);
        else controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
      },
      cancel: (reason) => void seen.canceled.push(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

const closing = (source: ReadableStreamDefaultController): void => source.close();
const silent = (): void => {};

/** The next frame as text, and whether it was there at once. */
async function next(body: StreamBody): Promise<[text: string | null, atOnce: boolean]> {
  const asked = body.frame();
  const frame = await asked;
  const text = frame === null ? null : isData(frame) ? decoder.decode(frame) : "trailers";
  return [text, !(asked instanceof Promise)];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a burst", () => {
  test("is waited for once; what came with it is there at once, and so is the end", async () => {
    const body = new StreamBody(streamOf(["a", "b", "c"], closing).stream);
    expect(await next(body)).toEqual(["a", false]);
    expect(await next(body)).toEqual(["b", true]);
    expect(await next(body)).toEqual(["c", true]);
    expect(await next(body)).toEqual([null, true]);
    expect(body.isEndStream()).toBe(true);
  });

  test("ends where the stream waits for something", async () => {
    let source: ReadableStreamDefaultController | undefined;
    const body = new StreamBody(streamOf(["a", "b"], (controller) => (source = controller)).stream);
    expect(await next(body)).toEqual(["a", false]);
    expect(await next(body)).toEqual(["b", true]);
    const later = next(body);
    await turn();
    source?.enqueue(encoder.encode("c"));
    source?.enqueue(encoder.encode("d"));
    expect(await later).toEqual(["c", false]);
    expect(await next(body)).toEqual(["d", true]);
  });

  test("ends at 64 KiB", async () => {
    const { stream, seen } = streamOf(Array(5).fill(new Uint8Array(32_768)), closing);
    const body = new StreamBody(stream);
    await body.frame();
    await turn();
    expect(seen.pulls).toBe(2);
    expect(body.frame()).toHaveLength(32_768);
    expect(body.frame()).toBeInstanceOf(Promise);
  });

  test("ends at 64 chunks", async () => {
    const { stream, seen } = streamOf(Array(100).fill("x"), closing);
    const body = new StreamBody(stream);
    await body.frame();
    await turn();
    expect(seen.pulls).toBe(64);
  });

  test("that nobody waits for goes no further than the read under way", async () => {
    let source: ReadableStreamDefaultController | undefined;
    const { stream, seen } = streamOf(["a"], (controller) => (source = controller));
    const body = new StreamBody(stream);
    expect(await next(body)).toEqual(["a", false]);
    source?.enqueue(encoder.encode("b"));
    await turn();
    expect(seen.pulls).toBe(2);
    expect(await next(body)).toEqual(["b", true]);
  });
});

describe("begun()", () => {
  test("reads the first burst before anybody asks", async () => {
    const { stream, seen } = streamOf(["a", "b"], closing);
    const body = new StreamBody(stream);
    expect(seen.pulls).toBe(0);
    await body.begun();
    expect(seen.pulls).toBe(3);
    expect(await next(body)).toEqual(["a", true]);
    expect(await next(body)).toEqual(["b", true]);
    expect(await next(body)).toEqual([null, true]);
  });

  test("does not wait for a stream that waits, and asks it only once", async () => {
    let source: ReadableStreamDefaultController | undefined;
    const { stream, seen } = streamOf([], (controller) => (source = controller));
    const body = new StreamBody(stream);
    await body.begun();
    await turn();
    expect(seen.pulls).toBe(1);
    const first = next(body);
    source?.enqueue(encoder.encode("a"));
    expect(await first).toEqual(["a", false]);
  });

  test("is not where a stream's failure is told", async () => {
    const body = new StreamBody(streamOf([], (source) => source.error(new Error("mine"))).stream);
    await body.begun();
    expect(() => body.frame()).toThrow("mine");
    expect(body.frame()).toBe(null);
  });
});

describe("failures and giving up", () => {
  test("what came before a failure is given first", async () => {
    const body = new StreamBody(streamOf(["a", "b"], (source) => source.error(new Error("mine"))).stream);
    expect(await next(body)).toEqual(["a", false]);
    // The stream itself drops what it held when it fails; what was read from it was not held any more.
    expect(await next(body)).toEqual(["b", true]);
    expect(() => body.frame()).toThrow("mine");
    expect(body.frame()).toBe(null);
  });

  test("cancelled before it was read: the stream is told why, and was not asked for anything", async () => {
    const { stream, seen } = streamOf(["a"], closing);
    const body = new StreamBody(stream);
    body.cancel("gone");
    expect(() => body.frame()).toThrow("gone");
    expect(seen).toEqual({ pulls: 0, canceled: ["gone"] });
  });

  test("cancelled with chunks held: they are dropped", async () => {
    const { stream, seen } = streamOf(["a", "b"], silent);
    const body = new StreamBody(stream);
    await next(body);
    body.cancel("gone");
    body.cancel("again");
    expect(() => body.frame()).toThrow("gone");
    expect(body.frame()).toBe(null);
    expect(seen.canceled).toEqual(["gone"]);
  });

  test("cancelled while somebody waits: that one is told at once", async () => {
    const { stream, seen } = streamOf([], silent);
    const body = new StreamBody(stream);
    const waiting = body.frame();
    body.cancel(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(seen.canceled).toHaveLength(1);
  });

  test("a source that fails to cancel bothers nobody", async () => {
    const stream = new ReadableStream({ cancel: () => Promise.reject(new Error("mine")) });
    new StreamBody(stream).cancel();
    await turn();
  });

  test("a chunk that is none is a failure, and ends the stream", async () => {
    const { stream, seen } = streamOf([1 as unknown as string], silent);
    await expect(new StreamBody(stream as ReadableStream<Uint8Array>).frame()).rejects.toThrow(TypeError);
    await turn();
    expect(seen.canceled).toHaveLength(1);
  });

  test("a locked stream is refused", () => {
    const { stream } = streamOf([], silent);
    stream.getReader();
    expect(() => new StreamBody(stream)).toThrow(TypeError);
  });
});
