/**
 * Field blocks in fragments (RFC 9113 sections 4.3, 6.10): HEADERS and its CONTINUATION frames with nothing in between, of
 * any size and cut anywhere, and not endlessly many of them.
 */
import { type FrameFacts, HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { encodeLines } from "./support/hpack.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import type { Peer } from "./support/peer.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

const none = new Uint8Array(0);

describe.each(roles)("a %s", (role) => {
  /** The stream that the block of these tests is on, and its fields. */
  const [streamId, fields] = role === "server" ? ([3, get()] as const) : ([1, status(200)] as const);
  const intruders: readonly (readonly [string, (peer: Peer) => void])[] = [
    ["HEADERS on stream 5", (peer) => peer.headers(5, get())],
    [`HEADERS on stream ${streamId}`, (peer) => peer.headers(streamId, fields)],
    ["PING on stream 0", (peer) => peer.ping()],
    [`DATA on stream ${streamId}`, (peer) => peer.data(streamId, "x")],
    ["DATA on stream 1", (peer) => peer.data(1, "x")],
    ["CONTINUATION on stream 5", (peer) => peer.continuation(5, none)],
    [`RST_STREAM on stream ${streamId}`, (peer) => peer.rst(streamId, "CANCEL")],
    ["WINDOW_UPDATE on stream 0", (peer) => peer.windowUpdate(0, 1)],
    [`PRIORITY on stream ${streamId}`, (peer) => peer.priority(streamId)],
    ["GOAWAY on stream 0", (peer) => peer.goAway(0)],
  ];
  test.each(intruders)("[h2-060] %s within a field block is a connection error", async (what, intrude) => {
    const target = await startWithStream(role);
    target.peer.headers(streamId, fields, { endHeaders: false });
    await expectQuiet(target);
    intrude(target.peer);
    const message = `a field block on stream ${streamId} must be continued by CONTINUATION, got ${what} (RFC 9113 6.10)`;
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "FIELD_BLOCK_INTERRUPTED");
  });

  test("[h2-060] behind a fragment of CONTINUATION too", async () => {
    const target = await startWithStream(role);
    target.peer.headers(streamId, none, { endHeaders: false });
    target.peer.continuation(streamId, fields, { endHeaders: false });
    target.peer.ping();
    const message = `a field block on stream ${streamId} must be continued by CONTINUATION, got PING on stream 0`;
    const code = "FIELD_BLOCK_INTERRUPTED";
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", `${message} (RFC 9113 6.10)`, "protocol", code);
  });

  const unexpected = "CONTINUATION: must follow a frame without END_HEADERS (RFC 9113 6.10)";

  test("[h2-061] CONTINUATION behind END_HEADERS is a connection error", async () => {
    const target = await startWithStream(role);
    if (role === "server") target.peer.headers(3, get(), { endStream: true });
    else target.peer.headers(1, status(200));
    await expectQuiet(target);
    target.peer.continuation(streamId, fields);
    const last = role === "server" ? 3 : 0;
    await expectGoAway(target, last, "PROTOCOL_ERROR", unexpected, "protocol", "CONTINUATION_UNEXPECTED");
  });

  test("[h2-061] CONTINUATION behind the CONTINUATION that ended the block is one", async () => {
    const target = await startWithStream(role);
    target.peer.headers(streamId, none, { endHeaders: false });
    target.peer.continuation(streamId, fields);
    target.peer.continuation(streamId, fields);
    const last = role === "server" ? 3 : 0;
    await expectGoAway(target, last, "PROTOCOL_ERROR", unexpected, "protocol", "CONTINUATION_UNEXPECTED");
  });

  test.each([1, 2, 3])("[h2-062] CONTINUATION on stream %d without any HEADERS is one", async (id) => {
    const target = await start(role);
    target.peer.continuation(id, fields);
    await expectGoAway(target, 0, "PROTOCOL_ERROR", unexpected, "protocol", "CONTINUATION_UNEXPECTED");
  });

  test("[h2-062] CONTINUATION behind DATA is one", async () => {
    const target = await startWithStream(role);
    if (role === "client") target.peer.headers(1, status(200));
    target.peer.data(1, "x");
    target.peer.continuation(1, [["x", "1"]]);
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", unexpected, "protocol", "CONTINUATION_UNEXPECTED");
  });
});

test("[h2-060] the request that was not whole is not named in GOAWAY, as if it had never been sent", async () => {
  const server = await serveH2(ok);
  server.peer.headers(1, get(), { endHeaders: false, endStream: true });
  server.peer.headers(3, get());
  const message = "a field block on stream 1 must be continued by CONTINUATION, got HEADERS on stream 3";
  const code = "FIELD_BLOCK_INTERRUPTED";
  await expectGoAway(server, 0, "PROTOCOL_ERROR", `${message} (RFC 9113 6.10)`, "protocol", code);
});

