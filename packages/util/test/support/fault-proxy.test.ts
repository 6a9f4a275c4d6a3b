/** The proxy does exactly what a plan says, seen by ends that know nothing but TCP. */
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { type Line, withLine } from "./fault-line.ts";
import {
  afterClientBytes,
  afterServerBytes,
  corrupt,
  delay,
  type FaultPlan,
  holdUntil,
  startFaultProxy,
  swallowHalfClose,
} from "./fault-proxy.ts";
import { failure, settle } from "./io.ts";
import { type PlainPeer, type PlainServer, plainClient, plainServer } from "./plain-peer.ts";

/** Turns enough for anything that is going to happen on idle sockets of this machine. */
const quiet = 20;

/** A client whose connection never reaches the origin. */
async function withoutOrigin(plan: FaultPlan, run: (client: PlainPeer, origin: PlainServer) => Promise<void>) {
  await using origin = await plainServer();
  await using proxy = await startFaultProxy({ port: origin.port, plans: [plan] });
  using client = await plainClient(proxy.port);
  await run(client, origin);
  expect(origin.peers).toEqual([]);
}

describe("pass", () => {
  test("bytes go both ways and are counted", () =>
    withLine("pass", async ({ proxy, client, server }) => {
      client.send("question");
      expect(await server.bytes(8)).toBe("question");
      server.send("the answer");
      expect(await client.bytes(10)).toBe("the answer");
      expect(proxy.connectionCount).toBe(1);
      expect(proxy.openSockets).toBe(2);
      expect(proxy.connections[0]?.clientBytes).toEqual({ received: 8, forwarded: 8 });
      expect(proxy.connections[0]?.serverBytes).toEqual({ received: 10, forwarded: 10 });
    }));

  test("an end is passed on, and the other direction goes on", () =>
    withLine("pass", async ({ proxy, client, server }) => {
      client.send("last words").end();
      expect(await server.outcome()).toBe("FIN");
      expect(server.received).toBe("last words");
      server.send("reply").end();
      expect(await client.outcome()).toBe("FIN");
      expect(client.received).toBe("reply");
      await proxy.connections[0]?.gone;
      expect(proxy.openSockets).toBe(0);
    }));

  test("a reset is passed on, either way, also behind bytes", async () => {
    await withLine("pass", async ({ client, server }) => {
      server.socket.resetAndDestroy();
      expect(await client.outcome()).toBe("ECONNRESET");
    });
    await withLine("pass", async ({ client, server }) => {
      client.send("begun");
      client.socket.resetAndDestroy();
      expect(await server.outcome()).toBe("ECONNRESET");
    });
  });

  test("backpressure is passed on, and no byte is lost", () =>
    withLine("pass", async ({ client, server, proxy }) => {
      server.socket.pause();
      const megabyte = "x".repeat(2 ** 20);
      for (let count = 0; count < 16; count++) client.send(megabyte);
      await settle(50);
      expect(proxy.connections[0]?.clientBytes.received).toBeLessThan(16 * 2 ** 20);
      server.socket.resume();
      expect((await server.bytes(16 * 2 ** 20)).length).toBe(16 * 2 ** 20);
    }));

  test("where there is no origin the client is reset", async () => {
    const origin = await plainServer();
    await origin[Symbol.asyncDispose]();
    await using proxy = await startFaultProxy({ port: origin.port });
    using client = await plainClient(proxy.port);
    expect(await client.outcome()).toBe("ECONNRESET");
  });
});

describe("accepting", () => {
  test("rstOnAccept", () =>
    withoutOrigin("rstOnAccept", async (client) => {
      expect(await client.outcome()).toBe("ECONNRESET");
      expect(client.received).toBe("");
    }));

  test("closeOnAccept: an end and no reset, whatever is sent", () =>
    withoutOrigin("closeOnAccept", async (client) => {
      expect(await client.outcome()).toBe("FIN");
      client.send("too late");
      await settle(quiet);
      expect(client.ended).toBe("FIN");
      expect(client.received).toBe("");
    }));

  test("acceptThenSilence: nothing is read, nothing said, nothing ended", () =>
    withoutOrigin("acceptThenSilence", async (client) => {
      client.send("x".repeat(2 ** 24)).end();
      await settle(50);
      expect(client.socket.writableLength).toBeGreaterThan(0);
      expect(client.ended).toBeUndefined();
      expect(client.received).toBe("");
    }));

  test("refuse: the port is closed when its turn comes, and open again after listen()", async () => {
    await using origin = await plainServer();
    await using proxy = await startFaultProxy({ port: origin.port, plans: ["pass", "refuse", "closeOnAccept"] });
    using first = await plainClient(proxy.port);
    while (proxy.isListening) await settle(1);
    expect(await failure(plainClient(proxy.port))).toMatchObject({ code: "ECONNREFUSED" });
    expect(await failure(plainClient(proxy.port))).toMatchObject({ code: "ECONNREFUSED" });
    first.send("still there");
    expect(await (await origin.accepted()).bytes(11)).toBe("still there");
    await proxy.listen();
    using second = await plainClient(proxy.port);
    expect(await second.outcome()).toBe("FIN");
    using third = await plainClient(proxy.port);
    third.send("passes");
    expect(await (await origin.accepted(1)).bytes(6)).toBe("passes");
    expect(proxy.connectionCount).toBe(3);
    proxy.queue("refuse");
    expect(await failure(plainClient(proxy.port))).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a function is asked for the plan of each connection", async () => {
    await using origin = await plainServer();
    const asked: number[] = [];
    const plans = (index: number): FaultPlan => {
      asked.push(index);
      return index === 0 ? "rstOnAccept" : "closeOnAccept";
    };
    await using proxy = await startFaultProxy({ port: origin.port, plans });
    using first = await plainClient(proxy.port);
    expect(await first.outcome()).toBe("ECONNRESET");
    expect(asked).toEqual([0]);
    using second = await plainClient(proxy.port);
    expect(await second.outcome()).toBe("FIN");
    expect(asked).toEqual([0, 1]);
    expect(() => proxy.queue("pass")).toThrow(TypeError);
  });
});

