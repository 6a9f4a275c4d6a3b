import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { Extensions, extensionKey, type HttpError } from "@sluice/core";
import { fakeTimer, memoryPair } from "@sluice/util/memory";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeIo } from "../../node/index.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import type { ResolvedAddress, Resolver } from "../dns/resolver.ts";
import { staticResolver } from "../dns/static-resolver.ts";
import { httpConnector } from "./http-connector.ts";
import { netOptions, tcpOptions } from "./tcp-options.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
const onLinux = process.platform === "linux";

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

interface Listening {
  readonly server: Server;
  readonly port: number;
  /** The connections that were accepted. */
  readonly sockets: Socket[];
  /** The next connection. */
  accepted(): Promise<Socket>;
}

async function listening(host: string, options: ListenOptions = {}): Promise<Listening> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
    open.push(socket);
  });
  server.listen({ host, port: 0, ...options });
  await once(server, "listening");
  open.push({ destroy: () => void server.close() });
  const { port } = server.address() as { port: number };
  const accepted = async (): Promise<Socket> => sockets.at(-1) ?? ((await once(server, "connection"))[0] as Socket);
  return { server, port, sockets, accepted };
}

function to(host: string, port: number, scheme = "http"): ConnectTarget {
  return { scheme, host, port };
}

async function connected(connector: Connector, target: ConnectTarget, signal?: AbortSignal): Promise<Connected> {
  const result = await connector(target, signal);
  open.push({ destroy: () => result.io.abort() });
  return result;
}

/** A resolver that notes what it is asked. */
function noting(...addresses: string[]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *resolve(host) {
      asked.push(host);
      yield addresses.map((address): ResolvedAddress => ({ address, family: address.includes(":") ? 6 : 4 }));
    },
  };
}

const never: Resolver = {
  async *resolve() {
    await new Promise(() => {});
    yield [];
  },
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocket")).length;

describe("connecting", () => {
  test("to an IPv4 address: bytes go both ways, facts and timings are there, the resolver is not asked", async () => {
    const { port, accepted } = await listening("127.0.0.1");
    const resolver = noting();
    const connection = await connected(httpConnector({ resolver }), to("127.0.0.1", port));
    const peer = await accepted();
    expect(connection.io.info).toMatchObject({
      remoteAddress: "127.0.0.1",
      remotePort: port,
      localAddress: "127.0.0.1",
      localPort: peer.remotePort,
      secure: false,
    });
    expect(connection.timings).toEqual({ dnsMs: undefined, tcpMs: expect.any(Number) });
    expect([connection.alpn, connection.proxied, connection.poisoned]).toEqual([undefined, false, false]);
    expect(resolver.asked).toEqual([]);
    connection.io.write([Buffer.from("ping")]);
    expect((await once(peer, "data")).toString()).toBe("ping");
    peer.end("pong");
    expect(await new Promise((done) => connection.io.read((chunk) => done(String(chunk))))).toBe("pong");
    expect(await new Promise((done) => connection.io.read((chunk) => done(chunk)))).toBe(null);
  });

  test.runIf(hasIpv6)("to an IPv6 address", async () => {
    const { port } = await listening("::1");
    const connection = await connected(httpConnector({ resolver: never }), to("::1", port));
    expect(connection.io.info).toMatchObject({ remoteAddress: "::1", remotePort: port });
  });

  test("to a name, which is asked for in lower case; resolving it was timed", async () => {
    const { port } = await listening("127.0.0.1");
    const resolver = noting("127.0.0.1");
    const connection = await connected(httpConnector({ resolver }), to("Example.COM", port));
    expect(resolver.asked).toEqual(["example.com"]);
    expect(connection.timings).toEqual({ dnsMs: expect.any(Number), tcpMs: expect.any(Number) });
  });

  test("to localhost, with nothing but defaults", async () => {
    const { port } = await listening("127.0.0.1");
    const connection = await connected(httpConnector(), to("localhost", port));
    expect(connection.io.info).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: port });
  });

  test.runIf(onLinux)("an address that refuses is followed by the next one", async () => {
    const { port, sockets: arrived } = await listening("127.0.0.1");
    const resolver = noting("127.0.0.2", "127.0.0.3", "127.0.0.1");
    const connection = await connected(httpConnector({ resolver }), to("example.com", port));
    expect(connection.io.info?.remoteAddress).toBe("127.0.0.1");
    await turn();
    expect(arrived).toHaveLength(1);
  });

  test.runIf(hasIpv6)("[hyper-224] the port is that of the target for addresses of both families", async () => {
    const six = await listening("::1");
    const resolver = noting("127.0.0.1", "::1");
    const first = await connected(httpConnector({ resolver }), to("example.com", six.port));
    expect(first.io.info).toMatchObject({ remoteAddress: "::1", remotePort: six.port });
    const four = await listening("127.0.0.1");
    const second = await connected(httpConnector({ resolver }), to("example.com", four.port));
    expect(second.io.info).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: four.port });
  });

  test("a port of the resolver is used where the target has the default one of its scheme", async () => {
    const mapped = await listening("127.0.0.1");
    const other = await listening("127.0.0.1");
    const resolver = staticResolver({ "example.com": { address: "127.0.0.1", port: mapped.port } });
    const connector = httpConnector({ resolver, enforceHttp: false });
    for (const target of [to("example.com", 80), to("example.com", 443, "https")]) {
      expect((await connected(connector, target)).io.info?.remotePort).toBe(mapped.port);
    }
    expect((await connected(connector, to("example.com", other.port))).io.info?.remotePort).toBe(other.port);
  });

  test("unref lets the process end although the connection is open", async () => {
    const { port, accepted } = await listening("127.0.0.1");
    const connection = await connected(httpConnector(), to("127.0.0.1", port));
    await accepted();
    const before = sockets();
    connection.unref();
    expect(sockets()).toBe(before - 1);
  });

  test("no listener of the attempt is left on the socket, and it can be handed over", async () => {
    const { port } = await listening("127.0.0.1");
    const { io } = await connected(httpConnector(), to("127.0.0.1", port));
    const { socket } = io as NodeIo;
    expect([socket.listenerCount("connect"), socket.listenerCount("error"), socket.listenerCount("close")]).toEqual([
      0, 1, 1,
    ]);
    expect((io as NodeIo).intoSocket()).toBe(socket);
    socket.destroy();
  });
});

