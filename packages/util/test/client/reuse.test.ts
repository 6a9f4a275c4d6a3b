/**
 * When connections of HTTP/1 are used again, and when they are not.
 */
import { channel, empty, fromIterable, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { Connected, type Connector, httpConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { startOrigin } from "../support/origin.ts";
import { rawChunked, rawResponse, startRawOrigin } from "../support/raw-origin.ts";
import { leadingTo } from "./connectors.ts";
import { fetchText, newClient, rejection, text, until } from "./support.ts";

describe("used again", () => {
  test("[hyper-207] [pool-6] [pool-8] the second request takes the connection of the first, once its body was read", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(await fetchText(client, `${origin.url}/size/10`)).toBe("abcdefghij");
    expect(origin.connectionCount).toBe(1);
    const unread = await client.get(`${origin.url}/chunks/2`);
    expect(client.stats.get(origin.url)).toMatchObject({ idle: 0, inUse: 1 });
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(2);
    expect(await text(unread)).toBe("chunk 1\nchunk 2\n");
    expect(client.stats.get(origin.url)).toMatchObject({ idle: 2, inUse: 0 });
  });

  test("[hyper-210] a chunked response whose end arrives with its last data: used again at once", async () => {
    await using origin = await startRawOrigin(() => rawChunked("one", "two"));
    await using client = newClient();
    for (let i = 0; i < 3; i++) expect(await fetchText(client, `${origin.url}/`)).toBe("onetwo");
    expect(origin.connectionCount).toBe(1);
  });

  test("[hyper-209] a response that ends before the request's body: the connection waits for the body", async () => {
    await using origin = await startRawOrigin(() => ({ bytes: rawResponse("early"), after: "head" }));
    await using client = newClient();
    const { sender, body } = channel(1);
    const response = await client.request(HttpRequest.post(`${origin.url}/`, body));
    expect(await text(response)).toBe("early");
    expect(client.stats.get(origin.url)).toMatchObject({ idle: 0, inUse: 1 });
    await sender.sendData(new Uint8Array(3));
    sender.close();
    await until(() => client.stats.get(origin.url)?.idle === 1);
    expect(client.underWay).toBe(0);
    expect(await fetchText(client, `${origin.url}/`)).toBe("early");
    expect(origin.connectionCount).toBe(1);
  });

  test("[pool-4] the connection used last is taken first; with `oldest` the one that has rested longest", async () => {
    for (const [order, index] of [
      ["newest", 1],
      ["oldest", 0],
    ] as const) {
      await using origin = await startOrigin();
      await using client = newClient({ order });
      const slow = [client.get(`${origin.url}/slow`), client.get(`${origin.url}/slow`)] as const;
      await origin.slow.arrived(2);
      origin.slow.release();
      // Given back in the order in which they were accepted.
      for (const connection of [0, 1]) {
        const at = origin.requests.findIndex(({ connectionIndex }) => connectionIndex === connection);
        await text(await (slow[at] as (typeof slow)[0]));
      }
      expect(client.stats.get(origin.url)).toMatchObject({ idle: 2 });
      await fetchText(client, `${origin.url}/`);
      expect(origin.requests.at(-1)?.connectionIndex).toBe(index);
    }
  });
});

describe("not used again", () => {
  test("[hyper-208] bytes behind the response to HEAD: two connections for two requests", async () => {
    await using origin = await startRawOrigin(() => rawResponse("stray"));
    await using client = newClient();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(HttpRequest.head(`${origin.url}/`));
      expect([response.status, await text(response)]).toEqual([200, ""]);
      await until(() => client.stats.size === 0);
    }
    expect(origin.connectionCount).toBe(2);
  });

  test("[hyper-201] a response cancelled before its end, with more to come than may be dropped: the connection is closed", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxDrainBytes: 1000 });
    const response = await client.get(`${origin.url}/size/5000000`);
    response.body.cancel();
    await until(() => origin.openConnections === 0);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("a response cancelled with little to come: that is dropped, and the connection is kept", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxDrainBytes: 5_000_000 });
    const response = await client.get(`${origin.url}/size/5000000`);
    response.body.cancel();
    await until(() => client.stats.get(origin.url)?.idle === 1);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(1);
  });

  test("[hyper-203] a request given up while its connection is in use: that connection is closed", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    const controller = new AbortController();
    const response = client.get(`${origin.url}/hang`, { signal: controller.signal });
    await until(() => origin.requests.length === 1);
    controller.abort(new Error("mine"));
    const error = await rejection(response);
    expect([error.kind, error.code, (error.cause as Error).message]).toEqual(["canceled", "CANCELED", "mine"]);
    await until(() => origin.openConnections === 0);
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
  });

  test("[hyper-203] a request given up while it waits for its connection: the attempt is given up too", async () => {
    const signals: AbortSignal[] = [];
    const never: Connector = (_, signal) =>
      new Promise((_, reject) => {
        if (signal === undefined) return;
        signals.push(signal);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    await using client = newClient({ connector: never });
    const controller = new AbortController();
    const response = client.get("http://a.test/", { signal: controller.signal });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    controller.abort();
    expect((await rejection(response)).code).toBe("CANCELED");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await until(() => client.stats.size === 0);
  });

  test("[hyper-204] maxIdlePerHost 0: each connection is closed after its response", async () => {
    await using origin = await startOrigin();
    await using client = newClient({ maxIdlePerHost: 0 });
    for (let i = 0; i < 3; i++) await fetchText(client, `${origin.url}/`);
    await until(() => origin.openConnections === 0);
    expect([origin.connectionCount, client.stats.size]).toEqual([3, 0]);
  });

  test("[hyper-205] an idle connection that the server closes leaves the pool", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    await fetchText(client, `${origin.url}/`);
    expect(client.stats.get(origin.url)?.idle).toBe(1);
    origin.closeIdle();
    await until(() => client.stats.size === 0);
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    expect(origin.connectionCount).toBe(2);
  });

  test("[hyper-202] the end of the client closes its idle connections", async () => {
    await using origin = await startOrigin();
    const client = newClient();
    await fetchText(client, `${origin.url}/`);
    expect(origin.openConnections).toBe(1);
    await client.close();
    await until(() => origin.openConnections === 0);
    const error = await rejection(client.get(`${origin.url}/`));
    expect([error.kind, error.code]).toEqual(["closed", "CLIENT_CLOSED"]);
  });

  test("[hyper-215] a poisoned connection is not used again, and closed when what is under way has ended", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    const onConnection = (connected: Connected): void => connected.poison();
    expect(await text(await client.get(`${origin.url}/`, { onConnection }))).toBe("ok\n");
    await until(() => origin.openConnections === 0);
    await fetchText(client, `${origin.url}/`);
    expect(origin.connectionCount).toBe(2);
  });

  test("a response that says close, or HTTP/1.0 without keep-alive", async () => {
    await using origin = await startRawOrigin(({ path }) =>
      path === "/close" ? rawResponse("x", "connection: close\r\n") : "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\ny",
    );
    await using client = newClient();
    for (const [path, body] of [
      ["/close", "x"],
      ["/old", "y"],
    ]) {
      expect(await fetchText(client, `${origin.url}${path}`)).toBe(body);
      expect(client.stats.size).toBe(0);
    }
  });
});

