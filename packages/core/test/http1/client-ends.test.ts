/**
 * Ends of a client connection that are easily forgotten: limits given as undefined, transports nobody takes, a close that
 * does not come about.
 */
import { HttpRequest } from "@sluice/core";
import { expect, test } from "vitest";
import { connectOn, rejection, settle } from "../support/wire.ts";

const get = (fields = {}): HttpRequest => new HttpRequest("GET", "/", { host: "a", ...fields });

test("a time limit that is given as undefined is the connection's, not none", async () => {
  const client = await connectOn({ headTimeoutMs: 100 });
  const timeouts = { headTimeoutMs: undefined } as unknown as { readonly headTimeoutMs: number };
  const sent = rejection(client.sender.send(get(), { timeouts }));
  client.timer.advance(100);
  expect((await sent).code).toBe("headTimeoutMs");
});

test("abort() after an upgrade gives up the transport that nobody has taken", async () => {
  const client = await connectOn();
  const sent = client.sender.send(get({ connection: "upgrade", upgrade: "x" }));
  client.io.push("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  expect((await sent).status).toBe(101);
  expect(client.io.isAborted).toBe(false);
  client.connection.abort();
  expect(client.io.isAborted).toBe(true);
  expect(client.timer.pending).toBe(0);
});

test("the deadline of a graceful shutdown counts while the connection is closing, too", async () => {
  const client = await connectOn({ lingerTimeoutMs: 5_000 });
  client.connection.gracefulShutdown(100);
  await settle();
  expect([client.io.isShutdown, client.outcome]).toEqual([true, undefined]);
  client.timer.advance(100);
  await settle();
  expect(client.outcome).toBe(null);
  expect(client.timer.pending).toBe(0);
});
