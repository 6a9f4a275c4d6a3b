import { Buffer } from "node:buffer";
import { Duplex, PassThrough } from "node:stream";
import { HttpError } from "@sluice/core";
import { describe, expect, test, vi } from "vitest";
import {
  bytes,
  drained,
  failure,
  listenerCounts,
  readText,
  readToEnd,
  settle,
  shutdown,
  text,
} from "../../test/support/io.ts";
import { fakeTimer } from "../memory/index.ts";
import { nodeIo, nodeTimer } from "./index.ts";

/** A stream whose both sides the test holds: `feed` is what it reads, `taken` what was written to it. */
class Bench extends Duplex {
  readonly taken: string[] = [];
  readonly batches: number[] = [];
  stuck: ((error?: Error | null) => void) | undefined = undefined;
  blocked = false;
  finalError: Error | undefined = undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.batches.push(1);
    this.taken.push(chunk.toString("latin1"));
    this.#complete(done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.batches.push(chunks.length);
    for (const { chunk } of chunks) this.taken.push(chunk.toString("latin1"));
    this.#complete(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    done(this.finalError);
  }

  feed(chunk: string | null): void {
    this.push(chunk === null ? null : Buffer.from(chunk, "latin1"));
  }

  unblock(): void {
    this.blocked = false;
    const done = this.stuck;
    this.stuck = undefined;
    done?.();
  }

  #complete(done: () => void): void {
    if (this.blocked) this.stuck = done;
    else done();
  }
}

describe("reading", () => {
  test("a chunk completes the outstanding read", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    const first = readText(io);
    stream.feed("one");
    expect(await first).toBe("one");
  });

  test("a chunk nobody asked for is held, and the stream paused; the next read gets it before it returns", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("one");
    stream.feed("two");
    await settle();
    expect(stream.isPaused()).toBe(true);
    expect(stream.readableLength).toBe(3);
    const got: (string | null)[] = [];
    io.read((chunk) => got.push(text(chunk)));
    expect(got).toEqual(["one"]);
    expect(stream.isPaused()).toBe(true);
    io.read((chunk) => got.push(text(chunk)));
    expect(got).toEqual(["one"]);
    await settle();
    expect(got).toEqual(["one", "two"]);
  });

  test("a consumer that reads again from within done never pauses the stream", async () => {
    const stream = new Bench();
    const pause = vi.spyOn(stream, "pause");
    const resume = vi.spyOn(stream, "resume");
    const io = nodeIo(stream);
    let got = "";
    io.read(function again(chunk) {
      got += text(chunk);
      io.read(again);
    });
    await settle();
    const resumedAtStart = resume.mock.calls.length;
    for (let i = 0; i < 100; i++) {
      stream.feed(String(i % 10));
      if (i % 7 === 0) await settle(1);
    }
    await settle();
    expect(got).toHaveLength(100);
    expect(pause).not.toHaveBeenCalled();
    expect(resume).toHaveBeenCalledTimes(resumedAtStart);
  });

  test("a stream resumed by somebody else loses no bytes", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("one");
    await settle();
    stream.resume();
    stream.feed("two");
    await settle();
    expect(await readText(io)).toBe("onetwo");
  });

  test("the end is null, again and again", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    stream.feed("last");
    stream.feed(null);
    expect(await readToEnd(io)).toBe("last");
    expect(await readText(io)).toBe(null);
    expect(await readText(io)).toBe(null);
  });

  test("a held chunk comes before the end that arrived meanwhile", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("held");
    await settle();
    stream.feed(null);
    stream.read(0);
    await settle();
    expect(stream.readableEnded).toBe(true);
    expect(await readText(io)).toBe("held");
    expect(await readText(io)).toBe(null);
  });

  test("two outstanding reads are refused", () => {
    const io = nodeIo(new Bench());
    io.read(() => {});
    expect(() => io.read(() => {})).toThrow(TypeError);
  });

  test("bytes buffered before the adaptation are read first, also from a paused stream", async () => {
    const stream = new Bench();
    stream.pause();
    stream.feed("early ");
    stream.feed("bytes");
    stream.feed(null);
    const io = nodeIo(stream);
    await settle();
    expect(await readToEnd(io)).toBe("early bytes");
  });

  test("bytes put back before the adaptation are read first", async () => {
    const stream = new Bench();
    stream.feed(" world");
    stream.unshift(Buffer.from("hello"));
    const io = nodeIo(stream);
    stream.feed(null);
    expect(await readToEnd(io)).toBe("hello world");
  });

  test("an error completes the outstanding read and every later one, as an HttpError with code and cause", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    const pending = failure(readText(io));
    const cause = Object.assign(new Error("read ETIMEDOUT"), { code: "ETIMEDOUT" });
    stream.destroy(cause);
    const error = await pending;
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ kind: "io", code: "ETIMEDOUT", cause });
    expect(await failure(readText(io))).toBe(error);
    expect(io.write([bytes("x")])).toBe(false);
    expect(await failure(drained(io))).toBe(error);
    expect(await failure(shutdown(io))).toBe(error);
  });

  test("a held chunk comes before the error", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("held");
    await settle();
    stream.destroy(new Error("late"));
    await settle();
    expect(await readText(io)).toBe("held");
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "TRANSPORT_FAILED" });
  });

  test("closed with neither end nor error is PREMATURE_CLOSE", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    const pending = failure(readText(io));
    stream.destroy();
    expect(await pending).toMatchObject({ kind: "io", code: "PREMATURE_CLOSE" });
    expect(await failure(drained(io))).toMatchObject({ code: "PREMATURE_CLOSE" });
  });

  test("after the end, a close leaves reads at null and fails writes", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    stream.feed(null);
    expect(await readText(io)).toBe(null);
    stream.destroy();
    await settle();
    expect(await readText(io)).toBe(null);
    expect(io.write([bytes("x")])).toBe(false);
  });
});

