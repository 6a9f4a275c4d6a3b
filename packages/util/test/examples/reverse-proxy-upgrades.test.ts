/**
 * The reverse proxy of docs/examples: WebSocket over HTTP/1 and HTTP/2, CONNECT, and what becomes of tunnels.
 */
import { createHash } from "node:crypto";
import { HttpRequest, HttpResponse, type Io, upgradeOn } from "@sluice/core";
import { protocolKey } from "@sluice/core/http2";
import { expect, test } from "vitest";
import { connectTo2 } from "../interop/support/h2-client.ts";
import { freePort } from "../interop/support/ports.ts";
import { bytes, readText, readToEnd, shutdown } from "../support/io.ts";
import { plainClient, plainServer } from "../support/plain-peer.ts";
import { startProxy, startUpstream, until } from "./support.ts";

const asking =
  "GET /chat HTTP/1.1\r\nhost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const granting =
  "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

test("[pool-30] WebSocket: 101 goes back, then octets go both ways, each direction with its own end", async () => {
  await using upstream = await plainServer();
  await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
  using client = await plainClient(proxy.port);
  client.send(asking);
  const server = await upstream.accepted();
  const asked =
    `GET /chat HTTP/1.1\r\nhost: 127.0.0.1:${upstream.port}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
    "upgrade: websocket\r\nconnection: upgrade\r\n\r\n";
  expect(await server.bytes(asked.length)).toBe(asked);
  // What comes behind the head in the same write is not lost.
  server.send(`${granting}early`);
  const answered =
    "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
  expect(await client.bytes(answered.length + 5)).toBe(`${answered}early`);
  client.send("ping");
  expect(await server.bytes(asked.length + 4)).toBe(`${asked}ping`);
  client.end();
  expect(await server.outcome()).toBe("FIN");
  // Half of it is still open.
  server.send("pong").end();
  expect(await client.outcome()).toBe("FIN");
  expect(client.received).toBe(`${answered}earlypong`);
});

test("[pool-30] WebSocket: who does not read holds the other up", async () => {
  await using upstream = await plainServer();
  await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
  using client = await plainClient(proxy.port);
  client.send(asking);
  const server = await upstream.accepted();
  server.send(granting);
  await until(() => client.received.includes("101"));
  client.socket.pause();
  const chunk = Buffer.alloc(1 << 20);
  let sent = 0;
  server.socket.on("drain", () => send());
  const send = (): void => {
    while (sent < 64 && server.socket.write(chunk)) sent++;
    sent++;
  };
  send();
  for (let before = -1; before < sent; await new Promise((resolve) => setTimeout(resolve, 100))) before = sent;
  expect(sent).toBeLessThan(32);
  client.socket.resume();
  await until(() => sent >= 64);
});

test("[pool-30] a reset of one end is a reset of the other", async () => {
  await using upstream = await plainServer();
  await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
  for (const [i, who] of ["client", "server"].entries()) {
    using client = await plainClient(proxy.port);
    client.send(asking);
    const server = await upstream.accepted(i);
    server.send(granting);
    await until(() => client.received.includes("101"));
    const [one, other] = who === "client" ? [client, server] : [server, client];
    one.socket.resetAndDestroy();
    expect(await other.outcome()).toBe("ECONNRESET");
  }
});

test.each([
  ["other than allowed", "h2c", "Upgrade"],
  ["that Connection does not name", "websocket", "keep-alive"],
  ["of several, of which one is not allowed", "websocket, h2c", "Upgrade"],
])(
  "[pool-26] an upgrade to a protocol %s is not passed on: the request is an ordinary one",
  async (_, protocol, connection) => {
    await using upstream = await startUpstream(() => new HttpResponse());
    await using proxy = await startProxy(upstream.origin);
    using client = await plainClient(proxy.port);
    client.send(`GET / HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\nupgrade: ${protocol}\r\n\r\n`);
    const answered = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    expect(await client.bytes(answered.length)).toBe(answered);
    expect(upstream.asked[0]?.fields).toEqual([["host", `localhost:${upstream.port}`]]);
  },
);

test("[pool-26] an upgrade of a request with content, or another method, is none either", async () => {
  await using upstream = await startUpstream((request) => new HttpResponse(200, {}, request.body));
  await using proxy = await startProxy(upstream.origin);
  for (const method of ["POST", "GET"]) {
    using client = await plainClient(proxy.port);
    const fields = "connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2";
    client.send(`${method} / HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\nhi`);
    const answered = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    expect(await client.bytes(answered.length)).toBe(answered);
  }
  expect(upstream.asked.map(({ line }) => line)).toEqual(["POST / HTTP/1.1", "GET / HTTP/1.1"]);
});

test("[pool-30] an upgrade that the upstream refuses, or grants for another protocol", async () => {
  await using upstream = await plainServer();
  await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
  using client = await plainClient(proxy.port);
  client.send(asking);
  const refused = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
  (await upstream.accepted()).send(refused);
  expect(await client.bytes(refused.length)).toBe(refused);
  client.received = "";
  client.send(asking);
  const peer = await upstream.accepted();
  await until(() => peer.received.split("GET ").length === 3);
  peer.send(granting.replace("websocket", "other"));
  const wrong = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\ncontent-length: 16\r\n\r\n502 Bad Gateway\n";
  expect(await client.bytes(wrong.length)).toBe(wrong);
  expect(["ECONNRESET", "FIN"]).toContain(await peer.outcome());
});

/** An upstream that says what it hears, in capitals, after a proper handshake. */
function chat(request: HttpRequest): HttpResponse {
  void upgradeOn(request).then(async (io) => {
    io.write([bytes(`hello ${request.headers.get("sec-websocket-version")} `)]);
    for (let text = await readText(io); text !== null; text = await readText(io)) io.write([bytes(text.toUpperCase())]);
    await shutdown(io);
  });
  const accept = acceptOf(request.headers.get("sec-websocket-key") ?? "");
  return new HttpResponse(101, {
    upgrade: "websocket",
    "sec-websocket-accept": accept,
    "sec-websocket-protocol": "chat",
  });
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

test("[pool-30] WebSocket over HTTP/2 (RFC 8441) becomes an upgrade of HTTP/1, with a key of the proxy's", async () => {
  await using upstream = await startUpstream(chat);
  await using proxy = await startProxy(upstream.origin);
  await using client = await connectTo2(proxy.port);
  const target = HttpRequest.get(`${client.origin}/chat?x`).target;
  const fields = { "sec-websocket-version": "13", "sec-websocket-protocol": "chat" };
  const request = new HttpRequest("CONNECT", target, fields).extension(protocolKey, "websocket");
  // The server's SETTINGS must have come.
  await client.sender.send(new HttpRequest("OPTIONS", target, { "max-forwards": "0" }));
  const response = await client.sender.send(request);
  expect([response.status, response.headers.toJSON()]).toEqual([200, [["sec-websocket-protocol", "chat"]]]);
  const io: Io = await upgradeOn(response);
  expect(await readText(io)).toBe("hello 13 ");
  io.write([bytes("shout")]);
  expect(await readText(io)).toBe("SHOUT");
  await shutdown(io);
  expect(await readToEnd(io)).toBe("");
  const asked = upstream.asked.find(({ line }) => line.includes("/chat"));
  expect(asked?.line).toBe("GET /chat?x HTTP/1.1");
  expect(asked?.fields.map(([name]) => name)).toEqual([
    ...["host", "sec-websocket-version", "sec-websocket-protocol", "upgrade", "sec-websocket-key", "connection"],
  ]);
});

test("[pool-30] WebSocket over HTTP/2 that is refused, or granted falsely; and another protocol", async () => {
  const answers = [new HttpResponse(403), new HttpResponse(200), new HttpResponse(101, { upgrade: "websocket" })];
  await using upstream = await startUpstream(() => answers.shift() ?? new HttpResponse());
  await using proxy = await startProxy(upstream.origin);
  await using client = await connectTo2(proxy.port);
  const ask = async (protocol: string): Promise<number> => {
    const target = HttpRequest.get(`${client.origin}/`).target;
    const request = new HttpRequest("CONNECT", target).extension(protocolKey, protocol);
    return (await client.sender.send(request)).status;
  };
  expect(
    (await client.sender.send(new HttpRequest("OPTIONS", `${client.origin}/`, { "max-forwards": "0" }))).status,
  ).toBe(204);
  expect([await ask("websocket"), await ask("websocket"), await ask("websocket")]).toEqual([403, 502, 502]);
  expect(await ask("webtransport")).toBe(501);
});

test("[pool-30] CONNECT is refused, but to what was configured: there it is a tunnel past the upstreams", async () => {
  await using target = await plainServer();
  const allowed = `127.0.0.1:${target.port}`;
  const closed = `127.0.0.1:${await freePort()}`;
  await using proxy = await startProxy({ tunnels: [allowed, closed] });
  const connect = (to: string): string => `CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\n\r\n`;
  using client = await plainClient(proxy.port);
  const refused =
    "HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\ncontent-type: text/plain\r\n" +
    "content-length: 23\r\n\r\n405 Method Not Allowed\n";
  client.send(connect("127.0.0.1:22"));
  expect(await client.bytes(refused.length)).toBe(refused);
  client.received = "";
  client.send(connect(closed));
  await until(() => client.received.endsWith("502 Bad Gateway\n"));
  client.received = "";
  client.send(connect(allowed));
  const granted = "HTTP/1.1 200 OK\r\n\r\n";
  expect(await client.bytes(granted.length)).toBe(granted);
  client.send("ping");
  const server = await target.accepted();
  expect(await server.bytes(4)).toBe("ping");
  server.send("pong").end();
  expect(await client.outcome()).toBe("FIN");
  expect(client.received).toBe(`${granted}pong`);
});

test("[pool-30] a tunnel in which nothing moves is given up, and so are all when the proxy closes", async () => {
  await using target = await plainServer();
  const to = `127.0.0.1:${target.port}`;
  for (const [i, tunnelIdleMs] of [30, 0].entries()) {
    await using proxy = await startProxy({ tunnels: [to], tunnelIdleMs });
    using client = await plainClient(proxy.port);
    client.send(`CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\n\r\n`);
    await until(() => client.received.includes("200"));
    if (tunnelIdleMs === 0) await proxy.shutdown();
    expect(await client.outcome()).toBe("ECONNRESET");
    expect(await (await target.accepted(i)).outcome()).toBe("ECONNRESET");
  }
});