describe("targets that are refused before anything is done", () => {
  const cases: [string, ConnectTarget, string, string][] = [
    ["a missing scheme", to("h", 80, ""), "SCHEME_MISSING", "the target must have a scheme, but it is empty"],
    ["a wrong scheme", to("h", 80, "https"), "SCHEME_NOT_HTTP", 'the scheme of the target must be "http", got "https"'],
    ["a missing host", to("", 80), "HOST_MISSING", "the target must have a host, but it is empty"],
  ];
  test.each(cases)("[hyper-221] %s", async (_title, target, code, message) => {
    await expect(httpConnector()(target)).rejects.toMatchObject({ kind: "user", code, message });
  });

  test("[hyper-221] without enforceHttp any scheme will do, but there must be one", async () => {
    const { port } = await listening("127.0.0.1");
    const connector = httpConnector({ enforceHttp: false });
    await connected(connector, to("127.0.0.1", port, "https"));
    await expect(connector(to("127.0.0.1", port, ""))).rejects.toMatchObject({ code: "SCHEME_MISSING" });
  });

  test("[hyper-225] a host that is no name, and a port that is none", async () => {
    const resolver = noting();
    const connector = httpConnector({ resolver });
    await expect(connector(to("a b", 80))).rejects.toMatchObject({ kind: "user", code: "HOST_INVALID" });
    for (const port of [0, 65_536, 1.5]) {
      await expect(connector(to("a", port))).rejects.toMatchObject({
        kind: "user",
        code: "PORT_INVALID",
        message: `the port of the target must be within 1 to 65535, got ${port}`,
      });
    }
    expect(resolver.asked).toEqual([]);
  });
});

describe("localhost is the loopback (RFC 6761 6.3)", () => {
  test.each(["localhost", "api.localhost", "localhost."])("%s, whatever the resolver says", async (host) => {
    const { port } = await listening("127.0.0.1");
    const lying = noting("192.0.2.1", "2001:db8::1");
    const connection = await connected(httpConnector({ resolver: lying }), to(host, port));
    expect(connection.io.info?.remoteAddress).toBe("127.0.0.1");
    expect(lying.asked).toEqual([host]);
    const unknowing = httpConnector({ resolver: staticResolver({}) });
    expect((await connected(unknowing, to(host, port))).io.info?.remoteAddress).toBe("127.0.0.1");
  });

  test.runIf(onLinux)("the loopback addresses that the resolver gives are the only ones then", async () => {
    const { port } = await listening("127.0.0.1");
    const connector = httpConnector({ resolver: noting("192.0.2.1", "127.0.0.9") });
    await expect(connector(to("localhost", port))).rejects.toMatchObject({
      code: "ECONNREFUSED",
      message: expect.stringContaining("127.0.0.9"),
    });
  });
});

