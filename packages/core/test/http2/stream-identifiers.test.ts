/**
 * Which streams there are (RFC 9113 sections 5.1, 5.1.1): identifiers go up on either side, the first use of one closes
 * those below it, and nothing but HEADERS or PRIORITY may come on one that is idle.
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import type { Peer } from "./support/peer.ts";
import { expectServes, serveRecorded } from "./support/recorded.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { okText } from "./support/server.ts";

/** Frames that open nothing, and the code of the error that they are on an idle stream. */
const onIdle: readonly (readonly [name: string, code: string, send: (peer: Peer, streamId: number) => void])[] = [
  ["DATA", "DATA_ON_IDLE_STREAM", (peer, id) => peer.data(id, "x")],
  ["DATA", "DATA_ON_IDLE_STREAM", (peer, id) => peer.data(id, "", { endStream: true })],
  ["RST_STREAM", "RST_STREAM_ON_IDLE_STREAM", (peer, id) => peer.rst(id, "CANCEL")],
  ["WINDOW_UPDATE", "WINDOW_UPDATE_ON_IDLE_STREAM", (peer, id) => peer.windowUpdate(id, 1)],
];

describe("in both roles", () => {
  for (const role of roles) {
    for (const streamId of [3, 4]) {
      for (const [name, code, act] of onIdle) {
        test(`[h2-131] ${role}: ${name} on the idle stream ${streamId} ends the connection`, async () => {
          const target = await startWithStream(role);
          act(target.peer, streamId);
          const message = `${name}: not allowed on stream ${streamId}, which is idle (RFC 9113 5.1)`;
          await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", code);
        });
      }
    }

    test(`[h2-131] ${role}: CONTINUATION on an idle stream ends the connection`, async () => {
      const target = await startWithStream(role);
      target.peer.continuation(3, get());
      const message = "CONTINUATION: must follow a frame without END_HEADERS";
      await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "CONTINUATION_UNEXPECTED");
    });

    test(`[h2-132] ${role}: PRIORITY on an idle stream is let pass, and uses no identifier`, async () => {
      const target = await start(role);
      target.peer.priority(101, { dependency: 1 });
      target.peer.priority(2, { dependency: 0, weight: 256 });
      await expectQuiet(target);
      target.peer.data(101, "x");
      const message = "DATA: not allowed on stream 101, which is idle (RFC 9113 5.1)";
      await expectGoAway(target, 0, "PROTOCOL_ERROR", message, "protocol", "DATA_ON_IDLE_STREAM");
    });
  }
});

