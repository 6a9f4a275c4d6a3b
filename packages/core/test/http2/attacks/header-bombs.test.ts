/**
 * Field sections that are small on the wire and large in memory, or cheap to send and dear to decode: the HPACK bomb
 * (CVE-2016-6581), empty names and values (CVE-2019-9516), decoding again and again (CVE-2022-41723), and lists beyond
 * what is allowed.
 */
import { HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackClient,
  attackServer,
  expectDefended,
  expectEndured,
  streamId,
  tally,
  times,
} from "../support/attack.ts";
import { expectSent, send } from "../support/client.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, literalBlock, post, status } from "../support/messages.ts";
import { joined } from "../support/octets.ts";
import { ok, okText } from "../support/server.ts";

const calm = "ENHANCE_YOUR_CALM";

/** `count` times the newest entry of the dynamic table, an octet each. */
function again(count: number): Uint8Array {
  return new Uint8Array(count).fill(0x80 | 62);
}

/** Puts an entry into the table that leaves room for no other: a name of one octet, a value of 4000. */
function largeEntry(): Uint8Array {
  const value = new Uint8Array(4000).fill(0x76);
  // 4000 = 127 + 3873, in groups of seven bits.
  return joined([Uint8Array.of(0x40, 1, 0x78, 0x7f, 0x80 | (3873 & 0x7f), 3873 >> 7), value]);
}

