import { fakeTimer } from "@sluice/util/memory";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { StreamDeadlines, type Timed } from "./stream-deadlines.ts";

const start = 1000;

interface TestStream extends Timed {
  readonly name: string;
}

function stage(onExpired: (stream: TestStream) => void = () => {}) {
  const timer = fakeTimer(start);
  const rung: string[] = [];
  const streams = new Map<string, TestStream>();
  const deadlines = new StreamDeadlines<TestStream>(
    timer,
    () => streams.values(),
    (stream) => {
      rung.push(`${stream.name}@${timer.now() - start}`);
      onExpired(stream);
    },
  );
  const open = (name: string): TestStream => {
    const stream = { name, deadlineAt: Infinity };
    streams.set(name, stream);
    return stream;
  };
  return { timer, rung, streams, deadlines, open };
}

describe("StreamDeadlines", () => {
  test("set to a moment: exactly then, also when it has passed already; Infinity disarms; the clock is read for the alarm alone", () => {
    const { timer, rung, deadlines, open } = stage();
    const a = open("a");
    const b = open("b");
    deadlines.setAt(a, start + 50);
    const readings = vi.spyOn(timer, "now");
    deadlines.setAt(b, start + 60);
    deadlines.setAt(a, start + 55);
    deadlines.setAt(b, Infinity);
    expect(readings).not.toHaveBeenCalled();
    readings.mockRestore();
    timer.advance(54);
    expect(rung).toEqual([]);
    timer.advance(100);
    expect(rung).toEqual(["a@55"]);
    deadlines.setAt(b, start + 100);
    timer.advance(1);
    expect(rung).toEqual(["a@55", "b@155"]);
  });

  test("a stream expires once, exactly when it is due, and is disarmed by then", () => {
    const { timer, rung, deadlines, open } = stage((stream) => expect(stream.deadlineAt).toBe(Infinity));
    const a = open("a");
    deadlines.set(a, 50);
    expect(a.deadlineAt).toBe(start + 50);
    timer.advance(49);
    expect(rung).toEqual([]);
    timer.advance(1);
    expect(rung).toEqual(["a@50"]);
    timer.advance(1000);
    expect(rung).toEqual(["a@50"]);
    expect(timer.pending).toBe(0);
  });

  test("all streams share one alarm, which only moves to come nearer", () => {
    const { timer, rung, deadlines, open } = stage();
    let scheduled = 0;
    const { schedule } = timer;
    timer.schedule = (...task) => {
      scheduled += 1;
      return schedule(...task);
    };
    const streams = ["a", "b", "c"].map(open);
    for (const [index, stream] of streams.entries()) deadlines.set(stream, [20, 30, 10][index] as number);
    expect([timer.pending, scheduled]).toEqual([1, 2]);
    for (let i = 0; i < 1000; i++) for (const stream of streams) deadlines.set(stream, 40);
    expect([timer.pending, scheduled]).toEqual([1, 2]);
    timer.advance(10);
    expect([timer.pending, scheduled, rung]).toEqual([1, 3, []]);
    timer.advance(30);
    expect([timer.pending, scheduled, rung]).toEqual([0, 3, ["a@40", "b@40", "c@40"]]);
  });

  test("setting again counts from then; a nearer time takes effect at once", () => {
    const { timer, rung, deadlines, open } = stage();
    const a = open("a");
    deadlines.set(a, 50);
    timer.advance(40);
    deadlines.set(a, 50);
    timer.advance(49);
    expect(rung).toEqual([]);
    timer.advance(1);
    expect(rung).toEqual(["a@90"]);
    deadlines.set(a, 50);
    deadlines.set(a, 10);
    timer.advance(100);
    expect(rung).toEqual(["a@90", "a@100"]);
  });

  test("a reading of the clock at hand is used instead of a new one", () => {
    const { timer, rung, deadlines, open } = stage();
    const a = open("a");
    const { now } = timer;
    timer.now = () => expect.unreachable();
    deadlines.set(a, 50, start);
    deadlines.set(open("b"), 60, start);
    timer.now = now;
    expect(a.deadlineAt).toBe(start + 50);
    timer.advance(100);
    expect(rung).toEqual(["a@50", "b@60"]);
  });

  test("0 and Infinity disarm, as clear does", () => {
    const { timer, rung, deadlines, open } = stage();
    const a = open("a");
    for (const disarm of [() => deadlines.set(a, 0), () => deadlines.set(a, Infinity), () => deadlines.clear(a)]) {
      deadlines.set(a, 10);
      disarm();
      expect(a.deadlineAt).toBe(Infinity);
    }
    timer.advance(100);
    expect(rung).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test("a stream that is gone does not expire", () => {
    const { timer, rung, deadlines, streams, open } = stage();
    deadlines.set(open("a"), 10);
    deadlines.set(open("b"), 20);
    streams.delete("a");
    timer.advance(100);
    expect(rung).toEqual(["b@20"]);
  });

  test("stop disarms everything and takes the alarm back", () => {
    const { timer, rung, deadlines, open } = stage();
    const a = open("a");
    deadlines.set(a, 10);
    deadlines.set(open("b"), 20);
    deadlines.stop();
    expect([a.deadlineAt, timer.pending]).toEqual([Infinity, 0]);
    timer.advance(100);
    expect(rung).toEqual([]);
    deadlines.set(a, 5);
    timer.advance(5);
    expect(rung).toEqual(["a@105"]);
  });

  test("streams due together expire together, unless the first disarms, removes or stops the others", () => {
    const acts: Readonly<Record<string, (on: ReturnType<typeof stage>, second: TestStream) => void>> = {
      nothing: () => {},
      clear: (on, second) => on.deadlines.clear(second),
      later: (on, second) => on.deadlines.set(second, 7),
      remove: (on) => on.streams.delete("b"),
      stop: (on) => on.deadlines.stop(),
    };
    const seen = Object.entries(acts).map(([name, act]) => {
      const on = stage((stream) => stream.name === "a" && act(on, second));
      on.deadlines.set(on.open("a"), 10);
      const second = on.open("b");
      on.deadlines.set(second, 10);
      on.timer.advance(100);
      return [name, on.rung, on.timer.pending];
    });
    expect(seen).toEqual([
      ["nothing", ["a@10", "b@10"], 0],
      ["clear", ["a@10"], 0],
      ["later", ["a@10", "b@17"], 0],
      ["remove", ["a@10"], 0],
      ["stop", ["a@10"], 0],
    ]);
  });

  test("a stream armed or added from within an expiry rings in its turn", () => {
    const on = stage((stream) => {
      if (on.rung.length === 1) on.deadlines.set(on.open("b"), 5);
      if (on.rung.length < 4) on.deadlines.set(stream, 10);
    });
    on.deadlines.set(on.open("a"), 10);
    on.timer.advance(100);
    expect(on.rung).toEqual(["a@10", "b@15", "a@20", "b@25", "a@30"]);
    expect(on.timer.pending).toBe(0);
  });

  test("an alarm that rings too early is set again", () => {
    const { timer, rung, deadlines, open } = stage();
    const { schedule } = timer;
    timer.schedule = (delayMs, task) => schedule(Math.ceil(delayMs / 2), task);
    deadlines.set(open("a"), 9);
    timer.advance(8);
    expect([rung, timer.pending]).toEqual([[], 1]);
    timer.advance(2);
    expect(rung).toEqual(["a@9"]);
  });

  test("without a timer nothing is ever armed", () => {
    const stream: Timed = { deadlineAt: Infinity };
    const deadlines = new StreamDeadlines(
      null,
      () => [stream],
      () => expect.unreachable(),
    );
    deadlines.set(stream, 10);
    deadlines.set(stream, 10, 5);
    expect(stream.deadlineAt).toBe(Infinity);
    deadlines.stop();
  });

  test("does as a model with an alarm for each stream does", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e");
    const delay = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(Infinity));
    const command = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), name, delay }),
      fc.record({ kind: fc.constant("clear" as const), name }),
      fc.record({ kind: fc.constant("remove" as const), name }),
      fc.record({ kind: fc.constant("advance" as const), ms: fc.nat(30) }),
    );
    /** What the program does when a stream expires, by the number of expiries so far. */
    const reaction = fc.option(fc.record({ name, delay }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 40 }),
        fc.array(reaction, { maxLength: 10 }),
        (commands, reactions) => {
          const expected: string[] = [];
          const model = new Map<string, number>();
          let now = 0;
          const due = (): [string, number][] =>
            [...model].filter(([, at]) => at !== Infinity).sort((x, y) => x[1] - y[1]);
          const modelSet = (of: string, ms: number): unknown => model.set(of, ms === 0 ? Infinity : now + ms);
          const on = stage(() => {
            const then = reactions[on.rung.length - 1];
            if (then !== undefined) on.deadlines.set(on.streams.get(then.name) ?? on.open(then.name), then.delay);
          });
          for (const act of commands) {
            switch (act.kind) {
              case "set":
                modelSet(act.name, act.delay);
                on.deadlines.set(on.streams.get(act.name) ?? on.open(act.name), act.delay);
                break;
              case "clear": {
                if (model.has(act.name)) model.set(act.name, Infinity);
                const stream = on.streams.get(act.name);
                if (stream !== undefined) on.deadlines.clear(stream);
                break;
              }
              case "remove":
                model.delete(act.name);
                on.streams.delete(act.name);
                break;
              default: {
                const end = now + act.ms;
                for (let next = due()[0]; next !== undefined && next[1] <= end; next = due()[0]) {
                  now = next[1];
                  model.set(next[0], Infinity);
                  expected.push(`${next[0]}@${now}`);
                  const then = reactions[expected.length - 1];
                  if (then !== undefined) modelSet(then.name, then.delay);
                }
                now = end;
                on.timer.advance(act.ms);
              }
            }
            expect(on.rung).toEqual(expected);
            expect(on.timer.pending).toBeLessThanOrEqual(1);
            if (due().length > 0) expect(on.timer.pending).toBe(1);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
