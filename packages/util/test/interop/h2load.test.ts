/** h2load against a Sluice server: a few seconds of load without a single error. How fast that was is not looked at. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "./support/command.ts";
import { startServer2 } from "./support/h2-server.ts";
import { peer } from "./support/peer.ts";
import { routes } from "./support/routes.ts";
import { temporaryFolder } from "./support/temporary.ts";

const program = peer("h2load");
const connections = 8;

async function load(args: readonly string[]) {
  const { code, stdout, stderr } = await run(program.path, [`--clients=${connections}`, ...args]);
  const report = stdout.toString();
  const number = (pattern: RegExp): number => Number(pattern.exec(report)?.[1]);
  return {
    code,
    stderr,
    done: number(/(\d+) done/),
    failed: number(/(\d+) failed/),
    errored: number(/(\d+) errored/),
    timeout: number(/(\d+) timeout/),
    statuses: /^status codes: (.*)$/m.exec(report)?.[1],
  };
}

describe.skipIf(program.skipped)("h2load", () => {
  test.each([
    ["one stream at a time", 1, "/hello", 1, false],
    ["32 streams at a time", 32, "/hello", 5, false],
    ["32 streams at a time over TLS", 32, "/hello", 1, true],
    ["responses of 100 kB", 32, "/bytes?100000", 1, false],
    ["responses of unknown length", 32, "/chunked", 1, false],
  ])("%s", async (_, streams, path, seconds, tls) => {
    await using server = await startServer2(routes, { tls });
    const args = [`--max-concurrent-streams=${streams}`, `--duration=${seconds}`, `${server.origin}${path}`];
    const { done, statuses, ...rest } = await load(args);
    expect(rest).toEqual({ code: 0, stderr: "", failed: 0, errored: 0, timeout: 0 });
    expect(done).toBeGreaterThan(connections);
    expect(statuses).toMatch(/^\d+ 2xx, 0 3xx, 0 4xx, 0 5xx$/);
    // h2load leaves in the middle of exchanges; those and nothing else may have been cut short.
    await expect.poll(() => server.endings.length).toBe(server.connections.length);
    const cut = server.exchanges.filter((exchange) => exchange !== `GET ${path} 200`);
    expect(cut.length).toBeLessThanOrEqual(connections * streams);
    expect(server.exchanges.length - cut.length).toBeGreaterThanOrEqual(done);
    expect(server.failures).toEqual([]);
    // On a busy machine the time may be over before the last of them was accepted.
    expect(server.connections.length).toBeLessThanOrEqual(connections);
  });

  test("a number of requests, each of them with content, to the last one", async () => {
    await using server = await startServer2(routes);
    await using folder = await temporaryFolder({ content: "x".repeat(5000) });
    const content = `--data=${join(folder.path, "content")}`;
    const args = ["--requests=2000", "--max-concurrent-streams=32", content, `${server.origin}/size`];
    const { stdout } = await run(program.path, [`--clients=${connections}`, ...args]);
    expect(stdout.toString()).toContain(
      "requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout",
    );
    expect(server.exchanges).toEqual(Array.from({ length: 2000 }, () => "POST /size 200"));
    await expect.poll(() => server.endings).toEqual(Array.from({ length: connections }, () => "clean"));
  });
});
