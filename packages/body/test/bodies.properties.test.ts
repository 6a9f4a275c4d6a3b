/** What every stack of bodies owes its reader, whatever it is made of. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Body,
  BodyError,
  channel,
  collect,
  type Frame,
  fromIterable,
  fromReadableStream,
  full,
  fuse,
  HeaderMap,
  inspect,
  isData,
  limited,
  mapData,
  mapError,
  mapFrames,
  Trailers,
  toReadableStream,
  withTrailers,
} from "../src/index.ts";
import { bytes, SpyBody, type Step, settle } from "./helpers.ts";

const runs = { numRuns: 2000 };
const chunk = fc.uint8Array({ maxLength: 12 });
const chunks = fc.array(chunk, { maxLength: 8 });
const mode = fc.constantFrom("sync" as const, "async" as const, "mixed" as const);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Combinators that change nothing about the data, or do so in a known way, to be put on top of each other. */
const wrappers: Record<string, (body: Body) => Body> = {
  fuse,
  inspect: (body) => inspect(body, {}),
  limited: (body) => limited(body, 1_000_000),
  tight: (body) => limited(body, 20),
  mapData: (body) => mapData(body, (data) => data.map((byte) => byte ^ 1)),
  double: (body) => mapData(body, (data) => new Uint8Array([...data, ...data])),
  mapFrames: (body) => mapFrames(body, (frame) => frame),
  mapError: (body) => mapError(body, (error) => error),
  trailersLater: (body) => withTrailers(body, async () => new HeaderMap({ later: "1" })),
  trailersNow: (body) => withTrailers(body, new HeaderMap({ now: "1" })),
};
const wrapper = fc.constantFrom(...Object.keys(wrappers));
const stack = fc.array(wrapper, { maxLength: 5 });
/** At least one combinator, none that fails by itself. */
const passingStack = fc.array(
  wrapper.filter((name) => name !== "tight"),
  { minLength: 1, maxLength: 5 },
);

function wrap(body: Body, names: readonly string[]): Body {
  return names.reduce((inner, name) => wrappers[name]?.(inner) ?? inner, body);
}

/** The same frames out of each kind of source. */
const sources: Record<string, (frames: readonly Frame[], hinted: boolean) => Body> = {
  full: (frames) => full(concat(frames.filter(isData))),
  iterable: (frames, hinted) => fromIterable(frames, hinted ? { length: lengthOf(frames) } : {}),
  asyncIterable: (frames, hinted) => {
    async function* give(): AsyncGenerator<Frame> {
      yield* frames;
    }
    return fromIterable(give(), hinted ? { length: lengthOf(frames) } : {});
  },
  stream: (frames, hinted) => {
    const stream = new ReadableStream<Frame>({
      start(controller) {
        for (const frame of frames) controller.enqueue(frame);
        controller.close();
      },
    });
    return fromReadableStream(stream, hinted ? { length: lengthOf(frames) } : {});
  },
  channel: (frames, hinted) => {
    const sent = hinted ? frames.filter(isData) : frames;
    const { sender, body } = channel(2, hinted ? { length: lengthOf(frames) } : {});
    void (async () => {
      for (const frame of sent) await sender.send(frame);
      sender.close();
    })().catch((error: unknown) => {
      // Frames without bytes after the last byte of a declared length, or a reader that left.
      if (!BodyError.is(error) || error.code !== "closed") throw error;
    });
    return body;
  },
  spy: (frames, hinted) => fuse(new SpyBody(frames, { mode: "mixed", hints: hinted })),
};
const source = fc.constantFrom(...Object.keys(sources));

function open(name: string, frames: readonly Frame[], hinted: boolean): Body {
  const make = sources[name];
  if (make === undefined) throw new Error(name);
  return make(frames, hinted);
}

function lengthOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, frame) => sum + (isData(frame) ? frame.byteLength : 0), 0);
}

