/** What listeners find as `req.socket`, and what comes behind content. */
import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { createServer } from "@sluice/util/node-http";
import express from "express";
import { describe, expect, test } from "vitest";
import { leaf } from "../support/tls-fixtures.ts";
import { host, kinds, quiet } from "./support.ts";

describe("the socket", () => {
  test.each(["node", "h1"] as const)("is one for all exchanges of a connection, and Node's own (%s)", async (kind) => {
    const seen = new Set<unknown>();
    await using target = await host(kind, (req, res) => {
      seen.add(req.socket);
      expect(req.socket).toBeInstanceOf(net.Socket);
      res.end();
    });
    const socket = net.connect(target.port, "127.0.0.1");
    socket.resume();
    socket.end("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await once(socket, "close");
    expect(seen.size).toBe(1);
  });

  test("on HTTP/2 one stands for it: it tells the addresses and the end, and can give the connection up", async () => {
    const notes: string[] = [];
    const seen = new Set<unknown>();
    await using target = await host("h2", (req, res) => {
      const { socket } = req;
      if (!seen.has(socket)) socket.on("close", () => notes.push(`close ${socket.destroyed} ${socket.writable}`));
      seen.add(socket);
      expect([socket.remoteAddress, socket.remoteFamily, socket.localPort]).toEqual(["127.0.0.1", "IPv4", target.port]);
      expect(socket.setNoDelay().setKeepAlive().ref().unref()).toBe(socket);
      if (req.url === "/last") socket.destroy();
      else res.end();
    });
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    session.on("error", () => {});
    for (let i = 0; i < 2; i++) await once(session.request().resume(), "close");
    const last = session.request({ ":path": "/last" });
    last.on("error", () => {});
    await once(session, "close");
    await quiet(notes);
    expect([seen.size, notes]).toEqual([1, ["close true false"]]);
  });

  test("over TLS it is encrypted, and Express says so, in both versions", async () => {
    const app = express();
    app.get("/", (req, res) => void res.json([req.secure, req.protocol, req.ip, req.httpVersion]));
    const server = createServer({ accept: { tls: leaf("localhost") } }, app);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const request = https.get({ port, host: "127.0.0.1", rejectUnauthorized: false, agent: false });
    const [response] = await once(request, "response");
    const [text] = await once(response, "data");
    expect(JSON.parse(String(text))).toEqual([true, "https", "127.0.0.1", "1.1"]);
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const stream = session.request({ ":path": "/" });
    const [second] = await once(stream, "data");
    expect(JSON.parse(String(second))).toEqual([true, "https", "127.0.0.1", "2.0"]);
    session.close();
    server.close();
    await once(server, "close");
  });
});

test("trailers of a request are there once it was read, and not before", async () => {
  for (const kind of kinds) {
    const notes: unknown[] = [];
    await using target = await host(kind, (req, res) => {
      notes.push({ ...req.trailers }, req.rawTrailers.length);
      req.resume().on("end", () => {
        notes.push(
          req.trailers,
          req.trailersDistinct,
          req.rawTrailers.map((part) => part.toLowerCase()),
          req.complete,
        );
        res.end();
      });
    });
    if (kind === "h2") {
      const session = http2.connect(`http://127.0.0.1:${target.port}`);
      const stream = session.request({ ":method": "POST" }, { endStream: false, waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "abc" }));
      stream.resume().end("content");
      await once(stream, "close");
      session.close();
    } else {
      const socket = net.connect(target.port, "127.0.0.1");
      socket.write(
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n",
      );
      socket.write("7\r\ncontent\r\n0\r\nX-Sum: abc\r\n\r\n");
      await once(socket.resume(), "close");
    }
    expect(notes).toEqual([{}, 0, { "x-sum": "abc" }, { "x-sum": ["abc"] }, ["x-sum", "abc"], true]);
  }
});
