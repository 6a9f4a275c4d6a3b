/**
 * What looks like an attack and is none: busy, impatient or fast peers. None of it may end a connection.
 */
import { full } from "@sluice/body";
import { type HttpRequest, HttpResponse, HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackClient,
  attackServer,
  blockedService,
  expectEndured,
  streamId,
  tally,
  times,
} from "../support/attack.ts";
import { send } from "../support/client.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, getText, post, status } from "../support/messages.ts";
import { okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const kib = 1024;

describe("what we cancel ourselves", () => {
  test("[h2-360] 5,000 own cancels on a long connection, answered by late frames and resets, are not held against the server", async () => {
    const client = await attackClient();
    const { peer } = client;
    for (let round = 0; round < 100; round++) {
      const aborted = new AbortController();
      const sent = Array.from({ length: 50 }, () =>
        send(client, Requests.get("http://a.test/"), { signal: aborted.signal }),
      );
      await client.run();
      aborted.abort();
      await client.run();
      expect(sent.every(({ error }) => error?.kind === "canceled")).toBe(true);
      // What was under way: head, content and trailers; then the server's own resets.
      peer.batch(() =>
        times(50, (index) => {
          const id = streamId(50 * round + index);
          peer.headers(id, status(200));
          times(10, () => peer.data(id, 1000));
          peer.headers(id, [["checksum", "1"]], { endStream: true });
          peer.rst(id, "CANCEL");
        }),
      );
      await client.run();
      await pass(client, 20);
    }
    const written = tally(peer.take().map((line) => line.replace(/ \d+ (?:\+\d+$)?/, " ")));
    expect(written).toEqual({
      [`HEADERS END_STREAM ${getText}`]: 5000,
      "RST_STREAM CANCEL": 5000,
      "WINDOW_UPDATE ": written["WINDOW_UPDATE "],
    });
    expect(peer.allowance(0)).toBeGreaterThanOrEqual(2.5 * kib * kib);
    expect([client.counts.get("resets"), client.counts.get("provokedResets")]).toEqual([undefined, undefined]);
    await expectEndured(client, []);
  });

  test("[h2-360] 200 downloads given up at once, with their content under way in turns", async () => {
    const client = await attackClient({}, { settings: { MAX_CONCURRENT_STREAMS: 1000 } });
    const { peer } = client;
    const aborted = new AbortController();
    times(200, () => send(client, Requests.get("http://a.test/"), { signal: aborted.signal }));
    await client.run();
    peer.batch(() => times(200, (index) => peer.headers(streamId(index), status(200))));
    await client.run();
    aborted.abort();
    await client.run();
    expect(tally(peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
      [`HEADERS END_STREAM ${getText}`]: 200,
      "RST_STREAM CANCEL": 200,
    });
    peer.batch(() => times(20, () => times(200, (index) => peer.data(streamId(index), 100))));
    await expectQuiet(client);
    expect([...client.counts]).toEqual([["settings", 1]]);
    await expectEndured(client, []);
  });

  test("a server turns uploads down early, and their content comes all the same", async () => {
    const server = await attackServer(() => new HttpResponse(401));
    const { peer } = server;
    for (let second = 0; second < 20; second++) {
      const first = 100 * second;
      peer.batch(() => times(100, (index) => peer.headers(streamId(first + index), post())));
      await server.run();
      peer.batch(() =>
        times(100, (index) => {
          times(15, () => peer.data(streamId(first + index), 100));
          peer.data(streamId(first + index), 100, { endStream: true });
        }),
      );
      await server.run();
      await pass(server, 1000);
    }
    const written = tally(peer.take().map((line) => line.replace(/ \d+ (?:\+\d+$)?/, " ")));
    expect(written).toEqual({
      "HEADERS END_STREAM :status=401 content-length=0": 2000,
      "RST_STREAM NO_ERROR": 2000,
      "WINDOW_UPDATE ": written["WINDOW_UPDATE "],
    });
    await expectEndured(server, []);
  });

  test("a server tells a client that it need not send the rest, but that has been sent: RST_STREAM with NO_ERROR", async () => {
    const client = await attackClient();
    const { peer } = client;
    for (let second = 0; second < 20; second++) {
      const sent = Array.from({ length: 100 }, () =>
        send(client, new Requests("POST", "http://a.test/", {}, full("content"))),
      );
      await client.run();
      peer.batch(() =>
        times(100, (index) => {
          peer.headers(streamId(100 * second + index), status(200), { endStream: true });
          peer.rst(streamId(100 * second + index), "NO_ERROR");
        }),
      );
      await client.run();
      expect(sent.map(({ response }) => response?.status)).toEqual(new Array(100).fill(200));
      await pass(client, 1000);
    }
    peer.take();
    expect(client.counts.get("resets")).toBe(undefined);
    await expectEndured(client, []);
  });

  test("a server under load refuses or gives up what a client asks for, each request once", async () => {
    const client = await attackClient();
    for (let second = 0; second < 20; second++) {
      const sent = Array.from({ length: 100 }, () => send(client, Requests.get("http://a.test/")));
      await client.run();
      client.peer.batch(() =>
        times(100, (index) =>
          client.peer.rst(streamId(100 * second + index), index % 2 === 0 ? "REFUSED_STREAM" : "CANCEL"),
        ),
      );
      await client.run();
      expect(tally(sent.map(({ error }) => error?.code ?? "none"))).toEqual({ REFUSED_STREAM: 50, STREAM_RESET: 50 });
      await pass(client, 1000);
    }
    client.peer.take();
    expect(client.counts.get("resets")).toBe(undefined);
    await expectEndured(client, []);
  });
});

test("a page that is reloaded three times within a second, every five seconds, for five minutes", async () => {
  const server = await attackServer(async ({ signal }: HttpRequest) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    return new HttpResponse(200);
  });
  const { peer } = server;
  let opened = 0;
  for (let minute = 0; minute < 5; minute++) {
    for (let burst = 0; burst < 12; burst++) {
      for (let reload = 0; reload < 3; reload++) {
        const first = opened;
        opened += 110;
        peer.batch(() => times(110, (index) => peer.headers(streamId(first + index), get(), { endStream: true })));
        await server.run();
        await pass(server, 200);
        peer.batch(() => times(110, (index) => peer.rst(streamId(first + index), "CANCEL")));
        await server.run();
        await pass(server, 100);
      }
      await pass(server, 4100);
    }
  }
  expect([opened, server.counts.get("resets"), server.requests.length]).toEqual([19_800, 19_800, 19_800]);
  await expectEndured(server, []);
});