describe("the HPACK bomb", () => {
  test("[h2-350] CVE-2016-6581: 1 to 4000: an entry of the table, referred to 2,500 times, is given up at 64 KiB", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.headers(1, joined([literalBlock(get()), largeEntry()]), { endStream: true });
    await expectFrames(server, [okText(1)]);
    // 2,571 octets for more than ten million. Go's own test has 6,329.
    const bomb = joined([literalBlock(get()), again(2500)]);
    peer.headers(3, bomb, { endStream: true });
    const answers = await expectDefended(server, {
      lastStreamId: 1,
      code: calm,
      debug:
        "header_list_way_too_large: a header list must not exceed 16384 octets, and ends the connection above 65536, got at least 68732",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
    expect([answers, server.requests.length]).toEqual([[], 1]);
  });

  test("[h2-350] CVE-2016-6581: the same from a server", async () => {
    const client = await attackClient();
    const sent = send(client, Requests.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, joined([literalBlock(status(200)), largeEntry(), again(2500)]), { endStream: true });
    await expectDefended(client, {
      lastStreamId: 0,
      code: calm,
      debug:
        "header_list_way_too_large: a header list must not exceed 65536 octets, and ends the connection above 262144, got at least 262187",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
    await expectSent(client, sent, `limit HEADER_LIST_WAY_TOO_LARGE ${calm}`);
  });

  test("a bomb below the hard limit costs its stream: 431, none of it is kept, and the table stays right", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    const block = joined([literalBlock(get()), largeEntry(), again(14)]);
    peer.headers(1, block, { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=431 content-length=0"]);
    expect([server.requests.length, server.counts.get("headersOverLimit")]).toEqual([0, 1]);
    peer.headers(3, joined([literalBlock(get()), again(1)]), { endStream: true });
    await expectFrames(server, [okText(3)]);
    expect(server.requests[0]?.headers.get("x")).toBe("v".repeat(4000));
    await expectEndured(server, []);
  });

  test("ten thousand of them are too many, and 330 a second", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    const block = joined([literalBlock(get()), largeEntry(), again(5)]);
    peer.headers(1, block, { endStream: true });
    const cheap = joined([literalBlock(get()), again(5)]);
    peer.batch(() => times(9_999, (index) => peer.headers(streamId(1 + index), cheap, { endStream: true })));
    await server.run();
    expect(peer.take()).toHaveLength(10_000);
    peer.headers(streamId(10_000), cheap, { endStream: true });
    await expectDefended(server, {
      lastStreamId: streamId(9_999),
      code: calm,
      debug:
        "too_many_glitches: at most 10000 at once and 330 per second are accepted of frames that are ignored; last: headersOverLimit",
      errorCode: "TOO_MANY_GLITCHES",
      counter: ["headersOverLimit", 10_001],
    });
  });

  test("a string that Huffman code makes longer than its hard limit is refused before there is memory for it", async () => {
    const server = await attackServer(ok);
    // 41,000 octets of code for 65,600 times "0", five bits each: 00000 is "0".
    const code = new Uint8Array(41_000);
    const length = code.length - 127;
    const integer = Uint8Array.of(0xff, 0x80 | (length & 0x7f), 0x80 | ((length >> 7) & 0x7f), length >> 14);
    const block = joined([Uint8Array.of(0x00, 1, 0x61), integer, code]);
    server.peer.batch(() => {
      server.peer.headers(1, block.subarray(0, 16_000), { endHeaders: false });
      server.peer.continuation(1, block.subarray(16_000, 32_000), { endHeaders: false });
      server.peer.continuation(1, block.subarray(32_000));
    });
    await expectDefended(server, {
      lastStreamId: 0,
      code: calm,
      debug:
        "header_list_way_too_large: a field name or value exceeds the 65535 octets left of the header list's hard limit",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
  });
});

describe("CVE-2019-9516 names and values of no length", () => {
  test("CVE-2019-9516: an empty name is wrong, and resets its stream", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, [...get(), ["", ""]], { endStream: true });
    await expectEndured(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(server.requests).toEqual([]);
  });

  test("CVE-2019-9516: each costs 32 octets and more: 16 KiB of empty fields are given up like any others", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    // Names of one octet without a value: four octets each on the wire, 33 in the list.
    const fields = literalBlock(Array.from({ length: 4000 }, () => ["a", ""] as const));
    peer.headers(1, literalBlock(get()), { endHeaders: false });
    peer.continuation(1, fields.subarray(0, 16_000));
    await expectDefended(server, {
      lastStreamId: 0,
      code: calm,
      debug:
        "header_list_way_too_large: a header list must not exceed 16384 octets, and ends the connection above 65536, got at least 65544",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
  });

  test("CVE-2019-9516: what is within the size but more than maxHeaders is answered with 431", async () => {
    const server = await attackServer(ok);
    const fields = Array.from({ length: 129 }, () => ["a", ""] as const);
    server.peer.headers(1, get("/", ...fields.slice(0, 128)), { endStream: true });
    server.peer.headers(3, get("/", ...fields), { endStream: true });
    await expectEndured(server, [okText(1), "HEADERS 3 END_STREAM :status=431 content-length=0"]);
    expect(server.requests).toHaveLength(1);
  });
});

describe("[h2-349] field sections beyond what is allowed", () => {
  const large = Array.from({ length: 100 }, (_, index) => [`name-${index}`, "v".repeat(150)] as const);

  test("[h2-349] with END_STREAM: 431, and the service is not called", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, get("/", ...large), { endStream: true, endHeaders: false });
    server.peer.continuation(1, new Uint8Array(0));
    await expectEndured(server, ["HEADERS 1 END_STREAM :status=431 content-length=0"]);
    expect(server.requests).toEqual([]);
  });

  test("[h2-349] without: 431, then RST_STREAM with NO_ERROR, and what is under way is let pass", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, post("/", ...large));
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=431 content-length=0", "RST_STREAM 1 NO_ERROR"]);
    server.peer.data(1, 1000);
    server.peer.data(1, 1000, { endStream: true });
    await expectEndured(server, []);
    expect(server.requests).toEqual([]);
  });

  test("[h2-350] four times as much is the end: one octet below it is not", async () => {
    const base = get().reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    const server = await attackServer(ok);
    const block = (octets: number): Uint8Array => literalBlock([...get(), ["a", "v".repeat(octets - base - 33)]]);
    const split = (id: number, octets: Uint8Array): void => {
      const parts = Math.ceil(octets.length / 16_000);
      server.peer.headers(id, octets.subarray(0, 16_000), { endStream: true, endHeaders: false });
      times(parts - 1, (part) =>
        server.peer.continuation(id, octets.subarray(16_000 * (part + 1), 16_000 * (part + 2)), {
          endHeaders: part === parts - 2,
        }),
      );
    };
    split(1, block(65_536));
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=431 content-length=0"]);
    split(3, block(65_537));
    await expectDefended(server, {
      lastStreamId: 1,
      code: calm,
      debug:
        "header_list_way_too_large: a header list must not exceed 16384 octets, and ends the connection above 65536, got at least 65537",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
  });

  test("[h2-350] a client resets the stream, and the request fails; the connection goes on", async () => {
    const client = await attackClient({ maxHeaderListBytes: 1000 });
    const sent = send(client, Requests.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200, ["a", "v".repeat(1000)]));
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol HEADER_LIST_TOO_LARGE PROTOCOL_ERROR");
    await expectEndured(client, []);
  });
});

describe("CVE-2022-41723 decoding what is incomplete again and again", () => {
  test("CVE-2022-41723: a value that comes octet by octet is decoded once, whatever it is cut into", async () => {
    const server = await attackServer(ok, { maxHeaderListBytes: 1_000_000, maxFrameBytes: 16_384 });
    const { peer } = server;
    const value = "v".repeat(60_000);
    const block = literalBlock([...get(), ["a", value]]);
    // As frames of 1 KiB: 240 are allowed for a list of this size.
    peer.headers(1, block.subarray(0, 10), { endHeaders: false, endStream: true });
    for (let at = 10; at < block.length; at += 1000) {
      peer.continuation(1, block.subarray(at, at + 1000), { endHeaders: at + 1000 >= block.length });
    }
    await expectFrames(server, [okText(1)]);
    expect(server.requests[0]?.headers.get("a")).toBe(value);
    await expectEndured(server, []);
  });

  test("CVE-2022-41723: a field block whose octets come one by one, as many reads as octets", async () => {
    const server = await attackServer(ok, {}, { tear: () => 1 });
    server.peer.headers(1, get("/", ["a", "v".repeat(9000)]), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(tally(server.requests.map(({ headers }) => String(headers.get("a")?.length)))).toEqual({ 9000: 1 });
    await expectQuiet(server);
  });
});
