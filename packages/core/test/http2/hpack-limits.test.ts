/**
 * How much a peer may make of a field block: strings and lists longer than accepted, in few octets or in many (RFC 9113
 * sections 6.5.2, 10.5.1).
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, literalBlock, status } from "./support/messages.ts";
import { hex, joined } from "./support/octets.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

const toolarge = (streamId: number): string => `HEADERS ${streamId} END_STREAM :status=431 content-length=0`;
const head = literalBlock(get());

describe("a string", () => {
  test("[h2-332, h2-343] longer than the hard limit is refused by its length, before any of it has come", async () => {
    const server = await serveH2(ok);
    // A name of 65,537 octets, of which the hard limit leaves no more than 65,536.
    server.peer.headers(1, hex("00 7f 82ff03"), { endHeaders: false });
    const message =
      "header_list_way_too_large: a field name or value exceeds the 65536 octets left of the header list's hard limit";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "HEADER_LIST_WAY_TOO_LARGE");
  });

  test("[h2-343] within that limit it is gathered from fragments, and answered with 431 once it is there", async () => {
    const server = await serveH2(ok);
    const block = literalBlock(get("/", ["x", "v".repeat(30_000)]));
    server.peer.headers(1, block.subarray(0, 200), { endStream: true, endHeaders: false });
    server.peer.continuation(1, block.subarray(200, 16_000), { endHeaders: false });
    await expectQuiet(server);
    server.peer.continuation(1, block.subarray(16_000));
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, [toolarge(1), okText(3)]);
  });

  test("[h2-332] whose Huffman code stands for more than is left is refused", async () => {
    const server = await serveH2(ok, { maxHeaderListBytes: 1000 });
    // 0 is five bits: 2,600 octets stand for 4,160 of a hard limit of 4,000.
    const code = joined([hex("00 01 78 ff a913"), new Uint8Array(2600)]);
    server.peer.headers(1, code, { endStream: true });
    const message =
      "header_list_way_too_large: a field name or value exceeds the 3999 octets left of the header list's hard limit";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "HEADER_LIST_WAY_TOO_LARGE");
  });
});

describe("a list", () => {
  /** `x: 1` with indexing, and `count` times its index. */
  const repeated = (count: number): Uint8Array =>
    joined([head, hex("40 01 78 01 31"), new Uint8Array(count).fill(0xbe)]);

  test("[h2-344] of 25,000 fields in as many octets is too many fields, not an overflow", async () => {
    const server = await serveH2(ok, { maxHeaderListBytes: 1_000_000 });
    const block = repeated(25_000);
    server.peer.headers(1, block.subarray(0, 16_384), { endStream: true, endHeaders: false });
    server.peer.continuation(1, block.subarray(16_384));
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, [toolarge(1), okText(3)]);
  });

  test("[h2-344] up to the limit it is taken, above it answered with 431, far above it the connection ends", async () => {
    const listBytes = get().reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    const options = { maxHeaderListBytes: listBytes + 100 * 34, maxHeaders: 30_000 };
    const server = await serveH2(ok, options);
    server.peer.headers(1, repeated(99), { endStream: true });
    server.peer.headers(3, repeated(100), { endStream: true });
    const most = Math.floor((4 * options.maxHeaderListBytes - listBytes) / 34);
    server.peer.headers(5, repeated(most - 1), { endStream: true });
    await expectFrames(server, [okText(1), toolarge(3), toolarge(5)]);
    server.peer.headers(7, repeated(most), { endStream: true });
    const limit = `header_list_way_too_large: a header list must not exceed ${options.maxHeaderListBytes} octets, and ends the connection above`;
    const got = `${4 * options.maxHeaderListBytes}, got at least ${listBytes + (most + 1) * 34}`;
    await expectGoAway(server, 5, "ENHANCE_YOUR_CALM", `${limit} ${got}`, "limit", "HEADER_LIST_WAY_TOO_LARGE");
  });

  test("[h2-344] of more than 10 MiB in some 6,000 octets ends the connection where it passes the hard limit", async () => {
    const calls: unknown[] = [];
    const server = await serveH2((request) => {
      calls.push(request);
      return ok();
    });
    const value = "v".repeat(4000);
    const entry = literalBlock([["x", value]]);
    entry[0] = 0x40;
    server.peer.headers(1, joined([head, entry, new Uint8Array(2600).fill(0xbe)]), { endStream: true });
    const limit =
      "header_list_way_too_large: a header list must not exceed 16384 octets, and ends the connection above 65536, got at least";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", limit, "limit", "HEADER_LIST_WAY_TOO_LARGE");
    expect(calls).toEqual([]);
  });

  test("a client resets the stream unless it has ended, and ends the connection far above the limit", async () => {
    const client = await connectH2({ maxHeaderListBytes: 1000 });
    const [first, second, third] = [1, 3, 5].map(() => send(client, HttpRequest.get("http://a.test/"))) as [
      Sent,
      Sent,
      Sent,
    ];
    await expectFrames(
      client,
      [1, 3, 5].map((streamId) => `HEADERS ${streamId} END_STREAM ${getText}`),
    );
    client.peer.headers(1, status(200, ["x", "v".repeat(1000)]));
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, first, "protocol HEADER_LIST_TOO_LARGE PROTOCOL_ERROR");
    client.peer.headers(3, status(200, ["x", "v".repeat(1000)]), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, second, "protocol HEADER_LIST_TOO_LARGE PROTOCOL_ERROR");
    client.peer.headers(5, status(200, ["x", "v".repeat(2000)], ["x", "v".repeat(2000)]), { endStream: true });
    const message =
      "header_list_way_too_large: a field name or value exceeds the 1924 octets left of the header list's hard limit";
    await expectGoAway(client, 0, "ENHANCE_YOUR_CALM", message, "limit", "HEADER_LIST_WAY_TOO_LARGE");
    await expectSent(client, third, "limit HEADER_LIST_WAY_TOO_LARGE ENHANCE_YOUR_CALM");
  });
});
