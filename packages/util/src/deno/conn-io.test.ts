/** `DenoIo` over a connection whose promises are settled by hand. */
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { connInfo, DenoIo } from "./conn-io.ts";
import type { DenoConn } from "./runtime.ts";

function setup() {
  const calls: string[] = [];
  const seen: string[] = [];
  const waiting: { resolve: (value: never) => void; reject: (error: unknown) => void }[] = [];
  const ask = (call: string): Promise<never> => {
    calls.push(call);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const conn: DenoConn = {
    localAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    remoteAddr: { transport: "tcp", hostname: "127.0.0.2", port: 2 },
    read: (into) => ask(`read ${into.length}`),
    write: (data) => ask(`write ${data.length}`),
    closeWrite: () => ask("closeWrite"),
    close: () => void calls.push("close"),
  };
  const io = new DenoIo(conn, connInfo(conn, undefined), fakeTimer());
  const told = (what: string) => (error?: unknown) =>
    void seen.push(error === undefined ? what : `${what} ${(error as { code?: string }).code}`);
  const read = (): void =>
    io.read((chunk, error) => {
      if (chunk === null) told("end")(error);
      else seen.push(`got ${chunk.length}`);
    });
  /** The oldest promise is kept, or broken. */
  const settle = async (value: unknown, broken = false): Promise<void> => {
    const oldest = waiting.shift();
    if (broken) oldest?.reject(value);
    else oldest?.resolve(value as never);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { io, calls, seen, read, told, settle };
}

const bytes = (length: number): Uint8Array => new Uint8Array(length);
const named = (name: string, code?: string): Error => Object.assign(new Error("m"), { name }, code && { code });

describe("reading", () => {
  test("one read of the connection for each; more room after one that was filled", async () => {
    const { calls, seen, read, settle } = setup();
    expect(calls).toEqual([]);
    read();
    await settle(16_384);
    read();
    await settle(5);
    read();
    await settle(null);
    read();
    expect(calls).toEqual(["read 16384", "read 65536", "read 16384"]);
    expect(seen).toEqual(["got 16384", "got 5", "end", "end"]);
  });

  test("errors are of kind io, with the errno name or Deno's own, and again", async () => {
    const { seen, read, settle } = setup();
    read();
    await settle(named("ConnectionReset", "ECONNRESET"), true);
    read();
    const cut = setup();
    cut.read();
    await cut.settle(named("UnexpectedEof"), true);
    expect([seen, cut.seen]).toEqual([["end ECONNRESET", "end ECONNRESET"], ["end UNEXPECTED_EOF"]]);
  });
});

describe("writing", () => {
  test("one write at a time; what was not taken goes first; from 64 KiB on there is no room", async () => {
    const { io, calls, seen, told, settle } = setup();
    expect(io.write([bytes(3), bytes(4)])).toBe(true);
    expect(io.write([bytes(65_529)])).toBe(false);
    io.drained(told("room"));
    await settle(5);
    expect(seen).toEqual(["room"]);
    await settle(2);
    expect(calls).toEqual(["write 7", "write 2", "write 65529"]);
  });

  test("the end goes behind what is unsent; when both sides have ended the connection is closed", async () => {
    const { io, calls, seen, read, told, settle } = setup();
    io.write([bytes(2)]);
    io.shutdown(told("ended"));
    expect(io.write([bytes(2)])).toBe(false);
    await settle(2);
    await settle(undefined);
    expect([calls, seen]).toEqual([["write 2", "closeWrite"], ["ended"]]);
    read();
    await settle(null);
    expect(calls.slice(2)).toEqual(["read 16384", "close"]);
  });

  test("a write that fails ends writing, and leaves reading", async () => {
    const { io, seen, read, told, settle } = setup();
    io.write([bytes(70_000)]);
    io.drained(told("room"));
    await settle(named("BrokenPipe", "EPIPE"), true);
    expect(io.write([bytes(1)])).toBe(false);
    io.shutdown(told("ended"));
    read();
    await settle(1);
    expect(seen).toEqual(["room EPIPE", "ended EPIPE", "got 1"]);
  });
});

test("abort closes and completes what is outstanding with its reason; what comes later finds nobody", async () => {
  const { io, calls, seen, read, told, settle } = setup();
  io.write([bytes(70_000)]);
  read();
  io.drained(told("room"));
  io.abort(named("Error", "ENOUGH"));
  io.abort();
  await settle(70_000);
  await settle(named("Interrupted"), true);
  expect(calls).toEqual(["write 70000", "read 16384", "close"]);
  expect(seen).toEqual(["end ENOUGH", "room ENOUGH"]);
  read();
  expect(seen).toEqual(["end ENOUGH", "room ENOUGH", "end ENOUGH"]);
});

test("info", () => {
  expect(setup().io.info).toMatchObject({ remoteAddress: "127.0.0.2", remotePort: 2, localPort: 1, secure: false });
});
