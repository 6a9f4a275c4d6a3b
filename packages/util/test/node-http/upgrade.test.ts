/** Requests that leave HTTP: `ws` as it is used with Node's server, and answers written by hand. */
import { once } from "node:events";
import type http from "node:http";
import type { IncomingMessage } from "node:http";
import http2 from "node:http2";
import net from "node:net";
import type { Duplex } from "node:stream";
import { fromNodeListener, type NodeUpgradeListener } from "@sluice/util/node-http";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Host, host } from "./support.ts";

const answerPlainly = (_req: IncomingMessage, res: http.ServerResponse): void => void res.end("plain");

function upgrading(onUpgrade: NodeUpgradeListener): Promise<Host> {
  return host("h1", answerPlainly, { onUpgrade, onError: () => {} });
}

/** Sends `text` on a connection of its own, and gives all that comes back once `until` is in it, or at the end. */
async function talk(port: number, text: string, until?: string): Promise<{ text: string; socket: net.Socket }> {
  const socket = net.connect(port, "127.0.0.1");
  let received = "";
  socket.on("error", () => {});
  socket.write(text);
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (until !== undefined && received.includes(until)) resolve();
    });
    socket.on("close", () => resolve());
  });
  return { text: received, socket };
}

const ask = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: echo\r\n\r\n";

describe("ws", () => {
  const echoing = (): { server: WebSocketServer; onUpgrade: NodeUpgradeListener } => {
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
    server.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    return {
      server,
      onUpgrade: (req, socket, head) =>
        server.handleUpgrade(req, socket, head, (ws) => server.emit("connection", ws, req)),
    };
  };

  test("echoes small and large messages, and closes in order", async () => {
    const { onUpgrade } = echoing();
    await using target = await upgrading(onUpgrade);
    const client = new WebSocket(`ws://127.0.0.1:${target.port}/chat`, { perMessageDeflate: false });
    await once(client, "open");
    for (const message of ["hello", "x".repeat(500_000)]) {
      client.send(message);
      const [echo] = (await once(client, "message")) as [Buffer];
      expect(echo.toString()).toBe(message);
    }
    client.send(Buffer.from([0, 255]));
    const [bytes, isBinary] = (await once(client, "message")) as [Buffer, boolean];
    expect([[...bytes], isBinary]).toEqual([[0, 255], true]);
    client.close(4000, "done");
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4000, "done"]);
  });

  test("many messages in both directions at once", async () => {
    const { onUpgrade } = echoing();
    await using target = await upgrading(onUpgrade);
    const client = new WebSocket(`ws://127.0.0.1:${target.port}/chat`);
    await once(client, "open");
    let next = 0;
    const done = new Promise<void>((resolve) => {
      client.on("message", (data: Buffer) => {
        expect(data.toString()).toBe(`${next} ${"y".repeat(1000)}`);
        if (++next === 500) resolve();
      });
    });
    for (let i = 0; i < 500; i++) client.send(`${i} ${"y".repeat(1000)}`);
    await done;
    client.terminate();
  });

  test("what it refuses is a response, and the connection ends", async () => {
    const { onUpgrade } = echoing();
    await using target = await upgrading(onUpgrade);
    const { text } = await talk(
      target.port,
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n",
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(text).toContain("Missing or invalid Sec-WebSocket-Key header");
  });

  test("a client that vanishes closes the socket of the server", async () => {
    const { server, onUpgrade } = echoing();
    await using target = await upgrading(onUpgrade);
    const connected = once(server, "connection");
    const client = new WebSocket(`ws://127.0.0.1:${target.port}/chat`);
    const [socket] = (await connected) as [WebSocket];
    await once(client, "open");
    client.terminate();
    const [code] = (await once(socket, "close")) as [number];
    expect(code).toBe(1006);
  });
});

