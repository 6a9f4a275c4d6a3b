/**
 * Padding (RFC 9113 sections 6.1, 6.2): taken off, counted by flow control, refused where it does not fit, and never sent.
 */
import { HttpRequest, type HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, outcomeOf, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { type Reading, read } from "./support/reading.ts";
import { lastOf, roles, startWithStream } from "./support/roles.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";

/** A server with one request, whose content is read. */
async function reader(tear?: () => number): Promise<{ server: ServerUnderTest; reading: Reading }> {
  const readings: Reading[] = [];
  const server = await serveH2(
    (request) => {
      readings.push(read(request.body));
      return new Promise(() => {});
    },
    { initialWindowBytes: 65_535, connectionWindowBytes: 65_535 },
    tear === undefined ? {} : { tear },
  );
  server.peer.headers(1, post());
  await server.run();
  return { server, reading: readings[0] as Reading };
}

describe.each(roles)("a %s", (role) => {
  test.each([
    [1, "01"],
    [1, "ff"],
    [2, "02 78"],
    [10, "0a 000000000000000000"],
  ])("[h2-044] DATA of %d octets whose padding does not fit is a connection error", async (length, payload) => {
    const target = await startWithStream(role);
    if (role === "client") target.peer.headers(1, status(200));
    target.peer.raw(frameTypes.DATA, flags.PADDED, 1, payload);
    const padding = Number.parseInt(payload.slice(0, 2), 16);
    const message = `DATA: padding must be at most ${length - 1} octets, got ${padding} (RFC 9113 6.1)`;
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "DATA_PADDING");
  });

  test.each([
    [flags.PADDED, "01", 0],
    [flags.PADDED, "03 88 00", 2],
    [flags.PADDED | flags.PRIORITY, "01 00000000 10", 0],
    [flags.PADDED | flags.PRIORITY, "06 00000000 10", 0],
    [flags.PADDED | flags.PRIORITY, "03 00000000 10 88 00", 2],
  ])(
    "[h2-044] HEADERS with flags %d and payload %s, whose padding does not fit, are a connection error",
    async (flagBits, payload, room) => {
      const target = await startWithStream(role);
      target.peer.raw(frameTypes.HEADERS, flagBits | flags.END_HEADERS, role === "server" ? 3 : 1, payload);
      const padding = Number.parseInt(payload.slice(0, 2), 16);
      const message = `HEADERS: padding must be at most ${room} octets, got ${padding} (RFC 9113 6.2)`;
      await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "HEADERS_PADDING");
    },
  );
});

describe("DATA", () => {
  test.each([0, 1, 255])("[h2-045] with %d octets of padding and nothing else is legal and empty", async (padding) => {
    const { server, reading } = await reader();
    server.peer.data(1, "a", { padding: 0 });
    server.peer.data(1, "", { padding });
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: ["a"], trailers: undefined, outcome: "open" });
    server.peer.data(1, "", { padding, endStream: true });
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: ["a"], trailers: undefined, outcome: "ended" });
  });

  test("[h2-046] its padding and the octet that tells its length are flow-controlled", async () => {
    const server = await serveH2(() => new Promise(() => {}), {
      initialWindowBytes: 256,
      connectionWindowBytes: 65_535,
    });
    server.peer.headers(1, post());
    server.peer.data(1, "", { padding: 254 });
    server.peer.headers(3, post());
    server.peer.data(3, "", { padding: 255 });
    await expectFrames(server, ["WINDOW_UPDATE 1 +255", "WINDOW_UPDATE 3 +256"]);
    // 1 + 1 + 254 octets fill the window, and the content is not read: no more than the padding is given back.
    server.peer.data(1, "x", { padding: 254 });
    await expectFrames(server, ["WINDOW_UPDATE 1 +255"]);
    expect(server.peer.allowance(1)).toBe(255);
    server.peer.data(1, "", { padding: 255 });
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });

  test("[h2-046] its padding is given back to both windows with its content", async () => {
    const { server, reading } = await reader();
    for (let i = 0; i < 127; i++) server.peer.data(1, "x", { padding: 255 });
    await expectQuiet(server);
    server.peer.data(1, "x", { padding: 255 });
    await expectFrames(server, ["WINDOW_UPDATE 1 +32896", "WINDOW_UPDATE 0 +32896"]);
    expect(reading.pieces.join("")).toBe("x".repeat(128));
    expect([server.peer.allowance(0), server.peer.allowance(1)]).toEqual([65_535, 65_535]);
  });

  test("[h2-047] loses its padding and keeps its content and END_STREAM, however it is cut", async () => {
    for (const tear of [undefined, () => 1, () => 10]) {
      const { server, reading } = await reader(tear);
      server.peer.data(1, "hello ", { padding: 5 });
      server.peer.data(1, "world", { padding: 255, endStream: true });
      await expectQuiet(server);
      expect([reading.pieces.join(""), reading.outcome]).toEqual(["hello world", "ended"]);
    }
  });

  test("[h2-047] padding that holds anything is let pass", async () => {
    const { server, reading } = await reader();
    server.peer.raw(frameTypes.DATA, flags.PADDED | flags.END_STREAM, 1, "02 6869 ffff");
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: ["hi"], trailers: undefined, outcome: "ended" });
  });

  test("[h2-047] a client's", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200), { padding: 3 });
    client.peer.data(1, "hi", { padding: 9, endStream: true });
    await expectSent(client, sent, "200");
    const reading = read((sent.response as HttpResponse).body);
    await expectQuiet(client);
    expect(reading).toEqual({ pieces: ["hi"], trailers: undefined, outcome: "ended" });
  });
});

describe("HEADERS", () => {
  test.each([0, 1, 255])("[h2-045] with %d octets of padding, with and without priority", async (padding) => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true, padding });
    server.peer.headers(3, get(), { endStream: true, padding, priority: { weight: 256 } });
    await expectFrames(server, [okText(1), okText(3)]);
  });

  test("[h2-045] with nothing but padding, and the field block in CONTINUATION", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, new Uint8Array(0), { endStream: true, endHeaders: false, padding: 7 });
    server.peer.continuation(1, literalBlock(get()));
    await expectFrames(server, [okText(1)]);
  });

  test("trailers", async () => {
    const { server, reading } = await reader();
    server.peer.headers(1, [["x", "1"]], { endStream: true, padding: 3 });
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: [], trailers: [["x", "1"]], outcome: "ended" });
  });
});

test("a stream is given up because of what came on it: the padding of late frames goes back to the connection", async () => {
  const client = await connectH2({ initialWindowBytes: 65_535, connectionWindowBytes: 65_535 });
  const abort = new AbortController();
  const sent = send(client, HttpRequest.get("http://a.test/"), { signal: abort.signal });
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  abort.abort();
  await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
  expect(outcomeOf(sent)).toMatch(/^canceled /);
  client.peer.headers(1, status(200));
  for (let i = 0; i < 128; i++) client.peer.data(1, "", { padding: 255 });
  await expectFrames(client, ["WINDOW_UPDATE 0 +32768"]);
});
