import { describe, expect, test } from "vitest";
import { bytes, expectBodyError, now, readAll, text } from "../test/helpers.ts";
import { Empty, empty, Full, full, isBody, SizeHint } from "./index.ts";

describe("full", () => {
  test("[hyper-246] yields its data once, uncopied, then null for ever", () => {
    const data = bytes("hello");
    const body = full(data);
    expect(body.isEndStream()).toBe(false);
    expect(body.sizeHint().exact).toBe(5);
    expect(now(body)).toBe(data);
    expect(body.isEndStream()).toBe(true);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    expect(now(body)).toBeNull();
    expect(now(body)).toBeNull();
  });

  test("[hyper-246] empty input yields no frame", () => {
    for (const body of [full(""), full(new Uint8Array(0))]) {
      expect(body.isEndStream()).toBe(true);
      expect(body.sizeHint()).toBe(SizeHint.zero);
      expect(now(body)).toBeNull();
      expect(body.intoInner()).toBeUndefined();
    }
  });

  test("[hyper-246] intoInner gives the data before reading, nothing after", () => {
    const data = bytes("hello");
    const unread = full(data);
    expect(unread.intoInner()).toBe(data);
    expect(unread.isEndStream()).toBe(true);
    expect(now(unread)).toBeNull();
    const read = full(data);
    now(read);
    expect(read.intoInner()).toBeUndefined();
  });

  test("a string is its UTF-8", () => {
    expect(full("é€").sizeHint().exact).toBe(5);
    expect(text(now(full("é€")))).toBe("é€");
    expect(() => full(5 as never)).toThrow("received a number");
  });

  test("cancelled before it was read, it fails once and is then at its end", async () => {
    const body = full("x");
    const reason = new Error("enough");
    body.cancel(reason);
    body.cancel(new Error("again"));
    expect(body.isEndStream()).toBe(false);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    expect(body.intoInner()).toBeUndefined();
    expect(() => body.frame()).toThrow(reason);
    expect(now(body)).toBeNull();
    expect(body.isEndStream()).toBe(true);
    const unexplained = full("x");
    unexplained.cancel();
    await expectBodyError(() => unexplained.frame(), "canceled");
  });

  test("cancelled after its end, nothing happens", () => {
    const body = full("x");
    now(body);
    body.cancel(new Error("late"));
    expect(now(body)).toBeNull();
    expect(body.isEndStream()).toBe(true);
  });
});

describe("empty", () => {
  test("is at its end from the start, and one for all", async () => {
    const body = empty();
    body.cancel();
    expect(body).toBe(empty());
    expect(now(body)).toBeNull();
    expect(body.isEndStream()).toBe(true);
    expect(body.sizeHint()).toBe(SizeHint.zero);
    expect(await readAll(body)).toEqual([]);
  });
});

describe("unions", () => {
  // What Either is for in Rust: a union of body types is a body, and narrowing is taking out what is inside.
  const answer = (found: boolean): Full | Empty => (found ? full("found") : empty());

  test("[hyper-248] left: one of a union is read as a body, and taken out by narrowing", async () => {
    const left = answer(true);
    expect(isBody(left)).toBe(true);
    expect(left.sizeHint().exact).toBe(5);
    if (!(left instanceof Full)) throw new Error("left");
    expect(text(left.intoInner() ?? null)).toBe("found");
    expect(await readAll(answer(true))).toEqual(["found"]);
  });

  test("[hyper-248] right: so is the other", async () => {
    const right = answer(false);
    expect(right).toBeInstanceOf(Empty);
    expect(right.isEndStream()).toBe(true);
    expect(await readAll(right)).toEqual([]);
  });
});

describe("every body", () => {
  test("is async iterable, and leaving the loop cancels it", async () => {
    const body = full("x");
    for await (const frame of body) expect(text(frame)).toBe("x");
    const left = body[Symbol.asyncIterator]();
    expect(left[Symbol.asyncIterator]()).toBe(left);
    expect(await left.next()).toEqual({ done: true, value: undefined });

    const abandoned = full("x");
    expect(await abandoned[Symbol.asyncIterator]().return?.()).toEqual({ done: true, value: undefined });
    await expectBodyError(() => abandoned.frame(), "canceled");
  });

  test("is cancelled at the end of its scope by await using", async () => {
    const body = full("x");
    await body[Symbol.asyncDispose]();
    await expectBodyError(() => body.frame(), "canceled");
  });
});
