/** `nodeIo` over real TCP, TLS and Unix sockets: what only a kernel can show. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TLSSocket, type TlsOptions, connect as tlsConnect, createServer as tlsServer } from "node:tls";
import { HttpError } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { nodeIo } from "../src/node/index.ts";
import { socketInfo } from "../src/node/socket-info.ts";
import {
  bytes,
  drained,
  failure,
  listenerCounts,
  readText,
  readToEnd,
  settle,
  shutdown,
  tcpPair,
} from "./support/io.ts";

/** What a socket reads until it is over, and how it ended. */
async function outcome(socket: Socket): Promise<{ data: string; end: string }> {
  let data = "";
  let end = "closed";
  socket.on("data", (chunk: Buffer) => (data += chunk.toString("latin1")));
  socket.on("end", () => {
    end = "end";
    socket.end();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => (end = error.code ?? error.message));
  if (!socket.closed) await once(socket, "close").catch(() => {});
  await settle();
  return { data, end };
}

describe("tcp", () => {
  test("bytes go both ways", async () => {
    const pair = await tcpPair();
    const a = nodeIo(pair.client);
    const b = nodeIo(pair.server);
    a.write([bytes("ping")]);
    expect(await readText(b)).toBe("ping");
    b.write([bytes("po"), bytes("ng")]);
    expect(await readText(a)).toBe("pong");
    await pair.close();
  });

  test("half-close by the peer: we read the end and still answer", async () => {
    for (const allowHalfOpen of [true, false]) {
      const pair = await tcpPair({ allowHalfOpen });
      const a = nodeIo(pair.client);
      const b = nodeIo(pair.server);
      a.write([bytes("question")]);
      await shutdown(a);
      expect(await readToEnd(b)).toBe("question");
      await settle();
      expect(b.write([bytes("answer")])).toBe(true);
      await shutdown(b);
      expect(await readToEnd(a)).toBe("answer");
      await pair.close();
    }
  });

  test("half-close by us: the peer reads the end, and we still read", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    const peer = outcome(pair.client);
    io.write([bytes("last words")]);
    await shutdown(io);
    pair.client.write("late");
    expect(await readText(io)).toBe("late");
    pair.client.end();
    expect(await peer).toEqual({ data: "last words", end: "end" });
    await pair.close();
  });

  test("backpressure: false, then drained when the peer has read, and no byte is lost", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    const chunk = new Uint8Array(262_144).fill(0x78);
    let sent = 0;
    for (let more = true; more; ) {
      more = io.write([chunk]);
      sent += chunk.length;
    }
    let called = false;
    io.drained(() => (called = true));
    await settle();
    expect(called).toBe(false);
    let received = 0;
    pair.client.on("data", (data: Buffer) => (received += data.length));
    await expect.poll(() => called).toBe(true);
    await shutdown(io);
    await once(pair.client, "end");
    expect(received).toBe(sent);
    await pair.close();
  });

  test("a reader that does not ask makes the peer's writes wait", async () => {
    const pair = await tcpPair();
    const a = nodeIo(pair.client);
    const b = nodeIo(pair.server);
    const chunk = new Uint8Array(262_144);
    let sent = 0;
    while (a.write([chunk])) sent += chunk.length;
    sent += chunk.length;
    await settle(20);
    expect(pair.server.isPaused()).toBe(true);
    const done = drained(a);
    let received = 0;
    await new Promise<void>((resolve) => {
      b.read(function again(data) {
        received += data?.length ?? 0;
        if (received === sent) resolve();
        else b.read(again);
      });
    });
    await done;
    await pair.close();
  });

  test("abort resets: the peer sees ECONNRESET, and what was unsent is gone", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.pause();
    const chunk = new Uint8Array(1_048_576);
    while (io.write([chunk]));
    io.abort();
    expect(await failure(readToEnd(nodeIo(pair.client)))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    await pair.close();
  });

  test("a reset behind unread data is an error, not an end", async () => {
    const pair = await tcpPair();
    pair.client.pause();
    pair.server.write(new Uint8Array(100_000));
    await settle(20);
    pair.server.resetAndDestroy();
    await expect.poll(() => pair.server.closed).toBe(true);
    const io = nodeIo(pair.client);
    expect(await failure(readToEnd(io))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    await pair.close();
  });

  test("abort while shutdown still flushes resets too: a cut message never looks complete", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.pause();
    const chunk = new Uint8Array(1_048_576);
    while (io.write([chunk]));
    const pending = failure(shutdown(io));
    await settle();
    const reason = new Error("enough");
    io.abort(reason);
    expect(await pending).toBe(reason);
    expect(await failure(readToEnd(nodeIo(pair.client)))).toMatchObject({ kind: "io", code: "ECONNRESET" });
    await pair.close();
  });

  test("abort during or after a shutdown that has sent everything lets the peer read to the end", async () => {
    for (const wait of [false, true]) {
      const pair = await tcpPair();
      const io = nodeIo(pair.server);
      io.write([bytes("complete")]);
      const done = shutdown(io).catch(() => {});
      if (wait) await done;
      io.abort();
      expect(await outcome(pair.client)).toEqual({ data: "complete", end: "end" });
      await pair.close();
    }
  });

  test("the peer's reset is an io error with the code ECONNRESET on both sides of the Io", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    const reading = failure(readText(io));
    pair.client.resetAndDestroy();
    const error = await reading;
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ kind: "io", code: "ECONNRESET", cause: { code: "ECONNRESET", syscall: "read" } });
    expect(io.write([bytes("x")])).toBe(false);
    expect(await failure(drained(io))).toBe(error);
    await pair.close();
  });

  test("writing to a peer that has gone fails with EPIPE or ECONNRESET", async () => {
    const pair = await tcpPair();
    const io = nodeIo(pair.server);
    pair.client.destroy();
    await settle(20);
    let error: unknown;
    for (let i = 0; i < 100 && error === undefined; i++) {
      if (!io.write([bytes("anybody?")])) error = await failure(drained(io));
      await settle();
    }
    expect(["EPIPE", "ECONNRESET", "PREMATURE_CLOSE"]).toContain((error as HttpError).code);
    await pair.close();
  });

  test("abort while connecting just gives up", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const io = nodeIo(socket);
    const pending = failure(readText(io));
    io.abort();
    expect(await pending).toMatchObject({ code: "TRANSPORT_ABORTED" });
    expect(socket.destroyed).toBe(true);
    server.close();
    await once(server, "close");
  });

  test("a refused connection is an io error", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    expect(await failure(readText(nodeIo(connect(port, "127.0.0.1"))))).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("info: addresses are looked up once, lazily, and survive the socket", async () => {
    const pair = await tcpPair();
    let lookups = 0;
    const { remoteAddress } = pair.server;
    Object.defineProperty(pair.server, "remoteAddress", {
      get: () => {
        lookups += 1;
        return remoteAddress;
      },
    });
    const io = nodeIo(pair.server);
    const { info } = io;
    expect(lookups).toBe(0);
    expect([info.remoteAddress, info.remoteAddress]).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(lookups).toBe(1);
    expect(info.remotePort).toBe(pair.client.localPort);
    expect(info.localPort).toBe(pair.client.remotePort);
    expect(info.localAddress).toBe("127.0.0.1");
    expect(info.secure).toBe(false);
    expect(info.alpnProtocol).toBe(undefined);
    expect([info.tlsVersion, info.cipherSuite]).toEqual([undefined, undefined]);
    io.abort();
    await settle();
    expect(info.localAddress).toBe("127.0.0.1");
    await pair.close();
  });

  test("intoSocket hands over a working socket with the unread bytes", async () => {
    const pair = await tcpPair();
    const before = listenerCounts(pair.server);
    const io = nodeIo(pair.server);
    pair.client.write("unread ");
    await expect.poll(() => pair.server.isPaused()).toBe(true);
    const socket = io.intoSocket();
    expect(listenerCounts(socket)).toEqual(before);
    pair.client.end("and more");
    let got = "";
    for await (const chunk of socket) got += String(chunk);
    expect(got).toBe("unread and more");
    await pair.close();
  });

  test("a thousand connections, aborted by either side, leave no handle and no listener", async () => {
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocketWrap") || name.includes("WriteWrap"))
        .length;
    await settle(20);
    const start = handles();
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 1000; i++) {
      const accepted = once(server, "connection");
      const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const a = nodeIo(client);
      const [socket] = (await accepted) as [Socket];
      const b = nodeIo(socket);
      a.read(() => {});
      b.read(() => {});
      if (i % 3 === 0) a.write([bytes("some bytes")]);
      const [first, second] = i % 2 === 0 ? [a, b] : [b, a];
      first.abort();
      if (i % 5 === 0) await settle(1);
      second.abort();
      if (i % 100 === 0) {
        const ours = (): number =>
          ["data", "end", "drain"].reduce(
            (sum, name) => sum + client.listenerCount(name) + socket.listenerCount(name),
            0,
          );
        // Node keeps an "end" listener of its own on each socket.
        await expect.poll(ours).toBe(2);
      }
    }
    server.close();
    await once(server, "close");
    await expect.poll(handles).toBe(start);
  });
});

