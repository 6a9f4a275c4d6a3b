/** accept-loop.mjs: its limit, what it says of failures, and both of its ends. */
import { expect, test } from "vitest";
import { plainClient, plainServer } from "../support/plain-peer.ts";
import { ask } from "./exchange.ts";
import { runExample, startExample } from "./program.ts";

const request = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test("accept-loop.mjs: beyond the limit a connection waits, unread, until there is room", async () => {
  await using program = await startExample("accept-loop.mjs", "--connections", "1");
  using first = await plainClient(program.port);
  first.send(request("/"));
  expect(await first.bytes(1)).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*\r\ndone\n$/);
  using second = await plainClient(program.port);
  second.send(request("/"));
  // The first is served again, and again, while the second waits.
  for (const count of [2, 3]) {
    first.send(request("/"));
    while (first.received.split("done\n").length <= count) await first.bytes(first.received.length + 1);
  }
  expect(second.received).toBe("");
  first.end();
  expect(await second.bytes(1)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  second.end();
  await second.outcome();
  expect(await program.stop()).toBe(0);
  expect(program.lines).toEqual(["stopping with 0 open", "ended: 0 in order, 0 failed, 0 given up"]);
});

test("accept-loop.mjs: failures are told, and nothing else is touched by them", async () => {
  await using program = await startExample("accept-loop.mjs");
  const failed = await ask(program.port, "/fail");
  expect([failed.status, failed.fields]).toEqual([500, { "content-length": "0", connection: "close" }]);
  using malformed = await plainClient(program.port);
  malformed.send("GET / HTTP/1.1\r\nhost : a\r\n\r\n");
  expect(await malformed.bytes(1)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  malformed.end();
  await malformed.outcome();
  expect(await program.printed(3)).toEqual([
    "/fail failed: out of order",
    // In HTTP/1 nothing can follow it.
    "a connection ended by user SERVICE_FAILED",
    expect.stringMatching(/^a connection ended by parse [A-Z_]+$/),
  ]);
  expect((await ask(program.port, "/")).text).toBe("done\n");
});

test("accept-loop.mjs: what is under way at SIGTERM ends in order", async () => {
  await using program = await startExample("accept-loop.mjs");
  using client = await plainClient(program.port);
  client.send(request("/") + request("/slow"));
  await client.bytes(1);
  const stopped = program.stop();
  expect(await client.outcome()).toBe("FIN");
  client.end();
  expect(client.received).toMatch(/connection: close\r\n(?:.+\r\n)*\r\ndone\n$/);
  expect(await stopped).toBe(0);
  expect(program.lines).toEqual(["stopping with 1 open", "ended: 1 in order, 0 failed, 0 given up"]);
});

test("accept-loop.mjs: an address that is taken", async () => {
  await using taken = await plainServer();
  expect(await runExample("accept-loop.mjs", "--port", `${taken.port}`)).toEqual({
    lines: ["cannot listen: EADDRINUSE", "ended: 0 in order, 0 failed, 0 given up"],
    code: 1,
  });
});