describe("after bytes", () => {
  test("fin after bytes of the client: so many arrive, both sides are ended, none is reset", () =>
    withLine(afterClientBytes(5, "fin"), async ({ proxy, client, server }) => {
      client.send("0123456789");
      expect(await server.outcome()).toBe("FIN");
      expect(server.received).toBe("01234");
      expect(await client.outcome()).toBe("FIN");
      client.send("more");
      server.send("reply");
      await settle(quiet);
      expect([client.ended, client.received, server.ended, server.received]).toEqual(["FIN", "", "FIN", "01234"]);
      expect(proxy.connections[0]?.clientBytes.forwarded).toBe(5);
    }));

  test("fin after bytes of the server: the response is cut there", () =>
    withLine(afterServerBytes(3, "fin"), async ({ client, server }) => {
      server.send("ab");
      expect(await client.bytes(2)).toBe("ab");
      expect(client.ended).toBeUndefined();
      server.send("cdef");
      expect(await client.outcome()).toBe("FIN");
      expect(client.received).toBe("abc");
    }));

  test("rst: so many bytes arrive, then the reset", async () => {
    await withLine(afterServerBytes(3, "rst"), async ({ client, server }) => {
      server.send("abcdef");
      expect(await client.outcome()).toBe("ECONNRESET");
      expect(client.received).toBe("abc");
      expect(await server.outcome()).toBe("ECONNRESET");
    });
    await withLine(afterClientBytes(3, "rst"), async ({ client, server }) => {
      client.send("abcdef");
      expect(await client.outcome()).toBe("ECONNRESET");
      expect(await server.outcome()).toBe("ECONNRESET");
      expect(server.received).toBe("abc");
    });
  });

  test("rstAtOnce: the reset comes with the bytes", () =>
    withLine(afterServerBytes(3, "rstAtOnce"), async ({ client, server }) => {
      server.send("abcdef");
      expect(["ECONNRESET", "EPIPE"]).toContain(await client.outcome());
      expect(client.received).toBe("abc");
      expect(await server.outcome()).toBe("ECONNRESET");
    }));

  test("after 0 bytes it happens before the first", () =>
    withLine(afterServerBytes(0, "rst"), async ({ client, server }) => {
      expect(await client.outcome()).toBe("ECONNRESET");
      expect(await server.outcome()).toBe("ECONNRESET");
    }));

  test("stall: one direction is held for good, and meets backpressure; the other goes on", () =>
    withLine(afterClientBytes(3, "stall"), async ({ proxy, client, server }) => {
      client
        .send("abc")
        .send("x".repeat(2 ** 24))
        .end();
      await settle(50);
      expect([server.received, server.ended]).toEqual(["abc", undefined]);
      expect(client.socket.writableLength).toBeGreaterThan(0);
      server.send("reply");
      expect(await client.bytes(5)).toBe("reply");
      expect(proxy.connections[0]?.clientBytes.forwarded).toBe(3);
    }));

  test("stallBoth: both directions are held for good", () =>
    withLine(afterClientBytes(3, "stallBoth"), async ({ client, server }) => {
      client.send("abcdef").end();
      expect(await server.bytes(3)).toBe("abc");
      server.send("x".repeat(2 ** 24)).end();
      await settle(50);
      expect([server.received, server.ended]).toEqual(["abc", undefined]);
      expect([client.received, client.ended]).toEqual(["", undefined]);
      expect(server.socket.writableLength).toBeGreaterThan(0);
    }));

  test("blackhole: all is read, nothing arrives, ends and resets included", async () => {
    await withLine(afterClientBytes(3, "blackhole"), async ({ proxy, client, server }) => {
      client
        .send("abc")
        .send("x".repeat(2 ** 20))
        .end();
      while (client.socket.writableLength > 0) await settle(1);
      expect(await server.bytes(3)).toBe("abc");
      server.send("lost").end();
      await settle(50);
      expect([server.received, server.ended]).toEqual(["abc", undefined]);
      expect([client.received, client.ended]).toEqual(["", undefined]);
      expect(proxy.connections[0]?.clientBytes).toEqual({ received: 2 ** 20 + 3, forwarded: 3 });
      expect(proxy.connections[0]?.serverBytes).toEqual({ received: 4, forwarded: 0 });
    });
    await withLine(afterClientBytes(0, "blackhole"), async ({ client, server }) => {
      client.socket.resetAndDestroy();
      await settle(quiet);
      expect(server.ended).toBeUndefined();
    });
  });

  test("delay: the rest waits for the timer, once", async () => {
    const timer = fakeTimer();
    const run = async ({ client, server }: Line): Promise<void> => {
      server.send("abcdef");
      expect(await client.bytes(3)).toBe("abc");
      await settle(quiet);
      timer.advance(249);
      await settle(quiet);
      expect(client.received).toBe("abc");
      timer.advance(1);
      expect(await client.bytes(6)).toBe("abcdef");
      server.send("g");
      expect(await client.bytes(7)).toBe("abcdefg");
      expect(timer.pending).toBe(0);
    };
    await withLine(afterServerBytes(3, delay(250)), run, timer);
  });

  test("delay: the alarm goes with the connection", async () => {
    const timer = fakeTimer();
    const run = async (): Promise<void> => {
      await settle(quiet);
      expect(timer.pending).toBe(1);
    };
    await withLine(afterServerBytes(0, delay(250)), run, timer);
    expect(timer.pending).toBe(0);
  });

  test("holdUntil: the rest waits for the test", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await withLine(afterServerBytes(1, holdUntil(released)), async ({ client, server }) => {
      server.send("ab");
      await settle(quiet);
      expect(client.received).toBe("a");
      release();
      expect(await client.bytes(2)).toBe("ab");
    });
  });

  test("corrupt: so many bytes are inverted, and as many arrive as were sent", () =>
    withLine(afterServerBytes(2, corrupt(3)), async ({ client, server }) => {
      server.send("abc");
      server.send("defg");
      expect(await client.bytes(7)).toBe("ab\x9c\x9b\x9afg");
    }));

  test("tear: from there on each byte arrives on its own", () =>
    withLine(afterServerBytes(3, "tear"), async ({ client, server }) => {
      server.send("abcdef");
      expect(await client.bytes(6)).toBe("abcdef");
      expect(client.chunks).toEqual(["abc", "d", "e", "f"]);
    }));

  test("several faults of one direction act one after another", () =>
    withLine([afterServerBytes(4, "fin"), afterServerBytes(1, corrupt(1))], async ({ client, server }) => {
      server.send("abcdef");
      expect(await client.outcome()).toBe("FIN");
      expect(client.received).toBe("a\x9dcd");
    }));

  test("a count that is none is refused", () => {
    expect(() => afterClientBytes(-1, "fin")).toThrow("count: must be an integer of at least 0, but is -1");
    expect(() => afterServerBytes(0.5, "fin")).toThrow(RangeError);
    expect(() => delay(Number.NaN)).toThrow("ms: must be");
  });
});

