/**
 * Peers that are there, and peers that are gone: asked by PING, or seen by the end of the transport.
 */
import { HttpRequest, type HttpResponse, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { rejection } from "../support/wire.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectWorks, sentGet } from "./support/exchanges.ts";
import { expectAborted, expectClosed, expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, status } from "./support/messages.ts";
import type { Peer } from "./support/peer.ts";
import { expectServes } from "./support/recorded.ts";
import { ok, serveH2 } from "./support/server.ts";
import { completion, readTunnel } from "./support/tunnels.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

const asking = { keepAliveIntervalMs: 1_000, keepAliveTimeoutMs: 500 } as const;

/** Takes the one PING that was written; its payload. */
async function pingOf(target: UnderTest): Promise<string> {
  await target.run();
  const frames = target.peer.takeFrames();
  expect(frames.map(({ type }) => type)).toEqual(["PING"]);
  const [ping] = frames;
  return ping?.type === "PING" ? ping.payload : "";
}

async function answer(target: UnderTest, peer: Peer): Promise<void> {
  peer.pingAck(await pingOf(target));
  await expectQuiet(target);
}

describe("keep-alive at a server", () => {
  test("[hyper-190] a client that does not answer is given up", async () => {
    const server = await serveH2(() => new Promise(() => {}), asking);
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    await pass(server, 999);
    await expectQuiet(server);
    await pass(server, 1);
    await pingOf(server);
    await pass(server, 499);
    await expectQuiet(server);
    await pass(server, 1);
    await expectAborted(server, [], "timeout", "keepAliveTimeoutMs");
  });

  test("[hyper-190] one that answers is kept, and asked again and again", async () => {
    const server = await serveH2(() => new Promise(() => {}), asking);
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    for (let asked = 0; asked < 3; asked++) {
      await pass(server, 1_000);
      await answer(server, server.peer);
    }
    await pass(server, 999);
    await expectQuiet(server);
  });

  test("[hyper-190] also without a request under way, if told so", async () => {
    const server = await serveH2(ok, { ...asking, keepAliveWhileIdle: true });
    for (let asked = 0; asked < 3; asked++) {
      await pass(server, 1_000);
      await answer(server, server.peer);
    }
    await expectServes(server, 1);
  });
});

describe("keep-alive at a client", () => {
  test("[hyper-191] a server that does not answer is given up; open streams fail with the timeout", async () => {
    const { client, sent } = await sentGet(asking);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const reading = rejection(Promise.resolve(sent.response?.body.frame()));
    const waiting = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    await pass(client, 1_000);
    await pingOf(client);
    await pass(client, 500);
    await expectAborted(client, [], "timeout", "keepAliveTimeoutMs");
    await expectSent(client, waiting, "timeout keepAliveTimeoutMs");
    expect(await reading).toMatchObject({ kind: "timeout", code: "keepAliveTimeoutMs" });
    expect(client.sender.isClosed).toBe(true);
  });

  test("[hyper-191] nothing is asked while there is no request", async () => {
    const client = await connectH2({ ...asking, idleTimeoutMs: 0 });
    await pass(client, 10_000);
    await expectQuiet(client);
    await expectWorks(client, 1);
  });

  test("[hyper-191] a server that answers is kept", async () => {
    const { client, sent } = await sentGet(asking);
    for (let asked = 0; asked < 3; asked++) {
      await pass(client, 1_000);
      await answer(client, client.peer);
    }
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
  });
});

describe("the end of the transport at a client", () => {
  test("[hyper-198] is noticed by ready() and isClosed", async () => {
    const client = await connectH2();
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([true, false]);
    await client.sender.ready();
    client.peer.end();
    await client.run();
    expect([client.sender.isReady, client.sender.isClosed, client.outcome]).toEqual([false, true, null]);
    expect(await rejection(client.sender.ready())).toMatchObject({ kind: "closed", code: "CLOSED" });
    const late = send(client, HttpRequest.get("http://a.test/"));
    await expectSent(client, late, "closed CLOSED");
  });

  test("[hyper-198] is noticed by a ready() that waits", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, HttpRequest.get("http://a.test/"));
    const ready = rejection(client.sender.ready());
    await client.run();
    client.peer.end();
    await client.run();
    expect(await ready).toMatchObject({ kind: "closed" });
    await expectSent(client, first, "incomplete CONNECTION_LOST");
    expect(client.sender.isClosed).toBe(true);
  });

  test("[hyper-198] the end of the last tunnel is that of a connection that was to end", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.connect("a.test:443"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const tunnel = readTunnel(await upgradeOn(sent.response as HttpResponse));
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    expect(shut.state).toBe("done");
    client.peer.data(1, "", { endStream: true });
    await expectClosed(client);
    expect(tunnel.outcome).toBe("ended");
  });

  test("[hyper-198] with a tunnel open it ends that with an error", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.connect("a.test:443"));
    await client.run();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const tunnel = readTunnel(await upgradeOn(sent.response as HttpResponse));
    client.peer.end();
    await client.run();
    expect(tunnel.outcome).toBe("incomplete CONNECTION_LOST");
    expect(client.outcome).toMatchObject({ kind: "incomplete", code: "CONNECTION_LOST" });
  });
});