describe("a server", () => {
  test("[h2-132] serves a stream that had a PRIORITY before, and those below the one that had", async () => {
    const server = await serveRecorded();
    server.peer.priority(5);
    await expectServes(server, 1);
    await expectServes(server, 5);
  });

  test("[h2-134] ends the connection for a stream of even number", async () => {
    const server = await serveRecorded();
    await expectServes(server, 1);
    server.peer.headers(2, get(), { endStream: true });
    const message = "stream identifier of the peer must be odd, got 2 (RFC 9113 5.1.1)";
    await expectGoAway(server, 1, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_PARITY");
    expect(server.requests.length).toBe(1);
  });

  test("[h2-135, h2-136] ends the connection for a stream that a later one has closed", async () => {
    const server = await serveRecorded();
    await expectServes(server, 5);
    for (const id of [1, 3]) {
      // Tolerated, as on any closed stream.
      server.peer.windowUpdate(id, 1);
      server.peer.rst(id, "CANCEL");
      server.peer.priority(id);
    }
    await expectQuiet(server);
    server.peer.headers(3, get(), { endStream: true });
    const message = "HEADERS: stream 3 must be idle to be opened, is closed by a later stream (RFC 9113 5.1.1)";
    await expectGoAway(server, 5, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_USED");
    expect(server.requests.length).toBe(1);
  });

  test("[h2-136, h2-153] DATA on a stream that a later one has closed is of a closed stream, not of an idle one", async () => {
    const server = await serveRecorded();
    await expectServes(server, 5);
    server.peer.windowUpdate(3, 100);
    await expectQuiet(server);
    server.peer.data(3, "x");
    await expectFrames(server, ["RST_STREAM 3 STREAM_CLOSED"]);
    await expectServes(server, 7);
  });

  test("[h2-135] an identifier is used up though its request was malformed", async () => {
    const server = await serveRecorded();
    server.peer.headers(3, [[":method", "GET"]], { endStream: true });
    await expectFrames(server, ["RST_STREAM 3 PROTOCOL_ERROR"]);
    server.peer.headers(1, get(), { endStream: true });
    const message = "HEADERS: stream 1 must be idle to be opened, is closed by a later stream (RFC 9113 5.1.1)";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_USED");
    expect(server.requests).toEqual([]);
  });

  test("[h2-135] an identifier is never used twice: HEADERS on a stream that has ended open nothing", async () => {
    const server = await serveRecorded();
    await expectServes(server, 1);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 STREAM_CLOSED"]);
    await expectServes(server, 3);
    expect(server.requests.length).toBe(2);
  });

  test("the highest identifier there is", async () => {
    const server = await serveRecorded();
    await expectServes(server, 2 ** 31 - 1);
  });

  test("[h2-160] ends the connection for PUSH_PROMISE, whatever it promises and where", async () => {
    for (const [streamId, promised] of [
      [1, 2],
      [1, 3],
      [7, 2],
    ] as const) {
      const { server, call } = await serveHeld();
      server.peer.headers(1, post());
      await expectQuiet(server);
      server.peer.pushPromise(streamId, promised, get());
      const message = "PUSH_PROMISE: clients must not push (RFC 9113 8.4)";
      await expectGoAway(server, 1, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_FROM_CLIENT");
      expect(call(0).request.signal.aborted).toBe(true);
    }
  });
});

describe("a client", () => {
  for (const streamId of [1, 2, 5]) {
    test(`[h2-133] ends the connection for HEADERS on stream ${streamId}, which is idle`, async () => {
      const client = await connectH2();
      client.peer.headers(streamId, status(200), { endStream: true });
      const message = `HEADERS: not allowed on stream ${streamId}, which is idle (RFC 9113 5.1)`;
      await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "HEADERS_ON_IDLE_STREAM");
    });
  }

  test("[h2-133] fails the requests under way for HEADERS on an idle stream", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(3, status(200));
    const message = "HEADERS: not allowed on stream 3, which is idle (RFC 9113 5.1)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "HEADERS_ON_IDLE_STREAM");
    await expectSent(client, sent, "protocol HEADERS_ON_IDLE_STREAM PROTOCOL_ERROR");
  });

  test("[h2-137] resets a stream that it passed over, when a response comes on it, and goes on", async () => {
    const client = await connectH2({ initialStreamId: 7 });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 7 END_STREAM ${getText}`]);
    client.peer.headers(3, status(200), { endStream: true });
    await expectFrames(client, ["RST_STREAM 3 STREAM_CLOSED"]);
    client.peer.headers(7, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectQuiet(client);
  });

  test("[h2-156] a stream that waits for its turn is idle to the server: no frame may come on it", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, HttpRequest.get("http://a.test/"));
    const second = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.rst(3, "CANCEL");
    const message = "RST_STREAM: not allowed on stream 3, which is idle (RFC 9113 5.1)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "RST_STREAM_ON_IDLE_STREAM");
    await expectSent(client, first, "protocol RST_STREAM_ON_IDLE_STREAM PROTOCOL_ERROR");
    await expectSent(client, second, "canceled UNSENT");
  });

  test("[h2-154] uses the last identifier, refuses what comes then, and ends when what it has is done", async () => {
    const client = await connectH2({ initialStreamId: 2 ** 31 - 3 });
    const first = send(client, HttpRequest.get("http://a.test/"));
    expect(client.sender.isReady).toBe(true);
    const last = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [
      `HEADERS 2147483645 END_STREAM ${getText}`,
      `HEADERS 2147483647 END_STREAM ${getText}`,
    ]);
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    const none = HttpRequest.get("http://a.test/");
    await expectSent(client, send(client, none), "closed NO_STREAM_ID");
    const outcome = await client.sender.trySend(none);
    expect("error" in outcome && outcome.request === none).toBe(true);
    await expect(client.sender.ready()).rejects.toMatchObject({ kind: "closed", code: "NO_STREAM_ID" });
    await expectQuiet(client);
    client.peer.headers(2147483645, status(200), { endStream: true });
    client.peer.headers(2147483647, status(204), { endStream: true });
    await expectSent(client, first, "200");
    await expectSent(client, last, "204");
  });

  test("[h2-154] requests that wait for a stream are handed back when the last identifier is used", async () => {
    const client = await connectH2({ initialStreamId: 2 ** 31 - 1 }, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const last = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 2147483647 END_STREAM ${getText}`]);
    await expectSent(client, send(client, HttpRequest.get("http://a.test/")), "closed NO_STREAM_ID");
    client.peer.headers(2147483647, status(200), { endStream: true });
    await expectSent(client, last, "200");
    client.connection.gracefulShutdown();
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });
});

test("the reserved bit of an identifier is ignored", async () => {
  const server = await serveRecorded();
  const block = Uint8Array.from([0x82, 0x86, 0x84, 0x41, 1, 0x61]);
  server.peer.raw(frameTypes.HEADERS, flags.END_HEADERS | flags.END_STREAM, 2 ** 31 + 1, block);
  await expectFrames(server, [okText(1)]);
});
