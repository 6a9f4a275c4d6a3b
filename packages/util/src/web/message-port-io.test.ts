import { MessageChannel } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { bytes, drained, failure, readText, settle, shutdown, text } from "../../test/support/io.ts";
import { ioContract } from "../../test/support/io-contract.ts";
import { fakeTimer } from "../memory/index.ts";
import { messagePortIo, timer } from "./index.ts";
import type { MessagePortLike } from "./message-port.ts";

ioContract(
  "a MessagePort",
  async () => {
    const { port1, port2 } = new MessageChannel();
    return { a: messagePortIo(port1), b: messagePortIo(port2), close: async () => {} };
  },
  { halfClose: true, bounded: true },
);

type Listener = (event: object) => void;

/** A port of which the test is the other side: what was posted, and a way to send. */
class FakePort implements MessagePortLike {
  readonly posted: unknown[] = [];
  started = false;
  closed = false;
  readonly #listeners = new Map<string, Listener>();

  postMessage(message: unknown, transfer: readonly unknown[]): void {
    expect(transfer).toEqual(message instanceof ArrayBuffer ? [message] : []);
    this.posted.push(message instanceof ArrayBuffer ? text(new Uint8Array(message)) : message);
  }

  start(): void {
    this.started = true;
  }

  close(): void {
    this.closed = true;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  send(data: unknown): void {
    this.#listeners.get("message")?.({ data });
  }

  emit(type: "messageerror" | "close"): void {
    this.#listeners.get(type)?.({ data: null });
  }

  /** What was posted since the last time. */
  take(): unknown[] {
    return this.posted.splice(0);
  }
}

function buffer(content: string): ArrayBuffer {
  return Uint8Array.from(content, (char) => char.charCodeAt(0)).buffer;
}

describe("credit", () => {
  test("is given at once, and nothing is sent before there is some", () => {
    const port = new FakePort();
    const io = messagePortIo(port, { windowBytes: 8192 });
    expect([port.started, port.take()]).toEqual([true, [8192]]);
    const seen: unknown[] = [];
    expect(io.write([bytes("ab"), bytes("cd")])).toBe(false);
    io.drained((error) => seen.push(error));
    expect([port.take(), seen]).toEqual([[], []]);
    // A message of one byte costs 257.
    port.send(256);
    expect([port.take(), seen]).toEqual([[], []]);
    port.send(1);
    expect([port.take(), seen]).toEqual([["a"], []]);
    port.send(256 + 4);
    expect([port.take(), seen]).toEqual([["bcd"], []]);
    port.send(1000);
    expect(seen).toEqual([undefined]);
    expect(io.write([bytes("e")])).toBe(true);
  });

  test("goes back when half of the window was read, and not before", async () => {
    const port = new FakePort();
    const io = messagePortIo(port, { windowBytes: 8192 });
    port.take();
    for (const part of ["x".repeat(4095 - 256), "y"]) port.send(buffer(part));
    await settle();
    expect(port.take()).toEqual([]);
    expect((await readText(io))?.length).toBe(4095 - 256);
    expect(port.take()).toEqual([]);
    expect(await readText(io)).toBe("y");
    expect(port.take()).toEqual([4095 + 257]);
  });

  test("is not given back for what was read behind the end", async () => {
    const port = new FakePort();
    const io = messagePortIo(port, { windowBytes: 4096 });
    port.take();
    port.send(buffer("x".repeat(3000)));
    port.send("end");
    await readText(io);
    expect(await readText(io)).toBe(null);
    expect(port.take()).toEqual([]);
  });

  test("a message costs 256 more than its bytes: what the window allows is taken, one byte more ends it", async () => {
    for (const last of [240, 241]) {
      const port = new FakePort();
      const io = messagePortIo(port, { windowBytes: 4096 });
      // 14 * 257 + 242 + 256 = 4,096.
      for (let i = 0; i < 14; i++) port.send(buffer("z"));
      port.send(buffer("z".repeat(last + 2)));
      if (last === 240) {
        expect([port.closed, port.take()]).toEqual([false, [4096]]);
        expect(await readText(io)).toBe("z");
      } else {
        expect([port.closed, port.take()]).toEqual([true, [4096, "abort"]]);
        expect(await failure(readText(io))).toMatchObject({
          kind: "limit",
          code: "WINDOW_EXCEEDED",
          message: "more than windowBytes = 4096 bytes were received before they were read",
        });
      }
    }
  });

  test("bounds what an unread side holds, however much is written and in whatever pieces", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4096, max: 300_000 }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 30 }),
        (windowBytes, lengths) => {
          const port = new FakePort();
          const io = messagePortIo(port);
          port.take();
          port.send(windowBytes);
          for (const length of lengths) io.write([new Uint8Array(length)]);
          const sent = port.take() as string[];
          const cost = sent.reduce((sum, { length }) => sum + length + 256, 0);
          const written = lengths.reduce((sum, length) => sum + length, 0);
          expect(cost).toBeLessThanOrEqual(windowBytes);
          expect(Math.max(0, ...sent.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
          // Nothing is held back while there is credit for it.
          const bytesSent = sent.reduce((sum, { length }) => sum + length, 0);
          if (bytesSent < written) expect(windowBytes - cost).toBeLessThanOrEqual(256);
        },
      ),
    );
  });
});

