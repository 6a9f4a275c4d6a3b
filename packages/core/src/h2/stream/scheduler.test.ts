import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultPriority, fairPriority, isIncremental, type Priority, priorityOf, urgencyOf } from "./priority.ts";
import { type Schedulable, Scheduler } from "./scheduler.ts";

class Stream implements Schedulable<Stream> {
  readonly id: number;
  priority: Priority;
  schedPrev: Stream | null = null;
  schedNext: Stream | null = null;
  /** Frames to send. */
  frames: number;

  constructor(id: number, priority: Priority, frames = 1) {
    this.id = id;
    this.priority = priority;
    this.frames = frames;
  }
}

function scheduled(...streams: readonly Stream[]): Scheduler<Stream> {
  const scheduler = new Scheduler<Stream>();
  for (const stream of streams) scheduler.push(stream);
  return scheduler;
}

/** The streams that send, frame by frame, until there is nothing to send or `most` were sent. */
function sent(scheduler: Scheduler<Stream>, most = 100): number[] {
  const ids: number[] = [];
  while (ids.length < most) {
    const stream = scheduler.next();
    if (stream === null) break;
    ids.push(stream.id);
    if (--stream.frames === 0) scheduler.remove(stream);
  }
  return ids;
}

const first = priorityOf(0, false);
const last = priorityOf(7, false);

