/**
 * HTTP/2 in the pool: one connection for many requests, further ones when it is full, and what becomes of requests when a server
 * refuses streams, goes away or falls silent.
 */
import type { ServerHttp2Session } from "node:http2";
import { full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import type { Client, ClientOptions } from "@sluice/util/client";
import { httpConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { afterServerBytes, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { settle } from "../support/io.ts";
import { startOrigin } from "../support/origin.ts";
import { codeOf, watch } from "../support/workshop.ts";
import { type Clock, startClock } from "./clock.ts";
import { Counted, choosingHttp2 } from "./connectors.ts";
import { startNodeHttp2 } from "./node-http2.ts";
import { raceTimeoutMs, rounds } from "./rounds.ts";
import { fetchText, getWithId, newClient, rejection, text, until } from "./support.ts";

/** GETs `path`, `count` times at once; what became of each: its content, or the code of its error. */
function burst(
  client: { request(request: HttpRequest): Promise<HttpResponse> },
  url: string,
  count: number,
  from = 0,
): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      client
        .request(getWithId(url, String(from + i)))
        .then(text, (error: unknown) => (HttpError.is(error) ? error.code : String(error))),
    ),
  );
}

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

describe("one connection for all", () => {
  for (const how of ["ALPN", "prior knowledge"] as const) {
    test(`[hyper-213] 100 first requests at once, HTTP/2 by ${how}: one connection, and no host field`, async () => {
      await using origin = await startOrigin({ protocol: "http2" });
      const counted = new Counted(how === "ALPN" ? choosingHttp2(origin.port) : httpConnector());
      await using client = newClient({ connector: counted.connector, ...(how !== "ALPN" && { version: "http2" }) });
      expect(tally(await burst(client, `${origin.url}/`, 100))).toEqual({ "ok\n": 100 });
      expect([counted.calls, origin.connectionCount, origin.repeatedIds]).toEqual([1, 1, []]);
      expect(new Set(origin.requests.flatMap(({ headers }) => headers.map(([name]) => name)))).toEqual(
        new Set(["x-id"]),
      );
      expect([...client.stats.values()]).toEqual([
        { idle: 0, inUse: 0, http2: 1, streams: 0, connecting: 0, waiting: 0 },
      ]);
      expect(client.underWay).toBe(0);
    });
  }

  test("[hyper-213] a request head on HTTP/2 carries :authority, and no host", async () => {
    await using server = await startNodeHttp2();
    await using client = newClient({ version: "http2" });
    const response = client.get(`${server.url}/x`);
    const [request] = await server.arrived(1);
    expect(request?.rawHeaders).toEqual([
      ...[":method", "GET", ":scheme", "http", ":authority", new URL(server.url).host, ":path", "/x"],
    ]);
    request?.stream.respond({ ":status": 204 }, { endStream: true });
    expect((await response).status).toBe(204);
  });

  test("[pool-19] a connection is shared before its first response has come", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    await using client = newClient({ version: "http2" });
    const first = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect([...client.stats.values()]).toMatchObject([{ http2: 1, streams: 1 }]);
    origin.slow.release();
    expect(await text(await first)).toBe("slow\n");
    expect(origin.connectionCount).toBe(1);
  });

  test("[pool-19] a response that nobody reads does not keep others from the connection", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    await using client = newClient({ version: "http2" });
    const unread = await client.get(`${origin.url}/size/100000`);
    for (let i = 0; i < 3; i++) await fetchText(client, `${origin.url}/`);
    expect((await text(unread)).length).toBe(100_000);
    expect(origin.connectionCount).toBe(1);
  });
});