describe("the end", () => {
  test("comes behind what was written, when there is credit for that", () => {
    const port = new FakePort();
    const io = messagePortIo(port);
    port.take();
    io.write([bytes("last words")]);
    const seen: unknown[] = [];
    io.shutdown((error) => seen.push(error));
    expect([port.take(), seen]).toEqual([[], []]);
    port.send(1000);
    expect([port.take(), seen]).toEqual([["last words", "end"], [undefined]]);
  });

  test("abort says so and closes the port; behind the end of the peer it is no reset", async () => {
    const port = new FakePort();
    const io = messagePortIo(port);
    port.take();
    port.send(1000);
    port.send(buffer("unread"));
    port.send("end");
    port.send("abort");
    expect(port.closed).toBe(true);
    expect([await readText(io), await readText(io)]).toEqual(["unread", null]);
    expect(io.write([bytes("x")])).toBe(false);
    expect(await failure(drained(io))).toMatchObject({ kind: "io", code: "EPIPE" });
    io.abort();
    expect(port.take()).toEqual([]);
    const other = new FakePort();
    messagePortIo(other).abort();
    expect([other.take(), other.closed]).toEqual([[262_144, "abort"], true]);
  });

  test("a reset loses what is unread", async () => {
    const port = new FakePort();
    const io = messagePortIo(port);
    port.send(buffer("unread"));
    port.send("abort");
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "ECONNRESET" });
  });

  test("a port that is closed without a word: what has come is read, and then it is an error", async () => {
    const port = new FakePort();
    const io = messagePortIo(port);
    port.send(buffer("unread"));
    port.emit("close");
    port.emit("close");
    expect(await readText(io)).toBe("unread");
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "PREMATURE_CLOSE" });
    expect(await failure(shutdown(io))).toMatchObject({ kind: "io", code: "PREMATURE_CLOSE" });
  });

  test("closing one of Node's own ports is seen by both sides", async () => {
    const { port1, port2 } = new MessageChannel();
    const [a, b] = [messagePortIo(port1), messagePortIo(port2)];
    a.write([bytes("last")]);
    expect(await readText(b)).toBe("last");
    port1.close();
    expect(await failure(readText(b))).toMatchObject({ kind: "io", code: "PREMATURE_CLOSE" });
    expect(await failure(readText(a))).toMatchObject({ kind: "io", code: "PREMATURE_CLOSE" });
  });
});

