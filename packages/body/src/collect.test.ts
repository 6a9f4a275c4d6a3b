import { describe, expect, test } from "vitest";
import {
  bytes,
  expectBodyError,
  failure,
  now,
  readAll,
  SpyBody,
  type SpyOptions,
  text,
  trailers,
} from "../test/helpers.ts";
import { ByteJoiner } from "./byte-joiner.ts";
import { collect, empty, fromIterable, full, HeaderMap, SizeHint, Trailers } from "./index.ts";

const modes = ["sync", "async", "mixed"] as const satisfies SpyOptions["mode"][];

/** A body of `chunks` that announces `announced` bytes, whatever it gives. */
function announcing(announced: number, chunks: readonly string[]): SpyBody {
  const body = new SpyBody(chunks.map(bytes));
  body.sizeHint = () => SizeHint.exact(announced);
  return body;
}

describe("collect", () => {
  test("[hyper-243] a full body: the same bytes, uncopied, as often as asked", async () => {
    const data = bytes("hello");
    const collected = collect(full(data));
    expect(await collected.bytes()).toBe(data);
    expect(await collected.bytes()).toBe(data);
    expect(await collected.text()).toBe("hello");
    expect(await collected.trailers()).toBeUndefined();
    expect(await collect(full(data)).chunks()).toEqual([data]);
    expect((await collect(full(data)).chunks())[0]).toBe(data);
  });

  test("[hyper-243] segmented and delayed bodies: in order, in one piece", async () => {
    for (const mode of modes) {
      for (const hints of [false, true]) {
        const steps = [bytes("a"), bytes("b"), bytes("cd")];
        const collected = collect(new SpyBody(steps, { mode, hints }));
        expect(await collected.text()).toBe("abcd");
        expect(await collected.bytes()).toBe(await collected.bytes());
        const chunks = await collect(new SpyBody(steps, { mode, hints })).chunks();
        expect(chunks).toEqual(steps);
        expect(chunks.every((chunk, at) => chunk === steps[at])).toBe(true);
      }
    }
  });

  test("[hyper-243] trailers, those of several frames merged, none of the maps changed", async () => {
    const first = new HeaderMap({ a: "1" });
    const second = new HeaderMap({ a: "2", b: "3" });
    const third = new HeaderMap({ c: "4" });
    const steps = [bytes("x"), ...[first, second, third].map((fields) => new Trailers(fields))];
    for (const mode of modes) {
      const collected = collect(new SpyBody(steps, { mode }));
      const merged = await collected.trailers();
      expect([...(merged ?? [])]).toEqual([
        ["a", "1"],
        ["a", "2"],
        ["b", "3"],
        ["c", "4"],
      ]);
      expect(await collected.text()).toBe("x");
    }
    expect([first.size, second.size, third.size]).toEqual([1, 2, 1]);
    const one = await collect(new SpyBody([new Trailers(first)])).trailers();
    expect(one).toBe(first);
  });

  test("[hyper-243] empty frames leave nothing behind", async () => {
    const steps = [bytes(""), bytes("a"), bytes(""), bytes("b"), bytes("")];
    expect(await collect(new SpyBody(steps)).text()).toBe("ab");
    expect((await collect(new SpyBody(steps)).chunks()).map(text)).toEqual(["a", "b"]);
    const only = bytes("only");
    expect(await collect(new SpyBody([bytes(""), only, bytes("")])).bytes()).toBe(only);
    expect(await collect(empty()).bytes()).toEqual(new Uint8Array(0));
    expect(await collect(empty()).chunks()).toEqual([]);
    const nothing = collect(empty());
    expect(await nothing.text()).toBe("");
    expect(await nothing.chunks()).toEqual([]);
  });

  test("reading starts with the first question and happens once", async () => {
    const source = new SpyBody([bytes("a"), bytes("b")], { mode: "async" });
    const collected = collect(source);
    expect(source.pulls).toBe(0);
    const [joined, again, fields] = await Promise.all([collected.text(), collected.text(), collected.trailers()]);
    expect([joined, again, fields]).toEqual(["ab", "ab", undefined]);
    expect(source.pulls).toBe(3);
    expect((await collected.chunks()).map(text)).toEqual(["ab"]);
  });

  test("a body that is at hand is read before the question returns", () => {
    const source = new SpyBody([bytes("a"), bytes("b")]);
    void collect(source).bytes();
    expect(source.pulls).toBe(3);
  });

  test("chunks first, then bytes: joined once", async () => {
    const collected = collect(new SpyBody([bytes("a"), bytes("b")]));
    expect((await collected.chunks()).map(text)).toEqual(["a", "b"]);
    const joined = await collected.bytes();
    expect(text(joined)).toBe("ab");
    expect(await collected.bytes()).toBe(joined);
  });

  test("text is UTF-8 without a byte order mark, also split inside a character; json is parsed", async () => {
    expect(await collect(fromIterable([new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac])])).text()).toBe("€");
    expect(await collect(full(new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff]))).text()).toBe("a\ufffd");
    expect(await collect(full('{"a":[1]}')).json()).toEqual({ a: [1] });
    expect(await failure(() => collect(full("{")).json())).toBeInstanceOf(SyntaxError);
  });

  test("the body's error answers every question", async () => {
    for (const mode of modes) {
      const trouble = new Error("trouble");
      const collected = collect(new SpyBody([bytes("a"), trouble], { mode }));
      for (const ask of [() => collected.bytes(), () => collected.chunks(), () => collected.trailers()]) {
        expect(await failure(ask)).toBe(trouble);
      }
    }
  });

  test("maxBytes at the limit and one past it", async () => {
    const steps = [bytes("abc"), bytes("de")];
    expect(await collect(new SpyBody(steps), { maxBytes: 5 }).text()).toBe("abcde");
    const source = new SpyBody(steps);
    const error = await expectBodyError(() => collect(source, { maxBytes: 4 }).text(), "length-limit");
    expect(error.limit).toBe(4);
    expect(source.cancels).toEqual([error]);
    expect(() => collect(empty(), { maxBytes: -1 })).toThrow(RangeError);
  });

  test("trailers beyond the cap of the map fail the collection and cancel the body", async () => {
    const source = new SpyBody([
      new Trailers(new HeaderMap({ a: "1" }, { maxLines: 1 })),
      new Trailers(new HeaderMap({ b: "1" })),
      bytes("never read"),
    ]);
    const error = await expectBodyError(() => collect(source).trailers(), "too-many-fields");
    expect(source.cancels).toEqual([error]);
  });

  test("cancel gives up, before and while reading", async () => {
    const before = collect(full("x"));
    const reason = new Error("enough");
    before.cancel(reason);
    expect(await failure(() => before.bytes())).toBe(reason);
    const stuck = collect(new SpyBody([], { mode: "stuck" }));
    const asked = stuck.bytes();
    stuck.cancel(reason);
    expect(await failure(() => asked)).toBe(reason);
  });

  test("replay gives what was collected, each time", async () => {
    const collected = collect(new SpyBody([bytes("a"), bytes("bc"), trailers({ x: "1" })]));
    for (let i = 0; i < 2; i++) {
      const body = await collected.replay();
      expect(body.sizeHint().exact).toBe(3);
      expect(await readAll(body)).toEqual(["a", "bc", "{x=1}"]);
    }
    expect(now(await collect(empty()).replay())).toBeNull();
  });
});

