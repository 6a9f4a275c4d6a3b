/** The server with the face of Node's, under those that insist on one. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type NodeServer } from "@sluice/util/node-http";
import fastify, { type FastifyServerFactory } from "fastify";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { ask, type Host } from "./support.ts";

function at(server: NodeServer): Host {
  const { port } = server.address() as AddressInfo;
  return { kind: "h1", port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function closed(server: NodeServer): Promise<void> {
  server.close();
  server.closeIdleConnections();
  await once(server, "close");
}

describe("createServer", () => {
  test("listens, answers in both versions, tells of connections, and closes", async () => {
    const events: string[] = [];
    const server = createServer((req, res) => void res.end(`${req.httpVersion} ${req.url}`));
    for (const event of ["listening", "connection", "request", "close"]) server.on(event, () => events.push(event));
    expect([server.listening, server.address()]).toEqual([false, null]);
    server.listen(0, "127.0.0.1", () => events.push("callback"));
    await once(server, "listening");
    expect([server.listening, server.address()]).toEqual([
      true,
      { address: "127.0.0.1", family: "IPv4", port: expect.any(Number) },
    ]);
    const target = at(server);
    expect((await ask(target, { path: "/one" })).body.toString()).toBe("1.1 /one");
    expect((await ask({ ...target, kind: "h2" }, { path: "/two" })).body.toString()).toBe("2.0 /two");
    await closed(server);
    expect([server.listening, server.address()]).toEqual([false, null]);
    const exchange = ["connection", "request"];
    expect(events).toEqual(["listening", "callback", ...exchange, ...exchange, "close"]);
  });

  test("all forms of listen", async () => {
    const path = join(tmpdir(), `sluice-node-http-${process.pid}.sock`);
    for (const given of [
      [],
      [0],
      ["0"],
      [{ port: 0, host: "127.0.0.1", signal: undefined }],
      [0, "127.0.0.1", 10],
      [path],
    ]) {
      const server = createServer();
      server.listen(...given);
      await once(server, "listening");
      expect(typeof server.address()).toBe(given[0] === path ? "string" : "object");
      await closed(server);
    }
  });

  test("an address that is taken is an error with Node's code", async () => {
    const first = createServer().listen(0, "127.0.0.1");
    await once(first, "listening");
    const second = createServer().listen(at(first).port, "127.0.0.1");
    const [error] = (await once(second, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("EADDRINUSE");
    await closed(first);
  });

  test("closing what does not run is an error, as on Node; unknown options are refused", async () => {
    const error = await new Promise<Error | undefined>((resolve) => createServer().close(resolve));
    expect(error).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
    expect(() => createServer({ keepAliveTimeout: 1 } as never)).toThrow(
      new TypeError("createServer: unknown option keepAliveTimeout"),
    );
  });

  test("close leaves an exchange under way to its end, closeAllConnections does not", async () => {
    let begun = (): void => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const server = createServer((_req, res) => {
      begun();
      setTimeout(() => res.end("in time"), 50);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const answer = ask(at(server));
    await started;
    server.close();
    expect((await answer).body.toString()).toBe("in time");

    const stubborn = createServer(() => {});
    stubborn.listen(0, "127.0.0.1");
    await once(stubborn, "listening");
    const failed = expect(ask(at(stubborn))).rejects.toThrow();
    await once(stubborn, "request");
    stubborn.close();
    stubborn.closeAllConnections();
    await Promise.all([failed, once(stubborn, "close")]);
  });

  test("checkContinue is emitted where somebody listens", async () => {
    const server = createServer((_req, res) => void res.end("request"));
    server.on("checkContinue", (req: http.IncomingMessage, res: http.ServerResponse) => {
      res.writeContinue();
      req.resume().on("end", () => res.end("continued"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = at(server);
    const request = http.request({
      port: target.port,
      method: "POST",
      agent: false,
      headers: { expect: "100-continue" },
    });
    request.flushHeaders();
    await once(request, "continue");
    request.end("content");
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const [text] = (await once(response, "data")) as [Buffer];
    expect(text.toString()).toBe("continued");
    expect((await ask(target)).body.toString()).toBe("request");
    await closed(server);
  });
});

test("Fastify with serverFactory: listens, answers in both versions, closes", async () => {
  const serverFactory = ((handler: http.RequestListener) => createServer(handler)) as unknown as FastifyServerFactory;
  const app = fastify({ serverFactory });
  app.get("/", (request) => ({ version: request.raw.httpVersion }));
  app.post("/", (request) => request.body);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const target = at(app.server as unknown as NodeServer);
  expect((await ask(target)).body.toString()).toBe('{"version":"1.1"}');
  expect((await ask({ ...target, kind: "h2" })).body.toString()).toBe('{"version":"2.0"}');
  const posted = await ask(target, { method: "POST", headers: { "content-type": "application/json" }, body: "[1]" });
  expect(posted.body.toString()).toBe("[1]");
  expect(app.addresses()).toHaveLength(1);
  await app.close();
  await expect(ask(target)).rejects.toThrow();
});

test("ws with `server`", async () => {
  const server = createServer((_req, res) => void res.end("plain"));
  const sockets = new WebSocketServer({ server: server as unknown as http.Server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${at(server).port}`);
  await once(client, "open");
  client.send("hello");
  const [echo] = (await once(client, "message")) as [Buffer];
  expect(echo.toString()).toBe("hello");
  expect((await ask(at(server))).body.toString()).toBe("plain");
  client.close();
  await once(client, "close");
  sockets.close();
  await closed(server);
});
