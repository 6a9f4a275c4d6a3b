/**
 * The reverse proxy of docs/examples: what clients and upstreams are told when the other side fails.
 */
import { channel, fromIterable, full, isData } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectTo2 } from "../interop/support/h2-client.ts";
import { freePort } from "../interop/support/ports.ts";
import { type PlainPeer, plainClient, plainServer } from "../support/plain-peer.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { newClient, received, reverseProxy, startProxy, startUpstream, type UpstreamConfig, until } from "./support.ts";

const get = "GET /a?secret HTTP/1.1\r\nhost: a\r\n\r\n";
const answer = (status: string, fields = ""): string => {
  const text = `${status}\n`;
  return `HTTP/1.1 ${status}\r\n${fields}content-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
};

/** Sends `request` and waits until exactly `expected` has come back. */
async function says(client: PlainPeer, request: string, expected: string): Promise<void> {
  client.received = "";
  client.send(request);
  await until(() => client.received.length >= expected.length);
  expect(client.received).toBe(expected);
}

async function expectFailure(upstream: Partial<UpstreamConfig>, status: string, line: string): Promise<void> {
  const url = upstream.url ?? `http://127.0.0.1:${await freePort()}`;
  await using other = await startUpstream(() => new HttpResponse(200, {}, full("x")));
  const routes = [{ upstream: { ...upstream, url } }, { location: "/other/", upstream: { url: other.origin } }];
  await using proxy = await startProxy({ routes });
  using client = await plainClient(proxy.port);
  for (let i = 0; i < 2; i++) await says(client, get, answer(status));
  // The connection serves on.
  await says(client, get.replace("/a", "/other/"), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
  const logged = `GET /a -> ${url}: ${line}`;
  expect(proxy.log).toEqual([logged, logged]);
}

describe("before the response", () => {
  test("[pool-27, pool-31] nobody listens at the upstream: 502, not 500, and nothing of where it was or why", async () => {
    await expectFailure({}, "502 Bad Gateway", "connect ECONNREFUSED");
  });

  test("[pool-31] a name that does not exist: 502", async () => {
    await using proxy = await startProxy("http://nobody.invalid");
    using client = await plainClient(proxy.port);
    await says(client, get, answer("502 Bad Gateway"));
    // The code is the resolver's.
    expect(proxy.log[0]).toMatch(/^GET \/a -> http:\/\/nobody\.invalid: connect E[A-Z_]+$/);
  });

  test.each([
    ["is closed at once", "", "incomplete", "INCOMPLETE_MESSAGE"],
    ["is not HTTP", "SSH-2.0-OpenSSH_9.6\r\n", "parse", "INVALID_STATUS_LINE"],
    [
      "has two lengths",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
      "parse",
      "CONTENT_LENGTH",
    ],
    ["ends within the head", "HTTP/1.1 200 OK\r\ncontent-len", "incomplete", ""],
  ])("[pool-27] the answer %s: 502", async (_, bytes, kind, code) => {
    await using upstream = await startRawOrigin(() => ({ bytes, afterwards: "close" }));
    await using proxy = await startProxy(upstream.url);
    using client = await plainClient(proxy.port);
    await says(client, get, answer("502 Bad Gateway"));
    await says(client, get, answer("502 Bad Gateway"));
    expect(proxy.log).toHaveLength(2);
    expect(proxy.log[0]).toContain(`GET /a -> ${upstream.url}: ${kind} ${code}`);
  });

  test("[pool-27] the upstream resets the connection: 502", async () => {
    await using upstream = await plainServer();
    await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
    using client = await plainClient(proxy.port);
    // Not to be repeated (RFC 9110 9.2.2).
    client.send(get.replace("GET", "POST"));
    const peer = await upstream.accepted();
    await until(() => peer.received !== "");
    peer.socket.resetAndDestroy();
    await until(() => client.received !== "");
    expect(client.received).toBe(answer("502 Bad Gateway"));
    expect(proxy.log[0]).toMatch(/: io ECONNRESET$/);
  });

  test("[pool-27] a certificate that cannot be trusted, and no TLS at all: 502", async () => {
    await using secure = await startUpstream(() => new HttpResponse(), { tls: true });
    await expectFailure(
      { url: secure.origin, servername: "b.test" },
      "502 Bad Gateway",
      "connect TLS_HOSTNAME_MISMATCH",
    );
    await using plain = await startUpstream(() => new HttpResponse());
    const url = plain.origin.replace("http:", "https:");
    await expectFailure({ url }, "502 Bad Gateway", "connect TLS_NOT_TLS");
  });

  test("[pool-27] the upstream says nothing for longer than it may: 504", async () => {
    await using silent = await startUpstream(() => new Promise<HttpResponse>(() => {}));
    for (const version of ["http1", "http2"] as const) {
      const line = "timeout headTimeoutMs";
      await expectFailure({ url: silent.origin, version, headMs: 50 }, "504 Gateway Timeout", line);
    }
  });

  test("[pool-27] all connections are taken and the queue is full: 503, with a hint to come back", async () => {
    await using silent = await startUpstream(() => new Promise<HttpResponse>(() => {}));
    await using proxy = await startProxy({
      routes: [{ upstream: { url: silent.origin } }],
      client: { maxConnectionsPerHost: 1, maxQueuedPerHost: 1, queueTimeoutMs: 300 },
    });
    await using client = newClient();
    const first = client.get(`${proxy.origin}/1`);
    first.catch(() => {});
    await until(() => silent.asked.length === 1);
    const statuses: number[] = [];
    const ask = async (path: string) => {
      const { status, fields } = await received(await client.get(`${proxy.origin}${path}`));
      statuses.push(status);
      expect(fields).toContainEqual(["retry-after", "1"]);
    };
    const second = ask("/2");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await ask("/3");
    await second;
    expect(statuses).toEqual([503, 503]);
    expect(proxy.log.map((line) => line.split(": ")[1])).toEqual(["limit POOL_QUEUE_FULL", "timeout queueTimeoutMs"]);
  });

  test("[pool-27] content that nobody read: a little is dropped and the connection goes on, much closes it", async () => {
    await using proxy = await startProxy(`http://127.0.0.1:${await freePort()}`);
    using client = await plainClient(proxy.port);
    const post = (size: number) => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n${"x".repeat(size)}`;
    await says(client, post(60_000), answer("502 Bad Gateway"));
    await says(client, post(1_000_000), answer("502 Bad Gateway"));
    expect(["FIN", "ECONNRESET", "EPIPE"]).toContain(await client.outcome());
  });
});

describe("after the head of the response", () => {
  const cut = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n";

  test("[pool-27, pool-28] the upstream fails: chunked content is not ended, and the connection is", async () => {
    await using upstream = await startRawOrigin(() => ({ bytes: cut, afterwards: "close" }));
    await using proxy = await startProxy(upstream.url);
    using client = await plainClient(proxy.port);
    client.send(get);
    await client.outcome();
    expect(client.received).toBe(cut);
    expect(proxy.log).toEqual([`GET /a -> ${upstream.url}: incomplete INCOMPLETE_MESSAGE`]);
  });

  test("[pool-27, pool-28] the upstream fails: content with a length stays short of it", async () => {
    const bytes = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxxx";
    await using upstream = await startRawOrigin(() => ({ bytes, afterwards: "close" }));
    await using proxy = await startProxy(upstream.url);
    using client = await plainClient(proxy.port);
    client.send(get);
    await client.outcome();
    expect(client.received).toBe(bytes);
  });

  test("[pool-27, pool-28] the upstream fails: a stream of HTTP/2 is reset, and others go on", async () => {
    await using upstream = await startRawOrigin((request) =>
      request.path === "/cut" ? { bytes: cut, afterwards: "reset" } : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    );
    await using proxy = await startProxy(upstream.url);
    await using client = await connectTo2(proxy.port);
    const { response, text } = await client.get("/cut");
    expect(response.status).toBe(200);
    const error = await text().then(
      () => undefined,
      (reason: unknown) => HttpError.find(reason),
    );
    expect([error?.kind, error?.code, error?.reason]).toEqual(["incomplete", "STREAM_RESET", 2]);
    expect((await client.get("/whole")).response.status).toBe(200);
  });

  test("[pool-28] a stream that the upstream resets is a stream that the proxy resets", async () => {
    async function* failing() {
      yield new Uint8Array(1);
      throw new Error("out of order");
    }
    await using upstream = await startUpstream(() => new HttpResponse(200, {}, fromIterable(failing())));
    await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version: "http2" } }] });
    await using client = newClient();
    for (const version of ["http1", "http2"] as const) {
      const response = await client.request(HttpRequest.get(`${proxy.origin}/`), { version });
      const error = await received(response).catch((reason: unknown) => reason);
      expect(HttpError.find(error)?.kind).toBe("incomplete");
    }
  });
});

describe("clients that leave", () => {
  test.each(["http1", "http2"] as const)(
    "[pool-28] before the response: the upstream is told, over %s",
    async (version) => {
      const gone: unknown[] = [];
      await using upstream = await startUpstream((request) => {
        request.signal.addEventListener("abort", () => gone.push(HttpError.find(request.signal.reason)?.code));
        return new Promise<HttpResponse>(() => {});
      });
      await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version } }] });
      using client = await plainClient(proxy.port);
      client.send(get);
      await until(() => upstream.asked.length === 1);
      client.socket.destroy();
      await until(() => gone.length === 1);
      await using other = await connectTo2(proxy.port);
      const controller = new AbortController();
      const request = HttpRequest.get(`${other.origin}/`);
      const response = other.sender.send(request, { signal: controller.signal }).catch((error: unknown) => error);
      await until(() => upstream.asked.length === 2);
      controller.abort();
      await until(() => gone.length === 2);
      expect(await response).toMatchObject({ kind: "canceled" });
      const code = version === "http1" ? "ECONNRESET" : "STREAM_RESET";
      expect(gone).toEqual([code, code]);
      expect(proxy.log).toEqual([]);
    },
  );

  test.each(["http1", "http2"] as const)(
    "[pool-28] within the response: the upstream's content is cancelled, over %s",
    async (version) => {
      const made = channel(1);
      const ended: unknown[] = [];
      await using upstream = await startUpstream((request) => {
        request.signal.addEventListener("abort", () => ended.push("aborted"));
        return new HttpResponse(200, {}, made.body);
      });
      await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version } }] });
      using client = await plainClient(proxy.port);
      client.send(get);
      await made.sender.sendData(new Uint8Array(5));
      await until(() => client.received.includes("\r\n\r\n"));
      client.socket.destroy();
      await until(() => ended.length === 1);
      expect(proxy.log).toEqual([]);
    },
  );

  test.each(["http1", "http2"] as const)(
    "[pool-28] within the request: the upstream's request is cut, not ended, over %s",
    async (version) => {
      const read: string[] = [];
      await using upstream = await startUpstream(async (request) => {
        try {
          for await (const frame of request.body) if (isData(frame)) read.push(`${frame.length}`);
          read.push("end");
        } catch (error) {
          read.push(HttpError.find(error)?.kind ?? "other");
        }
        return new HttpResponse();
      });
      await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version } }] });
      using client = await plainClient(proxy.port);
      client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
      await until(() => read.length === 1);
      client.socket.destroy();
      await until(() => read.length === 2);
      expect(read[0]).toBe("3");
      expect(["incomplete", "io", "closed"]).toContain(read[1]);
    },
  );

  test("[pool-28] malformed content is the client's own fault: 400, and the upstream's request is cut", async () => {
    await using upstream = await plainServer();
    await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
    using client = await plainClient(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
    const peer = await upstream.accepted();
    await until(() => peer.received.endsWith("3\r\nabc\r\n"));
    client.send("zz\r\n");
    await client.outcome();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    await peer.outcome();
    expect(peer.received.endsWith("3\r\nabc\r\n")).toBe(true);
    expect(proxy.log).toEqual([]);
  });
});

test("[pool-31] no secret is in the log or in an error: queries, fields and URLs with passwords", async () => {
  await using proxy = await startProxy({
    routes: [{ upstream: { url: `http://127.0.0.1:${await freePort()}`, headers: { "x-key": "hidden" } } }],
  });
  using client = await plainClient(proxy.port);
  client.send(
    "GET /p?hidden HTTP/1.1\r\nhost: hidden\r\nauthorization: Basic hidden\r\nproxy-authorization: Basic hidden\r\n\r\n",
  );
  await until(() => client.received !== "");
  expect(client.received).toBe(answer("502 Bad Gateway"));
  expect(proxy.log).toHaveLength(1);
  expect(proxy.log.join()).not.toContain("hidden");
  const routes = [{ upstream: { url: "http://me:hidden@a.test/" } }];
  expect(() => reverseProxy({ routes })).toThrow(/^upstream: a URL with a user cannot be used; see headers$/);
});
