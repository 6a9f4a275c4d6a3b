/**
 * The life of a client connection: how it ends in every phase, what it tells, and how bytes leave and arrive.
 */
import { channel, collect, fromIterable, full } from "@sluice/body";
import { HttpError, type Observer } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, memoryPair, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import {
  closedCleanly,
  counted,
  exchange,
  gaveUp,
  get,
  getWire,
  okWire,
  open,
  post,
  stateOf,
  stateOfPromise,
} from "../support/client.ts";
import {
  bytes,
  type ClientUnderTest,
  connectOn,
  contentOf,
  latin1,
  lines,
  recorder,
  rejection,
  settle,
} from "../support/wire.ts";

const partial = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";

/** A connection in each of its phases, with what waits on it. */
const phases: readonly (readonly [string, (client: ClientUnderTest) => Promise<Promise<unknown>[]>])[] = [
  ["idle", async () => []],
  ["sending content", async (client) => [client.sender.send(post(channel(1).body))]],
  ["waiting for 100", async (client) => [client.sender.send(post(full("x"), { expect: "100-continue" }))]],
  ["waiting for a head", async (client) => [client.sender.send(get())]],
  [
    "within a head",
    async (client) => {
      const response = client.sender.send(get());
      client.io.push("HTTP/1.1 20");
      return [response];
    },
  ],
  [
    "reading content",
    async (client) => {
      const { body } = await exchange(client, get(), partial);
      await body.frame();
      return [body.frame() as Promise<unknown>];
    },
  ],
];

describe.each(phases)("%s", (phase, enter) => {
  const busy = phase !== "idle";

  test("abort: everything under way fails with its reason, at once, and no timer is left", async () => {
    const client = await connectOn();
    const waiting = [...(await enter(client)), ...(busy ? [client.sender.ready()] : [])];
    for (const promise of waiting) promise.catch(() => {});
    const reason = new Error("enough");
    client.connection.abort(reason);
    client.connection.abort(new Error("again"));
    for (const promise of waiting.slice(0, 1)) {
      const error = await rejection(promise);
      expect([error.kind, error.code, error.cause]).toEqual(["canceled", "ABORTED", reason]);
    }
    for (const promise of waiting) expect(await stateOfPromise(promise)).toBe("rejected");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled ABORTED"));
    expect(client.timer.pending).toBe(0);
  });

  test("the end of the server's stream: clean when idle, else what is under way is incomplete", async () => {
    const client = await connectOn();
    const waiting = await enter(client);
    for (const promise of waiting) promise.catch(() => {});
    client.io.push(null);
    for (const promise of waiting) expect((await rejection(promise)).kind).toBe("incomplete");
    await settle();
    expect(stateOf(client)).toEqual(busy ? gaveUp("incomplete INCOMPLETE_MESSAGE") : closedCleanly);
    expect(client.timer.pending).toBe(0);
  });

  test("a transport that fails: an io error for what is under way, with its error as the cause", async () => {
    const client = await connectOn();
    const waiting = await enter(client);
    for (const promise of waiting) promise.catch(() => {});
    client.io.fail(new Error("cable cut"));
    for (const promise of waiting) expect((await rejection(promise)).kind).toBe("io");
    await settle();
    expect(client.outcome?.kind).toBe("io");
    expect(client.timer.pending).toBe(0);
  });

  test("gracefulShutdown: nothing new is taken; an idle connection closes at once, a busy one goes on", async () => {
    const client = await connectOn();
    const waiting = await enter(client);
    const ready = busy ? client.sender.ready() : undefined;
    client.connection.gracefulShutdown();
    client.connection.gracefulShutdown();
    if (ready !== undefined) expect((await rejection(ready)).kind).toBe("closed");
    expect((await rejection(client.sender.send(get()))).kind).toBe("closed");
    for (const promise of waiting) expect(await stateOfPromise(promise)).toBe("pending");
    expect(stateOf(client)).toEqual({
      ready: false,
      closed: true,
      shutdown: !busy,
      aborted: false,
      outcome: undefined,
    });
  });

  test("gracefulShutdown with a deadline: what is not finished by then is given up", async () => {
    const client = await connectOn();
    const waiting = await enter(client);
    for (const promise of waiting) promise.catch(() => {});
    client.connection.gracefulShutdown(50);
    client.timer.advance(50);
    for (const promise of waiting) expect((await rejection(promise)).code).toBe("SHUTDOWN");
    await settle();
    if (busy) expect(stateOf(client)).toEqual(gaveUp("canceled SHUTDOWN"));
  });

  test("disposal waits for what is under way, and never rejects", async () => {
    const client = await connectOn();
    const waiting = await enter(client);
    for (const promise of waiting) promise.catch(() => {});
    const disposed = Promise.resolve(client.connection[Symbol.asyncDispose]());
    expect(await stateOfPromise(disposed)).toBe("pending");
    if (busy) client.connection.abort();
    else client.io.push(null);
    expect(await stateOfPromise(disposed)).toBe("resolved");
  });
});

