/**
 * The account of the connection's window on the receiving side (RFC 9113 sections 5.1, 6.9): every octet of every DATA
 * frame is given back exactly once, whatever became of its stream.
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, readResponse, type Sent, send } from "./support/client.ts";
import { expectAllGivenBack, halfWindow, smallWindow } from "./support/credit.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { type Held, serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { frameTypes } from "./support/names.ts";
import { read } from "./support/reading.ts";
import { okText } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

/** The next stream of the server is read as its content comes; proves that all before was given back. */
async function expectServerEven({ server, calls, call }: Held, streamId: number, frameBytes?: number): Promise<void> {
  const index = calls.length;
  server.peer.headers(streamId, post());
  await expectQuiet(server);
  read(call(index).request.body);
  await expectAllGivenBack(server, streamId, frameBytes);
}

/** The same for a client. */
async function expectClientEven(client: ClientUnderTest, streamId: number): Promise<void> {
  const sent = await answered(client, streamId);
  readResponse(sent);
  await expectAllGivenBack(client, streamId);
}

/** A GET on the next stream, `streamId`, of which the response head has come. */
async function answered(client: ClientUnderTest, streamId: number): Promise<Sent> {
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS ${streamId} END_STREAM ${getText}`]);
  client.peer.headers(streamId, status(200));
  await expectSent(client, sent, "200");
  return sent;
}

describe("a server gives back", () => {
  test("[h2-175, h2-178] what is read, padding included", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 1000, { padding: 255 });
    peer.data(1, 0, { padding: 0 });
    peer.data(1, 10, { padding: 9, endStream: true });
    await expectQuiet(held.server);
    expect(peer.allowance(0)).toBe(65_535 - 1256 - 1 - 20);
    const reading = read(held.call(0).request.body);
    await held.server.run();
    expect(reading.pieces.join("").length).toBe(1010);
    expect(reading.outcome).toBe("ended");
    await expectServerEven(held, 3);
  });

  test("[h2-179] what was not read when the response was complete, and what comes later; nothing to the stream", async () => {
    const held = await serveHeld({ ...smallWindow, initialWindowBytes: 65_535 });
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 16_000);
    await expectQuiet(held.server);
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
    peer.data(1, 16_384);
    // 32,384 octets, and 384 more: the connection's window, not that of the stream, has its half back.
    peer.data(1, 383);
    await expectQuiet(held.server);
    peer.data(1, 1, { endStream: true });
    await expectFrames(held.server, [`WINDOW_UPDATE 0 +${halfWindow}`]);
    await expectServerEven(held, 3);
  });

  test("[h2-179] what was not read when the service gave the body up; the stream gets its credit while it is open", async () => {
    const held = await serveHeld({ ...smallWindow, initialWindowBytes: 20_000 });
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 5000);
    await expectQuiet(held.server);
    held.call(0).request.body.cancel();
    await expectQuiet(held.server);
    peer.data(1, 5000);
    await expectFrames(held.server, ["WINDOW_UPDATE 1 +10000"]);
    peer.data(1, 7000, { endStream: true, padding: 10 });
    await expectQuiet(held.server);
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1)]);
    await expectServerEven(held, 3);
  });

  test("[h2-180] only what is still held, when part of it was read before", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 8000);
    peer.data(1, 6000);
    await held.server.run();
    const { body } = held.call(0).request;
    expect((await body.frame()) instanceof Uint8Array).toBe(true);
    await expectQuiet(held.server);
    body.cancel();
    body.cancel();
    await expectQuiet(held.server);
    peer.data(1, 100);
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
    await expectServerEven(held, 3);
  });

  for (const [what, end] of [
    ["the client resets the stream", ({ server }: Held) => server.peer.rst(1, "CANCEL")],
    ["the service fails", ({ call }: Held) => call(0).fail(new Error("no"))],
  ] as const) {
    test(`[h2-180] all that is held once, when ${what}, though some of it is read behind that`, async () => {
      const held = await serveHeld(smallWindow);
      const { peer } = held.server;
      peer.headers(1, post());
      peer.data(1, 8000, { padding: 99 });
      peer.data(1, 6000);
      await held.server.run();
      end(held);
      await held.server.run();
      peer.take();
      read(held.call(0).request.body);
      await expectQuiet(held.server);
      await expectServerEven(held, 3);
    });
  }

  test("[h2-180, h2-303] a frame of which the rest comes when the body was given up", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    const frame = [0, 0x03, 0xf2, frameTypes.DATA, 0x08, 0, 0, 0, 1, 9, ...new Array<number>(1009).fill(0)];
    peer.octets(Uint8Array.from(frame.slice(0, 200)));
    await expectQuiet(held.server);
    held.call(0).request.body.cancel();
    await expectQuiet(held.server);
    peer.octets(Uint8Array.from(frame.slice(200, 500)));
    await expectQuiet(held.server);
    peer.octets(Uint8Array.from(frame.slice(500)));
    await expectQuiet(held.server);
    expect(peer.allowance(0)).toBe(65_535 - 1010);
    peer.data(1, 0, { endStream: true });
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1)]);
    await expectServerEven(held, 3);
  });

  for (const [what, end, frames] of [
    ["the response was sent", new HttpResponse(200), [okText(1), "RST_STREAM 1 NO_ERROR"]],
    ["the service failed", new Error("no"), ["RST_STREAM 1 INTERNAL_ERROR"]],
  ] as const) {
    test(`[h2-303] a frame of which the rest comes when ${what}`, async () => {
      const held = await serveHeld(smallWindow);
      const { peer } = held.server;
      peer.headers(1, post());
      const frame = [0, 0x03, 0xf2, frameTypes.DATA, 0x08, 0, 0, 0, 1, 9, ...new Array<number>(1009).fill(0)];
      peer.octets(Uint8Array.from(frame.slice(0, 200)));
      await expectQuiet(held.server);
      if (end instanceof Error) held.call(0).fail(end);
      else held.call(0).respond(end);
      await expectFrames(held.server, frames);
      peer.octets(Uint8Array.from(frame.slice(200)));
      await expectQuiet(held.server);
      await expectServerEven(held, 3);
    });
  }

  test("[h2-181] DATA on a stream that is forgotten, with its padding", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, get(), { endStream: true });
    await held.server.run();
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1)]);
    peer.data(1, 16_128, { padding: 255 });
    await expectFrames(held.server, ["RST_STREAM 1 STREAM_CLOSED"]);
    expect(peer.allowance(0)).toBe(65_535 - 16_384);
    await expectServerEven(held, 3);
  });

  test("[h2-142, h2-181] DATA on a stream whose reset is forgotten, and that is reset again", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    await held.server.run();
    held.call(0).fail(new Error("no"));
    await expectFrames(held.server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    await pass(held.server, 1_000);
    peer.data(1, 16_128, { padding: 255 });
    await expectFrames(held.server, ["RST_STREAM 1 STREAM_CLOSED"]);
    await expectServerEven(held, 3);
  });

  test("[h2-182] DATA on a stream beyond the last that GOAWAY named", async () => {
    const held = await serveHeld(smallWindow);
    const { peer, connection } = held.server;
    peer.headers(1, post());
    await held.server.run();
    connection.gracefulShutdown(Infinity);
    await expectFrames(held.server, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
    peer.pingAck("736c756963650002");
    await expectFrames(held.server, ["GOAWAY 1 NO_ERROR"]);
    peer.headers(3, post());
    peer.data(3, 16_128, { padding: 255 });
    peer.data(3, 1_000, { endStream: true });
    await expectQuiet(held.server);
    expect(held.calls.length).toBe(1);
    read(held.call(0).request.body);
    await expectAllGivenBack(held.server, 1);
  });

  for (const [what, padding, charged] of [
    ["too much content", 1, 10],
    ["too much content in an unpadded frame", undefined, 8],
  ] as const) {
    test(`[h2-183] ${what}: the whole frame, ${charged} octets`, async () => {
      const held = await serveHeld(smallWindow);
      const { peer } = held.server;
      peer.headers(1, post("/", ["content-length", "5"]));
      peer.data(1, 8, padding === undefined ? {} : { padding });
      await expectFrames(held.server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(peer.allowance(0)).toBe(65_535 - charged);
      await expectServerEven(held, 3);
    });
  }

  test("[h2-183] content that ends too soon", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post("/", ["content-length", "50"]));
    peer.data(1, 8, { padding: 1, endStream: true });
    await expectFrames(held.server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectServerEven(held, 3);
  });

  test("content beyond maxBodyBytes", async () => {
    const held = await serveHeld({ ...smallWindow, maxBodyBytes: 20_000 });
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 16_000, { padding: 3 });
    await expectQuiet(held.server);
    peer.data(1, 8_000, { padding: 3 });
    await expectFrames(held.server, ["HEADERS 1 END_STREAM :status=413 content-length=0", "RST_STREAM 1 NO_ERROR"]);
    peer.data(1, 100, { endStream: true });
    await expectQuiet(held.server);
    expect(held.calls.length).toBe(1);
    await expectServerEven(held, 3);
  });

  test("[h2-186] DATA beyond the window of its stream", async () => {
    const held = await serveHeld({ ...smallWindow, initialWindowBytes: 2_000 });
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 1_500);
    peer.data(1, 500, { padding: 0 });
    await expectFrames(held.server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    await expectServerEven(held, 3, 1_000);
  });

  test("[h2-138] DATA behind END_STREAM", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post(), { endStream: true });
    peer.data(1, 100, { padding: 5 });
    await expectFrames(held.server, ["RST_STREAM 1 STREAM_CLOSED"]);
    await expectServerEven(held, 3);
  });

  test("DATA on a stream that was refused, and on one that was answered without the service", async () => {
    const held = await serveHeld({ ...smallWindow, maxConcurrentStreams: 1, maxHeaderListBytes: 500 });
    const { peer } = held.server;
    peer.headers(1, post("/", ["x", "x".repeat(600)]));
    peer.data(1, 1000, { padding: 7 });
    await expectFrames(held.server, ["HEADERS 1 END_STREAM :status=431 content-length=0", "RST_STREAM 1 NO_ERROR"]);
    peer.headers(3, get());
    peer.headers(5, post());
    peer.data(5, 1000, { padding: 7, endStream: true });
    await expectFrames(held.server, ["RST_STREAM 5 REFUSED_STREAM"]);
    read(held.call(0).request.body);
    await expectAllGivenBack(held.server, 3);
  });

  test("[h2-192] what a service left unread that answered: 5000 octets, and what it reads on", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, 5000, { endStream: true });
    await held.server.run();
    held.call(0).respond(new HttpResponse(200));
    await expectFrames(held.server, [okText(1)]);
    await expectServerEven(held, 3);
  });

  test("[h2-192] what a service reads behind its response, to the end", async () => {
    const held = await serveHeld(smallWindow);
    const { peer } = held.server;
    peer.headers(1, post());
    peer.data(1, "first");
    await held.server.run();
    const reading = read(held.call(0).request.body);
    await held.server.run();
    held.call(0).respond(new HttpResponse(200, undefined, full("done")));
    await expectFrames(held.server, ["HEADERS 1 :status=200 content-length=4", "DATA 1 END_STREAM 4 done"]);
    peer.data(1, 5000);
    peer.data(1, 10, { padding: 20, endStream: true });
    await expectQuiet(held.server);
    expect([reading.pieces.join("").length, reading.outcome]).toEqual([5015, "ended"]);
    await expectServerEven(held, 3);
  });
});

describe("a client gives back", () => {
  test("[h2-179] what was not read when the response was dropped, and what comes later; nothing to the stream", async () => {
    const client = await connectH2(smallWindow);
    const sent = await answered(client, 1);
    client.peer.data(1, 16_000, { padding: 30 });
    await expectQuiet(client);
    sent.response?.body.cancel();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.peer.data(1, 10_000, { padding: 30 });
    client.peer.headers(1, [["x", "1"]], { endStream: true });
    await expectQuiet(client);
    await expectClientEven(client, 3);
  });

  test("[h2-180] what was read of a response that is complete, once; what waits of it, when it is dropped", async () => {
    const client = await connectH2(smallWindow);
    const sent = await answered(client, 1);
    client.peer.data(1, 8_000, { padding: 30 });
    client.peer.data(1, 6_000, { padding: 30, endStream: true });
    await expectQuiet(client);
    const body = sent.response?.body;
    expect((await body?.frame()) instanceof Uint8Array).toBe(true);
    await expectQuiet(client);
    body?.cancel();
    body?.cancel();
    await expectQuiet(client);
    await expectClientEven(client, 3);
  });

  test("[h2-180] what waits of a response that the server resets, once, though it is read behind that", async () => {
    const client = await connectH2(smallWindow);
    const sent = await answered(client, 1);
    client.peer.data(1, "some of it", { padding: 30 });
    client.peer.rst(1, "INTERNAL_ERROR");
    await expectQuiet(client);
    const reading = readResponse(sent);
    await expectQuiet(client);
    expect(reading.pieces).toEqual(["some of it"]);
    expect(reading.outcome).toBe("incomplete STREAM_RESET INTERNAL_ERROR");
    await expectClientEven(client, 3);
  });

  test("[h2-193] the content of a response to HEAD, or of a 204 or 304", async () => {
    for (const [method, code] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      const client = await connectH2(smallWindow);
      const sent = send(client, new HttpRequest(method, "http://a.test/"));
      await client.run();
      client.peer.take();
      client.peer.headers(1, status(code));
      client.peer.data(1, 1000, { padding: 30 });
      client.peer.data(1, 10, { endStream: true });
      await expectSent(client, sent, `${code}`);
      expect(await sent.response?.body.frame()).toBe(null);
      await expectQuiet(client);
      expect(client.peer.allowance(0)).toBe(65_535 - 1041);
      await expectClientEven(client, 3);
    }
  });

  test("[h2-194] DATA that comes when the program has closed the response, END_STREAM included", async () => {
    const client = await connectH2(smallWindow);
    const sent = await answered(client, 1);
    sent.response?.body.cancel();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.peer.data(1, 4000);
    client.peer.data(1, 4000, { endStream: true });
    await expectQuiet(client);
    await expectClientEven(client, 3);
  });

  test("[h2-303] DATA in the same read as a reset of ours, and a frame cut by it", async () => {
    const client = await connectH2(smallWindow);
    const controller = new AbortController();
    const sent = send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200));
    const frame = [0, 0x03, 0xf2, frameTypes.DATA, 0x08, 0, 0, 0, 1, 9, ...new Array<number>(1009).fill(0)];
    client.peer.octets(Uint8Array.from(frame.slice(0, 200)));
    await expectSent(client, sent, "200");
    controller.abort();
    client.peer.octets(Uint8Array.from(frame.slice(200)));
    client.peer.data(1, 500, { endStream: true });
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectClientEven(client, 3);
  });

  test("[h2-183] content that is not as long as announced, the whole frame", async () => {
    const client = await connectH2(smallWindow);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200, ["content-length", "5"]));
    await expectSent(client, sent, "200");
    client.peer.data(1, 8, { padding: 1 });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectClientEven(client, 3);
  });

  test("DATA before the response has begun", async () => {
    const client = await connectH2(smallWindow);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.data(1, 1000, { padding: 9 });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol DATA_BEFORE_HEADERS PROTOCOL_ERROR");
    await expectClientEven(client, 3);
  });

  test("[h2-181] DATA on a stream that is forgotten", async () => {
    const client = await connectH2(smallWindow);
    const sent = await answered(client, 1);
    client.peer.data(1, 0, { endStream: true });
    await client.run();
    expect(await sent.response?.body.frame()).toBe(null);
    client.peer.data(1, 16_128, { padding: 255 });
    await expectFrames(client, ["RST_STREAM 1 STREAM_CLOSED"]);
    await expectClientEven(client, 3);
  });
});
