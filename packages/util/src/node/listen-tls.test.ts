import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { HttpError, IoInfo } from "@sluice/core";
import { describe, expect, test, vi } from "vitest";
import { certificate } from "../../test/interop/support/certificate.ts";
import { bytes, readText, readToEnd, settle, shutdown } from "../../test/support/io.ts";
import { fakeTimer } from "../memory/index.ts";
import { type Listener, type ListenOptions, listen, type NodeIo, type TlsServerOptions } from "./index.ts";

const host = "127.0.0.1";
const identity = certificate();
const ca = identity.cert;

interface Failure {
  readonly error: HttpError;
  readonly info: IoInfo;
}

/** A TLS listener, and what became of the handshakes that failed. */
function secure(tls: TlsServerOptions = {}, options: ListenOptions = {}): { listener: Listener; failures: Failure[] } {
  const failures: Failure[] = [];
  const onHandshakeError = (error: HttpError, info: IoInfo): void => void failures.push({ error, info });
  return { listener: listen({ host, onHandshakeError, ...options, tls: { ...identity, ...tls } }), failures };
}

async function plain(listener: Listener): Promise<Socket> {
  const { port } = await listener.ready;
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function dial(listener: Listener, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = await listener.ready;
  const socket = tlsConnect({ port, host, ca, servername: "localhost", ...options });
  socket.on("error", () => {});
  return socket;
}

async function take(listener: Listener): Promise<NodeIo> {
  const { value } = await listener[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error("the iteration has ended");
  return value;
}

/** Resolves when the socket is closed, with an error or without. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.resume().once("close", () => resolve());
  });
}

/** The code of the error a client's socket fails with. */
async function errorCode(socket: Socket): Promise<string | undefined> {
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code;
}

/** Everything a socket receives, and whether it was an orderly end. */
async function received(socket: Socket): Promise<{ text: string; end: boolean }> {
  let text = "";
  let end = false;
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("end", () => {
    end = true;
    socket.end();
  });
  await once(socket, "close");
  return { text, end };
}

function connections(listener: Listener): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

describe("handshakes", () => {
  test("a connection comes out complete, with its facts, and works both ways to the end", async () => {
    const { listener, failures } = secure();
    const socket = await dial(listener, { ALPNProtocols: ["http/1.1", "h2"] });
    const io = await take(listener);
    expect(io.info).toMatchObject({
      secure: true,
      alpnProtocol: "h2",
      servername: "localhost",
      tlsVersion: "TLSv1.3",
      remoteAddress: host,
      remotePort: socket.localPort,
    });
    expect(io.info.cipherSuite).toMatch(/^TLS_/);
    expect(io.info.peerCertificate).toBeUndefined();
    socket.end("question");
    expect(await readToEnd(io)).toBe("question");
    io.write([bytes("answer")]);
    await shutdown(io);
    expect(await received(socket)).toEqual({ text: "answer", end: true });
    expect(failures).toEqual([]);
    await listener.close();
  });

  test("a ClientHello that comes byte by byte completes", async () => {
    const { listener } = secure();
    const socket = await plain(listener);
    // A client that cannot write to the socket itself: what it says is sent on in single bytes.
    const relay = createServer((inner) => {
      inner.on("error", () => {});
      socket.pipe(inner);
      inner.on("data", async (chunk: Buffer) => {
        inner.pause();
        for (const byte of chunk) {
          socket.write(Uint8Array.of(byte));
          if (byte % 8 === 0) await settle(1);
        }
        inner.resume();
      });
    }).listen(0, host);
    await once(relay, "listening");
    const client = tlsConnect({ port: (relay.address() as AddressInfo).port, host, ca, servername: "localhost" });
    client.on("error", () => {});
    client.write("through");
    const io = await take(listener);
    expect(await readText(io)).toBe("through");
    io.abort();
    client.destroy();
    socket.destroy();
    relay.close();
    await listener.close();
  });

  test("protocols that do not overlap fail with no_application_protocol; offering none is accepted", async () => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const { listener, failures } = secure({ alpn: ["h2"] });
      const other = await dial(listener, { ALPNProtocols: ["http/1.1"], maxVersion });
      expect(await errorCode(other)).toBe("ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
      await expect
        .poll(() => failures.map(({ error }) => [error.kind, error.code]))
        .toEqual([["protocol", "ERR_SSL_NO_APPLICATION_PROTOCOL"]]);
      expect(listener.handshakeErrors).toBe(1);
      expect(failures[0]?.info.remoteAddress).toBe(host);
      const none = await dial(listener, { maxVersion });
      const io = await take(listener);
      expect(io.info.alpnProtocol).toBeUndefined();
      io.abort();
      none.destroy();
      await listener.close();
    }
  });

  test("a slow handshake does not hold up another", async () => {
    const { listener } = secure();
    const slow = await plain(listener);
    slow.write(Uint8Array.of(0x16, 0x03, 0x01));
    await expect.poll(() => listener.handshakes).toBe(1);
    const socket = await dial(listener);
    const io = await take(listener);
    expect(io.info.remotePort).toBe(socket.localPort);
    expect(listener.handshakes).toBe(1);
    io.abort();
    socket.destroy();
    slow.destroy();
    await expect.poll(() => listener.handshakeErrors).toBe(1);
    await listener.close();
  });

  test("client certificates: shown ones are in the info, missing and unknown ones fail", async () => {
    const { listener, failures } = secure({ requestCert: true, ca });
    const socket = await dial(listener, identity);
    const io = await take(listener);
    expect(Buffer.from(io.info.peerCertificate ?? [])).toEqual(new X509Certificate(ca).raw);
    io.abort();
    socket.destroy();
    const missing = await dial(listener);
    await gone(missing);
    await expect
      .poll(() => failures.map(({ error }) => error.code))
      .toEqual(["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"]);
    await listener.close();
    const strict = secure({ requestCert: true });
    const unknown = await dial(strict.listener, identity);
    await gone(unknown);
    await expect.poll(() => strict.failures.map(({ error }) => error.code)).toEqual(["CLIENT_CERTIFICATE_REFUSED"]);
    await expect.poll(() => connections(strict.listener)).toBe(0);
    await strict.listener.close();
    const lenient = secure({ requestCert: true, rejectUnauthorized: false });
    const anyone = await dial(lenient.listener);
    const accepted = await take(lenient.listener);
    expect(accepted.info.peerCertificate).toBeUndefined();
    accepted.abort();
    anyone.destroy();
    await lenient.listener.close();
  });

  test("over a Unix socket: a handshake, one that is refused and one in plain text", async () => {
    const path = join(tmpdir(), `sluice-tls-${process.pid}.sock`);
    const failures: string[] = [];
    const onHandshakeError = (error: HttpError): void => void failures.push(error.code);
    const listener = listen({ path, tls: identity, maxHandshakes: 1, onHandshakeError });
    await listener.ready;
    const other = connect(path).resume();
    await expect.poll(() => listener.handshakes).toBe(1);
    await gone(connect(path));
    expect(listener.dropped).toBe(1);
    other.write("\0");
    await gone(other);
    const plaintext = connect({ path, allowHalfOpen: true });
    plaintext.write("GET / HTTP/1.1\r\n\r\n");
    expect((await received(plaintext)).text).toMatch(/^HTTP\/1\.1 400 /);
    expect(failures).toEqual(["NOT_TLS", "PLAINTEXT_ON_TLS"]);
    await expect.poll(() => listener.handshakes).toBe(0);
    const socket = tlsConnect({ path, ca, servername: "localhost" });
    const io = await take(listener);
    expect(io.info.secure).toBe(true);
    io.abort();
    socket.on("error", () => {}).destroy();
    await listener.close();
  });

  test("an SNICallback that throws or fails ends its own handshake only", async () => {
    const { listener, failures } = secure({
      SNICallback: (name, done) => {
        if (name === "throws") throw new Error("no such name");
        if (name === "fails") done(new Error("no certificate"));
        else done(null);
      },
    });
    for (const servername of ["throws", "fails"]) await gone(await dial(listener, { servername }));
    await expect.poll(() => failures.length).toBe(2);
    await expect.poll(() => connections(listener)).toBe(0);
    const socket = await dial(listener);
    (await take(listener)).abort();
    socket.destroy();
    await listener.close();
  });

  test("setSecureContext replaces certificate and rules for handshakes that begin later", async () => {
    const { listener } = secure({ alpn: ["h2"], maxVersion: "TLSv1.2" });
    const before = await dial(listener, { ALPNProtocols: ["h2"] });
    const first = await take(listener);
    expect(first.info.tlsVersion).toBe("TLSv1.2");
    expect(() => listener.setSecureContext({ cert: "nonsense", key: "nonsense" })).toThrow(TypeError);
    listener.setSecureContext({ ...identity, alpn: ["http/1.1"], minVersion: "TLSv1.3" });
    const after = await dial(listener, { ALPNProtocols: ["http/1.1"] });
    const second = await take(listener);
    expect(second.info).toMatchObject({ tlsVersion: "TLSv1.3", alpnProtocol: "http/1.1" });
    before.write("still there");
    expect(await readText(first)).toBe("still there");
    for (const io of [first, second]) io.abort();
    for (const socket of [before, after]) socket.destroy();
    await listener.close();
    const without = listen({ host });
    expect(() => without.setSecureContext(identity)).toThrow(TypeError);
    await without.close();
  });
});

describe("limits", () => {
  test("a silent, a slow and a trickling client are reset at handshakeTimeoutMs, counted from the accept", async () => {
    const timer = fakeTimer();
    const { listener, failures } = secure({ handshakeTimeoutMs: 2_000 }, { timer });
    const silent = await plain(listener);
    const slow = await plain(listener);
    slow.write(Uint8Array.of(0x16, 0x03));
    const short = await plain(listener);
    short.write("GE");
    await expect.poll(() => listener.handshakes).toBe(3);
    timer.advance(1_999);
    slow.write(Uint8Array.of(0x01));
    await settle(10);
    expect(listener.handshakeErrors).toBe(0);
    const codes = [silent, slow, short].map((socket) => errorCode(socket.resume()));
    timer.advance(1);
    expect(listener.handshakes).toBe(0);
    expect(failures.map(({ error }) => [error.kind, error.code])).toEqual(
      Array(3).fill(["timeout", "HANDSHAKE_TIMEOUT"]),
    );
    expect(await Promise.all(codes)).toEqual(Array(3).fill("ECONNRESET"));
    expect(timer.pending).toBe(0);
    await expect.poll(() => connections(listener)).toBe(0);
    await settle(10);
    expect(listener.handshakeErrors).toBe(3);
    await listener.close();
  });

  test("beyond maxHandshakes connections are reset and counted", async () => {
    const { listener } = secure({}, { maxHandshakes: 2 });
    const first = [await plain(listener), await plain(listener)];
    await expect.poll(() => listener.handshakes).toBe(2);
    const third = connect({ port: listener.address?.port ?? 0, host });
    third.on("error", () => {});
    await gone(third);
    expect(listener.dropped).toBe(1);
    expect(listener.handshakes).toBe(2);
    for (const socket of first) socket.destroy();
    await expect.poll(() => listener.handshakes).toBe(0);
    const socket = await dial(listener);
    (await take(listener)).abort();
    socket.destroy();
    expect(listener.dropped).toBe(1);
    await listener.close();
  });

  test("beyond maxPending complete connections are reset and counted", async () => {
    const { listener } = secure({}, { maxPending: 1 });
    const sockets = [await dial(listener), await dial(listener)];
    await expect.poll(() => [listener.pending, listener.dropped]).toEqual([1, 1]);
    await listener[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
  });

  test("peers that hang up before or in the middle fail at once, and free the socket", async () => {
    const timer = fakeTimer();
    const { listener, failures } = secure({}, { timer });
    const before = await plain(listener);
    before.end();
    const middle = await plain(listener);
    middle.end(Uint8Array.of(0x16, 0x03, 0x01, 0x01));
    const cut = await plain(listener);
    cut.write(Uint8Array.of(0x16, 0x03, 0x01, 0x01));
    await expect.poll(() => listener.handshakeErrors).toBe(2);
    cut.resetAndDestroy();
    await expect.poll(() => listener.handshakeErrors).toBe(3);
    expect(failures.map(({ error }) => error.code)).toEqual(Array(3).fill("HANDSHAKE_INCOMPLETE"));
    await expect.poll(() => connections(listener)).toBe(0);
    expect(timer.pending).toBe(0);
    for (const socket of [before, middle]) socket.destroy();
    await listener.close();
  });

  test("a callback that throws does not end the loop", async () => {
    const thrown = new Error("in the callback");
    const uncaught = vi.fn();
    const former = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
    try {
      const onHandshakeError = (): never => {
        throw thrown;
      };
      const { listener } = secure({}, { onHandshakeError });
      (await plain(listener)).end("\0");
      await expect.poll(() => uncaught.mock.calls[0]?.[0]).toBe(thrown);
      const socket = await dial(listener);
      (await take(listener)).abort();
      socket.destroy();
      await listener.close();
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of former) process.on("uncaughtException", listener);
    }
  });
});

describe("plain text on a TLS port", () => {
  const sentence = "This port expects TLS, but the request came in plain text: use https instead of http.\n";
  const answer =
    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n" +
    `content-length: ${sentence.length}\r\n\r\n${sentence}`;

  test("a request is answered 400 and closed in order, although more was on its way", async () => {
    for (const request of [
      "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\n",
    ]) {
      const { listener, failures } = secure();
      const socket = await plain(listener);
      socket.write(request);
      socket.write("x".repeat(300_000));
      expect(await received(socket)).toEqual({ text: answer, end: true });
      expect(failures.map(({ error }) => [error.kind, error.code])).toEqual([["protocol", "PLAINTEXT_ON_TLS"]]);
      await expect.poll(() => [listener.handshakes, listener.handshakeErrors]).toEqual([0, 1]);
      await expect.poll(() => connections(listener)).toBe(0);
      await listener.close();
    }
  });

  test("a request line in pieces is recognised, and its path is in no message", async () => {
    const { listener, failures } = secure();
    const socket = await plain(listener);
    for (const piece of ["DE", "LETE", " /secret HTTP/1.1\r\n"]) {
      socket.write(piece);
      await settle(10);
    }
    expect((await received(socket)).text).toBe(answer);
    expect(failures[0]?.error.message).toBe("expected TLS, but received a plain DELETE request");
    await listener.close();
  });

  test("a client that does not hang up is let go of a second later", async () => {
    const timer = fakeTimer();
    const { listener } = secure({}, { timer });
    const socket = await plain(listener);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await once(socket.resume(), "end");
    timer.advance(999);
    await settle(10);
    expect(listener.handshakes).toBe(1);
    timer.advance(1);
    await expect.poll(() => [listener.handshakes, listener.handshakeErrors, timer.pending]).toEqual([0, 1, 0]);
    await expect.poll(() => connections(listener)).toBe(0);
    socket.destroy();
    await listener.close();
  });

  test("what is neither TLS nor HTTP is reset", async () => {
    const { listener, failures } = secure();
    const socket = await plain(listener);
    socket.resume().write("\x80\x2e\x01\x03");
    expect(await errorCode(socket)).toBe("ECONNRESET");
    expect(failures[0]?.error).toMatchObject({ kind: "protocol", code: "NOT_TLS" });
    await listener.close();
  });
});

describe("closing and options", () => {
  test("close waits for handshakes that have begun and hands them to the running iteration", async () => {
    const { listener } = secure();
    const iterator = listener[Symbol.asyncIterator]();
    // Holds the client's side of the connection back until the listener is closed.
    const outer = await plain(listener);
    const relay = createServer((inner) => {
      inner.on("error", () => {});
      void listener.close().then(() => {
        inner.pipe(outer).pipe(inner);
      });
    }).listen(0, host);
    await expect.poll(() => listener.handshakes).toBe(1);
    await once(relay, "listening");
    const client = tlsConnect({ port: (relay.address() as AddressInfo).port, host, ca, servername: "localhost" });
    client.on("error", () => {});
    const { value: io } = await iterator.next();
    expect(io?.info.secure).toBe(true);
    expect((await iterator.next()).done).toBe(true);
    io?.abort();
    client.destroy();
    outer.destroy();
    relay.close();
  });

  test("disposing resets handshakes that have begun, without counting them, and ends the iteration", async () => {
    const timer = fakeTimer();
    const { listener } = secure({}, { timer });
    const waiting = listener[Symbol.asyncIterator]().next();
    const socket = await plain(listener);
    const slow = await plain(listener);
    slow.write(Uint8Array.of(0x16, 0x03));
    await expect.poll(() => listener.handshakes).toBe(2);
    await settle(10);
    const codes = [errorCode(socket.resume()), errorCode(slow.resume())];
    await listener[Symbol.asyncDispose]();
    expect((await waiting).done).toBe(true);
    expect(await Promise.all(codes)).toEqual(["ECONNRESET", "ECONNRESET"]);
    await settle(10);
    expect([listener.handshakes, listener.handshakeErrors, timer.pending]).toEqual([0, 0, 0]);
  });

  test("options are checked at once", () => {
    const { cert, key } = identity;
    expect(() => listen({ tls: {} })).toThrow(/needs cert and key/);
    expect(() => listen({ tls: { cert } })).toThrow(TypeError);
    expect(() => listen({ tls: { cert: "x", key } })).toThrow(TypeError);
    expect(() => listen({ tls: { cert, key, alpn: [""] } })).toThrow(TypeError);
    expect(() => listen({ tls: { cert, key, alpn: ["x".repeat(256)] } })).toThrow(TypeError);
    expect(() => listen({ tls: { cert, key, handshakeTimeoutMs: 0 } })).toThrow(RangeError);
    expect(() => listen({ tls: { cert, key, allowHTTP1: true } as TlsServerOptions })).toThrow(/tls.allowHTTP1/);
    expect(() => listen({ maxHandshakes: 0 })).toThrow(RangeError);
    expect(() => listen({ keepPath: true })).toThrow(TypeError);
  });
});