describe("ends", () => {
  test("graceful: the response under way is read to its end, then our stream is ended and theirs awaited", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), partial);
    client.connection.gracefulShutdown();
    client.io.push("world");
    expect(await contentOf(body)).toBe("helloworld");
    expect(stateOf(client)).toMatchObject({ shutdown: true, aborted: false, outcome: undefined });
    client.io.push("ignored", null);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
    expect(client.io.writtenText).toBe(getWire);
  });

  test("maxRequestsPerConnection: the last request says so, none follows", async () => {
    const client = await connectOn({ maxRequestsPerConnection: 2, titleCaseHeaders: true });
    await exchange(client, get(), okWire);
    expect(client.io.takeWritten()).toBe("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect(stateOf(client)).toEqual(open);
    const response = client.sender.send(get());
    expect(client.io.takeWritten()).toBe("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    client.io.push(okWire, null);
    expect((await response).status).toBe(200);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });

  test("a request that says close itself says it once; an upgrade is not told to close", async () => {
    const client = await connectOn({ maxRequestsPerConnection: 1 });
    void client.sender.send(get("/", { connection: "close" })).catch(() => {});
    expect(client.io.writtenText).toBe("GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    const upgrading = await connectOn({ maxRequestsPerConnection: 1 });
    void upgrading.sender.send(get("/", { upgrade: "x" })).catch(() => {});
    expect(upgrading.io.writtenText).not.toContain("close");
  });

  test("a request refused before it was written does not count", async () => {
    const client = await connectOn({ maxRequestsPerConnection: 1 });
    await rejection(client.sender.send(post(full("x"), { "content-length": "2" })));
    expect(stateOf(client)).toEqual(open);
  });

  test("closed asked for after the end settles all the same, and unobserved it is no unhandled rejection", async () => {
    const io = scriptedIo(["garbage"], { timer: fakeTimer() });
    const { connection } = await http1.handshake(io);
    await settle();
    expect((await rejection(connection.closed)).code).toBe("UNEXPECTED_MESSAGE");
  });

  test("options that make no sense reject the handshake, and the transport is left alone", async () => {
    const io = scriptedIo([], { timer: fakeTimer() });
    await expect(http1.handshake(io, { pipelining: 0 })).rejects.toThrow(RangeError);
    await expect(http1.handshake(io, { maxBufferBytes: 8191 })).rejects.toThrow(RangeError);
    await expect(http1.handshake(io, { halfClose: true } as http1.ClientOptions)).rejects.toThrow(TypeError);
    expect([io.isReading, io.isAborted, io.isShutdown]).toEqual([false, false, false]);
  });
});

describe("early responses", () => {
  const early = (...fields: readonly string[]) =>
    lines("HTTP/1.1 413 Content Too Large", "content-length: 0", ...fields, "", "");

  test("one that keeps the connection lets the upload go on; the connection is reusable when it is done", async () => {
    const client = await connectOn();
    const { sender, body } = channel(1);
    const response = await exchange(client, post(body), early());
    expect([response.status, client.sender.isReady]).toEqual([413, false]);
    await sender.sendData("hello");
    sender.close();
    await settle();
    expect(client.io.writtenText).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    expect(stateOf(client)).toEqual(open);
  });

  test("one that closes the connection stops the upload as soon as it is read to its end", async () => {
    const client = await connectOn();
    const body = counted(channel(1).body);
    const response = await exchange(client, post(body), early("connection: close"));
    expect(response.status).toBe(413);
    expect(body.canceled).toBe(1);
    expect(client.io.writtenText).not.toContain("0\r\n\r\n");
    client.io.push(null);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });

  test("the upload goes on while such a response is still being read", async () => {
    const client = await connectOn();
    const { sender, body } = channel(1);
    const response = await exchange(client, post(body), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi");
    await sender.sendData("more");
    await settle();
    expect(client.io.writtenText).toContain("4\r\nmore\r\n");
    client.io.push(null);
    expect(await contentOf(response.body)).toBe("hi");
    await expect(sender.sendData("late")).rejects.toMatchObject({ code: "closed" });
  });

  test("an upload that fails after the response was received whole gives the connection up", async () => {
    const client = await connectOn();
    const { sender, body } = channel(1);
    const response = await exchange(client, post(body), early());
    sender.abort(new Error("gone"));
    await settle();
    expect(response.status).toBe(413);
    expect(stateOf(client)).toEqual(gaveUp("user BODY_FAILED"));
  });
});

describe("content that is not wanted", () => {
  test("cancelled with its rest at hand: it is dropped, and the connection goes on", async () => {
    for (const reply of [
      `${partial}world`,
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    ]) {
      const client = await connectOn();
      const { body } = await exchange(client, get(), reply);
      body.cancel();
      expect(stateOf(client)).toEqual(open);
      expect((await exchange(client, get(), okWire)).status).toBe(200);
    }
  });

  test("cancelled while some is still to come: the connection is given up", async () => {
    for (const reply of [
      partial,
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\n\r\nx",
    ]) {
      const client = await connectOn();
      const { body } = await exchange(client, get(), reply);
      body.cancel();
      await settle();
      expect(stateOf(client)).toEqual(gaveUp("canceled BODY_CANCELED"));
      expect(client.timer.pending).toBe(0);
    }
  });

  test("a reader that leaves the loop early cancels", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), partial);
    for await (const frame of body) {
      expect(frame).toEqual(bytes("hello"));
      break;
    }
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled BODY_CANCELED"));
  });

  test("cancelled after the end: nothing happens", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), `${partial}world`);
    await collect(body).bytes();
    body.cancel();
    expect(stateOf(client)).toEqual(open);
  });

  test("maxBodyBytes: at the limit fine; one past it refused, with the head if the length says so, else when it comes", async () => {
    const limit = { maxBodyBytes: 10 };
    const fine = await connectOn(limit);
    expect(await contentOf((await exchange(fine, get(), `${partial}world`)).body)).toBe("helloworld");
    const announced = await connectOn(limit);
    const error = await rejection(exchange(announced, get(), "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n"));
    expect([error.kind, error.code]).toEqual(["limit", "BODY_TOO_LARGE"]);
    const chunked = await connectOn(limit);
    const reply = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n";
    const { body } = await exchange(chunked, get(), reply);
    expect((await rejection(collect(body).bytes())).code).toBe("BODY_TOO_LARGE");
    await settle();
    expect(stateOf(chunked)).toEqual(gaveUp("limit BODY_TOO_LARGE"));
    const head = await connectOn(limit);
    const answer = await exchange(head, get("/"), "HTTP/1.1 304 Not Modified\r\ncontent-length: 11\r\n\r\n");
    expect(answer.status).toBe(304);
  });

  test("a second read while one waits is a mistake of the reader, and does no harm", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), partial);
    await body.frame();
    const waiting = body.frame();
    expect(() => body.frame()).toThrow(expect.objectContaining({ code: "busy" }));
    client.io.push("world");
    expect(await waiting).toEqual(bytes("world"));
    expect(stateOf(client)).toEqual(open);
  });
});

