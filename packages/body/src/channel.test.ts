import { describe, expect, test, vi } from "vitest";
import { bytes, expectBodyError, failure, now, readAll, settle, text, trailers } from "../test/helpers.ts";
import { channel, collect, HeaderMap, SizeHint } from "./index.ts";

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await settle();
  return settled;
}

describe("channel: capacity", () => {
  test("[hyper-184] a channel of one buffers one chunk, the second send waits until it is taken", async () => {
    const { sender, body } = channel(1);
    expect([sender.capacity, sender.maxCapacity]).toEqual([1, 1]);
    await sender.send(bytes("a"));
    expect(sender.capacity).toBe(0);
    const second = sender.send(bytes("b"));
    expect(await isSettled(second)).toBe(false);
    expect(text(now(body))).toBe("a");
    expect(await isSettled(second)).toBe(true);
    expect(sender.capacity).toBe(0);
    expect(text(now(body))).toBe("b");
    expect(sender.capacity).toBe(1);
  });

  test("a frame goes straight to a reader that waits, and takes no slot", async () => {
    const { sender, body } = channel(1);
    const frame = body.frame();
    await sender.send(bytes("a"));
    expect(sender.capacity).toBe(1);
    await sender.send(bytes("b"));
    expect(text(await frame)).toBe("a");
    expect(text(now(body))).toBe("b");
  });

  test("sends that wait keep their order, and close waits for them", async () => {
    const { sender, body } = channel(1);
    const sends = ["a", "b", "c"].map((chunk) => sender.sendData(chunk));
    sender.close();
    expect(body.isEndStream()).toBe(false);
    expect(body.sizeHint().exact).toBe(3);
    expect(await readAll(body)).toEqual(["a", "b", "c"]);
    await Promise.all(sends);
  });

  test("ready resolves when there is a slot, and reserves none", async () => {
    const { sender, body } = channel(1);
    await sender.ready();
    await sender.send(bytes("a"));
    const ready = sender.ready();
    const alsoReady = sender.ready();
    expect(await isSettled(ready)).toBe(false);
    now(body);
    await ready;
    await alsoReady;
    expect(sender.capacity).toBe(1);
  });

  test("a slot goes to a send that waits before anyone is told that there is one", async () => {
    const { sender, body } = channel(1);
    await sender.sendData("a");
    const send = sender.sendData("b");
    const ready = sender.ready();
    now(body);
    await send;
    expect(await isSettled(ready)).toBe(false);
    now(body);
    await ready;
  });

  test("a capacity that is not an integer of 1 or more is refused", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, "1" as never]) expect(() => channel(wrong)).toThrow(RangeError);
    expect(() => channel(1, { length: 2 ** 53 })).toThrow(RangeError);
  });

  test("two readers at once are refused, and the first is not disturbed", async () => {
    const { sender, body } = channel(1);
    const first = body.frame();
    await expectBodyError(() => body.frame(), "busy");
    await sender.sendData("a");
    expect(text(await first)).toBe("a");
  });
});

describe("channel: kinds of frames", () => {
  test("[hyper-244] empty: closed without a frame", async () => {
    const { sender, body } = channel(1);
    sender.close();
    expect(body.isEndStream()).toBe(true);
    expect(now(body)).toBeNull();
  });

  test("[hyper-244] closed while the reader waits", async () => {
    const { sender, body } = channel(1);
    const frame = body.frame();
    sender.close();
    sender.close();
    expect(await frame).toBeNull();
    expect(now(body)).toBeNull();
    expect(sender.isClosed).toBe(true);
  });

  test("[hyper-244] data, trailers, and both", async () => {
    const data = channel(2);
    await data.sender.sendData(bytes("hello"));
    await data.sender.sendData("!");
    data.sender.close();
    expect(await collect(data.body).text()).toBe("hello!");

    const fields = channel(1);
    await fields.sender.sendTrailers(new HeaderMap({ x: "1" }));
    fields.sender.close();
    expect((await collect(fields.body).trailers())?.get("x")).toBe("1");

    const both = channel(2);
    await both.sender.sendData("hello");
    await both.sender.sendTrailers(trailers({ x: "1" }));
    both.sender.close();
    expect(await readAll(both.body)).toEqual(["hello", "{x=1}"]);
  });

  test("wrong data is refused before it gets anywhere", async () => {
    const { sender } = channel(1);
    expect(await failure(() => sender.sendData(5 as never))).toBeInstanceOf(TypeError);
    expect(await failure(() => sender.sendTrailers({} as never))).toBeInstanceOf(TypeError);
    expect(sender.capacity).toBe(1);
  });

  test("[hyper-244] trySend hands the frame back when full and when closed", async () => {
    const { sender, body } = channel(1);
    const frame = bytes("b");
    expect(sender.trySend(bytes("a"))).toBeUndefined();
    expect(sender.trySend(frame)).toEqual({ reason: "full", frame });
    expect(sender.trySend(frame)?.frame).toBe(frame);
    body.cancel();
    expect(sender.trySend(frame)).toEqual({ reason: "closed", frame });
    expect(sender.capacity).toBe(0);
  });
});

