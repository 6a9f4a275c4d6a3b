import { describe, expect, test, vi } from "vitest";
import { bytes, expectBodyError, failure, now, readAll, SpyBody, settle, text, trailers } from "../test/helpers.ts";
import {
  type Body,
  empty,
  type Frame,
  fromIterable,
  full,
  fuse,
  HeaderMap,
  inspect,
  isData,
  mapData,
  mapError,
  mapFrames,
  SizeHint,
  Trailers,
  withTrailers,
} from "./index.ts";

const upper = (data: Uint8Array) => bytes(text(data).toUpperCase());

describe("fuse", () => {
  test("[hyper-249] a body that says it is at its end is never asked", async () => {
    const source = new SpyBody([], { hints: true });
    const body = fuse(source);
    expect(now(body)).toBeNull();
    expect(now(body)).toBeNull();
    expect(source.pulls).toBe(0);
    expect(now(fuse(empty()))).toBeNull();
  });

  test("[hyper-249] stops after null", async () => {
    const source = new SpyBody([bytes("a")], { mode: "mixed" });
    const body = fuse(source);
    expect(await readAll(body)).toEqual(["a"]);
    expect(now(body)).toBeNull();
    expect(source.pulls).toBe(2);
  });

  test("[hyper-249] stops after the end flag, without asking for the null", async () => {
    const source = new SpyBody([bytes("a")], { hints: true });
    const body = fuse(source);
    expect(text(now(body))).toBe("a");
    expect(body.isEndStream()).toBe(true);
    expect(now(body)).toBeNull();
    expect(source.pulls).toBe(1);
  });

  test("[hyper-249] stops after an error", async () => {
    for (const mode of ["sync", "async"] as const) {
      const trouble = new Error("trouble");
      const source = new SpyBody([bytes("a"), trouble], { mode });
      const body = fuse(source);
      await body.frame();
      expect(await failure(() => body.frame())).toBe(trouble);
      expect(now(body)).toBeNull();
      expect(body.isEndStream()).toBe(true);
      expect(source.pulls).toBe(2);
    }
  });
});

describe("withTrailers", () => {
  const own = new HeaderMap({ own: "1" });

  test("[hyper-250] appended after the data", async () => {
    const body = withTrailers(full("a"), own);
    expect(text(now(body))).toBe("a");
    expect(body.isEndStream()).toBe(false);
    expect(text(now(body))).toBe("{own=1}");
    expect(body.isEndStream()).toBe(true);
    expect(now(body)).toBeNull();
    expect(await readAll(withTrailers(empty(), new Trailers(own)))).toEqual(["{own=1}"]);
  });

  test("[hyper-250] merged into those of the body, in one frame, no map changed", async () => {
    for (const mode of ["sync", "async", "mixed"] as const) {
      const inner = new HeaderMap({ inner: "1" });
      const source = new SpyBody([bytes("a"), new Trailers(inner)], { mode });
      expect(await readAll(withTrailers(source, own))).toEqual(["a", "{inner=1,own=1}"]);
      expect([inner.size, own.size]).toEqual([1, 1]);
    }
  });

  test("made when they are due, from a function, at once or later, or not at all", async () => {
    const made: string[] = [];
    const later = withTrailers(full("a"), async () => {
      made.push("made");
      return own;
    });
    await later.frame();
    expect(made).toEqual([]);
    expect(text(await later.frame())).toBe("{own=1}");
    expect(await readAll(later)).toEqual([]);
    expect(made).toEqual(["made"]);

    const atOnce = withTrailers(full("a"), () => own);
    now(atOnce);
    expect(text(now(atOnce))).toBe("{own=1}");

    for (const none of [() => null, async () => null, () => new HeaderMap()]) {
      expect(await readAll(withTrailers(full("a"), none))).toEqual(["a"]);
      const source = new SpyBody([trailers({ inner: "1" })]);
      expect(await readAll(withTrailers(source, none))).toEqual(["{inner=1}"]);
    }
  });

  test("the hint is that of the body, and zero once the body is at its end", async () => {
    const source = new SpyBody([bytes("abc")]);
    source.sizeHint = () => SizeHint.exact(3);
    const body = withTrailers(source, own);
    expect(body.sizeHint().exact).toBe(3);
    now(body);
    expect(text(now(body))).toBe("{own=1}");
    expect(body.sizeHint()).toBe(SizeHint.zero);
  });

  test("further frames of the body pass as they are", async () => {
    const source = new SpyBody([trailers({ a: "1" }), bytes("odd"), trailers({ b: "1" })]);
    expect(await readAll(withTrailers(source, own))).toEqual(["{a=1,own=1}", "odd", "{b=1}"]);
  });

  test("an error in making them is the body's error; a body not at its end is cancelled with it", async () => {
    const trouble = new Error("trouble");
    const makers = [
      () => {
        throw trouble;
      },
      () => Promise.reject(trouble),
    ];
    for (const make of makers) {
      for (const mode of ["sync", "async"] as const) {
        const ended = new SpyBody([], { mode });
        expect(await failure(() => withTrailers(ended, make).frame())).toBe(trouble);
        expect([ended.cancels, ended.lateCancels]).toEqual([[], 0]);
        const open = new SpyBody([trailers({ a: "1" })], { mode });
        const body = withTrailers(open, make);
        expect(await failure(() => body.frame())).toBe(trouble);
        expect(open.cancels).toEqual([trouble]);
        expect(now(body)).toBeNull();
      }
    }
  });

  test("cancelled while they are made, the pending frame rejects and what comes is dropped", async () => {
    for (const mode of ["sync", "async"] as const) {
      for (const outcome of ["resolve", "reject"] as const) {
        let finish = () => {};
        const make = () =>
          new Promise<HeaderMap>((resolve, reject) => {
            finish = () => (outcome === "resolve" ? resolve(own) : reject(new Error("nobody listens")));
          });
        const source = new SpyBody([trailers({ a: "1" })], { mode });
        const body = withTrailers(source, make);
        const frame = body.frame();
        await settle();
        const reason = new Error("enough");
        body.cancel(reason);
        expect(await failure(() => frame)).toBe(reason);
        finish();
        await settle();
        expect(source.cancels).toEqual([reason]);
        expect(now(body)).toBeNull();
      }
    }
  });

  test("what is neither fields nor a function is refused", () => {
    expect(() => withTrailers(empty(), { a: "1" } as never)).toThrow(TypeError);
  });
});