describe("joining", () => {
  test("[hyper-251] what comes is shorter than, equal to and longer than what was announced", async () => {
    for (const announced of [0, 2, 3, 4, 5, 6, 100]) {
      expect(await collect(announcing(announced, ["ab", "c", "de"])).text()).toBe("abcde");
    }
    const exact = await collect(announcing(5, ["ab", "c", "de"])).bytes();
    expect(exact.buffer.byteLength).toBe(5);
  });

  test("[hyper-251] one long chunk among short ones, and alone", async () => {
    const long = "x".repeat(100_000);
    expect(await collect(fromIterable(["a", long, "b"])).text()).toBe(`a${long}b`);
    const alone = bytes(long);
    expect(await collect(announcing(7, [])).bytes()).toEqual(new Uint8Array(0));
    expect(await collect(fromIterable([alone])).bytes()).toBe(alone);
  });

  test("[hyper-251] too many: bytes beyond the limit are an error, not a longer answer", async () => {
    await expectBodyError(() => collect(announcing(4, ["abc", "de"]), { maxBytes: 4 }).bytes(), "length-limit");
  });

  test("a huge announcement allocates nothing near it", async () => {
    for (const announced of [1024 * 1024 + 1, 2 ** 53 - 1]) {
      const joined = await collect(announcing(announced, ["ab", "c"])).bytes();
      expect(text(joined)).toBe("abc");
      expect(joined.buffer.byteLength).toBeLessThanOrEqual(16 * 1024);
    }
    // Even a believed one is made room for only while it is read.
    const joined = await collect(announcing(1024 * 1024, ["ab", "c"])).bytes();
    expect(text(joined)).toBe("abc");
    expect(joined.buffer.byteLength).toBe(3);
  });

  test("small chunks are copied together, so that their buffers can go", () => {
    const joiner = new ByteJoiner(undefined);
    const buffer = new Uint8Array(64 * 1024).fill(1);
    for (let i = 0; i < 40_000; i++) joiner.push(buffer.subarray(i, i + 1));
    buffer.fill(2);
    // The first is kept as it came only while it is the only one.
    expect(joiner.join()).toEqual(new Uint8Array(40_000).fill(1));
  });

  test("large chunks are kept by reference until they are joined", () => {
    const joiner = new ByteJoiner(undefined);
    const large = new Uint8Array(16_384).fill(1);
    joiner.push(new Uint8Array([9]));
    joiner.push(large);
    joiner.push(large);
    large.fill(2);
    const joined = joiner.join();
    expect([joined[0], joined[1], joined[32_768], joined.byteLength]).toEqual([9, 2, 2, 32_769]);
  });

  test("blocks fill up and follow each other", () => {
    const joiner = new ByteJoiner(undefined);
    const chunk = new Uint8Array(4095);
    for (let i = 0; i < 9; i++) joiner.push(chunk.fill(i).slice());
    const joined = joiner.join();
    expect(joined.byteLength).toBe(9 * 4095);
    for (let i = 0; i < 9; i++) expect([joined[i * 4095], joined[(i + 1) * 4095 - 1]]).toEqual([i, i]);
  });
});
