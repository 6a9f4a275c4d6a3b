/** Leaving HTTP: upgrade, CONNECT and WebSocket through the dispatcher, as through undici's Agent. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Agent, connect, type Dispatcher, errors, upgrade, WebSocket } from "undici";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { DispatchController } from "../../src/undici/index.ts";
import { both, failureFacts, type Held, ours, until } from "./support.ts";

/** A server that leaves HTTP for an echo, or does not. */
async function startServer(): Promise<Server & AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => response.writeHead(200).end("not upgraded"));
  const sockets = new Set<Duplex>();
  const echo = (socket: Duplex, early: Buffer): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.write("early ");
    socket.write(early);
    socket.pipe(socket);
  };
  server.on("upgrade", (request, socket, early) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    echo(socket, early);
  });
  server.on("connect", (request, socket, early) => {
    if (request.url === "refused.example:1") {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
      return;
    }
    socket.write(`HTTP/1.1 200 Established\r\nx-target: ${request.url}\r\n\r\n`);
    echo(socket, early);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(server, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      server.closeAllConnections();
    },
  });
}

/** What comes back until `length` bytes are there. */
async function conversation(socket: Duplex, said: string, length: number): Promise<string> {
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk));
  socket.on("error", () => {});
  if (said !== "") socket.write(said);
  await until(() => heard.length >= length);
  socket.destroy();
  return heard;
}

/** What `dispatcher.connect` of undici does; its `connect(url)` cannot name another place than the URL. */
function tunnel(dispatcher: Held, origin: string, path: string): Promise<Dispatcher.ConnectData<unknown>> {
  return Agent.prototype.connect.call(dispatcher, { origin, path } as never);
}

describe("upgrade", () => {
  test("the socket comes with what was early on it", async () => {
    await using server = await startServer();
    const result = await both(async (it) => {
      const { headers, socket } = await upgrade(server.url, { dispatcher: it, protocol: "echo" });
      return [headers, await conversation(socket, "hello", 11)];
    });
    expect(result.ours).toEqual([{ connection: "upgrade", upgrade: "echo" }, "early hello"]);
    expect(result.theirs).toEqual(result.ours);
  });

  test("a handler of the newer generation gets the raw lines with the controller, as fetch of undici 8 reads them", async () => {
    await using server = await startServer();
    await using dispatcher = ours();
    const seen = await new Promise<unknown[]>((resolve, reject) => {
      dispatcher.dispatch({ origin: server.url, path: "/", method: "GET", upgrade: "echo" }, {
        onRequestStart: () => {},
        onRequestUpgrade: (controller: DispatchController, status: number, headers: unknown, socket: Duplex) => {
          socket.destroy();
          resolve([status, headers, controller.rawHeaders?.map(String)]);
        },
        onResponseError: (_controller: unknown, error: unknown) => reject(error),
      } as never);
    });
    const raw = ["connection", "upgrade", "upgrade", "echo"];
    expect(seen).toEqual([101, { connection: "upgrade", upgrade: "echo" }, raw]);
  });

  test("an answer without an upgrade fails it", async () => {
    await using server = await startServer();
    server.removeAllListeners("upgrade");
    const result = await both((it) => failureFacts(upgrade(server.url, { dispatcher: it })));
    expect(result.ours).toEqual({ name: "SocketError", code: "UND_ERR_SOCKET" });
    expect(result.theirs).toEqual(result.ours);
  });
});

describe("connect", () => {
  test("a tunnel", async () => {
    await using server = await startServer();
    const result = await both(async (it) => {
      const { statusCode, headers, socket } = await tunnel(it, server.url, "somewhere.example:443");
      return [statusCode, headers, await conversation(socket, "hello", 11)];
    });
    expect(result.ours).toEqual([200, { "x-target": "somewhere.example:443" }, "early hello"]);
    expect(result.theirs).toEqual(result.ours);
  });

  test("connect of undici: a tunnel to the server of the URL", async () => {
    await using server = await startServer();
    await using dispatcher = ours();
    const { statusCode, headers, socket } = await connect(server.url, { dispatcher } as never);
    expect([statusCode, headers]).toEqual([200, { "x-target": new URL(server.url).host }]);
    socket.destroy();
  });

  test("refused: the status, and what the answer holds", async () => {
    await using server = await startServer();
    const result = await both(async (it) => {
      const { statusCode, socket } = await tunnel(it, server.url, "refused.example:1");
      return [statusCode, await conversation(socket, "", 2)];
    });
    expect(result.ours).toEqual([403, "no"]);
    expect(result.theirs).toEqual(result.ours);
    await using dispatcher = ours();
    const { socket } = await tunnel(dispatcher, server.url, "refused.example:1");
    socket.write("x");
    const [error] = await once(socket, "error");
    expect(error).toBeInstanceOf(errors.SocketError);
  });
});

describe("WebSocket", () => {
  test("messages both ways, and a clean end", async () => {
    await using server = await startServer();
    server.removeAllListeners("upgrade");
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(`heard ${data}`)));
    const talk = async (dispatcher: Held): Promise<unknown> => {
      const socket = new WebSocket(server.url.replace("http", "ws"), { dispatcher });
      await once(socket as never, "open");
      socket.send("hello");
      const [message] = await once(socket as never, "message");
      socket.close(1000, "bye");
      const [end] = await once(socket as never, "close");
      return [message.data, end.code, end.wasClean];
    };
    const result = await both(talk);
    expect(result.ours).toEqual(["heard hello", 1000, true]);
    expect(result.theirs).toEqual(result.ours);
  });
});