describe("local addresses", () => {
  test.runIf(onLinux)("[hyper-222] localAddress is where connections come from", async () => {
    const { port, accepted } = await listening("127.0.0.1");
    await connected(httpConnector({ localAddress: "127.0.0.5" }), to("127.0.0.1", port));
    expect((await accepted()).remoteAddress).toBe("127.0.0.5");
  });

  test.runIf(onLinux && hasIpv6)("[hyper-222] localAddresses: each family has its own", async () => {
    const connector = httpConnector({ localAddresses: { ipv4: "127.0.0.6", ipv6: "::1" } });
    const four = await listening("127.0.0.1");
    await connected(connector, to("127.0.0.1", four.port));
    expect((await four.accepted()).remoteAddress).toBe("127.0.0.6");
    const six = await listening("::1");
    await connected(connector, to("::1", six.port));
    expect((await six.accepted()).remoteAddress).toBe("::1");
  });

  test.runIf(onLinux)("[hyper-222] an address that the host does not have is an error", async () => {
    const { port } = await listening("127.0.0.1");
    const connector = httpConnector({ localAddress: "198.51.100.1" });
    await expect(connector(to("127.0.0.1", port))).rejects.toMatchObject({ kind: "connect", code: "EADDRNOTAVAIL" });
  });

  test("[hyper-225] of one family: addresses of the other are left out", async () => {
    const { port } = await listening("127.0.0.1");
    const connector = httpConnector({ localAddress: "127.0.0.1", resolver: noting("::1", "2001:db8::1", "127.0.0.1") });
    expect((await connected(connector, to("example.com", port))).io.info?.remoteAddress).toBe("127.0.0.1");
    await expect(connector(to("::1", port))).rejects.toMatchObject({
      kind: "connect",
      code: "NO_LOCAL_ADDRESS",
      message:
        `connecting to "::1" port ${port} failed: ` +
        "connections are made from an IPv4 address, and it has none to connect to",
    });
  });

  test("localPort is the port connections come from", async () => {
    const free = await listening("127.0.0.1");
    const { port: localPort } = free;
    await new Promise((resolve) => free.server.close(resolve));
    const { port, accepted } = await listening("127.0.0.1");
    await connected(httpConnector({ localPort }), to("127.0.0.1", port));
    expect((await accepted()).remotePort).toBe(localPort);
  });
});

describe("settings of the socket", () => {
  test("[hyper-224] keep-alive is asked for only when set; small writes are sent at once unless told otherwise", () => {
    const common = { port: 80, allowHalfOpen: true, autoSelectFamily: false };
    expect(netOptions(tcpOptions({}), "192.0.2.1", 80)).toEqual({
      ...common,
      host: "192.0.2.1",
      family: 4,
      noDelay: true,
    });
    expect(netOptions(tcpOptions({ keepAliveMs: 5000, noDelay: false }), "::1", 80)).toEqual({
      ...common,
      host: "::1",
      family: 6,
      noDelay: false,
      keepAlive: true,
      keepAliveInitialDelay: 5000,
    });
  });

  test.runIf(onLinux)("[hyper-224] the kernel has a keep-alive timer for the socket only when set", async () => {
    const { port } = await listening("127.0.0.1");
    const target = to("127.0.0.1", port);
    expect(kernelTimer(await connected(httpConnector(), target))).toEqual({ kind: 0, seconds: 0 });
    const probing = kernelTimer(await connected(httpConnector({ keepAliveMs: 600_000 }), target));
    expect(probing.kind).toBe(2);
    expect(Math.round(probing.seconds / 10)).toBe(60);
  });
});