describe("mapFrames, mapData, mapError", () => {
  test("mapFrames changes every frame; the hint is unknown, the end flag stays", async () => {
    const steps = [bytes("a"), trailers({ x: "1" })];
    const map = (frame: Frame) => (isData(frame) ? upper(frame) : trailers({ y: "2" }));
    for (const mode of ["sync", "async"] as const) {
      const body = mapFrames(new SpyBody(steps, { mode, hints: true }), map);
      expect(body.sizeHint()).toBe(SizeHint.unknown);
      expect(body.isEndStream()).toBe(false);
      expect(await readAll(body)).toEqual(["A", "{y=2}"]);
      expect(body.isEndStream()).toBe(true);
      expect(body.sizeHint()).toBe(SizeHint.zero);
    }
    expect(mapFrames(empty(), map).isEndStream()).toBe(true);
  });

  test("mapData changes data only, and stays synchronous over a full body", async () => {
    const body = mapData(full("a"), upper);
    expect(body.sizeHint()).toBe(SizeHint.unknown);
    expect(text(now(body))).toBe("A");
    expect(now(body)).toBeNull();
    expect(await readAll(mapData(new SpyBody([bytes("a"), trailers({ x: "1" })]), upper))).toEqual(["A", "{x=1}"]);
  });

  test("a function that throws fails the body and cancels the source", async () => {
    const trouble = new Error("trouble");
    const fail = () => {
      throw trouble;
    };
    for (const wrap of [mapFrames, mapData]) {
      for (const mode of ["sync", "async"] as const) {
        const source = new SpyBody([bytes("a"), bytes("b")], { mode });
        const body = wrap(source, fail);
        expect(await failure(() => body.frame())).toBe(trouble);
        expect(source.cancels).toEqual([trouble]);
        expect(now(body)).toBeNull();
      }
    }
  });

  test("mapError replaces the error, by returning or throwing, and not the reason of a cancellation", async () => {
    for (const mode of ["sync", "async"] as const) {
      const trouble = new Error("trouble");
      const other = new Error("other");
      const returned = mapError(new SpyBody([trouble], { mode }), (error) => {
        expect(error).toBe(trouble);
        return other;
      });
      expect(await failure(() => returned.frame())).toBe(other);
      expect(now(returned)).toBeNull();
      const thrown = mapError(new SpyBody([trouble], { mode }), () => {
        throw other;
      });
      expect(await failure(() => thrown.frame())).toBe(other);
    }
    const map = vi.fn();
    const canceled = mapError(new SpyBody([], { mode: "stuck" }), map);
    const frame = canceled.frame();
    canceled.cancel();
    await expectBodyError(() => frame, "canceled");
    expect(map).not.toHaveBeenCalled();
  });
});

