/** Proxies of others between the connectors and an origin of our own. */
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
  socks,
  tunnel,
} from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { bytes, failure, readText, readToEnd, shutdown } from "../support/io.ts";
import { startEcho, startHttpOrigin, type TestServer } from "../support/proxies.ts";
import { certificate } from "./support/certificate.ts";
import { program as haproxy, startTlsEnd } from "./support/haproxy.ts";
import { program as microsocks, startMicrosocks } from "./support/microsocks.ts";
import { startTinyproxy, program as tinyproxy } from "./support/tinyproxy.ts";

const credentials = { username: "Aladdin", password: "open_sesame" };
const user = `${credentials.username}:${credentials.password}@`;
const { cert } = certificate();

function to(server: TestServer, scheme = "https", host = "127.0.0.1") {
  return { scheme, host, port: server.port };
}

/** The greeting of an origin that speaks first, and 64 KiB there and back, to the end. */
async function expectEcho({ io }: Connected): Promise<void> {
  const sent = "0123456789abcdef".repeat(4096);
  let back = "";
  while (back.length < 11) back += await readText(io);
  io.write([bytes(sent)]);
  while (back.length < 11 + sent.length) back += await readText(io);
  expect(back.slice(0, 11)).toBe("220 ready\r\n");
  expect(back.slice(11) === sent).toBe(true);
  const rest = readToEnd(io);
  await shutdown(io);
  expect(await rest).toBe("");
  io.abort();
}

async function get(connected: Connected, target: string, host: string): Promise<string> {
  const { sender, connection } = await handshake(connected.io);
  const response = await sender.send(HttpRequest.get(target, [["host", host], ...connected.proxyFields]));
  const text = await collect(response.body).text();
  connection.abort();
  return `${response.status} ${text}`;
}

describe.skipIf(tinyproxy.skipped)("tinyproxy", () => {
  test("[hyper-226] CONNECT, to an origin that speaks first and to one with TLS", async () => {
    await using proxy = await startTinyproxy();
    await using echo = await startEcho();
    await using secure = await startHttpOrigin(certificate());
    const inner = tunnel({ proxy: `http://127.0.0.1:${proxy.port}` });
    await expectEcho(await inner(to(echo)));
    const connected = await httpsConnector({ inner, ca: cert })(to(secure, "https", "localhost"));
    expect(await get(connected, "/a", "localhost")).toBe("200 for /a");
  });

  test("[hyper-226] credentials: right, wrong and missing", async () => {
    await using proxy = await startTinyproxy({ credentials });
    await using echo = await startEcho();
    const address = `127.0.0.1:${proxy.port}`;
    await expectEcho(await tunnel({ proxy: `http://${user}${address}` })(to(echo)));
    for (const [wrong, code] of [
      ["", "PROXY_AUTH_REQUIRED"],
      // tinyproxy answers these with 401, which only an origin should do.
      ["Aladdin:other@", "PROXY_REFUSED"],
    ]) {
      const connect = tunnel({ proxy: `http://${wrong}${address}` });
      expect(await failure(connect(to(echo)))).toMatchObject({ kind: "connect", code });
    }
  });

  test("[hyper-226] a port that is not allowed, and an origin that is not there", async () => {
    await using proxy = await startTinyproxy({ connectPorts: [1] });
    await using echo = await startEcho();
    const connect = tunnel({ proxy: `http://127.0.0.1:${proxy.port}` });
    expect(await failure(connect(to(echo)))).toMatchObject({
      kind: "connect",
      code: "PROXY_REFUSED",
      message: `the proxy http://127.0.0.1:${proxy.port} answered with 403`,
    });
    expect(await failure(connect({ scheme: "https", host: "127.0.0.1", port: 1 }))).toMatchObject({
      kind: "connect",
      code: "PROXY_REFUSED",
    });
  });

  test("absolute-form, with and without credentials", async () => {
    await using open = await startTinyproxy();
    await using closed = await startTinyproxy({ credentials });
    await using origin = await startHttpOrigin();
    const host = `127.0.0.1:${origin.port}`;
    for (const proxy of [`http://127.0.0.1:${open.port}`, `http://${user}127.0.0.1:${closed.port}`]) {
      const connected = await forwardProxy({ proxy })(to(origin, "http"));
      expect(connected.proxied).toBe(true);
      expect(await get(connected, `http://${host}/b?c`, host)).toBe("200 for /b?c");
    }
    expect(origin.asked).toEqual(["GET /b?c", "GET /b?c"]);
  });
});