describe("a stream that is over before the adaptation", () => {
  test("destroyed with an error, closed or about to close", async () => {
    for (const turns of [0, 5]) {
      const stream = new Bench();
      stream.on("error", () => {});
      stream.destroy(Object.assign(new Error("gone"), { code: "ECONNRESET" }));
      await settle(turns);
      const io = nodeIo(stream);
      expect(await failure(readText(io))).toMatchObject({ code: "ECONNRESET" });
      expect(io.write([bytes("x")])).toBe(false);
      io.abort();
    }
  });

  test("destroyed without an error", async () => {
    const stream = new Bench();
    stream.destroy();
    expect(await failure(readText(nodeIo(stream)))).toMatchObject({ code: "PREMATURE_CLOSE" });
  });

  test("ended by the peer: reads give null, writes still go", async () => {
    const stream = new Bench();
    stream.feed(null);
    stream.resume();
    await settle();
    const io = nodeIo(stream);
    expect(await readText(io)).toBe(null);
    expect(io.write([bytes("x")])).toBe(true);
    expect(stream.taken).toEqual(["x"]);
  });

  test("finished by us: shutdown has nothing to do, writes are refused", async () => {
    const stream = new Bench();
    stream.end();
    await settle();
    const io = nodeIo(stream);
    await shutdown(io);
    expect(io.write([bytes("x")])).toBe(false);
    expect(await failure(drained(io))).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
  });
});

