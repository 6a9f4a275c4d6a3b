/** Proxies on real sockets: what a connection carries arrives, whoever speaks first and however it is cut. */
import { collect } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { handshake } from "@sluice/core/http1";
import {
  type Connected,
  type Connector,
  forwardProxy,
  httpsConnector,
  ProxyMatcher,
  proxyConnector,
  type SocksOptions,
  socks,
  tunnel,
} from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { certificate } from "./interop/support/certificate.ts";
import { bytes, failure, readText, readToEnd, shutdown } from "./support/io.ts";
import { startEcho, startHttpOrigin, startHttpProxy, startSocksProxy, type TestServer } from "./support/proxies.ts";

const credentials = { username: "Aladdin", password: "open: sesame/@" };
const userinfo = `${credentials.username}:${encodeURIComponent(credentials.password)}`;
const { cert } = certificate();
const chunk = "0123456789abcdef".repeat(4096);

function to(server: TestServer, host = "127.0.0.1", scheme = "https") {
  return { scheme, host, port: server.port };
}

/** The greeting arrives, 256 KiB go there and back, and the end goes both ways. */
async function expectEcho({ io }: Connected): Promise<void> {
  let greeting = "";
  while (greeting.length < 11) greeting += await readText(io);
  expect(greeting).toBe("220 ready\r\n");
  for (let i = 0; i < 4; i++) io.write([bytes(chunk)]);
  const back = readToEnd(io);
  await shutdown(io);
  expect((await back) === chunk.repeat(4)).toBe(true);
  io.abort();
}

/** What a GET for `target` is answered with. */
async function get(connected: Connected, target: string): Promise<string> {
  const { sender, connection } = await handshake(connected.io);
  const fields = [["host", "origin.example"], ...connected.proxyFields] as const;
  const response = await sender.send(HttpRequest.get(target, fields));
  const text = await collect(response.body).text();
  connection.abort();
  return `${response.status} ${text}`;
}

/** Nothing is left open anywhere. */
async function expectClosed(...servers: readonly TestServer[]): Promise<void> {
  for (const server of servers) await expect.poll(() => server.open).toBe(0);
}

describe("[hyper-226] a tunnel through an HTTP proxy", () => {
  test("an origin that speaks first, much in both directions, and the ends of both", async () => {
    await using origin = await startEcho();
    await using proxy = await startHttpProxy();
    const connected = await tunnel({ proxy: `http://127.0.0.1:${proxy.port}` })(to(origin));
    expect(connected.io.info).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: proxy.port });
    await expectEcho(connected);
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${origin.port}`]);
    await expectClosed(origin, proxy);
  });

  test("with credentials; without, or with others, it is refused and closed", async () => {
    await using origin = await startEcho();
    await using proxy = await startHttpProxy({ credentials });
    await expectEcho(await tunnel({ proxy: `${userinfo}@127.0.0.1:${proxy.port}` })(to(origin)));
    for (const url of [`http://127.0.0.1:${proxy.port}`, `http://u:p@127.0.0.1:${proxy.port}`]) {
      expect(await failure(tunnel({ proxy: url })(to(origin)))).toMatchObject({ code: "PROXY_AUTH_REQUIRED" });
    }
    await expectClosed(proxy);
  });

  test("an origin that cannot be reached, and a proxy that cannot be reached", async () => {
    await using proxy = await startHttpProxy();
    const gone = await startEcho();
    await gone[Symbol.asyncDispose]();
    const connect = tunnel({ proxy: `http://127.0.0.1:${proxy.port}` });
    expect(await failure(connect(to(gone)))).toMatchObject({
      kind: "connect",
      code: "PROXY_REFUSED",
      message: `the proxy http://127.0.0.1:${proxy.port} answered with 502`,
    });
    const nowhere = tunnel({ proxy: `http://127.0.0.1:${gone.port}` });
    expect(await failure(nowhere(to(proxy)))).toMatchObject({ kind: "connect", code: "ECONNREFUSED" });
    await expectClosed(proxy);
  });

  test("TLS with the origin inside; TLS with the proxy outside, without ALPN; both", async () => {
    await using origin = await startHttpOrigin(certificate());
    await using plain = await startHttpProxy();
    await using secure = await startHttpProxy({ certificate: certificate() });
    for (const proxy of [`http://127.0.0.1:${plain.port}`, `https://localhost:${secure.port}`]) {
      const inner = tunnel({ proxy, tls: { ca: cert } });
      const raw = await inner(to(origin, "localhost"));
      expect([raw.alpn, raw.io.info?.secure]).toEqual([undefined, proxy.startsWith("https")]);
      raw.io.abort();
      const connected = await httpsConnector({ inner, ca: cert, alpn: ["http/1.1"] })(to(origin, "localhost"));
      expect(connected.alpn).toBe("http/1.1");
      expect(await get(connected, "/inside")).toBe("200 for /inside");
    }
    expect(origin.asked).toEqual(["GET /inside", "GET /inside"]);
    await expectClosed(plain, secure, origin);
  });

  test("a proxy of https that is not trusted is told nothing", async () => {
    await using secure = await startHttpProxy({ certificate: certificate() });
    const connect = tunnel({ proxy: `https://${userinfo}@localhost:${secure.port}` });
    expect(await failure(connect(to(secure)))).toMatchObject({ kind: "connect", code: "TLS_SELF_SIGNED" });
    expect(secure.asked).toEqual([]);
    await expectClosed(secure);
  });
});

