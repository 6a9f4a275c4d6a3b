/**
 * From when on SETTINGS are in force: the peer's from the moment they are read, in the order of the frame; ours for what
 * the peer sends once it has acknowledged them (RFC 9113 sections 6.5.3, 6.9.2).
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { encodeLines } from "./support/hpack.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { joined } from "./support/octets.ts";
import { roles, start } from "./support/roles.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";

/** A server whose first SETTINGS have not been acknowledged yet, and that has a request on stream 1. */
async function unacknowledged(options: http2.ServerOptions): Promise<ServerUnderTest> {
  const server = await serveH2(() => new Promise(() => {}), options, { handshake: false });
  server.peer.batch(() => {
    server.peer.preface();
    server.peer.settings();
    server.peer.headers(1, post());
  });
  await server.run();
  server.peer.take();
  return server;
}

const content = "0123456789".repeat(20);
const big = (): HttpResponse => new HttpResponse(200, {}, full(content));

describe("the peer's INITIAL_WINDOW_SIZE", () => {
  test("[h2-020] given several times in a frame changes open streams by the sum", async () => {
    const server = await serveH2(big, {}, { settings: { INITIAL_WINDOW_SIZE: 10 } });
    server.peer.headers(1, get(), { endStream: true });
    const head = "HEADERS 1 :status=200 content-length=200";
    await expectFrames(server, [head, "DATA 1 10 0123456789"]);
    server.peer.settings([
      ["INITIAL_WINDOW_SIZE", 100],
      ["INITIAL_WINDOW_SIZE", 5],
      ["INITIAL_WINDOW_SIZE", 30],
    ]);
    await expectFrames(server, ["SETTINGS ACK", `DATA 1 20 ${content.slice(10, 30)}`]);
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 3 :status=200 content-length=200", `DATA 3 30 ${content.slice(0, 30)}`]);
  });

  test("[h2-008] in two frames is taken in order, and each frame is acknowledged before what it lets through", async () => {
    const server = await serveH2(big, {}, { settings: { INITIAL_WINDOW_SIZE: 10 } });
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=200", "DATA 1 10 0123456789"]);
    server.peer.batch(() => {
      server.peer.settings({ INITIAL_WINDOW_SIZE: 150 });
      server.peer.settings({ INITIAL_WINDOW_SIZE: 20 });
    });
    await expectFrames(server, ["SETTINGS ACK", "SETTINGS ACK", "DATA 1 10 0123456789"]);
  });

  test("[h2-018] the last of several values is the one that new streams start with", async () => {
    const settings = [
      ["INITIAL_WINDOW_SIZE", 100],
      ["INITIAL_WINDOW_SIZE", 7],
    ] as const;
    const server = await serveH2(big, {}, { settings });
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=200", "DATA 1 7 0123456"]);
  });

  test("[h2-007] is in force when it is acknowledged, and not before it was read", async () => {
    const server = await serveH2(big, {}, { handshake: false });
    server.peer.batch(() => {
      server.peer.preface();
      server.peer.settings({ INITIAL_WINDOW_SIZE: 3 });
      server.peer.headers(1, get(), { endStream: true });
    });
    await server.run();
    expect(server.peer.take().slice(2)).toEqual([
      "SETTINGS ACK",
      "HEADERS 1 :status=200 content-length=200",
      "DATA 1 3 012",
    ]);
  });
});

