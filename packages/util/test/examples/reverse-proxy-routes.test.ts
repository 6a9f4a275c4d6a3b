/**
 * The reverse proxy of docs/examples: which upstream is asked, what it is called there, redirects, and its files.
 */
import { readdirSync, readFileSync } from "node:fs";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { type ConnectTarget, httpsConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { plainClient } from "../support/plain-peer.ts";
import { ca } from "../support/tls-fixtures.ts";
import {
  newClient,
  type ProxyConfig,
  received,
  reverseProxy,
  startProxy,
  startUpstream,
  type UpstreamConfig,
  until,
} from "./support.ts";

/** Sends requests by hand on one connection, the last of which ends it; the status lines that came back. */
async function statuses(port: number, ...requests: readonly string[]): Promise<string[]> {
  using client = await plainClient(port);
  const last = `${requests.at(-1)}\r\nconnection: close\r\n\r\n`;
  client.send([...requests.slice(0, -1).map((request) => `${request}\r\n\r\n`), last].join(""));
  await client.outcome();
  return [...client.received.matchAll(/HTTP\/1\.[01] ([0-9]{3})/g)].map(([, status]) => status as string);
}

describe("where to", () => {
  const table: [string, Partial<UpstreamConfig>, Partial<ConnectTarget>, string][] = [
    ["http://up.test", {}, { scheme: "http", host: "up.test", port: 80 }, "up.test"],
    ["http://up.test:80/", {}, { host: "up.test", port: 80 }, "up.test"],
    ["http://UP.test:8080", {}, { host: "up.test", port: 8080 }, "up.test:8080"],
    ["http://[::1]:80", {}, { host: "::1", port: 80 }, "[::1]"],
    ["http://[::1]:8080", {}, { host: "::1", port: 8080 }, "[::1]:8080"],
    ["http://up.test", { connectTo: "10.0.0.1:81" }, { host: "10.0.0.1", port: 81 }, "up.test"],
    ["http://up.test", { connectTo: "[fe80::1]:81" }, { host: "fe80::1", port: 81 }, "up.test"],
    ["http://up.test", { authority: "name.test:80" }, { host: "up.test", port: 80 }, "name.test"],
    ["http://up.test", { authority: "name.test:443" }, { host: "up.test", port: 80 }, "name.test:443"],
    ["http://up.test", { keepHost: true }, { host: "up.test", port: 80 }, "evil.test:1"],
    ["https://up.test", {}, { scheme: "https", host: "up.test", port: 443 }, "up.test"],
    ["https://up.test:443", { servername: "sni.test" }, { host: "up.test", servername: "sni.test" }, "up.test"],
    ["https://up.test", { connectTo: "10.0.0.1:81" }, { host: "10.0.0.1", port: 81, servername: "up.test" }, "up.test"],
    [
      "https://up.test",
      { connectTo: "10.0.0.1:81", servername: "sni.test", authority: "name.test" },
      { host: "10.0.0.1", port: 81, servername: "sni.test" },
      "name.test",
    ],
  ];

  test.each(table)(
    "[pool-25] %s with %j: address, name for TLS and Host, whatever the client says",
    async (url, more, target, host) => {
      await using upstream = await startUpstream(() => new HttpResponse(), { tls: url.startsWith("https:") });
      const targets: ConnectTarget[] = [];
      const connect = httpsConnector({ ca, servername: "localhost" });
      await using proxy = await startProxy({
        routes: [{ upstream: { url, version: "http1", ...more } }],
        connector: (to, signal) => {
          targets.push(to);
          return connect({ ...to, host: "127.0.0.1", port: upstream.port }, signal);
        },
      });
      expect(await statuses(proxy.port, "GET / HTTP/1.1\r\nhost: evil.test:1")).toEqual(["200"]);
      const { scheme, alpn: _, ...to } = targets[0] as ConnectTarget;
      const expected = { scheme, ...target };
      expect({ scheme, ...to }).toEqual({ host: "up.test", port: scheme === "https" ? 443 : 80, ...expected });
      expect(upstream.asked.map(({ authority }) => authority)).toEqual([host]);
    },
  );

  test("[pool-25] HTTP/2 over TLS: the name asked for, the address and :authority are three things", async () => {
    await using upstream = await startUpstream(() => new HttpResponse(), { tls: true });
    const connectTo = `127.0.0.1:${upstream.port}`;
    const given = { url: "https://other.test", connectTo, servername: "localhost", authority: "name.test:443" };
    await using proxy = await startProxy({ routes: [{ upstream: given }] });
    expect(await statuses(proxy.port, "GET / HTTP/1.1\r\nhost: evil.test")).toEqual(["200"]);
    expect(upstream.asked).toEqual([{ line: "GET / HTTP/2", authority: "name.test", fields: [] }]);
  });

  test.each([
    [{ url: "ftp://a.test" }, "upstream: needs an http or https URL"],
    [{ url: "http://a.test/?q" }, "upstream: http://a.test/?q must end with its path"],
    [{ url: "http://a.test", connectTo: "a.test" }, "must be host:port, got a.test"],
    [{ url: "http://a.test", connectTo: "a.test:0" }, "must be host:port, got a.test:0"],
    [{ url: "http://a.test", colour: "red" }, /^upstream: colour is none of url, /],
  ])("an upstream that makes no sense: %j", (upstream, message) => {
    expect(() => reverseProxy({ routes: [{ upstream }] })).toThrow(message);
  });

  test.each([
    [
      { routes: [{ location: "/a", upstream: { url: "http://a.test" } }] },
      "location: must begin and end with /, got /a",
    ],
    [{ forwarded: "sometimes" }, "forwarded: must be one of append, replace, off"],
    [{ colour: "red" } as ProxyConfig, "reverseProxy: colour is not an option"],
    [{ tunnels: ["a"] }, "must be host:port, got a"],
  ])("options that make no sense: %j", (config, message) => {
    expect(() => reverseProxy(config)).toThrow(message);
  });
});

describe("routes", () => {
  test("[pool-30] by host, then by the longest location; the rest of the path goes behind that of the upstream", async () => {
    await using upstream = await startUpstream(() => new HttpResponse());
    const at = (path: string): UpstreamConfig => ({ url: `${upstream.origin}${path}`, headers: { "x-at": path } });
    await using proxy = await startProxy({
      routes: [
        { location: "/", upstream: at("/default/") },
        { host: "One.test", location: "/a/", upstream: at("/one-a/") },
        { host: "one.test", location: "/a/b/", upstream: at("/") },
        { host: "one.test", location: "/same/", upstream: at("/same") },
      ],
    });
    const asked = async (host: string, path: string) => {
      const [status] = await statuses(proxy.port, `GET ${path} HTTP/1.1\r\nhost: ${host}`);
      return status === "200" ? upstream.asked.at(-1)?.line.split(" ")[1] : status;
    };
    expect(await asked("one.test", "/a/x?y")).toBe("/one-a/x?y");
    expect(await asked("ONE.TEST.:81", "/a/b/c/d")).toBe("/c/d");
    expect(await asked("one.test", "/a/b")).toBe("/one-a/b");
    expect(await asked("one.test", "/same/x")).toBe("/same/x");
    expect(await asked("one.test", "/a")).toBe("404");
    expect(await asked("one.test", "/")).toBe("404");
    expect(await asked("two.test", "/a/x")).toBe("/default/a/x");
    expect(upstream.asked[0]?.fields).toContainEqual(["x-at", "/one-a/"]);
  });

  test("[pool-31] a request without Host gets the default routes, or 404; HTTP/1.1 without Host is 400", async () => {
    await using upstream = await startUpstream(() => new HttpResponse());
    await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin } }], forwarded: "replace" });
    expect(await statuses(proxy.port, "GET / HTTP/1.0")).toEqual(["200"]);
    expect(upstream.asked[0]?.fields.map(([name]) => name)).toEqual(["host", "x-forwarded-for", "x-forwarded-proto"]);
    expect(await statuses(proxy.port, "GET / HTTP/1.1")).toEqual(["400"]);
    expect(await statuses(proxy.port, "GET / HTTP/1.1\r\nhost:")).toEqual(["200"]);
    const only = { host: "one.test", upstream: { url: upstream.origin } };
    await using strict = await startProxy({ routes: [only] });
    expect(await statuses(strict.port, "GET / HTTP/1.0")).toEqual(["404"]);
    expect(upstream.asked.length).toBe(2);
  });

  test("[pool-30] what would leave the location of its route is refused", async () => {
    await using upstream = await startUpstream(() => new HttpResponse());
    await using proxy = await startProxy(upstream.origin);
    const paths = ["/a/../b", "/a/..", "/./a", "/%2e%2E/a", "/a/.%2e/b"];
    for (const path of paths) expect(await statuses(proxy.port, `GET ${path} HTTP/1.1\r\nhost: a`)).toEqual(["400"]);
    expect(upstream.asked).toEqual([]);
    expect(await statuses(proxy.port, "GET /...//a..b/.c?/../ HTTP/1.1\r\nhost: a")).toEqual(["200"]);
    expect(upstream.asked[0]?.line).toBe("GET /...//a..b/.c?/../ HTTP/1.1");
  });

  test("[pool-30] redirects within the upstream are seen from outside; others are left as they are", async () => {
    let location = "";
    await using upstream = await startUpstream(() => new HttpResponse(302, { location }));
    const own = upstream.origin;
    const named: UpstreamConfig = { url: `${own}/app/`, authority: "name.test" };
    await using proxy = await startProxy({
      routes: [{ location: "/x/", upstream: named }, { upstream: { url: `${own}/base/` } }],
    });
    const seen = async (path: string, sent: string, host: string | undefined = "pub.test:8") => {
      location = sent;
      using client = await plainClient(proxy.port);
      client.send(`GET ${path} HTTP/1.0\r\n${host === "" ? "" : `host: ${host}\r\n`}\r\n`);
      await client.outcome();
      return /^location: (.*)\r$/m.exec(client.received)?.[1];
    };
    expect(await seen("/x/", `${own}/app/to?y#z`)).toBe("http://pub.test:8/x/to?y#z");
    expect(await seen("/x/", "HTTP://name.test/app/to")).toBe("http://pub.test:8/x/to");
    expect(await seen("/x/", "/app/to")).toBe("/x/to");
    for (const other of [
      `${own}/elsewhere`,
      `${own}1/app/`,
      "http://name.test.evil/app/",
      "//b.test/app/",
      "/elsewhere",
      "to",
    ]) {
      expect(await seen("/x/", other)).toBe(other);
    }
    expect(await seen("/x/", `${own}/app/to`, "")).toBe(`${own}/app/to`);
    expect(await seen("/y", "/base/to")).toBe("/to");
    // Never to a host of somebody's choice.
    expect(await seen("/y", "/base//evil.test")).toBe("/base//evil.test");
    await using plain = await startProxy(own);
    location = `${own}?q`;
    await using client = newClient();
    const response = await received(await client.request(HttpRequest.get(`${plain.origin}/`)));
    expect(response.fields).toContainEqual(["location", `${plain.origin}/?q`]);
  });
});

test("a shutdown lets what is under way end, and then closes everything", async () => {
  let finish = (): void => {};
  await using upstream = await startUpstream(
    () => new Promise<HttpResponse>((resolve) => (finish = () => resolve(new HttpResponse(200)))),
  );
  await using proxy = await startProxy(upstream.origin);
  using client = await plainClient(proxy.port);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => upstream.asked.length === 1);
  let over = false;
  const closed = proxy.shutdown().then(() => (over = true));
  await expect(plainClient(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(over).toBe(false);
  finish();
  expect(await client.outcome()).toBe("FIN");
  expect(client.received).toBe("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  await closed;
});

test("each file has its line in the README, and is short", () => {
  const folder = new URL("../../../../docs/examples/reverse-proxy/", import.meta.url);
  const readme = readFileSync(new URL("README.md", folder), "utf8");
  const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
  for (const name of files) {
    expect(readme).toContain(`[${name}](${name})`);
    expect(readFileSync(new URL(name, folder), "utf8").split("\n").length).toBeLessThanOrEqual(
      name === "proxy.mjs" ? 200 : 100,
    );
  }
});