/** What `/proc/net/tcp` says about the timer of a connection: 0 is none, 2 is keep-alive. */
function kernelTimer({ io }: Connected): { kind: number; seconds: number } {
  const hex = (value: number | undefined): string => (value ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const ends = `0100007F:${hex(io.info?.localPort)} 0100007F:${hex(io.info?.remotePort)}`;
  const line = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .find((one) => one.includes(ends));
  const [kind = "", ticks = ""] = line?.trim().split(/\s+/)[5]?.split(":") ?? [];
  return { kind: Number.parseInt(kind, 16), seconds: Number.parseInt(ticks, 16) / 100 };
}

describe("failures", () => {
  test("refused: the errno name, the address in the message, the original as the cause", async () => {
    const { port, server } = await listening("127.0.0.1");
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(httpConnector({ resolver: noting("127.0.0.1") }), to("example.com", port));
    expect(error).toMatchObject({ kind: "connect", code: "ECONNREFUSED", cause: { syscall: "connect" } });
    expect(error.message).toBe(
      `connecting to "example.com" port ${port} at 127.0.0.1 failed: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
  });

  test.runIf(onLinux)("all refused: the first is the main one, the cause holds all", async () => {
    const { port, server } = await listening("127.0.0.1");
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(httpConnector({ resolver: noting("127.0.0.1", "127.0.0.2") }), to("h", port));
    expect(error).toMatchObject({ kind: "connect", code: "ECONNREFUSED" });
    expect((error.cause as AggregateError).errors.map((one: HttpError) => one.message)).toEqual([
      `connecting to "h" port ${port} at 127.0.0.1 failed: connect ECONNREFUSED 127.0.0.1:${port}`,
      `connecting to "h" port ${port} at 127.0.0.2 failed: connect ECONNREFUSED 127.0.0.2:${port}`,
    ]);
  });

  test("a name that does not exist, and one without addresses", async () => {
    const target = to("nowhere.example", 80);
    const error = await failure(httpConnector({ resolver: staticResolver({}) }), target);
    expect(error).toMatchObject({ kind: "connect", code: "ENOTFOUND" });
    expect(error.message).toBe('resolving "nowhere.example" failed: it has no address');
    expect(await failure(httpConnector({ resolver: noting() }), target)).toMatchObject({ code: "ENOTFOUND" });
  });

  test("a resolver that gives a name does not make it looked up", async () => {
    expect(await failure(httpConnector({ resolver: noting("localhost") }), to("h", 80))).toMatchObject({
      kind: "connect",
      code: "ADDRESS_INVALID",
    });
  });

  test("connectTimeoutMs covers the resolver; by default 10 seconds", async () => {
    for (const [connectTimeoutMs, limitMs] of [
      [30, 30],
      [undefined, 10_000],
    ] as const) {
      const timer = fakeTimer();
      const options = connectTimeoutMs === undefined ? {} : { connectTimeoutMs };
      const failing = failure(httpConnector({ resolver: never, timer, ...options }), to("h", 80));
      await turn();
      expect(timer.nextDelayMs).toBe(limitMs);
      timer.advance(limitMs);
      expect(await failing).toMatchObject({
        kind: "timeout",
        code: "CONNECT_TIMEOUT",
        message: `connecting to "h" port 80 took longer than connectTimeoutMs allows (${limitMs} ms)`,
      });
      expect(timer.pending).toBe(0);
    }
  });
});

async function failure(connector: Connector, target: ConnectTarget, signal?: AbortSignal): Promise<HttpError> {
  return await connector(target, signal).then(
    ({ io }) => {
      io.abort();
      throw new Error("a connection was made");
    },
    (error: HttpError) => error,
  );
}

describe("cancellation", () => {
  const canceled = { kind: "canceled", code: "CANCELED", cause: "why" };

  test("before anything: nobody is asked", async () => {
    const resolver = noting("127.0.0.1");
    expect(await failure(httpConnector({ resolver }), to("h", 80), AbortSignal.abort("why"))).toMatchObject(canceled);
    expect(resolver.asked).toEqual([]);
  });

  test("while resolving: at once, and what the resolver says later makes no connection", async () => {
    const { port, sockets: arrived } = await listening("127.0.0.1");
    let answer = (): void => {};
    const resolver: Resolver = {
      async *resolve() {
        await new Promise<void>((resolve) => (answer = resolve));
        yield [{ address: "127.0.0.1", family: 4 }];
      },
    };
    const controller = new AbortController();
    const timer = fakeTimer();
    const failing = failure(httpConnector({ resolver, timer }), to("h", port), controller.signal);
    await turn();
    controller.abort("why");
    expect(await failing).toMatchObject(canceled);
    answer();
    for (let count = 0; count < 5; count++) await turn();
    expect(arrived).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test("while connecting: no socket is left", async () => {
    const { port } = await listening("127.0.0.1");
    const before = sockets();
    const controller = new AbortController();
    const timer = fakeTimer();
    const failing = failure(httpConnector({ timer }), to("127.0.0.1", port), controller.signal);
    // The event loop is not let go on, so that the connection cannot be made.
    for (let count = 0; sockets() === before && count < 100; count++) await new Promise(process.nextTick);
    expect(sockets()).toBe(before + 1);
    controller.abort("why");
    expect(await failing).toMatchObject(canceled);
    await turn();
    expect(sockets()).toBeLessThanOrEqual(before + 1); // the accepted end, if there is one
    expect(process.getActiveResourcesInfo()).not.toContain("TCPConnectWrap");
    expect(timer.pending).toBe(0);
  });

  test("after the connection was made: it is not touched", async () => {
    const { port, accepted } = await listening("127.0.0.1");
    const controller = new AbortController();
    const { io } = await connected(httpConnector(), to("127.0.0.1", port), controller.signal);
    controller.abort("why");
    io.write([Buffer.from("still here")]);
    expect((await once(await accepted(), "data")).toString()).toBe("still here");
  });
});

describe("options", () => {
  test.each([
    [{ conectTimeoutMs: 1 }, "TypeError: httpConnector: unknown option conectTimeoutMs"],
    [
      { interface: "eth0" },
      "TypeError: httpConnector: interface is not available, Node cannot set it for an outgoing connection",
    ],
    [
      { reuseAddress: true },
      "TypeError: httpConnector: reuseAddress is not available, Node cannot set it for an outgoing connection",
    ],
    [{ enforceHttp: "yes" }, "TypeError: httpConnector: enforceHttp must be true or false, got yes"],
    [
      { keepAliveMs: 999 },
      "RangeError: httpConnector: keepAliveMs must be a whole number from 1000 to 32767000, got 999",
    ],
    [
      { localAddress: "localhost" },
      'TypeError: httpConnector: localAddress must be an IPv4 or IPv6 address, got "localhost"',
    ],
    [
      { localAddresses: { ipv6: "127.0.0.1" } },
      'TypeError: httpConnector: localAddresses.ipv6 must be an IPv6 address, got "127.0.0.1"',
    ],
    [{ localAddresses: { v4: "127.0.0.1" } }, "TypeError: httpConnector: localAddresses: unknown option v4"],
    [
      { localAddress: "::1", localAddresses: {} },
      "TypeError: httpConnector: localAddress and localAddresses must not be given together",
    ],
    [{ localPort: 0 }, "RangeError: httpConnector: localPort must be a whole number from 1 to 65535, got 0"],
    [
      { connectTimeoutMs: -1 },
      "RangeError: httpConnector: connectTimeoutMs must be a number of milliseconds from 0 to Infinity, got -1",
    ],
    [{ happyEyeballsDelayMs: 9 }, "RangeError: httpConnector: happyEyeballsDelayMs must be 0 or at least 10, got 9"],
    [{ maxAttempts: 0 }, "RangeError: httpConnector: maxAttempts must be a whole number from 1 to Infinity, got 0"],
    [
      { resolver: {} },
      "TypeError: httpConnector: resolver must be an object with the method resolve, got [object Object]",
    ],
  ])("%j", (options, message) => {
    let thrown: unknown;
    try {
      httpConnector(options as object);
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toBe(message);
  });

  test("0 and Infinity turn the happy eyeballs off", () => {
    for (const happyEyeballsDelayMs of [0, Infinity]) {
      expect(tcpOptions({ happyEyeballsDelayMs }).delayMs).toBe(Infinity);
    }
    expect(tcpOptions({}).delayMs).toBe(250);
  });
});

test("[hyper-225] what connectors tell about a connection stays with it when another transport is put around it", () => {
  const color = extensionKey<string>("color");
  const size = extensionKey<number>("size");
  const [inner] = memoryPair();
  const [outer] = memoryPair();
  const extensions = new Extensions().set(color, "red").set(size, 3);
  const above = new Connected(inner, { extensions, proxied: true }).over(outer, { timings: { tlsMs: 1 } });
  expect([above.io, above.extensions.get(color), above.extensions.get(size), above.proxied]).toEqual([
    outer,
    "red",
    3,
    true,
  ]);
});
