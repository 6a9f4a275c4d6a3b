import { describe, expect, test } from "vitest";
import { bytes, drained, failure, readText, readToEnd, shutdown, text } from "../../test/support/io.ts";
import { block, fakeTimer, manualTurns, scriptedIo } from "./index.ts";

describe("reading", () => {
  test("gives the chunks of the script, bytes or latin1 text, and the end again and again", async () => {
    const io = scriptedIo(["one", bytes("two"), "\xe9", null]);
    expect(await readText(io)).toBe("one");
    expect(io.remaining).toBe(3);
    expect(await readToEnd(io)).toBe("two\xe9");
    expect(await readText(io)).toBe(null);
  });

  test("waits at a block until resume, and at the end of the script until push", () => {
    const io = scriptedIo(["a", block, "b"]);
    let got = "";
    io.read(function again(chunk) {
      got += text(chunk);
      if (chunk !== null) io.read(again);
    });
    expect(got).toBe("a");
    expect(io.isReading).toBe(true);
    io.resume();
    expect(got).toBe("ab");
    io.resume();
    io.push("c", null);
    expect(got).toBe("abcnull");
    expect(io.isReading).toBe(false);
  });

  test("waits by the timer", () => {
    const timer = fakeTimer();
    const io = scriptedIo([{ waitMs: 10 }, "late", { waitMs: 5 }, "later"], { timer });
    let got = "";
    io.read(function again(chunk) {
      got += text(chunk);
      io.read(again);
    });
    timer.advance(9);
    expect(got).toBe("");
    timer.advance(1);
    expect(got).toBe("late");
    io.push("more");
    timer.advance(5);
    expect(got).toBe("latelatermore");
    expect(() => scriptedIo([{ waitMs: 1 }]).read(() => {})).toThrow("timer");
  });

  test("cuts chunks further", async () => {
    const io = scriptedIo(["abcdef", "gh", null], { tear: [2, 1] });
    const sizes: number[] = [];
    for (let chunk = await readText(io); chunk !== null; chunk = await readText(io)) sizes.push(chunk.length);
    expect(sizes).toEqual([2, 1, 2, 1, 2]);
  });

  test("an error of the script fails both directions from there on", async () => {
    const io = scriptedIo(["a", Object.assign(new Error("boom"), { code: "ECONNRESET" })]);
    expect(io.write([bytes("x")])).toBe(true);
    expect(await readText(io)).toBe("a");
    const error = await failure(readText(io));
    expect(error).toMatchObject({ kind: "io", code: "ECONNRESET" });
    expect(await failure(readText(io))).toBe(error);
    expect(io.write([bytes("y")])).toBe(false);
    expect(await failure(drained(io))).toBe(error);
    expect(await failure(shutdown(io))).toBe(error);
    expect(io.writtenText).toBe("x");
  });

  test("one read at a time; no empty chunks", () => {
    const io = scriptedIo();
    io.read(() => {});
    expect(() => io.read(() => {})).toThrow(TypeError);
    expect(() => scriptedIo([""])).toThrow(RangeError);
    expect(() => io.push(new Uint8Array(0))).toThrow(RangeError);
  });

  test("many chunks do not recurse", () => {
    const io = scriptedIo([new Uint8Array(50_000), null], { tear: () => 1 });
    let count = 0;
    io.read(function again(chunk) {
      count += 1;
      if (chunk !== null) io.read(again);
    });
    expect(count).toBe(50_001);
  });
});

describe("writing", () => {
  test("records bytes and boundaries", async () => {
    const io = scriptedIo();
    io.write([bytes("a"), bytes("b")]);
    io.write([bytes("\xff")]);
    expect(io.written).toEqual(new Uint8Array([0x61, 0x62, 0xff]));
    expect(io.writes.map((chunk) => text(chunk))).toEqual(["ab", "\xff"]);
    expect(io.takeWritten()).toBe("ab\xff");
    expect(io.writtenText).toBe("");
    await drained(io);
    await shutdown(io);
    expect(io.isShutdown).toBe(true);
    expect(io.write([bytes("late")])).toBe(false);
    expect(await failure(drained(io))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
    expect(await failure(shutdown(io))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
  });

  test("backpressure until drain", () => {
    const io = scriptedIo([], { capacityBytes: 2 });
    expect(io.write([bytes("a")])).toBe(true);
    expect(io.write([bytes("b")])).toBe(false);
    let called = 0;
    io.drained(() => (called += 1));
    expect(() => io.drained(() => {})).toThrow(TypeError);
    expect(called).toBe(0);
    io.drain();
    io.drain();
    expect(called).toBe(1);
    expect(io.write([bytes("c")])).toBe(true);
  });

  test("a shutdown that fails", async () => {
    const error = new Error("no end");
    expect(await failure(shutdown(scriptedIo([], { shutdownError: error })))).toBe(error);
  });
});

test("abort records its reason and completes what is outstanding with it", () => {
  const timer = fakeTimer();
  const io = scriptedIo([{ waitMs: 5 }], { timer, capacityBytes: 1, info: { secure: false } });
  const seen: unknown[] = [];
  io.write([bytes("x")]);
  io.read((chunk, error) => seen.push(chunk, error));
  io.drained((error) => seen.push(error));
  expect(io.isAborted).toBe(false);
  io.abort("why");
  io.abort("again");
  expect(seen.sort()).toEqual(["why", "why", null].sort());
  expect(io.isAborted).toBe(true);
  expect(io.abortReason).toBe("why");
  expect(timer.pending).toBe(0);
  expect(io.info).toEqual({ secure: false });
});

test("fail fails at any point, and turns decide when callbacks run", async () => {
  const turns = manualTurns();
  const io = scriptedIo(["a"], { turns });
  let seen: unknown;
  io.read((_chunk, error) => (seen = error));
  io.fail(Object.assign(new Error("broken"), { code: "EPIPE" }));
  expect(seen).toBe(undefined);
  turns.pump();
  expect(seen).toMatchObject({ kind: "io", code: "EPIPE" });
});
