import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { HttpError } from "../error.ts";
import { PendingUpgrade } from "./pending-upgrade.ts";
import { Upgraded } from "./upgraded.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Reads `count` times; chunks as text, the end as `null`. */
function read(io: Upgraded, count: number): (string | null)[] {
  const seen: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    io.read((chunk) => seen.push(chunk === null ? null : String.fromCharCode(...chunk)));
  }
  return seen;
}

describe("Upgraded", () => {
  test("[hyper-122] early bytes come first and once, then what the transport brings, then its end", () => {
    const io = new Upgraded(scriptedIo(["two", "three", null]), bytes("one"));
    expect(read(io, 5)).toEqual(["one", "two", "three", null, null]);
  });

  test("[hyper-122] without early bytes the transport is read at once", () => {
    expect(read(new Upgraded(scriptedIo(["two", null]), new Uint8Array(0)), 2)).toEqual(["two", null]);
  });

  test("[hyper-121] intoParts gives back the very transport, with the early bytes while they are unread", () => {
    const transport = scriptedIo();
    const unread = new Upgraded(transport, bytes("one")).intoParts();
    expect(unread.io).toBe(transport);
    expect(unread.readBuffer).toEqual(bytes("one"));

    const read1 = new Upgraded(transport, bytes("one"));
    read(read1, 1);
    expect(read1.intoParts().readBuffer.length).toBe(0);
  });

  test("[hyper-121] parts are given once: afterwards there are no early bytes left", () => {
    const io = new Upgraded(scriptedIo(), bytes("one"));
    io.intoParts();
    expect(io.intoParts().readBuffer.length).toBe(0);
  });

  test("facts, clock, writes, shutdown and abort are the transport's", () => {
    const timer = fakeTimer();
    const transport = scriptedIo([], { timer, info: { remotePort: 7 }, capacityBytes: 2 });
    const io = new Upgraded(transport, bytes("early"));
    expect([io.info, io.timer]).toEqual([{ remotePort: 7 }, timer]);
    expect(io.write([bytes("a"), bytes("b")])).toBe(false);
    let drained = 0;
    io.drained(() => drained++);
    expect(drained).toBe(0);
    transport.drain();
    expect(drained).toBe(1);
    let ended = 0;
    io.shutdown(() => ended++);
    expect([transport.writtenText, transport.isShutdown, ended]).toEqual(["ab", true, 1]);
    const reason = new Error("enough");
    io.abort(reason);
    expect(transport.abortReason).toBe(reason);
    expect(read(io, 1)).toEqual([null]);
  });
});

describe("PendingUpgrade", () => {
  const parts = () => ({ io: scriptedIo(), readBuffer: bytes("early") });

  test("who waits before gets the transport when it comes; who asks after gets it at once; all get the same", async () => {
    const pending = new PendingUpgrade();
    const first = pending.wait();
    const given = parts();
    pending.fulfill(given, fakeTimer(), 100);
    expect(pending.wait()).toBe(first);
    expect((await first).intoParts().io).toBe(given.io);

    const late = new PendingUpgrade();
    late.fulfill(given, fakeTimer(), 100);
    expect((await late.wait()).intoParts().io).toBe(given.io);
  });

  test("taken by hand first: who asks after is told", async () => {
    const pending = new PendingUpgrade();
    const given = parts();
    pending.fulfill(given, fakeTimer(), 100);
    expect(pending.take()).toBe(given);
    expect(pending.take()).toBeUndefined();
    await expect(pending.wait()).rejects.toMatchObject({ kind: "user", code: "MANUAL_UPGRADE" });
  });

  test("handed to a waiter first: nothing is left to take by hand", () => {
    const pending = new PendingUpgrade();
    void pending.wait();
    pending.fulfill(parts(), fakeTimer(), 100);
    expect(pending.take()).toBeUndefined();
  });

  test("before it is there nothing can be taken by hand", () => {
    expect(new PendingUpgrade().take()).toBeUndefined();
  });

  test("nobody comes: the transport is given up when patience ends, and not before", async () => {
    const timer = fakeTimer();
    const pending = new PendingUpgrade();
    const { io, readBuffer } = parts();
    pending.fulfill({ io, readBuffer }, timer, 100);
    timer.advance(99);
    expect(io.isAborted).toBe(false);
    timer.advance(1);
    expect(io.isAborted).toBe(true);
    await expect(pending.wait()).rejects.toMatchObject({ kind: "timeout", code: "idleTimeoutMs" });
    expect(pending.take()).toBeUndefined();
  });

  test("taken in time, or with patience 0 or without a clock, it is never given up", () => {
    for (const how of ["take", "wait", "forever", "clockless"] as const) {
      const timer = fakeTimer();
      const pending = new PendingUpgrade();
      const given = parts();
      pending.fulfill(given, how === "clockless" ? null : timer, how === "forever" ? 0 : 100);
      if (how === "take") pending.take();
      if (how === "wait") void pending.wait();
      expect(timer.pending).toBe(0);
      expect(given.io.isAborted).toBe(false);
    }
  });

  test("a failure reaches those who wait and those who ask later; the first failure counts", async () => {
    const pending = new PendingUpgrade();
    const first = new HttpError("canceled", "FIRST", "m");
    const waiting = pending.wait();
    pending.fail(first);
    pending.fail(new HttpError("canceled", "SECOND", "m"));
    await expect(waiting).rejects.toBe(first);
    await expect(pending.wait()).rejects.toBe(first);
  });

  test("a failure after the transport came changes nothing", async () => {
    const pending = new PendingUpgrade();
    const given = parts();
    pending.fulfill(given, null, 0);
    pending.fail(new HttpError("canceled", "LATE", "m"));
    expect((await pending.wait()).intoParts().io).toBe(given.io);
  });
});
