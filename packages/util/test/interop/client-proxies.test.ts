/** Proxies of others between the pooled client and a server of both versions. */
import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import type { Origin } from "@sluice/util/client";
import { httpConnector, httpsConnector, ProxyMatcher, proxyConnector, proxyFromEnv } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { failure } from "../support/io.ts";
import { type AutoServer, startAuto } from "./support/auto-server.ts";
import { certificate } from "./support/certificate.ts";
import { content, measured, mebibyte, sha256 } from "./support/content.ts";
import { program as haproxy, startTlsEnd } from "./support/haproxy.ts";
import { program as microsocks, startMicrosocks } from "./support/microsocks.ts";
import { many, pooled, told } from "./support/pooled-client.ts";
import { hello, routes } from "./support/routes.ts";
import { startTinyproxy, program as tinyproxy } from "./support/tinyproxy.ts";

const credentials = { username: "Aladdin", password: "open_sesame" };
const user = `${credentials.username}:${credentials.password}@`;
const large = content(mebibyte);
const tls = { ca: certificate().cert };

/**
 * This machine by a name that rules for proxies do not take for it, so that those of the environment hold; the certificate is for
 * localhost all the same.
 */
function elsewhere({ port }: AutoServer, scheme = "http"): Origin {
  return { scheme, host: "0.0.0.0", port, ...(scheme === "https" && { servername: "localhost" }) };
}