describe("Scheduler", () => {
  test("has nobody to send at first and at last", () => {
    const stream = new Stream(1, defaultPriority);
    const scheduler = new Scheduler<Stream>();
    expect([scheduler.isEmpty, scheduler.next()]).toEqual([true, null]);
    scheduler.push(stream);
    expect(scheduler.isEmpty).toBe(false);
    expect(sent(scheduler)).toEqual([1]);
    expect([scheduler.isEmpty, scheduler.next()]).toEqual([true, null]);
  });

  test("[h2-225][h2-233] without priorities, streams alternate", () => {
    const scheduler = scheduled(new Stream(1, fairPriority, 3), new Stream(3, fairPriority, 3));
    expect(sent(scheduler)).toEqual([1, 3, 1, 3, 1, 3]);
  });

  test("[h2-226] a lower urgency number goes first", () => {
    const scheduler = scheduled(new Stream(1, last), new Stream(3, defaultPriority), new Stream(5, first));
    expect(sent(scheduler)).toEqual([5, 3, 1]);
  });

  test("[h2-226] with one urgency, streams are served one after the other in the order of requests", () => {
    const streams = [1, 3, 5].map((id) => new Stream(id, defaultPriority, 2));
    expect(sent(scheduled(...streams))).toEqual([1, 1, 3, 3, 5, 5]);
  });

  test("[h2-227] incremental streams take turns among themselves", () => {
    const streams = [1, 3, 5].map((id) => new Stream(id, priorityOf(2, true), 2));
    expect(sent(scheduled(...streams))).toEqual([1, 3, 5, 1, 3, 5]);
  });

  test("[h2-227] of one urgency, incremental streams and others alternate", () => {
    const scheduler = scheduled(
      new Stream(2, priorityOf(0, false), 2),
      new Stream(6, priorityOf(0, true), 6),
      new Stream(3, priorityOf(3, false), 3),
      new Stream(5, priorityOf(5, true), 5),
    );
    expect(sent(scheduler)).toEqual([2, 6, 2, 6, 6, 6, 6, 6, 3, 3, 3, 5, 5, 5, 5, 5]);
  });

  test("something more urgent goes ahead at once, and the turn is kept meanwhile", () => {
    const scheduler = scheduled(new Stream(1, fairPriority, 2), new Stream(3, fairPriority, 2));
    expect(sent(scheduler, 1)).toEqual([1]);
    scheduler.push(new Stream(5, first, 2));
    expect(sent(scheduler)).toEqual([5, 5, 3, 1, 3]);
  });

  test("a stream that is scheduled again goes behind its peers", () => {
    const [a, b] = [new Stream(1, defaultPriority, 2), new Stream(3, defaultPriority, 2)];
    const scheduler = scheduled(a, b);
    scheduler.remove(a);
    scheduler.push(a);
    expect(sent(scheduler)).toEqual([3, 3, 1, 1]);
  });

  test("scheduling twice and removing twice change nothing", () => {
    const [a, b] = [new Stream(1, fairPriority), new Stream(3, fairPriority)];
    const scheduler = scheduled(a, b, a, b, a);
    scheduler.remove(b);
    scheduler.remove(b);
    expect(sent(scheduler)).toEqual([1]);
  });

  test("[h2-229] the same priority again keeps the order", () => {
    const streams = [1, 3, 5].map((id) => new Stream(id, fairPriority, 2));
    const scheduler = scheduled(...streams);
    for (const stream of streams) scheduler.reprioritise(stream, fairPriority);
    expect(sent(scheduler, 4)).toEqual([1, 3, 5, 1]);
    scheduler.reprioritise(streams[1] as Stream, fairPriority);
    expect(sent(scheduler)).toEqual([3, 5]);
  });

  test("a new priority holds at once, for streams that are not scheduled too", () => {
    const [a, b] = [new Stream(1, defaultPriority), new Stream(3, defaultPriority)];
    const scheduler = scheduled(a);
    scheduler.reprioritise(b, first);
    expect([b.priority, b.schedNext]).toEqual([first, null]);
    scheduler.push(b);
    expect(sent(scheduler, 1)).toEqual([3]);
    scheduler.push(b);
    scheduler.reprioritise(b, last);
    b.frames = 1;
    expect(sent(scheduler)).toEqual([1, 3]);
  });

  test("[h2-236] a removed stream is gone, also when it would be next", () => {
    const streams = [1, 3, 5].map((id) => new Stream(id, fairPriority, 5));
    const scheduler = scheduled(...streams);
    expect(sent(scheduler, 1)).toEqual([1]);
    scheduler.remove(streams[1] as Stream);
    expect(sent(scheduler, 3)).toEqual([5, 1, 5]);
  });

  test("among incremental peers nobody waits longer than a round", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40 }), (count, turns) => {
        const streams = Array.from({ length: count }, (_, index) => new Stream(index, fairPriority, 1000));
        const ids = sent(scheduled(...streams), turns);
        for (const [index, id] of ids.entries()) expect(id).toBe(index % count);
      }),
      { numRuns: 5000 },
    );
  });

  test("does as a naive model of sorted lists does, in any order of operations", () => {
    const operation = fc.record({
      kind: fc.constantFrom("push", "push", "remove", "reprioritise", "next", "next"),
      stream: fc.nat(7),
      // Few urgencies, so that streams meet.
      priority: fc.constantFrom(0, 1, 6, 7, 14, 15),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const streams = Array.from({ length: 8 }, (_, id) => new Stream(id, defaultPriority));
        const scheduler = new Scheduler<Stream>();
        let waiting: Stream[] = [];
        const wholeLast = new Set<number>();
        for (const { kind, stream: index, priority } of operations) {
          const stream = streams[index] as Stream;
          if (kind === "push") {
            scheduler.push(stream);
            if (!waiting.includes(stream)) waiting.push(stream);
          } else if (kind === "remove") {
            scheduler.remove(stream);
            waiting = waiting.filter((other) => other !== stream);
          } else if (kind === "reprioritise") {
            const moved = priority !== stream.priority && waiting.includes(stream);
            scheduler.reprioritise(stream, priority);
            if (moved) waiting = [...waiting.filter((other) => other !== stream), stream];
          } else {
            const urgency = Math.min(...waiting.map((other) => urgencyOf(other.priority)));
            const candidates = waiting.filter((other) => urgencyOf(other.priority) === urgency);
            const plain = candidates.find((other) => !isIncremental(other.priority));
            const incremental = candidates.find((other) => isIncremental(other.priority));
            const expected = wholeLast.has(urgency) ? (incremental ?? plain) : (plain ?? incremental);
            if (expected !== undefined && isIncremental(expected.priority)) {
              wholeLast.delete(urgency);
              waiting = [...waiting.filter((other) => other !== expected), expected];
            } else if (expected !== undefined) wholeLast.add(urgency);
            expect(scheduler.next()).toBe(expected ?? null);
          }
          expect(scheduler.isEmpty).toBe(waiting.length === 0);
          expect(streams.filter(({ schedNext }) => schedNext !== null).length).toBe(waiting.length);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
