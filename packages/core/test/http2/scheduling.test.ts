/**
 * The order in which content leaves, under windows and on a transport that takes no more: control frames ahead of it, and
 * streams by their turns.
 */
import { channel, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, post, status } from "./support/messages.ts";
import { type ServerUnderTest, serveH2 } from "./support/server.ts";
import { open, shut, sized, sizedText } from "./support/sized.ts";

describe("one stream", () => {
  test("[h2-221] content as large as the window is cut into frames of 16,384 octets and the rest", async () => {
    const server = await serveH2(sized);
    server.peer.headers(1, get("/65535"), { endStream: true });
    await expectFrames(server, [
      sizedText(1, 65_535),
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 END_STREAM 16383",
    ]);
    expect([server.peer.granted(0), server.peer.granted(1)]).toEqual([0, 0]);
  });

  test("[h2-221] the client's content is cut in the same way", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", full(new Uint8Array(65_535))));
    await expectFrames(client, [
      "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ content-length=65535",
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 END_STREAM 16383",
    ]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
  });

  test("[h2-222] small pieces are bounded by the same windows and frame size as one large piece", async () => {
    const pieces = (sizes: readonly number[]): HttpResponse =>
      new HttpResponse(200, {}, fromIterable(sizes.map((size) => new Uint8Array(size))));
    const server = await serveH2(
      () => pieces([1000, 20_000, 1000, 1000, 500]),
      {},
      {
        settings: { INITIAL_WINDOW_SIZE: 1500 },
      },
    );
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 1000", "DATA 1 500"]);
    server.peer.windowUpdate(1, 19_600);
    await expectFrames(server, ["DATA 1 16384", "DATA 1 3116", "DATA 1 100"]);
    server.peer.windowUpdate(1, 5000);
    await expectFrames(server, ["DATA 1 900", "DATA 1 1000", "DATA 1 500", "DATA 1 END_STREAM 0"]);
  });
});

describe("streams beyond the limit", () => {
  test("[h2-223] take none of the connection's window: on a client they wait without", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const first = channel(1);
    const one = send(client, HttpRequest.post("http://a.test/1", first.body));
    const two = send(client, HttpRequest.post("http://a.test/2", full(new Uint8Array(65_535))));
    await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/1"]);
    void first.sender.send(new Uint8Array(60_000));
    await expectFrames(client, ["DATA 1 16384", "DATA 1 16384", "DATA 1 16384", "DATA 1 10848"]);
    first.sender.close();
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectFrames(client, [
      "HEADERS 3 :method=POST :scheme=http :authority=a.test :path=/2 content-length=65535",
      "DATA 3 5535",
    ]);
    await expectSent(client, one, "200");
    await expectSent(client, two, "pending");
  });

  test("[h2-223] take none of the connection's window: a server refuses them", async () => {
    const server = await serveH2(sized, { maxConcurrentStreams: 1 });
    server.peer.headers(1, get("/100000"), { endStream: true });
    server.peer.headers(3, get("/5"), { endStream: true });
    await expectFrames(server, [
      sizedText(1, 100_000),
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 16384",
      "DATA 1 16383",
      "RST_STREAM 3 REFUSED_STREAM",
    ]);
    server.peer.windowUpdate(1, 50_000);
    server.peer.windowUpdate(0, 50_000);
    await expectFrames(server, ["DATA 1 16384", "DATA 1 16384", "DATA 1 END_STREAM 1697"]);
  });
});

describe("control frames", () => {
  test("[h2-224] leave while content waits for window", async () => {
    const server = await serveH2(sized, {}, shut);
    server.peer.headers(1, get("/5"), { endStream: true });
    await expectFrames(server, [sizedText(1, 5)]);
    server.peer.ping();
    server.peer.settings();
    await expectFrames(server, ["PING ACK 0011223344556677", "SETTINGS ACK"]);
    server.peer.windowUpdate(1, 5);
    expect((await text(server)).at(-1)).toBe("DATA 1 END_STREAM 5");
  });

  test("[h2-224] leave ahead of content that waits for the transport, as do heads", async () => {
    const server = await serveH2(
      sized,
      {},
      {
        settings: { INITIAL_WINDOW_SIZE: 2 ** 20 },
        capacityBytes: 1,
        handshake: false,
      },
    );
    server.peer.batch(() => {
      server.peer.preface();
      server.peer.settings({ INITIAL_WINDOW_SIZE: 2 ** 20 });
      server.peer.settingsAck();
      server.peer.windowUpdate(0, 2 ** 20);
    });
    await drained(server);
    server.peer.take();
    server.peer.headers(1, get("/200000"), { endStream: true });
    await server.run();
    // As much as one write takes has left; the transport holds it.
    expect(server.peer.takeWrites()).toEqual([
      [sizedText(1, 200_000), "DATA 1 16384", "DATA 1 16384", "DATA 1 16384", "DATA 1 16384"],
    ]);
    server.peer.ping();
    server.peer.headers(3, get("/1"), { endStream: true });
    await expectQuiet(server);
    server.io.drain();
    await server.run();
    expect(server.peer.takeWrites()).toEqual([
      [
        "PING ACK 0011223344556677",
        sizedText(3, 1),
        "DATA 1 16384",
        "DATA 3 END_STREAM 1",
        "DATA 1 16384",
        "DATA 1 16384",
        "DATA 1 16384",
      ],
    ]);
    await drained(server);
    expect(server.peer.contentOf(1)).toHaveLength(200_000);
  });

  async function drained(server: ServerUnderTest): Promise<void> {
    for (let round = 0; round < 10; round++) {
      server.io.drain();
      await server.run();
    }
  }

  async function text(server: ServerUnderTest): Promise<string[]> {
    await server.run();
    return server.peer.take();
  }
});