describe.skipIf(tinyproxy.skipped)("tinyproxy, by the pooled client", () => {
  test.each([
    ["HTTP/2", "auto", "HTTP/2", 1],
    ["HTTP/1.1", "http1", "HTTP/1.1", 10],
  ] as const)("https through CONNECT, %s inside", async (_, version, spoken, connections) => {
    await using server = await startAuto(routes, { tls: true });
    await using proxy = await startTinyproxy({ credentials });
    await using pool = pooled({ proxy: `http://${user}127.0.0.1:${proxy.port}`, tls, version });
    const size = await pool.client.request(HttpRequest.post(`${server.origin}/size`, full(large)));
    expect(JSON.parse((await told(size)).slice(4))).toMatchObject({ version: spoken, sha256: sha256(large) });
    const stream = await pool.client.get(`${server.origin}/stream?${mebibyte}`);
    expect(await measured(stream.body)).toEqual({ bytes: mebibyte, sha256: sha256(large) });
    expect(pool.connections).toBe(1);
    expect(await many(pool, `${server.origin}/hello`, 50, 10)).toEqual({ [`200 ${hello}`]: 50 });
    expect(pool.connections).toBeLessThanOrEqual(connections);
    expect([server.failures, pool.retries]).toEqual([[], []]);
  });

  test("http in absolute-form: what arrives has Via, and nothing that was meant for the proxy", async () => {
    const seen: HttpRequest[] = [];
    await using server = await startAuto((request) => {
      seen.push(request);
      return routes(request);
    });
    await using proxy = await startTinyproxy({ credentials });
    const settings = { proxy: `http://${user}127.0.0.1:${proxy.port}` };
    await using pool = pooled(settings);
    for (let i = 0; i < 3; i++)
      expect(await told(await pool.client.get(`${server.origin}/hello`))).toBe(`200 ${hello}`);
    // tinyproxy ends each connection behind its answer without having said so. A GET that is on its way then is repeated; what is
    // not idempotent is not, and so it is given a connection that nothing was asked on before.
    await using other = pooled(settings);
    const echoed = await other.client.request(HttpRequest.post(`${server.origin}/echo`, full(large)));
    expect(await measured(echoed.body)).toEqual({ bytes: mebibyte, sha256: sha256(large) });
    expect(server.exchanges).toEqual([...Array.from({ length: 3 }, () => "GET /hello 200"), "POST /echo 200"]);
    for (const { headers } of seen) {
      expect(headers.get("via")).toContain("tinyproxy");
      expect(headers.get("host")).toBe(`127.0.0.1:${server.port}`);
      expect(headers.has("proxy-authorization")).toBe(false);
    }
    expect(pool.connections).toBeGreaterThanOrEqual(3);
  });

  test("a proxy that refuses: without TLS its answer is the answer, with TLS there is no connection", async () => {
    await using plain = await startAuto(routes);
    await using secure = await startAuto(routes, { tls: true });
    await using proxy = await startTinyproxy({ credentials });
    await using pool = pooled({ proxy: `http://127.0.0.1:${proxy.port}`, tls });
    expect((await pool.client.get(`${plain.origin}/hello`)).status).toBe(407);
    expect(await failure(pool.client.get(`${secure.origin}/hello`))).toMatchObject({
      kind: "connect",
      code: "PROXY_AUTH_REQUIRED",
    });
    expect([...plain.exchanges, ...secure.exchanges]).toEqual([]);
  });

  test("what the environment names is used, but not for this machine nor for what NO_PROXY says", async () => {
    await using plain = await startAuto(routes);
    await using secure = await startAuto(routes, { tls: true });
    await using proxy = await startTinyproxy({ credentials });
    const url = `http://${user}127.0.0.1:${proxy.port}`;
    const targets = [
      ["http://0.0.0.0", elsewhere(plain)],
      ["https://0.0.0.0", elsewhere(secure, "https")],
      ["http://127.0.0.1", { scheme: "http", host: "127.0.0.1", port: plain.port }],
      ["http://localhost", { scheme: "http", host: "localhost", port: plain.port }],
    ] as const;
    /** Which of the targets the proxy was asked for. */
    const proxied = async (env: { readonly [name: string]: string }): Promise<string[]> => {
      await using pool = pooled({ proxy: proxyFromEnv(env), tls });
      const through: string[] = [];
      for (const [name, origin] of targets) {
        const before = proxyRequests(proxy.log);
        const request = HttpRequest.get(`${origin.scheme}://${origin.host}:${origin.port}/hello`);
        expect(await told(await pool.client.request(request, { origin }))).toBe(`200 ${hello}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (proxyRequests(proxy.log) > before) through.push(name);
      }
      return through;
    };
    expect(await proxied({ HTTP_PROXY: url })).toEqual(["http://0.0.0.0"]);
    expect(await proxied({ https_proxy: url })).toEqual(["https://0.0.0.0"]);
    expect(await proxied({ ALL_PROXY: url })).toEqual(["http://0.0.0.0", "https://0.0.0.0"]);
    expect(await proxied({ ALL_PROXY: url, NO_PROXY: `0.0.0.0:${secure.port}` })).toEqual(["http://0.0.0.0"]);
    expect(await proxied({ ALL_PROXY: url, no_proxy: "0.0.0.0/8" })).toEqual([]);
    expect(await proxied({ ALL_PROXY: url, NO_PROXY: "*" })).toEqual([]);
    expect(await proxied({})).toEqual([]);
  });
});

/** tinyproxy notes the first line of each request. */
function proxyRequests(log: string): number {
  return log.split("Request (file descriptor").length - 1;
}

describe.skipIf(microsocks.skipped)("microsocks, by the pooled client", () => {
  test.each([
    ["socks5", true],
    ["socks5h", true],
    ["socks5", false],
    ["socks5h", false],
  ] as const)("%s, TLS: %s", async (scheme, secure) => {
    await using server = await startAuto(routes, { tls: secure });
    await using proxy = await startMicrosocks({ credentials });
    await using pool = pooled({ proxy: `${scheme}://${user}127.0.0.1:${proxy.port}`, tls });
    const origin = server.origin.replace("127.0.0.1", "localhost");
    const size = await pool.client.request(HttpRequest.post(`${origin}/size`, full(large)));
    const facts: unknown = JSON.parse((await told(size)).slice(4));
    expect(facts).toMatchObject({ version: secure ? "HTTP/2" : "HTTP/1.1", sha256: sha256(large) });
    expect(await many(pool, `${origin}/hello`, 50, 10)).toEqual({ [`200 ${hello}`]: 50 });
    // Without TLS nobody needs to know of the proxy, and connections are kept.
    expect(pool.connections).toBeLessThanOrEqual(secure ? 1 : 10);
    expect([server.failures, pool.retries]).toEqual([[], []]);
  });
});

describe.skipIf(tinyproxy.skipped || haproxy.skipped)(
  "tinyproxy behind HAProxy, which has TLS, by the pooled client",
  () => {
    test("an https proxy: HTTP/2 within TLS within TLS, and absolute-form within TLS", async () => {
      await using secure = await startAuto(routes, { tls: true });
      await using plain = await startAuto(routes);
      await using web = await startTinyproxy({ credentials });
      await using outside = await startTlsEnd(web.port);
      const matcher = new ProxyMatcher({ all: `https://${user}localhost:${outside.port}` });
      const inner = proxyConnector({ matcher, tls, inner: httpConnector({ enforceHttp: false }) });
      await using pool = pooled({ connector: httpsConnector({ inner, ...tls }) });
      const size = await pool.client.request(HttpRequest.post(`${secure.origin}/size`, full(large)));
      expect(JSON.parse((await told(size)).slice(4))).toMatchObject({ version: "HTTP/2", sha256: sha256(large) });
      const forwarded = await pool.client.request(HttpRequest.post(`${plain.origin}/size`, full(large)));
      expect(JSON.parse((await told(forwarded)).slice(4))).toMatchObject({
        version: "HTTP/1.1",
        sha256: sha256(large),
      });
      expect(await many(pool, `${secure.origin}/hello`, 50, 10)).toEqual({ [`200 ${hello}`]: 50 });
      expect(pool.connections).toBe(2);
    });
  },
);