describe("channel: abort", () => {
  test("[hyper-185] abort surfaces as an error, also with a full buffer", async () => {
    for (const waiting of [0, 1]) {
      const { sender, body } = channel(1);
      await sender.sendData("a");
      const frame = bytes("b");
      const sends = waiting > 0 ? [sender.send(frame)] : [];
      const trouble = new Error("trouble");
      sender.abort(trouble);
      sender.abort(new Error("again"));
      for (const send of sends) {
        expect((await expectBodyError(() => send, "closed")).frame).toBe(frame);
      }
      expect(body.sizeHint()).toEqual(new SizeHint(1));
      expect(body.isEndStream()).toBe(false);
      expect(text(now(body))).toBe("a");
      expect(body.isEndStream()).toBe(false);
      expect(sender.isClosed).toBe(false);
      expect(() => body.frame()).toThrow(trouble);
      expect(sender.isClosed).toBe(true);
      expect(now(body)).toBeNull();
      expect(body.isEndStream()).toBe(true);
    }
  });

  test("[hyper-185] abort reaches a reader that waits, and has an error of its own without one", async () => {
    const { sender, body } = channel(1);
    const frame = body.frame();
    sender.abort();
    await expectBodyError(() => frame, "aborted");
    expect(now(body)).toBeNull();
    expect(sender.isClosed).toBe(true);
  });

  test("[hyper-244] abort before trailers and after trailers comes after what was queued", async () => {
    const before = channel(2);
    await before.sender.sendData("a");
    before.sender.abort(new Error("trouble"));
    await expectBodyError(() => before.sender.sendTrailers(new HeaderMap()), "closed");
    expect(text(now(before.body))).toBe("a");
    expect(() => before.body.frame()).toThrow("trouble");

    const after = channel(2);
    await after.sender.sendData("a");
    await after.sender.sendTrailers(new HeaderMap({ x: "1" }));
    after.sender.abort(new Error("trouble"));
    expect(text(now(after.body))).toBe("a");
    expect(text(now(after.body))).toBe("{x=1}");
    expect(() => after.body.frame()).toThrow("trouble");
  });

  test("abort after close does nothing; leaving a scope aborts unless closed", async () => {
    const closed = channel(1);
    await closed.sender.sendData("a");
    closed.sender.close();
    await closed.sender[Symbol.asyncDispose]();
    expect(await readAll(closed.body)).toEqual(["a"]);

    const left = channel(1);
    await left.sender[Symbol.asyncDispose]();
    await expectBodyError(() => left.body.frame(), "aborted");
  });
});

describe("channel: declared length", () => {
  test("[hyper-186] of length zero ends cleanly", async () => {
    const { sender, body } = channel(1, { length: 0 });
    expect(body.isEndStream()).toBe(true);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    expect(now(body)).toBeNull();
    expect(sender.isClosed).toBe(true);
    sender.close();
    await sender.closed;
  });

  test("[hyper-186] dropped mid-length is an error, after what was sent", async () => {
    const { sender, body } = channel(2, { length: 5 });
    await sender.sendData("abc");
    sender.close();
    expect(text(now(body))).toBe("abc");
    const error = await expectBodyError(() => body.frame(), "length-mismatch");
    expect(error.message).toBe("the body was to be 5 bytes; it ended after 3");
    expect(now(body)).toBeNull();
  });

  test("[hyper-186] ends by itself with its last byte", async () => {
    const { sender, body } = channel(2, { length: 5 });
    await sender.sendData("abc");
    await sender.sendData("de");
    now(body);
    expect(body.isEndStream()).toBe(false);
    now(body);
    expect(body.isEndStream()).toBe(true);
    expect(now(body)).toBeNull();
    expect(sender.isClosed).toBe(true);
  });

  test("a frame that goes over is refused and handed back, the body goes on", async () => {
    const { sender, body } = channel(2, { length: 3 });
    const frame = bytes("abcd");
    expect((await expectBodyError(() => sender.send(frame), "length-mismatch")).frame).toBe(frame);
    expect((await expectBodyError(() => sender.trySend(frame), "length-mismatch")).frame).toBe(frame);
    const fields = trailers({ x: "1" });
    expect((await expectBodyError(() => sender.send(fields), "length-mismatch")).frame).toBe(fields);
    await sender.sendData("abc");
    expect(await readAll(body)).toEqual(["abc"]);
  });

  test("[hyper-188] hints: empty 0, known exact, unknown open", () => {
    expect(channel(1, { length: 0 }).body.sizeHint().exact).toBe(0);
    expect(channel(1, { length: 5 }).body.sizeHint().exact).toBe(5);
    expect(channel(1).body.sizeHint()).toEqual(SizeHint.unknown);
  });

  test("[hyper-188] a known hint falls as chunks are read, an unknown one stays open", async () => {
    const known = channel(2, { length: 5 });
    await known.sender.sendData("abc");
    expect(known.body.sizeHint().exact).toBe(5);
    now(known.body);
    expect(known.body.sizeHint().exact).toBe(2);

    const open = channel(2);
    await open.sender.sendData("abc");
    expect(open.body.sizeHint()).toEqual(new SizeHint(3));
    now(open.body);
    expect(open.body.sizeHint()).toEqual(SizeHint.unknown);
    await open.sender.sendData("abc");
    open.sender.close();
    expect(open.body.sizeHint().exact).toBe(3);
  });
});

