/**
 * `stallTimeoutMs`: what waits to be sent is memory, and a peer that gives no window for it must not hold it for ever
 * (CVE-2019-9511, CVE-2019-9517).
 */
import { channel, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, post, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { type ServerUnderTest, serveH2 } from "./support/server.ts";
import { shut, sized, sizedText } from "./support/sized.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

/** Nothing happens for `ms` but the last one, and then exactly these frames are written. */
async function expectAfter(target: UnderTest, ms: number, frames: readonly string[]): Promise<void> {
  await pass(target, ms - 1);
  await expectQuiet(target);
  await pass(target, 1);
  await expectFrames(target, frames);
}

describe("on a server", () => {
  test("300 s by default without a window of the stream: RST_STREAM with CANCEL, and the service is told", async () => {
    let asked: HttpRequest | undefined;
    const server = await serveH2(
      (request) => {
        asked = request;
        return sized(request);
      },
      {},
      shut,
    );
    server.peer.headers(1, get("/5"), { endStream: true });
    await expectFrames(server, [sizedText(1, 5)]);
    await expectAfter(server, 300_000, ["RST_STREAM 1 CANCEL"]);
    expect(asked?.signal.reason).toMatchObject({
      kind: "timeout",
      code: "stallTimeoutMs",
      message: "the peer gave no window within stallTimeoutMs = 300000 ms",
    });
  });

  test("nor does the window of the connection keep streams waiting for ever", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.headers(1, get("/65540"), { endStream: true });
    await server.run();
    expect(server.peer.take().at(-1)).toBe("DATA 1 16383");
    await pass(server, 400);
    server.peer.headers(3, get("/5"), { endStream: true });
    await expectFrames(server, [sizedText(3, 5)]);
    await expectAfter(server, 600, ["RST_STREAM 1 CANCEL"]);
    await expectAfter(server, 400, ["RST_STREAM 3 CANCEL"]);
  });

  test("every frame of content that is sent is progress", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, shut);
    server.peer.headers(1, get("/100"), { endStream: true });
    await expectFrames(server, [sizedText(1, 100)]);
    for (let times = 0; times < 5; times++) {
      await pass(server, 999);
      server.peer.windowUpdate(1, 1);
      await expectFrames(server, ["DATA 1 1"]);
    }
    await expectAfter(server, 1000, ["RST_STREAM 1 CANCEL"]);
  });

  test("so it is with the window of the connection", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.headers(1, get("/100000"), { endStream: true });
    await server.run();
    server.peer.take();
    for (let times = 0; times < 5; times++) {
      await pass(server, 999);
      server.peer.windowUpdate(0, 1);
      await expectFrames(server, ["DATA 1 1"]);
    }
    await expectAfter(server, 1000, ["RST_STREAM 1 CANCEL"]);
  });

  test("it does not run while there is nothing to send, nor does an earlier stall count", async () => {
    const { sender, body } = channel(1);
    const server = await serveH2(() => new HttpResponse(200, {}, body), { stallTimeoutMs: 1000 }, shut);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    await pass(server, 10_000);
    void sender.send(new Uint8Array(3));
    await pass(server, 900);
    server.peer.windowUpdate(1, 3);
    await expectFrames(server, ["DATA 1 3"]);
    await pass(server, 10_000);
    await expectQuiet(server);
    void sender.send(new Uint8Array(3));
    await server.run();
    await expectAfter(server, 1000, ["RST_STREAM 1 CANCEL"]);
  });

  test("it runs while the request is still being received, and goes on when that ends", async () => {
    const server = await serveH2(
      (request) => {
        void read(request.body);
        return new HttpResponse(200, {}, full("hello"));
      },
      { stallTimeoutMs: 1000 },
      shut,
    );
    server.peer.headers(1, post());
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=5"]);
    await pass(server, 500);
    server.peer.data(1, "x");
    server.peer.data(1, "y", { endStream: true });
    await expectAfter(server, 500, ["RST_STREAM 1 CANCEL"]);
  });

  test("a window that SETTINGS take away is a stall from then on", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, { settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.headers(1, get("/100000"), { endStream: true });
    await server.run();
    server.peer.take();
    await pass(server, 900);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 0 });
    server.peer.windowUpdate(0, 2 ** 20);
    await expectFrames(server, ["SETTINGS ACK"]);
    await expectAfter(server, 100, ["RST_STREAM 1 CANCEL"]);
  });

  test("a stream without content to come is not bound by windows at all", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, shut);
    server.peer.headers(1, get("/0"), { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=200 content-length=0"]);
    await pass(server, 2000);
    await expectQuiet(server);
  });

  test("others go on", async () => {
    const server = await serveH2(sized, { stallTimeoutMs: 1000 }, shut);
    server.peer.headers(1, get("/5"), { endStream: true });
    server.peer.headers(3, get("/5"), { endStream: true });
    await expectFrames(server, [sizedText(1, 5), sizedText(3, 5)]);
    await pass(server, 500);
    server.peer.windowUpdate(3, 1);
    await expectFrames(server, ["DATA 3 1"]);
    await expectAfter(server, 500, ["RST_STREAM 1 CANCEL"]);
    server.peer.windowUpdate(3, 4);
    await expectFrames(server, ["DATA 3 END_STREAM 4"]);
  });

  test("0 is no limit", async () => {
    const server: ServerUnderTest = await serveH2(sized, { stallTimeoutMs: 0 }, shut);
    server.peer.headers(1, get("/5"), { endStream: true });
    await expectFrames(server, [sizedText(1, 5)]);
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });
});

describe("on a client", () => {
  const posted = "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ content-length=5";
  const content = (): HttpRequest => HttpRequest.post("http://a.test/", full("hello"));

  test("the request fails, and its stream is reset with CANCEL", async () => {
    const client = await connectH2({ stallTimeoutMs: 1000 }, shut);
    const sent = send(client, content());
    await expectFrames(client, [posted]);
    await expectAfter(client, 1000, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "timeout stallTimeoutMs");
    expect(sent.error?.message).toBe("the peer gave no window within stallTimeoutMs = 1000 ms");
  });

  test("300 s by default, as long as for the response as a whole", async () => {
    const client = await connectH2({ requestTimeoutMs: 0 }, shut);
    const sent = send(client, content());
    await expectFrames(client, [posted]);
    await expectAfter(client, 300_000, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "timeout stallTimeoutMs");
  });

  test("a response that is whole stays so", async () => {
    const client = await connectH2({ stallTimeoutMs: 1000 }, shut);
    const sent = send(client, content());
    await expectFrames(client, [posted]);
    client.peer.headers(1, status(200));
    client.peer.data(1, "whole", { endStream: true });
    await expectSent(client, sent, "200");
    await expectAfter(client, 1000, ["RST_STREAM 1 CANCEL"]);
    const reading = read(sent.response?.body ?? full(""));
    await client.run();
    expect([reading.pieces, reading.outcome]).toEqual([["whole"], "ended"]);
  });

  test("a response that is not fails with it", async () => {
    const client = await connectH2({ stallTimeoutMs: 1000 }, shut);
    const sent = send(client, content());
    await expectFrames(client, [posted]);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const reading = read(sent.response?.body ?? full(""));
    await expectAfter(client, 1000, ["RST_STREAM 1 CANCEL"]);
    expect(reading.outcome).toBe("timeout stallTimeoutMs");
  });
});
