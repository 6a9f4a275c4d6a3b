/**
 * The tables of both ends stay the same whatever becomes of a stream (RFC 7541 section 2.2, RFC 9113 section 4.3): a block
 * that nobody is interested in is decoded as any other. Each case lets one come that puts a field into the table, and
 * then a block that refers to it.
 */
import { empty } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectFrames } from "./support/expectations.ts";
import { encodeLines, type Line } from "./support/hpack.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { joined } from "./support/octets.ts";
import { okText, type ServerUnderTest, serveH2 } from "./support/server.ts";

const line: Line = ["x-entry", "a value that is put into the table"];
/** What `GET /end` got. */
const right = [line];

interface Case {
  readonly server: ServerUnderTest;
  readonly encoder: HpackEncoder;
  /** Encodes with what was put into the table before. */
  block(lines: readonly Line[]): Uint8Array;
}

/** A server that answers when the client gives up, but for `/end`, `/fail` and `/ok`; `/end` notes its fields. */
async function begin(options: http2.ServerOptions = {}): Promise<Case & { readonly seen: unknown[] }> {
  const seen: unknown[] = [];
  const server = await serveH2((request) => {
    switch (request.target.path) {
      case "/end":
        seen.push(...request.headers);
        return new HttpResponse(204);
      case "/fail":
        throw new Error("no answer");
      case "/ok":
        return new HttpResponse(200);
      default:
        // No more than MAX_CONCURRENT_STREAMS are at work at a time, resets or not.
        return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(new HttpResponse(200))));
    }
  }, options);
  const encoder = new HpackEncoder();
  return { server, encoder, seen, block: (lines) => encodeLines(encoder, lines) };
}

const cases: readonly (readonly [
  what: string,
  options: http2.ServerOptions,
  play: (c: Case) => void,
  frames: readonly string[],
])[] = [
  [
    "a stream that is refused",
    { maxConcurrentStreams: 1 },
    ({ server: { peer }, block }) => {
      peer.headers(1, block(get("/wait")), { endStream: true });
      peer.headers(3, block(get("/wait", line)), { endStream: true });
      peer.rst(1, "CANCEL");
    },
    ["RST_STREAM 3 REFUSED_STREAM"],
  ],
  [
    "trailers of a stream that we have reset",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(post("/fail")));
      peer.headers(1, block([line]), { endStream: true });
    },
    ["RST_STREAM 1 INTERNAL_ERROR"],
  ],
  [
    "trailers of a stream that was answered and is not read",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(post("/ok")));
      peer.headers(1, block([line]), { endStream: true });
    },
    [okText(1), "RST_STREAM 1 NO_ERROR"],
  ],
  [
    "a request that is malformed, behind what is wrong with it",
    {},
    ({ server: { peer }, block }) => peer.headers(1, block(get("/wait", ["X-Wrong", "1"], line)), { endStream: true }),
    ["RST_STREAM 1 PROTOCOL_ERROR"],
  ],
  [
    "a request that depends on itself",
    {},
    ({ server: { peer }, block }) => peer.headers(1, block(get("/wait", line)), { priority: { dependency: 1 } }),
    ["RST_STREAM 1 PROTOCOL_ERROR"],
  ],
  [
    "[h2-347] a request with more fields than accepted, behind the limit",
    { maxHeaderListBytes: 2000 },
    ({ server: { peer }, block }) =>
      peer.headers(1, block(get("/wait", ["x-much", "v".repeat(4000)], line)), { endStream: true }),
    ["HEADERS 1 END_STREAM :status=431 content-length=0"],
  ],
  [
    "a request whose content would be too long",
    { maxBodyBytes: 5 },
    ({ server: { peer }, block }) => peer.headers(1, block(post("/wait", ["content-length", "6"], line))),
    ["HEADERS 1 END_STREAM :status=413 content-length=0", "RST_STREAM 1 NO_ERROR"],
  ],
  [
    "HEADERS on a stream that the client has ended",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(get("/wait")), { endStream: true });
      peer.headers(1, block([line]), { endStream: true });
    },
    ["RST_STREAM 1 STREAM_CLOSED"],
  ],
  [
    "HEADERS on a stream that is closed",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(get("/ok")), { endStream: true });
      peer.headers(1, block([line]), { endStream: true });
    },
    [okText(1), "RST_STREAM 1 STREAM_CLOSED"],
  ],
  [
    "HEADERS on a stream that the client has reset",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(post("/wait")));
      peer.rst(1, "CANCEL");
      peer.headers(1, block([line]), { endStream: true });
    },
    ["RST_STREAM 1 STREAM_CLOSED"],
  ],
  [
    "trailers without END_STREAM",
    {},
    ({ server: { peer }, block }) => {
      peer.headers(1, block(post("/wait")));
      peer.headers(1, block([line]));
    },
    ["RST_STREAM 1 PROTOCOL_ERROR"],
  ],
];

