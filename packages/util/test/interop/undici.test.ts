/** undici as the client of a Sluice server. */
import { once } from "node:events";
import { HttpError, HttpResponse } from "@sluice/core";
import { Agent, Client, type Dispatcher, fetch, request } from "undici";
import { describe, expect, test } from "vitest";
import { content, inPieces, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { hello, routes } from "./support/routes.ts";
import { startServer, type TestServer } from "./support/server.ts";

/** A dispatcher that goes with the test. */
function dispatcher<T extends Dispatcher>(it: T): T & AsyncDisposable {
  return Object.assign(it, { [Symbol.asyncDispose]: () => it.destroy() });
}

function oneConnection(server: TestServer, options: Client.Options = {}): Client & AsyncDisposable {
  return dispatcher(new Client(server.origin, options));
}

describe("fetch", () => {
  test("several requests on one connection", async () => {
    await using server = await startServer(routes);
    await using agent = dispatcher(new Agent({ connections: 1 }));
    for (const [path, status, text] of [
      ["/hello", 200, hello],
      ["/chunked", 200, "one, two, three"],
      ["/nowhere", 404, "not found\n"],
      ["/hello", 200, hello],
    ]) {
      const response = await fetch(`${server.origin}${path}`, { dispatcher: agent });
      expect([response.status, await response.text()]).toEqual([status, text]);
    }
    expect(server.connections.length).toBe(1);
  });

  test("responses without content: to HEAD, and 204", async () => {
    await using server = await startServer(routes);
    await using agent = dispatcher(new Agent({ connections: 1 }));
    const head = await fetch(`${server.origin}/hello`, { dispatcher: agent, method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "13", ""]);
    const nothing = await fetch(`${server.origin}/empty`, { dispatcher: agent });
    expect([nothing.status, await nothing.text()]).toEqual([204, ""]);
    // undici itself opens a new connection after HEAD.
    await expect.poll(() => server.endings).toContain("clean");
  });

  test("POST of 1 MiB of known length, and of a stream, echoed", async () => {
    await using server = await startServer(routes);
    await using agent = dispatcher(new Agent({ connections: 1 }));
    const bytes = content(mebibyte);
    const stream = new Blob([bytes]).stream();
    for (const [body, header] of [[bytes, "content-length"] as const, [stream, "transfer-encoding"] as const]) {
      const response = await fetch(`${server.origin}/echo`, {
        dispatcher: agent,
        method: "POST",
        body,
        duplex: "half",
      });
      expect(response.headers.has(header)).toBe(true);
      expect(sha256(await response.bytes())).toBe(sha256(bytes));
    }
    expect(server.connections.length).toBe(1);
  });

  test("a response that is read as a stream, chunk by chunk", async () => {
    await using server = await startServer(routes);
    await using agent = dispatcher(new Agent());
    const response = await fetch(`${server.origin}/stream?${4 * mebibyte}`, { dispatcher: agent });
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length;
    expect(bytes).toBe(4 * mebibyte);
  });

  test("an abort in the middle of the response: the service learns it", async () => {
    const gone = deferred<unknown>();
    await using server = await startServer((received) => {
      received.signal.addEventListener("abort", () => gone.resolve(received.signal.reason));
      return new HttpResponse(200, {}, inPieces(content(64 * mebibyte)));
    });
    await using agent = dispatcher(new Agent());
    const controller = new AbortController();
    const response = await fetch(server.origin, { dispatcher: agent, signal: controller.signal });
    controller.abort();
    await expect(response.text()).rejects.toMatchObject({ name: "AbortError" });
    expect(HttpError.is(await gone.promise)).toBe(true);
    expect(server.failures).toEqual([]);
  });

  test("a hundred at once over ten connections", async () => {
    await using server = await startServer(routes);
    await using agent = dispatcher(new Agent({ connections: 10 }));
    const sizes = Array.from({ length: 100 }, (_, i) => 1 + i * 997);
    const lengths = await Promise.all(
      sizes.map(async (size) => (await fetch(`${server.origin}/bytes?${size}`, { dispatcher: agent })).bytes()),
    );
    expect(lengths.map((bytes) => bytes.length)).toEqual(sizes);
    expect(server.connections.length).toBeLessThanOrEqual(10);
    expect(server.failures).toEqual([]);
  });
});

describe("request", () => {
  test("content and trailers", async () => {
    await using server = await startServer(routes);
    await using client = oneConnection(server);
    const { body, trailers, statusCode } = await request(`${server.origin}/trailers`, {
      dispatcher: client,
      headers: { te: "trailers" },
    });
    expect([statusCode, await body.text(), trailers]).toEqual([200, "data", { "x-checksum": "abc" }]);
  });

  test("103 (Early Hints) arrives as information", async () => {
    await using server = await startServer(routes);
    await using client = oneConnection(server);
    const informed: unknown[] = [];
    const { body } = await request(`${server.origin}/early`, {
      dispatcher: client,
      onInfo: ({ statusCode, headers }) => informed.push([statusCode, headers["link"]]),
    });
    expect(await body.text()).toBe("late\n");
    expect(informed).toEqual([[103, "</style.css>; rel=preload"]]);
  });

  test("ten requests in the pipeline of one connection: all answered, in order", async () => {
    await using server = await startServer(routes);
    await using client = oneConnection(server, { pipelining: 10 });
    const sizes = Array.from({ length: 50 }, (_, i) => 1 + i * 1000);
    const lengths = await Promise.all(
      sizes.map(async (size) => {
        const { body } = await client.request({ method: "GET", path: `/bytes?${size}` });
        return (await body.bytes()).length;
      }),
    );
    expect(lengths).toEqual(sizes);
    expect(server.exchanges).toEqual(sizes.map((size) => `GET /bytes?${size} 200`));
    expect(server.connections.length).toBe(1);
  });

  test("upgrade: bytes go both ways until the end", async () => {
    await using server = await startServer(routes);
    await using client = oneConnection(server);
    const { headers, socket } = await client.upgrade({ path: "/upgrade", protocol: "echo" });
    expect(headers["upgrade"]).toBe("echo");
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.end("ping");
    await once(socket, "end");
    expect(received).toBe("ping");
    expect(server.endings).toEqual(["clean"]);
  });

  test("CONNECT: a tunnel to another server", async () => {
    await using far = await startServer(routes, { autoDateHeader: false });
    await using near = await startServer(routes);
    await using client = oneConnection(near);
    const { statusCode, socket } = await client.connect({ path: `127.0.0.1:${far.port}` });
    expect(statusCode).toBe(200);
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.write("GET /hello HTTP/1.1\r\nhost: far\r\nconnection: close\r\n\r\n");
    await once(socket, "end");
    expect(received).toBe(
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\nconnection: close\r\n\r\n${hello}`,
    );
    socket.destroy();
  });

  test("connection: close after every response: each request gets a connection of its own", async () => {
    await using server = await startServer(routes, { keepAlive: false });
    await using client = oneConnection(server);
    for (let i = 0; i < 3; i++) {
      const { body, headers } = await request(`${server.origin}/hello`, { dispatcher: client });
      expect([headers["connection"], await body.text()]).toEqual(["close", hello]);
    }
    expect(server.connections.length).toBe(3);
    await expect.poll(() => server.endings).toEqual(["clean", "clean", "clean"]);
  });

  test("a server that gives up in the middle of a response: an error, not an end", async () => {
    await using server = await startServer(() => new HttpResponse(200, {}, inPieces(content(64 * mebibyte))));
    await using client = oneConnection(server);
    const { body } = await request(server.origin, { dispatcher: client });
    await once(body, "readable");
    server.connections[0]?.abort();
    await expect(body.bytes()).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) });
  });
});
