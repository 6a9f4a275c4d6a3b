/** The client of node:http and a Sluice server. */
import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request as start } from "node:http";
import type { Socket } from "node:net";
import { full } from "@sluice/body";
import { HttpError, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { content, inPieces, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { hello, routes } from "./support/routes.ts";
import { startServer, type TestServer } from "./support/server.ts";

/** An agent that keeps one connection, and goes with the test. */
function oneConnection(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

function open(server: TestServer, path: string, options: RequestOptions = {}): ClientRequest {
  return start({ host: "127.0.0.1", port: server.port, path, ...options });
}

/** The final response, which must be the next thing to happen. */
async function response(request: ClientRequest): Promise<IncomingMessage> {
  const [message] = (await once(request, "response")) as [IncomingMessage];
  return message;
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Sends a request without content and gives what came back. */
async function ask(server: TestServer, path: string, options: RequestOptions = {}) {
  const request = open(server, path, options).end();
  const message = await response(request);
  const text = (await bytesOf(message)).toString("latin1");
  return { status: message.statusCode, text, headers: message.headers, reused: request.reusedSocket };
}

describe("node:http as client", () => {
  test("an agent keeps its connection over requests of every kind", async () => {
    await using server = await startServer(routes);
    using agent = oneConnection();
    expect(await ask(server, "/hello", { agent })).toMatchObject({ status: 200, text: hello, reused: false });
    expect(await ask(server, "/hello", { agent, method: "HEAD" })).toMatchObject({
      status: 200,
      text: "",
      headers: { "content-length": "13" },
      reused: true,
    });
    expect(await ask(server, "/empty", { agent })).toMatchObject({ status: 204, text: "", reused: true });
    expect(await ask(server, "/chunked", { agent })).toMatchObject({ text: "one, two, three", reused: true });
    expect(await ask(server, "/nowhere", { agent, method: "DELETE" })).toMatchObject({ status: 404, reused: true });
    expect(server.connections.length).toBe(1);
    expect(server.failures).toEqual([]);
  });

  test("requests beyond the sockets of an agent wait their turn, and all are answered", async () => {
    await using server = await startServer(routes);
    using agent = oneConnection();
    const sizes = Array.from({ length: 20 }, (_, i) => i * 1000 + 1);
    const texts = await Promise.all(sizes.map((size) => ask(server, `/bytes?${size}`, { agent })));
    expect(texts.map(({ text }) => text.length)).toEqual(sizes);
    expect(server.connections.length).toBe(1);
  });

  test("connection: close is honoured by both", async () => {
    await using server = await startServer(routes);
    expect(await ask(server, "/hello", { agent: false, headers: { connection: "close" } })).toMatchObject({
      text: hello,
      headers: { connection: "close" },
    });
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("content of known length, 8 MiB, both ways", async () => {
    await using server = await startServer(routes);
    const bytes = content(8 * mebibyte);
    const request = open(server, "/echo", { method: "POST", headers: { "content-length": bytes.length } });
    request.end(bytes);
    const message = await response(request);
    expect(message.headers["content-length"]).toBe(String(bytes.length));
    expect(sha256(await bytesOf(message))).toBe(sha256(bytes));
  });

  test("chunks and trailers, both ways", async () => {
    await using server = await startServer(routes);
    using agent = oneConnection();
    for (const round of ["first", "second"]) {
      const headers = { trailer: "x-checksum, x-round", te: "trailers", connection: "te" };
      const request = open(server, "/echo", { agent, method: "POST", headers });
      request.write("one, ");
      request.write("two");
      request.addTrailers({ "x-checksum": "abc", "x-round": round });
      request.end();
      const message = await response(request);
      expect(message.headers["transfer-encoding"]).toBe("chunked");
      expect((await bytesOf(message)).toString()).toBe("one, two");
      expect(message.trailers).toEqual({ "x-checksum": "abc", "x-round": round });
      expect(message.complete).toBe(true);
    }
    expect(server.connections.length).toBe(1);
  });

  test("100 (Continue) is given when the service reads, and the content follows", async () => {
    await using server = await startServer(routes);
    using agent = oneConnection();
    const bytes = content(mebibyte);
    for (let round = 0; round < 2; round++) {
      const headers = { expect: "100-continue", "content-length": bytes.length };
      const request = open(server, "/size", { agent, method: "PUT", headers });
      const final = response(request);
      await once(request, "continue");
      request.end(bytes);
      const told: unknown = JSON.parse((await bytesOf(await final)).toString());
      expect(told).toMatchObject({ method: "PUT", bytes: mebibyte, sha256: sha256(bytes) });
    }
    expect(server.connections.length).toBe(1);
  });

  test("100 (Continue) is not given when the service does not read", async () => {
    await using server = await startServer(routes);
    const headers = { expect: "100-continue", "content-length": 10 };
    const request = open(server, "/refuse", { agent: false, method: "PUT", headers });
    let continued = false;
    request.on("continue", () => {
      continued = true;
    });
    request.flushHeaders();
    const message = await response(request);
    expect({ status: message.statusCode, connection: message.headers.connection, continued }).toEqual({
      status: 413,
      connection: "close",
      continued: false,
    });
    expect((await bytesOf(message)).toString()).toBe("too much\n");
    request.on("error", () => {});
    request.destroy();
  });

  test("103 (Early Hints) arrives as information before the response", async () => {
    await using server = await startServer(routes);
    const request = open(server, "/early", { agent: false });
    const informed = once(request, "information");
    const final = response(request);
    request.end();
    const [information] = (await informed) as [{ statusCode: number; headers: Record<string, string> }];
    expect(information).toMatchObject({ statusCode: 103, headers: { link: "</style.css>; rel=preload" } });
    expect((await bytesOf(await final)).toString()).toBe("late\n");
  });

  test("upgrade: the bytes behind the request arrive, and bytes go both ways until the end", async () => {
    await using server = await startServer(routes);
    const headers = { connection: "Upgrade", upgrade: "echo" };
    const request = open(server, "/upgrade", { agent: false, headers }).end();
    const [message, socket, head] = (await once(request, "upgrade")) as [IncomingMessage, Socket, Buffer];
    expect({ status: message.statusCode, headers: message.headers }).toMatchObject({
      status: 101,
      headers: { connection: "upgrade", upgrade: "echo" },
    });
    let received = head.toString();
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.write("ping");
    await expect.poll(() => received).toBe("ping");
    socket.end("pong");
    await once(socket, "end");
    expect(received).toBe("pingpong");
    expect(server.exchanges).toEqual(["GET /upgrade 101"]);
    expect(server.endings).toEqual(["clean"]);
  });

  test("upgrade refused: the response is an ordinary one", async () => {
    await using server = await startServer(routes);
    using agent = oneConnection();
    const headers = { connection: "Upgrade", upgrade: "something" };
    expect(await ask(server, "/upgrade", { agent, headers })).toMatchObject({
      status: 426,
      text: "this speaks echo\n",
      headers: { upgrade: "echo" },
    });
    expect(server.endings).toEqual([]);
  });

  test("CONNECT: a tunnel to another server", async () => {
    await using far = await startServer(routes, { autoDateHeader: false });
    await using near = await startServer(routes);
    const request = open(near, `127.0.0.1:${far.port}`, { agent: false, method: "CONNECT" }).end();
    const [message, socket] = (await once(request, "connect")) as [IncomingMessage, Socket];
    expect(message.statusCode).toBe(200);
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.write("GET /chunked HTTP/1.1\r\nhost: far\r\nconnection: close\r\n\r\n");
    await once(socket, "end");
    expect(received).toBe(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n" +
        "5\r\none, \r\n5\r\ntwo, \r\n5\r\nthree\r\n0\r\n\r\n",
    );
    socket.destroy();
  });

  test("a client gone in the middle of the response: the service learns it, and its body is let go", async () => {
    const canceled = deferred<unknown>();
    await using server = await startServer((request) => {
      const body = inPieces(content(64 * mebibyte));
      request.signal.addEventListener("abort", () => canceled.resolve(request.signal.reason));
      return new HttpResponse(200, {}, body);
    });
    const request = open(server, "/", { agent: false }).end();
    const message = await response(request);
    await once(message, "readable");
    message.destroy();
    expect(HttpError.is(await canceled.promise)).toBe(true);
    await expect.poll(() => server.endings.length).toBe(1);
    expect(server.endings).not.toEqual(["clean"]);
    expect(server.failures).toEqual([]);
  });

  test("a client gone in the middle of its content: the reader gets an error, not an end", async () => {
    for (const headers of [{ "content-length": 100 }, { "transfer-encoding": "chunked" }]) {
      const begun = deferred<void>();
      const outcome = deferred<unknown>();
      await using server = await startServer(async (received) => {
        try {
          for await (const _ of received.body) begun.resolve();
          outcome.resolve("a clean end");
        } catch (error) {
          outcome.resolve(error);
        }
        return new HttpResponse(200);
      });
      const request = open(server, "/", { agent: false, method: "POST", headers });
      request.on("error", () => {});
      request.write("some");
      await begun.promise;
      request.destroy();
      expect(await outcome.promise).toMatchObject({ kind: "incomplete" });
      await expect.poll(() => server.endings.length).toBe(1);
      expect(server.endings).not.toEqual(["clean"]);
    }
  });

  test("a server that aborts in the middle of a response: the client sees it as cut short", async () => {
    await using server = await startServer(() => new HttpResponse(200, {}, inPieces(content(64 * mebibyte))));
    const request = open(server, "/", { agent: false }).end();
    request.on("error", () => {});
    const message = await response(request);
    await once(message, "readable");
    server.connections[0]?.abort();
    await expect(bytesOf(message)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(message.complete).toBe(false);
  });

  test("a service that fails: 500, and the agent opens another connection", async () => {
    await using server = await startServer((request) => {
      if (request.target.path === "/fail") throw new Error("no");
      return routes(request);
    });
    using agent = oneConnection();
    expect(await ask(server, "/fail", { agent })).toMatchObject({ status: 500, headers: { connection: "close" } });
    expect(await ask(server, "/hello", { agent })).toMatchObject({ status: 200, reused: false });
    expect(server.connections.length).toBe(2);
  });

  test("a graceful shutdown closes what is idle and finishes what is not", async () => {
    const asked = deferred<void>();
    const answer = deferred<HttpResponse>();
    await using server = await startServer((request) => {
      if (request.target.path !== "/slow") return routes(request);
      asked.resolve();
      return answer.promise;
    });
    using idle = oneConnection();
    using busy = oneConnection();
    await ask(server, "/hello", { agent: idle });
    const slow = ask(server, "/slow", { agent: busy });
    await asked.promise;
    for (const connection of server.connections) connection.gracefulShutdown();
    await expect.poll(() => server.endings).toEqual(["clean"]);
    answer.resolve(new HttpResponse(200, {}, full("at last\n")));
    expect(await slow).toMatchObject({ status: 200, text: "at last\n", headers: { connection: "close" } });
    await expect.poll(() => server.endings).toEqual(["clean", "clean"]);
    // The agent has noticed, and does not use the closed connection again.
    expect(await ask(server, "/hello", { agent: idle })).toMatchObject({ status: 200, reused: false });
  });
});
