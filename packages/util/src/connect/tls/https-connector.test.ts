import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createSecureContext, type TLSSocket, type TlsOptions } from "node:tls";
import { HttpError } from "@sluice/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytes, failure, readText, settle, shutdown } from "../../../test/support/io.ts";
import {
  ca,
  leaf,
  pem,
  type TestServer,
  tcpServer,
  tlsFixture,
  tlsServer,
} from "../../../test/support/tls-fixtures.ts";
import { adversarialPair, fakeTimer } from "../../memory/index.ts";
import { nodeIo, nodeStream } from "../../node/index.ts";
import {
  Connected,
  type Connector,
  type ConnectTarget,
  httpsConnector,
  TlsSessionCache,
  tlsDetailsKey,
} from "../index.ts";

const open: { close(): Promise<void> }[] = [];
const warnings: string[] = [];
const onWarning = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`);

beforeEach(() => {
  warnings.length = 0;
  process.on("warning", onWarning);
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  await settle();
  process.removeListener("warning", onWarning);
  expect(warnings).toEqual([]);
});

async function serve(options: TlsOptions, onSocket?: (socket: TLSSocket) => void): Promise<TestServer> {
  const server = await tlsServer(options, onSocket);
  open.push(server);
  return server;
}

async function serveTcp(onSocket: (socket: Socket) => void): Promise<TestServer> {
  const server = await tcpServer(onSocket);
  open.push(server);
  return server;
}

function to(server: TestServer, changes: Partial<ConnectTarget> = {}): ConnectTarget {
  return { scheme: "https", host: "localhost", port: server.port, ...changes };
}

/** Says something and gets "hello". */
async function greeting({ io }: Connected): Promise<string | null> {
  io.write([bytes("hi")]);
  return await readText(io);
}

/** What was rejected with, checked to be an `HttpError`. */
async function refusal(connecting: Promise<Connected>): Promise<HttpError> {
  const error = await failure(connecting);
  if (!HttpError.is(error)) throw error;
  return error;
}

/** A connector that counts, and can be watched. */
function counting(inner: Connector): Connector & { made: Connected[] } {
  const made: Connected[] = [];
  return Object.assign(
    async (target: ConnectTarget, signal?: AbortSignal) => {
      const connected = await inner(target, signal);
      made.push(connected);
      return connected;
    },
    { made },
  );
}

/** TCP, and nothing else. */
const tcp: Connector = async ({ port }) => {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return new Connected(nodeIo(socket), { unref: () => socket.unref(), timings: { tcpMs: 1 } });
};

describe("schemes", () => {
  const plain = new Connected(nodeIo(nodeStream(adversarialPair().a)));
  const inner: Connector = async () => plain;
  const target: ConnectTarget = { scheme: "http", host: "localhost", port: 80 };

  test("http is left to the connector below", async () => {
    expect(await httpsConnector({ inner })(target)).toBe(plain);
  });

  test("http is refused with httpsOnly", async () => {
    const error = await refusal(httpsConnector({ inner, httpsOnly: true })(target));
    expect(error).toMatchObject({ kind: "user", code: "HTTPS_REQUIRED" });
  });

  test("anything else is refused", async () => {
    for (const scheme of ["ftp", "wss", ""]) {
      const error = await refusal(httpsConnector({ inner })({ ...target, scheme }));
      expect(error).toMatchObject({ kind: "user", code: "UNSUPPORTED_SCHEME" });
      expect(error.message).toBe(`the scheme must be http or https, got "${scheme}"`);
    }
  });

  test("what the connector below rejects with comes through unchanged", async () => {
    const server = await serveTcp(() => {});
    await server.close();
    open.length = 0;
    const error = await refusal(httpsConnector({ ca })(to(server, { host: "127.0.0.1" })));
    expect(error).toMatchObject({ kind: "connect", code: "ECONNREFUSED" });
  });
});

describe("who the server is", () => {
  async function against(name: Parameters<typeof leaf>[0], changes: Partial<ConnectTarget> = {}, options = {}) {
    const server = await serve(leaf(name));
    const inner = counting(tcp);
    const outcome = await httpsConnector({ ca, inner, ...options })(to(server, changes)).catch(
      (error: unknown) => error,
    );
    if (!(outcome instanceof Connected)) await server.closedConnections(1);
    return { server, outcome, port: server.port };
  }

  test("the right host: bytes go both ways, and facts, timings and details are known", async () => {
    const server = await serve({ ...leaf("localhost"), ALPNProtocols: ["h2"] });
    const connected = await httpsConnector({ ca })(to(server));
    expect(await greeting(connected)).toBe("hello");
    expect(connected.io.info).toMatchObject({
      secure: true,
      alpnProtocol: "h2",
      tlsVersion: "TLSv1.3",
      cipherSuite: "TLS_AES_256_GCM_SHA384",
      servername: "localhost",
      remoteAddress: "127.0.0.1",
      remotePort: server.port,
    });
    expect(connected.timings.tcpMs).toBeGreaterThanOrEqual(0);
    expect(connected.timings.tlsMs).toBeGreaterThanOrEqual(0);
    const details = connected.extensions.get(tlsDetailsKey);
    expect(details).toEqual({ sessionReused: false, authorized: true });
    const der = Buffer.from(connected.io.info?.peerCertificate ?? []).toString("base64");
    expect(leaf("localhost").cert.replace(/\s|-----[A-Z ]+-----/g, "")).toBe(der);
  });

  test("half-close: the server reads the end and still answers", async () => {
    const server = await serve({ ...leaf("localhost"), allowHalfOpen: true } as TlsOptions, (socket) => {
      let got = "";
      socket.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
      socket.on("end", () => socket.end(`got ${got}`));
    });
    const { io } = await httpsConnector({ ca })(to(server));
    io.write([bytes("all")]);
    await shutdown(io);
    expect(await readText(io)).toBe("got all");
    expect(await readText(io)).toBe(null);
  });

  test.each([
    ["elsewhere", "TLS_HOSTNAME_MISMATCH", 'the certificate is not for "localhost" but for "DNS:elsewhere.test"'],
    ["expired", "TLS_CERT_EXPIRED", "a certificate has expired"],
    ["not-yet-valid", "TLS_CERT_NOT_YET_VALID", "a certificate is not valid yet"],
    ["stranger", "TLS_UNKNOWN_CA", "the certificate is from nobody who is trusted"],
    ["self-signed", "TLS_SELF_SIGNED", "the certificate is signed by itself and not trusted"],
  ] as const)("%s: %s, and the connection is closed", async (name, code, detail) => {
    const { outcome, port } = await against(name);
    expect(outcome).toMatchObject({ kind: "connect", code });
    expect((outcome as Error).message).toBe(`TLS with "localhost:${port}" failed: ${detail}`);
    expect((outcome as Error).cause).toBeInstanceOf(Error);
  });

  test("a list of revoked certificates: what is on it is refused, what is not is accepted, and it must be there", async () => {
    const crl = pem("ca-crl");
    expect((await against("revoked", {}, { crl })).outcome).toMatchObject({
      kind: "connect",
      code: "TLS_CERT_REVOKED",
    });
    expect((await against("localhost", {}, { crl })).outcome).toBeInstanceOf(Connected);
    const both = { crl, ca: [ca, pem("other-ca-cert")] };
    expect((await against("stranger", {}, both)).outcome).toMatchObject({ kind: "connect", code: "TLS_CRL_MISSING" });
  });

  test("an IP address is checked against the certificate's addresses, and not asked for", async () => {
    const { outcome, server } = await against("localhost", { host: "127.0.0.1" });
    expect(outcome).toBeInstanceOf(Connected);
    await settle();
    expect((server.sockets[0] as TLSSocket).servername).toBe(false);
    const other = await against("name-only", { host: "127.0.0.1" });
    expect(other.outcome).toMatchObject({ kind: "connect", code: "TLS_HOSTNAME_MISMATCH" });
    expect((await against("localhost", { host: "::1" })).outcome).toBeInstanceOf(Connected);
    expect((await against("name-only", { host: "::1" })).outcome).toMatchObject({ code: "TLS_HOSTNAME_MISMATCH" });
  });

  test("what the server is asked for: nothing with sni off, else the name that is checked", async () => {
    const asked = async (changes: Partial<ConnectTarget>, options: object, name: "localhost" | "elsewhere") => {
      const { outcome, server } = await against(name, changes, options);
      expect(outcome).toBeInstanceOf(Connected);
      expect(await greeting(outcome as Connected)).toBe("hello");
      return (server.sockets[0] as TLSSocket).servername;
    };
    expect(await asked({}, { sni: false }, "localhost")).toBe(false);
    expect(await asked({ host: "LocalHost." }, {}, "localhost")).toBe("localhost");
    expect(await asked({ servername: "elsewhere.test" }, {}, "elsewhere")).toBe("elsewhere.test");
    expect(await asked({ servername: "localhost" }, { servername: "elsewhere.test" }, "elsewhere")).toBe(
      "elsewhere.test",
    );
    const byTarget = { servername: ({ host }: ConnectTarget) => (host === "localhost" ? "elsewhere.test" : host) };
    expect(await asked({}, byTarget, "elsewhere")).toBe("elsewhere.test");
    expect(await asked({ host: "nowhere" }, { servername: "[127.0.0.1]" }, "localhost")).toBe(false);
  });

  test("a name that is none is refused before anything is connected", async () => {
    const inner = counting(tcp);
    const target: ConnectTarget = { scheme: "https", host: "localhost", port: 1 };
    for (const servername of ["", "bücher.example", "a\0b"]) {
      const error = await refusal(httpsConnector({ inner })({ ...target, servername }));
      expect(error).toMatchObject({ kind: "user", code: "SERVERNAME_INVALID" });
    }
    const broken = () => {
      throw new Error("no idea");
    };
    const error = await refusal(httpsConnector({ inner, servername: broken })(target));
    expect(error).toMatchObject({ kind: "user", code: "SERVERNAME_INVALID", cause: new Error("no idea") });
    expect(inner.made).toEqual([]);
  });

  test("pinned keys: one of them is needed, beside everything else", async () => {
    const wrong = Buffer.alloc(32, 1).toString("base64");
    const { outcome } = await against("localhost", {}, { pinnedSha256: wrong });
    expect(outcome).toMatchObject({ kind: "connect", code: "TLS_PIN_MISMATCH" });
    const right = /its SHA-256 is (\S+)$/.exec((outcome as Error).message)?.[1] ?? "";
    expect((await against("localhost", {}, { pinnedSha256: [wrong, right] })).outcome).toBeInstanceOf(Connected);
    const server = await serve(leaf("localhost"));
    const connector = httpsConnector({ ca, pinnedSha256: right });
    for (const sessionReused of [false, true, true]) {
      const connected = await connector(to(server));
      expect(connected.extensions.get(tlsDetailsKey)).toMatchObject({ sessionReused });
      await greeting(connected);
    }
    const hex = Buffer.from(right, "base64").toString("hex").toUpperCase();
    expect((await against("localhost", {}, { pinnedSha256: hex })).outcome).toBeInstanceOf(Connected);
    const strange = await against("localhost", { host: "elsewhere.test" }, { pinnedSha256: right });
    expect(strange.outcome).toMatchObject({ code: "TLS_HOSTNAME_MISMATCH" });
    const anyway = { dangerAcceptInvalidCerts: true, pinnedSha256: right };
    expect((await against("self-signed", {}, anyway)).outcome).toMatchObject({ code: "TLS_PIN_MISMATCH" });
  });

  test("the dangerous options do what they say, and no more", async () => {
    const anyName = { dangerAcceptInvalidHostnames: true };
    expect((await against("elsewhere", {}, anyName)).outcome).toBeInstanceOf(Connected);
    expect((await against("stranger", {}, anyName)).outcome).toMatchObject({ code: "TLS_UNKNOWN_CA" });
    for (const name of ["elsewhere", "expired", "self-signed"] as const) {
      const { outcome } = await against(name, {}, { dangerAcceptInvalidCerts: true });
      expect((outcome as Connected).extensions.get(tlsDetailsKey)?.authorized).toBe(false);
    }
  });

  test("NODE_TLS_REJECT_UNAUTHORIZED does not switch verification off", async () => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      expect((await against("stranger")).outcome).toMatchObject({ code: "TLS_UNKNOWN_CA" });
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
    // Node's own, about the variable.
    warnings.length = 0;
  });

  test("without roots of its own a connector trusts Node's, and extraCa adds to them", async () => {
    expect((await against("localhost", {}, { ca: undefined })).outcome).toMatchObject({ code: "TLS_UNKNOWN_CA" });
    expect((await against("localhost", {}, { ca: undefined, extraCa: ca })).outcome).toBeInstanceOf(Connected);
  });

  test("a context that is ready-made is used as it is", async () => {
    const options = { ca: undefined, secureContext: createSecureContext({ ca, maxVersion: "TLSv1.2" }) };
    const { outcome } = await against("localhost", {}, options);
    expect((outcome as Connected).io.info?.tlsVersion).toBe("TLSv1.2");
  });
});

describe("who the client is", () => {
  const asking = { ...leaf("localhost"), ca, requestCert: true, rejectUnauthorized: true };

  test.each([
    ["cert and key", { ...leaf("client") }],
    ["an encrypted key", { cert: leaf("client").cert, key: pem("client-key-encrypted"), passphrase: "secret" }],
    ["PKCS #12", { pfx: readFileSync(tlsFixture("client.p12")), passphrase: "secret" }],
  ])("%s: the server gets the certificate", async (_, options) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const server = await serve({ ...asking, maxVersion });
      const connected = await httpsConnector({ ca, ...options })(to(server));
      expect(await greeting(connected)).toBe("hello");
      expect((server.sockets[0] as TLSSocket).getPeerCertificate().subject.CN).toBe("client");
    }
  });

  test("TLS 1.2: a missing certificate is an error of its own, and so is no cipher in common", async () => {
    const server = await serve({ ...asking, maxVersion: "TLSv1.2" });
    const error = await refusal(httpsConnector({ ca })(to(server)));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_CLIENT_CERT_REQUIRED" });
    const other = await serve({
      ...leaf("localhost"),
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
    });
    const second = await refusal(httpsConnector({ ca, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" })(to(other)));
    expect(second).toMatchObject({ kind: "connect", code: "TLS_FAILED" });
  });

  test("TLS 1.3: a missing certificate shows when something is read", async () => {
    const server = await serve({ ...asking, minVersion: "TLSv1.3" });
    const { io } = await httpsConnector({ ca })(to(server));
    const error = await failure(readText(io));
    expect(error).toMatchObject({ kind: "io", code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" });
  });
});

describe("what is spoken", () => {
  const pair = leaf("localhost");

  test.each([
    ["both", ["h2", "http/1.1"], undefined, "h2"],
    ["HTTP/1 only", ["http/1.1"], undefined, "http/1.1"],
    ["none known to the server", undefined, undefined, undefined],
    ["none offered", ["h2"], [], undefined],
    ["the target's own", ["h2", "http/1.1"], ["http/1.1"], "http/1.1"],
  ])("ALPN: %s", async (_, served, asked, expected) => {
    const server = await serve({ ...pair, ...(served && { ALPNProtocols: served }) });
    const connected = await httpsConnector({ ca })(to(server, { alpn: asked }));
    expect(connected.alpn).toBe(expected);
    expect(await greeting(connected)).toBe("hello");
  });

  test("ALPN: nothing in common", async () => {
    const server = await serve({ ...pair, ALPNProtocols: ["h2"] });
    const error = await refusal(httpsConnector({ ca, alpn: ["http/1.1"] })(to(server)));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_ALPN_MISMATCH" });
    expect(error.message).toBe(`TLS with "localhost:${server.port}" failed: the server speaks none of "http/1.1"`);
    const wrong = await refusal(httpsConnector({ ca })(to(server, { alpn: [""] })));
    expect(wrong).toMatchObject({ kind: "user", code: "ALPN_INVALID" });
  });

  test("ALPN: an answer that was not offered", async () => {
    const server = await serve({ ...pair, ALPNProtocols: ["h2"], maxVersion: "TLSv1.2" });
    // In TLS 1.2 the answer is in the clear: somebody on the way changes it.
    const changed = await serveTcp((socket) => {
      const on = connect(server.port, "127.0.0.1");
      on.on("error", () => socket.destroy());
      on.on("data", (chunk: Buffer) => {
        const at = chunk.indexOf("\0\x03\x02h2", "latin1");
        if (at !== -1) chunk.write("h3", at + 3);
        socket.write(chunk);
      });
      socket.pipe(on);
    });
    const error = await refusal(httpsConnector({ ca, alpn: ["h2"] })(to(changed)));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_FAILED", cause: { code: "ERR_SSL_BAD_EXTENSION" } });
  });

  test("versions: a server of one, a client of the other", async () => {
    const [older, newer] = [
      await serve({ ...pair, maxVersion: "TLSv1.2" }),
      await serve({ ...pair, minVersion: "TLSv1.3" }),
    ];
    const version = async (server: TestServer, options: object) =>
      (await httpsConnector({ ca, ...options })(to(server))).io.info?.tlsVersion;
    expect(await version(older, {})).toBe("TLSv1.2");
    expect(await version(newer, {})).toBe("TLSv1.3");
    expect(await version(newer, { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" })).toBe("TLSv1.3");
    for (const [server, options] of [
      [older, { minVersion: "TLSv1.3" }],
      [newer, { maxVersion: "TLSv1.2" }],
    ] as const) {
      const error = await refusal(httpsConnector({ ca, ...options })(to(server)));
      expect(error).toMatchObject({ kind: "connect", code: "TLS_PROTOCOL_VERSION" });
    }
  });

  test("keylog: lines of the key log format, without line breaks", async () => {
    const server = await serve(pair);
    const lines: string[] = [];
    await httpsConnector({ ca, keylog: (line) => lines.push(line) })(to(server));
    expect(lines.map((line) => line.split(" ")[0])).toContain("CLIENT_TRAFFIC_SECRET_0");
    for (const line of lines) expect(line).toMatch(/^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+$/);
  });
});

describe("servers that do not play along", () => {
  test.each([
    ["an HTTP server", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["something else", "SSH-2.0-OpenSSH_9.6\r\n"],
  ])("%s", async (_, answer) => {
    const server = await serveTcp((socket) => socket.once("data", () => socket.write(answer)));
    const error = await refusal(httpsConnector({ ca })(to(server)));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_NOT_TLS" });
    await server.closedConnections(1);
  });

  test.each([
    ["closes at once", (socket: Socket) => void socket.destroy()],
    ["closes when it was spoken to", (socket: Socket) => void socket.once("data", () => socket.end())],
    ["ends within a record", (socket: Socket) => void socket.resume().end(Buffer.from([22, 3, 3, 0, 99, 1]))],
    ["resets", (socket: Socket) => void socket.once("data", () => socket.resetAndDestroy())],
  ])("one that %s", async (_, onSocket) => {
    const server = await serveTcp(onSocket);
    const error = await refusal(httpsConnector({ ca })(to(server)));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_CLOSED" });
    await server.closedConnections(1);
  });

  test("one that never answers: the limit ends it, and the connection is closed", async () => {
    const server = await serveTcp((socket) => socket.resume());
    const timer = fakeTimer();
    const inner = counting(tcp);
    const connecting = refusal(httpsConnector({ ca, inner, timer, handshakeTimeoutMs: 5000 })(to(server)));
    while (timer.pending === 0) await settle(1);
    timer.advance(4999);
    await settle();
    expect(server.sockets[0]?.destroyed).toBe(false);
    timer.advance(1);
    const error = await connecting;
    expect(error).toMatchObject({ kind: "timeout", code: "TLS_TIMEOUT" });
    expect(error.message).toBe(
      `TLS with "localhost:${server.port}" took longer than handshakeTimeoutMs allows (5000 ms)`,
    );
    await server.closedConnections(1);
  });

  test("the limit is 10 seconds unless told otherwise, 0 is none, and a handshake leaves no alarm behind", async () => {
    const silent = await serveTcp(() => {});
    const timer = fakeTimer();
    const controller = new AbortController();
    const first = refusal(httpsConnector({ ca, inner: tcp, timer })(to(silent), controller.signal));
    while (timer.pending === 0) await settle(1);
    expect(timer.nextDelayMs).toBe(10_000);
    controller.abort();
    await first;
    expect(timer.pending).toBe(0);
    const server = await serve(leaf("localhost"));
    await httpsConnector({ ca, inner: tcp, timer })(to(server));
    expect(timer.pending).toBe(0);
    const unlimited = httpsConnector({ ca, inner: tcp, timer, handshakeTimeoutMs: 0 })(to(silent), controller.signal);
    expect(await refusal(unlimited)).toMatchObject({ kind: "canceled" });
    const second = new AbortController();
    const waiting = refusal(
      httpsConnector({ ca, inner: tcp, timer, handshakeTimeoutMs: 0 })(to(silent), second.signal),
    );
    while (silent.sockets.length < 2) await settle(1);
    expect(timer.pending).toBe(0);
    second.abort();
    await waiting;
  });

  test("a signal that aborts during the handshake closes the connection, and nothing listens to it any more", async () => {
    const server = await serveTcp((socket) => socket.resume());
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...given: Parameters<typeof add>) => {
      listeners += 1;
      add(...given);
    }) as typeof add;
    signal.removeEventListener = ((...given: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...given);
    }) as typeof remove;
    const good = await serve(leaf("localhost"));
    await httpsConnector({ ca, inner: tcp })(to(good), signal);
    expect(listeners).toBe(0);
    const connecting = refusal(httpsConnector({ ca, inner: tcp })(to(server), signal));
    while (server.sockets[0]?.bytesRead === undefined || server.sockets[0].bytesRead === 0) await settle(1);
    expect(listeners).toBe(1);
    controller.abort("no longer wanted");
    expect(await connecting).toMatchObject({ kind: "canceled", code: "CANCELED", cause: "no longer wanted" });
    expect(listeners).toBe(0);
    await server.closedConnections(1);
  });

  test("a signal that aborted while the transport was made gives the transport up", async () => {
    const { a } = adversarialPair();
    const controller = new AbortController();
    const inner: Connector = async () => {
      controller.abort("late");
      return new Connected(a);
    };
    const connecting = httpsConnector({ ca, inner })(
      { scheme: "https", host: "localhost", port: 1 },
      controller.signal,
    );
    expect(await refusal(connecting)).toMatchObject({ kind: "canceled", cause: "late" });
    expect(a.aborted).toBe(true);
  });
});

describe("sessions", () => {
  const reused = (connected: Connected) => connected.extensions.get(tlsDetailsKey)?.sessionReused;

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "%s: the second connection resumes, and is checked as before",
    async (version) => {
      const server = await serve({ ...leaf("localhost"), minVersion: version, maxVersion: version });
      const connector = httpsConnector({ ca });
      const first = await connector(to(server));
      expect(reused(first)).toBe(false);
      expect(await greeting(first)).toBe("hello");
      const second = await connector(to(server));
      expect(reused(second)).toBe(true);
      expect(second.extensions.get(tlsDetailsKey)).toMatchObject({ authorized: true });
      expect(second.io.info?.peerCertificate).toEqual(first.io.info?.peerCertificate);
      expect(await greeting(second)).toBe("hello");
      const third = await connector(to(server));
      expect(reused(third)).toBe(true);
      expect(third.io.info?.peerCertificate?.length).toBeGreaterThan(0);
    },
  );

  test("a session is not used for another name, ALPN or port, nor by another connector", async () => {
    const server = await serve({ ...leaf("localhost"), ALPNProtocols: ["h2", "http/1.1"] });
    const other = await serve({ ...leaf("localhost"), ALPNProtocols: ["h2", "http/1.1"] });
    const connector = httpsConnector({ ca, inner: tcp });
    await greeting(await connector(to(server)));
    expect(reused(await connector(to(server, { servername: "127.0.0.1" })))).toBe(false);
    expect(reused(await connector(to(server, { alpn: ["h2"] })))).toBe(false);
    expect(reused(await connector(to(other)))).toBe(false);
    expect(reused(await httpsConnector({ ca, inner: tcp })(to(server)))).toBe(false);
    expect(reused(await connector(to(server)))).toBe(true);
  });

  test("what nobody verified is not resumed by those who verify, though they share a cache", async () => {
    const sessionCache = new TlsSessionCache();
    const server = await serve(leaf("stranger"));
    const careless = httpsConnector({ ca, sessionCache, dangerAcceptInvalidCerts: true });
    await greeting(await careless(to(server)));
    expect(sessionCache.size).toBeGreaterThan(0);
    const error = await refusal(httpsConnector({ ca, sessionCache })(to(server)));
    expect(error).toMatchObject({ code: "TLS_UNKNOWN_CA" });
    expect(reused(await careless(to(server)))).toBe(true);
    const alike = httpsConnector({ ca, sessionCache, dangerAcceptInvalidCerts: true });
    expect(reused(await alike(to(server)))).toBe(true);
  });

  test("a server whose key is not pinned leaves no session behind", async () => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const sessionCache = new TlsSessionCache();
      const server = await serve({ ...leaf("localhost"), maxVersion });
      const pinnedSha256 = Buffer.alloc(32, 1).toString("base64");
      await refusal(httpsConnector({ ca, sessionCache, pinnedSha256 })(to(server)));
      await server.closedConnections(1);
      expect(sessionCache.size).toBe(0);
    }
  });

  test("sessionCache false: nothing is resumed", async () => {
    const server = await serve(leaf("localhost"));
    const connector = httpsConnector({ ca, sessionCache: false });
    await greeting(await connector(to(server)));
    expect(reused(await connector(to(server)))).toBe(false);
  });
});

describe("over any transport", () => {
  /** A memory pair whose far end is spliced to the server's port. */
  function adversarial(seed: number): { inner: Connector; settle(): Promise<number>; aborted(): boolean } {
    const link = adversarialPair({ seed, info: { remoteAddress: "192.0.2.1", remotePort: 4433 } });
    return {
      inner: async ({ port }) => {
        const socket = connect(port, "127.0.0.1");
        const far = nodeStream(link.b);
        far.on("error", () => socket.destroy());
        socket.on("error", () => far.destroy());
        far.pipe(socket).pipe(far);
        return new Connected(link.a);
      },
      settle: () => link.settle(1),
      aborted: () => link.a.aborted,
    };
  }

  async function driven<T>(link: { settle(): Promise<number> }, work: Promise<T>): Promise<T> {
    let done = false;
    const finish = () => (done = true);
    work.then(finish, finish);
    while (!done) await link.settle();
    return await work;
  }

  test("one that tears and delays: no byte is lost, and the addresses are the transport's", async () => {
    const text = "x".repeat(50_000);
    const server = await serve(leaf("localhost"), (socket) => socket.pipe(socket));
    for (let seed = 1; seed <= 5; seed++) {
      const link = adversarial(seed);
      const connected = await driven(link, httpsConnector({ ca, inner: link.inner })(to(server)));
      expect(connected.io.info).toMatchObject({ remoteAddress: "192.0.2.1", remotePort: 4433, secure: true });
      connected.io.write([bytes(text)]);
      let got = "";
      while (got.length < text.length) got += (await driven(link, readText(connected.io))) ?? "the end";
      expect(got).toBe(text);
      await driven(link, shutdown(connected.io));
      expect(await driven(link, readText(connected.io))).toBe(null);
    }
  });

  test("giving it up during the handshake aborts the transport", async () => {
    const server = await serveTcp((socket) => socket.resume());
    const link = adversarial(1);
    const controller = new AbortController();
    const connecting = refusal(httpsConnector({ ca, inner: link.inner })(to(server), controller.signal));
    for (let i = 0; i < 10; i++) await link.settle();
    controller.abort();
    expect(await connecting).toMatchObject({ kind: "canceled" });
    expect(link.aborted()).toBe(true);
    await driven(link, server.closedConnections(1));
  });

  test("a transport that fails during the handshake, and one that fails later", async () => {
    const ends = adversarialPair();
    const connecting = refusal(
      httpsConnector({ ca, inner: async () => new Connected(ends.a) })({ scheme: "https", host: "localhost", port: 1 }),
    );
    await ends.settle(1);
    ends.b.abort();
    expect(await driven(ends, connecting)).toMatchObject({ kind: "connect", code: "TLS_CLOSED" });
    const dead = adversarialPair();
    dead.b.abort();
    dead.run();
    const inner: Connector = async () => new Connected(dead.a);
    const second = refusal(httpsConnector({ ca, inner })({ scheme: "https", host: "localhost", port: 1 }));
    expect(await driven(dead, second)).toMatchObject({ kind: "connect", code: "TLS_CLOSED" });

    const server = await serve(leaf("localhost"));
    const { io } = await httpsConnector({ ca })(to(server));
    await settle();
    const raw = server.sockets[0] as TLSSocket & { _parent: Socket };
    const reading = failure(readText(io));
    raw._parent.resetAndDestroy();
    expect(await reading).toMatchObject({ kind: "io" });
  });

  test("TLS inside TLS", async () => {
    const server = await serve({ ...leaf("elsewhere"), ALPNProtocols: ["http/1.1"] });
    const outer = await serve({ ...leaf("localhost"), ALPNProtocols: ["h2"] }, (socket) => {
      const on = connect(server.port, "127.0.0.1");
      on.on("error", () => socket.destroy());
      socket.pipe(on).pipe(socket);
    });
    const proxy = httpsConnector({ ca });
    const inner: Connector = async (_, signal) => await proxy(to(outer), signal);
    const target: ConnectTarget = { scheme: "https", host: "elsewhere.test", port: 443 };
    const connected = await httpsConnector({ ca, inner })(target);
    expect(connected.io.info).toMatchObject({
      alpnProtocol: "http/1.1",
      servername: "elsewhere.test",
      remotePort: outer.port,
    });
    expect(await greeting(connected)).toBe("hello");
    connected.io.abort();
    await outer.closedConnections(1);
    const wrong = await refusal(httpsConnector({ ca, inner })({ ...target, host: "another.test" }));
    expect(wrong).toMatchObject({ code: "TLS_HOSTNAME_MISMATCH" });
    await outer.closedConnections(2);
  });

  test("unref lets the process end although the connection is open", async () => {
    const server = await serve(leaf("localhost"));
    const referenced = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const connected = await httpsConnector({ ca })(to(server));
    const before = referenced();
    connected.unref();
    expect(before - referenced()).toBe(1);
    expect(await greeting(connected)).toBe("hello");
  });
});
