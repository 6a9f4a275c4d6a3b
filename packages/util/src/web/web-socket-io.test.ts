import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { bytes, drained, failure, readText, readToEnd, settle, shutdown, text } from "../../test/support/io.ts";
import { type Ends, ioContract } from "../../test/support/io-contract.ts";
import { fakeTimer } from "../memory/index.ts";
import { timer, webSocketIo } from "./index.ts";
import type { WebSocketLike } from "./web-socket.ts";

interface Sockets {
  readonly client: WebSocket;
  readonly server: WebSocket;
  close(): Promise<void>;
}

/** Two ends of one WebSocket, of the `ws` package, over TCP. */
async function webSockets(options: { perMessageDeflate?: boolean } = {}): Promise<Sockets> {
  const listener = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(listener, "listening");
  const accepted = once(listener, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${(listener.address() as AddressInfo).port}`);
  client.on("error", () => {});
  const [[server]] = (await Promise.all([accepted, once(client, "open")])) as [[WebSocket], unknown];
  return {
    client,
    server,
    async close() {
      client.terminate();
      server.terminate();
      listener.close();
      await once(listener, "close");
    },
  };
}

async function ends(adapt: (socket: WebSocket) => WebSocketLike): Promise<Ends> {
  const { client, server, close } = await webSockets();
  return { a: webSocketIo(adapt(client)), b: webSocketIo(adapt(server)), close };
}

/** A socket of `ws` with no more to it than one of a browser. */
function plain(socket: WebSocket): WebSocketLike {
  return {
    get readyState() {
      return socket.readyState;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    get binaryType() {
      return socket.binaryType;
    },
    set binaryType(type) {
      socket.binaryType = type as "arraybuffer";
    },
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    addEventListener: (type: "message", listener: (event: { data: unknown }) => void) =>
      socket.addEventListener(type, listener),
  } as WebSocketLike;
}

ioContract("a WebSocket of ws", () => ends((socket) => socket), { halfClose: false, bounded: true });
ioContract("a WebSocket as browsers have it", () => ends(plain), { halfClose: false, bounded: false });

type Listener = (event: object) => void;

/** A WebSocket of a browser of which the test holds the other side. */
class FakeSocket implements WebSocketLike {
  readyState = 1;
  bufferedAmount = 0;
  binaryType = "blob";
  readonly sent: string[] = [];
  readonly #listeners = new Map<string, Listener>();

  send(data: Uint8Array<ArrayBuffer>): void {
    expect(this.readyState).toBe(1);
    this.sent.push(text(data) ?? "");
    this.bufferedAmount += data.length;
  }

  close(code?: number, reason = ""): void {
    this.sent.push(`close ${code} ${reason}`);
    this.readyState = 2;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  open(): void {
    this.readyState = 1;
    this.#listeners.get("open")?.({});
  }

  receive(data: unknown): void {
    this.#listeners.get("message")?.({ data });
  }

  closed(code: number, reason = ""): void {
    this.readyState = 3;
    this.#listeners.get("close")?.({ code, reason });
  }

  take(): string[] {
    return this.sent.splice(0);
  }
}

function buffer(content: string): ArrayBuffer {
  return Uint8Array.from(content, (char) => char.charCodeAt(0)).buffer;
}

describe("messages", () => {
  test("small chunks of a write are one message, large ones are cut, and nothing is no message", () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    expect(socket.binaryType).toBe("arraybuffer");
    expect(io.write([bytes("ab"), bytes(""), bytes("c")])).toBe(true);
    io.write([]);
    io.write([bytes("")]);
    expect(socket.take()).toEqual(["abc"]);
    io.write([bytes("x".repeat(65_536 + 1)), bytes("y")]);
    expect(socket.take().map(({ length }) => length)).toEqual([65_536, 1, 1]);
  });

  test("empty ones are skipped; ArrayBuffers and views are taken", async () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.receive(buffer(""));
    socket.receive(buffer("one"));
    socket.receive(bytes("two"));
    expect([await readText(io), await readText(io)]).toEqual(["one", "two"]);
  });

  test.for([
    ["text", "hello", "a text message"],
    ["a Blob", new Blob(["x"]), "a message that is no buffer"],
  ] as const)("%s is refused, and the WebSocket closed", async ([, data, said]) => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.receive(data);
    const message = `${said} was received where binary messages carry the bytes`;
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "MESSAGE_TYPE", message });
    expect(socket.take()).toEqual([`close 4000 ${message}`]);
    socket.receive(buffer("late"));
    socket.closed(1006);
    expect(await failure(drained(io))).toMatchObject({ code: "MESSAGE_TYPE" });
  });
});

describe("what nobody reads", () => {
  test("may be maxQueuedBytes, each message 256 more than its bytes; one byte more ends it", async () => {
    for (const last of [4, 5]) {
      const socket = new FakeSocket();
      const io = webSocketIo(socket, { maxQueuedBytes: 1000 });
      for (const length of [100, 128, last]) socket.receive(new ArrayBuffer(length));
      if (last === 4) {
        expect(socket.take()).toEqual([]);
        expect((await readText(io))?.length).toBe(100);
      } else {
        const message = "more than maxQueuedBytes = 1000 bytes were waiting to be read";
        expect(socket.take()).toEqual([`close 4000 ${message}`]);
        expect(await failure(readText(io))).toMatchObject({ kind: "limit", code: "MAX_QUEUED_BYTES", message });
        expect(await failure(shutdown(io))).toMatchObject({ kind: "limit", code: "MAX_QUEUED_BYTES" });
      }
    }
  });

  test("what is read makes place, however much it comes to", async () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket, { maxQueuedBytes: 100_000 });
    for (let i = 0; i < 5000; i++) {
      socket.receive(buffer(`${i}`));
      if (i >= 100) expect(await readText(io)).toBe(`${i - 100}`);
    }
    expect(socket.take()).toEqual([]);
  });

  test("pauses a socket of ws until it is read", async () => {
    const { client, server, close } = await webSockets();
    const io = webSocketIo(server);
    client.send(bytes("x".repeat(1000)));
    while (!server.isPaused) await settle(1);
    expect((await readText(io))?.length).toBe(1000);
    expect(server.isPaused).toBe(false);
    await close();
  });
});

describe("room to write", () => {
  test("ends at maxBufferedBytes; it is looked for in the next turns, and then every 50 ms", async () => {
    const clock = fakeTimer();
    const delays: number[] = [];
    const socket = new FakeSocket();
    const io = webSocketIo(socket, {
      maxBufferedBytes: 4,
      timer: {
        now: () => clock.now(),
        schedule: (delayMs, task) => {
          delays.push(delayMs);
          return clock.schedule(delayMs, task);
        },
      },
    });
    expect(io.write([bytes("abc")])).toBe(true);
    expect(io.write([bytes("d")])).toBe(false);
    const seen: unknown[] = [];
    io.drained((error) => seen.push(error));
    expect(() => io.drained(() => {})).toThrow(TypeError);
    clock.advance(100);
    expect([seen, delays]).toEqual([[], [...Array.from({ length: 16 }, () => 0), 50, 50, 50]]);
    socket.bufferedAmount = 3;
    clock.advance(50);
    expect([seen, delays.length]).toEqual([[undefined], 19]);
    clock.advance(1000);
    expect(delays.length).toBe(19);
    io.write([bytes("e")]);
    io.drained((error) => seen.push(error));
    expect(delays.slice(19)).toEqual([0]);
    // A message that comes in is as good.
    socket.bufferedAmount = 0;
    socket.receive(buffer(""));
    expect(seen).toEqual([undefined, undefined]);
    clock.advance(1000);
    expect(delays.length).toBe(20);
  });

  test("a writer that is woken and waits again is looked after once", () => {
    const clock = fakeTimer();
    const socket = new FakeSocket();
    const io = webSocketIo(socket, { maxBufferedBytes: 1, timer: clock });
    let woken = 0;
    io.write([bytes("a")]);
    io.drained(function again() {
      woken += 1;
      if (woken > 3) return;
      io.write([bytes("b")]);
      io.drained(again);
    });
    for (let turn = 0; turn < 4; turn++) {
      expect([woken, clock.pending]).toEqual([turn, 1]);
      socket.bufferedAmount = 0;
      clock.advance(50);
    }
    expect([woken, clock.pending]).toEqual([4, 0]);
  });

  test("a WebSocket that closes meanwhile is an error, and nothing is looked for any more", async () => {
    const clock = fakeTimer();
    const socket = new FakeSocket();
    const io = webSocketIo(socket, { maxBufferedBytes: 1, timer: clock });
    io.write([bytes("a")]);
    const waiting = failure(drained(io));
    socket.closed(1006);
    expect(await waiting).toMatchObject({ kind: "io", code: "ECONNRESET" });
    expect(clock.pending).toBe(0);
  });
});

describe("the end", () => {
  test.for([1000, 1005])("close code %d is the end, behind what was received", async (code) => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.receive(buffer("last"));
    socket.closed(code);
    expect([await readText(io), await readText(io), await readText(io)]).toEqual(["last", null, null]);
    await shutdown(io);
  });

  test.for([
    [1001, "", "the WebSocket was closed with code 1001"],
    [1006, "", "the WebSocket was closed with code 1006"],
    [1011, "it\nbroke", 'the WebSocket was closed with code 1011 ("it\\nbroke")'],
    [4000, "", "the WebSocket was closed with code 4000"],
  ] as const)("close code %d is a reset, behind what was received", async ([code, reason, message]) => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.receive(buffer("last"));
    socket.closed(code, reason);
    expect(await readText(io)).toBe("last");
    const error = { kind: "io", code: "ECONNRESET", message };
    expect(await failure(readText(io))).toMatchObject(error);
    expect(await failure(shutdown(io))).toMatchObject(error);
  });

  test("shutdown closes with code 1000, and is complete when the peer has closed", () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    io.write([bytes("last")]);
    const seen: unknown[] = [];
    io.shutdown((error) => seen.push(error));
    expect([socket.take(), seen]).toEqual([["last", "close 1000 "], []]);
    socket.bufferedAmount = 0;
    socket.closed(1000);
    expect(seen).toEqual([undefined]);
  });

  test("shutdown fails if what was written has not left, or the peer gives up instead", () => {
    for (const [unsent, code, error] of [
      [4, 1000, "EPIPE"],
      [0, 1006, "ECONNRESET"],
    ] as const) {
      const socket = new FakeSocket();
      const io = webSocketIo(socket);
      io.write([bytes("last")]);
      const seen: unknown[] = [];
      io.shutdown((failed) => seen.push(failed));
      socket.bufferedAmount = unsent;
      socket.closed(code);
      expect(seen).toEqual([expect.objectContaining({ kind: "io", code: error })]);
    }
  });

  test("what is written when the peer has closed is lost, and both drained and shutdown say so", async () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.readyState = 2;
    expect(io.write([bytes("into the void")])).toBe(false);
    const waiting = failure(drained(io));
    socket.closed(1000);
    expect(await waiting).toMatchObject({ kind: "io", code: "EPIPE" });
    expect(await readText(io)).toBe(null);
    expect(await failure(shutdown(io))).toMatchObject({ kind: "io", code: "EPIPE" });
    expect(socket.take()).toEqual([]);
  });

  test("abort closes with code 4000 at once, and once", async () => {
    const socket = new FakeSocket();
    const io = webSocketIo(socket);
    socket.receive(buffer("unread"));
    const reason = new Error("enough");
    io.abort(reason);
    io.abort();
    expect(socket.take()).toEqual(["close 4000 "]);
    expect(await failure(readText(io))).toBe(reason);
    socket.closed(1006);
    expect(await failure(readText(io))).toBe(reason);
  });

  test("between sockets of ws abort is no polite end: what is unsent is discarded", async () => {
    const { client, server, close } = await webSockets();
    const [a, b] = [webSocketIo(client), webSocketIo(server)];
    a.write([new Uint8Array(32 << 20)]);
    a.abort();
    expect(client.readyState).toBe(2);
    expect(await failure(readToEnd(b))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    await close();
  });
});

describe("a WebSocket that is not open yet", () => {
  test("takes what is written, has no room, and sends when it is open", () => {
    const socket = new FakeSocket();
    socket.readyState = 0;
    const clock = fakeTimer();
    const io = webSocketIo(socket, { timer: clock });
    expect(io.write([bytes("a"), bytes("b")])).toBe(false);
    expect(io.write([bytes("c")])).toBe(false);
    const seen: unknown[] = [];
    io.drained((error) => seen.push(error));
    expect([socket.take(), seen, clock.pending]).toEqual([[], [], 0]);
    socket.open();
    expect([socket.take(), seen]).toEqual([["abc"], [undefined]]);
  });

  test("may be ended, and given up", () => {
    const socket = new FakeSocket();
    socket.readyState = 0;
    const io = webSocketIo(socket);
    io.write([bytes("a")]);
    io.shutdown(() => {});
    expect(socket.take()).toEqual([]);
    socket.open();
    expect(socket.take()).toEqual(["a", "close 1000 "]);
    const other = new FakeSocket();
    other.readyState = 0;
    webSocketIo(other).abort();
    expect(other.take()).toEqual(["close 4000 "]);
    other.open();
    expect(other.take()).toEqual([]);
  });

  test("and never will be, is an error", async () => {
    const socket = new FakeSocket();
    socket.readyState = 0;
    const io = webSocketIo(socket);
    io.write([bytes("a")]);
    const waiting = failure(drained(io));
    socket.closed(1006);
    const error = { kind: "io", code: "CONNECT_FAILED", message: "the WebSocket could not be opened" };
    expect(await waiting).toMatchObject(error);
    expect(await failure(readText(io))).toMatchObject(error);
    // Of `ws`, where an error without a listener would be thrown; nobody listens on port 1.
    const refused = webSocketIo(new WebSocket("ws://127.0.0.1:1"));
    expect(await failure(readText(refused))).toMatchObject(error);
    const aborted = webSocketIo(new WebSocket("ws://127.0.0.1:1"));
    const reason = new Error("enough");
    aborted.abort(reason);
    expect(await failure(readText(aborted))).toBe(reason);
  });

  test("nor is one that is closed", async () => {
    const socket = new FakeSocket();
    socket.readyState = 3;
    const io = webSocketIo(socket);
    expect(await failure(readText(io))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    expect(io.write([bytes("a")])).toBe(false);
    io.abort();
    expect(socket.take()).toEqual([]);
  });
});

test.each([false, true])("HTTP/2 over ws, compression %s", async (perMessageDeflate) => {
  const { client, server, close } = await webSockets({ perMessageDeflate });
  const echo = serviceFn((request) => new HttpResponse(200, undefined, request.body));
  const serving = http2.serve(webSocketIo(server), echo);
  const { sender, connection } = await http2.handshake(webSocketIo(client));
  const sent = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);
  const posts = [1, 2, 3].map(async () => {
    const { body } = await sender.send(HttpRequest.post("/", full(sent), { host: "a.test" }));
    return Buffer.compare(await collect(body).bytes(), sent);
  });
  expect(await Promise.all(posts)).toEqual([0, 0, 0]);
  connection.gracefulShutdown();
  await Promise.all([connection.closed, serving.closed]);
  await close();
});

test("options: info and timer; bad ones are refused before the socket is touched", () => {
  const info = { secure: true };
  const own = fakeTimer();
  const io = webSocketIo(new FakeSocket(), { info, timer: own });
  expect([io.info, io.timer]).toEqual([info, own]);
  const bare = webSocketIo(new FakeSocket());
  expect([bare.info, bare.timer]).toEqual([undefined, timer]);
  const socket = new FakeSocket();
  expect(() => webSocketIo(socket, { maxBufferedBytes: 0 })).toThrow(
    new RangeError("webSocketIo: maxBufferedBytes must be a whole number from 1 to 9007199254740991, got 0"),
  );
  expect(() => webSocketIo(socket, { maxQueuedBytes: -1 })).toThrow(
    new RangeError("webSocketIo: maxQueuedBytes must be a whole number from 1 to Infinity, got -1"),
  );
  expect(() => webSocketIo(socket, { limit: 1 } as object)).toThrow(new TypeError("webSocketIo: unknown option limit"));
  expect(socket.binaryType).toBe("blob");
});