describe("channel: the two ends notice each other", () => {
  test("[hyper-187] readiness follows polling: wanted when the reader waits, and no longer once it has a frame", async () => {
    const { sender, body } = channel(1);
    expect(sender.isWanted).toBe(false);
    const wanted = sender.wanted();
    expect(await isSettled(wanted)).toBe(false);
    const frame = body.frame();
    expect(sender.isWanted).toBe(true);
    await wanted;
    await sender.wanted();
    await sender.sendData("a");
    expect(sender.isWanted).toBe(false);
    await frame;
    const again = sender.wanted();
    expect(await isSettled(again)).toBe(false);
    body.frame();
    await again;
  });

  test("[hyper-187] a frame taken from the queue is no want", async () => {
    const { sender, body } = channel(1);
    await sender.sendData("a");
    now(body);
    expect(sender.isWanted).toBe(false);
  });

  test("[hyper-187] closing is noticed by the sender, whatever it waits for", async () => {
    const { sender, body } = channel(1);
    const reason = new Error("enough");
    const notice = vi.fn();
    sender.onClosed(notice);
    const removed = vi.fn();
    sender.onClosed(removed)();
    const closed = sender.closed;
    await sender.sendData("a");
    const frame = bytes("b");
    const waits = { send: sender.send(frame), ready: sender.ready(), wanted: sender.wanted() };
    expect(await isSettled(closed)).toBe(false);
    expect(sender.isClosed).toBe(false);

    body.cancel(reason);
    expect(notice).toHaveBeenCalledTimes(1);
    expect(removed).not.toHaveBeenCalled();
    expect(sender.isClosed).toBe(true);
    const refused = await expectBodyError(() => waits.send, "closed");
    expect(refused.frame).toBe(frame);
    expect(refused.cause).toBe(reason);
    await expectBodyError(() => waits.ready, "closed");
    await expectBodyError(() => waits.wanted, "closed");
    await closed;
    await sender.closed;

    const late = await expectBodyError(() => sender.send(frame), "closed");
    expect(late.frame).toBe(frame);
    await expectBodyError(() => sender.ready(), "closed");
    await expectBodyError(() => sender.wanted(), "closed");
    sender.onClosed(notice)();
    expect(notice).toHaveBeenCalledTimes(2);
  });

  test("[hyper-187] reading to the end is noticed too, with the last frame and without asking again", async () => {
    const { sender, body } = channel(1);
    await sender.sendData("a");
    sender.close();
    expect(sender.isClosed).toBe(false);
    now(body);
    expect(sender.isClosed).toBe(true);
    expect(body.isEndStream()).toBe(true);
  });

  test("sends after close are refused, and waits for room or want given up", async () => {
    const { sender } = channel(1);
    await sender.sendData("a");
    const ready = sender.ready();
    const wanted = sender.wanted();
    sender.close();
    await expectBodyError(() => ready, "closed");
    await expectBodyError(() => wanted, "closed");
    const error = await expectBodyError(() => sender.sendData("b"), "closed");
    expect(error.message).toBe("the channel was closed by its sender");
    expect(sender.capacity).toBe(0);
  });

  test("cancelling frees the queue; the reader is told once", async () => {
    const { sender, body } = channel(3);
    await sender.sendData("a");
    const reason = new Error("enough");
    body.cancel(reason);
    body.cancel(new Error("again"));
    expect(body.isEndStream()).toBe(false);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    expect(() => body.frame()).toThrow(reason);
    expect(now(body)).toBeNull();
    expect(body.isEndStream()).toBe(true);
    sender.abort(new Error("late"));
    sender.close();
    expect(now(body)).toBeNull();
  });

  test("cancelling with a pending read rejects it", async () => {
    const { body } = channel(1);
    const frame = body.frame();
    body.cancel();
    await expectBodyError(() => frame, "canceled");
    expect(now(body)).toBeNull();
  });

  test("cancelling after an abort: the reader's own reason counts", async () => {
    const { sender, body } = channel(1);
    await sender.sendData("a");
    sender.abort(new Error("trouble"));
    body.cancel(new Error("enough"));
    expect(() => body.frame()).toThrow("enough");
    expect(now(body)).toBeNull();
  });

  test("a listener that throws surfaces, and disturbs nothing", async () => {
    const { sender, body } = channel(1);
    const tasks: (() => void)[] = [];
    vi.stubGlobal("queueMicrotask", (task: () => void) => tasks.push(task));
    const trouble = new Error("a bug");
    const second = vi.fn();
    sender.onClosed(() => {
      throw trouble;
    });
    sender.onClosed(second);
    body.cancel();
    vi.unstubAllGlobals();
    expect(second).toHaveBeenCalledTimes(1);
    expect(tasks).toHaveLength(1);
    expect(tasks[0]).toThrow(trouble);
  });
});
