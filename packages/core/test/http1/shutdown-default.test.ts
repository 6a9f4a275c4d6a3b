/**
 * A graceful shutdown ends by itself, also without a deadline, in both roles.
 */
import { HttpRequest, type HttpResponse } from "@sluice/core";
import { expect, test } from "vitest";
import { connectOn, rejection, serveOn, settle } from "../support/wire.ts";

const never = (): Promise<HttpResponse> => new Promise(() => {});
const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

test("a server whose service never answers is gone after shutdownTimeoutMs", async () => {
  const server = serveOn(never, { shutdownTimeoutMs: 500 });
  server.io.push(get);
  server.connection.gracefulShutdown();
  server.timer.advance(499);
  await settle();
  expect(server.outcome).toBe(undefined);
  server.timer.advance(1);
  await settle();
  expect([server.outcome?.kind, server.outcome?.code]).toEqual(["canceled", "SHUTDOWN"]);
  expect(server.timer.pending).toBe(0);
});

test("a client whose server never answers is gone after shutdownTimeoutMs, and its request fails", async () => {
  const client = await connectOn({ shutdownTimeoutMs: 500 });
  const sent = rejection(client.sender.send(new HttpRequest("GET", "/", { host: "a" })));
  client.connection.gracefulShutdown();
  client.timer.advance(500);
  expect((await sent).code).toBe("SHUTDOWN");
  await settle();
  expect(client.outcome?.code).toBe("SHUTDOWN");
  expect(client.timer.pending).toBe(0);
});

test("the limit is 30 s by default, none with 0, and a deadline that was given stays", async () => {
  const byDefault = serveOn(never);
  const unlimited = serveOn(never, { shutdownTimeoutMs: 0 });
  const given = serveOn(never);
  for (const server of [byDefault, unlimited, given]) server.io.push(get);
  byDefault.connection.gracefulShutdown();
  unlimited.connection.gracefulShutdown();
  given.connection.gracefulShutdown(10);
  given.connection.gracefulShutdown();
  given.timer.advance(10);
  byDefault.timer.advance(29_999);
  unlimited.timer.advance(3_600_000);
  await settle();
  expect(given.outcome?.code).toBe("SHUTDOWN");
  expect(byDefault.outcome).toBe(undefined);
  expect(unlimited.outcome).toBe(undefined);
  byDefault.timer.advance(1);
  await settle();
  expect(byDefault.outcome?.code).toBe("SHUTDOWN");
  unlimited.connection.abort();
});
