/**
 * PUSH_PROMISE as a frame with a field block (RFC 9113 sections 4.3, 6.6, 6.10): where it may come, in fragments, and
 * decoded whatever becomes of the promise.
 */
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { encodeLines, type Line } from "./support/hpack.ts";
import { get, getText, literalBlock, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { hex, joined } from "./support/octets.ts";
import { ok, serveH2 } from "./support/server.ts";

const none = new Uint8Array(0);

interface Pushed {
  readonly client: ClientUnderTest;
  readonly sent: Sent;
  /** The promises that the program was told of, and took. */
  readonly told: unknown[];
  readonly responses: number[];
}

/** A client that takes every push, and has a request on stream 1. */
async function taking(): Promise<Pushed> {
  const told: unknown[] = [];
  const responses: number[] = [];
  const onPush = (promise: http2.PushPromise): void => {
    const { request, streamId } = promise;
    told.push([streamId, request.method, request.target.toString(), [...request.headers]]);
    promise.response().then(
      (response) => responses.push(response.status),
      () => {},
    );
  };
  const client = await connectH2({ onPush });
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  return { client, sent, told, responses };
}

const line: Line = ["x-entry", "a value that is put into the table"];

test("[h2-065] a promise in PUSH_PROMISE and CONTINUATION, cut at any octet, is the same promise", async () => {
  const block = encodeLines(new HpackEncoder(), get("/style.css", line));
  for (let cut = 0; cut <= block.length; cut++) {
    const { client, sent, told, responses } = await taking();
    client.peer.pushPromise(1, 2, block.subarray(0, cut), { endHeaders: false, padding: cut % 3 });
    await expectQuiet(client);
    expect(told).toEqual([]);
    client.peer.continuation(1, block.subarray(cut));
    client.peer.headers(2, status(204), { endStream: true });
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    expect(told).toEqual([[2, "GET", "http://a.test/style.css", [line]]]);
    expect(responses).toEqual([204]);
    await expectQuiet(client);
  }
});

describe("[h2-065] between PUSH_PROMISE and its CONTINUATION nothing else may come", () => {
  test.each([
    ["PING on stream 0", ({ client: { peer } }: Pushed) => peer.ping()],
    ["HEADERS on stream 1", ({ client: { peer } }: Pushed) => peer.headers(1, status(200))],
    ["HEADERS on stream 2", ({ client: { peer } }: Pushed) => peer.headers(2, status(200))],
    ["CONTINUATION on stream 2", ({ client: { peer } }: Pushed) => peer.continuation(2, none)],
    ["PUSH_PROMISE on stream 1", ({ client: { peer } }: Pushed) => peer.pushPromise(1, 4, get())],
    ["0x1f on stream 0", ({ client: { peer } }: Pushed) => peer.raw(0x1f, 0, 0)],
  ])("%s", async (what, intrude) => {
    const pushed = await taking();
    const { client, sent, told } = pushed;
    client.peer.pushPromise(1, 2, get(), { endHeaders: false });
    intrude(pushed);
    const message = `a field block on stream 1 must be continued by CONTINUATION, got ${what} (RFC 9113 6.10)`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "FIELD_BLOCK_INTERRUPTED");
    await expectSent(client, sent, "protocol FIELD_BLOCK_INTERRUPTED PROTOCOL_ERROR");
    expect(told).toEqual([]);
  });
});

