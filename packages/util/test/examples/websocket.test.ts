/** websocket.mjs: messages, pings, closing and refusals, over both versions. */
import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import WebSocket, * as parts from "ws";
import { plainClient } from "../support/plain-peer.ts";
import { ask } from "./exchange.ts";
import { type Program, startExample } from "./program.ts";

/** What the types leave out. */
const { Receiver, Sender } = parts as unknown as {
  readonly Receiver: new (options: { readonly isServer: boolean }) => NodeJS.WritableStream;
  readonly Sender: new (stream: NodeJS.WritableStream) => MessageSender;
};

interface MessageSender {
  send(data: string, options: object): void;
  close(code: number, reason: string, mask: boolean): void;
}

async function opened(program: Program, options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${program.port}/echo`, { perMessageDeflate: false, ...options });
  await once(socket, "open");
  return socket;
}

test("websocket.mjs over HTTP/1.1: text, binary, a long message in pieces, ping, close", async () => {
  await using program = await startExample("websocket.mjs");
  const socket = await opened(program);
  const next = async (): Promise<unknown> => {
    const [data, binary] = (await once(socket, "message")) as [Buffer, boolean];
    return binary ? data : data.toString();
  };
  socket.send("text \u{1f680}");
  expect(await next()).toBe("text \u{1f680}");
  socket.send(Buffer.from([0, 255]));
  expect(await next()).toEqual(Buffer.from([0, 255]));
  const long = "x".repeat(1 << 19);
  socket.send(long, { fin: false });
  socket.send(long, { fin: true });
  expect(await next()).toBe(long + long);
  const pong = once(socket, "pong");
  socket.ping("p");
  expect(String(((await pong) as [Buffer])[0])).toBe("p");
  const closed = once(socket, "close");
  socket.close(4000);
  expect((await closed)[0]).toBe(4000);
  expect(await program.stop()).toBe(0);
  expect(program.lines).toEqual([]);
});

test("websocket.mjs: what breaks a rule is closed with its code", async () => {
  await using program = await startExample("websocket.mjs");
  const closedAfter = async (send: (socket: WebSocket) => void): Promise<unknown> => {
    const socket = await opened(program);
    const closed = once(socket, "close");
    send(socket);
    return (await closed)[0];
  };
  expect(await closedAfter((socket) => socket.send(Buffer.alloc((1 << 20) + 1)))).toBe(1009);
  expect(await closedAfter((socket) => socket.send(Buffer.from([255]), { binary: false }))).toBe(1007);
  // A continuation of nothing.
  expect(await closedAfter((socket) => void rawOf(socket).write(Buffer.from([0x80, 0x80, 0, 0, 0, 0])))).toBe(1002);
  expect(await closedAfter((socket) => socket.close())).toBe(1005);
  expect(program.lines).toEqual([]);
  rawOf(await opened(program)).resetAndDestroy();
  expect(await program.printed(1)).toEqual(["lost: ECONNRESET"]);
});

function rawOf(socket: WebSocket): Socket {
  return (socket as unknown as { readonly _socket: Socket })._socket;
}

test("websocket.mjs: who is connected when it ends is told that it goes away", async () => {
  await using program = await startExample("websocket.mjs");
  const socket = await opened(program);
  const closed = once(socket, "close");
  const stopped = program.stop();
  expect((await closed)[0]).toBe(1001);
  expect(await stopped).toBe(0);
});

test("websocket.mjs over HTTP/2: two sockets on one connection", async () => {
  await using program = await startExample("websocket.mjs");
  const session = connect(`http://127.0.0.1:${program.port}`);
  await once(session, "remoteSettings");
  expect(session.remoteSettings.enableConnectProtocol).toBe(true);
  const open = async (): Promise<{ stream: ClientHttp2Stream; messages: string[]; sender: MessageSender }> => {
    const stream = session.request({
      ...{ ":method": "CONNECT", ":protocol": "websocket", ":path": "/echo", ":scheme": "http" },
      ...{ ":authority": `127.0.0.1:${program.port}`, "sec-websocket-version": "13" },
    });
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    expect([head[":status"], head["sec-websocket-accept"]]).toEqual([200, undefined]);
    const messages: string[] = [];
    const receiver = new Receiver({ isServer: false });
    receiver.on("message", (data: Buffer) => messages.push(data.toString()));
    stream.pipe(receiver);
    return { stream, messages, sender: new Sender(stream) };
  };
  const [one, other] = [await open(), await open()];
  const text = { fin: true, mask: true, compress: false, binary: false };
  one.sender.send("first", text);
  other.sender.send("second", text);
  one.sender.send("third", text);
  await expect.poll(() => [one.messages, other.messages]).toEqual([["first", "third"], ["second"]]);
  const ended = once(one.stream, "end");
  one.sender.close(1000, "", true);
  await ended;
  // Leaves without a word: the stream, not the connection.
  other.stream.close(8);
  const third = await open();
  third.sender.send("fourth", text);
  await expect.poll(() => third.messages).toEqual(["fourth"]);
  third.stream.close(8);
  session.close();
  expect(await program.stop()).toBe(0);
});

test("websocket.mjs: what it refuses, and why", async () => {
  await using program = await startExample("websocket.mjs", "--origin", "https://good.test");
  const status = async (...lines: string[]): Promise<string | undefined> => {
    using peer = await plainClient(program.port);
    peer.send(`GET /echo HTTP/1.1\r\nhost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
    return /^HTTP\/1\.1 ([0-9]{3}) /.exec(await peer.bytes(1))?.[1];
  };
  const asking = ["connection: upgrade", "upgrade: websocket"];
  const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
  expect(await status(...asking, key, "sec-websocket-version: 13")).toBe("101");
  expect(await status(...asking, key, "sec-websocket-version: 13", "origin: https://good.test")).toBe("101");
  expect(await status(...asking, key, "sec-websocket-version: 13", "origin: https://bad.test")).toBe("403");
  expect(await status(...asking, key, "sec-websocket-version: 8")).toBe("400");
  expect(await status(...asking, "sec-websocket-key: short", "sec-websocket-version: 13")).toBe("400");
  expect(await status(...asking, "sec-websocket-version: 13")).toBe("400");
  expect(await ask(program.port, "/echo")).toEqual({
    status: 426,
    fields: { upgrade: "websocket", connection: "upgrade", "content-length": "0" },
    text: "",
  });
  expect((await ask(program.port, "/echo", { version: "http2" })).status).toBe(426);
});