describe.skipIf(microsocks.skipped)("microsocks", () => {
  test("[hyper-227] names by the proxy and by us", async () => {
    await using proxy = await startMicrosocks();
    await using echo = await startEcho();
    await using secure = await startHttpOrigin(certificate());
    const address = `127.0.0.1:${proxy.port}`;
    for (const [scheme, host] of [
      ["socks5h", "localhost"],
      ["socks5", "localhost"],
      ["socks5h", "127.0.0.1"],
    ] as const) {
      const connect = socks({ proxy: `${scheme}://${address}`, resolver: onlyIpv4 });
      await expectEcho(await connect(to(echo, "https", host)));
    }
    const inner = socks({ proxy: `socks5h://${address}` });
    const connected = await httpsConnector({ inner, ca: cert })(to(secure, "https", "localhost"));
    expect(await get(connected, "/s", "localhost")).toBe("200 for /s");
  });

  test("[hyper-227] credentials: right, wrong and missing", async () => {
    await using proxy = await startMicrosocks({ credentials });
    await using echo = await startEcho();
    const address = `127.0.0.1:${proxy.port}`;
    await expectEcho(await socks({ proxy: `socks5h://${user}${address}` })(to(echo)));
    for (const [wrong, code] of [
      ["", "SOCKS_AUTH_REQUIRED"],
      ["Aladdin:other@", "SOCKS_AUTH_FAILED"],
    ]) {
      expect(await failure(socks({ proxy: `socks5h://${wrong}${address}` })(to(echo)))).toMatchObject({
        kind: "connect",
        code,
      });
    }
  });

  test("an origin that is not there", async () => {
    await using proxy = await startMicrosocks();
    const connect = socks({ proxy: `socks5h://127.0.0.1:${proxy.port}` });
    expect(await failure(connect({ scheme: "https", host: "127.0.0.1", port: 1 }))).toMatchObject({
      kind: "connect",
      code: "SOCKS_REFUSED",
      message: "the SOCKS5 proxy refused with 0x05: connection refused",
    });
  });
});

describe.skipIf(tinyproxy.skipped || haproxy.skipped)("tinyproxy behind HAProxy, which has TLS", () => {
  test("an https proxy: no ALPN with it, the tunnel and what is forwarded are inside its TLS", async () => {
    await using web = await startTinyproxy({ credentials });
    await using outside = await startTlsEnd(web.port);
    await using secure = await startHttpOrigin(certificate());
    await using plain = await startHttpOrigin();
    const proxy = `https://${user}localhost:${outside.port}`;
    const inner = proxyConnector({ matcher: new ProxyMatcher({ all: proxy }), tls: { ca: cert } });
    const connect: Connector = httpsConnector({ inner, ca: cert });
    expect(await get(await connect(to(secure, "https", "localhost")), "/s", "localhost")).toBe("200 for /s");
    const host = `127.0.0.1:${plain.port}`;
    const forwarded = await connect(to(plain, "http"));
    expect([forwarded.alpn, forwarded.io.info?.secure]).toEqual([undefined, true]);
    expect(await get(forwarded, `http://${host}/p`, host)).toBe("200 for /p");
  });
});

describe.skipIf(tinyproxy.skipped || microsocks.skipped)("tinyproxy and microsocks", () => {
  test("chosen by target, below TLS", async () => {
    await using web = await startTinyproxy();
    await using sock = await startMicrosocks();
    await using secure = await startHttpOrigin(certificate());
    await using plain = await startHttpOrigin();
    const matcher = new ProxyMatcher({ http: `127.0.0.1:${web.port}`, https: `socks5h://127.0.0.1:${sock.port}` });
    const connect: Connector = httpsConnector({ inner: proxyConnector({ matcher }), ca: cert });
    const host = `127.0.0.1:${plain.port}`;
    expect(await get(await connect(to(plain, "http")), `http://${host}/p`, host)).toBe("200 for /p");
    expect(await get(await connect(to(secure, "https", "localhost")), "/s", "localhost")).toBe("200 for /s");
  });
});

const onlyIpv4 = {
  async *resolve() {
    yield [{ address: "127.0.0.1", family: 4 as const }];
  },
};
