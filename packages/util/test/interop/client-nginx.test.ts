/** nginx as the server of the pooled client. */
import { collect, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { certificateFile, keyFile } from "./support/certificate.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { type NginxConfig, program, startNginx } from "./support/nginx.ts";
import { load, many, pooled, told } from "./support/pooled-client.ts";

const large = content(mebibyte);
const secure = `ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile};`;

/** Files, a place to put some, and what nginx itself knows of a request. */
const origin: NginxConfig = {
  http: "default_type application/octet-stream; keepalive_requests 10000;",
  files: { "large.bin": large },
  server: `
    client_max_body_size 64m;
    location /facts { default_type text/plain; return 200 "$server_protocol $connection_requests"; }
    location /hello { return 200 "hello"; }
    location /process { return 200 "$pid"; }
    location /status/404 { return 404 "none"; }
    location /status/503 { return 503 "not now"; }
    location /moved { return 301 /hello; }
    location /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:1; }
    location /put/ { dav_methods PUT; create_full_put_path on; }
  `,
};

const modes = [
  ["HTTP/1.1 in the clear", "", undefined, "HTTP/1.1"],
  ["HTTP/2 in the clear", "http2", "http2", "HTTP/2.0"],
  ["HTTP/1.1 over TLS", "ssl", undefined, "HTTP/1.1"],
  ["HTTP/2 over TLS", "ssl http2", undefined, "HTTP/2.0"],
  ["HTTP/1.1 over TLS, though the server speaks HTTP/2", "ssl http2", "http1", "HTTP/1.1"],
] as const;

describe.skipIf(program.skipped)("nginx, by the pooled client", () => {
  describe.each(modes)("%s", (_, listen, version, spoken) => {
    const start = () =>
      startNginx({ ...origin, listen, server: `${listen.includes("ssl") ? secure : ""} ${origin.server}` });
    const options = { ...(version !== undefined && { version }) };

    test("requests of every kind, one after the other: all of them on one connection", async () => {
      await using nginx = await start();
      await using pool = pooled(options);
      const { client } = pool;
      expect(await told(await client.get(`${nginx.origin}/facts`))).toBe(`200 ${spoken} 1`);

      const file = await client.get(`${nginx.origin}/large.bin`);
      expect([file.status, file.headers.get("content-length")]).toEqual([200, String(mebibyte)]);
      expect(await measured(file.body)).toEqual({ bytes: mebibyte, sha256: sha256(large) });

      const head = await client.request(HttpRequest.head(`${nginx.origin}/large.bin`));
      expect([head.status, head.headers.get("content-length"), await told(head)]).toEqual([
        200,
        String(mebibyte),
        "200 ",
      ]);

      const range = HttpRequest.get(`${nginx.origin}/large.bin`, { range: "bytes=1000-1999" });
      const part = await client.request(range);
      expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 1000-1999/${mebibyte}`]);
      expect(Buffer.from(await collect(part.body).bytes()).equals(large.subarray(1000, 2000))).toBe(true);

      const match = { "if-none-match": String(file.headers.get("etag")) };
      const cached = await client.request(HttpRequest.get(`${nginx.origin}/large.bin`, match));
      expect(await told(cached)).toBe("304 ");

      expect(await told(await client.get(`${nginx.origin}/status/404`))).toBe("404 none");
      expect(await told(await client.get(`${nginx.origin}/status/503`))).toBe("503 not now");
      const moved = await client.get(`${nginx.origin}/moved`);
      expect([moved.status, moved.headers.get("location")]).toEqual([301, `${nginx.origin}/hello`]);
      await collect(moved.body).bytes();
      expect(await told(await client.get(`${nginx.origin}/facts`))).toBe(`200 ${spoken} 9`);
      expect([pool.connections, pool.retries]).toEqual([1, []]);
    });

    test("1 MiB up, of known and of unknown length, is what nginx stores", async () => {
      await using nginx = await start();
      await using pool = pooled(options);
      for (const [name, body] of [
        ["known", full(large)],
        ["unknown", inPieces(large)],
        ["small", full("a")],
        ["empty", full("")],
      ] as const) {
        const put = await pool.client.request(HttpRequest.put(`${nginx.origin}/put/${name}`, body));
        expect(await told(put)).toBe("201 ");
      }
      for (const [name, bytes] of [
        ["known", large],
        ["unknown", large],
        ["small", Buffer.from("a")],
        ["empty", Buffer.from("")],
      ] as const) {
        const { body } = await pool.client.get(`${nginx.origin}/put/${name}`);
        expect(await measured(body)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
      }
      expect([pool.connections, pool.retries]).toEqual([1, []]);
    });

    test("content that is too large is answered by 413, and the next request is served", async () => {
      await using nginx = await start();
      await using pool = pooled(options);
      const refused = await pool.client.request(HttpRequest.post(`${nginx.origin}/small`, full(content(10_000))));
      expect(refused.status).toBe(413);
      await collect(refused.body).bytes();
      expect(await told(await pool.client.get(`${nginx.origin}/hello`))).toBe("200 hello");
      expect(pool.retries).toEqual([]);
    });

    test("a response that is given up in the middle: the next request is served", async () => {
      await using nginx = await start();
      await using pool = pooled(options);
      const { body } = await pool.client.get(`${nginx.origin}/large.bin`);
      await body.frame();
      body.cancel();
      expect(await told(await pool.client.get(`${nginx.origin}/hello`))).toBe("200 hello");
      expect(pool.connections).toBe(spoken === "HTTP/2.0" ? 1 : 2);
    });

    test("a connection that nginx ends after five requests: no request fails", async () => {
      const few = { ...origin, http: "keepalive_requests 5;" };
      await using nginx = await startNginx({
        ...few,
        listen,
        server: `${listen.includes("ssl") ? secure : ""} ${origin.server}`,
      });
      // On HTTP/2 five of those that are under way at the same time are served, and the rest have to go on to the next connection.
      await using pool = pooled({ ...options, maxRetries: 20 });
      expect(await many(pool, `${nginx.origin}/hello`, 200, 1)).toEqual({ "200 hello": 200 });
      expect(pool.connections).toBe(40);
      expect(await many(pool, `${nginx.origin}/hello`, 200, 50)).toEqual({ "200 hello": 200 });
    });

    test("reloads while requests are under way: no request fails", async () => {
      await using nginx = await startNginx({
        ...origin,
        listen,
        server: `${listen.includes("ssl") ? secure : ""} ${origin.server}`,
        processes: true,
      });
      await using pool = pooled(options);
      const running = load(pool, `${nginx.origin}/process`, 8);
      for (let round = 1; round <= 3; round++) {
        await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(round * 100);
        nginx.reload();
        const before = running.count;
        await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(before + 100);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const outcomes = await running.stop();
      expect(Object.keys(outcomes).filter((outcome) => !/^200 \d+$/.test(outcome))).toEqual([]);
      // A process for each configuration.
      expect(Object.keys(outcomes).length).toBeGreaterThan(1);
    });
  });

  test("HTTP/2, ten streams at a time: a hundred requests at once are all served", async () => {
    await using nginx = await startNginx({
      ...origin,
      listen: "http2",
      server: `http2_max_concurrent_streams 10; ${origin.server}`,
    });
    await using one = pooled({ version: "http2", maxHttp2ConnectionsPerHost: 1 });
    expect(await many(one, `${nginx.origin}/hello`, 100, 100)).toEqual({ "200 hello": 100 });
    expect(one.connections).toBe(1);
    await using several = pooled({ version: "http2" });
    expect(await many(several, `${nginx.origin}/hello`, 100, 100)).toEqual({ "200 hello": 100 });
    expect(several.connections).toBeLessThanOrEqual(8);
  });

  test("HTTP/1.1: a hundred requests at once on four connections", async () => {
    await using nginx = await startNginx(origin);
    await using pool = pooled({ maxConnectionsPerHost: 4 });
    expect(await many(pool, `${nginx.origin}/hello`, 100, 100)).toEqual({ "200 hello": 100 });
    expect(pool.connections).toBe(4);
  });

  test("connections that nginx ends when they were idle for a second: requests at that moment do not fail", async () => {
    await using nginx = await startNginx({ ...origin, http: "keepalive_timeout 1s;" });
    await using pool = pooled();
    const url = `${nginx.origin}/hello`;
    expect(await many(pool, url, 10, 10)).toEqual({ "200 hello": 10 });
    // All of them around the moment when nginx gives the connection up, each on a connection of its own.
    const late = Array.from({ length: 10 }, async (_value, i) => {
      await new Promise((resolve) => setTimeout(resolve, 995 + i));
      return await pool.client.get(url).then(told);
    });
    expect(await Promise.all(late)).toEqual(Array.from({ length: 10 }, () => "200 hello"));
  });
});
