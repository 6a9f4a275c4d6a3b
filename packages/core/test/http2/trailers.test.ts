/**
 * Trailer sections, received and sent, in both roles (RFC 9113 section 8.1): a field block behind the content that ends
 * the stream.
 */
import { type Body, fromIterable, full, HeaderMap, isTrailers, Trailers, withTrailers } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { latin1 } from "../support/wire.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectWorks, sentGet } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, post, status } from "./support/messages.ts";
import { type Reading, read } from "./support/reading.ts";
import { serveRecorded } from "./support/recorded.ts";
import { roles } from "./support/roles.ts";
import { serveH2 } from "./support/server.ts";
import type { UnderTest } from "./support/under-test.ts";

/** Stream 1, on which the peer has sent the head of a message with these fields, and the body that is made of it. */
async function receiving(
  role: "client" | "server",
  fields: readonly Line[] = [],
  options: http2.CommonOptions = {},
): Promise<{ readonly target: UnderTest; readonly body: Body; again(): Promise<void> }> {
  if (role === "server") {
    const server = await serveRecorded(() => new Promise(() => {}), options);
    server.peer.headers(1, post("/", ...fields));
    await expectQuiet(server);
    const again = async (): Promise<void> => {
      server.peer.headers(3, get(), { endStream: true });
      await expectQuiet(server);
      expect(server.requests.length).toBe(2);
    };
    return { target: server, body: (server.requests[0] as HttpRequest).body, again };
  }
  const { client, sent } = await sentGet(options);
  client.peer.headers(1, status(200, ...fields));
  await expectSent(client, sent, "200");
  return { target: client, body: (sent.response as HttpResponse).body, again: () => expectWorks(client, 3) };
}

/** What a body gives: content as text, trailers as lines, the end as null. */
async function frameOf(body: Body): Promise<string | Line[] | null> {
  const frame = await body.frame();
  if (frame === null) return null;
  return isTrailers(frame) ? [...frame.fields] : latin1(frame);
}