describe("[h2-070] a server decodes", () => {
  for (const [what, options, play, frames] of cases) {
    test(what, async () => {
      const c = await begin(options);
      play(c);
      await expectFrames(c.server, frames);
      const last = c.block(get("/end", line));
      expect(last.at(-1)).toBeGreaterThan(0xbd);
      c.server.peer.headers(9, last, { endStream: true });
      await expectFrames(c.server, ["HEADERS 9 END_STREAM :status=204"]);
      expect(c.seen).toEqual(right);
    });

    test(`${what}, in two fragments`, async () => {
      const c = await begin(options);
      const { peer } = c.server;
      const { headers } = peer;
      peer.headers = (streamId, fields, more) => {
        const octets = fields as Uint8Array;
        const cut = octets.length >> 1;
        headers.call(peer, streamId, octets.subarray(0, cut), { ...more, endHeaders: false });
        peer.continuation(streamId, octets.subarray(cut));
      };
      play(c);
      await expectFrames(c.server, frames);
      peer.headers(9, c.block(get("/end", line)), { endStream: true });
      await expectFrames(c.server, ["HEADERS 9 END_STREAM :status=204"]);
      expect(c.seen).toEqual(right);
    });
  }

  test("a request behind the last stream that it said it would process", async () => {
    const { server, block, encoder } = await begin();
    server.peer.headers(1, block(post("/wait")));
    server.connection.gracefulShutdown();
    await server.run();
    const [goAway, ping] = server.peer.takeFrames();
    expect([goAway?.type, ping?.type]).toEqual(["GOAWAY", "PING"]);
    if (ping?.type === "PING") server.peer.pingAck(ping.payload);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    server.peer.headers(3, block(get("/wait", line)), { endStream: true });
    const trailers = encodeLines(encoder, [line]);
    expect(trailers.length).toBe(1);
    // It would be COMPRESSION_ERROR.
    server.peer.headers(1, trailers, { endStream: true });
    await expectFrames(server, []);
  });
});

describe("[h2-070] a client decodes", () => {
  async function beginClient(): Promise<{
    client: ClientUnderTest;
    first: Sent;
    second: Sent;
    abort: AbortController;
  }> {
    const client = await connectH2();
    const abort = new AbortController();
    const first = send(client, HttpRequest.get("http://a.test/"), { signal: abort.signal });
    const second = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`, `HEADERS 3 END_STREAM ${getText}`]);
    return { client, first, second, abort };
  }

  async function finish(client: ClientUnderTest, encoder: HpackEncoder, second: Sent): Promise<void> {
    const block = encodeLines(encoder, status(200, line));
    expect(block.length).toBe(2);
    client.peer.headers(3, block, { endStream: true });
    await expectFrames(client, []);
    await expectSent(client, second, "200");
    expect([...(second.response?.headers ?? [])]).toEqual(right);
  }

  test("the response to a request that was given up", async () => {
    const { client, second, abort } = await beginClient();
    const encoder = new HpackEncoder();
    abort.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.peer.headers(1, encodeLines(encoder, status(200, line)));
    await expectFrames(client, []);
    await finish(client, encoder, second);
  });

  test("a response that is malformed", async () => {
    const { client, first, second } = await beginClient();
    const encoder = new HpackEncoder();
    client.peer.headers(1, encodeLines(encoder, [["x-no", "status"], line]));
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(first.error?.kind).toBe("protocol");
    await finish(client, encoder, second);
  });

  test("an informational response, and trailers that nobody reads", async () => {
    for (const informational of [true, false]) {
      const { client, first, second } = await beginClient();
      const encoder = new HpackEncoder();
      if (informational) {
        client.peer.headers(1, encodeLines(encoder, status(103, line)));
        await expectSent(client, first, "pending");
      } else {
        client.peer.headers(1, encodeLines(encoder, status(200)));
        client.peer.headers(1, encodeLines(encoder, [line]), { endStream: true });
        await expectSent(client, first, "200");
      }
      await finish(client, encoder, second);
    }
  });

  test("a response behind the last stream of the server's GOAWAY", async () => {
    const { client, second } = await beginClient();
    const third = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 5 END_STREAM ${getText}`]);
    const encoder = new HpackEncoder();
    client.peer.goAway(3);
    await expectSent(client, third, "closed GOAWAY NO_ERROR");
    const block = encodeLines(encoder, status(200, line));
    client.peer.headers(1, joined([block, encodeLines(encoder, [["x", "1"]])]), { endStream: true });
    await finish2(client, encoder, second);
  });

  /** As `finish`, where the connection is over behind it. */
  async function finish2(client: ClientUnderTest, encoder: HpackEncoder, second: Sent): Promise<void> {
    client.peer.headers(3, encodeLines(encoder, status(200, line)), { endStream: true });
    await expectSent(client, second, "200");
    expect([...(second.response?.headers ?? [])]).toEqual(right);
    expect(client.peer.take()).toEqual(["GOAWAY 0 NO_ERROR"]);
  }
});

test("what we write for streams that are reset on the way is in the client's table too", async () => {
  // The peer decodes every block that the server writes, with one table; a response that refers to it is enough.
  const server = await serveH2(() => new HttpResponse(200, [["x-entry", "a value of the server"]], empty()));
  for (const streamId of [1, 3, 5]) {
    server.peer.headers(streamId, get(), { endStream: true });
    server.peer.rst(streamId, "CANCEL");
  }
  const text = 'END_STREAM :status=200 x-entry="a value of the server" content-length=0';
  await expectFrames(server, [`HEADERS 1 ${text}`, `HEADERS 3 ${text}`, `HEADERS 5 ${text}`]);
});