describe("small unread frames", () => {
  test("a hundred on each of 128 streams", async () => {
    const service = blockedService();
    const server = await attackServer(service.call);
    const { peer } = server;
    peer.batch(() => times(128, (index) => peer.headers(streamId(index), post())));
    // As gRPC sends them: a message of five octets and a few more, each in a frame of its own.
    peer.batch(() => times(100, () => times(128, (index) => peer.data(streamId(index), 12))));
    await expectQuiet(server);
    peer.ping();
    await expectFrames(server, ["PING ACK 0011223344556677"]);
    expect(server.counts.get("emptyData")).toBe(undefined);
    expect(server.requests).toHaveLength(128);
    await expectEndured(server, []);
  });

  test("one on each of 128 streams, with windows as small as they get", async () => {
    const server = await attackServer(blockedService().call, { adaptiveWindow: true });
    const { peer } = server;
    peer.batch(() => times(128, (index) => peer.headers(streamId(index), post())));
    times(128, (index) => peer.data(streamId(index), 1));
    await server.run();
    peer.take();
    expect([server.io.isReading, server.io.remaining]).toEqual([true, 0]);
    await expectEndured(server, []);
  });

  test("the same on a client, on a hundred responses that nobody reads yet", async () => {
    const client = await attackClient();
    const { peer } = client;
    const sent = Array.from({ length: 100 }, () => send(client, Requests.get("http://a.test/")));
    await client.run();
    peer.take();
    peer.batch(() => times(100, (index) => peer.headers(streamId(index), status(200))));
    peer.batch(() => times(100, () => times(100, (index) => peer.data(streamId(index), 12))));
    peer.batch(() => times(100, (index) => peer.data(streamId(index), 0, { endStream: true })));
    await expectQuiet(client);
    for (const { response } of sent) {
      let octets = 0;
      for await (const frame of response?.body ?? full("")) octets += (frame as Uint8Array).length;
      expect(octets).toBe(1200);
    }
    await expectEndured(client, []);
  });
});

