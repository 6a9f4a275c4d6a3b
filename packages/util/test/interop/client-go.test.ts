/** Go's net/http as the server of the pooled client, and as the client of servers of both versions. */
import { full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../support/io.ts";
import { startAuto } from "./support/auto-server.ts";
import { certificateFile, keyFile } from "./support/certificate.ts";
import { buildLimitMs, goPeer, type Program, programOf } from "./support/compiled.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { load, many, pooled, told } from "./support/pooled-client.ts";
import { hello, routes } from "./support/routes.ts";

const peer = goPeer();
const large = content(4 * mebibyte);

/** What Go's server speaks, whether over TLS, what the client is told to speak, and what comes of it. */
const servers = [
  ["HTTP/1.1 in the clear", "both", false, "auto", "HTTP/1.1"],
  ["HTTP/2 in the clear", "both", false, "http2", "HTTP/2.0"],
  ["HTTP/1.1 over TLS", "http1", true, "auto", "HTTP/1.1"],
  ["HTTP/2 over TLS", "both", true, "auto", "HTTP/2.0"],
] as const;

/** What Go's client speaks, whether over TLS, and what comes of it. */
const clients = [
  ["HTTP/1.1 in the clear", "http1", false, "HTTP/1.1"],
  ["HTTP/2 in the clear", "http2", false, "HTTP/2.0"],
  ["HTTP/1.1 over TLS", "http1", true, "HTTP/1.1"],
  ["HTTP/2 over TLS", "both", true, "HTTP/2.0"],
] as const;

describe.skipIf(peer.skipped)("net/http of Go, with the parts above a connection", () => {
  let built: Program | undefined;
  beforeAll(async () => {
    built = await peer.build();
  }, buildLimitMs);
  beforeEach(({ skip }) => skip(built === undefined, "cannot be compiled here"));

  describe.each(servers)("its server, by the pooled client, %s", (_, versions, tls, version, spoken) => {
    async function start() {
      const server = await programOf(built).serve([versions, ...(tls ? [certificateFile, keyFile] : [])]);
      const pool = pooled({ version });
      const origin = `${tls ? "https" : "http"}://127.0.0.1:${server.port}`;
      return {
        server,
        pool,
        client: pool.client,
        origin,
        async [Symbol.asyncDispose]() {
          await pool[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    }

    test("content both ways, trailers both ways, 100 and 103, all on one connection", async () => {
      await using under = await start();
      const { client, origin, pool } = under;
      expect(await told(await client.get(`${origin}/hello`))).toBe(`200 hello from ${spoken}`);
      expect((await told(await client.get(`${origin}/nowhere`))).slice(0, 3)).toBe("404");
      for (const body of [full(large), inPieces(large)]) {
        const echoed = await client.request(HttpRequest.post(`${origin}/echo`, body));
        expect(await measured(echoed.body)).toEqual({ bytes: large.length, sha256: sha256(large) });
      }
      const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
      const informed: unknown[] = [];
      const onInformational = (status: number, headers: HeaderMap) => void informed.push([status, headers.get("link")]);
      const fields = { trailer: "x-sum", te: "trailers", expect: "100-continue" };
      const post = HttpRequest.post(`${origin}/echo`, inPieces(Buffer.from("content"), { trailers }), fields);
      const response = await client.request(post, { onInformational, timeouts: { expectContinueTimeoutMs: 20_000 } });
      const seen: string[] = [];
      for await (const frame of response.body) {
        seen.push(frame instanceof Uint8Array ? Buffer.from(frame).toString() : JSON.stringify([...frame.fields]));
      }
      expect([seen.slice(0, -1).join(""), seen.at(-1)]).toEqual(["content", '[["x-sum","1"]]']);
      const early = await client.get(`${origin}/early`, { onInformational });
      expect(await told(early)).toBe("200 late");
      expect(informed).toEqual([
        [100, undefined],
        [103, "</a>; rel=preload"],
      ]);
      expect([pool.connections, pool.retries]).toEqual([1, []]);
    });

    test("a hundred requests at once", async () => {
      await using under = await start();
      const outcomes = await many(under.pool, `${under.origin}/hello`, 300, 100);
      expect(outcomes).toEqual({ [`200 hello from ${spoken}`]: 300 });
      expect(under.pool.retries).toEqual([]);
      if (spoken === "HTTP/2.0") expect(under.pool.connections).toBe(1);
    });

    test("a handler that breaks off, a response that is given up, a request that is given up: the next is served", async () => {
      await using under = await start();
      const { client, origin } = under;
      const broken = await client.get(`${origin}/break`);
      const code = spoken === "HTTP/2.0" ? "STREAM_RESET" : "INCOMPLETE_MESSAGE";
      expect(await failure(told(broken))).toMatchObject({ code });
      const endless = await client.get(`${origin}/bytes?${64 * mebibyte}`);
      endless.body.cancel();
      const given = new AbortController();
      const sent = failure(client.get(`${origin}/wait`, { signal: given.signal }));
      setImmediate(() => given.abort());
      expect(await sent).toMatchObject({ kind: "canceled", code: "CANCELED" });
      expect(await told(await client.get(`${origin}/hello`))).toBe(`200 hello from ${spoken}`);
    });

    test("shuts down while requests are under way, and another one goes on: no request fails", async () => {
      await using under = await start();
      const { pool, origin, server } = under;
      const running = load(pool, `${origin}/hello`, 8);
      for (let round = 1; round <= 3; round++) {
        const before = running.count;
        await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(before + 100);
        expect(await server.ask("restart")).toBe("restarted");
      }
      expect(await running.stop()).toEqual({ [`200 hello from ${spoken}`]: running.count });
      expect(pool.connections).toBeGreaterThanOrEqual(4);
    });
  });

  describe.each(clients)("its client at serveAll, %s", (_, versions, tls, spoken) => {
    test("content and trailers both ways, 100 and 103, 413, and a request that is given up", async () => {
      await using server = await startAuto(routes, { tls });
      const trust = tls ? [certificateFile] : [];
      const { code, stdout, stderr } = await programOf(built).run(["client", versions, server.origin, ...trust]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout.toString())).toEqual({
        Hello: `${spoken} ${hello}`,
        Missing: 404,
        Echo: sha256(content(8 * mebibyte)),
        Trailers: "content 1",
        Parallel: 100,
        Early: ["103 </style.css>; rel=preload", "late\n"],
        Expect: "content",
        Refused: "413 too much\n",
        Canceled: "context canceled",
        Next: hello,
      });
      expect(server.failures).toEqual([]);
      await expect.poll(() => server.serving.count).toBe(0);
      if (spoken === "HTTP/2.0") expect(server.endings.length).toBe(1);
    });
  });
});
