/** wrk against a Sluice server: a few seconds of load without a single error. How fast that was is not looked at. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "./support/command.ts";
import { peer } from "./support/peer.ts";
import { routes } from "./support/routes.ts";
import { startServer } from "./support/server.ts";

const program = peer("wrk");
const connections = 32;

/** Sends requests in batches of 16 on each connection. */
const pipeline = `
init = function(args)
  local batch = {}
  for i = 1, 16 do batch[i] = wrk.format(nil, "/hello") end
  requests = table.concat(batch)
end
request = function() return requests end
`;

async function load(args: readonly string[]) {
  const { code, stdout, stderr } = await run(program.path, [
    "--threads",
    "1",
    "--connections",
    `${connections}`,
    ...args,
  ]);
  const report = stdout.toString();
  return {
    code,
    stderr,
    requests: Number(/(\d+) requests in/.exec(report)?.[1]),
    // wrk has these lines only when there is something to tell.
    trouble: report.split("\n").filter((line) => /Socket errors|Non-2xx/.test(line)),
  };
}

describe.skipIf(program.skipped)("wrk", () => {
  test.each([
    ["one request at a time", "/hello", 5],
    ["chunked responses", "/chunked", 1],
    ["responses of 100 kB", "/bytes?100000", 1],
  ])("%s", async (_, path, seconds) => {
    await using server = await startServer(routes);
    const { requests, ...rest } = await load(["--duration", `${seconds}s`, `${server.origin}${path}`]);
    expect(rest).toEqual({ code: 0, stderr: "", trouble: [] });
    expect(requests).toBeGreaterThan(connections);
    // wrk leaves in the middle of an exchange; that and nothing else may have been cut short.
    const cut = server.exchanges.filter((exchange) => exchange !== `GET ${path} 200`);
    expect(cut.length).toBeLessThanOrEqual(connections);
    expect(server.exchanges.length - cut.length).toBeGreaterThanOrEqual(requests);
    expect(server.failures).toEqual([]);
    expect(server.connections.length).toBeLessThanOrEqual(connections + 1);
  });

  test("sixteen requests at a time on each connection", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-wrk-"));
    try {
      const script = join(folder, "pipeline.lua");
      await writeFile(script, pipeline);
      await using server = await startServer(routes);
      const { requests, ...rest } = await load(["--duration", "2s", "--script", script, server.origin]);
      expect(rest).toEqual({ code: 0, stderr: "", trouble: [] });
      expect(requests).toBeGreaterThan(connections);
      expect(server.failures).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