describe("a field block may be cut", () => {
  const lines = get(
    "/a/path?with=query",
    ["x-name", "a value that is worth a Huffman code"],
    ["x-long", `${"long enough for a length of two octets ".repeat(5)}.`],
  );
  const block = encodeLines(new HpackEncoder(), lines);

  /** A server that takes down what it got. */
  async function recording(setup: Parameters<typeof serveH2>[2] = {}) {
    const seen: unknown[] = [];
    const server = await serveH2(
      (request) => {
        seen.push([request.method, request.target.toString(), [...request.headers]]);
        return ok();
      },
      {},
      setup,
    );
    return { server, seen };
  }

  test("[h2-063] at every octet, within integers and Huffman-coded strings, and means the same", async () => {
    const whole = await recording();
    whole.server.peer.headers(1, block, { endStream: true });
    await expectFrames(whole.server, [okText(1)]);
    expect(whole.seen).toMatchObject([["GET", "http://a.test/a/path?with=query", { length: 2 }]]);
    expect(block.length).toBeGreaterThan(150);
    for (let cut = 0; cut <= block.length; cut++) {
      const { server, seen } = await recording();
      server.peer.headers(1, block.subarray(0, cut), { endStream: true, endHeaders: false });
      server.peer.continuation(1, block.subarray(cut));
      await expectFrames(server, [okText(1)]);
      expect(seen).toEqual(whole.seen);
    }
  });

  test("[h2-063] into three, at places next to each other, and the transport may cut it once more", async () => {
    const whole = await recording();
    whole.server.peer.headers(1, block, { endStream: true });
    await whole.server.run();
    for (let cut = 0; cut < block.length; cut += 3) {
      const { server, seen } = await recording({ tear: () => 1 });
      server.peer.headers(1, block.subarray(0, cut), { endStream: true, endHeaders: false });
      server.peer.continuation(1, block.subarray(cut, cut + 1), { endHeaders: false });
      server.peer.continuation(1, block.subarray(cut + 1));
      await expectFrames(server, [okText(1)]);
      expect(seen).toEqual(whole.seen);
    }
  });

  test("[h2-063] a response and its trailers", async () => {
    const head = encodeLines(new HpackEncoder(), status(200, ["x-name", "a value that is worth a Huffman code"]));
    for (let cut = 0; cut <= head.length; cut++) {
      const client = await connectH2();
      const sent = send(client, HttpRequest.get("http://a.test/"));
      await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
      client.peer.headers(1, head.subarray(0, cut), { endStream: true, endHeaders: false });
      await expectSent(client, sent, "pending");
      client.peer.continuation(1, head.subarray(cut));
      await expectSent(client, sent, "200");
      expect([...(sent.response?.headers ?? [])]).toEqual([["x-name", "a value that is worth a Huffman code"]]);
    }
  });

  test("[h2-048] with nothing in HEADERS, or nothing in the last CONTINUATION", async () => {
    const { server, seen } = await recording();
    server.peer.headers(1, none, { endStream: true, endHeaders: false });
    server.peer.continuation(1, block);
    server.peer.headers(3, literalBlock(get()), { endStream: true, endHeaders: false });
    server.peer.continuation(3, none);
    await expectFrames(server, [okText(1), okText(3)]);
    expect(seen.length).toBe(2);
  });

  test("[h2-064] the flags of HEADERS count for all of it, and an observer sees each frame as it was", async () => {
    const seen: FrameFacts[] = [];
    const server = await serveH2(ok, { observer: { frameReceived: (frame) => seen.push(frame) } });
    seen.length = 0;
    server.peer.headers(1, block.subarray(0, 10), {
      endStream: true,
      endHeaders: false,
      padding: 4,
      priority: { dependency: 3 },
    });
    // END_STREAM means nothing on CONTINUATION, and is not missed there.
    server.peer.raw(frameTypes.CONTINUATION, flags.END_STREAM, 1, block.subarray(10, 20));
    server.peer.continuation(1, block.subarray(20));
    server.peer.headers(3, literalBlock(post()).subarray(0, 5), { endHeaders: false });
    server.peer.raw(frameTypes.CONTINUATION, flags.END_STREAM | flags.END_HEADERS, 3, literalBlock(post()).subarray(5));
    await expectFrames(server, [okText(1), okText(3), "RST_STREAM 3 NO_ERROR"]);
    expect(seen).toEqual([
      { type: "HEADERS", streamId: 1, length: 1 + 5 + 10 + 4, flags: ["END_STREAM", "PADDED", "PRIORITY"] },
      { type: "CONTINUATION", streamId: 1, length: 10, flags: [] },
      { type: "CONTINUATION", streamId: 1, length: block.length - 20, flags: ["END_HEADERS"] },
      { type: "HEADERS", streamId: 3, length: 5, flags: [] },
      { type: "CONTINUATION", streamId: 3, length: literalBlock(post()).length - 5, flags: ["END_HEADERS"] },
    ]);
  });

  test("[h2-071] behind the length 0 of a name: the stream is reset, nothing else", async () => {
    const { server, seen } = await recording();
    server.peer.headers(1, Uint8Array.of(...literalBlock(get()), 0x40, 0x00), { endStream: true, endHeaders: false });
    server.peer.continuation(1, Uint8Array.of(0x01, 0x78));
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    // Entry 62 is what was put into the table.
    server.peer.headers(3, Uint8Array.of(...literalBlock(get()), 0xbe), { endStream: true });
    server.peer.headers(5, get(), { endStream: true });
    await expectFrames(server, ["RST_STREAM 3 PROTOCOL_ERROR", okText(5)]);
    expect(seen.length).toBe(1);
  });
});

