/**
 * `adaptiveWindow`: windows that start at 65,535 octets and grow with the bandwidth-delay product, as a PING under load
 * measures it.
 */
import { full } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { connectH2, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { getText, post, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { ok, serveH2 } from "./support/server.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

const payload = "736c756963650003";
const ping = `PING ${payload}`;
const frame = 16_384;

/** A server whose service reads what streams send, as it comes. Stream 1 is open. */
async function serveReading(options: http2.ServerOptions = {}): Promise<UnderTest> {
  const server = await serveH2(
    (request) => {
      void read(request.body);
      return new Promise<HttpResponse>(() => {});
    },
    { adaptiveWindow: true, ...options },
  );
  server.peer.headers(1, post());
  await expectQuiet(server);
  return server;
}

/** Sends so many frames of content on stream 1; what the connection wrote. */
async function content(target: UnderTest, count: number): Promise<string[]> {
  for (let sent = 0; sent < count; sent++) {
    target.peer.data(1, frame);
    await target.run();
  }
  return target.peer.take();
}

/** Answers the PING; what the connection wrote. */
async function answer(target: UnderTest): Promise<string[]> {
  target.peer.pingAck(payload);
  await target.run();
  return target.peer.take();
}

describe("a server", () => {
  test("announces no windows: both are what the protocol starts with", async () => {
    const server = await serveH2(ok, { adaptiveWindow: true }, { handshake: false });
    await expectFrames(server, [
      "SETTINGS MAX_CONCURRENT_STREAMS=128 MAX_HEADER_LIST_SIZE=16384 NO_RFC7540_PRIORITIES=1",
    ]);
    expect(server.peer.allowance(0)).toBe(65_535);
  });

  test("asks with the first DATA; both windows become twice what came until the answer", async () => {
    const server = await serveReading();
    expect(await content(server, 1)).toEqual([ping]);
    await pass(server, 10);
    expect(await content(server, 2)).toEqual(["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
    expect(await answer(server)).toEqual(["WINDOW_UPDATE 0 +49153", "SETTINGS INITIAL_WINDOW_SIZE=98304"]);
    expect(server.peer.allowance(0)).toBe(98_304);
    server.peer.settingsAck();
    await expectQuiet(server);
    // 16,384 octets of what was read have not been given back on the stream yet.
    expect(server.peer.allowance(1)).toBe(98_304 - frame);
    server.peer.headers(3, post());
    await expectQuiet(server);
    expect(server.peer.allowance(3)).toBe(98_304);
  });

  test("the larger window is in force for streams once it is acknowledged, and not before", async () => {
    const server = await serveH2(() => new Promise<HttpResponse>(() => {}), { adaptiveWindow: true });
    server.peer.headers(1, post());
    for (let sent = 0; sent < 3; sent++) server.peer.data(1, frame);
    await expectFrames(server, [ping]);
    expect(await answer(server)).toEqual(["WINDOW_UPDATE 0 +32769", "SETTINGS INITIAL_WINDOW_SIZE=98304"]);
    server.peer.data(1, frame);
    // What was held of the stream is given back on the connection.
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR", "WINDOW_UPDATE 0 +65536"]);
  });

  test("less than two thirds of the window changes nothing", async () => {
    const server = await serveReading();
    expect(await content(server, 2)).toEqual([ping, "WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
    server.peer.data(1, 10_921);
    await expectQuiet(server);
    expect(await answer(server)).toEqual([]);
  });

  test("two thirds of the window are enough", async () => {
    const server = await serveReading();
    await content(server, 2);
    server.peer.data(1, 10_922);
    await expectQuiet(server);
    expect(await answer(server)).toEqual(["WINDOW_UPDATE 0 +32767", "SETTINGS INITIAL_WINDOW_SIZE=87380"]);
  });

  test("a lower bandwidth than before changes nothing, however much it is", async () => {
    const server = await serveReading();
    await content(server, 1);
    await pass(server, 10);
    await content(server, 2);
    await answer(server);
    server.peer.settingsAck();
    await pass(server, 100);
    expect(await content(server, 1)).toContain(ping);
    await pass(server, 1000);
    await content(server, 7);
    expect(await answer(server)).toEqual([]);
  });

  test("has a pause of 100 ms between answer and PING, half as long when the window grew", async () => {
    const server = await serveReading();
    expect((await content(server, 1))[0]).toBe(ping);
    await pass(server, 5);
    expect(await answer(server)).toEqual([]);
    await pass(server, 99);
    expect(await content(server, 1)).not.toContain(ping);
    await pass(server, 1);
    expect(await content(server, 1)).toContain(ping);
    await pass(server, 5);
    await content(server, 6);
    expect((await answer(server)).at(-1)).toBe(`SETTINGS INITIAL_WINDOW_SIZE=${2 * 7 * frame}`);
    server.peer.settingsAck();
    await pass(server, 49);
    expect(await content(server, 1)).not.toContain(ping);
    await pass(server, 1);
    expect(await content(server, 1)).toContain(ping);
  });

  test("has four times the pause after two samples in a row that changed nothing", async () => {
    const server = await serveReading();
    for (const pauseMs of [100, 400, 400, 1600]) {
      expect(await content(server, 1)).toContain(ping);
      await answer(server);
      await pass(server, pauseMs - 1);
      expect(await content(server, 1)).not.toContain(ping);
      await pass(server, 1);
    }
  });

  test("asks only when content comes, and once at a time", async () => {
    const server = await serveReading({ idleTimeoutMs: 0, bodyTimeoutMs: 0, requestTimeoutMs: 0 });
    await pass(server, 100_000);
    await expectQuiet(server);
    expect(await content(server, 1)).toEqual([ping]);
    await pass(server, 100_000);
    expect(await content(server, 2)).not.toContain(ping);
  });

  test("grows to 16 MiB and no further, and never shrinks", async () => {
    const server = await serveReading();
    const most = 16 * 1024 * 1024;
    const windows: number[] = [];
    for (let window = 65_535; windows.length < 12; ) {
      await pass(server, 10_000);
      const frames = Math.ceil(window / frame);
      const asked = await content(server, 1);
      if (!asked.includes(ping)) break;
      await content(server, frames);
      const said = (await answer(server)).at(-1) ?? "nothing";
      const [, size] = /^SETTINGS INITIAL_WINDOW_SIZE=(\d+)$/.exec(said) ?? [];
      windows.push(Number(size ?? 0));
      if (size === undefined) break;
      server.peer.settingsAck();
      window = Number(size);
    }
    expect(windows).toEqual([163_840, 360_448, 753_664, 1_540_096, 3_112_960, 6_258_688, 12_550_144, most, 0]);
    expect([server.peer.allowance(0) <= most, server.peer.allowance(1) <= most]).toEqual([true, true]);
  });

  test("SETTINGS that are not acknowledged end the connection, as any", async () => {
    const server = await serveReading({ bodyTimeoutMs: 0 });
    await content(server, 3);
    expect((await answer(server)).at(-1)).toBe("SETTINGS INITIAL_WINDOW_SIZE=98304");
    await pass(server, 9999);
    await expectQuiet(server);
    await pass(server, 1);
    const message = "our SETTINGS were not acknowledged within settingsTimeoutMs = 10000 ms";
    await expectGoAway(server, 1, "SETTINGS_TIMEOUT", message, "timeout", "settingsTimeoutMs");
  });

  test("off by default: content brings about no PING", async () => {
    const server = await serveReading({ adaptiveWindow: false });
    expect(await content(server, 4)).toEqual([]);
  });
});

describe("a client", () => {
  test("announces no windows, and does the same for responses", async () => {
    const client = await connectH2({ adaptiveWindow: true }, { handshake: false });
    await expectFrames(client, ["PREFACE", "SETTINGS ENABLE_PUSH=0 MAX_HEADER_LIST_SIZE=65536"]);
    client.peer.settings();
    client.peer.settingsAck();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, ["SETTINGS ACK", `HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200));
    await client.run();
    const reading = read(sent.response?.body ?? full(""));
    expect(await content(client, 1)).toEqual([ping]);
    expect(await content(client, 2)).toEqual(["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
    expect(await answer(client)).toEqual(["WINDOW_UPDATE 0 +49153", "SETTINGS INITIAL_WINDOW_SIZE=98304"]);
    client.peer.settingsAck();
    client.peer.data(1, "", { endStream: true });
    await expectQuiet(client);
    expect([reading.pieces.length, reading.outcome]).toEqual([3, "ended"]);
  });
});