describe("our INITIAL_WINDOW_SIZE", () => {
  test("[h2-022] lowered: the peer is not punished for what it sends before it has acknowledged that", async () => {
    const server = await unacknowledged({ initialWindowBytes: 10, connectionWindowBytes: 1_000_000 });
    for (let sent = 0; sent < 65_535; sent += 13_107) server.peer.data(1, 13_107);
    await expectQuiet(server);
    server.peer.settingsAck();
    await expectQuiet(server);
    server.peer.data(1, 1);
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });

  test("[h2-022] lowered to 0: what was under way passes, and new streams start with nothing", async () => {
    const server = await unacknowledged({ initialWindowBytes: 0 });
    server.peer.data(1, 100);
    server.peer.settingsAck();
    server.peer.headers(3, post());
    server.peer.data(3, 0);
    await expectQuiet(server);
    server.peer.data(3, 1);
    await expectFrames(server, ["RST_STREAM 3 FLOW_CONTROL_ERROR"]);
  });

  test("[h2-021] raised: counts from the acknowledgment on, for streams that were open before as well", async () => {
    const early = await unacknowledged({ initialWindowBytes: 100_000 });
    for (let sent = 0; sent < 65_535; sent += 13_107) early.peer.data(1, 13_107);
    early.peer.data(1, 1);
    await expectFrames(early, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    const late = await unacknowledged({ initialWindowBytes: 100_000 });
    for (let sent = 0; sent < 65_535; sent += 13_107) late.peer.data(1, 13_107);
    late.peer.settingsAck();
    for (let sent = 65_535; sent < 100_000; sent += 6_893) late.peer.data(1, 6_893);
    await expectQuiet(late);
    late.peer.data(1, 1);
    await expectFrames(late, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });
});

describe("our MAX_FRAME_SIZE", () => {
  const options = { maxFrameBytes: 20_000, initialWindowBytes: 65_535 };

  test("[h2-021, h2-037] raised: a longer frame is refused before the acknowledgment, and taken after it", async () => {
    const early = await unacknowledged(options);
    early.peer.data(1, 16_384);
    await expectQuiet(early);
    early.peer.data(1, 16_385);
    const small = "DATA: length must be at most 16384, got 16385 (RFC 9113 4.2)";
    await expectGoAway(early, 1, "FRAME_SIZE_ERROR", small, "protocol", "FRAME_TOO_LARGE");
    const late = await unacknowledged(options);
    late.peer.settingsAck();
    late.peer.data(1, 20_000);
    await expectQuiet(late);
    late.peer.data(1, 20_001);
    const large = "DATA: length must be at most 20000, got 20001 (RFC 9113 4.2)";
    await expectGoAway(late, 1, "FRAME_SIZE_ERROR", large, "protocol", "FRAME_TOO_LARGE");
  });

  test("[h2-037] the limit changes between two frames of one chunk", async () => {
    const server = await unacknowledged(options);
    server.peer.batch(() => {
      server.peer.data(1, 16_384);
      server.peer.settingsAck();
      server.peer.data(1, 16_385);
    });
    await expectQuiet(server);
  });

  test("[h2-021] is a client's too", async () => {
    const client = await connectH2({ maxFrameBytes: 20_000 }, { handshake: false });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    client.peer.batch(() => {
      client.peer.settings();
      client.peer.settingsAck();
      client.peer.headers(1, status(200));
      client.peer.data(1, 20_000, { endStream: true });
    });
    await client.run();
    expect(client.peer.take()).toEqual([
      "PREFACE",
      "SETTINGS ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=2097152 MAX_FRAME_SIZE=20000 MAX_HEADER_LIST_SIZE=65536",
      "WINDOW_UPDATE 0 +5177345",
      `HEADERS 1 END_STREAM ${getText}`,
      "SETTINGS ACK",
    ]);
    await expectSent(client, sent, "200");
  });
});

describe("our HEADER_TABLE_SIZE", () => {
  test.each(roles)("[h2-025] is in the first SETTINGS of a %s", async (role) => {
    const target = await start(role, { headerTableBytes: 10_000 }, { handshake: false });
    const first = target.peer.takeFrames().find((frame) => frame.type === "SETTINGS");
    expect(first?.entries[0]).toEqual(["HEADER_TABLE_SIZE", 10_000]);
  });

  /** Requests that fill a table of `bytes`, with a size update at the start; and the first of their fields again. */
  const update = (bytes: number): Uint8Array => {
    const encoder = new HpackEncoder({ maxTableBytes: 1_000_000 });
    encoder.setAllowedTableBytes(bytes);
    return encodeLines(encoder, get());
  };

  test("[h2-021] raised: the peer may use more from its acknowledgment on; 4,096 octets until then", async () => {
    const early = await unacknowledged({ headerTableBytes: 8192 });
    early.peer.headers(3, update(8192), { endStream: true });
    const message = "HPACK: the table size must be at most 4096, got 8192 (RFC 7541 6.3)";
    await expectGoAway(early, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_SIZE_UPDATE_LIMIT");
    const late = await serveH2(ok, { headerTableBytes: 8192 });
    late.peer.headers(1, update(8192), { endStream: true });
    await expectFrames(late, [okText(1)]);
    late.peer.headers(3, joined([update(8193).subarray(0, 3), literalBlock(get())]), { endStream: true });
    const beyond = "HPACK: the table size must be at most 8192, got 8193 (RFC 7541 6.3)";
    await expectGoAway(late, 1, "COMPRESSION_ERROR", beyond, "protocol", "HPACK_SIZE_UPDATE_LIMIT");
  });

  test("[h2-021] lowered: what the peer put into its table before the acknowledgment is good until then", async () => {
    const server = await unacknowledged({ headerTableBytes: 100 });
    const encoder = new HpackEncoder();
    const lines = get("/", ["x-a", "a value to be indexed, for which 100 octets are too few, with the 32 of an entry"]);
    for (const streamId of [3, 5]) server.peer.headers(streamId, encodeLines(encoder, lines), { endStream: true });
    await expectQuiet(server);
    server.peer.settingsAck();
    encoder.setAllowedTableBytes(100);
    server.peer.headers(7, encodeLines(encoder, lines), { endStream: true });
    await expectQuiet(server);
  });
});

test("[h2-021] our MAX_HEADER_LIST_SIZE and MAX_CONCURRENT_STREAMS cost only what the peer may send again", async () => {
  const server = await serveH2(
    () => new Promise(() => {}),
    { maxHeaderListBytes: 200, maxConcurrentStreams: 1 },
    {
      handshake: false,
    },
  );
  server.peer.batch(() => {
    server.peer.preface();
    server.peer.settings();
    server.peer.headers(1, get("/", ["x", "v".repeat(200)]), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    server.peer.headers(5, get(), { endStream: true });
  });
  await server.run();
  expect(server.peer.take().slice(2)).toEqual([
    "SETTINGS ACK",
    "HEADERS 1 END_STREAM :status=431 content-length=0",
    "RST_STREAM 5 REFUSED_STREAM",
  ]);
});

describe("the server's MAX_CONCURRENT_STREAMS", () => {
  const unmet = { handshake: false } as const;

  /** A client with `count` requests; how many of them have a stream. */
  async function opened(client: Awaited<ReturnType<typeof connectH2>>): Promise<number> {
    await client.run();
    return client.peer.frames.filter((frame) => frame.type === "HEADERS").length;
  }

  test("[h2-026] is guessed before the first SETTINGS, and without a limit if they have none", async () => {
    const client = await connectH2({ initialMaxStreams: 2 }, unmet);
    for (let i = 0; i < 150; i++) send(client, HttpRequest.get("http://a.test/"));
    expect(await opened(client)).toBe(2);
    client.peer.settings();
    expect(await opened(client)).toBe(150);
  });

  test("[h2-026] is guessed at 100", async () => {
    const client = await connectH2({}, unmet);
    for (let i = 0; i < 101; i++) send(client, HttpRequest.get("http://a.test/"));
    expect(await opened(client)).toBe(100);
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 100 });
    expect(await opened(client)).toBe(100);
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 101 });
    expect(await opened(client)).toBe(101);
  });

  test("[h2-027] stays as it is if later SETTINGS leave it out", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    for (let i = 0; i < 3; i++) send(client, HttpRequest.get("http://a.test/"));
    expect(await opened(client)).toBe(1);
    client.peer.settings({ MAX_FRAME_SIZE: 20_000 });
    client.peer.settings();
    expect(await opened(client)).toBe(1);
    client.peer.headers(1, status(200), { endStream: true });
    expect(await opened(client)).toBe(2);
  });

  test("[h2-028] changes with later SETTINGS, up and down", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    for (let i = 0; i < 5; i++) send(client, HttpRequest.get("http://a.test/"));
    expect(await opened(client)).toBe(1);
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 3 });
    expect(await opened(client)).toBe(3);
    client.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    for (const streamId of [1, 3]) client.peer.headers(streamId, status(200), { endStream: true });
    expect(await opened(client)).toBe(3);
    client.peer.headers(5, status(200), { endStream: true });
    expect(await opened(client)).toBe(4);
  });

  test("[h2-018] of several values in a frame the last counts", async () => {
    const settings = [
      ["MAX_CONCURRENT_STREAMS", 5],
      ["MAX_CONCURRENT_STREAMS", 0],
      ["MAX_CONCURRENT_STREAMS", 2],
    ] as const;
    const client = await connectH2({}, { settings });
    for (let i = 0; i < 5; i++) send(client, HttpRequest.get("http://a.test/"));
    expect(await opened(client)).toBe(2);
  });
});
