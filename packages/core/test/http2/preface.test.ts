/**
 * What each side says first (RFC 9113 section 3.4): the client's preface, SETTINGS of both, and how long is waited for
 * them.
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectClosed, expectFailed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { flags, frameTypes, preface } from "./support/names.ts";
import { roles, start } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

const serverFirst = [
  "SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=262144 MAX_HEADER_LIST_SIZE=16384 NO_RFC7540_PRIORITIES=1",
  "WINDOW_UPDATE 0 +983041",
];
const clientFirst = [
  "PREFACE",
  "SETTINGS ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=2097152 MAX_HEADER_LIST_SIZE=65536",
  "WINDOW_UPDATE 0 +5177345",
];

const unmet = { handshake: false } as const;

describe("a server", () => {
  test("[h2-005] speaks first: SETTINGS leave before the client has said anything", async () => {
    const server = await serveH2(ok, {}, unmet);
    expect(server.peer.takeWrites()).toEqual([serverFirst]);
    await expectQuiet(server);
  });

  test("[h2-001] takes the preface in pieces of any size", async () => {
    for (const size of [1, 2, 3, 7, 23]) {
      const server = await serveH2(ok, {}, unmet);
      for (let at = 0; at < preface.length; at += size) {
        server.peer.octets(preface.slice(at, at + size));
        await server.run();
      }
      await expectFrames(server, serverFirst);
      server.peer.settings();
      server.peer.settingsAck();
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, ["SETTINGS ACK", okText(1)]);
    }
  });

  test("takes all that a client may send at once: preface, SETTINGS and a request in one chunk", async () => {
    const server = await serveH2(ok, {}, unmet);
    server.peer.batch(() => {
      server.peer.preface();
      server.peer.settings();
      server.peer.headers(1, get(), { endStream: true });
    });
    await expectFrames(server, [...serverFirst, "SETTINGS ACK", okText(1)]);
  });

  for (const [what, octets, got] of [
    ["a request of HTTP/1.1", "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n", '"GET / HTTP/1.1\\x0d\\x0ahost: a."'],
    ["a single wrong octet at its start", "X", '"X"'],
    [
      "a wrong octet at its end",
      `${preface.slice(0, -1)}\r`,
      '"PRI * HTTP/2.0\\x0d\\x0a\\x0d\\x0aSM\\x0d\\x0a\\x0d\\x0d"',
    ],
    ["frames without a preface", "\0\0\0\x04\0\0\0\0\0", '"\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x00\\x00"'],
    ["TLS", "\x16\x03\x01", '"\\x16\\x03\\x01"'],
  ] as const) {
    test(`[h2-002] ends the connection for ${what}`, async () => {
      const server = await serveH2(ok, {}, unmet);
      await expectFrames(server, serverFirst);
      server.peer.octets(octets);
      const message = `the connection must start with the client preface, got ${got} (RFC 9113 3.4)`;
      await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "PREFACE_INVALID");
    });
  }

  test("[h2-002] sees a wrong octet when it comes, however the preface is cut", async () => {
    const server = await serveH2(ok, {}, unmet);
    server.peer.octets("PRI * HT");
    await expectFrames(server, serverFirst);
    server.peer.octets("X");
    await expectGoAway(server, 0, "PROTOCOL_ERROR", "the connection must start", "protocol", "PREFACE_INVALID");
  });

  for (const [what, octets] of [
    ["no preface", ""],
    ["half a preface", preface.slice(0, 12)],
    ["a preface without SETTINGS", preface],
  ] as const) {
    test(`[h2-003] waits for the preface so long and no longer: ${what}`, async () => {
      const server = await serveH2(ok, {}, unmet);
      if (octets !== "") server.peer.octets(octets);
      await expectFrames(server, serverFirst);
      await pass(server, 9_999);
      await expectQuiet(server);
      await pass(server, 1);
      const message = "no SETTINGS came within prefaceTimeoutMs = 10000 ms";
      await expectGoAway(server, 0, "SETTINGS_TIMEOUT", message, "timeout", "prefaceTimeoutMs");
    });
  }

  test("[h2-003] the limit is an option", async () => {
    const server = await serveH2(ok, { prefaceTimeoutMs: 50 }, unmet);
    await expectFrames(server, serverFirst);
    await pass(server, 49);
    await expectQuiet(server);
    await pass(server, 1);
    const message = "no SETTINGS came within prefaceTimeoutMs = 50 ms";
    await expectGoAway(server, 0, "SETTINGS_TIMEOUT", message, "timeout", "prefaceTimeoutMs");
  });

  test("is left alone by a client that goes before it said anything", async () => {
    const server = await serveH2(ok, {}, unmet);
    server.peer.end();
    await expectClosed(server, serverFirst);
  });

  test("[h2-052] tells a client that went from one that was cut off within the preface", async () => {
    const server = await serveH2(ok, {}, unmet);
    server.peer.octets(preface.slice(0, 12));
    server.peer.end();
    await expectFailed(server, serverFirst, "incomplete", "CONNECTION_LOST");
    expect(server.outcome?.message).toBe("the peer ended the connection in the middle of the preface");
  });
});

describe("a client", () => {
  test("[h2-006] preface, SETTINGS and window leave in one write, before the server has said anything", async () => {
    const client = await connectH2({}, unmet);
    expect(client.peer.takeWrites()).toEqual([clientFirst]);
    await expectQuiet(client);
  });

  test("[h2-006] a window that is the default needs no WINDOW_UPDATE", async () => {
    const options = { initialWindowBytes: 65_535, connectionWindowBytes: 65_535 };
    const client = await connectH2(options, unmet);
    expect(client.peer.takeWrites()).toEqual([["PREFACE", "SETTINGS ENABLE_PUSH=0 MAX_HEADER_LIST_SIZE=65536"]]);
  });

  test("sends requests without waiting for the server's SETTINGS, behind its own", async () => {
    const client = await connectH2({}, unmet);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [...clientFirst, `HEADERS 1 END_STREAM ${getText}`]);
    client.peer.batch(() => {
      client.peer.settings();
      client.peer.settingsAck();
      client.peer.headers(1, status(200), { endStream: true });
    });
    await expectFrames(client, ["SETTINGS ACK"]);
    await expectSent(client, sent, "200");
  });

  test("takes SETTINGS that a server has sent before it could see the preface", async () => {
    const client = await connectH2({}, { ...unmet, tear: () => 1 });
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 5 });
    await expectFrames(client, [...clientFirst, "SETTINGS ACK"]);
  });

  test("waits for the server's SETTINGS so long and no longer, and fails what it has sent", async () => {
    const client = await connectH2({}, unmet);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [...clientFirst, `HEADERS 1 END_STREAM ${getText}`]);
    await pass(client, 9_999);
    await expectQuiet(client);
    await pass(client, 1);
    const message = "no SETTINGS came within prefaceTimeoutMs = 10000 ms";
    await expectGoAway(client, 0, "SETTINGS_TIMEOUT", message, "timeout", "prefaceTimeoutMs");
    await expectSent(client, sent, "timeout prefaceTimeoutMs SETTINGS_TIMEOUT");
  });

  test("takes an answer of HTTP/1.1 for what it is", async () => {
    const client = await connectH2({}, unmet);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.octets("HTTP/1.1 400 Bad Request\r\n\r\n");
    const message = "0x50: length must be at most 16384, got 4740180 (RFC 9113 4.2)";
    await expectGoAway(client, 0, "FRAME_SIZE_ERROR", message, "protocol", "FRAME_TOO_LARGE");
    await expectSent(client, sent, "protocol FRAME_TOO_LARGE FRAME_SIZE_ERROR");
  });
});

describe("in both roles the first frame must be SETTINGS", () => {
  const others = [
    ["PING", frameTypes.PING, 0, 0, "0011223344556677"],
    ["WINDOW_UPDATE", frameTypes.WINDOW_UPDATE, 0, 0, "00000001"],
    ["HEADERS", frameTypes.HEADERS, flags.END_HEADERS, 1, "82"],
    ["GOAWAY", frameTypes.GOAWAY, 0, 0, "0000000000000000"],
    ["PRIORITY", frameTypes.PRIORITY, 0, 1, "0000000010"],
    ["0x1f", 0x1f, 0, 0, ""],
    // An acknowledgment is a SETTINGS frame and says nothing.
    ["SETTINGS", frameTypes.SETTINGS, flags.ACK, 0, ""],
  ] as const;
  for (const role of roles) {
    for (const [name, type, flagBits, streamId, payload] of others) {
      test(`[h2-004] ${role}: not ${name}${name === "SETTINGS" ? " with ACK" : ""}`, async () => {
        const target = await start(role, {}, unmet);
        if (role === "server") target.peer.preface();
        await expectFrames(target, role === "server" ? serverFirst : clientFirst);
        target.peer.raw(type, flagBits, streamId, payload);
        const message = `the first frame must be SETTINGS, got ${name} (RFC 9113 3.4)`;
        await expectGoAway(target, 0, "PROTOCOL_ERROR", message, "protocol", "SETTINGS_NOT_FIRST");
      });
    }
  }
});
