/**
 * Windows and settings out of bounds: what is refused, and that nothing is left behind where it ends the connection.
 */
import { BaseBody, type Frame, full } from "@sluice/body";
import { HttpResponse, HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { attackClient, attackServer, blockedService, expectDefended, expectEndured, times } from "../support/attack.ts";
import { expectSent, send } from "../support/client.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, post, status } from "../support/messages.ts";
import { ok, okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const most = 2 ** 31 - 1;

describe("CVE-2026-21714: the window of the connection beyond 2^31-1", () => {
  const overflow = {
    code: "FLOW_CONTROL_ERROR",
    debug: `WINDOW_UPDATE: window must not exceed 2^31-1, got 65535 and ${most} more (RFC 9113 6.9.1)`,
    kind: "protocol",
    errorCode: "WINDOW_OVERFLOW",
  } as const;

  test("CVE-2026-21714: ends a server's connection, its requests, bodies and alarms, and the transport is released", async () => {
    let canceled = 0;
    class Endless extends BaseBody {
      override frame(): Frame {
        return new Uint8Array(16_384);
      }

      override cancel(): void {
        canceled++;
      }
    }
    const service = blockedService();
    const server = await attackServer((request) =>
      request.method === "GET" ? new HttpResponse(200, {}, new Endless()) : service.call(request),
    );
    const { peer } = server;
    peer.settings({ INITIAL_WINDOW_SIZE: 0 });
    peer.headers(1, get(), { endStream: true });
    peer.headers(3, post());
    peer.data(3, "unread");
    await expectFrames(server, ["SETTINGS ACK", "HEADERS 1 :status=200"]);
    const waiting = server.requests[1]?.body.frame();
    expect(waiting instanceof Uint8Array).toBe(true);
    const more = server.requests[1]?.body.frame();
    peer.windowUpdate(0, most);
    const failed = expect(more).rejects.toMatchObject({ code: "WINDOW_OVERFLOW" });
    expect(await expectDefended(server, { ...overflow, lastStreamId: 3 })).toEqual([]);
    await failed;
    expect(server.requests.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(canceled).toBe(1);
  });

  test("CVE-2026-21714: fails what a client waits for, what it reads and what waits for a stream", async () => {
    const client = await attackClient({}, { settings: { MAX_CONCURRENT_STREAMS: 2 } });
    const sent = Array.from({ length: 3 }, () => send(client, Requests.get("http://a.test/")));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    await expectQuiet(client);
    const reading = sent[0]?.response?.body.frame();
    client.peer.windowUpdate(0, most);
    const failed = expect(reading).rejects.toMatchObject({ code: "WINDOW_OVERFLOW" });
    await expectDefended(client, { ...overflow, lastStreamId: 0 });
    await failed;
    await expectSent(client, sent[1] as never, "protocol WINDOW_OVERFLOW FLOW_CONTROL_ERROR");
    // That one can be sent elsewhere.
    await expectSent(client, sent[2] as never, "canceled UNSENT");
    expect(client.sender.isClosed).toBe(true);
  });
});

describe("CVE-2026-33814: SETTINGS_MAX_FRAME_SIZE out of bounds", () => {
  for (const value of [0, 1, 16_383, 16_777_216, 0xffff_ffff]) {
    test(`CVE-2026-33814: ${value} ends the connection before anything is sent in frames of this size`, async () => {
      const client = await attackClient();
      client.peer.settings({ MAX_FRAME_SIZE: value });
      const sent = send(client, new Requests("POST", "http://a.test/", { large: "v".repeat(20_000) }, full("content")));
      const answers = await expectDefended(client, {
        lastStreamId: 0,
        code: "PROTOCOL_ERROR",
        debug: `SETTINGS: MAX_FRAME_SIZE must be from 16384 to 16777215, got ${value} (RFC 9113 6.5.2)`,
        kind: "protocol",
        errorCode: "SETTINGS_MAX_FRAME_SIZE",
      });
      expect(answers).toEqual([]);
      await expectSent(client, sent, "closed CLOSED");
    });
  }

  test("CVE-2026-33814: on a server whose response does not fit into a frame", async () => {
    const server = await attackServer(() => new HttpResponse(200, { large: "v".repeat(40_000) }));
    server.peer.batch(() => {
      server.peer.settings({ MAX_FRAME_SIZE: 0 });
      server.peer.headers(1, get(), { endStream: true });
    });
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: "PROTOCOL_ERROR",
      debug: "SETTINGS: MAX_FRAME_SIZE must be from 16384 to 16777215, got 0 (RFC 9113 6.5.2)",
      kind: "protocol",
      errorCode: "SETTINGS_MAX_FRAME_SIZE",
    });
    expect([answers, server.requests]).toEqual([[], []]);
  });
});

describe("INITIAL_WINDOW_SIZE to and fro", () => {
  test("windows below 0 are none, and come back exactly", async () => {
    const server = await attackServer(() => new HttpResponse(200, {}, full(new Uint8Array(200_000))));
    const { peer } = server;
    peer.windowUpdate(0, 1_000_000);
    peer.headers(1, get(), { endStream: true });
    await server.run();
    expect(peer.contentOf(1).length).toBe(65_535);
    peer.take();
    for (let round = 0; round < 100; round++) {
      peer.settings({ INITIAL_WINDOW_SIZE: 0 });
      peer.settings({ INITIAL_WINDOW_SIZE: 65_535 });
    }
    await server.run();
    expect(new Set(peer.take())).toEqual(new Set(["SETTINGS ACK"]));
    peer.settings({ INITIAL_WINDOW_SIZE: 65_545 });
    await expectEndured(server, ["SETTINGS ACK", "DATA 1 10"]);
  });

  test("the window of a stream beyond 2^31-1 by SETTINGS ends the connection", async () => {
    const server = await attackServer(() => new Promise(() => {}));
    server.peer.headers(1, get(), { endStream: true });
    server.peer.windowUpdate(1, most - 65_535);
    await expectQuiet(server);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 65_536 });
    await expectDefended(server, {
      lastStreamId: 1,
      code: "FLOW_CONTROL_ERROR",
      debug: `SETTINGS: window of stream 1 must not exceed 2^31-1, got ${most} and 1 more (RFC 9113 6.9.2)`,
      kind: "protocol",
      errorCode: "SETTINGS_WINDOW_OVERFLOW",
    });
  });
});