describe("splitting", () => {
  test("any splitting of bytes collects to the same bytes, from any source", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        source,
        fc.boolean(),
        async (data, cuts, name, hinted) => {
          const edges = [0, ...cuts.map((cut) => Math.min(cut, data.length)).sort((a, b) => a - b), data.length];
          const parts = edges.slice(1).map((edge, at) => data.subarray(edges[at], edge));
          expect(await collect(open(name, parts, hinted)).bytes()).toEqual(data);
          expect(concat(await collect(open(name, parts, hinted)).chunks())).toEqual(data);
        },
      ),
      runs,
    );
  });

  test("also splitting around the sizes at which joining changes its ways", async () => {
    const size = fc.constantFrom(0, 1, 100, 4095, 4096, 4097, 9000, 16_384, 20_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 12 }),
        fc.boolean(),
        fc.integer({ min: -1, max: 1 }),
        async (sizes, hinted, lie) => {
          const parts = sizes.map((length, at) => new Uint8Array(length).fill(at + 1));
          const body = new SpyBody(parts, { hints: hinted });
          if (lie !== 0) {
            const real = body.sizeHint.bind(body);
            body.sizeHint = () => (lie < 0 ? real().capped(100) : real().add(full("more").sizeHint()));
          }
          const joined = await collect(body).bytes();
          let at = 0;
          for (const part of parts) {
            if (part.length > 0) expect([joined[at], joined[at + part.length - 1]]).toEqual([part[0], part[0]]);
            at += part.length;
          }
          expect(joined.byteLength).toBe(at);
        },
      ),
      runs,
    );
  });

  test("bytes survive the way through a web stream and back", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 9 }), async (parts, size) => {
        const reader = toReadableStream(new SpyBody(parts, { mode: "mixed" })).getReader({ mode: "byob" });
        const got: Uint8Array[] = [];
        for (;;) {
          const { done, value } = await reader.read(new Uint8Array(size));
          if (done) break;
          got.push(value);
        }
        expect(concat(got)).toEqual(concat(parts));
        expect(await collect(fromReadableStream(toReadableStream(new SpyBody(parts)))).bytes()).toEqual(concat(parts));
      }),
      runs,
    );
  });
});

describe("size hints", () => {
  test("never lie, after any frame, in any stack over any source; a true end flag is kept", async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.boolean(),
        source,
        stack,
        fc.boolean(),
        async (parts, trailing, name, names, hinted) => {
          const frames: Frame[] = trailing ? [...parts, new Trailers(new HeaderMap({ own: "1" }))] : [...parts];
          const body = wrap(open(name, frames, hinted), names);
          // What was promised before each frame, and how many bytes had been given by then.
          const promises: { lower: number; upper: number; given: number }[] = [];
          let given = 0;
          let failed = false;
          for (;;) {
            const { lower, upper = Number.POSITIVE_INFINITY } = body.sizeHint();
            promises.push({ lower, upper, given });
            const ended = body.isEndStream();
            let frame: Frame | null;
            try {
              frame = await body.frame();
            } catch (error) {
              expect(BodyError.is(error) && error.code).toBe("length-limit");
              expect(ended).toBe(false);
              failed = true;
              break;
            }
            if (ended) expect(frame).toBeNull();
            if (frame === null) break;
            if (isData(frame)) given += frame.byteLength;
          }
          for (const promise of promises) {
            expect(given - promise.given).toBeLessThanOrEqual(promise.upper);
            if (!failed) expect(given - promise.given).toBeGreaterThanOrEqual(promise.lower);
          }
          expect(await body.frame()).toBeNull();
          expect(body.isEndStream()).toBe(true);
          expect(body.sizeHint().exact).toBe(0);
        },
      ),
      runs,
    );
  });
});

describe("cancelling", () => {
  test("reaches the source exactly once, at any point, through any stack; not after its end or error", async () => {
    const trouble = new Error("trouble");
    const reason = new Error("enough");
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          steps: chunks.chain((parts) => fc.constantFrom<Step[]>(parts, [...parts, trouble])),
          mode,
          names: passingStack,
          reads: fc.nat(10),
          pending: fc.boolean(),
          ticks: fc.nat(4),
        }),
        async ({ steps, mode, names, reads, pending, ticks }) => {
          const spy = new SpyBody(steps, { mode });
          const body = wrap(spy, names);
          let outcome: unknown = "frame";
          for (let i = 0; i < reads && outcome === "frame"; i++) outcome = await settled(() => body.frame());
          const last = pending && outcome === "frame" ? settled(() => body.frame()) : outcome;
          for (let i = 0; i < ticks; i++) await Promise.resolve();

          const endedBefore = spy.ended;
          body.cancel(reason);
          body.cancel(new Error("again"));

          expect(spy.cancels).toEqual(endedBefore ? [] : [reason]);
          outcome = await last;
          expect(["frame", "null", trouble, reason]).toContain(outcome);
          // The end, an error and the reason are given once, and after them comes null.
          if (outcome === "frame") expect(await settled(() => body.frame())).toBe(reason);
          expect(await body.frame()).toBeNull();
          expect(spy.cancels).toHaveLength(endedBefore ? 0 : 1);
        },
      ),
      runs,
    );
  });

  test("calls the return() of an iterator at most once, and exactly once unless it ended or threw", async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.boolean(),
        fc.boolean(),
        stack,
        fc.nat(10),
        async (parts, throws, async, names, reads) => {
          const log = { nexts: 0, returns: 0, over: false };
          const step = () => {
            const value = parts[log.nexts++];
            if (value !== undefined) return { done: false as const, value };
            log.over = true;
            if (throws) throw new Error("trouble");
            return { done: true as const, value: undefined };
          };
          const iterator = {
            next: async ? async () => step() : step,
            return: () => {
              log.returns++;
              return { done: true as const, value: undefined };
            },
          };
          const key = async ? Symbol.asyncIterator : Symbol.iterator;
          const body = wrap(fromIterable({ [key]: () => iterator } as unknown as Iterable<Uint8Array>), names);
          for (let i = 0; i < reads; i++) if ((await settled(() => body.frame())) !== "frame") break;
          body.cancel();
          body.cancel();
          expect(log.returns).toBe(log.over ? 0 : 1);
        },
      ),
      runs,
    );
  });
});