describe("the observer", () => {
  test("is told of an exchange in order, of bytes both ways, and of the end", async () => {
    const observer = recorder();
    let [read, written] = [0, 0];
    observer.bytesRead = (count) => (read += count);
    observer.bytesWritten = (count) => (written += count);
    const client = await connectOn({ observer });
    const { body } = await exchange(client, get(), `${partial}world`);
    expect(observer.events).toEqual(["request GET /", "response 200"]);
    await collect(body).bytes();
    expect(observer.events.slice(2)).toEqual(["complete"]);
    expect([read, written]).toEqual([partial.length + 5, getWire.length]);
    client.io.push(null);
    await settle();
    expect(observer.events.slice(3)).toEqual(["closed"]);
  });

  test("is told of failures: of the exchange and of the connection", async () => {
    const observer = recorder();
    const client = await connectOn({ observer });
    await rejection(exchange(client, get(), "garbage\r\n"));
    expect(observer.events.slice(1).sort()).toEqual(["closed INVALID_STATUS_LINE", "failed INVALID_STATUS_LINE"]);
  });

  test("is not told of a request that was refused", async () => {
    const observer = recorder();
    const client = await connectOn({ observer });
    await rejection(client.sender.send(get(), { signal: AbortSignal.abort() }));
    expect(observer.events).toEqual([]);
  });

  test("one that throws is not heeded", async () => {
    const fail = () => {
      throw new Error("observer");
    };
    const observer: Observer = {
      requestStarted: fail,
      responseStarted: fail,
      exchangeEnded: fail,
      bytesRead: fail,
      bytesWritten: fail,
      informational: fail,
      connectionClosed: fail,
    };
    const client = await connectOn({ observer });
    expect((await exchange(client, get(), `HTTP/1.1 103 x\r\n\r\n${okWire}`)).status).toBe(200);
    expect(stateOf(client)).toEqual(open);
  });

  test("one that aborts at any event leaves nothing behind", async () => {
    for (const event of [
      "requestStarted",
      "informational",
      "responseStarted",
      "exchangeEnded",
      "bytesRead",
      "bytesWritten",
    ] as const) {
      const client = await connectOn({ observer: { [event]: () => client.connection.abort() } });
      const response = client.sender.send(get());
      client.io.push(`HTTP/1.1 103 x\r\n\r\n${okWire}`);
      await response.catch((error: unknown) => expect(HttpError.is(error)).toBe(true));
      await settle();
      expect([event, client.io.isAborted, client.timer.pending, client.sender.isClosed]).toEqual([
        event,
        true,
        0,
        true,
      ]);
      expect((await rejection(client.connection.closed)).code).toBe("ABORTED");
    }
  });
});

