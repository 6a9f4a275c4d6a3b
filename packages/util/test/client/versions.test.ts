/**
 * Which version of HTTP a request goes over, and how it leaves HTTP.
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import type { Connector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { readText, bytes as toBytes } from "../support/io.ts";
import { startOrigin } from "../support/origin.ts";
import { plainServer } from "../support/plain-peer.ts";
import { leadingTo } from "./connectors.ts";
import { fetchText, newClient, rejection, text, until } from "./support.ts";

describe("versions", () => {
  test("[pool-2] a connection of another version than was asked for is refused", async () => {
    await using origin = await startOrigin();
    const cases = [
      ["http1", { alpnProtocol: "h2" }],
      ["http2", { alpnProtocol: "http/1.1" }],
    ] as const;
    for (const [version, info] of cases) {
      await using client = newClient({ version, connector: leadingTo(origin.port, info) });
      const error = await rejection(client.get(`${origin.url}/`));
      expect([error.kind, error.code]).toEqual(["connect", "ALPN_MISMATCH"]);
      expect(error.message).toBe(`the server chose ${info.alpnProtocol} by ALPN, but ${version} was asked for`);
      await until(() => origin.openConnections === 0);
      expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    }
  });

  test("[pool-2] a request of HTTP/2 where the server speaks HTTP/1 is refused; one of HTTP/1.1 goes over HTTP/2 as well", async () => {
    await using http1 = await startOrigin();
    await using http2 = await startOrigin({ protocol: "http2" });
    await using client = newClient();
    const error = await rejection(client.request(HttpRequest.get(`${http1.url}/`).withVersion("HTTP/2")));
    expect([error.kind, error.code]).toEqual(["user", "VERSION_MISMATCH"]);
    const response = await client.get(`${http2.url}/`, { version: "http2" });
    expect([response.version, await text(response)]).toEqual(["HTTP/2", "ok\n"]);
  });

  test("[pool-21] what ALPN offers follows the version, and each version has connections of its own", async () => {
    const offers: unknown[] = [];
    const connector: Connector = ({ alpn }) => {
      offers.push(alpn);
      return Promise.reject(new Error("enough"));
    };
    await using client = newClient({ connector });
    for (const version of ["auto", "http1", "http2"] as const) {
      await expect(client.get("http://a.test/", { version })).rejects.toThrow("enough");
    }
    expect(offers).toEqual([["h2", "http/1.1"], ["http/1.1"], ["h2"]]);
    await using origin = await startOrigin({ protocol: () => (origin.connectionCount < 2 ? "http1" : "http2") });
    await using other = newClient();
    for (const version of ["auto", "http1", "http2"] as const) {
      expect(await text(await other.get(`${origin.url}/`, { version }))).toBe("ok\n");
    }
    expect([...other.stats.keys()]).toEqual([origin.url, `${origin.url} http1`, `${origin.url} http2`]);
    expect(origin.connectionCount).toBe(3);
  });

  test("a server that changes its mind: requests follow it to the other protocol", async () => {
    let isHttp2 = true;
    await using origin = await startOrigin({ protocol: () => (isHttp2 ? "http2" : "http1") });
    const connector: Connector = (target, signal) =>
      leadingTo(origin.port, { alpnProtocol: isHttp2 ? "h2" : "http/1.1" })(target, signal);
    await using client = newClient({ connector });
    for (const next of [true, false, true]) {
      isHttp2 = next;
      origin.abortAll();
      await until(() => client.stats.size === 0);
      const bodies = await Promise.all(Array.from({ length: 5 }, () => fetchText(client, `${origin.url}/`)));
      expect(new Set(bodies)).toEqual(new Set(["ok\n"]));
      const { http2, idle } = [...client.stats.values()][0] ?? {};
      expect([http2, (idle ?? 0) > 0]).toEqual(next ? [1, false] : [0, true]);
    }
    expect(client.underWay).toBe(0);
  });
});

describe("leaving HTTP", () => {
  test("[hyper-212] a request with an upgrade field goes over HTTP/1, although the server speaks HTTP/2 too", async () => {
    await using server = await plainServer();
    const offers: unknown[] = [];
    const connector: Connector = (target, signal) => {
      offers.push(target.alpn);
      return leadingTo(server.port, {})(target, signal);
    };
    await using client = newClient({ connector });
    const request = HttpRequest.get("http://a.test/chat", { connection: "upgrade", upgrade: "echo" });
    const response = client.request(request);
    const peer = await server.accepted();
    const head = "GET /chat HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    expect(await peer.bytes(head.length)).toBe(head);
    peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly");
    expect([(await response).status, offers]).toEqual([101, [["http/1.1"]]]);
    const io = await upgradeOn(await response);
    expect(await readText(io)).toBe("early");
    io.write([toBytes("ping")]);
    expect((await peer.bytes(head.length + 4)).slice(head.length)).toBe("ping");
    peer.send("pong");
    expect(await readText(io)).toBe("pong");
    // The connection is not the pool's any more.
    expect([client.stats.size, client.underWay]).toEqual([0, 0]);
    io.abort();
  });

  test("[hyper-212] CONNECT over HTTP/2: a tunnel on one stream, beside other requests on the same connection", async () => {
    await using origin = await startOrigin({
      protocol: "http2",
      service: async (request) => {
        if (request.method !== "CONNECT") return new HttpResponse(200, {}, full("ok\n"));
        const response = new HttpResponse(200);
        upgradeOn(request).then(
          async (io) => {
            for (let chunk = await readText(io); chunk !== null; chunk = await readText(io))
              io.write([toBytes(`<${chunk}>`)]);
            io.shutdown(() => {});
          },
          () => {},
        );
        return response;
      },
    });
    await using client = newClient({ version: "http2" });
    const target = { scheme: "http", host: "127.0.0.1", port: origin.port };
    const response = await client.request(HttpRequest.connect("b.test:99"), { origin: target });
    expect(response.status).toBe(200);
    const io = await upgradeOn(response);
    io.write([toBytes("one")]);
    expect(await readText(io)).toBe("<one>");
    expect(await fetchText(client, `${origin.url}/`)).toBe("ok\n");
    io.write([toBytes("two")]);
    expect(await readText(io)).toBe("<two>");
    expect([...client.stats.values()]).toMatchObject([{ http2: 1, streams: 1 }]);
    io.shutdown(() => {});
    expect(await readText(io)).toBe(null);
    await until(() => [...client.stats.values()][0]?.streams === 0);
    expect([origin.connectionCount, client.underWay]).toEqual([1, 0]);
  });
});
