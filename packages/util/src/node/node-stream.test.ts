import { once } from "node:events";
import type { Duplex } from "node:stream";
import { HttpError, type Io, Upgraded } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, failure, readText, readToEnd, settle, shutdown, tcpPair } from "../../test/support/io.ts";
import { adversarialPair, memoryPair } from "../memory/index.ts";
import { nodeIo, nodeStream } from "./index.ts";

/** What is read to the end of a stream. */
async function everything(stream: Duplex): Promise<string> {
  let all = "";
  // A loop over the stream itself destroys it at the end of reading, although it may still be writing.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) all += (chunk as Buffer).toString("latin1");
  return all;
}

/** The next bytes of a stream that is not flowing. */
async function next(stream: Duplex): Promise<string> {
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) return chunk.toString("latin1");
    await once(stream, "readable");
  }
}

describe("what is a Node stream already", () => {
  test("a NodeIo gives its own socket back, with the bytes that were held", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.write("held");
    await once(pair.server, "data");
    const stream = nodeStream(io);
    expect(stream).toBe(pair.server);
    expect(await next(stream)).toBe("held");
    await pair.close();
  });

  test("an Upgraded over a NodeIo gives the socket back: early bytes first, then held ones, then the rest", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.write("held;");
    await once(pair.server, "data");
    const inner = new Upgraded(io, bytes("second;"));
    const stream = nodeStream(new Upgraded(inner, bytes("first;")));
    expect(stream).toBe(pair.server);
    pair.client.end("rest");
    expect(await everything(stream)).toBe("first;second;held;rest");
    await pair.close();
  });

  test("early bytes behind the peer's end are not lost, and the end is announced", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.end();
    expect(await readText(io)).toBe(null);
    const stream = nodeStream(new Upgraded(io, bytes("early")));
    expect(stream).not.toBe(pair.server);
    expect(await everything(stream)).toBe("early");
    await pair.close();
  });

  test("a socket that has failed gives a stream that fails the same way", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.resetAndDestroy();
    const reset = await failure(readText(io));
    const [error] = await once(nodeStream(io).resume(), "error");
    expect(error).toBe(reset);
    expect(error).toMatchObject({ kind: "io", code: "ECONNRESET" });
    await pair.close();
  });
});

describe("any other Io", () => {
  test("reads on demand: nothing before the stream wants it, one chunk at a time, no more than it holds", async () => {
    const [near, far] = memoryPair();
    let outstanding = 0;
    let reads = 0;
    const watched: Io = {
      ...methods(near),
      read(done) {
        expect(outstanding).toBe(0);
        outstanding += 1;
        reads += 1;
        near.read((chunk, error) => {
          outstanding -= 1;
          done(chunk, error);
        });
      },
    };
    const stream = nodeStream(watched);
    for (let i = 0; i < 64; i++) far.write([new Uint8Array(1024)]);
    await settle();
    expect(reads).toBe(0);
    stream.read(0);
    await settle();
    expect(stream.readableLength).toBe(stream.readableHighWaterMark);
    expect(far.unreadBytes).toBe(64 * 1024 - stream.readableHighWaterMark);
    stream.destroy();
  });

  test("writes wait for a transport that is full", async () => {
    const [near, far] = memoryPair({ capacityBytes: 4 });
    const stream = nodeStream(near);
    const order: string[] = [];
    stream.write("12345", () => order.push("first"));
    stream.write("678", () => order.push("second"));
    await settle();
    expect(order).toEqual([]);
    expect(near.unreadBytes).toBe(5);
    expect(await readText(far)).toBe("12345");
    await settle();
    expect(order).toEqual(["first", "second"]);
    expect(await readText(far)).toBe("678");
    stream.destroy();
  });

  test("corked writes leave in one write", async () => {
    const [near, far] = memoryPair();
    const written: number[] = [];
    const stream = nodeStream({
      ...methods(near),
      write(chunks) {
        written.push(chunks.length);
        return near.write(chunks);
      },
    });
    stream.cork();
    for (const part of ["a", "b", "c"]) stream.write(part);
    stream.uncork();
    stream.end();
    expect(await readToEnd(far)).toBe("abc");
    expect(written).toEqual([3]);
  });

  test("end is shutdown: the peer reads the end, and its answer still arrives", async () => {
    const [near, far] = memoryPair();
    const stream = nodeStream(near);
    stream.end("question");
    expect(await readToEnd(far)).toBe("question");
    far.write([bytes("answer")]);
    await shutdown(far);
    expect(await everything(stream)).toBe("answer");
  });

  test("the peer's end does not end ours", async () => {
    const [near, far] = memoryPair();
    const stream = nodeStream(near);
    await shutdown(far);
    await once(stream.resume(), "end");
    expect(near.aborted).toBe(false);
    stream.end("late");
    expect(await readToEnd(far)).toBe("late");
    await settle();
    expect(near.aborted).toBe(true);
  });

  test("destroy aborts with the error given, and the outstanding read is not mistaken for one of the transport", async () => {
    const [near, far] = memoryPair();
    const stream = nodeStream(near);
    stream.resume();
    await settle();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    const reason = new Error("enough");
    stream.destroy(reason);
    expect(near.aborted).toBe(true);
    expect(await failure(readText(far))).toMatchObject({ code: "ECONNRESET" });
    await settle();
    expect(errors).toEqual([reason]);
  });

  test("errors of the transport are emitted as they are; what is no error becomes one", async () => {
    const [near, far] = memoryPair();
    const stream = nodeStream(near);
    far.abort();
    expect(await once(stream.resume(), "error")).toMatchObject([{ kind: "io", code: "ECONNRESET" }]);
    const [other] = memoryPair();
    const second = nodeStream(other);
    second.resume();
    await settle();
    other.abort("a word");
    const [error] = await once(second, "error");
    expect(HttpError.is(error) && error.cause).toBe("a word");
  });

  test("a write that fails is reported, and destroys the stream", async () => {
    const [near, far] = memoryPair();
    const stream = nodeStream(near);
    far.abort();
    stream.write("x");
    expect(await once(stream, "error")).toMatchObject([{ kind: "io", code: "ECONNRESET" }]);
    expect(stream.destroyed).toBe(true);
  });

  test("property: every byte arrives once and in order, both ways, however the transport tears and delays", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { maxLength: 8 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { maxLength: 8 }),
        async (seed, early, there, back) => {
          const link = adversarialPair({ seed });
          const stream = nodeStream(new Upgraded(link.a, early));
          const got = everything(stream);
          const arrived = readToEnd(link.b);
          for (const chunk of there) stream.write(Buffer.from(chunk));
          stream.end();
          if (back.length > 0) link.b.write(back);
          link.b.shutdown(() => {});
          await link.settle();
          expect(await arrived).toBe(Buffer.concat(there).toString("latin1"));
          expect(await got).toBe(Buffer.concat([early, ...back]).toString("latin1"));
        },
      ),
      { numRuns: 40 },
    );
  });
});

function methods(io: Io): Io {
  return {
    read: (done) => io.read(done),
    write: (chunks) => io.write(chunks),
    drained: (done) => io.drained(done),
    shutdown: (done) => io.shutdown(done),
    abort: (reason) => io.abort(reason),
  };
}
