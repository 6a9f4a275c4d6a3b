/** `WorkerIo` over web streams that, as workerd's, take any amount at once and say how it went later. */
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { inbound } from "./inbound.ts";
import type { WorkerSocket } from "./runtime.ts";
import { WorkerIo } from "./socket-io.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bytes = (length: number): Uint8Array => new Uint8Array(length);

function setup() {
  const calls: string[] = [];
  const sends: (() => void)[] = [];
  let peer: ReadableStreamDefaultController<Uint8Array> | undefined;
  const readable = new ReadableStream<Uint8Array>({
    start: (controller) => {
      peer = controller;
    },
    cancel: () => void calls.push("cancel"),
  });
  const sink = {
    write: (chunk: Uint8Array) => {
      calls.push(`write ${chunk.length}`);
      return new Promise<void>((resolve) => sends.push(resolve));
    },
    close: () => void calls.push("close"),
    abort: () => void calls.push("abort"),
  };
  // `desiredSize` of workerd never says that there is enough.
  const writable = new WritableStream<Uint8Array>(sink, new CountQueuingStrategy({ highWaterMark: 1000 }));
  const socket: WorkerSocket = {
    readable,
    writable,
    opened: Promise.resolve({ remoteAddress: "[::1]:7", localAddress: "10.0.0.1:80" }),
    closed: new Promise(() => {}),
    close: async () => {},
  };
  const sent = async (): Promise<void> => {
    sends.shift()?.();
    await turn();
  };
  return { socket, calls, sent, end: () => peer?.close() };
}

async function made(given: { readonly socket: WorkerSocket }): Promise<WorkerIo> {
  return new WorkerIo(given.socket, await given.socket.opened, fakeTimer());
}

test("what is unsent is counted: from 64 KiB on there is no room, until some of it was sent", async () => {
  const given = setup();
  const io = await made(given);
  const seen: string[] = [];
  expect(io.write([bytes(65_535)])).toBe(true);
  expect(io.write([bytes(1)])).toBe(false);
  io.drained(() => seen.push("room"));
  await turn();
  expect(seen).toEqual([]);
  await given.sent();
  expect(seen).toEqual(["room"]);
});

test("abort ends the writing side in order when nothing is unsent, and drops what is", async () => {
  const idle = setup();
  (await made(idle)).abort();
  await turn();
  expect(idle.calls).toEqual(["cancel", "close"]);
  const busy = setup();
  const io = await made(busy);
  io.write([bytes(1)]);
  io.write([bytes(2)]);
  await turn();
  io.abort();
  await turn();
  await busy.sent();
  expect(busy.calls).toEqual(["write 1", "cancel", "abort"]);
});

describe("an inbound event", () => {
  test("lasts until the transport is aborted", async () => {
    const given = setup();
    const events: string[] = [];
    let abort = (): void => {};
    const handler = inbound((io) => {
      events.push(`${io.info?.remoteAddress} ${io.info?.remotePort} ${io.info?.localAddress} ${io.info?.localPort}`);
      abort = () => io.abort();
    });
    void handler(given.socket, {}).then(() => events.push("over"));
    await turn();
    expect(events).toEqual(["::1 7 10.0.0.1 80"]);
    abort();
    await turn();
    expect(events).toEqual(["::1 7 10.0.0.1 80", "over"]);
  });

  test("or until both sides have ended", async () => {
    const given = setup();
    const events: string[] = [];
    const handler = inbound((io) => {
      io.read((chunk) => events.push(String(chunk)));
      io.shutdown(() => events.push("ended"));
    });
    void handler(given.socket, {}).then(() => events.push("over"));
    await turn();
    expect(events).toEqual(["ended"]);
    given.end();
    await turn();
    expect(events).toEqual(["ended", "null", "over"]);
  });
});
