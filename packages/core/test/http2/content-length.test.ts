/**
 * Content-Length and the content that comes, in both roles (RFC 9113 section 8.1.1), and the content that is sent.
 */
import { fromIterable } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectWorks, sentGet } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, post, status } from "./support/messages.ts";
import type { DataOptions, Peer } from "./support/peer.ts";
import { type Reading, read } from "./support/reading.ts";
import { expectMalformed, fieldsOf, serveReading, serveRecorded } from "./support/recorded.ts";
import { roles } from "./support/roles.ts";
import { serveH2 } from "./support/server.ts";
import type { UnderTest } from "./support/under-test.ts";

const mismatch = "protocol CONTENT_LENGTH_MISMATCH PROTOCOL_ERROR";

const length = (value: number): Line => ["content-length", String(value)];

/** Stream 1, on which a message with this content-length has begun that is being read. */
async function receiving(
  role: "client" | "server",
  value: number,
): Promise<{ readonly target: UnderTest; readonly peer: Peer; readonly reading: Reading; again(): Promise<void> }> {
  if (role === "server") {
    const server = await serveReading();
    server.peer.headers(1, post("/", length(value)));
    await expectQuiet(server);
    const again = async (): Promise<void> => {
      server.peer.headers(3, get(), { endStream: true });
      await expectQuiet(server);
      expect(server.readings.at(-1)?.outcome).toBe("ended");
    };
    return { target: server, peer: server.peer, reading: server.readings[0] as Reading, again };
  }
  const { client, sent } = await sentGet();
  client.peer.headers(1, status(200, length(value)));
  await expectSent(client, sent, "200");
  const reading = read((sent.response as HttpResponse).body);
  return { target: client, peer: client.peer, reading, again: () => expectWorks(client, 3) };
}

