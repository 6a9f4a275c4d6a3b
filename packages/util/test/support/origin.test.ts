/** The test origin over real sockets, in both versions of HTTP. */
import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { nodeIo } from "../../src/node/index.ts";
import { failure, settle } from "./io.ts";
import { type Origin, type OriginOptions, type OriginProtocol, sizedContent, startOrigin } from "./origin.ts";
import { plainClient } from "./plain-peer.ts";

const decoder = new TextDecoder();

interface Used {
  readonly origin: Origin;
  send(method: string, path: string, id?: string, content?: string): Promise<Answer>;
  readonly closed: Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: ReturnType<typeof collect>;
}

/** An origin with one client connection to it. */
async function withOrigin(protocol: OriginProtocol, options: OriginOptions, run: (used: Used) => Promise<void>) {
  await using origin = await startOrigin({ protocol, ...options });
  const { socket } = await plainClient(origin.port);
  socket.removeAllListeners();
  socket.pause();
  const { sender, connection } = await (protocol === "http1" ? http1 : http2).handshake(nodeIo(socket));
  const send: Used["send"] = async (method, path, id, content) => {
    const fields = { host: `127.0.0.1:${origin.port}`, te: "trailers", ...(id !== undefined && { "x-id": id }) };
    const request = new HttpRequest(method, `${origin.url}${path}`, fields);
    const response = await sender.send(content === undefined ? request : request.withBody(full(content)));
    return { status: response.status, body: collect(response.body) };
  };
  try {
    await run({ origin, send, closed: connection.closed });
  } finally {
    connection.abort();
  }
}

