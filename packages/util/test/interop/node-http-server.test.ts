/** A Sluice client and the server of node:http. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { collect, fromIterable, fromReadableStream, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, type HttpResponse, upgradeOn } from "@sluice/core";
import { handshake } from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { failure, readText, readToEnd, shutdown } from "../support/io.ts";
import { connectTo } from "./support/client.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { startNodeServer } from "./support/node-server.ts";

const hello = "hello, world\n";

/** Answers by the path, as a program written for node:http would. */
function listener(request: IncomingMessage, response: ServerResponse): void {
  switch (request.url?.split("?")[0]) {
    case "/hello":
      response.writeHead(200, { "content-type": "text/plain", "content-length": hello.length }).end(hello);
      break;
    case "/chunked":
      response.write("one, ");
      response.write("two, ");
      response.end("three");
      break;
    case "/echo":
      response.writeHead(200, request.headers.trailer === undefined ? {} : { trailer: request.headers.trailer });
      request.on("data", (chunk: Buffer) => response.write(chunk));
      request.on("end", () => {
        response.addTrailers(Object.entries(request.trailers) as [string, string][]);
        response.end();
      });
      break;
    case "/empty":
      response.writeHead(204).end();
      break;
    case "/cached":
      response.writeHead(304, { etag: '"1"' }).end();
      break;
    case "/early":
      response.writeEarlyHints({ link: ["</style.css>; rel=preload", "</script.js>; rel=preload"] }, () => {
        response.end("late\n");
      });
      break;
    case "/last":
      response.writeHead(200, { connection: "close" }).end(hello);
      break;
    default:
      response.writeHead(404).end();
  }
}

async function textOf(response: HttpResponse): Promise<string> {
  return collect(response.body).text();
}

