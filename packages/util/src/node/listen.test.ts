import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpError } from "@sluice/core";
import { describe, expect, test, vi } from "vitest";
import { bytes, failure, readText, readToEnd, settle, shutdown } from "../../test/support/io.ts";
import { fakeTimer } from "../memory/index.ts";
import { type Listener, listen, type NodeIo, nodeTimer } from "./index.ts";

const host = "127.0.0.1";

/** A client of `listener`, connected. */
async function client(listener: Listener): Promise<Socket> {
  const { port } = await listener.ready;
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function acceptError(): Error {
  return Object.assign(new Error("accept EMFILE"), { code: "EMFILE", syscall: "accept" });
}

async function take(iterator: AsyncIterator<NodeIo, undefined>): Promise<NodeIo> {
  const { value } = await iterator.next();
  if (value === undefined) throw new Error("the iteration has ended");
  return value;
}

describe("accepting", () => {
  test("hands out connections in order, with facts, timer and half-close", async () => {
    const timer = fakeTimer();
    const listener = listen({ host, timer });
    const address = await listener.ready;
    expect(address).toMatchObject({ family: "IPv4", address: host });
    expect(listener.address).toBe(address);
    const socket = await client(listener);
    const iterator = listener[Symbol.asyncIterator]();
    const io = await take(iterator);
    expect(io.timer).toBe(timer);
    expect(io.info.remotePort).toBe(socket.localPort);
    socket.end("question");
    expect(await readToEnd(io)).toBe("question");
    io.write([bytes("answer")]);
    await shutdown(io);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe("answer");
    await listener.close();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    socket.destroy();
  });

  test("a connection is not read until somebody asks", async () => {
    const listener = listen({ host });
    const socket = await client(listener);
    socket.write("early");
    await expect.poll(() => listener.pending).toBe(1);
    await settle(10);
    const io = await take(listener[Symbol.asyncIterator]());
    expect((io.socket as Socket).bytesRead).toBe(0);
    expect(io.timer).toBe(nodeTimer);
    expect(await readText(io)).toBe("early");
    io.abort();
    await listener.close();
  });

  test("takers that came first are served in their order", async () => {
    const listener = listen({ host });
    const iterator = listener[Symbol.asyncIterator]();
    const both = [take(iterator), take(iterator)] as const;
    const first = await client(listener);
    const one = await both[0];
    expect(one.info.remotePort).toBe(first.localPort);
    const second = await client(listener);
    expect((await both[1]).info.remotePort).toBe(second.localPort);
    for (const io of await Promise.all(both)) io.abort();
    await listener.close();
  });

  test("beyond maxPending connections are reset and counted", async () => {
    const listener = listen({ host, maxPending: 2 });
    const codes: (string | undefined)[] = [];
    const { port } = await listener.ready;
    for (let i = 0; i < 4; i++) {
      const socket = connect(port, host).resume();
      socket.on("error", (error: NodeJS.ErrnoException) => codes.push(error.code));
      await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
    }
    await expect.poll(() => listener.dropped).toBe(2);
    expect(listener.pending).toBe(2);
    await expect.poll(() => codes).toEqual(["ECONNRESET", "ECONNRESET"]);
    await listener[Symbol.asyncDispose]();
    await expect.poll(() => codes.length).toBe(4);
    expect(listener.pending).toBe(0);
  });

  test("beyond maxConnections connections are closed and counted", async () => {
    const listener = listen({ host, maxConnections: 1 });
    const iterator = listener[Symbol.asyncIterator]();
    const first = await client(listener);
    const io = await take(iterator);
    const second = await client(listener);
    await expect.poll(() => listener.dropped).toBe(1);
    io.abort();
    await listener.close();
    first.destroy();
    second.destroy();
  });

  test("a Unix socket has a path for an address", async () => {
    const path = join(tmpdir(), `sluice-listen-${process.pid}.sock`);
    rmSync(path, { force: true });
    const listener = listen({ path });
    expect(await listener.ready).toEqual({ family: "unix", address: path, port: 0 });
    const socket = connect(path);
    const io = await take(listener[Symbol.asyncIterator]());
    socket.end("over a path");
    expect(await readToEnd(io)).toBe("over a path");
    io.abort();
    await listener.close();
  });

  test("errors of single accepts are counted and end nothing", async () => {
    const listener = listen({ host, backlog: 16, ipv6Only: false, exclusive: true, keepAlive: true, noDelay: false });
    await listener.ready;
    listener.server.emit("error", acceptError());
    expect(listener.acceptErrors).toBe(1);
    await client(listener);
    (await take(listener[Symbol.asyncIterator]())).abort();
    await listener.close();
  });
});

describe("backing off", () => {
  test("connections are kept back for 5 ms after a failed accept, twice as long after each further one, at most 1 s", async () => {
    const timer = fakeTimer();
    const listener = listen({ host, timer });
    await listener.ready;
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      listener.server.emit("error", acceptError());
      // One that fails meanwhile is counted, and prolongs nothing.
      listener.server.emit("error", acceptError());
      expect(timer.pending).toBe(1);
      delays.push(timer.nextDelayMs);
      timer.advance(timer.nextDelayMs);
      expect(timer.pending).toBe(0);
    }
    expect(delays).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    expect(listener.acceptErrors).toBe(20);
    await listener.close();
  });

  test("what is accepted meanwhile waits, in order; a success begins anew", async () => {
    const timer = fakeTimer();
    const listener = listen({ host, timer });
    await listener.ready;
    const iterator = listener[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      listener.server.emit("error", acceptError());
      if (i < 2) timer.advance(timer.nextDelayMs);
    }
    expect(timer.nextDelayMs).toBe(20);
    let taken = 0;
    const both = [take(iterator), take(iterator)].map((promise) => promise.finally(() => (taken += 1)));
    const ports = [(await client(listener)).localPort, (await client(listener)).localPort];
    await expect.poll(() => listener.pending).toBe(2);
    timer.advance(19);
    await settle();
    expect(taken).toBe(0);
    timer.advance(1);
    const ios = await Promise.all(both);
    expect(ios.map((io) => io.info.remotePort)).toEqual(ports);
    listener.server.emit("error", acceptError());
    expect(timer.nextDelayMs).toBe(5);
    for (const io of ios) io.abort();
    await listener.close();
    expect(timer.pending).toBe(0);
  });

  test("closing ends the wait: what was accepted is handed out, and the iteration ends", async () => {
    const timer = fakeTimer();
    const listener = listen({ host, timer });
    await listener.ready;
    const iterator = listener[Symbol.asyncIterator]();
    listener.server.emit("error", acceptError());
    await client(listener);
    await expect.poll(() => listener.pending).toBe(1);
    await listener.close();
    (await take(iterator)).abort();
    expect((await iterator.next()).done).toBe(true);
    listener.server.emit("error", acceptError());
    expect(timer.pending).toBe(0);
  });
});

