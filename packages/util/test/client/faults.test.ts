/**
 * Whatever goes wrong below a request, at any phase: it is told by kind and code, the pool forgets the connection, no socket stays,
 * and other requests go on.
 */
import { empty, full } from "@sluice/body";
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import type { Client, ClientObserver, ClientOptions, RequestOptions } from "@sluice/util/client";
import { type Connected, type Connector, httpConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import {
  afterClientBytes,
  afterServerBytes,
  closeWhenIdle,
  corrupt,
  type FaultPlan,
  type FaultProxy,
  type QueuedPlan,
  startFaultProxy,
  swallowHalfClose,
} from "../support/fault-proxy.ts";
import { settle } from "../support/io.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { rawResponse, startRawOrigin } from "../support/raw-origin.ts";
import { codeOf, watch } from "../support/workshop.ts";
import { startClock } from "./clock.ts";
import { choosingHttp2, leadingTo } from "./connectors.ts";
import { raceTimeoutMs, rounds } from "./rounds.ts";
import { fetchText, newClient, text, until } from "./support.ts";

/** What became of a request: its content, or where and how it failed. */
async function outcomeOf(request: Promise<HttpResponse>): Promise<string> {
  let response: HttpResponse;
  try {
    response = await request;
  } catch (error) {
    return `no response: ${told(error)}`;
  }
  try {
    return await text(response);
  } catch (error) {
    return `${response.status}, then ${told(error)}`;
  }
}

function told(error: unknown): string {
  return HttpError.is(error) ? `${error.kind} ${error.code}` : String(error);
}

interface Scene {
  readonly client: Client;
  readonly proxy: FaultProxy;
  readonly origin: Origin;
  readonly url: string;
}

/** A client whose first connection meets `plan`; afterwards nothing of it may be left, and the next request succeeds. */
async function withFault(
  plan: QueuedPlan,
  options: ClientOptions,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using origin = await startOrigin();
  await using proxy = await startFaultProxy({ port: origin.port, plans: [plan] });
  await using client = newClient(options);
  await run({ client, proxy, origin, url: proxy.url });
  await until(() => client.stats.size === 0);
  expect(client.underWay).toBe(0);
  await until(() => proxy.connections.every(({ openSockets }, index) => index > 0 || openSockets === 0));
  await proxy.listen();
  expect(await fetchText(client, `${proxy.url}/`)).toBe("ok\n");
  expect(origin.repeatedIds).toEqual([]);
}

describe("no connection", () => {
  test("refused: kind connect, and the errno", async () => {
    await withFault("refuse", {}, async ({ client, url }) => {
      expect(await outcomeOf(client.get(`${url}/`))).toBe("no response: connect ECONNREFUSED");
    });
  });

  test("refused for ten at once: all are told", async () => {
    await withFault("refuse", {}, async ({ client, url }) => {
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcomeOf(client.get(`${url}/`))));
      expect(new Set(outcomes)).toEqual(new Set(["no response: connect ECONNREFUSED"]));
    });
  });

  test("a name that nobody knows, or that cannot be asked for now", async () => {
    for (const code of ["ENOTFOUND", "EAI_AGAIN"]) {
      const resolver = {
        // biome-ignore lint/correctness/useYield: it fails before it has anything to yield.
        async *resolve() {
          throw new HttpError("connect", code, "no address");
        },
      };
      const told: string[] = [];
      const observer: ClientObserver = {
        connectFailed: (origin, error) => void told.push(`${origin} ${(error as HttpError).code}`),
      };
      await using client = newClient({ connector: httpConnector({ resolver }), observer });
      expect(await outcomeOf(client.get("http://nobody.test/"))).toBe(`no response: connect ${code}`);
      expect(told).toEqual([`http://nobody.test:80 ${code}`]);
      expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    }
  });

  test("[pool-10] a connector that throws, or rejects with anything: the request settles with it", async () => {
    const connectors: Connector[] = [
      () => {
        throw new Error("thrown");
      },
      () => Promise.reject(new Error("rejected")),
      async () => undefined as unknown as Connected,
    ];
    for (const connector of connectors) {
      await using client = newClient({ connector });
      await expect(client.get("http://a.test/")).rejects.toThrow();
      expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    }
  });

  test("a handshake that takes long: queueTimeoutMs, and the attempt is given up", async () => {
    using timer = startClock();
    const signals: (AbortSignal | undefined)[] = [];
    const connector: Connector = (_, signal) => {
      signals.push(signal);
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    };
    await using client = newClient({ connector, timer, queueTimeoutMs: 500 });
    const requests = [
      watch(client.get("http://a.test/")),
      watch(client.get("http://a.test/", { timeouts: { queueTimeoutMs: 700 } })),
    ];
    timer.advance(499);
    await settle();
    expect(requests.map(({ state }) => state)).toEqual(["pending", "pending"]);
    timer.advance(1);
    await settle();
    expect(requests.map(({ state }) => state)).toEqual(["rejected", "pending"]);
    timer.advance(200);
    await settle();
    expect(requests.map(codeOf)).toEqual(["timeout queueTimeoutMs", "timeout queueTimeoutMs"]);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("[pool-22] https where the connector gives no TLS: refused, and not a byte in clear", async () => {
    for (const version of ["auto", "http1", "http2"] as const) {
      await using origin = await startOrigin();
      await using proxy = await startFaultProxy({ port: origin.port });
      await using client = newClient({ version, connector: leadingTo(proxy.port, { secure: false }) });
      expect(await outcomeOf(client.get("https://a.test/"))).toBe("no response: connect NOT_SECURE");
      await until(() => proxy.openSockets === 0);
      expect([proxy.connectionCount, proxy.connections[0]?.clientBytes.received]).toEqual([1, 0]);
      expect(client.stats.size).toBe(0);
    }
  });

  test("[pool-22] http needs no TLS, and a transport that does not say is its connector's business", async () => {
    await using origin = await startOrigin();
    await using plain = newClient({ connector: leadingTo(origin.port, { secure: false }) });
    expect(await fetchText(plain, "http://a.test/")).toBe("ok\n");
    await using unknown = newClient({ connector: leadingTo(origin.port, {}) });
    expect(await fetchText(unknown, "https://a.test/")).toBe("ok\n");
  });
});

describe("a connection that is lost", () => {
  const head = "HTTP/1.1 200 OK\r\n".length;

  for (const [name, plan, expected] of [
    ["reset as soon as it is accepted", "rstOnAccept", "no response: io ECONNRESET"],
    ["closed as soon as it is accepted", "closeOnAccept", "no response: incomplete INCOMPLETE_MESSAGE"],
    ["reset in the middle of the request", afterClientBytes(10, "rst"), "no response: io ECONNRESET"],
    ["closed in the middle of the request", afterClientBytes(10, "fin"), "no response: incomplete INCOMPLETE_MESSAGE"],
    ["reset behind the request", afterClientBytes(58, "rst"), "no response: io ECONNRESET"],
    ["reset in the status line", afterServerBytes(5, "rst"), "no response: io ECONNRESET"],
    ["reset behind the status line", afterServerBytes(head, "rst"), "no response: io ECONNRESET"],
    ["closed in the head", afterServerBytes(head + 3, "fin"), "no response: incomplete INCOMPLETE_MESSAGE"],
    ["corrupt from the first byte", afterServerBytes(0, corrupt(4)), "no response: parse INVALID_STATUS_LINE"],
    ["corrupt in the status line", afterServerBytes(9, corrupt(3)), "no response: parse INVALID_STATUS"],
    ["corrupt in the head", afterServerBytes(head, corrupt(3)), "no response: parse INVALID_HEADER"],
  ] as const satisfies readonly (readonly [string, QueuedPlan, string])[]) {
    test(`${name}: no response`, async () => {
      await withFault(plan, {}, async ({ client, url, proxy }) => {
        const request = outcomeOf(client.request(HttpRequest.get(`${url}/size/1000`, { "x-id": "1" })));
        expect(await request).toBe(expected);
        expect(proxy.connectionCount).toBe(1);
      });
    });
  }

  for (const [name, action, expected] of [
    ["reset", "rst", "200, then io ECONNRESET"],
    ["closed", "fin", "200, then incomplete INCOMPLETE_MESSAGE"],
  ] as const) {
    for (const [path, what] of [
      ["/size/100000", "of a length"],
      ["/chunks/20000", "in chunks"],
    ] as const) {
      test(`${name} in a body ${what}: the body fails, the head stands`, async () => {
        await withFault(afterServerBytes(1000, action), {}, async ({ client, url }) => {
          expect(await outcomeOf(client.get(`${url}${path}`))).toBe(expected);
        });
      });
    }
  }

  test("corrupt in the size of a chunk: the body fails", async () => {
    await using origin = await startRawOrigin(
      () => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
    );
    await using client = newClient();
    expect(await outcomeOf(client.get(`${origin.url}/`))).toBe("200, then parse INVALID_CHUNK");
    await until(() => origin.openConnections === 0);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("byte by byte: nothing is wrong with that", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({
      port: origin.port,
      plans: () => [afterServerBytes(0, "tear"), afterClientBytes(0, "tear")],
    });
    await using client = newClient();
    for (let i = 0; i < 2; i++) {
      expect(await outcomeOf(client.request(HttpRequest.post(`${proxy.url}/echo`, full("content"))))).toBe("content");
    }
    expect(proxy.connectionCount).toBe(1);
  });

  test("half open: the server's end is not passed on, and its next answer never comes", async () => {
    using timer = startClock();
    await using origin = await startRawOrigin(() => ({ bytes: rawResponse("ok"), afterwards: "close" }));
    await using proxy = await startFaultProxy({ port: origin.port, plans: () => swallowHalfClose("server") });
    await using client = newClient({ timer });
    expect(await fetchText(client, `${proxy.url}/`)).toBe("ok");
    const next = watch(client.request(HttpRequest.post(`${proxy.url}/`, full("x"))));
    await settle(20);
    expect(next.state).toBe("pending");
    timer.advance(60_000);
    await settle(20);
    expect(codeOf(next)).toBe("timeout headTimeoutMs");
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    await proxy.closeAll();
  });
});

describe("a connection that falls silent", () => {
  const silences: readonly [string, QueuedPlan, RequestOptions["timeouts"], string][] = [
    ["after accepting", "acceptThenSilence", { headTimeoutMs: 300 }, "no response: timeout headTimeoutMs"],
    ["before the response", afterServerBytes(0, "stall"), { headTimeoutMs: 300 }, "no response: timeout headTimeoutMs"],
    ["in the head", afterServerBytes(20, "stall"), { headTimeoutMs: 300 }, "no response: timeout headTimeoutMs"],
    ["a dead peer", afterClientBytes(0, "blackhole"), { headTimeoutMs: 300 }, "no response: timeout headTimeoutMs"],
    ["in the body", afterServerBytes(1000, "stall"), { bodyTimeoutMs: 300 }, "200, then timeout bodyTimeoutMs"],
    ["anywhere", afterServerBytes(1000, "stallBoth"), { requestTimeoutMs: 300 }, "200, then timeout requestTimeoutMs"],
  ];
  for (const [name, plan, timeouts, expected] of silences) {
    test(`[pool-23] ${name}: kind timeout, when its time has come and not before`, async () => {
      using timer = startClock();
      await using other = await startOrigin();
      await withFault(plan, { timer }, async ({ client, url, proxy }) => {
        const outcome = watch(
          outcomeOf(client.get(`${url}/size/100000`, { ...(timeouts !== undefined && { timeouts }) })),
        );
        await until(() => proxy.connectionCount === 1);
        // All that will come has come.
        await settle(50);
        timer.advance(299);
        await settle();
        expect(outcome.state).toBe("pending");
        // Other requests go on meanwhile.
        expect(await fetchText(client, `${other.url}/`)).toBe("ok\n");
        timer.advance(1);
        await settle();
        expect(outcome.value).toBe(expected);
        client.retain(() => false);
        await proxy.closeAll();
      });
    });
  }

  test("writeTimeoutMs: a server that does not read", async () => {
    using timer = startClock();
    await withFault(
      afterClientBytes(100_000, "stall"),
      { timer, http1: { writeTimeoutMs: 400 } },
      async ({ client, url, proxy }) => {
        const body = full(new Uint8Array(30_000_000));
        const outcome = watch(outcomeOf(client.request(HttpRequest.post(`${url}/hang`, body))));
        await until(() => (proxy.connections[0]?.clientBytes.forwarded ?? 0) >= 100_000);
        await settle(100);
        timer.advance(400);
        await settle();
        expect(outcome.value).toBe("no response: timeout writeTimeoutMs");
        await proxy.closeAll();
      },
    );
  });
});

describe("all of it at once", () => {
  test(
    "[pool-10] every request settles, whatever happens to its connections; what is not idempotent is never sent twice",
    async () => {
      const plans: readonly FaultPlan[] = [
        "pass",
        closeWhenIdle(),
        "rstOnAccept",
        afterServerBytes(7, "rst"),
        closeWhenIdle({ at: "response", how: "rst", turns: 1 }),
        afterServerBytes(1500, "fin"),
        afterClientBytes(150, "rst"),
        afterServerBytes(300, corrupt(2)),
        afterClientBytes(90, "fin"),
        "closeOnAccept",
        afterServerBytes(0, "tear"),
      ];
      for (const protocol of ["http1", "http2"] as const) {
        await using origin = await startOrigin({ protocol });
        await using proxy = await startFaultProxy({
          port: origin.port,
          plans: (index) => plans[(index * 7) % plans.length] ?? "pass",
        });
        const client = newClient({ version: protocol, maxConnectionsPerHost: 5 });
        const outcomes: string[] = [];
        const work = async (worker: number): Promise<void> => {
          for (let i = 0; i < rounds(60); i++) {
            const controller = new AbortController();
            const { signal } = controller;
            const path = ["/", "/size/500", "/chunks/5", "/echo", "/trailers"][i % 5];
            const fields = { "x-id": `${worker} ${i}` };
            const body = i % 3 === 0 ? full("content") : empty();
            const request = new HttpRequest(i % 3 === 0 ? "POST" : "GET", `${proxy.url}${path}`, fields, body);
            const outcome = outcomeOf(client.request(request, { signal }));
            if ((worker + i) % 11 === 0) void settle(i % 7).then(() => controller.abort());
            outcomes.push(await outcome);
          }
        };
        await Promise.all(Array.from({ length: 10 }, (_, worker) => work(worker)));
        expect(outcomes.length).toBe(10 * rounds(60));
        expect(client.underWay).toBe(0);
        const posts = origin.requests.filter(({ method }) => method === "POST").map(({ id }) => id);
        expect(new Set(posts).size).toBe(posts.length);
        await client.close();
        await until(() => proxy.openSockets === 0);
        expect(client.stats.size).toBe(0);
      }
    },
    raceTimeoutMs,
  );
});

describe("what is told", () => {
  test("[pool-23] bytes in both directions, as the transport counts them, and connections lost", async () => {
    for (const protocol of ["http1", "http2"] as const) {
      await using origin = await startOrigin({ protocol });
      await using proxy = await startFaultProxy({ port: origin.port });
      const bytes = { read: 0, written: 0 };
      const lost: string[] = [];
      const observer: ClientObserver = {
        bytesRead: (count) => void (bytes.read += count),
        bytesWritten: (count) => void (bytes.written += count),
        connectionLost: (_, __, error) => void lost.push(error === undefined ? "clean" : told(error)),
      };
      const connector = protocol === "http1" ? leadingTo(proxy.port, {}) : choosingHttp2(proxy.port);
      const client = newClient({ observer, connector });
      for (let i = 0; i < 3; i++) {
        await text(await client.request(HttpRequest.post("http://a.test/echo", full("x".repeat(10_000)))));
      }
      await client.close();
      await until(() => proxy.openSockets === 0);
      const [connection] = proxy.connections;
      expect(bytes).toEqual({ read: connection?.serverBytes.received, written: connection?.clientBytes.received });
      expect(bytes.read).toBeGreaterThan(30_000);
      expect(lost).toEqual(["clean"]);
    }
  });

  test("an observer that throws breaks nothing", async () => {
    const observer = new Proxy({} as ClientObserver, {
      get: () => () => {
        throw new Error("observer");
      },
    });
    await using origin = await startOrigin();
    await using client = newClient({ observer });
    for (let i = 0; i < 3; i++) expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(1);
    await client.close();
    expect(client.underWay).toBe(0);
  });
});
