import { readFileSync } from "node:fs";
import { HttpError, type Io } from "@sluice/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bytes, drained, failure, readText, readToEnd, settle, shutdown, text } from "../../test/support/io.ts";
import { fakeTimer } from "../memory/index.ts";
import { webIo } from "./index.ts";

interface Bench {
  readonly io: Io;
  readonly source: ReadableStreamDefaultController<unknown>;
  readonly sink: {
    readonly taken: (string | null)[];
    closed: boolean;
    aborted: unknown;
    canceled: unknown;
    pulls: number;
  };
  readonly streams: { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
}

/** Streams of which the test holds the other side. */
function bench(write?: (chunk: Uint8Array) => Promise<void>, close?: () => Promise<void>): Bench {
  const sink = {
    taken: [] as (string | null)[],
    closed: false,
    aborted: undefined as unknown,
    canceled: undefined as unknown,
    pulls: 0,
  };
  let source: ReadableStreamDefaultController<unknown> | undefined;
  const readable = new ReadableStream<unknown>(
    {
      start: (controller) => {
        source = controller;
      },
      pull: () => {
        sink.pulls += 1;
      },
      cancel: (reason) => {
        sink.canceled = reason;
      },
    },
    { highWaterMark: 0 },
  ) as ReadableStream<Uint8Array>;
  const writable = new WritableStream<Uint8Array>({
    write: async (chunk) => {
      await write?.(chunk);
      sink.taken.push(text(chunk));
    },
    close: async () => {
      await close?.();
      sink.closed = true;
    },
    abort: (reason) => {
      sink.aborted = reason;
    },
  });
  if (source === undefined) throw new Error("no controller");
  const streams = { readable, writable };
  return { io: webIo(streams), source, sink, streams };
}

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await settle(10);
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

describe("reading", () => {
  test("one read is one pull; empty chunks are skipped", async () => {
    const { io, source, sink } = bench();
    await settle();
    expect(sink.pulls).toBe(0);
    const first = readText(io);
    await settle();
    expect(sink.pulls).toBe(1);
    source.enqueue(bytes(""));
    source.enqueue(bytes("one"));
    expect(await first).toBe("one");
    await settle();
    expect(() => {
      io.read(() => {});
      io.read(() => {});
    }).toThrow(TypeError);
  });

  test("the end is null again and again, and gives the lock back", async () => {
    const { io, source, streams } = bench();
    source.enqueue(bytes("last"));
    source.close();
    expect(await readToEnd(io)).toBe("last");
    expect(await readText(io)).toBe(null);
    expect(streams.readable.locked).toBe(false);
    io.abort();
  });

  test("an error is an HttpError with the cause, again and again; writing still works", async () => {
    const { io, source, sink } = bench();
    const cause = new Error("gone");
    const pending = failure(readText(io));
    source.error(cause);
    const error = await pending;
    expect(error).toMatchObject({ kind: "io", code: "STREAM_FAILED", cause });
    expect(await failure(readText(io))).toBe(error);
    io.write([bytes("x")]);
    await settle();
    expect(sink.taken).toEqual(["x"]);
    io.abort();
  });

  test("a chunk that is not bytes is an error, and cancels the readable", async () => {
    const { io, source, sink } = bench();
    source.enqueue("text");
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "CHUNK_TYPE" });
    expect(sink.canceled).toBeInstanceOf(HttpError);
  });
});