test("a gRPC client that measures the bandwidth: 5,000 PING a second for a minute", async () => {
  const server = await attackServer(() => new HttpResponse(200));
  const { peer } = server;
  for (let tenth = 0; tenth < 600; tenth++) {
    peer.batch(() => times(500, () => peer.ping("0000000000000001")));
    await server.run();
    expect(peer.take()).toHaveLength(500);
    await pass(server, 100);
  }
  expect(server.counts.get("pings")).toBe(300_000);
  await expectEndured(server, []);
});

describe("a fast download", () => {
  const content = new Uint8Array(96 * kib);

  test("WINDOW_UPDATE on the stream and the connection for each 4 KiB, most of them behind its end, for a minute", async () => {
    // A client of Go does that: its windows are wide, so that all of a response is under way before it says a word.
    const server = await attackServer(
      () => new HttpResponse(200, {}, full(content)),
      {},
      {
        settings: { INITIAL_WINDOW_SIZE: 4 * kib * kib },
      },
    );
    const { peer } = server;
    peer.windowUpdate(0, 2 ** 30);
    let opened = 0;
    for (let second = 0; second < 60; second++) {
      times(20, () => peer.headers(streamId(opened++), get(), { endStream: true }));
      await server.run();
      expect(peer.take().filter((line) => / END_STREAM /.test(line))).toHaveLength(20);
      peer.batch(() =>
        times(20, (index) =>
          times(24, () => {
            peer.windowUpdate(streamId(opened - 20 + index), 4 * kib);
            peer.windowUpdate(0, 4 * kib);
          }),
        ),
      );
      await server.run();
      await pass(server, 1000);
    }
    expect(server.counts.get("windowUpdates")).toBe(60 * 20 * 48 + 1);
    await expectEndured(server, []);
  });

  test("one WINDOW_UPDATE for every frame on both windows", async () => {
    const large = new Uint8Array(64 * kib * kib);
    const server = await attackServer(() => new HttpResponse(200, {}, full(large)));
    const { peer } = server;
    peer.headers(1, get(), { endStream: true });
    await server.run();
    let octets = 0;
    while (octets < large.length) {
      const frames = peer.takeFrames().flatMap((frame) => (frame.type === "DATA" ? [frame.data.length] : []));
      expect(frames.length).toBeGreaterThan(0);
      peer.batch(() => {
        for (const count of frames) {
          octets += count;
          peer.windowUpdate(1, count);
          peer.windowUpdate(0, count);
        }
      });
      await server.run();
    }
    await expectEndured(server, []);
  });

  test("frames as large as they get, and WINDOW_UPDATE for each 4 KiB of them", async () => {
    const large = new Uint8Array(1024 * kib);
    const server = await attackServer(
      () => new HttpResponse(200, {}, full(large)),
      {},
      {
        settings: { INITIAL_WINDOW_SIZE: 4 * kib * kib, MAX_FRAME_SIZE: 1024 * kib },
      },
    );
    const { peer } = server;
    peer.windowUpdate(0, 2 ** 30);
    for (let index = 0; index < 100; index++) {
      peer.headers(streamId(index), get(), { endStream: true });
      await expectFrames(server, [
        `HEADERS ${streamId(index)} :status=200 content-length=1048576`,
        `DATA ${streamId(index)} END_STREAM 1048576`,
      ]);
      peer.batch(() =>
        times(256, () => {
          peer.windowUpdate(streamId(index), 4 * kib);
          peer.windowUpdate(0, 4 * kib);
        }),
      );
      await expectQuiet(server);
    }
    await expectEndured(server, []);
  });
});

test("a client that opens a thousand streams before it knows how many it may: 872 are refused, and nothing else", async () => {
  const service = blockedService();
  const server = await attackServer(service.call);
  server.peer.batch(() => times(1000, (index) => server.peer.headers(streamId(index), get(), { endStream: true })));
  await server.run();
  expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
    "RST_STREAM REFUSED_STREAM": 872,
  });
  service.release();
  await server.run();
  expect(server.peer.take()).toEqual(Array.from({ length: 128 }, (_, index) => okText(streamId(index))));
  await expectEndured(server, []);
});
