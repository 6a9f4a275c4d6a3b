/**
 * How many connections there are, who waits for them and for how long, and when they are given up.
 */
import { getEventListeners, setMaxListeners } from "node:events";
import { full } from "@sluice/body";
import { type HttpError, HttpRequest, isUnsent } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import type { Client, PooledConnection } from "@sluice/util/client";
import { Connected } from "@sluice/util/connect";
import { fakeTimer, memoryPair } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { resolveOptions } from "../../src/client/options.ts";
import { settle } from "../support/io.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { codeOf, type Seen, watch } from "../support/workshop.ts";
import { startClock } from "./clock.ts";
import { fetchText, getWithId, newClient, rejection, text, until } from "./support.ts";

/** Asks for `/slow` with an id; resolves with the content. */
function askSlow(client: Client, origin: Origin, id: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  return client.request(getWithId(`${origin.url}/slow`, id), options).then(text);
}

function ids(origin: Origin): (string | undefined)[] {
  return origin.requests.map(({ id }) => id).filter((id) => id !== undefined);
}

describe("connections to one host, and who waits for them", () => {
  test("maxConnectionsPerHost: first come first served, and who has left is skipped", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxConnectionsPerHost: 2 });
    const controllers = Array.from({ length: 8 }, () => new AbortController());
    const asked = controllers.map(({ signal }, i) => watch(askSlow(client, origin, String(i), { signal })));
    await origin.slow.arrived(2);
    await settle(10);
    expect(client.stats.get(origin.url)).toEqual({
      idle: 0,
      inUse: 2,
      http2: 0,
      streams: 0,
      connecting: 0,
      waiting: 6,
    });
    controllers[3]?.abort();
    controllers[7]?.abort();
    for (let served = 0; served < 6; served++) {
      await until(() => origin.slow.waiting > 0);
      await settle(10);
      origin.slow.release(1);
      await until(() => asked.filter(({ state }) => state === "fulfilled").length === served + 1);
    }
    expect(ids(origin).slice(2)).toEqual(["2", "4", "5", "6"]);
    expect(new Set(ids(origin).slice(0, 2))).toEqual(new Set(["0", "1"]));
    expect([asked[3], asked[7]].map((it) => codeOf(it as Seen<unknown>))).toEqual([
      "canceled CANCELED",
      "canceled CANCELED",
    ]);
    expect([origin.connectionCount, client.underWay]).toEqual([2, 0]);
  });

  test("[pool-9] a connection has one request at a time: what would be sent before it is ready is handed back", async () => {
    const [here, there] = memoryPair();
    const { sender, connection } = await http1.handshake(here, { timer: null });
    const first = watch(sender.send(HttpRequest.get("/1", { host: "a.test" })));
    const body = full("content");
    const error = await rejection(sender.send(HttpRequest.post("/2", body, { host: "a.test" })));
    expect([error.kind, error.code, isUnsent(error)]).toEqual(["canceled", "NOT_READY", true]);
    const ready = watch(sender.ready());
    await settle(2);
    expect([ready.state, body.isEndStream()]).toEqual(["pending", false]);
    connection.abort();
    await settle(2);
    expect([ready.state, (ready.error as HttpError).kind]).toEqual(["rejected", "closed"]);
    expect(codeOf(first)).toBe("canceled ABORTED");
    await connection.closed.catch(() => {});
    there.abort();
  });

  test("maxQueuedPerHost at the limit, and one past it", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxConnectionsPerHost: 1, maxQueuedPerHost: 2 });
    await fetchText(client, `${origin.url}/`);
    const asked = ["0", "1", "2", "3"].map((id) => watch(askSlow(client, origin, id)));
    await origin.slow.arrived(1);
    await settle();
    expect(asked.map(({ state }) => state)).toEqual(["pending", "pending", "pending", "rejected"]);
    expect(codeOf(asked[3] as Seen<unknown>)).toBe("limit POOL_QUEUE_FULL");
    expect(asked[3]?.error).toMatchObject({ message: "at most 2 requests may wait for a connection" });
    for (let i = 0; i < 3; i++) {
      await origin.slow.arrived(1);
      origin.slow.release();
    }
    await until(() => client.underWay === 0);
    expect(asked.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
    expect(await askAgain(client, origin)).toBe("ok\n");
  });

  const askAgain = (client: Client, origin: Origin): Promise<string> => fetchText(client, `${origin.url}/`);

  test("queueTimeoutMs for a connection to become free; the request's own limit goes before", async () => {
    using timer = startClock();
    await using origin = await startOrigin();
    await using client = newClient({ maxConnectionsPerHost: 1, queueTimeoutMs: 500, timer });
    await fetchText(client, `${origin.url}/`);
    const busy = watch(askSlow(client, origin, "busy"));
    await origin.slow.arrived();
    const own = watch(client.get(`${origin.url}/`, { timeouts: { queueTimeoutMs: 900 } }));
    const late = watch(client.get(`${origin.url}/`));
    timer.advance(499);
    await settle();
    expect(late.state).toBe("pending");
    timer.advance(1);
    await settle();
    expect([codeOf(late), own.state]).toEqual(["timeout queueTimeoutMs", "pending"]);
    expect((late.error as Error).message).toBe("no connection within queueTimeoutMs = 500 ms");
    expect(client.stats.get(origin.url)).toMatchObject({ inUse: 1, waiting: 1 });
    origin.slow.release();
    await until(() => own.state === "fulfilled");
    expect(busy.value).toBe("slow\n");
    await text(own.value as Awaited<ReturnType<Client["get"]>>);
    expect([origin.connectionCount, client.underWay]).toEqual([1, 0]);
  });

  test("a limit that makes no sense is refused, and leaves nothing behind", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxConnectionsPerHost: 1 });
    for (const queueTimeoutMs of [-1, 0.5, Number.NaN]) {
      const request = client.get(`${origin.url}/`, { timeouts: { queueTimeoutMs } });
      await expect(request).rejects.toThrow(RangeError);
    }
    expect([client.underWay, origin.connectionCount]).toEqual([0, 0]);
  });

  test("a signal that outlives its requests has no listeners of theirs", async () => {
    for (const protocol of ["http1", "http2"] as const) {
      await using origin = await startOrigin({ protocol, keepAliveRequests: 3 });
      await using client = newClient({ version: protocol, maxConnectionsPerHost: 2 });
      const { signal } = new AbortController();
      setMaxListeners(0, signal);
      const asked = Array.from({ length: 20 }, () => client.get(`${origin.url}/`, { signal }).then(text));
      expect(new Set(await Promise.all(asked))).toEqual(new Set(["ok\n"]));
      expect(getEventListeners(signal, "abort")).toEqual([]);
    }
  });

  test("maxRequestsPerConnection: the last one says so, and the next takes another connection", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxRequestsPerConnection: 2 });
    for (let i = 0; i < 5; i++) await fetchText(client, `${origin.url}/`);
    expect(origin.requests.map(({ connectionIndex }) => connectionIndex)).toEqual([0, 0, 1, 1, 2]);
    const saysClose = origin.requests.map(({ headers }) => headers.some(([name]) => name === "connection"));
    expect(saysClose).toEqual([false, true, false, true, false]);
    await until(() => origin.openConnections === 1);
  });
});

