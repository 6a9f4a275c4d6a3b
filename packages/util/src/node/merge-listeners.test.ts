import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { HttpError } from "@sluice/core";
import { expect, test } from "vitest";
import { failure, settle } from "../../test/support/io.ts";
import { type Listener, listen, mergeListeners } from "./index.ts";

const host = "127.0.0.1";

async function client(listener: Listener): Promise<Socket> {
  const { port } = await listener.ready;
  const socket = connect({ port, host }).resume();
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function pair(): readonly [Listener, Listener] {
  return [listen({ host }), listen({ host })];
}

test("gives the connections of all listeners, in turn however many one of them has", async () => {
  const [busy, quiet] = pair();
  const merged = mergeListeners(busy, quiet);
  expect(await merged.ready).toEqual([busy.address, quiet.address]);
  expect(merged.addresses).toEqual([busy.address, quiet.address]);
  const sockets = [];
  for (let i = 0; i < 6; i++) sockets.push(await client(busy));
  for (let i = 0; i < 2; i++) sockets.push(await client(quiet));
  await expect.poll(() => merged.pending).toBe(8);
  const order: (string | undefined)[] = [];
  for await (const io of merged) {
    order.push(io.info.localPort === quiet.address?.port ? "quiet" : "busy");
    io.abort();
    await settle(1);
    if (order.length === 8) await merged.close();
  }
  expect(order).toEqual(["busy", "quiet", "busy", "quiet", "busy", "busy", "busy", "busy"]);
  expect([merged.pending, merged.dropped, merged.acceptErrors, merged.handshakeErrors, merged.handshakes]).toEqual([
    0, 0, 0, 0, 0,
  ]);
  for (const socket of sockets) socket.destroy();
});

test("a connection of a quiet listener waits for at most one of each other, however many came before it", async () => {
  const [busy, quiet] = pair();
  const merged = mergeListeners(busy, quiet);
  const sockets = [];
  for (let i = 0; i < 6; i++) sockets.push(await client(busy));
  await expect.poll(() => busy.pending).toBe(6);
  const iterator = merged[Symbol.asyncIterator]();
  const take = async (): Promise<string> => {
    const { value: io } = await iterator.next();
    const name = io?.info.localPort === quiet.address?.port ? "quiet" : "busy";
    io?.abort();
    return name;
  };
  const order = [await take()];
  await settle();
  sockets.push(await client(quiet));
  await expect.poll(() => merged.pending).toBe(6);
  for (let i = 0; i < 3; i++) order.push(await take());
  expect(order).toEqual(["busy", "busy", "quiet", "busy"]);
  await merged[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
});

test("a listener that fails ends the iteration with its error and closes the others", async () => {
  const taken = listen({ host });
  const { port } = await taken.ready;
  const good = listen({ host });
  const { port: freed } = await good.ready;
  const merged = mergeListeners(good, listen({ host, port }));
  const iterator = merged[Symbol.asyncIterator]();
  const error = await failure(iterator.next());
  expect(error).toBeInstanceOf(HttpError);
  expect(error).toMatchObject({ code: "EADDRINUSE" });
  expect(await failure(merged.ready)).toBe(error);
  expect((await iterator.next()).done).toBe(true);
  const again = listen({ host, port: freed });
  await again.ready;
  await again.close();
  await taken.close();
});

test("one listener that was closed does not end the iteration; closing all does", async () => {
  const [first, second] = pair();
  const merged = mergeListeners(first, second).unref().ref();
  const iterator = merged[Symbol.asyncIterator]();
  await first.ready;
  await first.close();
  const socket = await client(second);
  (await iterator.next()).value?.abort();
  const last = iterator.next();
  await merged.close();
  expect((await last).done).toBe(true);
  socket.destroy();
});

test("leaving the loop closes all and resets what nobody has taken", async () => {
  const [first, second] = pair();
  const sockets = [await client(first), await client(first), await client(second), await client(second)];
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for await (const io of mergeListeners(first, second)) {
    io.abort();
    break;
  }
  await Promise.all(closed);
  for (const listener of [first, second]) {
    const port = listener.address?.port ?? 0;
    expect(await failure(once(connect(port, host), "connect"))).toMatchObject({ code: "ECONNREFUSED" });
  }
});

test("needs listeners, each once", async () => {
  const listener = listen({ host });
  expect(() => mergeListeners()).toThrow(TypeError);
  expect(() => mergeListeners(listener, listener)).toThrow(TypeError);
  await listener.close();
});
