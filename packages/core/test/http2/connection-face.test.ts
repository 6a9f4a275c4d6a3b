/**
 * What a connection tells of itself and lets the program do: streams, windows, settings, ping, goAway.
 */
import { HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { acceptH2, acceptPost, awaiting, connectByHand, getting, textOf, thrownBy } from "./support/by-hand.ts";
import { getRequest } from "./support/exchanges.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, post, request as requestLines, status } from "./support/messages.ts";
import type { Role } from "./support/output-rules.ts";
import { ok, serveH2 } from "./support/server.ts";
import { pass, type Setup, type UnderTest } from "./support/under-test.ts";

const ping = "736c756963650000";

type Target = UnderTest & { readonly connection: http2.Http2Connection };

function start(role: Role, options: http2.CommonOptions = {}, setup: Setup = {}): Promise<Target> {
  return role === "server" ? acceptH2(options, setup) : connectByHand(options, setup);
}

/** With stream 1 open for what the peer sends, unread. */
async function startWithStream(role: Role, options: http2.CommonOptions = {}): Promise<Target> {
  if (role === "server") return acceptPost(options);
  const client = await getting(options);
  client.peer.headers(1, status(200));
  await expectQuiet(client);
  return client;
}

/** What is received on stream 1 after `startWithStream`. */
async function bodyOf(role: Role, target: Target): Promise<http2.RecvStream> {
  if (role === "server") return (target as unknown as http2.Accepted).body;
  return (await (target as unknown as http2.SentRequest).response).body;
}

for (const role of ["server", "client"] as const) {
  describe(`[h2-266] ping of a ${role}`, () => {
    test("resolves with the round trip time; one at a time, and the next when it was answered", async () => {
      const target = await start(role);
      const first = awaiting(target.connection.ping());
      const second = awaiting(target.connection.ping());
      await expectFrames(target, [`PING ${ping}`]);
      expect([first.now, second.now]).toEqual(["pending", "user PING_PENDING"]);
      await pass(target, 25);
      target.peer.pingAck("0000000000000000");
      await expectQuiet(target);
      expect(first.now).toBe("pending");
      target.peer.pingAck(ping);
      await expectQuiet(target);
      expect(first.now).toBe(25);
      const third = awaiting(target.connection.ping());
      await expectFrames(target, [`PING ${ping}`]);
      target.peer.pingAck(ping);
      await target.run();
      expect(third.now).toBe(0);
    });

    test("is answered during a shutdown, and fails with the connection", async () => {
      const target = await startWithStream(role);
      target.connection.gracefulShutdown();
      await target.run();
      target.peer.take();
      const during = awaiting(target.connection.ping());
      await expectFrames(target, [`PING ${ping}`]);
      target.peer.pingAck(ping);
      await target.run();
      expect(during.now).toBe(0);
      const lost = awaiting(target.connection.ping());
      target.peer.end();
      await target.run();
      expect(lost.now).toBe("incomplete CONNECTION_LOST");
      const late = awaiting(target.connection.ping());
      await target.run();
      expect(late.now).toBe("incomplete CONNECTION_LOST");
      target.peer.take();
    });
  });

  describe(`[h2-283] goAway of a ${role}`, () => {
    test("ends at once: GOAWAY with the last stream, the code and the debug data, and all streams with the code", async () => {
      const target = await startWithStream(role);
      target.connection.goAway(http2.errorCodes.ENHANCE_YOUR_CALM, "as it is");
      const last = role === "server" ? 1 : 0;
      await expectGoAway(target, last, "ENHANCE_YOUR_CALM", "as it is", "canceled", "GOAWAY_SENT");
      target.connection.goAway();
      await target.run();
      expect(target.peer.take()).toEqual([]);
    });

    test("without a code NO_ERROR, without debug data", async () => {
      const target = await start(role);
      target.connection.goAway();
      await target.run();
      expect(target.peer.take()).toEqual(["GOAWAY 0 NO_ERROR"]);
      target.peer.end();
      await target.run();
      expect(target.outcome).toMatchObject({ kind: "canceled", code: "GOAWAY_SENT", reason: 0 });
    });

    test("of debug data no more than 1,024 octets", async () => {
      const target = await start(role);
      target.connection.goAway(0x1234, "x".repeat(2000));
      await target.run();
      expect(target.peer.takeFrames()).toEqual([
        { type: "GOAWAY", lastStreamId: 0, code: "0x1234", debug: "x".repeat(1024) },
      ]);
    });

    test("what is no code and no ASCII is refused, and the connection goes on", async () => {
      const target = await start(role);
      for (const code of [-1, 2 ** 32, 1.5]) expect(thrownBy(() => target.connection.goAway(code))).toBe("RangeError");
      for (const data of ["ä", "a\nb"]) expect(thrownBy(() => target.connection.goAway(0, data))).toBe("TypeError");
      await expectQuiet(target);
    });

    test("what waits to be sent is dropped, what was received stays readable", async () => {
      const target = await startWithStream(role);
      target.peer.data(1, "received");
      await expectQuiet(target);
      target.connection.goAway();
      await target.run();
      target.peer.take();
      expect(await textOf(await bodyOf(role, target))).toBe("received");
    });
  });

  describe(`windows of a ${role}`, () => {
    test("[h2-187] the connection's raised: one WINDOW_UPDATE with all that is new, and none for the same again", async () => {
      const target = await start(role, { connectionWindowBytes: 65_535 });
      target.connection.setConnectionWindow(100_000);
      await expectFrames(target, ["WINDOW_UPDATE 0 +34465"]);
      target.connection.setConnectionWindow(100_000);
      await expectQuiet(target);
      target.connection.setConnectionWindow(2 ** 31 - 1);
      await expectFrames(target, [`WINDOW_UPDATE 0 +${2 ** 31 - 1 - 100_000}`]);
      expect([target.connection.windows.receive, target.peer.allowance(0)]).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
    });

    test("[h2-187] raised while content is unread: by as much as is new, and what is read comes back later", async () => {
      const target = await startWithStream(role, { connectionWindowBytes: 65_535 });
      target.peer.data(1, 10_000);
      await expectQuiet(target);
      expect(target.connection.windows).toMatchObject({ receive: 55_535, unread: 10_000 });
      target.connection.setConnectionWindow(75_535);
      await expectFrames(target, ["WINDOW_UPDATE 0 +10000"]);
      expect(target.connection.windows).toMatchObject({ receive: 65_535, unread: 10_000 });
    });

    test("[h2-188] lowered: nothing is given back until as much was used", async () => {
      const target = await startWithStream(role, { connectionWindowBytes: 100_000, initialWindowBytes: 2 ** 20 });
      target.connection.setConnectionWindow(40_000);
      await expectQuiet(target);
      expect(target.connection.windows.receive).toBe(100_000);
      // What is thrown away is given back at once, if anything is.
      (await bodyOf(role, target)).discard();
      for (let times = 0; times < 4; times++) target.peer.data(1, 16_384);
      await expectQuiet(target);
      expect(target.connection.windows.receive).toBe(100_000 - 65_536);
      target.peer.data(1, 14_463);
      await expectQuiet(target);
      target.peer.data(1, 1);
      await expectFrames(target, ["WINDOW_UPDATE 0 +20000"]);
      expect(target.connection.windows).toMatchObject({ receive: 40_000, unread: 0 });
    });

    test("[h2-189] of new streams and of those that are open: by SETTINGS, in force when acknowledged", async () => {
      const target = await startWithStream(role, { initialWindowBytes: 65_535 });
      target.peer.data(1, 1);
      target.connection.setInitialWindow(65_536);
      target.connection.setInitialWindow(0);
      await expectFrames(target, ["SETTINGS INITIAL_WINDOW_SIZE=65536", "SETTINGS INITIAL_WINDOW_SIZE=0"]);
      expect(target.connection.windows.unread).toBe(1);
      // Until the second is acknowledged, the first is in force.
      target.peer.settingsAck();
      target.peer.data(1, 16_384);
      await expectQuiet(target);
      target.peer.settingsAck();
      await expectQuiet(target);
      target.peer.data(1, 1);
      await expectFrames(target, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    });

    test("SETTINGS that are not acknowledged in time end the connection", async () => {
      const target = await start(role, { settingsTimeoutMs: 500 });
      target.connection.setInitialWindow(100);
      await expectFrames(target, ["SETTINGS INITIAL_WINDOW_SIZE=100"]);
      await pass(target, 499);
      await expectQuiet(target);
      await pass(target, 1);
      const message = "our SETTINGS were not acknowledged within settingsTimeoutMs = 500 ms";
      await expectGoAway(target, 0, "SETTINGS_TIMEOUT", message, "timeout", "settingsTimeoutMs");
    });

    test.each([-1, 2 ** 31, 1.5, Number.NaN])("%d is no window", async (bytes) => {
      const target = await start(role);
      expect(thrownBy(() => target.connection.setConnectionWindow(bytes))).toBe("RangeError");
      expect(thrownBy(() => target.connection.setInitialWindow(bytes))).toBe("RangeError");
      await expectQuiet(target);
    });
  });
}

describe("what a connection tells", () => {
  test("a server: streams, their most, its window, the client's settings", async () => {
    const target = await acceptH2({ maxConcurrentStreams: 5 }, { handshake: false });
    const { connection } = target;
    expect(connection.streams).toEqual({
      local: 0,
      remote: 0,
      maxLocal: Number.POSITIVE_INFINITY,
      maxRemote: 5,
      queued: 0,
      peakLocal: 0,
      peakRemote: 0,
    });
    expect(connection.peerSettings).toMatchObject({
      maxFrameSize: 16_384,
      initialWindowBytes: 65_535,
      enablePush: true,
    });
    target.peer.preface();
    target.peer.settings({ MAX_CONCURRENT_STREAMS: 7, INITIAL_WINDOW_SIZE: 9, MAX_FRAME_SIZE: 20_000, ENABLE_PUSH: 0 });
    target.peer.headers(1, get(), { endStream: true });
    target.peer.headers(3, post());
    target.peer.data(3, 100);
    await target.run();
    expect(connection.streams).toMatchObject({ remote: 2, maxLocal: 7, peakRemote: 2 });
    expect(connection.windows).toEqual({ send: 65_535, receive: 2 ** 20 - 100, unread: 100 });
    expect(connection.peerSettings).toMatchObject({
      maxConcurrentStreams: 7,
      maxFrameSize: 20_000,
      initialWindowBytes: 9,
      enablePush: false,
    });
    target.peer.windowUpdate(0, 10);
    target.peer.rst(1, "CANCEL");
    await target.run();
    expect(connection.streams).toMatchObject({ remote: 1, peakRemote: 2 });
    expect(connection.windows.send).toBe(65_545);
    expect(connection.defences).toMatchObject({ resets: 1, pings: 0 });
  });

  test("a client: what the server allows once it is known, and what waits", async () => {
    const target = await connectByHand({ initialMaxStreams: 3 }, { handshake: false });
    const { connection } = target;
    expect(connection.streams).toMatchObject({ local: 0, maxLocal: 3, maxRemote: 0, queued: 0 });
    target.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    await target.run();
    target.client.sendRequest(getRequest());
    expect(connection.streams).toMatchObject({ local: 1, maxLocal: 1, peakLocal: 1 });
    const pushing = await connectByHand({ onPush: () => {}, maxConcurrentStreams: 9 });
    expect(pushing.connection.streams.maxRemote).toBe(9);
  });
});

describe("[h2-325] extended CONNECT is offered when the connection runs", () => {
  const websocket = [...requestLines("CONNECT", "/chat"), [":protocol", "websocket"]] as const;

  test("by a server by hand: SETTINGS once, and what was refused before is accepted", async () => {
    const target = await acceptH2();
    target.peer.headers(1, websocket);
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    target.connection.enableConnectProtocol();
    target.connection.enableConnectProtocol();
    await expectFrames(target, ["SETTINGS ENABLE_CONNECT_PROTOCOL=1"]);
    const next = awaiting(target.server.accept());
    target.peer.headers(3, websocket);
    await expectQuiet(target);
    if (typeof next.now === "string" || next.now === null) throw new Error("no request has come");
    const { request, body, respond } = next.now;
    expect([request.method, request.extensions.get(http2.protocolKey), request.target.path]).toEqual([
      "CONNECT",
      "websocket",
      "/chat",
    ]);
    const send = respond.sendResponse(new HttpResponse(200));
    send.sendData(new TextEncoder().encode("frame"));
    await expectFrames(target, ["HEADERS 3 :status=200", "DATA 3 5 frame"]);
    target.peer.data(3, "answer");
    expect(await textOf(body)).toBe("answer");
  });

  test("by one with a service; not a second time when the option has offered it", async () => {
    for (const enableConnectProtocol of [false, true]) {
      const server = await serveH2(ok, { enableConnectProtocol });
      (server.connection as http2.Http2ServerConnection).enableConnectProtocol();
      await expectFrames(server, enableConnectProtocol ? [] : ["SETTINGS ENABLE_CONNECT_PROTOCOL=1"]);
    }
  });

  test("the client uses it from then on", async () => {
    const target = await connectByHand();
    expect(target.connection.peerSettings.enableConnectProtocol).toBe(false);
    target.peer.settings({ ENABLE_CONNECT_PROTOCOL: 1 });
    await expectFrames(target, ["SETTINGS ACK"]);
    expect(target.connection.peerSettings.enableConnectProtocol).toBe(true);
  });
});

test("a shutdown by the face: streams under way are finished first", async () => {
  const target = await connectByHand();
  const { response } = target.client.sendRequest(getRequest(), { endStream: true });
  target.connection.gracefulShutdown();
  await expectFrames(target, [`HEADERS 1 END_STREAM ${getText}`, "GOAWAY 0 NO_ERROR"]);
  expect(thrownBy(() => target.client.sendRequest(getRequest()))).toBe("closed CLOSED");
  target.peer.headers(1, status(200), { endStream: true });
  await expectClosed(target);
  expect((await response).head.status).toBe(200);
});