describe("idle connections", () => {
  /** Leaves `count` idle connections to the origin. */
  async function idle(client: Client, origin: Origin, count: number): Promise<void> {
    const asked = Array.from({ length: count }, (_, i) => askSlow(client, origin, `idle ${i}`));
    await origin.slow.arrived(count);
    origin.slow.release();
    await Promise.all(asked);
  }

  test("maxIdle, of all hosts together: the longest idle is closed, whichever host it is of", async () => {
    await using a = await startOrigin();
    await using b = await startOrigin();
    await using client = newClient({ maxIdle: 3 });
    await idle(client, a, 2);
    await idle(client, b, 1);
    expect([client.stats.get(a.url)?.idle, client.stats.get(b.url)?.idle]).toEqual([2, 1]);
    // The one of a that is used again is not the longest idle any more.
    await fetchText(client, `${a.url}/`);
    await idle(client, b, 2);
    await until(() => a.openConnections === 1);
    expect([client.stats.get(a.url)?.idle, client.stats.get(b.url)?.idle]).toEqual([1, 2]);
    await idle(client, b, 3);
    await until(() => a.openConnections === 0);
    expect([client.stats.has(a.url), client.stats.get(b.url)?.idle]).toEqual([false, 3]);
  });

  test("[hyper-218] maxIdlePerHost: what exceeds it is closed", async () => {
    await using a = await startOrigin();
    await using b = await startOrigin();
    await using client = newClient({ maxIdlePerHost: 2 });
    await idle(client, a, 3);
    await idle(client, b, 2);
    await until(() => a.openConnections === 2);
    expect([client.stats.get(a.url)?.idle, client.stats.get(b.url)?.idle, b.openConnections]).toEqual([2, 2, 2]);
  });

  test("[pool-16] [hyper-217] idleTimeoutMs: kept until then, closed by the sweep when it has passed", async () => {
    using timer = startClock();
    await using origin = await startOrigin();
    await using client = newClient({ idleTimeoutMs: 1000, timer });
    await fetchText(client, `${origin.url}/`);
    timer.advance(999);
    await fetchText(client, `${origin.url}/`);
    expect(origin.connectionCount).toBe(1);
    timer.advance(999);
    await settle();
    expect([client.stats.get(origin.url)?.idle, origin.openConnections]).toEqual([1, 1]);
    timer.advance(1);
    expect(client.stats.size).toBe(0);
    await until(() => origin.openConnections === 0);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(2);
  });

  test("[pool-16] [hyper-217] one that has expired is not handed out, although no alarm has gone off", async () => {
    // A clock that goes, and whose alarms are late.
    const clock = fakeTimer();
    let now = 0;
    const timer = { now: () => now, schedule: clock.schedule.bind(clock) };
    await using origin = await startOrigin();
    await using client = newClient({ idleTimeoutMs: 1000, timer });
    await fetchText(client, `${origin.url}/`);
    now = 999;
    await fetchText(client, `${origin.url}/`);
    expect(origin.connectionCount).toBe(1);
    now = 1999;
    await fetchText(client, `${origin.url}/`);
    expect(origin.connectionCount).toBe(2);
    await until(() => origin.openConnections === 1);
  });

  test("maxConnectionAgeMs: an idle connection closes, one in use when its response has been read", async () => {
    using timer = startClock();
    await using origin = await startOrigin();
    await using client = newClient({ maxConnectionAgeMs: 1000, idleTimeoutMs: 0, timer });
    await idle(client, origin, 1);
    const busy = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    await fetchText(client, `${origin.url}/`);
    expect(origin.openConnections).toBe(2);
    timer.advance(1000);
    await until(() => origin.openConnections === 1);
    origin.slow.release();
    expect(await text(await busy)).toBe("slow\n");
    await until(() => origin.openConnections === 0);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("[pool-5] defaults: what the documentation of the options says", () => {
    expect(resolveOptions({})).toMatchObject({
      version: "auto",
      idleTimeoutMs: 90_000,
      maxIdle: 1024,
      maxIdlePerHost: Number.POSITIVE_INFINITY,
      maxConnectionsPerHost: Number.POSITIVE_INFINITY,
      maxHttp2ConnectionsPerHost: 8,
      maxQueuedPerHost: Number.POSITIVE_INFINITY,
      queueTimeoutMs: 60_000,
      order: "newest",
      maxRetries: 3,
      retryIdempotent: true,
      http1: { idleTimeoutMs: 90_000, maxDrainBytes: 65_536, maxConnectionAgeMs: 0, originForm: true },
      proxiedHttp1: { originForm: false },
      http2: { idleTimeoutMs: 90_000, maxConnectionAgeMs: 0 },
    });
  });

  test("[pool-5] an idle connection is kept for 90 seconds by default, and no longer", async () => {
    using timer = startClock();
    await using origin = await startOrigin();
    await using client = newClient({ timer });
    await fetchText(client, `${origin.url}/`);
    timer.advance(89_999);
    expect(client.stats.get(origin.url)?.idle).toBe(1);
    timer.advance(1);
    expect(client.stats.size).toBe(0);
    await until(() => origin.openConnections === 0);
  });

  test("[pool-15] the state is there to be seen: connections, requests, and each idle connection with its facts", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    await fetchText(client, `${origin.url}/`);
    await fetchText(client, `${origin.url}/`);
    const busy = [askSlow(client, origin, "1"), askSlow(client, origin, "2")];
    await origin.slow.arrived(2);
    expect([client.stats.get(origin.url), client.underWay]).toEqual([
      { idle: 0, inUse: 2, http2: 0, streams: 0, connecting: 0, waiting: 0 },
      2,
    ]);
    origin.slow.release();
    await Promise.all(busy);
    const seen: PooledConnection[] = [];
    client.retain((connection) => {
      seen.push(connection);
      return connection.requests > 1;
    });
    expect(
      seen
        .map(({ origin, isHttp2, requests }) => ({ origin, isHttp2, requests }))
        .sort((a, b) => a.requests - b.requests),
    ).toEqual([
      { origin: origin.url, isHttp2: false, requests: 1 },
      { origin: origin.url, isHttp2: false, requests: 3 },
    ]);
    expect(seen.every(({ connected }) => connected instanceof Connected)).toBe(true);
    await until(() => origin.openConnections === 1);
    expect(client.stats.get(origin.url)?.idle).toBe(1);
  });
});

describe("whether a response lets its connection live", () => {
  const cases: readonly (readonly [response: string, isKept: boolean])[] = [
    // [pool-17] by version, unless the connection field says otherwise.
    ["HTTP/1.1 200 OK\r\n", true],
    ["HTTP/1.0 200 OK\r\n", false],
    ["HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n", true],
    ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true],
    ["HTTP/1.1 200 OK\r\nconnection: close\r\n", false],
    ["HTTP/1.1 200 OK\r\nproxy-connection: close\r\n", true],
    ["HTTP/1.0 200 OK\r\nproxy-connection: keep-alive\r\n", false],
    // [pool-18] tokens of a list, of several lines, in any case; close goes before keep-alive.
    ["HTTP/1.1 200 OK\r\nconnection: close, x\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: x , CLOSE\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: x\r\nconnection: y,close\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: close, keep-alive\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: close\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: close\r\nconnection: keep-alive\r\n", false],
    ["HTTP/1.0 200 OK\r\nconnection: x, keep-alive\r\n", true],
    ["HTTP/1.0 200 OK\r\nconnection: keep-alive, close\r\n", false],
    ["HTTP/1.1 200 OK\r\nconnection: closed, enclose\r\n", true],
  ];

  test("[pool-17] [pool-18] by version and by the tokens of its connection fields", async () => {
    let head = "";
    await using origin = await startRawOrigin(() => `${head}content-length: 2\r\n\r\nok`);
    await using client = newClient();
    for (const [response, isKept] of cases) {
      head = response;
      expect(await fetchText(client, `${origin.url}/`)).toBe("ok");
      expect([response, client.stats.get(origin.url)?.idle ?? 0]).toEqual([response, isKept ? 1 : 0]);
      client.retain(() => false);
      await until(() => origin.openConnections === 0);
    }
  });

  test("[pool-17] a body that ends with its connection ends the connection", async () => {
    await using origin = await startRawOrigin(() => ({
      bytes: "HTTP/1.1 200 OK\r\n\r\nto the end",
      afterwards: "close",
    }));
    await using client = newClient();
    for (let i = 0; i < 2; i++) expect(await fetchText(client, `${origin.url}/`)).toBe("to the end");
    expect([origin.connectionCount, client.stats.size]).toEqual([2, 0]);
  });
});

