/**
 * Extended CONNECT (RFC 8441): other protocols, such as WebSocket, on streams of a connection, in both roles.
 */
import { type HttpError, HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import { protocolKey } from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, outcomeOf, type Sent, send } from "./support/client.ts";
import { expectWorks } from "./support/exchanges.ts";
import { expectFailed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, status } from "./support/messages.ts";
import { expectMalformed, expectServes, fieldsOf, serveRecorded } from "./support/recorded.ts";
import { serveH2 } from "./support/server.ts";
import { completion, readTunnel, serveTunnels, type TunnelEnd, writeTunnel } from "./support/tunnels.ts";

const enabled = { enableConnectProtocol: true } as const;

/** An extended CONNECT as a client sends it. */
function connecting(protocol = "websocket", ...fields: readonly Line[]): Line[] {
  return [
    [":method", "CONNECT"],
    [":protocol", protocol],
    [":scheme", "https"],
    [":authority", "a.test"],
    [":path", "/chat"],
    ...fields,
  ];
}

const connectText = ":method=CONNECT :protocol=websocket :scheme=https :authority=a.test :path=/chat";

const chat = (): HttpRequest => new HttpRequest("CONNECT", chatTarget()).extension(protocolKey, "websocket");
const chatTarget = (): HttpRequest["target"] => HttpRequest.get("https://a.test/chat").target;

const disabled = "user EXTENDED_CONNECT_DISABLED";

describe("a server", () => {
  test("says in its SETTINGS that it is enabled, and says nothing of it otherwise (RFC 8441 3)", async () => {
    for (const enableConnectProtocol of [true, false]) {
      const server = await serveH2(() => new HttpResponse(200), { enableConnectProtocol }, { handshake: false });
      await server.run();
      const [first] = server.peer.take();
      expect(first?.includes("ENABLE_CONNECT_PROTOCOL")).toBe(enableConnectProtocol);
      if (enableConnectProtocol) expect(first).toContain(" ENABLE_CONNECT_PROTOCOL=1");
    }
  });

  test("shows the service the protocol, and a target as of any request (RFC 8441 4)", async () => {
    const server = await serveRecorded(undefined, enabled);
    server.peer.headers(1, connecting("websocket", ["sec-websocket-version", "13"], ["origin", "http://b.test"]));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const [seen] = server.requests;
    expect([seen?.method, seen?.target.form, seen?.target.toString(), seen?.authority]).toEqual([
      "CONNECT",
      "absolute",
      "https://a.test/chat",
      "a.test",
    ]);
    expect(seen?.extensions.get(protocolKey)).toBe("websocket");
    expect(seen === undefined ? undefined : fieldsOf(seen)).toEqual([
      ["sec-websocket-version", "13"],
      ["origin", "http://b.test"],
    ]);
  });

  test("a plain CONNECT has no protocol, enabled or not", async () => {
    const server = await serveRecorded(undefined, enabled);
    server.peer.headers(1, [
      [":method", "CONNECT"],
      [":authority", "a.test:443"],
    ]);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect(server.requests[0]?.extensionsIfAny?.get(protocolKey)).toBeUndefined();
  });

  test("[h2-321] :protocol when it is not enabled", async () => {
    for (const endStream of [false, true]) await expectMalformed(connecting(), endStream);
  });

  test("[h2-322] :protocol with another method", async () => {
    for (const method of ["GET", "POST", "connect"]) {
      const lines: Line[] = [...get(), [":protocol", "websocket"]];
      await expectMalformed(lines.map(replaced(":method", method)), true, enabled);
    }
  });

  test.each([":scheme", ":path", ":authority"])("[h2-323] %s missing", async (missing) => {
    await expectMalformed(
      connecting().filter(([name]) => name !== missing),
      false,
      enabled,
    );
  });

  test("[h2-323] a :path, :scheme, :authority or :protocol that is none, or comes twice", async () => {
    for (const [name, value] of [
      [":path", ""],
      [":path", "*"],
      [":scheme", "1"],
      [":authority", "u@a.test"],
      [":authority", ""],
      [":protocol", ""],
      [":protocol", "web socket"],
    ] as const) {
      await expectMalformed(connecting().map(replaced(name, value)), false, enabled);
    }
    await expectMalformed([...connecting(), [":protocol", "websocket"]], false, enabled);
  });

  test("connection-specific fields of the handshake in HTTP/1 are malformed (RFC 8441 5)", async () => {
    await expectMalformed(connecting("websocket", ["connection", "upgrade"]), false, enabled);
    await expectMalformed(connecting("websocket", ["upgrade", "websocket"]), false, enabled);
  });

  test("a protocol the service does not know is refused with 501, and the connection goes on (RFC 9220 3)", async () => {
    const server = await serveH2((request) => {
      const protocol = request.extensionsIfAny?.get(protocolKey);
      return new HttpResponse(protocol === undefined || protocol === "websocket" ? 200 : 501);
    }, enabled);
    server.peer.headers(1, connecting("webtransport"));
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=501 content-length=0", "RST_STREAM 1 NO_ERROR"]);
    server.peer.headers(3, connecting());
    await expectFrames(server, ["HEADERS 3 :status=200"]);
    await expectServes(server, 5);
  });

  test("octets flow both ways; END_STREAM ends a side, giving up is a reset with CANCEL (RFC 8441 5)", async () => {
    const server = await serveTunnels(enabled);
    server.peer.headers(1, connecting());
    server.peer.headers(3, connecting());
    await expectFrames(server, ["HEADERS 1 :status=200", "HEADERS 3 :status=200"]);
    const [first, second] = server.tunnels as [TunnelEnd, TunnelEnd];
    server.peer.data(1, "ping");
    writeTunnel(first, "pong");
    await expectFrames(server, ["DATA 1 4 pong"]);
    expect(first.pieces).toEqual(["ping"]);
    second.io.abort();
    await expectFrames(server, ["RST_STREAM 3 CANCEL"]);
    first.io.shutdown(() => {});
    server.peer.data(1, "", { endStream: true });
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    expect(first.outcome).toBe("ended");
    await expectServes(server, 5);
  });

  test("[h2-326] beside each other: ordinary requests, tunnels, other protocols", async () => {
    const server = await serveTunnels(enabled);
    server.peer.headers(1, connecting());
    server.peer.headers(3, [
      [":method", "CONNECT"],
      [":authority", "b.test:1"],
    ]);
    server.peer.headers(5, get(), { endStream: true });
    await expectFrames(server, [
      "HEADERS 1 :status=200",
      "HEADERS 3 :status=200",
      "HEADERS 5 END_STREAM :status=200 content-length=0",
    ]);
    server.peer.data(3, "b");
    server.peer.data(1, "a");
    await expectQuiet(server);
    expect(server.tunnels.map(({ pieces }) => pieces)).toEqual([["a"], ["b"]]);
  });
});

