/** How responses become writes: joined where they are small, by reference where they are large. */
import { channel, fromIterable, full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { EagerIo, oneByOne } from "../support/eager-io.ts";
import { expectOpen, get } from "../support/server.ts";
import { bytes, latin1, plain, serveOn, settle } from "../support/wire.ts";

/** The writes for one request. */
function writesOf(response: () => HttpResponse, options: http1.ServerOptions = {}): (readonly Uint8Array[])[] {
  const io = new EagerIo(oneByOne([bytes(get)]), fakeTimer());
  http1.serve(io, { call: response }, { ...plain, ...options });
  return io.writes;
}

describe("one write", () => {
  test("has the head and a small body in one chunk, text or bytes", () => {
    for (const content of ["hello", bytes("hello")]) {
      const [write, ...others] = writesOf(() => new HttpResponse(200, {}, full(content)));
      expect(others).toEqual([]);
      expect(write?.map(latin1)).toEqual(["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]);
    }
  });

  test("has everything a chunked body gives at once", () => {
    const [write, ...others] = writesOf(() => new HttpResponse(200, {}, fromIterable(["a", "bc"])));
    expect(others).toEqual([]);
    expect(write?.map(latin1)).toEqual([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
    ]);
  });

  test("has a chunk of 8,192 bytes by reference, one byte less is copied", () => {
    const large = new Uint8Array(8_192);
    const [write, ...others] = writesOf(() => new HttpResponse(200, {}, full(large)));
    expect(others).toEqual([]);
    expect(write?.length).toBe(2);
    expect(write?.[1]).toBe(large);
    const small = new Uint8Array(8_191);
    const [joined] = writesOf(() => new HttpResponse(200, {}, full(small)));
    expect(joined?.length).toBe(1);
    expect(joined?.[0]?.length).toBe("HTTP/1.1 200 OK\r\ncontent-length: 8191\r\n\r\n".length + 8_191);
  });

  test("has large chunks by reference between their chunk lines", () => {
    const one = new Uint8Array(10_000).fill(0x61);
    const two = new Uint8Array(10_000).fill(0x62);
    const [write] = writesOf(() => new HttpResponse(200, {}, fromIterable([one, two])));
    expect(write?.length).toBe(5);
    expect([write?.[1], write?.[3]].map((chunk, i) => chunk === [one, two][i])).toEqual([true, true]);
    expect([write?.[2], write?.[4]].map((chunk) => latin1(chunk ?? new Uint8Array(0)))).toEqual([
      "\r\n2710\r\n",
      "\r\n0\r\n\r\n",
    ]);
  });

  test("with writeStrategy flatten is one chunk, with queue has every body chunk by reference", () => {
    const large = new Uint8Array(8_192);
    const [flat] = writesOf(() => new HttpResponse(200, {}, full(large)), { writeStrategy: "flatten" });
    expect(flat?.length).toBe(1);
    const small = bytes("hello");
    const [queued] = writesOf(() => new HttpResponse(200, {}, full(small)), { writeStrategy: "queue" });
    expect(queued?.length).toBe(2);
    expect(queued?.[1]).toBe(small);
  });

  test("takes 64 KiB from a body that is always ready, and twice as much each time all was taken at once, up to maxBufferBytes", () => {
    const part = new Uint8Array(16_384);
    const body = fromIterable(Array.from({ length: 60 }, () => part));
    const writes = writesOf(() => new HttpResponse(200, {}, body), { maxBufferBytes: 200_000 });
    const parts = writes.map((write) => write.filter((chunk) => chunk === part).length);
    // The head and the lines of the chunks count as well.
    expect(parts).toEqual([4, 8, 13, 13, 13, 9]);
  });

  test("takes 64 KiB from it for a transport that makes us wait", async () => {
    const part = new Uint8Array(16_384);
    const body = fromIterable(Array.from({ length: 12 }, () => part));
    const server = serveOn(() => new HttpResponse(200, {}, body), {}, { capacityBytes: 1 });
    server.io.push(get);
    for (let i = 0; i < 5; i++) {
      server.io.drain();
      await settle();
    }
    expect(server.io.writes.map(({ length }) => Math.floor(length / part.length))).toEqual([4, 4, 4, 0]);
  });

  test("takes no more than maxBufferBytes", () => {
    const part = new Uint8Array(4_096);
    const body = fromIterable(Array.from({ length: 8 }, () => part));
    const writes = writesOf(() => new HttpResponse(200, {}, body), { maxBufferBytes: 8_192 });
    const sizes = writes.map((write) => write.reduce((sum, chunk) => sum + chunk.length, 0));
    for (const size of sizes) expect(size).toBeLessThanOrEqual(8_192 + 4_096 + 100);
    expect(sizes.length).toBeGreaterThanOrEqual(3);
  });
});

describe("a transport that holds enough", () => {
  test("is given nothing more, and the body is not asked for more, until it has room", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body), {}, { capacityBytes: 1 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    await sender.sendData("a");
    await settle();
    expect(sender.isWanted).toBe(false);
    expectOpen(server);
    server.io.drain();
    await settle();
    expect(server.io.takeWritten()).toBe("1\r\na\r\n");
    server.io.drain();
    await settle();
    expect(sender.isWanted).toBe(true);
    expectOpen(server);
  });

  test("gets a response that was already made in one write when it has room", () => {
    const server = serveOn(() => new HttpResponse(200, {}, full("hello")), {}, { capacityBytes: 1 });
    server.io.push(get, get, get);
    expect(server.io.writes.length).toBe(1);
    server.io.drain();
    expect(server.io.writes.length).toBe(2);
    const text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    expect(server.io.writes.map(latin1)).toEqual([text, text + text]);
  });
});
