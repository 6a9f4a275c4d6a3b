/**
 * Leaving HTTP from the client's side: 101, CONNECT, and who gets the transport.
 */
import { fromIterable } from "@sluice/body";
import { HttpRequest, type HttpResponse, Upgraded, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { counted, exchange, gaveUp, get, open, post, stateOf } from "../support/client.ts";
import { bytes, type ClientUnderTest, connectOn, contentOf, recorder, rejection, settle } from "../support/wire.ts";

const switched = "HTTP/1.1 101 Switching Protocols\r\nupgrade: foobar\r\nconnection: upgrade\r\n\r\n";
const upgrading = () => get("/", { upgrade: "foobar", connection: "upgrade" });
const connecting = () => HttpRequest.connect("b.test:443", { host: "b.test:443" });

const ways = [
  ["101", upgrading, switched, 101],
  ["CONNECT", connecting, "HTTP/1.1 200 OK\r\n\r\n", 200],
] as const;

/** The transport is nobody's business but its new owner's: not ended, not given up, nothing written, no timer running. */
function expectHandedOver(client: ClientUnderTest): void {
  expect(stateOf(client)).toEqual({ ready: false, closed: true, shutdown: false, aborted: false, outcome: null });
}

describe.each(ways)("by %s", (_, request, reply, status) => {
  test("[hyper-119, hyper-120] upgradeOn: the transport with the bytes that came early; it is not shut down", async () => {
    const client = await connectOn();
    const response = await exchange(client, request(), `${reply}early `);
    expect([response.status, response.body.isEndStream()]).toEqual([status, true]);
    const upgraded = await upgradeOn(response);
    client.io.push("bird");
    const seen: string[] = [];
    for (let i = 0; i < 2; i++) upgraded.read((chunk) => seen.push(Buffer.from(chunk ?? []).toString()));
    expect(seen).toEqual(["early ", "bird"]);
    client.io.takeWritten();
    upgraded.write([bytes("tunnelled")]);
    expect(client.io.writtenText).toBe("tunnelled");
    await settle();
    expectHandedOver(client);
    expect(client.timer.pending).toBe(0);
  });

  test("[hyper-119, hyper-120] intoParts: the very transport, and the bytes that came early", async () => {
    const client = await connectOn();
    await exchange(client, request(), `${reply}early`);
    const { io, readBuffer } = client.connection.intoParts();
    expect(io).toBe(client.io);
    expect(readBuffer).toEqual(bytes("early"));
    await settle();
    expectHandedOver(client);
    expect(client.timer.pending).toBe(0);
  });

  test("a second taker is told so", async () => {
    const byHand = await connectOn();
    const response = await exchange(byHand, request(), reply);
    byHand.connection.intoParts();
    expect((await rejection(upgradeOn(response))).code).toBe("MANUAL_UPGRADE");
    expect(() => byHand.connection.intoParts()).toThrow(expect.objectContaining({ code: "NO_UPGRADE" }));

    const waiting = await connectOn();
    const other = await exchange(waiting, request(), reply);
    expect(await upgradeOn(other)).toBeInstanceOf(Upgraded);
    expect(() => waiting.connection.intoParts()).toThrow(expect.objectContaining({ code: "NO_UPGRADE" }));
  });

  test("nobody takes the transport: it is given up after idleTimeoutMs, and not before", async () => {
    const client = await connectOn({ idleTimeoutMs: 100 });
    const response = await exchange(client, request(), reply);
    client.timer.advance(99);
    expect(client.io.isAborted).toBe(false);
    client.timer.advance(1);
    expect(client.io.isAborted).toBe(true);
    const error = await rejection(upgradeOn(response));
    expect([error.kind, error.code, error.message]).toEqual([
      "timeout",
      "idleTimeoutMs",
      "nobody took the transport within 100 ms",
    ]);
  });

  test("the connection is over for HTTP: no request, no effect of a graceful end on the tunnel", async () => {
    const observer = recorder();
    const client = await connectOn({ observer, maxConnectionAgeMs: 1000 });
    const response = await exchange(client, request(), reply);
    const upgraded = await upgradeOn(response);
    expect((await rejection(client.sender.send(get()))).kind).toBe("closed");
    expect((await rejection(client.sender.ready())).kind).toBe("closed");
    client.connection.gracefulShutdown();
    await client.connection[Symbol.asyncDispose]();
    client.timer.advance(10_000);
    expectHandedOver(client);
    upgraded.write([bytes("x")]);
    expect(observer.events.slice(1)).toEqual([`response ${status}`, "complete", "closed"]);
  });

  test("an aborted request ends the connection before it is answered", async () => {
    const client = await connectOn();
    const controller = new AbortController();
    const response = client.sender.send(request(), { signal: controller.signal });
    controller.abort();
    expect((await rejection(response)).code).toBe("CANCELED");
    expect(() => client.connection.intoParts()).toThrow(expect.objectContaining({ kind: "user", code: "NO_UPGRADE" }));
  });
});

describe("no upgrade", () => {
  const refused = (response: HttpResponse) => rejection(upgradeOn(response));

  test("an upgrade answered otherwise is an ordinary exchange, and the connection goes on", async () => {
    const client = await connectOn();
    const response = await exchange(client, upgrading(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
    expect(await contentOf(response.body)).toBe("no");
    expect((await refused(response)).code).toBe("NO_UPGRADE");
    expect(stateOf(client)).toEqual(open);
    expect(() => client.connection.intoParts()).toThrow(expect.objectContaining({ code: "NO_UPGRADE" }));
  });

  test("CONNECT that is refused has content like any other", async () => {
    const client = await connectOn();
    const reply = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 2\r\n\r\nno";
    const response = await exchange(client, connecting(), reply);
    expect(await contentOf(response.body)).toBe("no");
    expect((await refused(response)).code).toBe("NO_UPGRADE");
    expect(stateOf(client)).toEqual(open);
  });

  test("framing fields of a 2xx to CONNECT mean nothing: what follows belongs to the tunnel", async () => {
    const client = await connectOn();
    await exchange(client, connecting(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
    expect(client.connection.intoParts().readBuffer).toEqual(bytes("no"));
  });

  test("101 that nobody asked for gives the connection up", async () => {
    for (const request of [get(), connecting(), get("/", { upgrade: "foobar" }).withVersion("HTTP/1.0")]) {
      const client = await connectOn({ requireHost: false });
      const error = await rejection(exchange(client, request, switched));
      expect([error.kind, error.code]).toEqual(["protocol", "UNEXPECTED_UPGRADE"]);
      await settle();
      expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_UPGRADE"));
    }
  });

  test("101 in the middle of the request's content gives the connection up: the rest cannot be sent any more", async () => {
    const client = await connectOn();
    async function* slow() {
      yield bytes("a");
      await new Promise(() => {});
    }
    const body = counted(fromIterable(slow()));
    const response = client.sender.send(post(body, { upgrade: "foobar", connection: "upgrade" }));
    await settle();
    client.io.push(switched);
    expect((await rejection(response)).code).toBe("UNEXPECTED_UPGRADE");
    expect(body.canceled).toBe(1);
  });

  test("101 behind other informational responses is an upgrade; those do not count as one", async () => {
    const client = await connectOn();
    const response = await exchange(client, upgrading(), `HTTP/1.1 103 Early Hints\r\n\r\n${switched}`);
    expect(response.status).toBe(101);
    expect(await upgradeOn(response)).toBeInstanceOf(Upgraded);
  });

  test("an observer that aborts at the sight of the response: the upgrade is canceled, the transport gone", async () => {
    const client = await connectOn({ observer: { responseStarted: () => client.connection.abort() } });
    const response = await exchange(client, upgrading(), switched);
    expect((await refused(response)).code).toBe("UPGRADE_CANCELED");
    expect(client.io.isAborted).toBe(true);
    expect(client.timer.pending).toBe(0);
  });
});