describe("[h2-068] CONTINUATION behind a field that is malformed", () => {
  test.each([
    ["a name in capitals", ["X-Wrong", "1"]],
    ["a value with NUL", ["x-wrong", "\0"]],
    ["a field of HTTP/1", ["connection", "close"]],
  ] as const)("belongs to its block, and no more than the stream is reset: %s", async (_, wrong) => {
    const calls: string[] = [];
    const server = await serveH2((request) => {
      calls.push(request.target.path);
      return ok();
    });
    server.peer.headers(1, get("/wrong", wrong), { endStream: true, endHeaders: false });
    await expectQuiet(server);
    server.peer.continuation(1, [wrong], { endHeaders: false });
    server.peer.continuation(1, [["x-right", "1"]]);
    server.peer.headers(3, get("/right"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR", okText(3)]);
    expect(calls).toEqual(["/right"]);
  });

  test("must not be missing, all the same", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get("/", ["X-Wrong", "1"]), { endStream: true, endHeaders: false });
    server.peer.headers(3, get(), { endStream: true });
    const message = "a field block on stream 1 must be continued by CONTINUATION, got HEADERS on stream 3";
    const code = "FIELD_BLOCK_INTERRUPTED";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", `${message} (RFC 9113 6.10)`, "protocol", code);
  });
});

describe("too many CONTINUATION frames", () => {
  /** A request in `count` CONTINUATION frames, none of them empty. */
  function inFragments(peer: Peer, streamId: number, count: number): void {
    const block = literalBlock(get());
    peer.headers(streamId, block.subarray(0, 1), { endStream: true, endHeaders: false });
    for (let at = 1; at < count; at++) peer.continuation(streamId, block.subarray(at, at + 1), { endHeaders: false });
    peer.continuation(streamId, block.subarray(count));
  }

  test("[h2-067] a server takes 8 for its 16 KiB of fields, and ends the connection at the next", async () => {
    const server = await serveH2(ok);
    inFragments(server.peer, 1, 8);
    await expectFrames(server, [okText(1)]);
    inFragments(server.peer, 3, 9);
    const message = "too_many_continuations: a field block must take at most 8 of them";
    await expectGoAway(server, 1, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_CONTINUATIONS");
  });

  test("[h2-067] it ends the connection before the block is whole", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true, endHeaders: false });
    for (let i = 0; i < 7; i++) server.peer.continuation(1, [["x", "1"]], { endHeaders: false });
    await expectQuiet(server);
    server.peer.continuation(1, [["x", "1"]], { endHeaders: false });
    const message = "too_many_continuations: a field block must take at most 8 of them";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_CONTINUATIONS");
  });

  test("[h2-067] more fields allow for more: four times as many as they fill, and one", async () => {
    const server = await serveH2(ok, { maxHeaderListBytes: 32_768 });
    inFragments(server.peer, 1, 9);
    await expectFrames(server, [okText(1)]);
    inFragments(server.peer, 3, 10);
    const message = "too_many_continuations: a field block must take at most 9 of them";
    await expectGoAway(server, 1, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_CONTINUATIONS");
  });

  test("[h2-067] a client takes 17 for its 64 KiB", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200), { endHeaders: false });
    for (let i = 0; i < 16; i++) client.peer.continuation(1, [["x", "1"]], { endHeaders: false });
    await expectQuiet(client);
    client.peer.continuation(1, [["x", "1"]], { endHeaders: false });
    const message = "too_many_continuations: a field block must take at most 17 of them";
    await expectGoAway(client, 0, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_CONTINUATIONS");
    await expectSent(client, sent, "limit TOO_MANY_CONTINUATIONS ENHANCE_YOUR_CALM");
  });

  test("[h2-067] what fits in the list is taken in frames of 16 KiB, whatever longer ones are accepted", async () => {
    const MiB = 1024 * 1024;
    const server = await serveH2(ok, { maxHeaderListBytes: MiB, maxFrameBytes: MiB });
    const block = literalBlock(get("/", ["x", "v".repeat(500_000)]));
    server.peer.headers(1, block.subarray(0, 16_384), { endStream: true, endHeaders: false });
    for (let at = 16_384; at < block.length; at += 16_384) {
      const end = at + 16_384;
      server.peer.continuation(1, block.subarray(at, end), { endHeaders: end >= block.length });
    }
    await expectFrames(server, [okText(1)]);
  });

  test("[h2-067] two empty ones in a row that end nothing end the connection", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true, endHeaders: false });
    server.peer.continuation(1, none, { endHeaders: false });
    server.peer.continuation(1, [["x", "1"]], { endHeaders: false });
    server.peer.continuation(1, none, { endHeaders: false });
    await expectQuiet(server);
    server.peer.continuation(1, none, { endHeaders: false });
    const message = "too_many_continuations: two in a row were empty and ended nothing";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "EMPTY_CONTINUATIONS");
  });
});