describe("streams that are all taken", () => {
  for (const [maxHttp2ConnectionsPerHost, connections] of [
    [1, 1],
    [8, 8],
  ] as const) {
    test(`100 first requests at once at a server that allows one stream, on up to ${connections} connections: all are answered`, async () => {
      const service = async (): Promise<HttpResponse> => {
        await settle(3);
        return new HttpResponse(200, {}, full("ok\n"));
      };
      await using origin = await startOrigin({ protocol: "http2", http2: { maxConcurrentStreams: 1 }, service });
      const retries: number[] = [];
      const observer = {
        requestRetried: (_: string, __: HttpRequest, ___: HttpError, n: number) => void retries.push(n),
      };
      await using client = newClient({ version: "http2", maxHttp2ConnectionsPerHost, observer });
      expect(tally(await burst(client, `${origin.url}/`, 100))).toEqual({ "ok\n": 100 });
      expect([origin.connectionCount, origin.repeatedIds, client.underWay]).toEqual([connections, [], 0]);
      // The limit is not known before the first answer, but from then on, also for further connections.
      expect(Math.max(...retries)).toBe(1);
    });
  }

  test("further connections up to maxHttp2ConnectionsPerHost, then requests wait for a stream", async () => {
    await using origin = await startOrigin({ protocol: "http2", http2: { maxConcurrentStreams: 2 } });
    await using client = newClient({ version: "http2", maxHttp2ConnectionsPerHost: 3 });
    // The limit is known from the first answer on.
    await fetchText(client, `${origin.url}/`);
    const slow = burst(client, `${origin.url}/slow`, 10);
    await origin.slow.arrived(6);
    await until(() => [...client.stats.values()][0]?.streams === 10);
    expect([...client.stats.values()]).toMatchObject([{ http2: 3, streams: 10, connecting: 0 }]);
    expect(origin.connections.map(({ active }) => active)).toEqual([2, 2, 2]);
    const released = setInterval(() => origin.slow.release(1));
    expect(tally(await slow)).toEqual({ "slow\n": 10 });
    clearInterval(released);
    expect(origin.connectionCount).toBe(3);
  });

  test("maxConnectionsPerHost counts for HTTP/2 too", async () => {
    await using origin = await startOrigin({ protocol: "http2", http2: { maxConcurrentStreams: 1 } });
    await using client = newClient({ version: "http2", maxConnectionsPerHost: 2 });
    await fetchText(client, `${origin.url}/`);
    expect(tally(await burst(client, `${origin.url}/`, 30))).toEqual({ "ok\n": 30 });
    expect(origin.connectionCount).toBe(2);
  });

  test("a request that waits for a stream can be given up", async () => {
    await using origin = await startOrigin({ protocol: "http2", http2: { maxConcurrentStreams: 1 } });
    await using client = newClient({ version: "http2", maxHttp2ConnectionsPerHost: 1 });
    const first = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    const controller = new AbortController();
    const second = client.get(`${origin.url}/`, { signal: controller.signal });
    await settle(3);
    controller.abort();
    expect((await rejection(second)).code).toBe("CANCELED");
    origin.slow.release();
    expect(await text(await first)).toBe("slow\n");
    expect([origin.requests.length, client.underWay]).toEqual([1, 0]);
  });
});

describe("a server that goes away", () => {
  test("[pool-7] streams that it will process end, later ones are sent elsewhere, with their content", async () => {
    await using server = await startNodeHttp2();
    await using client = newClient({ version: "http2" });
    const given: string[] = [];
    const requests = ["1", "2", "3"].map((id) => {
      const request = HttpRequest.post(`${server.url}/`, full(`content ${id}`), { "x-id": id });
      return client.request(request, { onConnection: () => void given.push(id) });
    });
    const [first, second, third] = await server.arrived(3);
    await until(() => third?.content === "content 3");
    first?.session.goaway(0, first.stream.id);
    first?.stream.respond({ ":status": 201 }, { endStream: true });
    expect((await requests[0])?.status).toBe(201);
    const all = await server.arrived(5);
    await until(() => all[3]?.content === "content 2" && all[4]?.content === "content 3");
    expect([all[3]?.id, all[4]?.id, server.sessions.length]).toEqual(["2", "3", 2]);
    expect(second?.session).not.toBe(all[3]?.session);
    for (const { stream } of all.slice(3)) stream.respond({ ":status": 202 }, { endStream: true });
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([201, 202, 202]);
    expect(given).toEqual(["1", "2", "3", "2", "3"]);
    expect(client.underWay).toBe(0);
  });

  test("what is under way at a graceful shutdown ends, and the next request takes a new connection", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    await using client = newClient({ version: "http2" });
    const slow = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    origin.gracefulShutdown();
    await until(() => client.stats.size === 0);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    origin.slow.release();
    expect(await text(await slow)).toBe("slow\n");
    expect([origin.connectionCount, origin.repeatedIds]).toEqual([2, []]);
    await until(() => origin.openConnections === 1);
  });

  for (const perConnection of [2, 10, 50]) {
    test(
      `GOAWAY storms: 1,000 requests, ${perConnection} on each connection: none is processed twice, and only maxRetries makes any fail`,
      async () => {
        const processed: (string | undefined)[] = [];
        const seen = new Map<ServerHttp2Session, number>();
        await using server = await startNodeHttp2(({ session, stream, id }) => {
          const number = (seen.get(session) ?? 0) + 1;
          seen.set(session, number);
          // What comes behind the last one is as if it had never arrived.
          if (number > perConnection) return;
          processed.push(id);
          stream.respond({ ":status": 200 });
          stream.end("ok\n");
          if (number === perConnection) session.goaway(0, stream.id);
        });
        const attempts: number[] = [];
        const observer = {
          requestRetried: (_: string, __: HttpRequest, ___: HttpError, n: number) => void attempts.push(n),
        };
        await using client = newClient({ version: "http2", observer });
        const outcomes: string[] = [];
        const workers = 20;
        const each = rounds(1000 / workers);
        const work = async (worker: number): Promise<void> => {
          for (let i = 0; i < each; i++)
            outcomes.push(...(await burst(client, `${server.url}/`, 1, worker * each + i)));
        };
        await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
        const { "ok\n": answered = 0, GOAWAY: failed = 0, ...others } = tally(outcomes);
        expect([others, answered + failed]).toEqual([{}, each * workers]);
        expect(processed.length).toBe(answered);
        expect(new Set(processed).size).toBe(answered);
        expect(Math.max(...attempts)).toBeLessThanOrEqual(3);
        // Whoever failed had all his retries.
        expect(attempts.filter((n) => n === 3).length).toBeGreaterThanOrEqual(failed);
        if (perConnection > workers) expect(failed).toBe(0);
        expect(client.underWay).toBe(0);
        await until(() => client.stats.size <= 1);
      },
      raceTimeoutMs,
    );
  }

  test("our own limit on a connection's requests does the same: 100 at once, 10 on each connection", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    await using client = newClient({ version: "http2", maxRequestsPerConnection: 10 });
    expect(tally(await burst(client, `${origin.url}/`, 100))).toEqual({ "ok\n": 100 });
    expect(origin.connections.map(({ requests }) => requests)).toEqual(Array.from({ length: 10 }, () => 10));
    expect(origin.repeatedIds).toEqual([]);
  });

  test("maxConnectionAgeMs: what is under way ends, and what follows takes a new connection", async () => {
    using timer = startClock();
    await using origin = await startOrigin({ protocol: "http2" });
    await using client = newClient({ version: "http2", maxConnectionAgeMs: 1000, timer });
    const slow = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    timer.advance(999);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    timer.advance(1);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.requests.map(({ connectionIndex }) => connectionIndex)).toEqual([0, 0, 1]);
    origin.slow.release();
    expect(await text(await slow)).toBe("slow\n");
    await until(() => origin.openConnections === 1);
  });
});