describe("fairness", () => {
  test("[pool-11] a socket that always has more: 16 rounds in a turn, then timers have theirs, until all has been read", async () => {
    const timer = fakeTimer();
    const head = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    let reads = 0;
    let start = (): void => {};
    const io = {
      timer,
      read: (done: (chunk: Uint8Array) => void) => {
        if (reads > 1000) return;
        if (reads++ > 0) done(new Uint8Array(1000));
        else start = () => done(head);
      },
      write: () => true,
      drained: () => {},
      shutdown: (done: () => void) => done(),
      abort: () => {},
    };
    const options = { timer, idleTimeoutMs: 0, maxDrainBytes: 1_000_000 };
    await using client = newClient({ connector: async () => new Connected(io), ...options });
    const answered = client.get("http://a.test/");
    await settle(1);
    start();
    const { body } = await answered;
    // Nobody wants it, so it is read by the connection alone.
    body.cancel();
    const betweenAlarms: number[] = [];
    let before = reads;
    const look = (): void => {
      betweenAlarms.push(reads - before);
      before = reads;
      if (client.underWay > 0) timer.schedule(0, look);
    };
    timer.schedule(0, look);
    timer.advance(0);
    expect(reads).toBe(1001);
    expect(Math.max(...betweenAlarms)).toBeLessThanOrEqual(16);
    expect(client.stats.get("http://a.test:80")?.idle).toBe(1);
  });
});