describe("connecting", () => {
  test("[hyper-206] a client connects when the first request comes, not before", async () => {
    let connects = 0;
    const connector: Connector = (target, signal) => {
      connects++;
      return httpConnector()(target, signal);
    };
    await using origin = await startOrigin();
    await using client = newClient({ connector });
    await until(() => true);
    expect(connects).toBe(0);
    await fetchText(client, `${origin.url}/`);
    await fetchText(client, `${origin.url}/`);
    expect(connects).toBe(1);
  });

  test("[pool-3] a connection that becomes free overtakes the one being made, which is kept for the next", async () => {
    await using origin = await startOrigin();
    let open: () => void = () => {};
    let connects = 0;
    const connector: Connector = async (target, signal) => {
      if (++connects === 2) await new Promise<void>((resolve) => (open = resolve));
      return await httpConnector()(target, signal);
    };
    await using client = newClient({ connector });
    const first = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    const second = client.get(`${origin.url}/`);
    await until(() => connects === 2);
    origin.slow.release();
    await text(await first);
    expect(await text(await second)).toBe("ok\n");
    expect([origin.connectionCount, client.stats.get(origin.url)]).toMatchObject([1, { idle: 1, connecting: 1 }]);
    open();
    await until(() => client.stats.get(origin.url)?.idle === 2);
    expect([connects, origin.connectionCount]).toEqual([2, 2]);
  });

  test("[hyper-214] who asks is told the connection of the request, with what the connector put there", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    let tell: (connected: Connected) => void = () => {};
    const connection = new Promise<Connected>((resolve) => (tell = resolve));
    const response = client.get(`${origin.url}/`, { onConnection: tell });
    const { io, timings, proxied } = await connection;
    await text(await response);
    expect(io.info).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: origin.port, secure: false });
    expect([typeof timings.tcpMs, proxied]).toEqual(["number", false]);
  });

  test("[hyper-214] and nothing is told of a request that never gets one", async () => {
    await using client = newClient({ connector: () => Promise.reject(new Error("no")) });
    let told = 0;
    await expect(client.get("http://a.test/", { onConnection: () => void told++ })).rejects.toThrow("no");
    expect(told).toBe(0);
  });

  test("[hyper-216] what went wrong below is in the chain of causes", async () => {
    await using origin = await startRawOrigin(() => ({ bytes: "HTTP/1.1 200 OK\r\ncont", afterwards: "close" }));
    await using client = newClient();
    const cut = await rejection(client.get(`${origin.url}/`));
    expect([cut.kind, cut.code]).toEqual(["incomplete", "INCOMPLETE_MESSAGE"]);
    await using resetting = await startRawOrigin(() => ({ bytes: "HTTP/1.1 200 OK\r\ncont", afterwards: "reset" }));
    const reset = await rejection(client.get(`${resetting.url}/`));
    expect([reset.kind, reset.code, (reset.cause as NodeJS.ErrnoException).code]).toEqual([
      "io",
      "ECONNRESET",
      "ECONNRESET",
    ]);
  });
});

