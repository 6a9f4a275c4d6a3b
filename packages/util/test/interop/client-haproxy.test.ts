/** HAProxy between the pooled client and a server of our own. */
import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { startAuto } from "./support/auto-server.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { program } from "./support/haproxy.ts";
import { startHaproxy } from "./support/haproxy-process.ts";
import { many, pooled, told } from "./support/pooled-client.ts";
import { hello, routes, type Size } from "./support/routes.ts";

const large = content(mebibyte);

/** What HAProxy is spoken to, and what it speaks to the server. */
const fronts = [
  ["HTTP/1.1", "", "http1"],
  ["HTTP/2 in the clear", "proto h2", "http2"],
  ["HTTP/1.1 over TLS", "ssl alpn http/1.1", "auto"],
  ["HTTP/2 over TLS", "ssl alpn h2,http/1.1", "auto"],
] as const;
const backs = [
  ["HTTP/1.1", "", false, "HTTP/1.1"],
  ["HTTP/2 in the clear", "proto h2", false, "HTTP/2"],
  ["HTTP/1.1 over TLS", "ssl verify required ca-file CERT alpn http/1.1", true, "HTTP/1.1"],
  ["HTTP/2 over TLS", "ssl verify required ca-file CERT alpn h2,http/1.1", true, "HTTP/2"],
] as const;
const pairs = fronts.flatMap((front) => backs.map((back) => [front[0], back[0], front, back] as const));

describe.skipIf(program.skipped)("HAProxy", () => {
  test.each(pairs)("from the client by %s, to the server by %s", async (_from, _to, front, back) => {
    const [, bind, version] = front;
    const [, parameters, tls, spoken] = back;
    await using server = await startAuto(routes, { tls });
    await using proxy = await startHaproxy({ bind, listen: `server one 127.0.0.1:${server.port} ${parameters}` });
    await using pool = pooled({ version });
    const { client } = pool;
    const at = (path: string): string => `${proxy.origin}${path}`;

    expect(await told(await client.get(at("/hello")))).toBe(`200 ${hello}`);
    expect(await told(await client.get(at("/nowhere")))).toBe("404 not found\n");
    expect(await told(await client.get(at("/empty")))).toBe("204 ");
    const head = await client.request(HttpRequest.head(at("/hello")));
    expect([await told(head), head.headers.get("content-length")]).toEqual(["200 ", "13"]);
    for (const body of [full(large), inPieces(large)]) {
      const echoed = await client.request(HttpRequest.post(at("/echo"), body));
      expect(await measured(echoed.body)).toEqual({ bytes: mebibyte, sha256: sha256(large) });
    }
    const size = await client.request(HttpRequest.put(at("/size"), full(large)));
    const facts = JSON.parse((await told(size)).slice(4)) as Size;
    expect([facts.method, facts.version, facts.bytes]).toEqual(["PUT", spoken, mebibyte]);
    expect(await measured((await client.get(at(`/stream?${mebibyte}`))).body)).toEqual({
      bytes: mebibyte,
      sha256: sha256(large),
    });
    expect(pool.connections).toBe(1);
    expect(await many(pool, at("/hello"), 100, 20)).toEqual({ [`200 ${hello}`]: 100 });
    expect([pool.retries, server.failures]).toEqual([[], []]);
    expect(server.exchanges.filter((exchange) => !/ (200|204|404)$/.test(exchange))).toEqual([]);
  });

  test.each([
    ["HTTP/1.1", "", "http1"],
    ["HTTP/2", "proto h2", "http2"],
  ] as const)("trailers go both ways over %s", async (_, proto, version) => {
    await using server = await startAuto(routes);
    await using proxy = await startHaproxy({
      bind: proto,
      listen: `server one 127.0.0.1:${server.port} ${proto}`,
    });
    await using pool = pooled({ version });
    const { body } = await pool.client.request(HttpRequest.get(`${proxy.origin}/trailers`, { te: "trailers" }));
    const seen: string[] = [];
    for await (const frame of body) {
      seen.push(frame instanceof Uint8Array ? Buffer.from(frame).toString() : JSON.stringify([...frame.fields]));
    }
    expect(seen).toEqual(["data", '[["x-checksum","abc"]]']);
  });

  test("an informational response passes", async () => {
    await using server = await startAuto(routes);
    await using proxy = await startHaproxy({ listen: `server one 127.0.0.1:${server.port}` });
    await using pool = pooled();
    const early: unknown[] = [];
    const response = await pool.client.get(`${proxy.origin}/early`, {
      onInformational: (status, headers) => void early.push([status, headers.get("link")]),
    });
    expect([await told(response), early]).toEqual(["200 late\n", [[103, "</style.css>; rel=preload"]]]);
  });

  test("no server behind it: 503, and the connection is used again", async () => {
    await using proxy = await startHaproxy({ listen: "server one 127.0.0.1:1\n retries 0" });
    await using pool = pooled();
    for (let i = 0; i < 2; i++) expect((await pool.client.get(`${proxy.origin}/hello`)).status).toBe(503);
  });
});