describe("PUSH_PROMISE", () => {
  test.each([
    ["01 00000002", 0],
    ["ff 00000002", 0],
    ["03 00000002 8200", 2],
  ])("[h2-044] whose padding does not fit is a connection error: %s", async (payload, room) => {
    const { client } = await taking();
    client.peer.raw(frameTypes.PUSH_PROMISE, flags.PADDED | flags.END_HEADERS, 1, payload);
    const padding = Number.parseInt(payload.slice(0, 2), 16);
    const message = `PUSH_PROMISE: padding must be at most ${room} octets, got ${padding} (RFC 9113 6.6)`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_PADDING");
  });

  test.each([
    [flags.PADDED, "00000000", 5, 4],
    [0, "000000", 4, 3],
  ])("too short for its fields is a connection error: flags %d", async (flagBits, payload, needed, got) => {
    const { client } = await taking();
    client.peer.raw(frameTypes.PUSH_PROMISE, flagBits | flags.END_HEADERS, 1, payload);
    const message = `PUSH_PROMISE: length must be at least ${needed}, got ${got} (RFC 9113 4.2, 6.6)`;
    await expectGoAway(client, 0, "FRAME_SIZE_ERROR", message, "protocol", "PUSH_PROMISE_LENGTH");
  });

  test("[h2-035] the reserved bits of both identifiers are ignored", async () => {
    const { client, told } = await taking();
    const payload = joined([hex("80000002"), literalBlock(get("/x"))]);
    client.peer.raw(frameTypes.PUSH_PROMISE, flags.END_HEADERS, 2 ** 31 + 1, payload);
    await expectQuiet(client);
    expect(told).toEqual([[2, "GET", "http://a.test/x", []]]);
  });

  test("[h2-069] whose block cannot be decoded is a connection error", async () => {
    const { client, told } = await taking();
    client.peer.pushPromise(1, 2, hex("82 80"));
    const message = "HPACK: an index must be from 1 to 61, got 0 (RFC 7541 2.3.3)";
    await expectGoAway(client, 0, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
    expect(told).toEqual([]);
  });

  test("from a client is a connection error, in fragments too", async () => {
    for (const endHeaders of [true, false]) {
      const server = await serveH2(ok);
      server.peer.pushPromise(1, 2, get(), { endHeaders });
      const message = "PUSH_PROMISE: clients must not push (RFC 9113 8.4)";
      await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_PROMISE_FROM_CLIENT");
    }
  });

  test("to a client that has switched pushes off is a connection error once the server knows that", async () => {
    const client = await connectH2();
    send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.pushPromise(1, 2, get());
    const message = "PUSH_PROMISE: push was disabled by SETTINGS_ENABLE_PUSH = 0 (RFC 9113 6.6)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_DISABLED");
  });
});

describe("[h2-070] the block of a promise is decoded", () => {
  /** A response that refers to the entry that the promise has put into the table. */
  async function expectInStep(client: ClientUnderTest, encoder: HpackEncoder, sent: Sent, streamId: number) {
    const block = encodeLines(encoder, status(200, line));
    expect(block.length).toBe(2);
    client.peer.headers(streamId, block, { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");
    expect([...(sent.response?.headers ?? [])]).toEqual([line]);
  }

  test("if the push is refused, for nobody takes it", async () => {
    const client = await connectH2({ onPush: () => {} });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    const encoder = new HpackEncoder();
    client.peer.pushPromise(1, 2, encodeLines(encoder, get("/x", line)));
    await expectFrames(client, ["RST_STREAM 2 CANCEL"]);
    await expectInStep(client, encoder, sent, 1);
  });

  test("if the promised request is malformed", async () => {
    const { client, sent } = await taking();
    const encoder = new HpackEncoder();
    client.peer.pushPromise(1, 2, encodeLines(encoder, get("/x", ["X-Wrong", "1"], line)));
    await expectFrames(client, ["RST_STREAM 2 PROTOCOL_ERROR"]);
    await expectInStep(client, encoder, sent, 1);
  });

  test("if the stream it belongs to was given up", async () => {
    const client = await connectH2({ onPush: (promise) => promise.response() });
    const abort = new AbortController();
    send(client, HttpRequest.get("http://a.test/"), { signal: abort.signal });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    abort.abort();
    await expectFrames(client, [
      `HEADERS 1 END_STREAM ${getText}`,
      `HEADERS 3 END_STREAM ${getText}`,
      "RST_STREAM 1 CANCEL",
    ]);
    const encoder = new HpackEncoder();
    client.peer.pushPromise(1, 2, encodeLines(encoder, get("/x", line)));
    await expectFrames(client, ["RST_STREAM 2 REFUSED_STREAM"]);
    await expectInStep(client, encoder, sent, 3);
  });

  test("if the server could not know yet that pushes are off", async () => {
    const client = await connectH2({}, { handshake: false });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    const encoder = new HpackEncoder();
    client.peer.settings();
    client.peer.pushPromise(1, 2, encodeLines(encoder, get("/x", line)));
    await expectFrames(client, ["SETTINGS ACK", "RST_STREAM 2 REFUSED_STREAM"]);
    client.peer.settingsAck();
    await expectInStep(client, encoder, sent, 1);
  });
});