describe("streams of a client that says nothing of priorities", () => {
  test("[h2-225] two equal streams alternate", async () => {
    const server = await serveH2(sized, {}, shut);
    server.peer.headers(1, get("/40000"), { endStream: true });
    server.peer.headers(3, get("/40000"), { endStream: true });
    await expectFrames(server, [sizedText(1, 40_000), sizedText(3, 40_000)]);
    open(server);
    await expectFrames(server, [
      "SETTINGS ACK",
      "DATA 1 16384",
      "DATA 3 16384",
      "DATA 1 16384",
      "DATA 3 16384",
      "DATA 1 END_STREAM 7232",
      "DATA 3 END_STREAM 7232",
    ]);
  });

  test("[h2-225] so do two requests of a client", async () => {
    const client = await connectH2({}, shut);
    for (const path of ["1", "2"]) {
      send(client, HttpRequest.post(`http://a.test/${path}`, full(new Uint8Array(20_000))));
    }
    await client.run();
    client.peer.take();
    client.peer.settings({ INITIAL_WINDOW_SIZE: 30_000 });
    await expectFrames(client, [
      "SETTINGS ACK",
      "DATA 1 16384",
      "DATA 3 16384",
      "DATA 1 END_STREAM 3616",
      "DATA 3 END_STREAM 3616",
    ]);
  });

  test("[h2-233] three streams get equal service of a connection window that opens frame by frame", async () => {
    const server = await serveH2(sized);
    server.peer.headers(1, get("/65535"), { endStream: true });
    await server.run();
    for (const id of [3, 5, 7]) server.peer.headers(id, get("/3000"), { endStream: true });
    await server.run();
    server.peer.take();
    for (const id of [3, 5, 7, 3, 5, 7]) {
      server.peer.windowUpdate(0, 1000);
      await expectFrames(server, [`DATA ${id} 1000`]);
    }
    for (const id of [3, 5, 7]) {
      server.peer.windowUpdate(0, 1000);
      await expectFrames(server, [`DATA ${id} END_STREAM 1000`]);
    }
  });

  test("a stream that gets window late does not wait for those that have none", async () => {
    const server = await serveH2(sized, {}, shut);
    server.peer.headers(1, get("/10"), { endStream: true });
    server.peer.headers(3, get("/10"), { endStream: true });
    await server.run();
    server.peer.take();
    server.peer.windowUpdate(3, 10);
    await expectFrames(server, ["DATA 3 END_STREAM 10"]);
    server.peer.windowUpdate(1, 4);
    await expectFrames(server, ["DATA 1 4"]);
    server.peer.windowUpdate(1, 6);
    await expectFrames(server, ["DATA 1 END_STREAM 6"]);
  });
});

describe("a stream that was reset", () => {
  test("[h2-236] leaves nothing to be sent behind: the others go on in order", async () => {
    const server = await serveH2(sized, {}, shut);
    for (const id of [1, 3, 5]) server.peer.headers(id, get("/20000"), { endStream: true });
    await server.run();
    server.peer.take();
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    open(server);
    await expectFrames(server, [
      "SETTINGS ACK",
      "DATA 1 16384",
      "DATA 5 16384",
      "DATA 1 END_STREAM 3616",
      "DATA 5 END_STREAM 3616",
    ]);
    server.peer.windowUpdate(3, 1000);
    await expectQuiet(server);
  });

  test("[h2-236] our own RST_STREAM needs no window and takes the place of what waited", async () => {
    const { sender, body } = channel(2);
    const server = await serveH2(() => new HttpResponse(200, {}, body), {}, shut);
    server.peer.headers(1, get(), { endStream: true });
    void sender.send(new Uint8Array(10));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.peer.windowUpdate(1, 4);
    await expectFrames(server, ["DATA 1 4"]);
    server.peer.windowUpdate(1, 6);
    await expectFrames(server, ["DATA 1 6"]);
    sender.abort(new Error("no more"));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    open(server);
    await expectFrames(server, ["SETTINGS ACK"]);
  });

  test("[h2-236] by a client that gives a request up: RST_STREAM leaves, its content does not", async () => {
    const client = await connectH2({}, shut);
    const controller = new AbortController();
    const sent = send(client, HttpRequest.post("http://a.test/", full(new Uint8Array(10))), {
      signal: controller.signal,
    });
    await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ content-length=10"]);
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    client.peer.settings({ INITIAL_WINDOW_SIZE: 1000 });
    await expectFrames(client, ["SETTINGS ACK"]);
  });
});

test("content of a request that is still being received is answered in its turn", async () => {
  const server = await serveH2((request) => new HttpResponse(200, {}, request.body));
  server.peer.headers(1, post());
  server.peer.data(1, "one");
  await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 3 one"]);
  server.peer.data(1, "two", { endStream: true });
  await expectFrames(server, ["DATA 1 3 two", "DATA 1 END_STREAM 0"]);
});