describe.each(roles)("content received by a %s", (role) => {
  const ended = (...pieces: string[]): Reading => ({ pieces, trailers: undefined, outcome: "ended" });
  const failed = (...pieces: string[]): Reading => ({ pieces, trailers: undefined, outcome: mismatch });

  test("[h2-118] as long as declared: it ends", async () => {
    const { target, peer, reading, again } = await receiving(role, 5);
    peer.data(1, "abc");
    await expectQuiet(target);
    expect(reading.outcome).toBe("open");
    peer.data(1, "de", { endStream: true });
    await expectQuiet(target);
    expect(reading).toEqual(ended("abc", "de"));
    await again();
  });

  test("[h2-118] as long as declared, the end in an empty frame behind it", async () => {
    const { target, peer, reading, again } = await receiving(role, 3);
    peer.data(1, "abc");
    peer.data(1, "", { endStream: true });
    await expectQuiet(target);
    expect(reading).toEqual(ended("abc"));
    await again();
  });

  test("[h2-119] an early end", async () => {
    const { target, peer, reading, again } = await receiving(role, 5);
    peer.data(1, "abc", { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(reading).toEqual(failed("abc"));
    await again();
  });

  test("[h2-126] an early end in an empty frame", async () => {
    const { target, peer, reading, again } = await receiving(role, 5);
    peer.data(1, "abcd");
    await expectQuiet(target);
    peer.data(1, "", { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(reading).toEqual(failed("abcd"));
    await again();
  });

  test("[h2-130] an early end in trailers", async () => {
    const { target, peer, reading, again } = await receiving(role, 5);
    peer.data(1, "abc");
    peer.headers(1, [["t", "1"]], { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(reading).toEqual(failed("abc"));
    await again();
  });

  test("[h2-120] more than declared, with or without an end: none of what is too much is handed out", async () => {
    for (const endStream of [false, true]) {
      const { target, peer, reading, again } = await receiving(role, 5);
      peer.data(1, "abc");
      peer.data(1, "def", { endStream });
      await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(reading).toEqual(failed("abc"));
      await again();
    }
  });

  test("[h2-120] more than declared in a second frame, when all that was declared has come", async () => {
    const { target, peer, reading, again } = await receiving(role, 3);
    peer.data(1, "abc");
    await expectQuiet(target);
    peer.data(1, "d");
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(reading).toEqual(failed("abc"));
    await again();
  });

  test("[h2-129] padding is not counted", async () => {
    const pieces: readonly (readonly [string, DataOptions])[] = [
      ["a", { padding: 0 }],
      ["", { padding: 255 }],
      ["bc", { padding: 10 }],
      ["de", { padding: 1, endStream: true }],
    ];
    const { target, peer, reading, again } = await receiving(role, 5);
    for (const [content, options] of pieces) {
      peer.data(1, content, options);
      await expectQuiet(target);
    }
    expect(reading).toEqual(ended("a", "bc", "de"));
    await again();

    const short = await receiving(role, 5);
    short.peer.data(1, "abcd", { padding: 1, endStream: true });
    await expectFrames(short.target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(short.reading).toEqual(failed("abcd"));
  });
});

describe("content received by a server", () => {
  test("[h2-120] what is too much goes back to the connection's window", async () => {
    const server = await serveRecorded(() => new Promise(() => {}), { connectionWindowBytes: 65_535 });
    for (let streamId = 1; streamId < 41; streamId += 2) {
      server.peer.headers(streamId, post("/", length(1)));
      server.peer.data(streamId, 16_384);
      await server.run();
      const frames = server.peer.take();
      expect(frames.filter((text) => !text.startsWith("WINDOW_UPDATE 0 "))).toEqual([
        `RST_STREAM ${streamId} PROTOCOL_ERROR`,
      ]);
      // All of it but what is not worth a frame yet.
      expect(server.peer.allowance(0)).toBeGreaterThan(32_767);
    }
    await expectQuiet(server);
  });

  test("[h2-121] too much on a stream that the service has not been called for", async () => {
    const server = await serveRecorded(() => new Promise(() => {}), { maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    server.peer.rst(1, "CANCEL");
    // The service still works for stream 1, so stream 3 has to wait for its turn.
    server.peer.headers(3, post("/", length(2)));
    await expectQuiet(server);
    server.peer.data(3, "abc");
    await expectFrames(server, ["RST_STREAM 3 PROTOCOL_ERROR"]);
    server.peer.headers(5, get(), { endStream: true });
    await expectQuiet(server);
    expect(server.requests.length).toBe(1);
  });

  test("[h2-122] a length with END_STREAM", async () => {
    await expectMalformed(post("/", length(1)));
    await expectMalformed(get("/", length(1)));
    await expectMalformed([[":method", "HEAD"], ...get("/", length(1)).slice(1)]);
    const server = await serveReading();
    server.peer.headers(1, post("/", length(0)), { endStream: true });
    await expectQuiet(server);
    expect(server.requests.map(fieldsOf)).toEqual([[["content-length", "0"]]]);
    expect(server.readings.map(({ outcome }) => outcome)).toEqual(["ended"]);
  });

  test("a length of 0, and an end to come: one octet is too much", async () => {
    const server = await serveReading();
    server.peer.headers(1, post("/", length(0)));
    server.peer.data(1, "a");
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(server.readings).toEqual([{ pieces: [], trailers: undefined, outcome: mismatch }]);
  });

  test("a request that is malformed by its length aborts the request's signal", async () => {
    const server = await serveReading();
    server.peer.headers(1, post("/", length(5)));
    await expectQuiet(server);
    const signal = server.requests[0]?.signal;
    expect(signal?.aborted).toBe(false);
    server.peer.data(1, "abc", { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({
      kind: "protocol",
      code: "CONTENT_LENGTH_MISMATCH",
      message: "DATA: content-length is 5, got 3 octets (RFC 9113 8.1.1)",
    });
  });
});

describe("content received by a client", () => {
  async function sentHead(): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
    const client = await connectH2();
    const sent = send(client, HttpRequest.head("http://a.test/"));
    await expectFrames(client, ["HEADERS 1 END_STREAM :method=HEAD :scheme=http :authority=a.test :path=/"]);
    return { client, sent };
  }

  test("[h2-122] a length with END_STREAM is malformed: the response is not accepted", async () => {
    const { client, sent } = await sentGet();
    client.peer.headers(1, status(200, length(1)), { endStream: true });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol CONTENT_LENGTH_WITHOUT_CONTENT PROTOCOL_ERROR");
    await expectWorks(client, 3);
  });

  test("[h2-122] but for 204, 304 and the answer to HEAD, which have a length and no content", async () => {
    for (const code of [204, 304]) {
      const { client, sent } = await sentGet();
      client.peer.headers(1, status(code, length(5)), { endStream: true });
      await expectQuiet(client);
      await expectSent(client, sent, String(code));
      await expectWorks(client, 3);
    }
    const { client, sent } = await sentHead();
    client.peer.headers(1, status(200, length(5)), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");
    await expectWorks(client, 3);
  });

  test("[h2-123] the answer to HEAD with a length, and the end in an empty frame", async () => {
    const { client, sent } = await sentHead();
    client.peer.headers(1, status(200, length(5)));
    await expectSent(client, sent, "200");
    expect(sent.response?.body.isEndStream()).toBe(true);
    client.peer.data(1, "", { endStream: true });
    await expectQuiet(client);
    await expectWorks(client, 3);
  });

  test("[h2-124] content behind the answer to HEAD, 204 or 304 is thrown away, and costs no window", async () => {
    for (const code of [200, 204, 304]) {
      const options: http2.ClientOptions = { connectionWindowBytes: 65_535, initialWindowBytes: 65_535 };
      const client = await connectH2(options);
      const sent = send(client, code === 200 ? HttpRequest.head("http://a.test/") : HttpRequest.get("http://a.test/"));
      await client.run();
      client.peer.take();
      client.peer.headers(1, status(code, length(5)));
      for (let frame = 0; frame < 20; frame++) {
        client.peer.data(1, 16_384, { endStream: frame === 19 });
        await client.run();
        expect(client.peer.take().filter((text) => !/^WINDOW_UPDATE [01] /.test(text))).toEqual([]);
        expect(client.peer.allowance(0)).toBeGreaterThan(32_767);
      }
      await expectSent(client, sent, String(code));
      expect(sent.response?.body.isEndStream()).toBe(true);
      await expectWorks(client, 3);
    }
  });

  test("[h2-125] the length in the answer 2xx to CONNECT is ignored", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.connect("a.test:443"));
    await expectFrames(client, ["HEADERS 1 :method=CONNECT :authority=a.test:443"]);
    client.peer.headers(1, status(200, length(1)));
    client.peer.data(1, "abc");
    client.peer.data(1, "", { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");
  });

  test("[h2-125] that in another answer to CONNECT is not", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.connect("a.test:443"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(403, length(1)));
    await expectSent(client, sent, "403");
    const reading = read((sent.response as HttpResponse).body);
    client.peer.data(1, "abc");
    await client.run();
    expect(client.peer.take()).toEqual(["DATA 1 END_STREAM 0", "RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(reading).toEqual({ pieces: [], trailers: undefined, outcome: mismatch });
  });
});

describe("content that is sent", () => {
  const headers = { "content-length": "5" };
  const postHead = "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ content-length=5";

  test("[h2-127] a client whose content is shorter than it said resets the stream, and the request fails", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", fromIterable(["abc"]), headers));
    await expectFrames(client, [postHead, "DATA 1 3 abc", "RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "user BODY_TOO_SHORT");
    expect(sent.error?.message).toBe("the body ended 2 bytes short of its content-length");
    await expectWorks(client, 3);
  });

  test("[h2-127] one whose content is longer as well, and nothing of what is too much is sent", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", fromIterable(["abc", "def"]), headers));
    await expectFrames(client, [postHead, "DATA 1 3 abc", "RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "user BODY_TOO_LONG");
    expect(sent.error?.message).toBe("the body is longer than its content-length, by at least 1 bytes");
    await expectWorks(client, 3);
  });

  test("[h2-127] a response that is shorter or longer than it said is reset", async () => {
    for (const [pieces, code] of [
      [["abc"], "BODY_TOO_SHORT"],
      [["abc", "def"], "BODY_TOO_LONG"],
    ] as const) {
      const ends: (string | undefined)[] = [];
      const observer = { exchangeEnded: (_request: HttpRequest, error?: Error) => void ends.push(codeOf(error)) };
      const server = await serveH2(() => new HttpResponse(200, headers, fromIterable(pieces)), { observer });
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, [
        "HEADERS 1 :status=200 content-length=5",
        "DATA 1 3 abc",
        "RST_STREAM 1 INTERNAL_ERROR",
      ]);
      expect(ends).toEqual([code]);
    }
  });

  test("content of the length that was said ends with its last octet", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", fromIterable(["abc", "de"]), headers));
    await expectFrames(client, [postHead, "DATA 1 3 abc", "DATA 1 2 de", "DATA 1 END_STREAM 0"]);
    await expectSent(client, sent, "pending");
  });
});

function codeOf(error: Error | undefined): string | undefined {
  return error !== undefined && "code" in error ? String(error.code) : undefined;
}
