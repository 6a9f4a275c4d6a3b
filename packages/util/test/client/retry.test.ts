/**
 * Which requests are tried again, and which are not.
 */
import { constants } from "node:http2";
import { type Body, fromIterable, full, HeaderMap } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import { type Connected, type Connector, httpConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { closeWhenIdle, type FaultPlan, startFaultProxy } from "../support/fault-proxy.ts";
import { startOrigin } from "../support/origin.ts";
import { startNodeHttp2 } from "./node-http2.ts";
import { fetchText, newClient, rejection, text, until } from "./support.ts";

/** A body that notes whether anybody has asked for it. */
function watched(content: string): { readonly body: Body; readonly isTouched: boolean } {
  const inner = full(content);
  const watch = {
    isTouched: false,
    body: {
      frame: () => {
        watch.isTouched = true;
        return inner.frame();
      },
      isEndStream: () => inner.isEndStream(),
      sizeHint: () => inner.sizeHint(),
      cancel: (reason?: unknown) => {
        watch.isTouched = true;
        inner.cancel(reason);
      },
      [Symbol.asyncIterator]: () => inner[Symbol.asyncIterator](),
    } as Body,
  };
  return watch;
}

/** For `onConnection`: the connections of these numbers, from 1, are lost just before the request is written. */
function losing(...numbers: readonly number[]): (connected: Connected) => void {
  let number = 0;
  return (connected) => {
    if (numbers.includes(++number)) connected.io.abort(new Error("lost"));
  };
}

/** What the pool has told. */
function recorder(): { readonly events: string[]; readonly observer: object } {
  const events: string[] = [];
  const observer = {
    connectionAssigned: (_: string, request: HttpRequest, __: Connected, isReused: boolean) =>
      void events.push(`${request.method} on ${isReused ? "a used" : "a new"} connection`),
    requestRetried: (origin: string, request: HttpRequest, error: HttpError, attempt: number) =>
      void events.push(`${request.method} retried at ${new URL(origin).protocol} after ${error.code}: ${attempt}`),
  };
  return { events, observer };
}

/** A client with `count` idle connections. */
async function withIdle(
  url: string,
  slow: { arrived(count: number): Promise<void>; release(): void },
  client: { get(url: string): Promise<HttpResponse> },
  count: number,
): Promise<void> {
  const responses = Array.from({ length: count }, () => client.get(`${url}/slow`));
  await slow.arrived(count);
  slow.release();
  for (const response of responses) await text(await response);
}

describe("unsent", () => {
  test("[pool-7] [pool-20] a used connection that dies before anything was written: the request goes elsewhere, intact", async () => {
    await using origin = await startOrigin();
    const { events, observer } = recorder();
    await using client = newClient({ observer });
    await fetchText(client, `${origin.url}/`);
    events.length = 0;
    const { body } = watched("content");
    const request = HttpRequest.post(`${origin.url}/echo`, body, { "x-id": "1", "x-more": "y" });
    const response = await client.request(request, { onConnection: losing(1), replayBody: () => full("another") });
    // Its own content, not a replay.
    expect(await text(response)).toBe("content");
    expect(events).toEqual([
      "POST on a used connection",
      "POST retried at http: after CLOSED: 1",
      "POST on a new connection",
    ]);
    expect(origin.repeatedIds).toEqual([]);
    expect(origin.requests.at(-1)?.headers).toEqual(
      expect.arrayContaining([
        ["x-id", "1"],
        ["x-more", "y"],
        ["content-length", "7"],
      ]),
    );
    expect([...request.headers]).toEqual([...new HeaderMap({ "x-id": "1", "x-more": "y" })]);
  });

  test("[pool-7] and when it is not tried again, its body is untouched, for the caller to send", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxRetries: 0 });
    await fetchText(client, `${origin.url}/`);
    const content = watched("content");
    const request = HttpRequest.post(`${origin.url}/echo`, content.body);
    const error = await rejection(client.request(request, { onConnection: losing(1) }));
    expect([error.kind, error.code, content.isTouched]).toEqual(["closed", "CLOSED", false]);
    expect(await text(await client.request(request))).toBe("content");
    expect([origin.connectionCount, client.underWay]).toEqual([2, 0]);
  });

  test("[pool-7] a new connection's failure is final", async () => {
    await using origin = await startOrigin();
    const { events, observer } = recorder();
    await using client = newClient({ observer });
    const error = await rejection(client.get(`${origin.url}/`, { onConnection: losing(1, 2, 3, 4) }));
    expect([error.kind, error.code]).toEqual(["closed", "CLOSED"]);
    expect(events).toEqual(["GET on a new connection"]);
    await until(() => client.stats.size === 0);
  });

  test("[pool-7] also where the request was written: one connection for one request", async () => {
    for (const plan of ["rstOnAccept", "closeOnAccept"] satisfies FaultPlan[]) {
      await using origin = await startOrigin();
      await using proxy = await startFaultProxy({ port: origin.port, plans: () => plan });
      await using client = newClient();
      const error = await rejection(client.get(`${proxy.url}/`));
      expect([error.kind, error.code]).toEqual(
        plan === "rstOnAccept" ? ["io", "ECONNRESET"] : ["incomplete", "INCOMPLETE_MESSAGE"],
      );
      expect([proxy.connectionCount, client.underWay]).toEqual([1, 0]);
    }
  });

  test("a request that cannot be sent at all does no harm to its connection", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    await fetchText(client, `${origin.url}/`);
    const bad = HttpRequest.get(`${origin.url}/`, { "content-length": "x" });
    const errors = [
      await rejection(client.request(bad)),
      await rejection(client.request(HttpRequest.get(`${origin.url}/`).withVersion("HTTP/2"))),
    ];
    expect(errors.map(({ kind }) => kind)).toEqual(["user", "user"]);
    await expect(client.get(`${origin.url}/`, { timeouts: { headTimeoutMs: -1 } })).rejects.toThrow(RangeError);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect([origin.connectionCount, client.underWay]).toEqual([1, 0]);
  });
});