describe("by hand", () => {
  test("101 as it was written, bytes behind it in both directions, and an end in order", async () => {
    await using target = await upgrading((req, socket, head) => {
      expect([req.method, req.url, req.headers.upgrade, Reflect.get(req, "upgrade"), head.length]).toEqual([
        "GET",
        "/chat",
        "echo",
        true,
        0,
      ]);
      expect([(socket as net.Socket).remoteAddress]).toEqual(["127.0.0.1"]);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst ");
      socket.pipe(socket);
    });
    const { text, socket } = await talk(target.port, `${ask}early`, "first early");
    expect(text.replace(/date: .*\r\n/i, "")).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: Upgrade\r\n\r\nfirst early",
    );
    socket.end("late");
    const [rest] = (await once(socket, "data")) as [Buffer];
    expect(rest.toString()).toBe("late");
    await once(socket, "close");
  });

  test("a head written in parts, with the callback of each", async () => {
    const notes: string[] = [];
    await using target = await upgrading((_req, socket) => {
      for (const part of ["HTTP/1.1 101 Fi", "ne\r\nupgrade: x\r\nconnection: upg", "rade\r\n\r", "\n", "data"]) {
        socket.write(part, () => notes.push(part.slice(0, 4)));
      }
      socket.end();
    });
    const { text } = await talk(target.port, ask);
    expect(text.startsWith("HTTP/1.1 101 Fine\r\n") && text.endsWith("\r\n\r\ndata")).toBe(true);
    expect(notes).toHaveLength(5);
  });

  test("another status is a response with the content that follows", async () => {
    await using target = await upgrading((_req, socket) => {
      socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!");
    });
    const { text } = await talk(target.port, ask);
    expect(text).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n[\s\S]*\r\n\r\nno!$/);
  });

  test("a socket that is destroyed without an answer ends the connection", async () => {
    await using target = await upgrading((_req, socket) => void socket.destroy());
    expect((await talk(target.port, ask)).text).toBe("");
  });

  test("a listener that throws is answered for; what is no head is an error of the socket", async () => {
    await using throwing = await upgrading(() => {
      throw new Error("no");
    });
    expect((await talk(throwing.port, ask)).text).toMatch(/^HTTP\/1\.1 500 /);
    const errors: Error[] = [];
    await using confused = await upgrading((_req, socket) => {
      socket.on("error", (error) => errors.push(error));
      socket.write("hello\r\n\r\n");
    });
    expect((await talk(confused.port, ask)).text).toBe("");
    expect(errors).toMatchObject([{ code: "HEAD_UNREADABLE" }]);
  });

  test("a connection that ends before the answer destroys the socket", async () => {
    let given: Duplex | undefined;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const target = await upgrading((_req, socket) => {
      given = socket;
      begin();
    });
    const socket = net.connect(target.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(ask);
    await begun;
    const closed = once(given as Duplex, "close");
    await target[Symbol.asyncDispose]();
    await closed;
    expect(given?.destroyed).toBe(true);
  });

  test("without a listener such requests are like any other; other requests are not taken for them", async () => {
    await using deaf = await host("h1", answerPlainly);
    expect((await talk(deaf.port, ask.replace("keep-alive, Upgrade", "close, upgrade"))).text).toMatch(
      /^HTTP\/1\.1 200 /,
    );
    await using target = await upgrading(() => expect.unreachable());
    const no = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nupgrade: echo\r\n\r\n";
    expect((await talk(target.port, no)).text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("CONNECT", () => {
  const onConnect: NodeUpgradeListener = (req, socket) => {
    if (req.url !== "far.test:443") return void socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    socket.pipe(socket);
  };

  test("is a tunnel once 2xx was written, or refused", async () => {
    await using target = await host("h1", answerPlainly, { onConnect });
    const { text, socket } = await talk(
      target.port,
      "CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n\r\nthrough",
      "through",
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 Connection Established\r\n[\s\S]*\r\n\r\nthrough$/);
    socket.destroy();
    const refused = await talk(target.port, "CONNECT near.test:1 HTTP/1.1\r\nhost: near.test:1\r\n\r\n");
    expect(refused.text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });

  test("over HTTP/2 it is a stream", async () => {
    await using target = await host("h2", answerPlainly, { onConnect });
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    const stream = session.request({ ":method": "CONNECT", ":authority": "far.test:443" }, { endStream: false });
    const [head] = await once(stream, "response");
    expect(head[":status"]).toBe(200);
    stream.write("through");
    const [echo] = (await once(stream, "data")) as [Buffer];
    expect(echo.toString()).toBe("through");
    stream.end();
    await once(stream, "close");
    session.close();
  });

  test("nobody takes it: 501, and the connection ends", async () => {
    const service = fromNodeListener(answerPlainly);
    expect(service).toBeDefined();
    await using target = await host("h1", answerPlainly);
    const { text } = await talk(target.port, "CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 501 Not Implemented\r\n[\s\S]*connection: close\r\n/);
  });
});
