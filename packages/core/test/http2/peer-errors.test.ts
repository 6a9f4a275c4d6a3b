/**
 * What the peer says about errors, as programs see it: codes that nobody knows, debug data, and frames that are cut off
 * by the end of the connection (RFC 9113 sections 5.4, 6.4, 6.8, 7).
 */
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectClosed, expectFailed, expectFrames, expectQuiet } from "./support/expectations.ts";
import { rawFrame } from "./support/frames.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { errorText, read } from "./support/reading.ts";
import { roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

describe("RST_STREAM with a code that is not known", () => {
  test.each([0xe, 0xff, 0x1234, 0xffff_ffff])("[h2-050] a client's request fails with it: %d", async (code) => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.rst(1, code);
    await expectQuiet(client);
    await expectSent(client, sent, `incomplete STREAM_RESET 0x${code.toString(16)}`);
    expect(sent.error?.reason).toBe(code);
  });

  test("[h2-050] a client's body fails with it", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const reading = read((sent.response as HttpResponse).body);
    client.peer.data(1, "x");
    client.peer.rst(1, 0x1234);
    await expectQuiet(client);
    expect(reading).toEqual({ pieces: ["x"], trailers: undefined, outcome: "incomplete STREAM_RESET 0x1234" });
  });

  test("[h2-050] a server's request is given up with it, and the connection goes on", async () => {
    const reasons: unknown[] = [];
    const server = await serveH2((request) => {
      request.signal.addEventListener("abort", () => reasons.push(request.signal.reason));
      return new Promise(() => {});
    });
    server.peer.headers(1, post());
    server.peer.rst(1, 0x1234);
    server.peer.ping();
    await expectFrames(server, ["PING ACK 0011223344556677"]);
    expect(reasons.map((reason) => (HttpError.is(reason) ? errorText(reason) : reason))).toEqual([
      "incomplete STREAM_RESET 0x1234",
    ]);
  });
});

describe("GOAWAY", () => {
  test("[h2-049] its code and debug data are in the error of what it refuses, escaped", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.goAway(0, "ENHANCE_YOUR_CALM", 'too "many"\n\xff');
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
    await expectSent(client, sent, "closed GOAWAY ENHANCE_YOUR_CALM");
    expect(sent.error?.message).toBe('the peer is going away with ENHANCE_YOUR_CALM: "too \\"many\\"\\x0a\\xff"');
  });

  test("[h2-049] without debug data", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.goAway(0);
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
    await expectSent(client, sent, "closed GOAWAY NO_ERROR");
    expect(sent.error?.message).toBe("the peer is going away with NO_ERROR");
  });

  test("[h2-049] of much debug data no more than 1,024 octets are kept", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.goAway(0, "NO_ERROR", "d".repeat(16_000));
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
    await expectSent(client, sent, "closed GOAWAY NO_ERROR");
    expect(sent.error?.message.length).toBeLessThan(1_200);
  });

  test.each([0xe, 0x1234, 0xffff_ffff])("[h2-051] with a code that is not known is taken: %d", async (code) => {
    const client = await connectH2();
    const [first, second] = ["a", "b"].map((host) => send(client, HttpRequest.get(`http://${host}.test/`)));
    await client.run();
    client.peer.take();
    client.peer.goAway(1, code);
    await expectQuiet(client);
    if (first === undefined || second === undefined) throw new Error("two were sent");
    await expectSent(client, second, `closed GOAWAY 0x${code.toString(16)}`);
    await expectSent(client, first, "pending");
    client.peer.headers(1, status(200), { endStream: true });
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
    await expectSent(client, first, "200");
  });

  test("[h2-051] a server goes on with what was begun", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, post());
    await expectFrames(server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
    server.peer.goAway(0, 0x1234, "why");
    await expectClosed(server, ["GOAWAY 1 NO_ERROR"]);
  });
});

describe.each(roles)("[h2-052] a %s tells the end of the connection from one in the middle of something", (role) => {
  const pieces: readonly (readonly [string, Uint8Array])[] = [
    ["one octet of a frame header", Uint8Array.of(0)],
    ["eight octets of a frame header", rawFrame(frameTypes.PING, 0, 0, "0011223344556677").subarray(0, 8)],
    ["a frame header", rawFrame(frameTypes.PING, 0, 0, "0011223344556677").subarray(0, 9)],
    ["a PING short of an octet", rawFrame(frameTypes.PING, 0, 0, "0011223344556677").subarray(0, 16)],
    ["a frame of an unknown type", rawFrame(0x1f, 0, 0, "0011").subarray(0, 10)],
  ];
  for (const [what, octets] of pieces) {
    test(what, async () => {
      const target = await start(role);
      target.peer.octets(octets);
      target.peer.end();
      await expectFailed(target, [], "incomplete", "CONNECTION_LOST");
      expect(target.outcome?.message).toBe("the peer ended the connection in the middle of a frame");
    });
  }

  test("a field block without its end", async () => {
    const target = await startWithStream(role);
    const [streamId, fields] = role === "server" ? ([3, get()] as const) : ([1, status(200)] as const);
    target.peer.headers(streamId, fields, { endHeaders: false });
    target.peer.end();
    await expectFailed(target, [], "incomplete", "CONNECTION_LOST");
    expect(target.outcome?.message).toBe("the peer ended the connection in the middle of a frame");
  });

  test("a stream without its end, after a whole frame", async () => {
    const target = await startWithStream(role);
    target.peer.end();
    await expectFailed(target, [], "incomplete", "CONNECTION_LOST");
    expect(target.outcome?.message).toBe("the peer ended the connection with streams open");
  });

  test("nothing", async () => {
    const target = await start(role);
    target.peer.end();
    await expectClosed(target);
  });
});

test("[h2-052] DATA that is cut off: what has come is given to the reader, then the error", async () => {
  const client = await connectH2();
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  client.peer.headers(1, status(200));
  await expectSent(client, sent, "200");
  const reading = read((sent.response as HttpResponse).body);
  client.peer.octets(rawFrame(frameTypes.DATA, flags.END_STREAM, 1, "616263").subarray(0, 11));
  client.peer.end();
  await expectFailed(client, [], "incomplete", "CONNECTION_LOST");
  expect(reading).toEqual({ pieces: ["ab"], trailers: undefined, outcome: "incomplete CONNECTION_LOST" });
});

test("[h2-055] content that was handed out stays what it was when more is received", async () => {
  const bodies: HttpRequest["body"][] = [];
  const server = await serveH2((request) => {
    bodies.push(request.body);
    return new Promise(() => {});
  });
  server.peer.batch(() => {
    server.peer.headers(1, literalBlock(post()));
    server.peer.data(1, "first");
  });
  await server.run();
  const first = bodies[0]?.frame() as Uint8Array;
  const next = bodies[0]?.frame() as Promise<Uint8Array>;
  server.peer.data(1, "other", { padding: 3 });
  const second = await next;
  server.peer.data(1, "OTHER", { endStream: true });
  await server.run();
  const third = bodies[0]?.frame() as Uint8Array;
  expect([first, second, third].map((octets) => Buffer.from(octets).toString())).toEqual(["first", "other", "OTHER"]);
});
