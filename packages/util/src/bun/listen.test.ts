/** Listening and connecting on Bun, with a runtime that hands over sockets made by the test. */
import type { HttpError } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { afterEach, describe, expect, test, vi } from "vitest";
import { connect } from "./connect.ts";
import { listen } from "./listen.ts";
import type { BunSocket, BunTarget } from "./runtime.ts";

afterEach(() => vi.unstubAllGlobals());

function fakeBun() {
  const calls: string[] = [];
  const targets: BunTarget[] = [];
  const target = (): BunTarget => targets[0] ?? expect.unreachable("nothing was asked of Bun");
  vi.stubGlobal("Bun", {
    listen: (options: BunTarget) => {
      targets.push(options);
      return { hostname: "127.0.0.1", port: 4000, stop: () => calls.push("stop") };
    },
    connect: (options: BunTarget) => {
      targets.push(options);
      return new Promise(() => {});
    },
  });
  const open = (name: string): BunSocket => {
    const socket = { terminate: () => calls.push(`terminate ${name}`) } as unknown as BunSocket;
    target().socket.open(socket);
    return socket;
  };
  return { calls, target, open };
}

const tls = { cert: "CERT", key: "KEY", handshakeTimeoutMs: 100 };

describe("listen", () => {
  test("connections come out in order; those beyond maxPending are reset and counted", async () => {
    const { calls, open } = fakeBun();
    const listener = listen({ host: "127.0.0.1", maxPending: 2 });
    for (const name of ["one", "two", "three"]) open(name);
    expect([listener.address, listener.pending, listener.dropped]).toEqual([
      { address: "127.0.0.1", port: 4000 },
      2,
      1,
    ]);
    expect(calls).toEqual(["terminate three"]);
    const iterator = listener[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    await listener.close();
    expect((await iterator.next()).done).toBe(false);
    expect((await iterator.next()).done).toBe(true);
    expect(calls).toEqual(["terminate three", "stop"]);
  });

  test("closing without an iteration, and leaving one, reset what nobody has taken", async () => {
    const one = fakeBun();
    const listener = listen();
    one.open("one");
    await listener.close();
    expect(one.calls).toEqual(["stop", "terminate one"]);
    const two = fakeBun();
    const left = listen();
    two.open("taken");
    two.open("left");
    for await (const _ of left) break;
    expect(two.calls).toEqual(["stop", "terminate left"]);
  });

  test("a signal closes it, also one that has aborted before", async () => {
    const { calls } = fakeBun();
    const controller = new AbortController();
    listen({ signal: controller.signal });
    expect(calls).toEqual([]);
    controller.abort();
    expect(calls).toEqual(["stop"]);
    listen({ signal: AbortSignal.abort() });
    expect(calls).toEqual(["stop", "stop"]);
  });

  test("with TLS a connection comes out after its handshake, and not if that takes too long or fails", () => {
    const { calls, target, open } = fakeBun();
    const timer = fakeTimer();
    const listener = listen({ tls, timer });
    expect(target().tls).toMatchObject({ cert: "CERT", key: "KEY" });
    const good = open("good");
    open("slow");
    const bad = open("bad");
    expect(listener.pending).toBe(0);
    target().socket.handshake?.(good, true, null);
    target().socket.handshake?.(bad, false, Object.assign(new Error("m"), { code: "ERR_SSL" }));
    timer.advance(100);
    expect([listener.pending, listener.handshakeErrors, timer.pending]).toEqual([1, 2, 0]);
    expect(calls).toEqual(["terminate bad", "terminate slow"]);
  });

  test("options that make no sense are refused at once", () => {
    fakeBun();
    expect(() => listen({ port: 65_536 })).toThrow(RangeError);
    expect(() => listen({ path: "/s", port: 1 })).toThrow(TypeError);
    expect(() => listen({ maxPending: 0 })).toThrow(RangeError);
    expect(() => listen({ tls: { ...tls, handshakeTimeoutMs: 0 } })).toThrow(RangeError);
    expect(() => listen({ backlog: 1 } as object)).toThrow(new TypeError("listen: unknown option backlog"));
  });

  test("without Bun it says so", () => {
    expect(() => listen()).toThrow(new TypeError("@sluice/util/bun: needs the Bun runtime"));
  });
});

describe("connect", () => {
  const code = (error: HttpError): string => `${error.kind} ${error.code}`;

  test("resolves when the socket opens", async () => {
    const { target, open } = fakeBun();
    const io = connect({ port: 80, host: "a.test", timer: fakeTimer() });
    open("one");
    expect((await io).info?.secure).toBe(false);
    expect(target()).toMatchObject({ hostname: "a.test", port: 80, allowHalfOpen: true });
  });

  test("a certificate that is not valid is refused, though the handshake succeeds", async () => {
    const { calls, target, open } = fakeBun();
    const refused = connect({ port: 443, tls: true, timer: fakeTimer() }).catch(code);
    const socket = open("one");
    target().socket.handshake?.(socket, true, Object.assign(new Error("m"), { code: "CERT_HAS_EXPIRED" }));
    expect(await refused).toBe("io CERT_HAS_EXPIRED");
    expect(calls).toEqual(["terminate one"]);
  });

  test("a handshake that takes too long is given up with its socket", async () => {
    const { calls, open } = fakeBun();
    const timer = fakeTimer();
    const refused = connect({ port: 443, tls: true, timer, connectTimeoutMs: 50 }).catch(code);
    open("one");
    timer.advance(50);
    expect(await refused).toBe("timeout CONNECT_TIMEOUT");
    expect(calls).toEqual(["terminate one"]);
  });
});