describe("keepPath", () => {
  const path = join(tmpdir(), `sluice-keep-${process.pid}.sock`);

  test("takes the name over from a file that is there, and leaves it to a successor", async () => {
    rmSync(path, { force: true });
    writeFileSync(path, "stale");
    expect(await failure(listen({ path }).ready)).toMatchObject({ code: "EADDRINUSE" });
    const first = listen({ path, keepPath: true });
    expect(await first.ready).toEqual({ family: "unix", address: path, port: 0 });
    const second = listen({ path, keepPath: true });
    await second.ready;
    await first.close();
    const socket = connect(path);
    await once(socket, "connect");
    (await take(second[Symbol.asyncIterator]())).abort();
    await second.close();
    expect(existsSync(path)).toBe(true);
    rmSync(path);
    const usual = listen({ path });
    await usual.ready;
    await usual.close();
    expect(existsSync(path)).toBe(false);
  });

  test("a name that cannot be taken fails", async () => {
    const listener = listen({ path: tmpdir(), keepPath: true });
    expect(await failure(listener.ready)).toMatchObject({ kind: "io" });
    expect(listener.address).toBeUndefined();
  });
});

describe("closing", () => {
  test("frees the address at once, whatever connections are open; calling again gives the same promise", async () => {
    const listener = listen({ host });
    const socket = await client(listener);
    const io = await take(listener[Symbol.asyncIterator]());
    const { port } = await listener.ready;
    const closed = listener.close();
    expect(listener.close()).toBe(closed);
    await closed;
    const again = listen({ host, port });
    expect((await again.ready).port).toBe(port);
    await again.close();
    socket.write("still served");
    expect(await readText(io)).toBe("still served");
    io.abort();
  });

  test("connections accepted before are still handed to a running iteration", async () => {
    const listener = listen({ host });
    const iterator = listener[Symbol.asyncIterator]();
    await client(listener);
    await expect.poll(() => listener.pending).toBe(1);
    await listener.close();
    const io = await take(iterator);
    io.abort();
    expect((await iterator.next()).done).toBe(true);
  });

  test("connections accepted before are reset when nobody ever iterated", async () => {
    const listener = listen({ host });
    const socket = await client(listener);
    const reset = failure(once(socket.resume(), "close"));
    await expect.poll(() => listener.pending).toBe(1);
    await listener.close();
    expect(listener.pending).toBe(0);
    expect(await reset).toMatchObject({ code: "ECONNRESET" });
  });

  test("ends waiting takers", async () => {
    const listener = listen({ host });
    const iterator = listener[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next()];
    await listener.ready;
    await listener.close();
    for (const result of await Promise.all(waiting)) expect(result.done).toBe(true);
  });

  test("leaving the loop closes the listener and resets what nobody took", async () => {
    const listener = listen({ host });
    const first = await client(listener);
    const second = await client(listener);
    await expect.poll(() => listener.pending).toBe(2);
    const reset = once(second.resume(), "error").catch((error: unknown) => [error]);
    for await (const io of listener) {
      io.abort();
      break;
    }
    second.removeAllListeners("error").on("error", () => {});
    expect(listener.pending).toBe(0);
    const { port } = await listener.ready;
    expect(await failure(once(connect(port, host), "connect"))).toMatchObject({ code: "ECONNREFUSED" });
    first.destroy();
    second.destroy();
    await Promise.race([reset, settle()]);
  });

  test("a signal closes, leaving no listener on it; one that has aborted closes at once", async () => {
    const controller = new AbortController();
    const listener = listen({ host, signal: controller.signal });
    await listener.ready;
    controller.abort();
    for await (const io of listener) io.abort();
    const early = listen({ host, signal: controller.signal });
    expect(await failure(early.ready)).toMatchObject({ kind: "canceled", code: "LISTENER_CLOSED" });
    expect((await early[Symbol.asyncIterator]().next()).done).toBe(true);
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    const third = listen({ host, signal });
    await third.ready;
    expect(add).toHaveBeenCalledTimes(1);
    await third.close();
    expect(remove).toHaveBeenCalledWith("abort", add.mock.calls[0]?.[1]);
  });

  test("unref lets the process go, ref keeps it", async () => {
    const listener = listen({ host });
    await listener.ready;
    const refs = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
    const before = refs();
    expect(listener.unref()).toBe(listener);
    expect(refs()).toBe(before - 1);
    expect(listener.ref()).toBe(listener);
    expect(refs()).toBe(before);
    await listener.close();
    expect(refs()).toBe(before - 1);
  });
});

describe("errors", () => {
  test("an address in use rejects ready and the iteration, with the same HttpError", async () => {
    const first = listen({ host });
    const { port } = await first.ready;
    const second = listen({ host, port });
    const error = await failure(second.ready);
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ kind: "io", code: "EADDRINUSE" });
    const iterator = second[Symbol.asyncIterator]();
    expect(await failure(iterator.next())).toBe(error);
    expect((await iterator.next()).done).toBe(true);
    const third = listen({ host, port });
    expect(await failure(third[Symbol.asyncIterator]().next())).toMatchObject({ code: "EADDRINUSE" });
    const fourth = listen({ host, port });
    await settle(10);
    await fourth.close();
    await first.close();
  });

  test("options are checked at once", () => {
    expect(() => listen({ port: 1, path: "/x" })).toThrow(TypeError);
    expect(() => listen({ port: 65_536 })).toThrow(RangeError);
    expect(() => listen({ maxPending: 0 })).toThrow(RangeError);
    expect(() => listen({ maxConnections: 0.5 })).toThrow(RangeError);
    expect(() => listen({ keepAliveInitialDelayMs: -1 })).toThrow(RangeError);
  });
});
