/**
 * Field sections too long for one frame (RFC 9113 section 4.3): HEADERS and CONTINUATION, as long as the peer allows.
 */
import { fromIterable, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { serveH2 } from "./support/server.ts";

/** No char of this value gets shorter by the Huffman code. */
const long = "X".repeat(40_000);
const fields = { "x-long": long };

describe("[h2-066] a field block that is longer than the peer's MAX_FRAME_SIZE leaves in several frames", () => {
  test("of a response; only HEADERS has END_STREAM, only the last END_HEADERS", async () => {
    const server = await serveH2(() => new HttpResponse(200, fields));
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [
      "HEADERS 1 END_STREAM 16384...",
      "CONTINUATION 1 16384...",
      "CONTINUATION 1 7248 :status=200 x-long=<40000 octets> content-length=0",
    ]);
  });

  test("in one write, with nothing in between", async () => {
    const server = await serveH2(() => new HttpResponse(200, fields));
    server.peer.batch(() => {
      server.peer.ping();
      server.peer.headers(1, get(), { endStream: true });
      server.peer.ping();
    });
    await server.run();
    const frames = server.peer.take().map((line) => line.split(" ", 2).join(" "));
    expect(frames).toEqual(["PING ACK", "HEADERS 1", "CONTINUATION 1", "CONTINUATION 1", "PING ACK"]);
  });

  test("of a request with content behind it", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", fromIterable(["x"]), fields));
    await client.run();
    const post = getText.replace("GET", "POST");
    await expectFrames(client, [
      "HEADERS 1 16384...",
      "CONTINUATION 1 16384...",
      `CONTINUATION 1 7252 ${post} x-long=<40000 octets>`,
      "DATA 1 1 x",
      "DATA 1 END_STREAM 0",
    ]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
  });

  test("of trailers", async () => {
    const body = () => fromIterable(["x", new Trailers(new HeaderMap([["x-long", long]]))]);
    const server = await serveH2(() => new HttpResponse(200, {}, body()));
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [
      "HEADERS 1 :status=200",
      "DATA 1 1 x",
      "HEADERS 1 END_STREAM 16384...",
      "CONTINUATION 1 16384...",
      "CONTINUATION 1 7243 x-long=<40000 octets>",
    ]);
  });

  test("as long as the peer allows by now, and not longer than any frame needs to be", async () => {
    const server = await serveH2(() => new HttpResponse(200, fields), {}, { settings: { MAX_FRAME_SIZE: 30_000 } });
    const last = ":status=200 x-long=<40000 octets> content-length=0";
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM 30000...", `CONTINUATION 1 10016 ${last}`]);
    server.peer.settings({ MAX_FRAME_SIZE: 2 ** 24 - 1 });
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, ["SETTINGS ACK", `HEADERS 3 END_STREAM ${last}`]);
    server.peer.settings({ MAX_FRAME_SIZE: 16_384 });
    server.peer.headers(5, get(), { endStream: true });
    await expectFrames(server, [
      "SETTINGS ACK",
      "HEADERS 5 END_STREAM 16384...",
      "CONTINUATION 5 16384...",
      `CONTINUATION 5 7248 ${last}`,
    ]);
  });

  test("a block of exactly that length is one frame, an octet more makes two", async () => {
    let length = 0;
    const server = await serveH2(() => new HttpResponse(204, { "x-long": "X".repeat(length) }));
    const answer = async (streamId: number, octets: number): Promise<string[]> => {
      length = octets;
      server.peer.headers(streamId, get(), { endStream: true });
      await server.run();
      return server.peer.take();
    };
    await answer(1, 16_000);
    const [first] = server.peer.frames.filter((frame) => frame.type === "HEADERS");
    const around = (first?.length ?? 0) - 16_000;
    expect(await answer(3, 16_384 - around)).toEqual([
      `HEADERS 3 END_STREAM :status=204 x-long=<${16_384 - around} octets>`,
    ]);
    expect(await answer(5, 16_385 - around)).toEqual([
      "HEADERS 5 END_STREAM 16384...",
      `CONTINUATION 5 1 :status=204 x-long=<${16_385 - around} octets>`,
    ]);
  });
});
