/**
 * The life of single streams (RFC 9113 section 5.1): their states as an observer sees them, what they leave behind, and
 * what is odd on the way.
 */
import { channel, full, HeaderMap, withTrailers } from "@sluice/body";
import { type Connection, HttpRequest, HttpResponse, type Observer, sendInformational, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import type { Http2Machine } from "../../src/h2/connection/machine.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectAborted, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { expectServes, serveRecorded } from "./support/recorded.ts";
import { roles, startWithStream } from "./support/roles.ts";
import { okText } from "./support/server.ts";

/** Takes down the states of streams: `1 idle -> open`. */
function stateLog(): { readonly observer: Observer; take(): string[] } {
  const log: string[] = [];
  const observer: Observer = {
    streamChanged: (streamId, from, to) => void log.push(`${streamId} ${from} -> ${to}`),
  };
  return { observer, take: () => log.splice(0) };
}

/** How many streams have a record. */
function recordsOf(connection: Connection): number {
  return (connection as unknown as { readonly machine: Http2Machine }).machine.streams.store.size;
}

describe("the states of a stream", () => {
  test("[h2-158] on a server: the client ends its side first", async () => {
    const { observer, take } = stateLog();
    const { server, call } = await serveHeld({ observer });
    server.peer.headers(1, post());
    await expectQuiet(server);
    expect(take()).toEqual(["1 idle -> open"]);
    server.peer.data(1, "x", { endStream: true });
    await expectQuiet(server);
    expect(take()).toEqual(["1 open -> half-closed (remote)"]);
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect(take()).toEqual([]);
    sender.close();
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    expect(take()).toEqual(["1 half-closed (remote) -> closed by END_STREAM"]);
  });

  test("[h2-158] on a server: the response ends first, and the request is read on", async () => {
    const { observer, take } = stateLog();
    const { server, call } = await serveHeld({ observer });
    server.peer.headers(1, post());
    await server.run();
    read(call(0).request.body);
    await server.run();
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    expect(take()).toEqual(["1 idle -> open", "1 open -> half-closed (local)"]);
    server.peer.headers(1, [["x", "1"]], { endStream: true });
    await expectQuiet(server);
    expect(take()).toEqual(["1 half-closed (local) -> closed by END_STREAM"]);
  });

  test("[h2-146, h2-158] on a server: a request and a response without content", async () => {
    const { observer, take } = stateLog();
    const server = await serveRecorded(undefined, { observer });
    await expectServes(server, 1);
    expect(take()).toEqual(["1 idle -> half-closed (remote)", "1 half-closed (remote) -> closed by END_STREAM"]);
    expect(recordsOf(server.connection)).toBe(0);
  });

  test("[h2-158] on a server: resets of both sides", async () => {
    const { observer, take } = stateLog();
    const { server, call } = await serveHeld({ observer });
    server.peer.headers(1, post());
    server.peer.headers(3, get(), { endStream: true });
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(take()).toEqual([
      "1 idle -> open",
      "3 idle -> half-closed (remote)",
      "1 open -> closed by the RST_STREAM received",
    ]);
    call(1).fail(new Error("no"));
    await expectFrames(server, ["RST_STREAM 3 INTERNAL_ERROR"]);
    expect(take()).toEqual(["3 half-closed (remote) -> closed by the RST_STREAM sent"]);
  });

  test("[h2-146, h2-158] on a client", async () => {
    const { observer, take } = stateLog();
    const client = await connectH2({ observer });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    expect(take()).toEqual(["1 idle -> half-closed (local)"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    expect(take()).toEqual(["1 half-closed (local) -> closed by END_STREAM"]);
    expect(recordsOf(client.connection)).toBe(0);
  });

  test("[h2-158] on a client that sends content", async () => {
    const { observer, take } = stateLog();
    const client = await connectH2({ observer });
    const { body, sender } = channel(1);
    const sent = send(client, HttpRequest.post("http://a.test/", body));
    await client.run();
    expect(take()).toEqual(["1 idle -> open"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    expect(take()).toEqual(["1 open -> half-closed (remote)"]);
    sender.close();
    await client.run();
    expect(take()).toEqual(["1 half-closed (remote) -> closed by END_STREAM"]);
  });
});

describe("what is not allowed on an open stream", () => {
  for (const role of roles) {
    test(`[h2-151] ${role}: HEADERS behind the head without END_STREAM reset it`, async () => {
      const target = await startWithStream(role);
      if (role === "client") target.peer.headers(1, status(200));
      target.peer.headers(1, [["x", "1"]]);
      await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      // Behind the reset of ours it may send on in good faith.
      target.peer.data(1, "x", { endStream: true });
      await expectQuiet(target);
    });

    test(`[h2-159] ${role}: a stream that depends on itself is reset, whether by PRIORITY or by HEADERS`, async () => {
      const target = await startWithStream(role);
      target.peer.priority(1, { dependency: 1 });
      await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    });

    test(`[h2-159] ${role}: an idle stream cannot be reset for that, so the connection ends`, async () => {
      const target = await startWithStream(role);
      target.peer.priority(3, { dependency: 3 });
      const message = "PRIORITY: stream 3 must not depend on itself (RFC 7540 5.3.1)";
      const last = role === "server" ? 1 : 0;
      await expectGoAway(target, last, "PROTOCOL_ERROR", message, "protocol", "PRIORITY_ON_ITSELF");
    });
  }

  test("[h2-159] server: HEADERS that depend on themselves open nothing, and the next request is served", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get(), { endStream: true, priority: { dependency: 1 } });
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(server.requests).toEqual([]);
    await expectServes(server, 3);
  });

  test("[h2-159] client: HEADERS that depend on themselves are no response", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200), { endStream: true, priority: { dependency: 1 } });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol PRIORITY_ON_ITSELF PROTOCOL_ERROR");
  });
});

