/** One port for both versions on real sockets, with curl and Node as clients, in the clear and over TLS. */
import { once } from "node:events";
import { request as requestHttp } from "node:http";
import { connect as connectH2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { collect, full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen, nodeIo } from "@sluice/util/node";
import { type AutoOptions, auto, GracefulShutdown, serveAll } from "@sluice/util/server";
import { describe, expect, test } from "vitest";
import { certificate, certificateFile } from "../interop/support/certificate.ts";
import { run } from "../interop/support/command.ts";
import { peer } from "../interop/support/peer.ts";

const curl = peer("curl");

/** Answers with what was asked and by which version. */
const echo = serviceFn(async (request) => {
  const content = await collect(request.body).text();
  return new HttpResponse(200, {}, full(`${request.version} ${request.method} ${request.target.path} ${content}`));
});

interface TestServer extends AsyncDisposable {
  readonly origin: string;
}

async function startClear(options: AutoOptions = {}): Promise<TestServer> {
  const listener = listen({ host: "127.0.0.1" });
  const server = serveAll(listener, echo, { graceMs: 0, drainTimeoutMs: 5_000, ...options });
  const { port } = await listener.ready;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

/** TLS by hand, with `auto.serve` for each connection. */
async function startTls(alpn: readonly string[], options: AutoOptions = {}): Promise<TestServer> {
  const graceful = new GracefulShutdown();
  const server = createTlsServer({ ...certificate(), ALPNProtocols: [...alpn] }, (socket) => {
    graceful.watch(auto.serve(nodeIo(socket), echo, options));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      await graceful.shutdown({ graceMs: 0, deadlineMs: 5_000 });
      await closed;
    },
  };
}

async function ask(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(curl.path, [
    "-q",
    "--silent",
    "--show-error",
    "--max-time",
    "20",
    ...args,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.toString("latin1");
}

describe.skipIf(curl.skipped)("curl", () => {
  test("[hyper-238] speaks both versions to one port in the clear", async () => {
    await using server = await startClear();
    const url = `${server.origin}/a`;
    expect(await ask([url])).toBe("HTTP/1.1 GET /a ");
    expect(await ask(["--http1.1", "--data", "x", url])).toBe("HTTP/1.1 POST /a x");
    expect(await ask(["--http1.0", url])).toBe("HTTP/1.0 GET /a ");
    expect(await ask(["--http2-prior-knowledge", url])).toBe("HTTP/2 GET /a ");
    expect(await ask(["--http2-prior-knowledge", "--data", "x", url])).toBe("HTTP/2 POST /a x");
  });

  test("an Upgrade: h2c is ignored: the answer comes by HTTP/1.1", async () => {
    await using server = await startClear();
    expect(await ask(["--http2", `${server.origin}/a`])).toBe("HTTP/1.1 GET /a ");
  });

  test("[hyper-238] http1 only: HTTP/2 gets no answer; http2 only: HTTP/1 is told why", async () => {
    await using one = await startClear({ protocol: "http1" });
    expect(await ask([`${one.origin}/a`])).toBe("HTTP/1.1 GET /a ");
    const refused = await run(curl.path, ["-q", "--silent", "--max-time", "20", "--http2-prior-knowledge", one.origin]);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout.length).toBe(0);

    await using two = await startClear({ protocol: "http2" });
    expect(await ask(["--http2-prior-knowledge", `${two.origin}/a`])).toBe("HTTP/2 GET /a ");
    expect(await ask(["--write-out", "%{http_code}", two.origin])).toBe("This server speaks HTTP/2 only.\n505");
  });

  test("over TLS, the version is the one that ALPN has chosen; without ALPN the octets tell", async () => {
    const trust = ["--cacert", certificateFile];
    await using both = await startTls(["h2", "http/1.1"]);
    expect(await ask([...trust, `${both.origin}/a`])).toBe("HTTP/2 GET /a ");
    expect(await ask([...trust, "--http1.1", `${both.origin}/a`])).toBe("HTTP/1.1 GET /a ");
    expect(await ask([...trust, "--no-alpn", `${both.origin}/a`])).toBe("HTTP/1.1 GET /a ");
    expect(await ask([...trust, "--no-alpn", "--http2-prior-knowledge", `${both.origin}/a`])).toBe("HTTP/2 GET /a ");
  });

  test("over TLS, a client that was told by HTTP_1_1_REQUIRED that HTTP/2 is not served fails without an answer", async () => {
    await using server = await startTls(["h2", "http/1.1"], { protocol: "http1" });
    const args = ["-q", "--silent", "--max-time", "20", "--cacert", certificateFile, `${server.origin}/a`];
    const { code, stdout } = await run(curl.path, args);
    // Newer releases of curl ask again over HTTP/1.1.
    if (code === 0) expect(stdout.toString()).toBe("HTTP/1.1 GET /a ");
    else expect(stdout.length).toBe(0);
  });
});

describe("Node's clients", () => {
  async function get1(origin: string, path: string): Promise<string> {
    const request = requestHttp(origin + path, { agent: false }).end();
    const [response] = await once(request, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    return text;
  }

  async function get2(origin: string, paths: readonly string[]): Promise<string[]> {
    const session = connectH2(origin, { ca: certificate().cert });
    const texts = await Promise.all(
      paths.map(async (path) => {
        let text = "";
        for await (const chunk of session.request({ ":path": path })) text += chunk;
        return text;
      }),
    );
    session.close();
    return texts;
  }

  test("[hyper-238] speak both versions to one port in the clear", async () => {
    await using server = await startClear();
    expect(await get1(server.origin, "/a")).toBe("HTTP/1.1 GET /a ");
    expect(await get2(server.origin, ["/a", "/b"])).toEqual(["HTTP/2 GET /a ", "HTTP/2 GET /b "]);
  });

  test("speak HTTP/2 over TLS", async () => {
    await using server = await startTls(["h2"]);
    expect(await get2(server.origin, ["/a", "/b"])).toEqual(["HTTP/2 GET /a ", "HTTP/2 GET /b "]);
  });
});