describe("node:http as server", () => {
  test("requests of every kind, one after another on one connection", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const { sender, host } = client;
    const first = await sender.send(HttpRequest.get("/hello", host));
    expect({ status: first.status, version: first.version, reason: first.reason }).toEqual({
      status: 200,
      version: "HTTP/1.1",
      reason: "OK",
    });
    expect(first.headers.get("content-type")).toBe("text/plain");
    expect(await textOf(first)).toBe(hello);
    const head = await sender.send(HttpRequest.head("/hello", host));
    expect([head.headers.get("content-length"), await textOf(head)]).toEqual(["13", ""]);
    expect(await textOf(await sender.send(HttpRequest.get("/chunked", host)))).toBe("one, two, three");
    for (const [path, status] of [["/empty", 204] as const, ["/cached", 304] as const, ["/nowhere", 404] as const]) {
      const response = await sender.send(HttpRequest.get(path, host));
      expect([response.status, await textOf(response)]).toEqual([status, ""]);
    }
    expect(server.accepted).toBe(1);
    expect(sender.isReady).toBe(true);
    client.connection.gracefulShutdown();
    await client.connection.closed;
  });

  test("a response that says it is the last one: the connection ends cleanly behind it", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const response = await client.sender.send(HttpRequest.get("/last", client.host));
    expect(await textOf(response)).toBe(hello);
    expect(client.sender.isClosed).toBe(true);
    await client.connection.closed;
    expect(await failure(client.sender.send(HttpRequest.get("/hello", client.host)))).toMatchObject({ kind: "closed" });
  });

  test("HTTP/1.0: content of unknown length ends with the connection", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const request = HttpRequest.get("/chunked", client.host).withVersion("HTTP/1.0");
    const response = await client.sender.send(request);
    expect(response.headers.has("transfer-encoding")).toBe(false);
    expect(await textOf(response)).toBe("one, two, three");
    await client.connection.closed;
  });

  test("content of known length and of unknown length, 8 MiB, both ways", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const bytes = content(8 * mebibyte);
    for (const body of [full(bytes), inPieces(bytes, { length: bytes.length }), inPieces(bytes)]) {
      const response = await client.sender.send(HttpRequest.post("/echo", body, client.host));
      expect(response.headers.get("transfer-encoding")).toBe("chunked");
      expect(await measured(response.body)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    }
    expect(server.accepted).toBe(1);
  });

  test("chunks and trailers, both ways", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    for (const round of ["first", "second"]) {
      const trailers = new Trailers(new HeaderMap({ "x-checksum": "abc", "x-round": round }));
      const body = inPieces(Buffer.from("some content"), { trailers, size: 5 });
      const headers = { ...client.host, trailer: "x-checksum, x-round", te: "trailers" };
      const response = await client.sender.send(HttpRequest.post("/echo", body, headers));
      const collected = collect(response.body);
      expect(await collected.text()).toBe("some content");
      expect([...((await collected.trailers()) ?? [])]).toEqual([
        ["x-checksum", "abc"],
        ["x-round", round],
      ]);
    }
    expect(server.accepted).toBe(1);
  });

  test("pipelined requests are answered in order", async () => {
    await using server = await startNodeServer((request, response) => {
      response.end(request.url);
    });
    await using client = await connectTo(server.port, { pipelining: 8 });
    const paths = Array.from({ length: 8 }, (_, i) => `/${i}`);
    const responses = paths.map((path) => client.sender.send(HttpRequest.get(path, client.host)));
    const texts: string[] = [];
    for (const response of responses) texts.push(await textOf(await response));
    expect(texts).toEqual(paths);
    expect(server.accepted).toBe(1);
  });

  test("content waits for 100 (Continue), and goes when it comes", async () => {
    await using server = await startNodeServer(listener);
    const expecting: string[] = [];
    server.server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      expecting.push(String(request.headers.expect));
      response.writeContinue();
      listener(request, response);
    });
    await using client = await connectTo(server.port, { expectContinueTimeoutMs: 60_000 });
    const bytes = content(mebibyte);
    const headers = { ...client.host, expect: "100-continue" };
    const informational: number[] = [];
    const response = await client.sender.send(HttpRequest.put("/echo", full(bytes), headers), {
      onInformational: (status) => void informational.push(status),
    });
    expect(await measured(response.body)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    expect({ expecting, informational }).toEqual({ expecting: ["100-continue"], informational: [100] });
    expect(client.sender.isReady).toBe(true);
  });

  test("a final response instead of 100: the content is not sent, and the connection ends", async () => {
    await using server = await startNodeServer(listener);
    server.server.on("checkContinue", (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(417).end("no\n");
    });
    await using client = await connectTo(server.port, { expectContinueTimeoutMs: 60_000 });
    const headers = { ...client.host, expect: "100-continue" };
    const response = await client.sender.send(HttpRequest.put("/echo", full(content(mebibyte)), headers));
    expect([response.status, await textOf(response)]).toEqual([417, "no\n"]);
    expect(client.sender.isClosed).toBe(true);
    await client.connection.closed;
  });

  test("103 (Early Hints) before the response", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const informational: unknown[] = [];
    const response = await client.sender.send(HttpRequest.get("/early", client.host), {
      onInformational: (status, headers) => void informational.push([status, headers.get("link")]),
    });
    expect(informational).toEqual([[103, "</style.css>; rel=preload, </script.js>; rel=preload"]]);
    expect([response.status, await textOf(response)]).toEqual([200, "late\n"]);
  });

  test("upgrade: bytes behind the response are there, and bytes go both ways until the end", async () => {
    await using server = await startNodeServer(listener);
    server.server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
      const { connection, upgrade } = request.headers;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n`);
      socket.write(`${connection} ${upgrade};`);
      socket.pipe(socket);
    });
    await using client = await connectTo(server.port);
    const response = await client.sender.send(HttpRequest.get("/", { ...client.host, upgrade: "echo" }));
    expect([response.status, response.headers.get("upgrade")]).toEqual([101, "echo"]);
    const io = await upgradeOn(response);
    io.write([Buffer.from("ping")]);
    const greeting = "upgrade echo;ping";
    let text = "";
    while (text.length < greeting.length) text += await readText(io);
    expect(text).toBe(greeting);
    await shutdown(io);
    expect(await readToEnd(io)).toBe("");
    await client.connection.closed;
  });

  test("upgrade declined: an ordinary response, and the connection goes on", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    const response = await client.sender.send(HttpRequest.get("/hello", { ...client.host, upgrade: "echo" }));
    expect([response.status, await textOf(response)]).toEqual([200, hello]);
    expect(await failure(upgradeOn(response))).toMatchObject({ kind: "user", code: "NO_UPGRADE" });
    expect(await textOf(await client.sender.send(HttpRequest.get("/hello", client.host)))).toBe(hello);
    expect(server.accepted).toBe(1);
  });

  test("CONNECT: a tunnel, and HTTP again inside it", async () => {
    await using server = await startNodeServer(listener);
    const targets: unknown[] = [];
    server.server.on("connect", (request: IncomingMessage, socket: Socket) => {
      targets.push(request.url);
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      // The inner connection is one more of this server.
      server.server.emit("connection", socket);
    });
    await using client = await connectTo(server.port);
    const response = await client.sender.send(HttpRequest.connect("example.test:80", { host: "example.test:80" }));
    expect([response.status, response.reason]).toEqual([200, "Connection Established"]);
    const io = await upgradeOn(response);
    const inner = await handshake(io);
    for (const path of ["/hello", "/last"]) {
      const answer = await inner.sender.send(HttpRequest.get(path, { host: "example.test" }));
      expect(await textOf(answer)).toBe(hello);
    }
    await inner.connection.closed;
    expect(targets).toEqual(["example.test:80"]);
  });

  test("a server that breaks off in the middle of a response: an error, not an end", async () => {
    for (const headers of [{ "content-length": 100 }, { "transfer-encoding": "chunked" }]) {
      await using server = await startNodeServer((_request, response) => {
        response.writeHead(200, headers);
        response.write("some");
      });
      await using client = await connectTo(server.port);
      const response = await client.sender.send(HttpRequest.get("/", client.host));
      expect(Buffer.from((await response.body.frame()) as Uint8Array).toString()).toBe("some");
      server.server.closeAllConnections();
      expect(await failure(textOf(response))).toMatchObject({ kind: "incomplete" });
      expect(await failure(client.connection.closed)).toMatchObject({ kind: "incomplete" });
    }
  });

  test("a server that closes without an answer: the request fails as incomplete", async () => {
    await using server = await startNodeServer((request) => {
      request.socket.end();
    });
    await using client = await connectTo(server.port);
    expect(await failure(client.sender.send(HttpRequest.get("/", client.host)))).toMatchObject({ kind: "incomplete" });
  });

  test("a server that closes an idle connection: the sender is closed, and nothing has failed", async () => {
    await using server = await startNodeServer(listener);
    await using client = await connectTo(server.port);
    await textOf(await client.sender.send(HttpRequest.get("/hello", client.host)));
    server.server.closeIdleConnections();
    await client.connection.closed;
    expect(client.sender.isClosed).toBe(true);
  });

  test("a signal gives the exchange up, and the server sees the client go", async () => {
    const begun = deferred<void>();
    const gone = deferred<void>();
    await using server = await startNodeServer((_request, response) => {
      response.on("close", gone.resolve);
      begun.resolve();
    });
    await using client = await connectTo(server.port);
    const controller = new AbortController();
    const sent = client.sender.send(HttpRequest.get("/", client.host), { signal: controller.signal });
    await begun.promise;
    controller.abort(new Error("no longer wanted"));
    expect(await failure(sent)).toMatchObject({ kind: "canceled", cause: new Error("no longer wanted") });
    await gone.promise;
    expect(client.sender.isClosed).toBe(true);
  });

  test("a response body that is canceled: the server sees the client go", async () => {
    const gone = deferred<boolean>();
    await using server = await startNodeServer((_request, response) => {
      response.on("close", () => gone.resolve(response.writableFinished));
      const chunk = content(mebibyte);
      const more = (): void => {
        while (response.write(chunk));
      };
      response.on("drain", more);
      more();
    });
    await using client = await connectTo(server.port);
    const response = await client.sender.send(HttpRequest.get("/", client.host));
    await response.body.frame();
    response.body.cancel();
    expect(await gone.promise).toBe(false);
    expect(await failure(client.connection.closed)).toMatchObject({ kind: "canceled", code: "BODY_CANCELED" });
  });

  test("a request body that fails: the server sees content that was cut short", async () => {
    const begun = deferred<void>();
    const outcome = deferred<unknown>();
    await using server = await startNodeServer((request) => {
      request.on("data", () => begun.resolve());
      request.on("error", () => outcome.resolve({ complete: request.complete }));
    });
    await using client = await connectTo(server.port);
    async function* broken() {
      yield "some";
      await begun.promise;
      throw new Error("no more");
    }
    const sent = client.sender.send(HttpRequest.post("/", fromIterable(broken()), client.host));
    expect(await failure(sent)).toMatchObject({ kind: "user", code: "BODY_FAILED", cause: new Error("no more") });
    expect(await outcome.promise).toEqual({ complete: false });
  });

  test("an answer before the content has been sent: it is delivered, and the connection is not used again", async () => {
    await using server = await startNodeServer((_request, response) => {
      response.writeHead(413, { connection: "close" }).end("too much\n");
    });
    await using client = await connectTo(server.port);
    const endless = new ReadableStream<Uint8Array>();
    const response = await client.sender.send(HttpRequest.post("/", fromReadableStream(endless), client.host));
    expect([response.status, await textOf(response)]).toEqual([413, "too much\n"]);
    await client.connection.closed;
    expect(client.sender.isClosed).toBe(true);
  });
});
