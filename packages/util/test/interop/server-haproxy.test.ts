/** Servers of both versions of HTTP behind HAProxy: health checks, and servers that end while there is load. */
import { describe, expect, test } from "vitest";
import { type AutoServer, startAuto } from "./support/auto-server.ts";
import { program } from "./support/haproxy.ts";
import { startHaproxy } from "./support/haproxy-process.ts";
import { load, pooled, told } from "./support/pooled-client.ts";
import { hello, routes } from "./support/routes.ts";

const ways = [
  ["HTTP/1.1", "", false],
  ["HTTP/2 in the clear", "proto h2", false],
  ["HTTP/1.1 over TLS", "ssl verify required ca-file CERT alpn http/1.1", true],
  ["HTTP/2 over TLS", "ssl verify required ca-file CERT alpn h2 check-alpn h2", true],
] as const;

function server(
  name: string,
  { port }: AutoServer,
  parameters: string,
  check = "check inter 100ms fall 1 rise 1",
): string {
  return `server ${name} 127.0.0.1:${port} ${parameters} ${check}\n`;
}

describe.skipIf(program.skipped)("serveAll behind HAProxy", () => {
  test.each(ways)("health checks by %s: they are requests like any other", async (_, parameters, tls) => {
    await using one = await startAuto(routes, { tls });
    await using proxy = await startHaproxy({
      listen: `option httpchk\n http-check send meth GET uri /hello hdr host check\n ${server("one", one, parameters)}`,
    });
    await using pool = pooled();
    await expect.poll(() => one.exchanges.length).toBeGreaterThan(3);
    expect(await told(await pool.client.get(`${proxy.origin}/size`))).toContain("200 ");
    expect(one.exchanges.filter((exchange) => !/^GET \/(hello|size) 200$/.test(exchange))).toEqual([]);
    expect(one.failures).toEqual([]);
    // HAProxy may leave with a reset once it has seen what it wanted to see, or when the test is over, wherever it stands.
    expect(one.errors.filter((code) => code !== "ECONNRESET" && code !== "HANDSHAKE_INCOMPLETE")).toEqual([]);
  });

  // In the clear HAProxy does not even complete such a connection.
  test("checks over TLS that say nothing after the handshake leave nothing behind", async () => {
    await using one = await startAuto(routes, { tls: true });
    await using proxy = await startHaproxy({ listen: server("one", one, "ssl verify none") });
    await using pool = pooled();
    await expect.poll(() => one.endings.length).toBeGreaterThan(3);
    expect(one.exchanges).toEqual([]);
    expect(await told(await pool.client.get(`${proxy.origin}/hello`))).toBe(`200 ${hello}`);
    expect(one.errors.filter((code) => code !== "ECONNRESET")).toEqual([]);
    expect(one.exchanges).toEqual(["GET /hello 200"]);
  });

  test.each(ways)(
    "one of two servers ends under load by %s: no request fails, and none is cut short",
    async (_, parameters, tls) => {
      await using one = await startAuto(routes, { tls });
      await using two = await startAuto(routes, { tls });
      await using proxy = await startHaproxy({
        // The one that stays is not checked: on a busy machine a check that is slow would take it for dead.
        listen: `option redispatch 1\n ${server("one", one, parameters)} ${server("two", two, parameters, "")}`,
      });
      await using pool = pooled();
      const running = load(pool, `${proxy.origin}/hello`, 8);
      await expect.poll(() => one.exchanges.length, { timeout: 10_000 }).toBeGreaterThan(100);
      const outcome = await one.serving.shutdown();
      const before = running.count;
      await expect.poll(() => running.count, { timeout: 10_000 }).toBeGreaterThan(before + 200);
      expect(await running.stop()).toEqual({ [`200 ${hello}`]: running.count });
      expect(outcome.aborted).toBe(0);
      for (const { exchanges, failures } of [one, two]) {
        expect(failures).toEqual([]);
        expect(exchanges.filter((exchange) => exchange !== "GET /hello 200")).toEqual([]);
      }
    },
  );
});
