/** Servers of both versions of HTTP behind nginx, which end while there is load. */

import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { type AutoServer, startAuto } from "./support/auto-server.ts";
import { certificateFile } from "./support/certificate.ts";
import { content, measured, mebibyte, sha256 } from "./support/content.ts";
import { type NginxConfig, program, startNginx } from "./support/nginx.ts";
import { load, pooled } from "./support/pooled-client.ts";
import { hello, routes } from "./support/routes.ts";

const ways = [
  ["in the clear", false],
  ["over TLS", true],
] as const;

/** A proxy that keeps its connections to the servers. */
function proxyTo(servers: readonly AutoServer[], tls: boolean): NginxConfig {
  const list = servers.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(" ");
  const trust = `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${certificateFile}; proxy_ssl_name localhost;`;
  return {
    http: `upstream sluice { ${list} keepalive 8; }`,
    server: `
      client_max_body_size 0;
      location / {
        proxy_pass ${tls ? "https" : "http"}://sluice;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        ${tls ? trust : ""}
      }
    `,
  };
}

describe.skipIf(program.skipped).each(ways)("serveAll behind nginx %s", (_, tls) => {
  test("1 MiB both ways, on connections that are kept", async () => {
    await using server = await startAuto(routes, { tls });
    await using nginx = await startNginx(proxyTo([server], tls));
    await using pool = pooled();
    const bytes = content(mebibyte);
    for (let i = 0; i < 5; i++) {
      const response = await pool.client.request(HttpRequest.post(`${nginx.origin}/echo`, full(bytes)));
      expect(await measured(response.body)).toEqual({ bytes: mebibyte, sha256: sha256(bytes) });
    }
    expect(server.exchanges).toEqual(Array.from({ length: 5 }, () => "POST /echo 200"));
    expect(server.serving.count).toBe(1);
    expect(server.errors).toEqual([]);
  });

  test("one of two servers ends under load: no request fails, and none is cut short", async () => {
    await using one = await startAuto(routes, { tls });
    await using two = await startAuto(routes, { tls });
    await using nginx = await startNginx(proxyTo([one, two], tls));
    await using pool = pooled();
    const running = load(pool, `${nginx.origin}/hello`, 8);
    await expect.poll(() => one.exchanges.length, { timeout: 10_000 }).toBeGreaterThan(100);
    const outcome = await one.serving.shutdown();
    const before = running.count;
    await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(before + 200);
    expect(await running.stop()).toEqual({ [`200 ${hello}`]: running.count });
    expect(outcome).toEqual({ clean: outcome.clean, failed: 0, aborted: 0 });
    for (const { exchanges, failures, errors } of [one, two]) {
      expect([failures, errors]).toEqual([[], []]);
      expect(exchanges.filter((exchange) => exchange !== "GET /hello 200")).toEqual([]);
    }
  });

  test("a server that ends while it answers: the answer is whole, and nothing is served afterwards", async () => {
    await using server = await startAuto(routes, { tls });
    await using nginx = await startNginx(proxyTo([server], tls));
    await using pool = pooled();
    const size = 16 * mebibyte;
    const { body } = await pool.client.get(`${nginx.origin}/stream?${size}`);
    const ended = server.serving.shutdown();
    expect(await measured(body)).toEqual({ bytes: size, sha256: sha256(content(size)) });
    expect(await ended).toEqual({ clean: 1, failed: 0, aborted: 0 });
    expect(await pool.outcome(`${nginx.origin}/hello`)).toMatch(/^502 /);
  });
});