describe("inspect", () => {
  const spies = () => ({ onFrame: vi.fn(), onEnd: vi.fn(), onError: vi.fn(), onCancel: vi.fn() });

  test("is told of frames and the end, and changes nothing", async () => {
    const inspector = spies();
    const data = bytes("a");
    const body = inspect(full(data), inspector);
    expect(body.sizeHint().exact).toBe(1);
    expect(inspector.onEnd).not.toHaveBeenCalled();
    expect(now(body)).toBe(data);
    now(body);
    now(body);
    body.cancel();
    expect(inspector.onFrame.mock.calls).toEqual([[data]]);
    expect(inspector.onEnd).toHaveBeenCalledTimes(1);
    expect(inspector.onError).not.toHaveBeenCalled();
    expect(inspector.onCancel).not.toHaveBeenCalled();
    expect(await readAll(inspect(full("a"), {}))).toEqual(["a"]);
  });

  test("is told of the end with the last frame where that is known, and else when it is reached", async () => {
    const known = spies();
    now(inspect(full("a"), known));
    expect(known.onEnd).toHaveBeenCalledTimes(1);

    const unknown = spies();
    const body = inspect(fromIterable(["a"]), unknown);
    expect(await body.frame()).toEqual(bytes("a"));
    expect(unknown.onEnd).not.toHaveBeenCalled();
    expect(await body.frame()).toBeNull();
    expect(unknown.onEnd).toHaveBeenCalledTimes(1);
  });

  test("is told of an error, once", async () => {
    const inspector = spies();
    const trouble = new Error("trouble");
    const body = inspect(new SpyBody([trouble], { mode: "async" }), inspector);
    await failure(() => body.frame());
    await body.frame();
    body.cancel();
    expect(inspector.onError.mock.calls).toEqual([[trouble]]);
    expect(inspector.onEnd).not.toHaveBeenCalled();
    expect(inspector.onCancel).not.toHaveBeenCalled();
    expect(await failure(() => inspect(new SpyBody([trouble]), {}).frame())).toBe(trouble);
  });

  test("is told of a cancellation, once", async () => {
    const inspector = spies();
    const source = new SpyBody([bytes("a")]);
    const body = inspect(source, inspector);
    const reason = new Error("enough");
    body.cancel(reason);
    body.cancel();
    expect(inspector.onCancel.mock.calls).toEqual([[reason]]);
    expect(source.cancels).toEqual([reason]);
    inspect(new SpyBody([]), {}).cancel();
  });

  test("an inspector that throws fails the body", async () => {
    const trouble = new Error("trouble");
    const fail = () => {
      throw trouble;
    };
    const onCancel = vi.fn();
    const source = new SpyBody([bytes("a")]);
    expect(await failure(() => inspect(source, { onFrame: fail, onCancel }).frame())).toBe(trouble);
    expect(source.cancels).toEqual([trouble]);
    expect(await failure(() => inspect(empty(), { onEnd: fail, onCancel }).frame())).toBe(trouble);
    const failing = new SpyBody([new Error("first")]);
    expect(await failure(() => inspect(failing, { onError: fail, onCancel }).frame())).toBe(trouble);
    expect(onCancel).not.toHaveBeenCalled();
  });
});