describe("a client", () => {
  const greeting = { ENABLE_CONNECT_PROTOCOL: 1 } as const;

  /** Before the server has said anything; what the client says first has been looked at. */
  async function ungreeted(): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
    const client = await connectH2({}, { handshake: false });
    await client.run();
    client.peer.take();
    return { client, sent: send(client, chat()) };
  }

  test("[h2-324] waits for the server's first SETTINGS, and others do not wait for it", async () => {
    const { client, sent } = await ungreeted();
    await expectQuiet(client);
    const other = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, ["HEADERS 1 END_STREAM :method=GET :scheme=http :authority=a.test :path=/"]);
    client.peer.settings(greeting);
    await expectFrames(client, ["SETTINGS ACK", `HEADERS 3 ${connectText}`]);
    expect([outcomeOf(sent), outcomeOf(other)]).toEqual(["pending", "pending"]);
    client.peer.headers(3, status(200));
    await expectSent(client, sent, "200");
  });

  test("[h2-324] fails with an error of its own if the server has not enabled it", async () => {
    for (const settings of [{}, { ENABLE_CONNECT_PROTOCOL: 0 }]) {
      const { client, sent } = await ungreeted();
      client.peer.settings(settings);
      await expectFrames(client, ["SETTINGS ACK"]);
      await expectSent(client, sent, disabled);
      expect(sent.error?.message).toBe("the server has not enabled extended CONNECT (RFC 8441 3)");
      await expectWorks(client, 1);
    }
  });

  test("[h2-324] the wait ends with the connection", async () => {
    const { client, sent } = await ungreeted();
    client.peer.end();
    await expectSent(client, sent, "canceled UNSENT");

    const late = await ungreeted();
    await late.client.run();
    late.client.timer.advance(10_000);
    await expectFailed(
      late.client,
      ["GOAWAY 0 SETTINGS_TIMEOUT: no SETTINGS came within prefaceTimeoutMs = 10000 ms"],
      "timeout",
      "prefaceTimeoutMs",
    );
    expect(outcomeOf(late.sent)).toBe("canceled UNSENT");
    expect(late.sent.error?.cause).toMatchObject({ kind: "timeout", code: "prefaceTimeoutMs" });
  });

  test("[h2-324] the wait can be given up", async () => {
    const client = await connectH2({}, { handshake: false });
    await client.run();
    client.peer.take();
    const controller = new AbortController();
    const sent = send(client, chat(), { signal: controller.signal });
    controller.abort();
    await expectQuiet(client);
    await expectSent(client, sent, "canceled CANCELED");
    client.peer.settings(greeting);
    await expectFrames(client, ["SETTINGS ACK"]);
  });

  test("[h2-325] not enabled: refused; enabled by later SETTINGS: sent", async () => {
    const client = await connectH2();
    const refused = send(client, chat());
    await expectQuiet(client);
    await expectSent(client, refused, disabled);
    client.peer.settings(greeting);
    await expectFrames(client, ["SETTINGS ACK"]);
    const sent = send(client, chat());
    await expectFrames(client, [`HEADERS 1 ${connectText}`]);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
  });

  test("a protocol with another method or another target is refused", async () => {
    const client = await connectH2({}, { settings: greeting });
    const method = send(client, HttpRequest.get("https://a.test/chat").extension(protocolKey, "websocket"));
    const target = send(client, HttpRequest.connect("a.test:443").extension(protocolKey, "websocket"));
    const protocol = send(client, new HttpRequest("CONNECT", chatTarget()).extension(protocolKey, "web socket"));
    const none = send(client, new HttpRequest("CONNECT", chatTarget()));
    await expectQuiet(client);
    expect([method, target, protocol, none].map(outcomeOf)).toEqual([
      "user INVALID_PROTOCOL",
      "user INVALID_TARGET",
      "user INVALID_PROTOCOL",
      "user INVALID_TARGET",
    ]);
    await expectWorks(client, 1);
  });

  test.each([2, 0xffff_ffff])("the setting must be 0 or 1, not %i (RFC 8441 3)", async (value) => {
    const client = await connectH2();
    client.peer.settings({ ENABLE_CONNECT_PROTOCOL: value });
    const message = `SETTINGS: ENABLE_CONNECT_PROTOCOL must be 0 or 1, got ${value} (RFC 8441 3)`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "SETTINGS_ENABLE_CONNECT_PROTOCOL");
  });

  test("the setting must not go back to 0 (RFC 8441 3)", async () => {
    const client = await connectH2({}, { settings: greeting });
    client.peer.settings(greeting);
    await expectFrames(client, ["SETTINGS ACK"]);
    client.peer.settings({ ENABLE_CONNECT_PROTOCOL: 0 });
    const message = "SETTINGS: ENABLE_CONNECT_PROTOCOL must not ";
    const errorCode = "SETTINGS_ENABLE_CONNECT_PROTOCOL_CHANGED";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", errorCode);
  });

  test("a 2xx grants the tunnel; giving it up is a reset with CANCEL, another status refuses it", async () => {
    const client = await connectH2({}, { settings: greeting });
    const sent = send(client, chat());
    await expectFrames(client, [`HEADERS 1 ${connectText}`]);
    client.peer.headers(1, status(200));
    client.peer.data(1, "hello");
    await expectSent(client, sent, "200");
    const tunnel = readTunnel(await upgradeOn(sent.response as HttpResponse));
    writeTunnel(tunnel, "hi");
    await expectFrames(client, ["DATA 1 2 hi"]);
    expect(tunnel.pieces).toEqual(["hello"]);
    tunnel.io.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);

    const refused = send(client, chat());
    await expectFrames(client, [`HEADERS 3 ${connectText}`]);
    client.peer.headers(3, status(501), { endStream: true });
    await expectFrames(client, ["DATA 3 END_STREAM 0"]);
    await expectSent(client, refused, "501");
    const error = await upgradeOn(refused.response as HttpResponse).catch((reason: HttpError) => reason);
    expect(error).toMatchObject({ kind: "user", code: "NO_UPGRADE" });
    await expectWorks(client, 5);
  });

  test("a shutdown of both sides frees the stream", async () => {
    const client = await connectH2({}, { settings: { ...greeting, MAX_CONCURRENT_STREAMS: 1 } });
    const first = send(client, chat());
    const second = send(client, chat());
    await expectFrames(client, [`HEADERS 1 ${connectText}`]);
    client.peer.headers(1, status(200));
    await expectSent(client, first, "200");
    const tunnel = readTunnel(await upgradeOn(first.response as HttpResponse));
    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    expect(shut.state).toBe("done");
    client.peer.data(1, "bye", { endStream: true });
    await expectFrames(client, [`HEADERS 3 ${connectText}`]);
    expect([tunnel.pieces, tunnel.outcome, outcomeOf(second)]).toEqual([["bye"], "ended", "pending"]);
  });
});

/** Replaces the value of the lines with this name. */
function replaced(name: string, value: string): (line: Line) => Line {
  return (line) => (line[0] === name ? [name, value] : line);
}