describe.each(roles)("received by a %s", (role) => {
  const lines: Line[] = [
    ["x", "1"],
    ["y", "2"],
    ["x", ""],
  ];

  test("[h2-161] HEADERS with END_STREAM behind DATA are trailers, in the order of their lines", async () => {
    const { target, body, again } = await receiving(role);
    const reading = read(body);
    target.peer.data(1, "abc");
    target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(target);
    expect(reading).toEqual({ pieces: ["abc"], trailers: lines, outcome: "ended" });
    await again();
  });

  test("[h2-162] directly behind the head, without DATA", async () => {
    const { target, body, again } = await receiving(role);
    const reading = read(body);
    target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(target);
    expect(reading).toEqual({ pieces: [], trailers: lines, outcome: "ended" });
    await again();
  });

  test("[h2-168] those that Trailer declares, those that it does not, and no matter for those that do not come", async () => {
    const { target, body, again } = await receiving(role, [["trailer", "x, z"]]);
    const reading = read(body);
    target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(target);
    expect(reading).toEqual({ pieces: [], trailers: lines, outcome: "ended" });
    await again();
  });

  test("[h2-166] whoever reads gets them behind all content, and is woken by them", async () => {
    const { target, body, again } = await receiving(role);
    target.peer.data(1, "abc");
    target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(target);
    expect(body.isEndStream()).toBe(false);
    expect(await frameOf(body)).toBe("abc");
    expect(body.isEndStream()).toBe(false);
    expect(await frameOf(body)).toEqual(lines);
    expect(body.isEndStream()).toBe(true);
    expect(await frameOf(body)).toBe(null);
    await again();

    const waiting = await receiving(role);
    waiting.target.peer.data(1, "abc");
    await expectQuiet(waiting.target);
    expect(await frameOf(waiting.body)).toBe("abc");
    let woken: unknown = "pending";
    const next = frameOf(waiting.body).then((frame) => {
      woken = frame;
    });
    await expectQuiet(waiting.target);
    expect(woken).toBe("pending");
    waiting.target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(waiting.target);
    await next;
    expect(woken).toEqual(lines);
  });

  test("[h2-173] an empty block: the end, and no trailers", async () => {
    for (const content of ["", "abc"]) {
      const { target, body, again } = await receiving(role);
      const reading = read(body);
      if (content !== "") target.peer.data(1, content);
      target.peer.headers(1, [], { endStream: true });
      await expectQuiet(target);
      expect(reading).toEqual({ pieces: content === "" ? [] : [content], trailers: undefined, outcome: "ended" });
      await again();
    }
  });

  test("in CONTINUATION frames", async () => {
    const { target, body, again } = await receiving(role);
    const reading = read(body);
    target.peer.headers(1, lines.slice(0, 1), { endStream: true, endHeaders: false });
    target.peer.continuation(1, lines.slice(1), { endHeaders: true });
    await expectQuiet(target);
    expect(reading).toEqual({ pieces: [], trailers: lines, outcome: "ended" });
    await again();
  });

  async function expectRefused(fields: readonly Line[], code: string, endStream = true): Promise<void> {
    const { target, body, again } = await receiving(role);
    const reading = read(body);
    target.peer.data(1, "abc");
    target.peer.headers(1, fields, { endStream });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    const outcome = `protocol ${code} PROTOCOL_ERROR`;
    expect(reading).toEqual({ pieces: ["abc"], trailers: undefined, outcome } satisfies Reading);
    await again();
  }

  test("[h2-163] without END_STREAM", async () => {
    await expectRefused(lines, "TRAILERS_WITHOUT_END_STREAM", false);
    await expectRefused([], "TRAILERS_WITHOUT_END_STREAM", false);
  });

  test("[h2-163] a second head without END_STREAM is the same", async () => {
    const head = role === "server" ? post() : status(200);
    await expectRefused(head, "TRAILERS_WITHOUT_END_STREAM", false);
  });

  test.each([":status", ":path", ":method", ":x"])("[h2-164] the pseudo-header field %s", async (name) => {
    await expectRefused([[name, "a"]], "PSEUDO_FIELD_FORBIDDEN");
    await expectRefused([...lines, [name, "a"]], "PSEUDO_FIELD_MISPLACED");
  });

  test.each([
    ["X", "1", "FIELD_NAME_INVALID"],
    ["", "1", "FIELD_NAME_INVALID"],
    ["a\0", "1", "FIELD_NAME_INVALID"],
    ["a\xff", "1", "FIELD_NAME_INVALID"],
    ["a b", "1", "FIELD_NAME_INVALID"],
    ["x", "a\0", "FIELD_VALUE_INVALID"],
    ["x", "a\nb", "FIELD_VALUE_INVALID"],
    ["x", "a\r", "FIELD_VALUE_INVALID"],
    ["x", " a", "FIELD_VALUE_INVALID"],
  ])("[h2-167] the field %j: %j", (name, value, code) => expectRefused([[name, value]], code));

  test.each(["connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"])(
    "the connection-specific field %s",
    (name) => expectRefused([[name, "close"]], "CONNECTION_SPECIFIC_FIELD"),
  );

  test("more than maxHeaderListBytes, or maxHeaders", async () => {
    const limits = { maxHeaderListBytes: 1000, maxHeaders: 8 };
    const long: Line[] = [["x", "v".repeat(1000)]];
    const many = Array.from({ length: 9 }, (_, at): Line => [`x${at}`, ""]);
    for (const fields of [long, many]) {
      const { target, body, again } = await receiving(role, [], limits);
      const reading = read(body);
      target.peer.headers(1, fields, { endStream: true });
      await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(reading.outcome).toBe("protocol HEADER_LIST_TOO_LARGE PROTOCOL_ERROR");
      await again();
    }
  });

  test("[h2-165] trailers behind trailers: the stream was ended", async () => {
    const { target, body, again } = await receiving(role);
    const reading = read(body);
    target.peer.headers(1, lines, { endStream: true });
    await expectQuiet(target);
    target.peer.headers(1, lines, { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
    expect(reading).toEqual({ pieces: [], trailers: lines, outcome: "ended" });
    await again();
  });
});

/** A body of `pieces`, with `lines` behind them. */
function trailed(pieces: readonly string[], ...lines: readonly (readonly [string, string])[]): Body {
  return fromIterable([...pieces, new Trailers(new HeaderMap(lines))]);
}

describe.each(roles)("sent by a %s", (role) => {
  /** The text of the head in front of the content of a message without a length, with `more` fields. */
  const headText = (more = ""): string =>
    role === "server"
      ? `HEADERS 1 :status=200${more}`
      : `HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/${more}`;

  /** Has a message with content `body` sent on stream 1. */
  async function sent(
    body: Body,
    fields: Readonly<Record<string, string>> = {},
    initialWindow = 65_535,
  ): Promise<UnderTest> {
    const setup = { settings: { INITIAL_WINDOW_SIZE: initialWindow } };
    if (role === "server") {
      const server = await serveH2(() => new HttpResponse(200, fields, body), {}, setup);
      server.peer.headers(1, get(), { endStream: true });
      return server;
    }
    const client = await connectH2({}, setup);
    send(client, HttpRequest.post("http://a.test/", body, fields));
    return client;
  }

  test("[h2-169, h2-174] behind the content, in HEADERS with END_STREAM", async () => {
    const target = await sent(trailed(["abc", "de"], ["x", "1"], ["y", "2"], ["x", ""]));
    await expectFrames(target, [headText(), "DATA 1 3 abc", "DATA 1 2 de", 'HEADERS 1 END_STREAM x=1 y=2 x=""']);
  });

  test("[h2-169] those that Trailer declares, and those that it does not", async () => {
    const target = await sent(trailed(["abc"], ["x", "1"], ["y", "2"]), { trailer: "x" });
    await expectFrames(target, [headText(" trailer=x"), "DATA 1 3 abc", "HEADERS 1 END_STREAM x=1 y=2"]);
  });

  test("[h2-169] those that are known only at the end, when the content has long been sent", async () => {
    let make: (fields: HeaderMap) => void = () => {};
    const made = new Promise<HeaderMap>((resolve) => {
      make = resolve;
    });
    const target = await sent(withTrailers(fromIterable(["abc"]), () => made));
    await expectFrames(target, [headText(), "DATA 1 3 abc"]);
    make(new HeaderMap([["x", "1"]]));
    await expectFrames(target, ["HEADERS 1 END_STREAM x=1"]);
  });

  test("behind content of a length that was said", async () => {
    const target = await sent(withTrailers(full("abc"), new HeaderMap([["x", "1"]])), { "content-length": "3" });
    await expectFrames(target, [headText(" content-length=3"), "DATA 1 3 abc", "HEADERS 1 END_STREAM x=1"]);
  });

  test("without any content", async () => {
    const target = await sent(trailed([], ["x", "1"]));
    await expectFrames(target, [headText(), "HEADERS 1 END_STREAM x=1"]);
  });

  test("[h2-170] declared and never set: no block, the end in DATA", async () => {
    const target = await sent(fromIterable(["abc"]), { trailer: "x" });
    await expectFrames(target, [headText(" trailer=x"), "DATA 1 3 abc", "DATA 1 END_STREAM 0"]);
  });

  test("[h2-173] empty ones: no block, the end in DATA", async () => {
    const target = await sent(trailed(["abc"]));
    await expectFrames(target, [headText(), "DATA 1 3 abc", "DATA 1 END_STREAM 0"]);
  });

  test("[h2-171] what must not be in trailers is left out, and the stream ends as it should", async () => {
    const target = await sent(
      trailed(["abc"], ["connection", "close"], ["x", "1"], ["transfer-encoding", "chunked"], ["content-length", "3"]),
    );
    await expectFrames(target, [headText(), "DATA 1 3 abc", "HEADERS 1 END_STREAM x=1"]);

    const nothingLeft = await sent(trailed(["abc"], ["connection", "close"], ["host", "a"]));
    await expectFrames(nothingLeft, [headText(), "DATA 1 3 abc", "DATA 1 END_STREAM 0"]);
  });

  test("[h2-172] behind content that waits for the window they go last", async () => {
    const target = await sent(trailed(["abcde"], ["x", "1"]), {}, 2);
    await expectFrames(target, [headText(), "DATA 1 2 ab"]);
    target.peer.windowUpdate(1, 2);
    await expectFrames(target, ["DATA 1 2 cd"]);
    target.peer.windowUpdate(1, 2);
    await expectFrames(target, ["DATA 1 1 e", "HEADERS 1 END_STREAM x=1"]);
    await expectQuiet(target);
  });

  test("they need no window themselves", async () => {
    const target = await sent(trailed(["ab"], ["x", "1"]), {}, 2);
    await expectFrames(target, [headText(), "DATA 1 2 ab", "HEADERS 1 END_STREAM x=1"]);
  });
});