describe.each(["http1", "http2"] as const)("%s", (protocol) => {
  test("the standard service", () =>
    withOrigin(protocol, {}, async ({ send }) => {
      const got = async (path: string): Promise<[number, string]> => {
        const { status, body } = await send("GET", path);
        return [status, decoder.decode(await body.bytes())];
      };
      expect(await got("/")).toEqual([200, "ok\n"]);
      expect(await got("/size/30")).toEqual([200, "abcdefghijklmnopqrstuvwxyzabcd"]);
      expect(await got("/size/0")).toEqual([200, ""]);
      expect(await got("/chunks/2")).toEqual([200, "chunk 1\nchunk 2\n"]);
      expect(await got("/status/503")).toEqual([503, ""]);
      expect(await got("/status/204")).toEqual([204, ""]);
      expect(await got("/elsewhere")).toEqual([404, "not found\n"]);
      const trailers = await send("GET", "/trailers");
      expect(await trailers.body.text()).toBe("data");
      expect((await trailers.body.trailers())?.get("x-checksum")).toBe("abc");
      expect(await (await send("POST", "/echo", undefined, "content")).body.text()).toBe("content");
    }));

  test("requests are recorded, and ids that came twice are told", () =>
    withOrigin(protocol, {}, async ({ origin, send }) => {
      await (await send("GET", "/?q", "one")).body.text();
      await (await send("POST", "/echo", "two", "12345")).body.text();
      expect(origin.requests).toMatchObject([
        { id: "one", method: "GET", path: "/?q", connectionIndex: 0, bodyBytes: 0 },
        { id: "two", method: "POST", path: "/echo", connectionIndex: 0, bodyBytes: 5 },
      ]);
      expect(origin.requests[0]?.headers).toContainEqual(["x-id", "one"]);
      expect(origin.repeatedIds).toEqual([]);
      await (await send("GET", "/", "one")).body.text();
      expect(origin.repeatedIds).toEqual(["one"]);
      expect([origin.connectionCount, origin.openConnections]).toEqual([1, 1]);
      expect(origin.connections[0]).toMatchObject({ index: 0, protocol, requests: 3, active: 0, isOpen: true });
    }));

  test("/slow and /slow-body wait for the test", () =>
    withOrigin(protocol, {}, async ({ origin, send }) => {
      const answer = send("GET", "/slow");
      await origin.slow.arrived();
      expect(origin.connections[0]?.active).toBe(1);
      origin.slow.release();
      expect(await (await answer).body.text()).toBe("slow\n");
      const { status, body } = await send("GET", "/slow-body");
      expect(status).toBe(200);
      expect(origin.slow.waiting).toBe(1);
      origin.slow.release(1);
      expect(await body.text()).toBe("slow\n");
    }));

  test("/hang never answers; a client that goes leaves nothing behind", async () => {
    await withOrigin(protocol, {}, async ({ origin, send }) => {
      const hanging = failure(send("GET", "/hang"));
      while (origin.requests.length === 0) await settle(1);
      await settle(20);
      expect(origin.connections[0]?.active).toBe(1);
      origin.abortAll();
      expect(await hanging).toMatchObject({ code: "ECONNRESET" });
      await origin.connections[0]?.connection.closed.catch(() => {});
      await settle();
      expect([origin.openConnections, origin.connections[0]?.active]).toEqual([0, 0]);
    });
  });

  test("keepAliveRequests: the connection ends after so many", () =>
    withOrigin(protocol, { keepAliveRequests: 2 }, async ({ origin, send, closed }) => {
      for (const id of ["1", "2"]) expect(await (await send("GET", "/", id)).body.text()).toBe("ok\n");
      await closed;
      expect(origin.connections[0]?.requests).toBe(2);
    }));

  test("closeIdle closes what is idle and nothing else", () =>
    withOrigin(protocol, {}, async ({ origin, send, closed }) => {
      const slow = send("GET", "/slow");
      await origin.slow.arrived();
      origin.closeIdle();
      origin.slow.release();
      const { body } = await slow;
      expect(await body.text()).toBe("slow\n");
      expect(await (await send("GET", "/")).body.text()).toBe("ok\n");
      expect(origin.connectionCount).toBe(1);
      while (origin.connections[0]?.active !== 0) await settle(1);
      origin.closeIdle();
      await closed;
    }));

  test("close() finishes what is under way", () =>
    withOrigin(protocol, {}, async ({ origin, send }) => {
      const slow = send("GET", "/slow");
      await origin.slow.arrived();
      const closed = origin.close();
      origin.slow.release();
      expect(await (await slow).body.text()).toBe("slow\n");
      await closed;
      expect(origin.openConnections).toBe(0);
      expect(await failure(plainClient(origin.port))).toMatchObject({ code: "ECONNREFUSED" });
    }));
});

test("goAway: an HTTP/2 connection ends at once, with its reason", () =>
  withOrigin("http2", {}, async ({ origin, send }) => {
    const hanging = failure(send("GET", "/hang"));
    while (origin.requests.length === 0) await settle(1);
    origin.goAway(0xb);
    expect(await hanging).toMatchObject({ reason: 0xb });
  }));

test("a function chooses the protocol of each connection", async () => {
  let count = 0;
  await using origin = await startOrigin({ protocol: () => (count++ === 0 ? "http1" : "http2") });
  using first = await plainClient(origin.port);
  expect(await first.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").bytes(15)).toMatch(/^HTTP\/1\.1 200 OK/);
  using second = await plainClient(origin.port);
  second.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  // The first frame is SETTINGS on stream 0.
  expect((await second.bytes(9)).slice(3, 9)).toBe("\x04\0\0\0\0\0");
  expect(origin.connections.map(({ protocol }) => protocol)).toEqual(["http1", "http2"]);
});

test("a service of the test's own, and a port that is taken again", async () => {
  const first = await startOrigin();
  const { port } = first;
  await first.close();
  await using second = await startOrigin({ port, service: () => new HttpResponse(418) });
  expect(second.port).toBe(port);
  using client = await plainClient(port);
  expect(await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").bytes(12)).toMatch(/^HTTP\/1\.1 418/);
});

test("sized content tells where its bytes belong", () => {
  expect(decoder.decode(sizedContent(28))).toBe("abcdefghijklmnopqrstuvwxyzab");
});