describe("written, and not answered", () => {
  /** One exchange, then each connection is closed as the next request arrives. */
  const reuseFails: FaultPlan = closeWhenIdle({ at: "reuse", how: "fin" });

  test("[pool-7] any byte sent of what is not idempotent: not tried again, with and without content, even with replayBody", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({ port: origin.port, plans: () => reuseFails });
    const { events, observer } = recorder();
    await using client = newClient({ observer });
    for (const body of [undefined, full("content")]) {
      await fetchText(client, `${proxy.url}/`);
      events.length = 0;
      const request = new HttpRequest("POST", `${proxy.url}/echo`, { "x-id": "post" }, body);
      const error = await rejection(client.request(request, { replayBody: () => full("content") }));
      expect([error.kind, error.code]).toEqual(["incomplete", "INCOMPLETE_MESSAGE"]);
      expect(events).toEqual(["POST on a used connection"]);
    }
    expect(origin.requests.filter(({ id }) => id === "post")).toEqual([]);
    await until(() => proxy.openSockets === 0);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("[pool-20] idempotent without content: on a new connection", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({ port: origin.port, plans: () => reuseFails });
    const { events, observer } = recorder();
    await using client = newClient({ observer });
    await fetchText(client, `${proxy.url}/`);
    events.length = 0;
    const methods = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"];
    for (const method of methods) {
      const response = await client.request(new HttpRequest(method, `${proxy.url}/`, { "x-id": method }));
      expect([response.status, await text(response)]).toEqual([200, method === "HEAD" ? "" : "ok\n"]);
    }
    expect(events).toEqual(
      methods.flatMap((method) => [
        `${method} on a used connection`,
        `${method} retried at http: after INCOMPLETE_MESSAGE: 1`,
        `${method} on a new connection`,
      ]),
    );
    expect(origin.repeatedIds).toEqual([]);
  });

  test("idempotent with content: only if the content can be made anew", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({ port: origin.port, plans: () => reuseFails });
    await using client = newClient();
    const put = (): HttpRequest => new HttpRequest("PUT", `${proxy.url}/echo`, {}, full("content"));
    await fetchText(client, `${proxy.url}/`);
    expect((await rejection(client.request(put()))).code).toBe("INCOMPLETE_MESSAGE");
    await fetchText(client, `${proxy.url}/`);
    let replays = 0;
    const replayBody = (): Body => {
      replays++;
      return full("replayed");
    };
    expect(await text(await client.request(put(), { replayBody }))).toBe("replayed");
    expect(replays).toBe(1);
    const thrower = (): Body => {
      throw new Error("gone");
    };
    const error = await rejection(client.request(put(), { replayBody: thrower }));
    expect([error.kind, error.code, (error.cause as Error).message]).toEqual(["user", "CALLBACK_FAILED", "gone"]);
    expect(client.underWay).toBe(0);
  });

  test("retryIdempotent false: not even GET; what was not sent still is", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({
      port: origin.port,
      plans: (index) => (index === 0 ? reuseFails : "pass"),
    });
    await using client = newClient({ retryIdempotent: false });
    await fetchText(client, `${proxy.url}/`);
    expect((await rejection(client.get(`${proxy.url}/`))).code).toBe("INCOMPLETE_MESSAGE");
    await fetchText(client, `${proxy.url}/`);
    expect(await text(await client.get(`${proxy.url}/`, { onConnection: losing(1) }))).toBe("ok\n");
  });

  test("an answer that has begun is not asked for twice", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({ port: origin.port });
    await using client = newClient();
    await fetchText(client, `${proxy.url}/`);
    const cut = client.get(`${proxy.url}/slow-body`);
    const response = await cut;
    await proxy.closeAll();
    expect((await rejection(text(response))).kind).toBe("io");
    expect(origin.requests.length).toBe(2);
    expect(client.underWay).toBe(0);
  });

  test("[pool-20] many idle connections, all of them dead: the first retry has a new one", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({
      port: origin.port,
      plans: (index) => (index < 10 ? reuseFails : "pass"),
    });
    await using client = newClient({ maxRetries: 1 });
    await withIdle(proxy.url, origin.slow, client, 10);
    expect(client.stats.get(proxy.url)?.idle).toBe(10);
    for (let i = 0; i < 10; i++) expect(await fetchText(client, `${proxy.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(11);
  });

  test("[pool-20] and at maxConnectionsPerHost an idle one makes room for it", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({
      port: origin.port,
      plans: (index) => (index < 3 ? reuseFails : "pass"),
    });
    await using client = newClient({ maxRetries: 1, maxConnectionsPerHost: 3 });
    await withIdle(proxy.url, origin.slow, client, 3);
    const all = Array.from({ length: 3 }, () => fetchText(client, `${proxy.url}/`));
    expect(await Promise.all(all)).toEqual(["ok\n", "ok\n", "ok\n"]);
    await until(() => proxy.connections.filter(({ openSockets }) => openSockets > 0).length <= 3);
  });
});

describe("given up", () => {
  test("[pool-10] a signal that aborts while the request waits for another connection: CANCELED, and nothing stays", async () => {
    await using origin = await startOrigin();
    let calls = 0;
    const connector: Connector = (target, signal) => {
      if (++calls === 1) return httpConnector()(target, signal);
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    };
    const { events, observer } = recorder();
    await using client = newClient({ connector, observer });
    await fetchText(client, `${origin.url}/`);
    const controller = new AbortController();
    const request = client.get(`${origin.url}/`, { signal: controller.signal, onConnection: losing(1) });
    await until(() => calls === 2);
    controller.abort(new Error("mine"));
    const error = await rejection(request);
    expect([error.kind, error.code]).toEqual(["canceled", "CANCELED"]);
    expect((error.cause as Error).message).toBe("mine");
    expect(events.at(-1)).toBe("GET retried at http: after CLOSED: 1");
    await until(() => client.stats.size === 0);
    expect(client.underWay).toBe(0);
  });

  test("a signal that has aborted: no retry, whatever else has happened", async () => {
    await using origin = await startOrigin();
    const { events, observer } = recorder();
    await using client = newClient({ observer });
    await fetchText(client, `${origin.url}/`);
    const controller = new AbortController();
    const onConnection = ({ io }: Connected): void => {
      controller.abort();
      io.abort(new Error("lost"));
    };
    const error = await rejection(client.get(`${origin.url}/`, { signal: controller.signal, onConnection }));
    expect(error.kind).toBe("closed");
    expect(events.filter((event) => event.includes("retried"))).toEqual([]);
  });
});

describe("refused by an HTTP/2 server", () => {
  /** Refuses the first request as soon as some of its content has come. */
  async function refusing(run: (url: string, contents: () => readonly string[]) => Promise<void>): Promise<void> {
    await using server = await startNodeHttp2((held) => {
      const isFirst = server.requests.length === 1;
      if (isFirst) held.stream.once("data", () => held.stream.close(constants.NGHTTP2_REFUSED_STREAM));
      else held.stream.once("end", () => held.stream.respond({ ":status": 200 }, { endStream: true }));
    });
    await run(server.url, () => server.requests.map(({ content }) => content));
  }

  test("[pool-7] content that was given as a whole is sent again", async () => {
    await refusing(async (url, contents) => {
      await using client = newClient({ version: "http2" });
      expect((await client.request(HttpRequest.post(url, full("content")))).status).toBe(200);
      expect(contents()).toEqual(["content", "content"]);
    });
  });

  test("content that is used up: only if it can be made anew, also for what is not idempotent", async () => {
    const content = (): Body => fromIterable(["con", "tent"]);
    await refusing(async (url) => {
      await using client = newClient({ version: "http2" });
      const error = await rejection(client.request(HttpRequest.post(url, content())));
      expect([error.kind, error.code, client.underWay]).toEqual(["closed", "REFUSED_STREAM", 0]);
    });
    await refusing(async (url, contents) => {
      await using client = newClient({ version: "http2" });
      expect((await client.request(HttpRequest.post(url, content()), { replayBody: content })).status).toBe(200);
      expect(contents().at(-1)).toBe("content");
    });
  });
});

describe("the number of retries", () => {
  test("maxRetries at the limit, and one past it", async () => {
    for (const [lost, maxRetries, succeeds] of [
      [2, 2, true],
      [3, 2, false],
      [1, 0, false],
      [3, undefined, true],
      [4, undefined, false],
    ] as const) {
      const events: number[] = [];
      await using client = newClient({
        ...(maxRetries !== undefined && { maxRetries }),
        version: "http2",
        observer: {
          requestRetried: (_: string, __: HttpRequest, ___: HttpError, attempt: number) => void events.push(attempt),
        },
      });
      await using refusing = await startOrigin({
        protocol: "http2",
        service: () => {
          if (refusing.requests.length <= lost) throw new HttpError("closed", "REFUSED", "elsewhere", { reason: 7 });
          return new HttpResponse(200);
        },
      });
      const outcome = await client.get(`${refusing.url}/`).then(
        ({ status }) => status,
        ({ code }) => code,
      );
      expect(outcome).toBe(succeeds ? 200 : "REFUSED_STREAM");
      const retries = Math.min(lost, maxRetries ?? 3);
      expect(events).toEqual(Array.from({ length: retries }, (_, i) => i + 1));
      expect(refusing.requests.length).toBe(retries + 1);
      expect(client.underWay).toBe(0);
    }
  });
});