describe("a server that falls silent", () => {
  /** A client whose first request was answered before its connection went dead. */
  async function silent(
    options: ClientOptions,
    use: (client: Client, url: string, timer: Clock, proxy: FaultProxy) => Promise<void>,
  ): Promise<void> {
    await using origin = await startOrigin({ protocol: "http2" });
    // SETTINGS and their acknowledgment, the head, the content: all of the first response, and nothing after.
    let heard = 0;
    const observer = { bytesRead: (count: number) => void (heard += count) };
    {
      await using client = newClient({ version: "http2", observer });
      await fetchText(client, `${origin.url}/`);
    }
    using timer = startClock();
    await using proxy = await startFaultProxy({
      port: origin.port,
      plans: (index) => (index === 0 ? afterServerBytes(heard, "blackhole") : "pass"),
    });
    await using client = newClient({ version: "http2", timer, ...options });
    await fetchText(client, `${proxy.url}/`);
    await use(client, proxy.url, timer, proxy);
    expect(client.underWay).toBe(0);
  }

  test("headTimeoutMs: the request fails, and others on the connection go on waiting", async () => {
    await silent({}, async (client, url, timer) => {
      const hurried = client.request(HttpRequest.post(url, full("x")), { timeouts: { headTimeoutMs: 500 } });
      const patient = client.request(HttpRequest.post(url, full("x")), { timeouts: { headTimeoutMs: 800 } });
      const seen = [watch(hurried), watch(patient)];
      await settle(5);
      timer.advance(499);
      await settle(5);
      expect(seen.map(({ state }) => state)).toEqual(["pending", "pending"]);
      timer.advance(1);
      await settle(5);
      expect(seen.map(({ state }) => state)).toEqual(["rejected", "pending"]);
      timer.advance(300);
      await settle(5);
      expect(seen.map(codeOf)).toEqual(["timeout headTimeoutMs", "timeout headTimeoutMs"]);
    });
  });

  test("keepAliveIntervalMs: without an answer to a PING the connection ends, with all that waits on it; the next request takes another", async () => {
    await silent(
      { http2: { keepAliveIntervalMs: 1000, keepAliveTimeoutMs: 500 } },
      async (client, url, timer, proxy) => {
        const seen = [watch(client.get(`${url}/`)), watch(client.request(HttpRequest.post(`${url}/`, full("x"))))];
        await settle(5);
        timer.advance(1000);
        await settle(5);
        timer.advance(499);
        await settle(5);
        expect(seen.map(({ state }) => state)).toEqual(["pending", "pending"]);
        timer.advance(1);
        await settle(5);
        expect(seen.map(codeOf)).toEqual(["timeout keepAliveTimeoutMs", "timeout keepAliveTimeoutMs"]);
        expect(await fetchText(client, `${url}/`)).toBe("ok\n");
        expect(proxy.connectionCount).toBe(2);
      },
    );
  });
});
