/** Listening on Deno, with a runtime whose connections the test hands over. */
import { fakeTimer } from "@sluice/util/memory";
import { afterEach, describe, expect, test, vi } from "vitest";
import { listen } from "./listen.ts";
import type { DenoConn, DenoPlace } from "./runtime.ts";

afterEach(() => vi.unstubAllGlobals());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const addr = { transport: "tcp", hostname: "127.0.0.1", port: 4000 };

function fakeDeno() {
  const calls: string[] = [];
  const accepts: { resolve: (conn: DenoConn) => void; reject: (error: unknown) => void }[] = [];
  const listener = {
    addr,
    accept: () => new Promise<DenoConn>((resolve, reject) => accepts.push({ resolve, reject })),
    close: () => void calls.push("stop"),
  };
  const begin = (place: DenoPlace & { alpnProtocols?: string[] }): typeof listener => {
    calls.push(`listen ${place.hostname ?? place.path} ${place.alpnProtocols ?? "plain"}`);
    return listener;
  };
  vi.stubGlobal("Deno", { listen: begin, listenTls: begin });
  const conn = (name: string, handshake?: DenoConn["handshake"]): DenoConn => ({
    localAddr: addr,
    remoteAddr: addr,
    read: () => new Promise(() => {}),
    write: async (data) => data.length,
    closeWrite: async () => {},
    close: () => void calls.push(`close ${name}`),
    ...(handshake === undefined ? {} : { handshake }),
  });
  const accepted = async (name: string, handshake?: DenoConn["handshake"]): Promise<void> => {
    accepts.shift()?.resolve(conn(name, handshake));
    await turn();
  };
  return { calls, accepts, accepted };
}

describe("listen", () => {
  test("nothing is accepted while maxPending wait; taking one goes on", async () => {
    const { accepts, accepted } = fakeDeno();
    const listener = listen({ maxPending: 2 });
    await accepted("one");
    expect(accepts.length).toBe(1);
    await accepted("two");
    expect([listener.pending, accepts.length]).toEqual([2, 0]);
    await listener[Symbol.asyncIterator]().next();
    expect([listener.pending, accepts.length]).toEqual([1, 1]);
  });

  test("an accept that fails is tried again after 5 ms, then after twice as long", async () => {
    const { accepts } = fakeDeno();
    const timer = fakeTimer();
    listen({ timer });
    for (const pauseMs of [5, 10, 20]) {
      accepts.shift()?.reject(new Error("EMFILE"));
      await turn();
      timer.advance(pauseMs - 1);
      expect(accepts.length).toBe(0);
      timer.advance(1);
      expect(accepts.length).toBe(1);
    }
  });

  test("with TLS a connection comes out after its handshake; a slow or failed one never, and holds nothing up", async () => {
    const { calls, accepted } = fakeDeno();
    const timer = fakeTimer();
    const listener = listen({ host: "::1", tls: { cert: "C", key: "K", handshakeTimeoutMs: 100 }, timer });
    await accepted("slow", () => new Promise(() => {}));
    await accepted("bad", () => Promise.reject(new Error("m")));
    await accepted("good", async () => ({ alpnProtocol: "h2" }));
    expect([listener.pending, listener.handshakeErrors]).toEqual([1, 1]);
    const { value } = await listener[Symbol.asyncIterator]().next();
    expect(value?.info).toMatchObject({ secure: true, alpnProtocol: "h2" });
    timer.advance(100);
    expect(calls).toEqual(["listen ::1 h2,http/1.1", "close bad", "close slow"]);
  });

  test("closing stops accepting, and closes what nobody has taken", async () => {
    const { calls, accepted } = fakeDeno();
    const listener = listen({ path: "/run/s" });
    await accepted("one");
    await listener.close();
    await accepted("late");
    expect(calls).toEqual(["listen /run/s plain", "stop", "close one", "close late"]);
    expect(listener.address).toEqual({ address: "/run/s", port: 0, path: "/run/s" });
  });

  test("TLS on a path is refused, and so is anything without Deno", () => {
    expect(() => listen()).toThrow(new TypeError("@sluice/util/deno: needs the Deno runtime"));
    fakeDeno();
    expect(() => listen({ path: "/s", tls: { cert: "C", key: "K" } })).toThrow(TypeError);
  });
});