describe("writing", () => {
  test("one chunk is one write, several are one batch, in order", () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    expect(io.write([bytes("a")])).toBe(true);
    expect(io.write([bytes("b"), bytes("c"), bytes("d")])).toBe(true);
    expect(io.write([])).toBe(true);
    expect(stream.taken).toEqual(["a", "b", "c", "d"]);
    expect(stream.batches).toEqual([1, 3]);
  });

  test("false at the high-water mark, then drained once there is room", async () => {
    const stream = new Bench({ writableHighWaterMark: 4 });
    stream.blocked = true;
    const io = nodeIo(stream);
    expect(io.write([bytes("abc")])).toBe(true);
    expect(io.write([bytes("d")])).toBe(false);
    let called = 0;
    io.drained((error) => {
      expect(error).toBe(undefined);
      called += 1;
    });
    expect(() => io.drained(() => {})).toThrow(TypeError);
    await settle();
    expect(called).toBe(0);
    stream.unblock();
    await settle();
    stream.unblock();
    await settle();
    expect(called).toBe(1);
    expect(io.write([bytes("e")])).toBe(true);
  });

  test("a large write that went out at once is no backpressure", () => {
    const stream = new Bench({ writableHighWaterMark: 4 });
    const io = nodeIo(stream);
    expect(io.write([bytes("longer than the mark")])).toBe(true);
  });

  test("drained completes at once when nothing is in the way", () => {
    const io = nodeIo(new Bench());
    let called = 0;
    io.drained(() => (called += 1));
    expect(called).toBe(1);
  });

  test("a failure completes drained", async () => {
    const stream = new Bench({ writableHighWaterMark: 1 });
    stream.blocked = true;
    const io = nodeIo(stream);
    expect(io.write([bytes("abc")])).toBe(false);
    const pending = failure(drained(io));
    stream.destroy(Object.assign(new Error("broken"), { code: "EPIPE" }));
    expect(await pending).toMatchObject({ kind: "io", code: "EPIPE" });
  });

  test("shutdown ends the stream after what was written; reading goes on", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    io.write([bytes("a")]);
    await shutdown(io);
    expect(stream.writableFinished).toBe(true);
    expect(stream.taken).toEqual(["a"]);
    expect(io.write([bytes("b")])).toBe(false);
    expect(await failure(drained(io))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
    await shutdown(io);
    stream.feed("still here");
    expect(await readText(io)).toBe("still here");
  });

  test("shutdown while another is under way is refused, and a waiting drained is told", async () => {
    const stream = new Bench({ writableHighWaterMark: 1 });
    stream.blocked = true;
    const io = nodeIo(stream);
    io.write([bytes("abc")]);
    const waiting = failure(drained(io));
    const done = shutdown(io);
    expect(await failure(shutdown(io))).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
    stream.unblock();
    await done;
    expect(await waiting).toMatchObject({ code: "WRITE_AFTER_SHUTDOWN" });
  });

  test("shutdown reports an end that could not be delivered", async () => {
    const stream = new Bench();
    stream.finalError = Object.assign(new Error("shutdown ENOTCONN"), { code: "ENOTCONN" });
    const io = nodeIo(stream);
    expect(await failure(shutdown(io))).toMatchObject({ kind: "io", code: "ENOTCONN" });
  });
});

describe("abort", () => {
  test("completes what is outstanding with the reason, before it returns, and everything later too", async () => {
    const stream = new Bench({ writableHighWaterMark: 1 });
    stream.blocked = true;
    const io = nodeIo(stream);
    io.write([bytes("abc")]);
    const reason = new Error("enough");
    const seen: unknown[] = [];
    io.read((chunk, error) => seen.push(chunk, error));
    io.drained((error) => seen.push(error));
    io.abort(reason);
    expect(seen).toEqual([null, reason, reason]);
    expect(stream.destroyed).toBe(true);
    expect(await failure(readText(io))).toBe(reason);
    io.abort(new Error("again"));
    expect(await failure(drained(io))).toBe(reason);
    expect(await failure(shutdown(io))).toBe(reason);
  });

  test("without a reason there is an error all the same", async () => {
    const io = nodeIo(new Bench());
    io.abort();
    expect(await failure(readText(io))).toMatchObject({ kind: "canceled", code: "TRANSPORT_ABORTED" });
  });

  test("drops what was held, and a late end does not look like a complete stream", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("held");
    await settle();
    stream.feed(null);
    stream.read(0);
    io.abort(new Error("enough"));
    await settle();
    expect(await failure(readText(io))).toMatchObject({ message: "enough" });
  });

  test("held bytes that were dropped behind a seen end leave an error, not an end", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    await settle();
    stream.feed("held");
    await settle();
    stream.feed(null);
    stream.read(0);
    await settle();
    io.abort(new Error("enough"));
    expect(await failure(readText(io))).toMatchObject({ message: "enough" });
  });

  test("a shutdown under way fails with the reason", async () => {
    const stream = new Bench();
    stream.blocked = true;
    const io = nodeIo(stream);
    io.write([bytes("abc")]);
    const pending = failure(shutdown(io));
    const reason = new Error("enough");
    io.abort(reason);
    expect(await pending).toBe(reason);
  });

  test("late errors are swallowed for good", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    io.abort();
    await settle();
    expect(() => stream.emit("error", new Error("late"))).not.toThrow();
  });
});