describe("keys and requests", () => {
  test("[pool-1] another scheme or port is another pool; the same host in another spelling is the same", async () => {
    const targets: string[] = [];
    const connector: Connector = ({ scheme, host, port }) => {
      targets.push(`${scheme} ${host} ${port}`);
      return Promise.reject(new Error("no"));
    };
    await using client = newClient({ connector });
    for (const url of [
      "http://a.test/",
      "https://a.test/",
      "http://a.test:443/",
      "http://A.TEST:80/x",
      "http://[::1]:81/",
    ]) {
      await client.get(url).catch(() => {});
    }
    expect(targets).toEqual(["http a.test 80", "https a.test 443", "http a.test 443", "http a.test 80", "http ::1 81"]);
  });

  test("[pool-1] http and https of one host never share a connection, nor do two names for TLS", async () => {
    await using origin = await startOrigin();
    const seen: string[] = [];
    const connector: Connector = (target, signal) => {
      seen.push(`${target.scheme} ${target.servername ?? "-"}`);
      return leadingTo(origin.port, {})(target, signal);
    };
    await using client = newClient({ connector });
    const port = 8000;
    for (const origin of [
      { scheme: "http", host: "a.test", port },
      { scheme: "https", host: "a.test", port },
      { scheme: "https", host: "a.test", port, servername: "b.test" },
      { scheme: "https", host: "A.test", port, servername: "B.test" },
    ]) {
      await text(await client.get("http://a.test/", { origin }));
    }
    expect(seen).toEqual(["http -", "https -", "https b.test"]);
    expect([...client.stats.keys()]).toEqual([
      "http://a.test:8000",
      "https://a.test:8000",
      "https://a.test:8000 for b.test",
    ]);
  });

  test("[pool-1] [pool-2] targets without an authority and versions nobody can carry are refused", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    const codes: string[] = [];
    for (const request of [
      HttpRequest.get("/"),
      HttpRequest.options("*"),
      HttpRequest.get("ftp://a.test/"),
      HttpRequest.get("constructor://a.test/"),
      HttpRequest.get("http://a.test:0/"),
      HttpRequest.get(`${origin.url}/`).withVersion("HTTP/0.9"),
      HttpRequest.connect("a.test:80").withVersion("HTTP/1.0"),
      HttpRequest.get(`${origin.url}/`).withVersion("HTTP/2"),
    ]) {
      const { kind, code } = await rejection(client.request(request));
      codes.push(`${kind} ${code}`);
    }
    expect(codes).toEqual([
      "user ABSOLUTE_TARGET_REQUIRED",
      "user ABSOLUTE_TARGET_REQUIRED",
      "user UNSUPPORTED_SCHEME",
      "user UNSUPPORTED_SCHEME",
      "user INVALID_PORT",
      "user UNSUPPORTED_VERSION",
      "user UNSUPPORTED_VERSION",
      "user VERSION_MISMATCH",
    ]);
    expect([origin.requests.length, client.underWay]).toEqual([0, 0]);
    await expect(client.get("not a url")).rejects.toThrow(TypeError);
  });

  test("a body that throws when it is looked at fails its request, and nothing stays under way", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    const body = full("x");
    body.isEndStream = () => {
      throw new TypeError("mine");
    };
    await expect(client.request(HttpRequest.post(`${origin.url}/echo`, body))).rejects.toThrow("mine");
    expect([client.underWay, origin.requests.length]).toEqual([0, 0]);
  });

  test("[hyper-200] ten requests at a time, with and without content, of known and unknown length", async () => {
    await using origin = await startOrigin();
    await using client = newClient();
    const contents = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const body = i % 3 === 0 ? full(`body ${i}`) : fromIterable([`bo`, `dy ${i}`]);
        return await text(await client.request(HttpRequest.post(`${origin.url}/echo`, body)));
      }),
    );
    expect(contents).toEqual(Array.from({ length: 10 }, (_, i) => `body ${i}`));
    expect(origin.connectionCount).toBe(10);
  });

  test("[pool-13] framing follows the body: none, a length, chunked; HTTP/1.0 never chunked", async () => {
    await using origin = await startRawOrigin(() => rawResponse("ok"));
    await using client = newClient();
    const send = async (request: HttpRequest): Promise<void> => void (await text(await client.request(request)));
    const url = `${origin.url}/`;
    await send(HttpRequest.get(url));
    await send(HttpRequest.post(url, empty()));
    await send(HttpRequest.post(url, full("four")));
    await send(HttpRequest.post(url, fromIterable(["a", "b"])));
    await send(HttpRequest.get(url).withBody(fromIterable(["not sent"])));
    await send(HttpRequest.post(url, fromIterable(["a"]), { "transfer-encoding": "gzip" }));
    await send(HttpRequest.post(url, fromIterable(["a"])).withVersion("HTTP/1.0"));
    const framing = origin.requests.map(({ head }) => head.match(/(content-length|transfer-encoding): .*/g));
    expect(framing).toEqual([
      null,
      ["content-length: 0"],
      ["content-length: 4"],
      ["transfer-encoding: chunked"],
      null,
      ["transfer-encoding: gzip, chunked"],
      null,
    ]);
    expect(origin.requests[0]?.head).toBe(`GET / HTTP/1.1\r\nhost: 127.0.0.1:${origin.port}\r\n\r\n`);
  });

  test("[pool-12] title case only for names without a spelling of their own; off by default", async () => {
    await using origin = await startRawOrigin(() => rawResponse("ok"));
    await using plain = newClient();
    await using title = newClient({ http1: { titleCaseHeaders: true, preserveHeaderCase: true } });
    for (const client of [plain, title]) {
      const request = HttpRequest.get(`${origin.url}/`);
      request.headers.append("x-mine", "1", { originalName: "x-MINE" });
      request.headers.append("accept", "*/*");
      await text(await client.request(request));
    }
    const host = `127.0.0.1:${origin.port}`;
    expect(origin.requests.map(({ head }) => head)).toEqual([
      `GET / HTTP/1.1\r\nhost: ${host}\r\nx-mine: 1\r\naccept: */*\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nx-MINE: 1\r\nAccept: */*\r\n\r\n`,
    ]);
  });
});