describe("what cannot be sent any more", () => {
  test("[h2-147] interim responses behind the final one are refused, and nothing is written", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const { body } = channel(1);
    expect(sendInformational(call(0).request, 103)).toBe(true);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 1 :status=103", "HEADERS 1 :status=200"]);
    expect(sendInformational(call(0).request, 103)).toBe(false);
    await expectQuiet(server);
  });

  test("[h2-147] a tunnel takes nothing behind its end", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, [
      [":method", "CONNECT"],
      [":authority", "b.test:1"],
    ]);
    await server.run();
    const upgraded = upgradeOn(call(0).request);
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const tunnel = await upgraded;
    let ended: unknown = "no";
    tunnel.shutdown((error) => {
      ended = error;
    });
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    expect(ended).toBe(undefined);
    expect(tunnel.write([Uint8Array.of(1)])).toBe(false);
    let error: unknown;
    tunnel.drained((reason) => {
      error = reason;
    });
    expect(error).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
    await expectQuiet(server);
  });

  test("[h2-157] a tunnel that is given up when both sides have ended leaves nothing behind", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, [
      [":method", "CONNECT"],
      [":authority", "b.test:1"],
    ]);
    await server.run();
    const upgraded = upgradeOn(call(0).request);
    call(0).respond(new HttpResponse(200));
    const tunnel = await upgraded;
    tunnel.shutdown(() => {});
    server.peer.data(1, "unread", { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 END_STREAM 0"]);
    tunnel.abort();
    await expectQuiet(server);
    expect(recordsOf(server.connection)).toBe(0);
  });

  test("[h2-147] a body that goes on behind the length it announced: the stream is reset, no octet too many is sent", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(4);
    call(0).respond(new HttpResponse(200, { "content-length": "3" }, body));
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=3"]);
    await sender.sendData("abc");
    await sender.sendData("d").catch(() => {});
    await expectFrames(server, ["DATA 1 3 abc", "RST_STREAM 1 INTERNAL_ERROR"]);
  });
});

