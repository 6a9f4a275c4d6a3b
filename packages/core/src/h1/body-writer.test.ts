import { type Body, channel, type Frame, fromIterable, full, HeaderMap, SizeHint, Trailers } from "@sluice/body";
import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { settle } from "../../test/support/wire.ts";
import { WriteBuffer } from "../bytes/write-buffer.ts";
import { Driver, type Machine } from "../driver/driver.ts";
import type { HttpError } from "../error.ts";
import { BodyWriter, type OutgoingFraming } from "./body-writer.ts";
import { CHUNKED, LENGTH, NO_CONTENT, UNTIL_CLOSE } from "./framing.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** A body that gives `steps` one after another and notes what happened to it. */
function scripted(...steps: readonly unknown[]): Body & { readonly events: string[] } {
  const events: string[] = [];
  const left = [...steps];
  return {
    events,
    frame() {
      events.push("frame");
      const step = left.shift();
      if (step instanceof Error) throw step;
      return (step === undefined ? null : step) as Frame | null;
    },
    isEndStream: () => left.length === 0,
    sizeHint: () => SizeHint.unknown,
    cancel: () => void events.push("cancel"),
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
  };
}

/** A writer on a scripted transport; `sent` is what reached the transport so far. */
function writerOn(capacityBytes = Infinity, onSent: (start: (body: Body) => void) => void = () => {}) {
  const timer = fakeTimer();
  const io = scriptedIo([], { timer, capacityBytes });
  const outcome: (string | HttpError)[] = [];
  const machine: Machine = {
    received: () => {},
    inputEnded: () => {},
    failed: () => {},
    writable: () => made.pump(),
    expired: () => {},
    wantsRead: false,
    get wantsWrite() {
      return made.stalled;
    },
    moreOutputSoon: false,
  };
  const limits = { writeTimeoutMs: 0, lingerTimeoutMs: 0, maxBufferBytes: 417_792 } as const;
  const driver = new Driver(io, machine, limits, new WriteBuffer(), 0, timer, undefined);
  const owner = {
    bodySent: () => {
      outcome.push("sent");
      onSent((body) => made.start(body, { framing: CHUNKED, length: 0, trailerNames: undefined }));
    },
    bodyUnsent: (error: HttpError) => void outcome.push(error),
  };
  const made: BodyWriter = new BodyWriter(driver, owner, { titleCaseHeaders: false, preserveHeaderCase: false });
  const start = (body: Body, framing: Partial<OutgoingFraming>): void => {
    driver.enter();
    made.start(body, { framing: NO_CONTENT, length: 0, trailerNames: undefined, ...framing });
    driver.leave();
  };
  return { io, timer, driver, outcome, writer: made, start };
}

const chunkedFraming = { framing: CHUNKED };
const ofLength = (length: number) => ({ framing: LENGTH, length });