test("swallowHalfClose: the other side hears nothing of the end", async () => {
  await withLine(swallowHalfClose("client"), async ({ proxy, client, server }) => {
    client.send("question").end();
    await server.bytes(8);
    await settle(quiet);
    expect(server.ended).toBeUndefined();
    server.send("answer").end();
    expect(await client.outcome()).toBe("FIN");
    expect(client.received).toBe("answer");
    expect(await server.outcome()).toBe("FIN");
    await proxy.connections[0]?.gone;
  });
  await withLine(swallowHalfClose("server"), async ({ client, server }) => {
    server.send("answer").end();
    expect(await client.bytes(6)).toBe("answer");
    await settle(quiet);
    expect(client.ended).toBeUndefined();
    client.send("more");
    expect(await server.bytes(4)).toBe("more");
  });
});

test("disposing of the proxy closes the port and resets both sides", async () => {
  await using origin = await plainServer();
  const proxy = await startFaultProxy({ port: origin.port, plans: ["pass", "acceptThenSilence"] });
  using passed = await plainClient(proxy.port);
  using silent = await plainClient(proxy.port);
  const server = await origin.accepted();
  await proxy[Symbol.asyncDispose]();
  expect(proxy.openSockets).toBe(0);
  expect([await passed.outcome(), await silent.outcome(), await server.outcome()]).toEqual(Array(3).fill("ECONNRESET"));
  expect(await failure(plainClient(proxy.port))).toMatchObject({ code: "ECONNREFUSED" });
});
