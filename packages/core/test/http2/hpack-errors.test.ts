/**
 * Field blocks that are not HPACK (RFC 7541, RFC 9113 section 4.3): each ends the connection with COMPRESSION_ERROR,
 * whatever the stream it came on, for nothing behind it could be decoded.
 */
import { HttpRequest } from "@sluice/core";
import { describe, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { hex, joined } from "./support/octets.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

const index = (got: number): [string, string] => [
  "INDEX",
  `an index must be from 1 to 61, got ${got} (RFC 7541 2.3.3)`,
];
const truncated: [string, string] = ["TRUNCATED", "a field block must not end within a field (RFC 9113 4.3)"];
const overflow: [string, string] = [
  "INTEGER_OVERFLOW",
  "an integer must be less than 2^32 and take at most 5 octets after its prefix (RFC 7541 5.1)",
];
const padding: [string, string] = [
  "HUFFMAN_PADDING",
  "a Huffman-coded string must be padded with at most 7 bits, all ones (RFC 7541 5.2)",
];
const place: [string, string] = [
  "SIZE_UPDATE_PLACE",
  "a table size update must be one of at most two at the start of a field block (RFC 7541 4.2)",
];

/** Field blocks in hexadecimal; all start with a good field where the place matters. */
const blocks: readonly (readonly [id: string, what: string, block: string, expected: readonly [string, string]])[] = [
  ["[h2-069, h2-328]", "index 0", "80", index(0)],
  ["[h2-069, h2-328]", "an index one beyond the static table, with an empty dynamic one", "be", index(62)],
  ["[h2-069, h2-328]", "an index far beyond the tables", "ffffff03", index(65_662)],
  ["[h2-069, h2-328]", "the index of a name beyond the tables, with indexing", "7e 01 78", index(62)],
  ["[h2-069, h2-328]", "the index of a name beyond the tables, without", "0f2f 01 78", index(62)],
  ["[h2-069, h2-328]", "the index of a name beyond the tables, never indexed", "1f2f 01 78", index(62)],
  ["[h2-069, h2-329]", "an integer without its end", "ff", truncated],
  ["[h2-069, h2-329]", "an integer without its end, after one octet", "ff80", truncated],
  ["[h2-069, h2-329]", "a field without its name", "00", truncated],
  ["[h2-069, h2-329]", "a field without its value", "00 01 78", truncated],
  ["[h2-069, h2-329]", "a value without its last octet", "00 01 78 02 78", truncated],
  ["[h2-069, h2-329]", "a table size update without its end", "3f", truncated],
  ["[h2-069, h2-329]", "an integer of more than 32 bits", "ff ffffffff0f", overflow],
  ["[h2-069, h2-329]", "an integer of more octets than it needs by far", "ff 808080808000", overflow],
  ["[h2-069, h2-329]", "the length of a string of more than 32 bits", "00 7f ffffffff0f", overflow],
  [
    "[h2-069, h2-330]",
    "a string with EOS",
    "00 84 ffffffff 01 78",
    ["HUFFMAN_EOS", "a string must not contain EOS (RFC 7541 5.2)"],
  ],
  ["[h2-069, h2-330]", "a string with a whole octet of padding", "00 82 1fff 01 78", padding],
  ["[h2-069, h2-330]", "a string that is all padding", "00 81 ff 01 78", padding],
  ["[h2-069, h2-330]", "a string padded with zeros", "00 81 18 01 78", padding],
  ["[h2-069, h2-330]", "a value that ends within a symbol", "00 01 78 81 fe", padding],
  ["[h2-069, h2-333]", "a table size update behind a field", "88 20", place],
  ["[h2-069, h2-333]", "a table size update between fields", "88 20 88", place],
  ["[h2-069, h2-333]", "a third table size update", "20 20 20 88", place],
  [
    "[h2-069, h2-333]",
    "a table size update beyond 4,096",
    "3fe21f 88",
    ["SIZE_UPDATE_LIMIT", "the table size must be at most 4096, got 4097 (RFC 7541 6.3)"],
  ],
];

describe.each(roles)("a %s", (role) => {
  const streamId = role === "server" ? 3 : 1;
  for (const [id, what, block, [rule, message]] of blocks) {
    test(`${id} ${what}`, async () => {
      const target = await startWithStream(role);
      target.peer.headers(streamId, hex(block), { endStream: true });
      await expectGoAway(target, lastOf(role), "COMPRESSION_ERROR", `HPACK: ${message}`, "protocol", `HPACK_${rule}`);
    });
  }

  test("[h2-069] what is wrong is found in the fragment where it is", async () => {
    const target = await startWithStream(role);
    target.peer.headers(streamId, hex("88"), { endHeaders: false });
    await expectQuiet(target);
    target.peer.continuation(streamId, hex("80"), { endHeaders: false });
    const message = "HPACK: an index must be from 1 to 61, got 0 (RFC 7541 2.3.3)";
    await expectGoAway(target, lastOf(role), "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("[h2-333] two table size updates at the start are allowed, to the very limit", async () => {
    const target = await startWithStream(role);
    const fields = literalBlock(role === "server" ? get() : status(200));
    target.peer.headers(streamId, joined([hex("20 3fe11f"), fields]));
    await expectQuiet(target);
  });

  describe("[h2-334] our HEADER_TABLE_SIZE is lowered and acknowledged", () => {
    const lowered = { headerTableBytes: 100 };
    const fields = role === "server" ? get() : status(200);

    test("a block that does not start with a size update is an error", async () => {
      const target = await startWithStream2(lowered);
      target.peer.headers(streamId, fields);
      const message = "HPACK: the field block must start with a table size update to at most 100 (RFC 9113 4.3.1)";
      await expectGoAway(target, 0, "COMPRESSION_ERROR", message, "protocol", "HPACK_SIZE_UPDATE_MISSING");
    });

    test("so is one that starts with too large a size", async () => {
      const target = await startWithStream2(lowered);
      target.peer.headers(streamId, joined([hex("3f46"), literalBlock(fields)]));
      const message = "HPACK: the table size must be at most 100, got 101 (RFC 7541 6.3)";
      await expectGoAway(target, 0, "COMPRESSION_ERROR", message, "protocol", "HPACK_SIZE_UPDATE_LIMIT");
    });

    test("an update to as much or less is right, once and for all", async () => {
      for (const update of ["3f45", "20"]) {
        const target = await startWithStream2(lowered);
        target.peer.headers(streamId, joined([hex(update), literalBlock(fields)]));
        if (role === "server") {
          target.peer.headers(5, get(), { endStream: true });
          await expectFrames(target, [okText(3), "RST_STREAM 3 NO_ERROR", okText(5)]);
        } else {
          target.peer.headers(1, [["x", "1"]], { endStream: true });
          await expectQuiet(target);
        }
      }
    });

    /** As `startWithStream`; but on a server no block may have come. */
    function startWithStream2(options: typeof lowered) {
      return role === "server" ? start(role, options) : startWithStream(role, options);
    }
  });
});

describe("[h2-069] a block that cannot be decoded is a connection error on every stream", () => {
  const message = "HPACK: an index must be from 1 to 61, got 0 (RFC 7541 2.3.3)";
  const bad = hex("80");

  test("on one that is refused", async () => {
    const server = await serveH2(() => new Promise(() => {}), { maxConcurrentStreams: 1 });
    server.peer.headers(1, post());
    server.peer.headers(3, bad);
    await expectGoAway(server, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("on one that was reset", async () => {
    const server = await serveH2(() => {
      throw new Error("no answer");
    });
    server.peer.headers(1, post());
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    server.peer.headers(1, bad, { endStream: true });
    await expectGoAway(server, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("on one that is half-closed, where HEADERS would be an error of the stream", async () => {
    const server = await serveH2(() => new Promise(() => {}));
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(1, bad, { endStream: true });
    await expectGoAway(server, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("on one that is closed and forgotten", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.headers(1, bad, { endStream: true });
    await expectGoAway(server, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("in trailers", async () => {
    const server = await serveH2(() => new Promise(() => {}));
    server.peer.headers(1, post());
    server.peer.headers(1, bad, { endStream: true });
    await expectGoAway(server, 1, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("behind a field that is malformed", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, joined([literalBlock([["X", "1"]]), bad]), { endStream: true });
    await expectGoAway(server, 0, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
  });

  test("of a client that has given the request up, and all others fail with it", async () => {
    const client = await connectH2();
    const abort = new AbortController();
    send(client, HttpRequest.get("http://a.test/"), { signal: abort.signal });
    const other = send(client, HttpRequest.get("http://a.test/"));
    abort.abort();
    await expectFrames(client, [
      `HEADERS 1 END_STREAM ${getText}`,
      `HEADERS 3 END_STREAM ${getText}`,
      "RST_STREAM 1 CANCEL",
    ]);
    client.peer.headers(1, bad);
    await expectGoAway(client, 0, "COMPRESSION_ERROR", message, "protocol", "HPACK_INDEX");
    await expectSent(client, other, "protocol HPACK_INDEX COMPRESSION_ERROR");
  });
});
