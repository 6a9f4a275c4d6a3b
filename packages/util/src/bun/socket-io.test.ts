/** `BunIo` over a socket that notes what it is told, and takes of each write what it is allowed to. */
import type { ReadDone } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { alpnList, type BunSocket } from "./runtime.ts";
import { BunIo } from "./socket-io.ts";

function setup(takes = Number.POSITIVE_INFINITY) {
  const calls: string[] = [];
  const seen: string[] = [];
  const kernel = { takes };
  const note = (name: string) => (): void => void calls.push(name);
  const socket = {
    remoteAddress: "10.0.0.1",
    remotePort: 9,
    write: (data: Uint8Array) => {
      const count = Math.min(data.length, kernel.takes);
      kernel.takes -= count;
      calls.push(`write ${data.length} -> ${count}`);
      return count;
    },
    shutdown: note("shutdown"),
    terminate: note("terminate"),
    close: note("close"),
    pause: note("pause"),
    resume: note("resume"),
  } as unknown as BunSocket;
  const io = new BunIo(socket, false, fakeTimer());
  const onRead: ReadDone = (chunk, error) => {
    const failed = error === undefined ? "" : ` ${(error as { code?: string }).code}`;
    seen.push(chunk === null ? `end${failed}` : `got ${chunk.length}`);
  };
  const told = (what: string) => (error?: unknown) =>
    void seen.push(error === undefined ? what : `${what} ${(error as { code?: string }).code}`);
  return { io, kernel, calls, seen, read: () => io.read(onRead), told };
}

const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe("reading", () => {
  test("what nobody asked for is held and pauses the socket, once; the next read but one resumes it", () => {
    const { io, calls, seen, read } = setup();
    read();
    io.received(bytes(1));
    io.received(bytes(2));
    io.received(bytes(3));
    expect([seen, calls]).toEqual([["got 1"], ["pause"]]);
    read();
    expect([seen, calls]).toEqual([["got 1", "got 5"], ["pause"]]);
    read();
    expect(calls).toEqual(["pause", "resume"]);
  });

  test("the peer's end comes behind what is held, and again; writing goes on", () => {
    const { io, calls, seen, read } = setup();
    io.received(bytes(1));
    io.ended();
    read();
    read();
    read();
    expect(seen).toEqual(["got 1", "end", "end"]);
    expect(io.write([bytes(3)])).toBe(true);
    expect(calls).toEqual(["pause", "write 3 -> 3"]);
  });

  test("a reset is an error of kind io, and again", () => {
    const { io, seen, read } = setup();
    read();
    io.closed(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    read();
    expect(seen).toEqual(["end ECONNRESET", "end ECONNRESET"]);
  });

  test("closing without an error is the peer's end after our own, and premature before", () => {
    const one = setup();
    one.read();
    one.io.shutdown(one.told("ended"));
    one.io.closed(undefined);
    expect(one.seen).toEqual(["ended", "end"]);
    const two = setup();
    two.read();
    two.io.closed(undefined);
    expect(two.seen).toEqual(["end PREMATURE_CLOSE"]);
  });

  test("a second read at a time is refused", () => {
    const { read } = setup();
    read();
    expect(read).toThrow(new TypeError("read() was called while another read is outstanding"));
  });
});

describe("writing", () => {
  test("what the socket does not take waits for drain; from 64 KiB on there is no room", () => {
    const { io, kernel, calls, seen, told } = setup(10);
    expect(io.write([bytes(65_545)])).toBe(true);
    expect(io.write([bytes(1)])).toBe(false);
    io.drained(told("room"));
    expect([calls, seen]).toEqual([["write 65545 -> 10"], []]);
    kernel.takes = 5;
    io.writable();
    expect(seen).toEqual(["room"]);
    kernel.takes = Number.POSITIVE_INFINITY;
    io.writable();
    expect(calls.slice(1)).toEqual(["write 65535 -> 5", "write 65530 -> 65530", "write 1 -> 1"]);
  });

  test("small chunks of one write leave together", () => {
    const { io, calls } = setup();
    io.write([bytes(3), bytes(0), bytes(4)]);
    io.write([bytes(16_000), bytes(400)]);
    expect(calls).toEqual(["write 7 -> 7", "write 16000 -> 16000", "write 400 -> 400"]);
  });

  test("the end goes behind what is unsent", () => {
    const { io, kernel, calls, seen, told } = setup(1);
    io.write([bytes(2)]);
    io.shutdown(told("ended"));
    expect([calls, seen]).toEqual([["write 2 -> 1"], []]);
    expect(io.write([bytes(2)])).toBe(false);
    kernel.takes = 1;
    io.writable();
    expect([calls, seen]).toEqual([["write 2 -> 1", "write 1 -> 1", "shutdown"], ["ended"]]);
    io.drained(told("room"));
    expect(seen).toEqual(["ended", "room WRITE_AFTER_SHUTDOWN"]);
  });
});

describe("abort", () => {
  test("resets, drops what is unsent, and completes what is outstanding; again does nothing", () => {
    const { io, calls, seen, read, told } = setup(0);
    io.write([bytes(70_000)]);
    read();
    io.drained(told("room"));
    io.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
    io.abort();
    io.writable();
    expect(calls).toEqual(["write 70000 -> 0", "terminate"]);
    expect(seen).toEqual(["end ENOUGH", "room ENOUGH"]);
  });

  test("after our end it only closes", () => {
    const { io, calls, told } = setup();
    io.shutdown(told("ended"));
    io.abort();
    expect(calls).toEqual(["shutdown", "close"]);
  });
});

test("info is read from the socket", () => {
  expect(setup().io.info).toMatchObject({ remoteAddress: "10.0.0.1", remotePort: 9, secure: false });
});

test("protocols go out as RFC 7301 has them; a name that cannot is refused", () => {
  expect([...new Uint8Array(alpnList(["h2", "a"]))]).toEqual([2, 104, 50, 1, 97]);
  expect(() => alpnList([""])).toThrow(TypeError);
});