describe("messages that no adapted port sends", () => {
  const cases: readonly (readonly [name: string, said: string, messages: readonly unknown[]])[] = [
    ["text", "text was", ["hello"]],
    ["an object", "a value of type object was", [{ bytes: 1 }]],
    ["null", "a value of type null was", [null]],
    ["nothing", "a value of type undefined was", [undefined]],
    ["a view of a buffer", "a value of type object was", [new Uint8Array(1)]],
    ["an empty buffer", "an empty buffer was", [new ArrayBuffer(0)]],
    ["no credit", "a credit of 0 was", [0]],
    ["negative credit", "a credit of -1 was", [-1]],
    ["broken credit", "a credit of 0.5 was", [0.5]],
    ["no number", "a credit of NaN was", [Number.NaN]],
    ["too much credit", "more credit than can be counted was", [Number.MAX_SAFE_INTEGER, 1]],
    ["a buffer behind the end", "a buffer behind the end was", ["end", new ArrayBuffer(1)]],
    ["a second end", "a second end was", ["end", "end"]],
  ];

  test.for(cases)("%s", async ([, said, messages]) => {
    const port = new FakePort();
    const io = messagePortIo(port);
    const waiting = failure(drained(io));
    for (const message of messages) port.send(message);
    expect([port.take(), port.closed]).toEqual([[262_144, "abort"], true]);
    const error = expect.objectContaining({
      kind: "io",
      code: "MALFORMED_MESSAGE",
      message: `${said} received over a port that carries bytes`,
    });
    expect(await failure(readText(io))).toEqual(error);
    if (messages.length === 1) expect(await waiting).toEqual(error);
    port.send("hello");
    io.abort();
    expect(port.take()).toEqual([]);
    waiting.catch(() => {});
  });

  test("one that cannot be read", async () => {
    const port = new FakePort();
    const io = messagePortIo(port);
    port.emit("messageerror");
    expect(await failure(readText(io))).toMatchObject({ code: "MALFORMED_MESSAGE" });
  });

  test("whatever comes, in whatever order: nothing is thrown, and what is held is within the window", () => {
    const message = fc.oneof(
      fc.integer({ min: 1, max: 5000 }).map((length) => new ArrayBuffer(length)),
      fc.constantFrom<unknown>("end", "abort", 1, 5000, 2 ** 53, "x", null, {}),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const port = new FakePort();
        const io = messagePortIo(port, { windowBytes: 16_384 });
        for (const one of messages) port.send(one);
        io.write([bytes("x")]);
        let held = 0;
        let more = true;
        while (more) {
          more = false;
          io.read((chunk) => {
            held += chunk === null ? 0 : chunk.length + 256;
            more = chunk !== null;
          });
        }
        expect(held).toBeLessThanOrEqual(16_384);
        io.abort();
        expect(port.closed).toBe(true);
        expect(port.posted.filter((posted) => posted === "abort").length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test("what a callback throws is an exception nobody caught, and the rest goes on", () => {
  const thrown: unknown[] = [];
  const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  });
  const port = new FakePort();
  const io = messagePortIo(port);
  io.read(() => {
    throw new Error("from read");
  });
  io.drained(() => {
    throw new Error("from drained");
  });
  port.send("abort");
  later.mockRestore();
  expect(thrown.map(String)).toEqual(["Error: from read", "Error: from drained"]);
});

test("memory that others use is copied: what was written stays as it is", () => {
  const port = new FakePort();
  const io = messagePortIo(port);
  port.take();
  port.send(1000);
  const chunk = bytes("abc");
  io.write([chunk.subarray(1)]);
  expect([port.take(), text(chunk)]).toEqual([["bc"], "abc"]);
});

test("options: info and timer; bad ones are refused before the port is touched", () => {
  const info = { secure: true };
  const own = fakeTimer();
  const io = messagePortIo(new FakePort(), { info, timer: own });
  expect([io.info, io.timer]).toEqual([info, own]);
  const plain = messagePortIo(new FakePort());
  expect([plain.info, plain.timer]).toEqual([undefined, timer]);
  const port = new FakePort();
  expect(() => messagePortIo(port, { windowBytes: 4095 })).toThrow(
    new RangeError("messagePortIo: windowBytes must be a whole number from 4096 to 9007199254740991, got 4095"),
  );
  expect(() => messagePortIo(port, { window: 1 } as object)).toThrow(
    new TypeError("messagePortIo: unknown option window"),
  );
  expect([port.started, port.posted]).toEqual([false, []]);
});