describe("content beyond what was granted", () => {
  test("for all streams together: the connection ends, and none of it is kept", async () => {
    const service = blockedService();
    const server = await attackServer(service.call, { connectionWindowBytes: 65_535 });
    const { peer } = server;
    times(2, (index) => peer.headers(1 + 2 * index, post()));
    times(3, () => peer.data(1, 16_384));
    await expectQuiet(server);
    peer.data(3, 16_383);
    await expectQuiet(server);
    peer.data(3, 1);
    await expectDefended(server, {
      lastStreamId: 3,
      code: "FLOW_CONTROL_ERROR",
      debug: "DATA: window of the connection allows for 0 octets, got 1 (RFC 9113 6.9.1)",
      kind: "protocol",
      errorCode: "WINDOW_EXCEEDED",
    });
  });

  test("a client that never acknowledges our SETTINGS is given up after settingsTimeoutMs", async () => {
    const server = await attackServer(ok, {}, { handshake: false });
    server.peer.batch(() => {
      server.peer.preface();
      server.peer.settings();
    });
    await server.run();
    server.peer.take();
    await pass(server, 9_999);
    await expectQuiet(server);
    server.timer.advance(1);
    await expectDefended(server, {
      lastStreamId: 0,
      code: "SETTINGS_TIMEOUT",
      debug: "our SETTINGS were not acknowledged within settingsTimeoutMs = 10000 ms",
      kind: "timeout",
      errorCode: "settingsTimeoutMs",
    });
  });
});

describe("[h2-359] no SETTINGS at all", () => {
  for (const [role, make] of [
    ["server", () => attackServer(ok, {}, { handshake: false })],
    ["client", () => attackClient({}, { handshake: false })],
  ] as const) {
    for (const limitMs of [10_000, 2_000]) {
      test(`[h2-359] a ${role} gives the peer up after prefaceTimeoutMs = ${limitMs}`, async () => {
        const target =
          limitMs === 10_000
            ? await make()
            : role === "server"
              ? await attackServer(ok, { prefaceTimeoutMs: limitMs }, { handshake: false })
              : await attackClient({ prefaceTimeoutMs: limitMs }, { handshake: false });
        if (role === "server") target.peer.preface();
        await target.run();
        target.peer.take();
        await pass(target, limitMs - 1);
        await expectQuiet(target);
        target.timer.advance(1);
        await expectDefended(target, {
          lastStreamId: 0,
          code: "SETTINGS_TIMEOUT",
          debug: `no SETTINGS came within prefaceTimeoutMs = ${limitMs} ms`,
          kind: "timeout",
          errorCode: "prefaceTimeoutMs",
        });
      });
    }
  }
});

test("an idle client is no attacker, but not kept for ever: GOAWAY NO_ERROR after idleTimeoutMs", async () => {
  const server = await attackServer(ok);
  server.peer.headers(1, get(), { endStream: true });
  await expectFrames(server, [okText(1)]);
  await pass(server, 179_999);
  await expectQuiet(server);
  server.timer.advance(1);
  await server.run();
  expect(server.peer.take()).toEqual(["GOAWAY 1 NO_ERROR"]);
});