describe("through a proxy", () => {
  /** A connector to `port` that says it leads to a proxy. */
  const toProxy =
    (port: number): Connector =>
    async (target, signal) => {
      const { io } = await httpConnector()({ ...target, host: "127.0.0.1", port }, signal);
      return new Connected(io, { proxied: true, proxyFields: [["proxy-authorization", "Basic c2VjcmV0"]] });
    };

  test("[hyper-211] the target is sent whole, with Host and what the proxy is to be told; the request is not changed", async () => {
    await using proxy = await startRawOrigin(() => rawResponse("ok"));
    await using client = newClient({ connector: toProxy(proxy.port) });
    const request = HttpRequest.get("http://a.test:81/x?y", { accept: "*/*" });
    expect(await text(await client.request(request))).toBe("ok");
    expect(proxy.requests[0]?.head).toBe(
      "GET http://a.test:81/x?y HTTP/1.1\r\naccept: */*\r\nhost: a.test:81\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n",
    );
    expect([...request.headers]).toEqual([["accept", "*/*"]]);
  });

  test("a request that cannot be copied for the proxy fails alone: nothing stays taken or under way", async () => {
    await using proxy = await startRawOrigin(() => rawResponse("ok"));
    await using client = newClient({ connector: toProxy(proxy.port) });
    for (let i = 0; i < 2; i++) {
      const request = HttpRequest.get("http://a.test/");
      request.headers.clone = () => {
        throw new TypeError("mine");
      };
      await expect(client.request(request)).rejects.toThrow("mine");
      expect(client.underWay).toBe(0);
    }
    expect(await fetchText(client, "http://a.test/")).toBe("ok");
    expect(proxy.requests).toHaveLength(1);
  });

  test("[hyper-211] CONNECT: authority-form", async () => {
    await using proxy = await startRawOrigin(() => ({ bytes: "HTTP/1.1 200 OK\r\n\r\n", after: "head" }));
    await using client = newClient({ connector: toProxy(proxy.port) });
    const response = await client.request(HttpRequest.connect("a.test:81"));
    expect(response.status).toBe(200);
    expect(proxy.requests[0]?.head.split("\r\n").slice(0, 2)).toEqual([
      "CONNECT a.test:81 HTTP/1.1",
      "host: a.test:81",
    ]);
  });
});