describe("every combinator", () => {
  const combinators: readonly [string, (body: Body) => Body][] = [
    ["fuse", fuse],
    ["mapFrames", (body) => mapFrames(body, (frame) => frame)],
    ["mapData", (body) => mapData(body, (data) => data)],
    ["mapError", (body) => mapError(body, (error) => error)],
    ["inspect", (body) => inspect(body, {})],
    ["withTrailers", (body) => withTrailers(body, () => null)],
  ];

  test.each(combinators)("%s: cancel reaches the source once, and never after the end", async (_, wrap) => {
    const reason = new Error("enough");
    for (const mode of ["sync", "async", "stuck"] as const) {
      const source = new SpyBody([bytes("a"), bytes("b")], { mode });
      const body = wrap(source);
      const pending = mode === "sync" ? undefined : body.frame();
      body.cancel(reason);
      body.cancel(new Error("again"));
      expect(await failure(() => pending ?? body.frame())).toBe(reason);
      expect(source.cancels).toEqual([reason]);
      expect(body.isEndStream()).toBe(true);
      expect(body.sizeHint()).toBe(SizeHint.zero);
      expect(now(body)).toBeNull();
      await settle();
    }
    const read = new SpyBody([bytes("a")]);
    const body = wrap(read);
    await readAll(body);
    body.cancel();
    expect([read.cancels, read.lateCancels]).toEqual([[], 0]);
    const failed = new SpyBody([new Error("trouble")]);
    const failing = wrap(failed);
    await failure(() => failing.frame());
    failing.cancel();
    expect([failed.cancels, failed.lateCancels]).toEqual([[], 0]);
  });

  test.each(combinators)(
    "%s: an answer at hand comes at once, a second call while one is pending is refused",
    async (_, wrap) => {
      expect(text(now(wrap(full("a"))))).toBe("a");
      const body = wrap(new SpyBody([bytes("a")], { mode: "async" }));
      const first = body.frame();
      await expectBodyError(() => body.frame(), "busy");
      expect(text(await first)).toBe("a");
    },
  );

  test.each(combinators)("%s: cancelled between cancel and its call, not at its end until told", async (_, wrap) => {
    const body = wrap(full("a"));
    body.cancel();
    expect(body.isEndStream()).toBe(false);
    await expectBodyError(() => body.frame(), "canceled");
    expect(body.isEndStream()).toBe(true);
  });

  test.each(combinators)("%s: a source that throws in cancel cannot throw through it", async (_, wrap) => {
    const source = new SpyBody([bytes("a")]);
    source.cancel = () => {
      throw new Error("rude");
    };
    const body = wrap(source);
    body.cancel();
    await expectBodyError(() => body.frame(), "canceled");
  });
});

describe("cancelling from within", () => {
  test("the reader's function cancels the body: the frame is dropped, the source let go once", async () => {
    for (const mode of ["sync", "async"] as const) {
      const source = new SpyBody([bytes("a"), bytes("b")], { mode });
      const reason = new Error("enough");
      const body: Body = mapData(source, (data) => {
        body.cancel(reason);
        body.cancel(new Error("again"));
        return data;
      });
      expect(await failure(() => body.frame())).toBe(reason);
      expect(source.cancels).toEqual([reason]);
      expect(now(body)).toBeNull();
    }
  });

  test("it cancels and throws: what it throws counts", async () => {
    for (const mode of ["sync", "async"] as const) {
      const source = new SpyBody([bytes("a")], { mode });
      const trouble = new Error("trouble");
      const body: Body = mapData(source, () => {
        body.cancel(new Error("enough"));
        throw trouble;
      });
      expect(await failure(() => body.frame())).toBe(trouble);
      expect(source.cancels).toEqual([trouble]);
      expect(now(body)).toBeNull();
    }
  });

  test("it asks for a frame: refused as busy", async () => {
    const errors: unknown[] = [];
    const body: Body = mapData(full("a"), (data) => {
      errors.push(...[0].map(() => failureNow(() => body.frame())));
      return data;
    });
    expect(text(now(body))).toBe("a");
    expect(errors).toMatchObject([{ code: "busy" }]);
  });

  test("the source cancels the body and answers with a promise: the promise is listened to and dropped", async () => {
    for (const outcome of [() => Promise.resolve(bytes("a")), () => Promise.reject(new Error("nobody listens"))]) {
      const source: SpyBody = new SpyBody([
        () => {
          body.cancel(new Error("enough"));
          return outcome();
        },
      ]);
      const body: Body = fuse(source);
      expect(() => body.frame()).toThrow("enough");
      expect(source.cancels).toHaveLength(1);
      await settle();
    }
  });

  test("a frame that was on its way when the body was cancelled is dropped", async () => {
    let give = (_: Frame) => {};
    const source = new SpyBody([
      () =>
        new Promise<Frame>((resolve) => {
          give = resolve;
        }),
    ]);
    const mapped = vi.fn((data: Uint8Array) => data);
    const body = mapData(source, mapped);
    const frame = body.frame();
    give(bytes("a"));
    body.cancel();
    await expectBodyError(() => frame, "canceled");
    await settle();
    expect(mapped).not.toHaveBeenCalled();
  });

  test("a promise of another library may answer at once", async () => {
    const source = new SpyBody([]);
    // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
    source.frame = () => ({ then: (resolve: (frame: Frame) => void) => resolve(bytes("a")) }) as Promise<Frame>;
    expect(text(await fuse(source).frame())).toBe("a");
  });
});

function failureNow(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