describe("holding", () => {
  test("no stack asks its source for a frame before it was asked for one", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, mode, passingStack, async (parts, how, names) => {
        const spy = new SpyBody(parts, { mode: how });
        const body = wrap(spy, names);
        expect(spy.pulls).toBe(0);
        for (let asked = 1; asked <= parts.length + 2; asked++) {
          const result = await settled(() => body.frame());
          expect(spy.pulls).toBeLessThanOrEqual(asked);
          if (result !== "frame") break;
        }
      }),
      runs,
    );
  });

  test("a channel holds at most its capacity, keeps the order and loses nothing", async () => {
    const action = fc.constantFrom("send", "send", "trySend", "read", "read", "tick");
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(action, { maxLength: 40 }),
        async (capacity, actions) => {
          const { sender, body } = channel(capacity);
          const sends: Promise<void>[] = [];
          const sent: number[] = [];
          let accepted = 0;
          const got: number[] = [];
          let reading: Promise<void> | undefined;
          let wants = false;
          const take = (frame: Frame | null) => {
            if (frame !== null && isData(frame)) got.push(frame[0] ?? -1);
          };
          for (const [at, what] of actions.entries()) {
            const frame = new Uint8Array([at]);
            if (what === "send") {
              sent.push(at);
              sends.push(
                sender.send(frame).then(() => {
                  accepted++;
                }),
              );
              wants = false;
            } else if (what === "trySend") {
              const free = sender.capacity > 0;
              const refusal = sender.trySend(frame);
              expect(refusal).toEqual(free ? undefined : { reason: "full", frame });
              if (refusal === undefined) {
                sent.push(at);
                accepted++;
                wants = false;
              }
            } else if (what === "read" && !wants) {
              await reading;
              const next = body.frame();
              if (next instanceof Promise) {
                wants = true;
                reading = next.then(take);
              } else take(next);
            } else await settle();
            expect(sender.isWanted).toBe(wants);
            expect(sender.capacity).toBeGreaterThanOrEqual(0);
            expect(sender.capacity).toBeLessThanOrEqual(capacity);
          }
          await settle();
          // Every frame that was accepted was taken or is in the queue, which holds no more than it may.
          expect(accepted - got.length).toBe(capacity - sender.capacity);
          sender.close();
          await reading;
          for (;;) {
            const frame = await body.frame();
            if (frame === null) break;
            take(frame);
          }
          await Promise.all(sends);
          expect(got).toEqual(sent);
        },
      ),
      runs,
    );
  });

  test("a limit lets exactly its bytes through, however they are split", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.nat(60), mode, async (parts, limit, how) => {
        const total = lengthOf(parts);
        const spy = new SpyBody(parts, { mode: how });
        const result = await settled(() => collect(spy, { maxBytes: limit }).bytes());
        if (total <= limit) expect(result).toBe("frame");
        else {
          expect(BodyError.is(result) && result.limit).toBe(limit);
          expect(spy.cancels).toEqual([result]);
        }
      }),
      runs,
    );
  });

  test("a declared length is held to exactly", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: -3, max: 3 }), async (parts, off) => {
        const length = Math.max(0, lengthOf(parts) + off);
        const result = await settled(() => collect(fromIterable(parts, { length })).bytes());
        if (length === lengthOf(parts)) expect(result).toBe("frame");
        else expect(BodyError.is(result) && result.code).toBe("length-mismatch");
      }),
      runs,
    );
  });
});

/** `"frame"`, `"null"`, or what it failed with. */
async function settled(run: () => unknown): Promise<unknown> {
  try {
    return (await run()) === null ? "null" : "frame";
  } catch (error) {
    return error;
  }
}

test("the words of these tests mean what they say", async () => {
  expect(await settled(() => full("x").frame())).toBe("frame");
  expect(await settled(() => full("").frame())).toBe("null");
  expect(concat([bytes("a"), bytes("b")])).toEqual(bytes("ab"));
});