describe("a proxy that forwards", () => {
  test("requests in absolute-form, with the fields for the proxy", async () => {
    await using plain = await startHttpProxy({ credentials });
    await using secure = await startHttpProxy({ credentials, certificate: certificate() });
    for (const url of [`http://${userinfo}@127.0.0.1:${plain.port}`, `https://${userinfo}@localhost:${secure.port}`]) {
      const connect = forwardProxy({ proxy: url, tls: { ca: cert } });
      const connected = await connect({ scheme: "http", host: "origin.example", port: 80 });
      expect(await get(connected, "http://origin.example/a")).toBe("200 would ask for http://origin.example/a");
    }
    await expectClosed(plain, secure);
  });
});

describe.each([
  ["whole answers", false],
  ["answers in single bytes", true],
])("SOCKS, %s", (_, drip) => {
  const through = async (
    proxy: TestServer,
    url: string,
    origin: TestServer,
    host: string,
    more: object = {},
  ): Promise<void> => {
    const options: SocksOptions = { proxy: `${url}127.0.0.1:${proxy.port}`, ...more };
    await expectEcho(await socks(options)(to(origin, host)));
  };

  test("[hyper-227] version 5: names by the proxy and by us, IPv6, credentials, optimistic", async () => {
    await using origin = await startEcho();
    await using open = await startSocksProxy({ drip });
    await using closed = await startSocksProxy({ drip, credentials });
    await through(open, "socks5h://", origin, "origin.example");
    await through(open, "socks5://", origin, "127.0.0.1");
    await through(open, "socks5h://", origin, "2001:db8::1");
    await through(open, "socks5h://", origin, "origin.example", { optimistic: true });
    await through(open, `socks5h://${userinfo}@`, origin, "origin.example");
    await through(closed, `socks5h://${userinfo}@`, origin, "origin.example");
    await through(closed, `socks5h://${userinfo}@`, origin, "origin.example", { optimistic: true });
    const { port } = origin;
    expect(open.asked).toEqual([
      `socks5 origin.example:${port}`,
      `socks5 127.0.0.1:${port}`,
      `socks5 [2001:0db8:0000:0000:0000:0000:0000:0001]:${port}`,
      `socks5 origin.example:${port}`,
      `socks5 origin.example:${port}`,
    ]);
    expect(closed.asked).toEqual([`socks5 origin.example:${port}`, `socks5 origin.example:${port}`]);
    await expectClosed(open, closed, origin);
  });

  test("[hyper-228] version 4 and 4a", async () => {
    await using origin = await startEcho();
    await using proxy = await startSocksProxy({ drip });
    await through(proxy, "socks4a://me@", origin, "origin.example");
    await through(proxy, "socks4://", origin, "localhost");
    expect(proxy.asked).toEqual([`socks4 [me] origin.example:${origin.port}`, `socks4 [] 127.0.0.1:${origin.port}`]);
    await expectClosed(proxy, origin);
  });

  test("refusals close what was opened", async () => {
    await using origin = await startEcho();
    await using proxy = await startSocksProxy({ drip, credentials });
    const gone = await startEcho();
    await gone[Symbol.asyncDispose]();
    const url = (user: string): string => `socks5h://${user}127.0.0.1:${proxy.port}`;
    for (const [options, target, code] of [
      [{ proxy: url("") }, to(origin), "SOCKS_AUTH_REQUIRED"],
      [{ proxy: url("u:p@") }, to(origin), "SOCKS_AUTH_FAILED"],
      [{ proxy: url(`${userinfo}@`) }, to(gone), "SOCKS_REFUSED"],
      [{ proxy: url(`${userinfo}@`), optimistic: true }, to(gone), "SOCKS_REFUSED"],
    ] as const) {
      expect(await failure(socks(options)(target))).toMatchObject({ kind: "connect", code });
    }
    await expectClosed(proxy);
  });
});

test("SOCKS stands on any connector: a SOCKS proxy behind a tunnel with TLS, and TLS through it", async () => {
  await using origin = await startHttpOrigin(certificate());
  await using outer = await startHttpProxy({ certificate: certificate() });
  await using inner = await startSocksProxy();
  const first = tunnel({ proxy: `https://localhost:${outer.port}`, tls: { ca: cert } });
  const second = socks({ proxy: `socks5h://127.0.0.1:${inner.port}`, inner: first });
  const connected = await httpsConnector({ inner: second, ca: cert })(to(origin, "localhost"));
  expect(await get(connected, "/deep")).toBe("200 for /deep");
  expect([outer.asked, inner.asked, origin.asked]).toEqual([
    [`CONNECT 127.0.0.1:${inner.port}`],
    [`socks5 localhost:${origin.port}`],
    ["GET /deep"],
  ]);
  await expectClosed(outer, inner, origin);
});

test("proxyConnector below TLS: http is forwarded, https is tunnelled, noProxy is direct", async () => {
  await using origin = await startHttpOrigin(certificate());
  await using plain = await startHttpOrigin();
  await using proxy = await startHttpProxy();
  const matcher = new ProxyMatcher({ all: `127.0.0.1:${proxy.port}`, noProxy: "127.0.0.1" });
  const connect: Connector = httpsConnector({ inner: proxyConnector({ matcher }), ca: cert });
  expect(await get(await connect(to(origin, "localhost")), "/secure")).toBe("200 for /secure");
  const forwarded = await connect(to(plain, "localhost", "http"));
  expect(await get(forwarded, "http://localhost/plain")).toBe("200 would ask for http://localhost/plain");
  expect(await get(await connect(to(plain, "127.0.0.1", "http")), "/direct")).toBe("200 for /direct");
  expect(proxy.asked).toEqual([`CONNECT localhost:${origin.port}`, "GET http://localhost/plain"]);
  expect([origin.asked, plain.asked]).toEqual([["GET /secure"], ["GET /direct"]]);
  await expectClosed(origin, plain, proxy);
});