describe("resets in the middle of something", () => {
  test("[h2-149] by the peer while trailers wait behind content: nothing of it is sent, and the stream is freed", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 2 } });
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    call(0).respond(new HttpResponse(200, undefined, withTrailers(full("content"), new HeaderMap([["sum", "1"]]))));
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=7", "DATA 1 2 co"]);
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(recordsOf(server.connection)).toBe(0);
    server.peer.windowUpdate(1, 100);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 1000 });
    await expectFrames(server, ["SETTINGS ACK"]);
    server.peer.headers(3, get("/ok"), { endStream: true });
    await expectFrames(server, [okText(3)]);
  });

  test("[h2-150] by the peer while the transport is full: frames begun are whole, and no more of the stream follows", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 }, capacityBytes: 1000 });
    server.peer.windowUpdate(0, 2 ** 20);
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    server.io.drain();
    call(0).respond(new HttpResponse(200, undefined, full(new Uint8Array(200_000))));
    await server.run();
    const before = server.peer.take();
    expect(before[0]).toBe("HEADERS 1 :status=200 content-length=200000");
    expect(new Set(before.slice(1))).toEqual(new Set(["DATA 1 16384"]));
    expect(before.length).toBeLessThan(8);
    server.peer.rst(1, "CANCEL");
    server.peer.headers(3, get("/ok"), { endStream: true });
    await expectQuiet(server);
    server.io.drain();
    await expectFrames(server, [okText(3)]);
    server.io.drain();
    await expectQuiet(server);
  });

  test("[h2-150] by us while the transport is full", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 }, capacityBytes: 1000 });
    client.peer.windowUpdate(0, 2 ** 20);
    await client.run();
    client.io.drain();
    const controller = new AbortController();
    const request = HttpRequest.post("http://a.test/", full(new Uint8Array(200_000)));
    const sent = send(client, request, { signal: controller.signal });
    await client.run();
    const before = client.peer.take();
    expect(before.length).toBeLessThan(8);
    controller.abort();
    await expectSent(client, sent, "canceled CANCELED");
    await expectQuiet(client);
    client.io.drain();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.io.drain();
    await expectQuiet(client);
  });

  test("[h2-150] the transport fails while content is being sent: all is told, and nothing more is written", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 }, capacityBytes: 1000 });
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    server.io.drain();
    const { signal } = call(0).request;
    call(0).respond(new HttpResponse(200, undefined, full(new Uint8Array(200_000))));
    await server.run();
    server.peer.take();
    server.io.fail(new Error("gone"));
    await expectAborted(server, [], "io", "TRANSPORT_FAILED");
    expect(signal.reason).toBe(server.outcome);
    expect(recordsOf(server.connection)).toBe(0);
  });

  test("[h2-155] by us before HEADERS could leave: HEADERS leave, then RST_STREAM, never one on an idle stream", async () => {
    const client = await connectH2({}, { capacityBytes: 500 });
    const long = "x".repeat(500);
    send(client, HttpRequest.get(`http://a.test/${long}`));
    await client.run();
    client.peer.take();
    const controller = new AbortController();
    const sent = send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
    controller.abort();
    await expectSent(client, sent, "canceled CANCELED");
    await expectQuiet(client);
    client.io.drain();
    await expectFrames(client, [`HEADERS 3 END_STREAM ${getText}`, "RST_STREAM 3 CANCEL"]);
  });
});

describe("[h2-157] closed streams leave nothing behind", () => {
  test("on a server, however they were closed", async () => {
    const { server, calls, call } = await serveHeld();
    const { peer } = server;
    for (let round = 0; round < 60; round++) {
      const id = 1 + 12 * round;
      peer.batch(() => {
        peer.headers(id, get("/ok"), { endStream: true });
        peer.headers(id + 2, post());
        peer.headers(id + 4, post());
        peer.headers(id + 6, [[":method", "GET"]]);
        peer.headers(id + 8, post("/ok"));
        peer.data(id + 2, "some");
        peer.rst(id + 2, "CANCEL");
        peer.data(id + 8, "some");
        peer.headers(id + 10, post("/ok"), { endStream: true });
      });
      await server.run();
      call(2 * round).respond(new HttpResponse(200));
      call(2 * round + 1).fail(new Error("no"));
      await server.run();
      expect(recordsOf(server.connection)).toBe(0);
    }
    expect(calls.length).toBe(120);
    expect(server.outcome).toBe(undefined);
  });

  test("on a client, however they were closed", async () => {
    const client = await connectH2();
    const { peer } = client;
    for (let round = 0; round < 60; round++) {
      const id = 1 + 8 * round;
      const controller = new AbortController();
      const sent = [0, 1, 2, 3].map(() =>
        send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal }),
      );
      await client.run();
      peer.headers(id, status(200), { endStream: true });
      peer.rst(id + 2, "REFUSED_STREAM");
      peer.headers(id + 4, status(200));
      peer.data(id + 4, "unread");
      await client.run();
      sent[2]?.response?.body.cancel();
      controller.abort();
      await client.run();
      expect(recordsOf(client.connection)).toBe(0);
    }
    expect(client.outcome).toBe(undefined);
  });
});