describe("bytes out", () => {
  test("head and content that are at hand leave in one write", async () => {
    const client = await connectOn();
    void client.sender.send(post(full("hello"))).catch(() => {});
    expect(client.io.writes.length).toBe(1);
    const chunked = await connectOn();
    void chunked.sender.send(post(fromIterable([bytes("a"), bytes("b")]))).catch(() => {});
    expect(chunked.io.writes.map(latin1)).toEqual([
      "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
    ]);
  });

  const big = 200_000;

  test.each(["auto", "flatten", "queue"] as const)(
    "[hyper-181, hyper-182] strategy %s: the same bytes, however slowly they are taken",
    async (writeStrategy) => {
      const timer = fakeTimer();
      const [near, far] = memoryPair({ capacityBytes: 1000, timer });
      const { sender } = await http1.handshake(near, { writeStrategy });
      const content = Array.from({ length: big / 100 }, (_, i) => String(i % 10).repeat(100)).join("");
      const pieces = content.match(/.{1,9000}/g) ?? [];
      sender.send(post(fromIterable(pieces.map(bytes)), { "content-length": String(big) })).catch(() => {});
      let got = "";
      far.read(function take(chunk) {
        if (chunk === null) return;
        got += latin1(chunk);
        far.read(take);
      });
      for (let i = 0; i < 100 && got.length < big; i++) timer.advance(0);
      expect(got).toBe(`POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: ${big}\r\n\r\n${content}`);
    },
  );

  test("[hyper-099] our stream ends behind everything written, also when the transport takes it slowly", async () => {
    const timer = fakeTimer();
    const [near, far] = memoryPair({ capacityBytes: 10, timer });
    const { sender, connection } = await http1.handshake(near);
    const response = sender.send(post(full("x".repeat(5000)), { connection: "close" }));
    far.write([bytes(okWire)]);
    await response;
    let got = 0;
    let ended = false;
    far.read(function take(chunk) {
      if (chunk === null) {
        ended = true;
        far.shutdown(() => {});
        return;
      }
      got += chunk.length;
      far.read(take);
    });
    timer.advance(0);
    expect([got > 5000, ended]).toEqual([true, true]);
    await connection.closed;
  });

  test("[hyper-100] what is gathered is flushed before the turn is given to others", async () => {
    const client = await connectOn();
    const count = 5000;
    const body = counted(fromIterable(Array.from({ length: count }, () => bytes("x"))));
    void client.sender.send(post(body, { "content-length": String(count) })).catch(() => {});
    const head = `POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: ${count}\r\n\r\n`;
    expect(body.asked).toBeLessThan(count);
    expect(client.io.written.length).toBe(head.length + body.asked);
    for (let i = 0; i < 100 && body.asked < count; i++) client.timer.advance(0);
    expect(client.io.written.length).toBe(head.length + count);
  });
});

describe("bytes in", () => {
  test("[hyper-177] parsing goes on reading until the transport has no more at once", async () => {
    const client = await connectOn();
    const response = client.sender.send(get());
    client.io.push(..."HTTP/1.1 200");
    expect(client.io.remaining).toBe(0);
    expect(client.io.isReading).toBe(true);
    client.io.push(..." OK\r\ncontent-length: 0\r\n\r\n");
    client.timer.advance(0);
    expect((await response).status).toBe(200);
  });
});