describe("unix sockets", () => {
  test("have no reset: abort destroys, and the peer sees the end", async () => {
    const server = createServer({ allowHalfOpen: true });
    server.listen(join(tmpdir(), `sluice-${process.pid}-${Date.now()}.sock`));
    await once(server, "listening");
    const accepted = once(server, "connection");
    const client = connect(server.address() as string);
    const [socket] = (await accepted) as [Socket];
    const io = nodeIo(socket);
    const peer = outcome(client);
    io.write([bytes("hello")]);
    io.abort();
    expect((await peer).data).toBe("hello");
    expect(socket.destroyed).toBe(true);
    server.close();
    await once(server, "close");
  });
});

describe("tls", () => {
  const key = readFileSync(new URL("./fixtures/localhost-key.pem", import.meta.url));
  const cert = readFileSync(new URL("./fixtures/localhost-cert.pem", import.meta.url));

  async function tlsPair(
    alpn: string[],
    options: TlsOptions = {},
  ): Promise<{ client: TLSSocket; server: TLSSocket; close(): Promise<void> }> {
    const listener = tlsServer({ key, cert, ALPNProtocols: ["h2", "http/1.1"], allowHalfOpen: true, ...options });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const accepted = once(listener, "secureConnection");
    const client = tlsConnect({
      port: (listener.address() as AddressInfo).port,
      host: "127.0.0.1",
      servername: "localhost",
      ca: cert,
      ...(alpn.length > 0 && { ALPNProtocols: alpn }),
    });
    client.on("error", () => {});
    const [server] = (await accepted) as [TLSSocket];
    return {
      client,
      server,
      async close() {
        client.destroy();
        server.destroy();
        listener.close();
        await once(listener, "close");
      },
    };
  }

  test("bytes, half-close and facts", async () => {
    const pair = await tlsPair(["h2"]);
    const a = nodeIo(pair.client);
    const b = nodeIo(pair.server);
    const { secure, alpnProtocol, servername, remoteAddress } = b.info;
    expect([secure, alpnProtocol, servername, remoteAddress]).toEqual([true, "h2", "localhost", "127.0.0.1"]);
    expect(a.info.alpnProtocol).toBe("h2");
    a.write([bytes("ping "), bytes("again")]);
    await shutdown(a);
    expect(await readToEnd(b)).toBe("ping again");
    b.write([bytes("pong")]);
    await shutdown(b);
    expect(await readToEnd(a)).toBe("pong");
    await pair.close();
  });

  test("no agreed protocol is unknown, not false", async () => {
    const pair = await tlsPair([]);
    const { info } = nodeIo(pair.server);
    expect(info.alpnProtocol).toBe(undefined);
    expect(info.secure).toBe(true);
    await pair.close();
  });

  test("version and cipher suite are known on both sides, and still after the end once asked for", async () => {
    const ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
    const suite = /^TLS_ECDHE_(RSA|ECDSA)_WITH_AES_128_GCM_SHA256$/;
    for (const [options, tlsVersion, cipherSuite] of [
      [{ maxVersion: "TLSv1.2", ciphers }, "TLSv1.2", suite],
      [{ minVersion: "TLSv1.3" }, "TLSv1.3", /^TLS_(AES|CHACHA20)_[0-9A-Z_]+$/],
    ] as const) {
      const pair = await tlsPair(["h2"], options);
      for (const socket of [pair.client, pair.server]) {
        const { info } = nodeIo(socket);
        expect(info.tlsVersion).toBe(tlsVersion);
        expect(info.cipherSuite).toMatch(cipherSuite);
        const unasked = socketInfo(socket);
        socket.destroy();
        await settle();
        expect(info.tlsVersion).toBe(tlsVersion);
        expect(info.cipherSuite).toMatch(cipherSuite);
        expect([unasked.tlsVersion, unasked.cipherSuite]).toEqual([undefined, undefined]);
      }
      await pair.close();
    }
  });

  test("version and cipher suite are unknown during the handshake, and known afterwards", async () => {
    const listener = tlsServer({ key, cert, maxVersion: "TLSv1.2" });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const client = tlsConnect({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", ca: cert });
    client.on("error", () => {});
    const { info } = nodeIo(client);
    expect([info.secure, info.tlsVersion, info.cipherSuite]).toEqual([true, undefined, undefined]);
    const [server] = (await once(listener, "secureConnection")) as [TLSSocket];
    await expect.poll(() => info.tlsVersion).toBe("TLSv1.2");
    expect(info.cipherSuite).toMatch(/^TLS_/);
    client.destroy();
    server.destroy();
    listener.close();
    await once(listener, "close");
  });

  test("abort destroys; the peer's read completes", async () => {
    const pair = await tlsPair(["h2"]);
    const a = nodeIo(pair.client);
    const b = nodeIo(pair.server);
    const ended = new Promise<void>((resolve) => a.read(() => resolve()));
    b.abort();
    expect(pair.server.destroyed).toBe(true);
    await ended;
    expect(pair.server.listenerCount("data")).toBe(0);
    await pair.close();
  });
});
