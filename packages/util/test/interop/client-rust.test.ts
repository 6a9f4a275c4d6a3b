/** hyper-util as the server of the pooled client, and its pooled client as that of servers of both versions. */
import { full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../support/io.ts";
import { startAuto } from "./support/auto-server.ts";
import { buildLimitMs, hyperPeer, type Program, programOf } from "./support/compiled.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { load, many, pooled, told } from "./support/pooled-client.ts";
import { routes } from "./support/routes.ts";

const peer = hyperPeer();
const large = content(4 * mebibyte);
const versions = [
  ["http1", "HTTP/1.1"],
  ["http2", "HTTP/2.0"],
] as const;

describe.skipIf(peer.skipped)("hyper-util", () => {
  let built: Program | undefined;
  beforeAll(async () => {
    built = await peer.build();
  }, buildLimitMs);
  beforeEach(({ skip }) => skip(built === undefined, "cannot be compiled here"));

  describe.each(versions)("as server of the pooled client, %s", (version, spoken) => {
    const greeting = `200 hello from ${spoken}`;

    test("content both ways and trailers, on one connection", async () => {
      await using server = await programOf(built).serve(["either"]);
      await using pool = pooled({ version });
      const { client } = pool;
      const origin = `http://127.0.0.1:${server.port}`;
      expect(await told(await client.get(`${origin}/hello`))).toBe(greeting);
      expect(await told(await client.get(`${origin}/nowhere`))).toBe("404 not found");
      const head = await client.request(HttpRequest.head(`${origin}/hello`));
      expect([await told(head), head.headers.get("content-length")]).toEqual(["200 ", "19"]);
      for (const body of [full(large), inPieces(large)]) {
        const echoed = await client.request(HttpRequest.post(`${origin}/echo`, body));
        expect(await measured(echoed.body)).toEqual({ bytes: large.length, sha256: sha256(large) });
      }
      const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
      const fields = { trailer: "x-sum", te: "trailers" };
      const echoed = await client.request(
        HttpRequest.post(`${origin}/echo`, inPieces(Buffer.from("content"), { trailers }), fields),
      );
      expect(await measured(echoed.body)).toEqual({ bytes: 7, sha256: sha256(Buffer.from("content")) });
      expect([pool.connections, pool.retries]).toEqual([1, []]);
    });

    test("a hundred requests at once, a body that breaks off, a response that is given up", async () => {
      await using server = await programOf(built).serve(["either"]);
      await using pool = pooled({ version });
      const origin = `http://127.0.0.1:${server.port}`;
      expect(await many(pool, `${origin}/hello`, 300, 100)).toEqual({ [greeting]: 300 });
      const code = version === "http2" ? "STREAM_RESET" : "INCOMPLETE_MESSAGE";
      expect(await failure(pool.client.get(`${origin}/break`).then(told))).toMatchObject({ code });
      const { body } = await pool.client.get(`${origin}/bytes?${64 * mebibyte}`);
      body.cancel();
      expect(await told(await pool.client.get(`${origin}/hello`))).toBe(greeting);
    });

    test("shuts its connections down while requests are under way: no request fails", async () => {
      await using server = await programOf(built).serve(["either"]);
      await using pool = pooled({ version });
      const running = load(pool, `http://127.0.0.1:${server.port}/hello`, 8);
      for (let round = 1; round <= 3; round++) {
        const before = running.count;
        await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(before + 100);
        expect(await server.ask("restart")).toBe("restarted");
      }
      expect(await running.stop()).toEqual({ [greeting]: running.count });
      expect(pool.connections).toBeGreaterThanOrEqual(4);
    });
  });

  test.each(versions)("as pooled client of serveAll, %s", async (version, spoken) => {
    await using server = await startAuto(routes);
    const { code, stdout, stderr } = await programOf(built).run(["pooled", `127.0.0.1:${server.port}`, version]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.toString().split("\n")).toEqual([
      ...Array.from({ length: 3 }, () => `${spoken} b"hello, world\\n"`),
      "echo: true",
      "parallel: 100",
      'next: b"hello, world\\n"',
      "",
    ]);
    expect(server.failures).toEqual([]);
    await expect.poll(() => server.serving.count).toBe(0);
    if (version === "http2") expect(server.endings.length).toBe(1);
  });
});