describe("writing", () => {
  test("small chunks are joined, large ones are not copied, the order stays", async () => {
    const large = new Uint8Array(20_000).fill(0x78);
    const seen: Uint8Array[] = [];
    const { io, sink } = bench(async (chunk) => void seen.push(chunk));
    io.write([bytes("a"), bytes("b"), bytes("c")]);
    io.write([bytes("d"), large]);
    await settle(10);
    expect(sink.taken.map((chunk) => chunk?.length)).toEqual([3, 1, 20_000]);
    expect(seen[2]).toBe(large);
  });

  test("backpressure: false while the sink is busy, then drained", async () => {
    let release: () => void = () => {};
    const { io } = bench(() => new Promise((resolve) => (release = resolve)));
    await drained(io);
    expect(io.write([bytes("a")])).toBe(false);
    let done = false;
    const waiting = drained(io).then(() => (done = true));
    expect(() => io.drained(() => {})).toThrow(TypeError);
    await settle();
    expect(done).toBe(false);
    release();
    await waiting;
  });

  test("a sink that fails: write is false, drained and shutdown tell the error", async () => {
    const cause = Object.assign(new Error("broken"), { code: "EPIPE" });
    const { io, source } = bench(() => Promise.reject(cause));
    expect(io.write([bytes("a")])).toBe(false);
    const error = await failure(drained(io));
    expect(error).toMatchObject({ kind: "io", code: "EPIPE", cause });
    expect(io.write([bytes("b")])).toBe(false);
    expect(await failure(drained(io))).toBe(error);
    expect(await failure(shutdown(io))).toBe(error);
    source.enqueue(bytes("still read"));
    expect(await readText(io)).toBe("still read");
    io.abort();
  });

  test("a writable that fails while nobody waits is known at once", async () => {
    let fail: (error: unknown) => void = () => {};
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        fail = (error) => controller.error(error);
      },
    });
    const io = webIo({ readable: new ReadableStream(), writable });
    fail(new Error("broken"));
    await settle();
    const seen: unknown[] = [];
    io.drained((error) => seen.push(error));
    expect(seen).toEqual([expect.objectContaining({ kind: "io", code: "STREAM_FAILED" })]);
  });

  test("shutdown closes after what was written and gives the lock back; reading goes on", async () => {
    const { io, sink, source, streams } = bench();
    io.write([bytes("a")]);
    const done = shutdown(io);
    expect(await failure(shutdown(io))).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
    expect(await failure(drained(io))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
    expect(io.write([bytes("b")])).toBe(false);
    await done;
    expect(sink).toMatchObject({ taken: ["a"], closed: true });
    expect(streams.writable.locked).toBe(false);
    source.enqueue(bytes("on"));
    expect(await readText(io)).toBe("on");
    io.abort();
    expect(sink.aborted).toBe(undefined);
  });

  test("shutdown reports an end that could not be delivered", async () => {
    const { io } = bench(undefined, () => Promise.reject(new Error("no end")));
    expect(await failure(shutdown(io))).toMatchObject({ kind: "io", code: "STREAM_FAILED" });
  });
});

describe("abort", () => {
  test("completes what is outstanding with the reason, cancels, aborts, and unlocks", async () => {
    const { io, sink, streams } = bench(() => new Promise(() => {}));
    io.write([bytes("a")]);
    const seen: unknown[] = [];
    io.read((chunk, error) => seen.push(chunk, error));
    io.drained((error) => seen.push(error));
    const reason = new Error("enough");
    io.abort(reason);
    expect(seen).toEqual([null, reason, reason]);
    io.abort(new Error("again"));
    expect(await failure(readText(io))).toBe(reason);
    expect(await failure(drained(io))).toBe(reason);
    expect(io.write([bytes("b")])).toBe(false);
    await settle();
    expect(sink.canceled).toBe(reason);
    expect(streams.readable.locked).toBe(false);
    expect(streams.writable.locked).toBe(false);
  });

  test("aborts an idle writable with the reason, and a pending shutdown fails with it", async () => {
    const idle = bench();
    const reason = new Error("enough");
    idle.io.abort(reason);
    await settle();
    expect(idle.sink.aborted).toBe(reason);
    const closing = bench(undefined, () => new Promise(() => {}));
    const pending = failure(shutdown(closing.io));
    closing.io.abort(reason);
    expect(await Promise.race([pending, settle(20)])).toBe(reason);
  });
});

test("what a callback throws is an uncaught exception, not an unhandled rejection", async () => {
  const thrown: unknown[] = [];
  const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  });
  const { io, source } = bench();
  io.read(() => {
    throw new Error("from read");
  });
  source.enqueue(bytes("x"));
  io.shutdown(() => {
    throw new Error("from shutdown");
  });
  await settle(10);
  later.mockRestore();
  expect(thrown.map(String).sort()).toEqual(["Error: from read", "Error: from shutdown"]);
});

test("takes info and timer; refuses locked streams without locking the other", () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const lock = writable.getWriter();
  expect(() => webIo({ readable, writable })).toThrow(TypeError);
  expect(readable.locked).toBe(false);
  lock.releaseLock();
  const info = { secure: true };
  const timer = fakeTimer();
  const io = webIo({ readable, writable }, { info, timer });
  expect(io.info).toBe(info);
  expect(io.timer).toBe(timer);
  expect(() => webIo({ readable, writable: new WritableStream() })).toThrow(TypeError);
});

test("works through a transform, end to end", async () => {
  const forth = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  const a = webIo({ readable: back.readable, writable: forth.writable });
  const b = webIo({ readable: forth.readable, writable: back.writable });
  a.write([bytes("ping")]);
  expect(await readText(b)).toBe("ping");
  const done = shutdown(a);
  expect(await readText(b)).toBe(null);
  await done;
  b.write([bytes("pong")]);
  expect(await readText(a)).toBe("pong");
  b.abort(new Error("enough"));
  await expect(readText(a)).rejects.toMatchObject({ kind: "io" });
});

test("the sources name no Node module", () => {
  for (const file of ["web-io.ts", "index.ts", "../transport-error.ts"]) {
    expect(readFileSync(new URL(file, import.meta.url), "utf8")).not.toMatch(/node:|Buffer|process\./);
  }
});