describe("listeners", () => {
  test("one per event while open, only the error listener afterwards", async () => {
    const stream = new Bench();
    const before = listenerCounts(stream);
    const io = nodeIo(stream);
    const open = listenerCounts(stream);
    for (const event of ["data", "end", "error", "close", "drain"]) expect(open[event]).toBe((before[event] ?? 0) + 1);
    for (let i = 0; i < 50; i++) {
      stream.feed("x");
      await readText(io);
      io.write([bytes("y"), bytes("z")]);
      await drained(io);
    }
    expect(listenerCounts(stream)).toEqual(open);
    io.abort();
    await settle();
    expect(listenerCounts(stream)).toEqual({ ...before, error: 1 });
  });
});

describe("intoSocket", () => {
  test("gives the stream back as if untouched, with the unread bytes first", async () => {
    const stream = new Bench();
    const before = listenerCounts(stream);
    const io = nodeIo(stream);
    await settle();
    stream.feed("one ");
    await settle();
    stream.feed("two ");
    const back = io.intoSocket();
    expect(back).toBe(stream);
    expect(listenerCounts(stream)).toEqual(before);
    expect(stream.readableFlowing).toBe(null);
    stream.feed("three");
    stream.feed(null);
    let got = "";
    for await (const chunk of stream) got += String(chunk);
    expect(got).toBe("one two three");
  });

  test("a data listener starts it again, also when it was flowing", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    io.read(() => {});
    await settle();
    io.intoSocket();
    stream.feed("kept");
    await settle();
    const got: string[] = [];
    stream.on("data", (chunk: Buffer) => got.push(chunk.toString()));
    await settle();
    expect(got).toEqual(["kept"]);
  });

  test("ends the use of the Io, and abort no longer touches the stream", async () => {
    const stream = new Bench();
    const io = nodeIo(stream);
    const pending = failure(readText(io));
    io.intoSocket();
    expect(await pending).toMatchObject({ kind: "canceled", code: "HANDED_OVER" });
    expect(io.write([bytes("x")])).toBe(false);
    io.abort();
    expect(stream.destroyed).toBe(false);
    expect(() => io.intoSocket()).toThrow(HttpError);
    nodeIo(stream).abort();
    expect(stream.destroyed).toBe(true);
  });

  test("is refused when the stream is gone, or cannot take the bytes back", async () => {
    const gone = new Bench();
    const io = nodeIo(gone);
    gone.destroy();
    expect(() => io.intoSocket()).toThrow(expect.objectContaining({ kind: "closed", code: "SOCKET_GONE" }));
    const ended = new Bench();
    const other = nodeIo(ended);
    await settle();
    ended.feed("held");
    await settle();
    ended.feed(null);
    ended.read(0);
    await settle();
    expect(() => other.intoSocket()).toThrow(expect.objectContaining({ kind: "closed", code: "SOCKET_ENDED" }));
  });
});

describe("adaptation", () => {
  test("refuses what is not a fresh binary stream", () => {
    expect(() => nodeIo(new PassThrough({ objectMode: true }))).toThrow("object mode");
    const decoding = new PassThrough();
    decoding.setEncoding("utf8");
    expect(() => nodeIo(decoding)).toThrow("utf8");
    const stream = new PassThrough();
    nodeIo(stream);
    expect(() => nodeIo(stream)).toThrow("already belongs");
  });

  test("takes info and timer from the options; the default timer is shared", () => {
    const info = { remoteAddress: "192.0.2.1" };
    const timer = fakeTimer();
    const io = nodeIo(new PassThrough(), { info, timer });
    expect(io.info).toBe(info);
    expect(io.timer).toBe(timer);
    const plain = nodeIo(new PassThrough());
    expect(plain.timer).toBe(nodeTimer);
    expect(plain.info.remoteAddress).toBe(undefined);
    expect(plain.info.secure).toBe(false);
    expect(plain.info).toBe(plain.info);
  });

  test("makes the stream half-open, so that our side outlives the peer's end", async () => {
    const stream = new Bench({ allowHalfOpen: false });
    const io = nodeIo(stream);
    expect(io.socket).toBe(stream);
    stream.feed(null);
    expect(await readText(io)).toBe(null);
    await settle();
    io.write([bytes("answer")]);
    expect(stream.taken).toEqual(["answer"]);
    await shutdown(io);
  });
});