describe("content out", () => {
  test("[hyper-084] chunked: each frame is a chunk, sizes in upper-case hex, then the last chunk", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("foo bar"), text("baz quux herp")]), chunkedFraming);
    expect(io.writtenText).toBe("7\r\nfoo bar\r\nD\r\nbaz quux herp\r\n0\r\n\r\n");
    expect(io.writes.length).toBe(1);
    expect(outcome).toEqual(["sent"]);
  });

  test("[hyper-084] of a length: what exceeds it is cut, and the body is let go", () => {
    const { io, outcome, start } = writerOn();
    const body = scripted(text("foo bar"), text("baz"));
    start(body, ofLength(5));
    expect(io.writtenText).toBe("foo b");
    expect(body.events).toEqual(["frame", "cancel"]);
    expect(outcome).toEqual(["sent"]);
  });

  test("[hyper-084] of a length, over several frames: nothing is asked for beyond the last byte", () => {
    const { io, outcome, start } = writerOn();
    const body = scripted(text("foo"), text("bar"));
    start(body, ofLength(6));
    expect(io.writtenText).toBe("foobar");
    expect(body.events).toEqual(["frame", "frame"]);
    expect(outcome).toEqual(["sent"]);
  });

  test("[hyper-084] until the end of the connection: passed through as it is", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("foo bar"), text("baz")]), { framing: UNTIL_CLOSE });
    expect(io.writtenText).toBe("foo barbaz");
    expect(outcome).toEqual(["sent"]);
  });

  test("[hyper-085] an empty frame writes nothing: an empty chunk would end the content", () => {
    const { io, start } = writerOn();
    start(fromIterable([text(""), text("a"), text(""), text("b"), text("")]), chunkedFraming);
    expect(io.writtenText).toBe("1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  });

  test("[hyper-086] shorter than announced: the owner learns how many bytes are missing, and nothing is made up", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("foo")]), ofLength(8));
    expect(io.writtenText).toBe("foo");
    expect(outcome).toEqual([expect.objectContaining({ kind: "user", code: "BODY_TOO_SHORT" })]);
    expect((outcome[0] as HttpError).message).toBe("the body ended 5 bytes short of its content-length");
  });

  test("without content the body is not read, and let go unless it is at its end", () => {
    const { io, outcome, start } = writerOn();
    const body = scripted(text("secret"));
    start(body, { framing: NO_CONTENT });
    const done = scripted();
    start(done, { framing: NO_CONTENT });
    const empty = scripted(text(""));
    start(empty, ofLength(0));
    expect([body.events, done.events, empty.events]).toEqual([["cancel"], [], ["cancel"]]);
    expect(io.writtenText).toBe("");
    expect(outcome).toEqual(["sent", "sent", "sent"]);
  });

  const sums = new HeaderMap([
    ["x-sum", "1"],
    ["X-Sum", "2"],
    ["x-other", "3"],
  ]);

  test("[hyper-133] trailers: only what was announced, duplicates kept in order", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("a"), new Trailers(sums)]), { ...chunkedFraming, trailerNames: new Set(["x-sum"]) });
    expect(io.writtenText).toBe("1\r\na\r\n0\r\nx-sum: 1\r\nx-sum: 2\r\n\r\n");
    expect(outcome).toEqual(["sent"]);
  });

  test("[hyper-133] trailers that were not announced are dropped, and the content ends all the same", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("a"), new Trailers(sums)]), chunkedFraming);
    expect(io.writtenText).toBe("1\r\na\r\n0\r\n\r\n");
    expect(outcome).toEqual(["sent"]);
  });

  test("trailers behind content of a length or until the end are dropped", () => {
    const { io, outcome, start } = writerOn();
    start(fromIterable([text("a"), new Trailers(sums)]), { framing: UNTIL_CLOSE, trailerNames: new Set(["x-sum"]) });
    expect(io.takeWritten()).toBe("a");
    start(fromIterable([new Trailers(sums)]), { ...ofLength(1), trailerNames: new Set(["x-sum"]) });
    expect(io.writtenText).toBe("");
    expect(outcome).toEqual(["sent", expect.objectContaining({ code: "BODY_TOO_SHORT" })]);
  });

  test.each([
    ["throws", () => new Error("boom")],
    ["rejects", () => Promise.reject(new Error("boom"))],
    ["gives undefined in a promise", () => Promise.resolve(undefined)],
    ["gives a string", () => "text"],
    ["gives an object that is no frame", () => ({})],
    ["gives a string in a promise", () => Promise.resolve("text")],
  ])("[hyper-149] a body that %s fails: the owner is told, the body let go, nothing escapes", async (_, step) => {
    const { io, outcome, writer, start } = writerOn();
    const body = scripted(text("a"), step(), text("never"));
    start(body, chunkedFraming);
    await settle();
    expect(io.writtenText).toBe("1\r\na\r\n");
    expect(outcome).toEqual([expect.objectContaining({ kind: "user", code: "BODY_FAILED" })]);
    expect(body.events).toEqual(["frame", "frame", "cancel"]);
    expect(writer.active).toBe(false);
  });

  test("a body whose cancel throws does no harm", () => {
    const { outcome, start } = writerOn();
    const body = scripted(text("ab"), text("more"));
    body.cancel = () => {
      throw new Error("no");
    };
    start(body, ofLength(1));
    expect(outcome).toEqual(["sent"]);
  });

  test("a body that waits: each frame leaves when it comes", async () => {
    const { io, outcome, start } = writerOn();
    const { sender, body } = channel(4);
    start(body, chunkedFraming);
    expect(io.writes.length).toBe(0);
    await sender.send(text("a"));
    await settle();
    expect(io.takeWritten()).toBe("1\r\na\r\n");
    sender.close();
    await settle();
    expect(io.takeWritten()).toBe("0\r\n\r\n");
    expect(outcome).toEqual(["sent"]);
  });

  test("given up while a frame is awaited: the body is cancelled, and the late frame dropped", async () => {
    const { io, outcome, writer, start } = writerOn();
    let give: (frame: Frame) => void = () => {};
    const body = scripted(new Promise<Frame>((resolve) => (give = resolve)));
    start(body, chunkedFraming);
    writer.cancel(new Error("enough"));
    give(text("late"));
    await settle();
    expect(body.events).toEqual(["frame", "cancel"]);
    expect([io.writtenText, outcome]).toEqual(["", []]);
  });

  test("a transport that takes no more stops the body; it goes on when there is room", () => {
    const { io, outcome, writer, start } = writerOn(1);
    const body = scripted(...Array.from({ length: 200 }, () => text("x".repeat(1000))));
    start(body, ofLength(200_000));
    const asked = body.events.length;
    expect(asked).toBeLessThan(140);
    expect(writer.stalled).toBe(true);
    expect(outcome).toEqual([]);
    for (let i = 0; i < 10 && outcome.length === 0; i++) io.drain();
    expect(outcome).toEqual(["sent"]);
    io.drain();
    expect(io.written.length).toBe(200_000);
  });

  test("touched tells whether the body was read or cancelled", () => {
    const { writer, driver, start } = writerOn(1);
    start(scripted(), { framing: NO_CONTENT });
    expect(writer.touched).toBe(false);
    start(full("x"), ofLength(1));
    expect(writer.touched).toBe(true);
    expect(driver.blocked).toBe(true);
    const body = full("y");
    start(body, ofLength(1));
    expect([writer.touched, writer.active]).toEqual([false, true]);
    writer.release();
    expect([writer.active, body.isEndStream()]).toEqual([false, false]);
  });

  test("another body started with the last frame of one is not asked twice", async () => {
    const first = channel(1);
    const second = channel(1);
    let asked = 0;
    const counted: Body = Object.assign(Object.create(second.body) as Body, {
      frame: () => {
        asked++;
        return second.body.frame();
      },
    });
    const { io, outcome, start } = writerOn(Infinity, (next) => {
      if (outcome.length === 1) next(counted);
    });
    start(first.body, ofLength(1));
    await first.sender.send(text("a"));
    await settle();
    expect(asked).toBe(1);
    expect(io.writtenText).toBe("a");
    await second.sender.send(text("b"));
    second.sender.close();
    await settle();
    expect(io.writtenText).toBe("a1\r\nb\r\n0\r\n\r\n");
    expect(outcome).toEqual(["sent", "sent"]);
  });
});
