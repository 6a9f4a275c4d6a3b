/**
 * What is sent keeps to what the peer has granted (RFC 9113 sections 5.2, 6.9), and all that was granted is used. That no
 * frame exceeds a window or the peer's MAX_FRAME_SIZE is checked by the peer of every test.
 */
import { channel, collect, full, HeaderMap, withTrailers } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, readResponse, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { type Held, serveHeld } from "./support/held.ts";
import { join } from "./support/joined.ts";
import { get, post, status } from "./support/messages.ts";
import { expectServes, serveRecorded } from "./support/recorded.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { okText, plain } from "./support/server.ts";

/** A server that was asked for something on streams 1, 3 and so on. */
async function asked(count: number, settings: Record<string, number>, options = {}): Promise<Held> {
  const held = await serveHeld(options, { settings });
  for (let i = 0; i < count; i++) held.server.peer.headers(1 + 2 * i, get(), { endStream: true });
  await expectQuiet(held.server);
  return held;
}

function answer(length: number): HttpResponse {
  return new HttpResponse(200, undefined, full(new Uint8Array(length).fill(0x78)));
}

function head(streamId: number, length: number): string {
  return `HEADERS ${streamId} :status=200 content-length=${length}`;
}

describe("[h2-195] DATA exceeds neither the window of its stream, nor that of the connection, nor MAX_FRAME_SIZE", () => {
  test("the stream's window is the smallest", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 100 });
    call(0).respond(answer(250));
    await expectFrames(server, [head(1, 250), `DATA 1 100`]);
    server.peer.windowUpdate(1, 100);
    await expectFrames(server, ["DATA 1 100"]);
    server.peer.windowUpdate(1, 100);
    await expectFrames(server, [`DATA 1 END_STREAM 50 ${"x".repeat(50)}`]);
    expect(server.peer.granted(1)).toBe(50);
  });

  test("the connection's window is the smallest", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 100_000 });
    call(0).respond(answer(66_000));
    await expectFrames(server, [head(1, 66_000), ...["16384", "16384", "16384", "16383"].map((n) => `DATA 1 ${n}`)]);
    server.peer.windowUpdate(1, 1000);
    await expectQuiet(server);
    server.peer.windowUpdate(0, 400);
    await expectFrames(server, ["DATA 1 400"]);
    server.peer.windowUpdate(0, 65);
    await expectFrames(server, ["DATA 1 END_STREAM 65"]);
  });

  test("the frame size is the smallest, and follows SETTINGS", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 100_000, MAX_FRAME_SIZE: 20_000 });
    call(0).respond(answer(80_000));
    await expectFrames(server, [head(1, 80_000), ...["20000", "20000", "20000", "5535"].map((n) => `DATA 1 ${n}`)]);
    server.peer.settings({ MAX_FRAME_SIZE: 16_384 });
    await expectFrames(server, ["SETTINGS ACK"]);
    server.peer.windowUpdate(0, 14_465);
    await expectFrames(server, ["DATA 1 END_STREAM 14465"]);
  });

  test("on a client", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 7 } });
    const sent = send(client, HttpRequest.post("http://a.test/", full("hello world")));
    const headers = "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ content-length=11";
    await expectFrames(client, [headers, 'DATA 1 7 "hello w"']);
    client.peer.windowUpdate(1, 3);
    await expectFrames(client, ["DATA 1 3 orl"]);
    client.peer.windowUpdate(1, 3);
    await expectFrames(client, ["DATA 1 END_STREAM 1 d"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
  });
});

describe("[h2-196] the end of a stream needs no window", () => {
  test("at a window of zero", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 0 });
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    sender.close();
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
  });

  test("nor do trailers", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 0 });
    const { body } = channel(1);
    const trailers = withTrailers(full(""), new HeaderMap([["sum", "1"]]));
    call(0).respond(new HttpResponse(200, undefined, trailers));
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=0", "HEADERS 1 END_STREAM sum=1"]);
    body.cancel();
  });

  test("at a window below zero", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 10 });
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await sender.sendData("0123456789");
    await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 10 0123456789"]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 0 });
    await expectFrames(server, ["SETTINGS ACK"]);
    expect(server.peer.granted(1)).toBe(-10);
    sender.close();
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
  });

  test("at a window of the connection that is used up", async () => {
    const { server, call } = await asked(2, { INITIAL_WINDOW_SIZE: 100_000 });
    call(0).respond(answer(70_000));
    await server.run();
    server.peer.take();
    expect(server.peer.granted(0)).toBe(0);
    const { body, sender } = channel(1);
    call(1).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 3 :status=200"]);
    sender.close();
    await expectFrames(server, ["DATA 3 END_STREAM 0"]);
  });
});

describe("windows are used as they are opened", () => {
  test("[h2-197] five octets with a window of one: one, then four", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 1 });
    call(0).respond(new HttpResponse(200, undefined, full("hello")));
    await expectFrames(server, [head(1, 5), "DATA 1 1 h"]);
    server.peer.windowUpdate(1, 10);
    await expectFrames(server, ["DATA 1 END_STREAM 4 ello"]);
  });

  test("[h2-203] a window of 0 at first, then of 10, then of 11 more", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 0 });
    call(0).respond(answer(30));
    await expectFrames(server, [head(1, 30)]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 10 });
    await expectFrames(server, ["SETTINGS ACK", `DATA 1 10 ${"x".repeat(10)}`]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 21 });
    await expectFrames(server, ["SETTINGS ACK", `DATA 1 11 ${"x".repeat(11)}`]);
    server.peer.windowUpdate(1, 9);
    await expectFrames(server, [`DATA 1 END_STREAM 9 ${"x".repeat(9)}`]);
  });

  test("[h2-201] INITIAL_WINDOW_SIZE changes open streams by the difference, new ones all, the connection never", async () => {
    const { server, call } = await asked(2, { INITIAL_WINDOW_SIZE: 10 });
    call(0).respond(answer(100));
    await expectFrames(server, [head(1, 100), `DATA 1 10 ${"x".repeat(10)}`]);
    server.peer.windowUpdate(1, 5);
    await expectFrames(server, ["DATA 1 5 xxxxx"]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 30 });
    await expectFrames(server, ["SETTINGS ACK", `DATA 1 20 ${"x".repeat(20)}`]);
    call(1).respond(answer(100));
    await expectFrames(server, [head(3, 100), `DATA 3 30 ${"x".repeat(30)}`]);
    server.peer.headers(5, get(), { endStream: true });
    await server.run();
    call(2).respond(answer(100));
    await expectFrames(server, [head(5, 100), `DATA 5 30 ${"x".repeat(30)}`]);
    expect(server.peer.granted(0)).toBe(65_535 - 95);
  });

  test("[h2-202] a window below zero is waited for until it is above", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 20 });
    call(0).respond(answer(30));
    await expectFrames(server, [head(1, 30), `DATA 1 20 ${"x".repeat(20)}`]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 5 });
    await expectFrames(server, ["SETTINGS ACK"]);
    expect(server.peer.granted(1)).toBe(-15);
    server.peer.windowUpdate(1, 14);
    await expectQuiet(server);
    server.peer.windowUpdate(1, 1);
    await expectQuiet(server);
    server.peer.windowUpdate(1, 1);
    await expectFrames(server, ["DATA 1 1 x"]);
    server.peer.settings({ INITIAL_WINDOW_SIZE: 14 });
    await expectFrames(server, ["SETTINGS ACK", "DATA 1 END_STREAM 9 xxxxxxxxx"]);
  });

  test("[h2-204, h2-205] a smaller INITIAL_WINDOW_SIZE leaves what is to be sent to other streams", async () => {
    const { server, call } = await asked(2, { INITIAL_WINDOW_SIZE: 100_000 });
    call(0).respond(answer(70_000));
    await server.run();
    server.peer.take();
    call(1).respond(answer(10));
    await expectFrames(server, [head(3, 10)]);
    // Stream 1 has 34,465 octets of window left and wants 4,465; now it has none, and the connection has 10.
    server.peer.settings({ INITIAL_WINDOW_SIZE: 65_000 });
    server.peer.windowUpdate(0, 10);
    await expectFrames(server, ["SETTINGS ACK", "DATA 3 END_STREAM 10 xxxxxxxxxx"]);
    server.peer.windowUpdate(0, 10_000);
    await expectQuiet(server);
    // What is still covered is sent.
    server.peer.settings({ INITIAL_WINDOW_SIZE: 66_000 });
    await expectFrames(server, ["SETTINGS ACK", "DATA 1 465"]);
  });

  test("[h2-211] WINDOW_UPDATE and SETTINGS in one read, in either order", async () => {
    for (const order of [0, 1]) {
      const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 0 });
      call(0).respond(answer(30));
      await expectFrames(server, [head(1, 30)]);
      const acts = [() => server.peer.windowUpdate(1, 15), () => server.peer.settings({ INITIAL_WINDOW_SIZE: 15 })];
      server.peer.batch(() => {
        for (const act of order === 0 ? acts : acts.reverse()) act();
      });
      await expectFrames(server, ["SETTINGS ACK", `DATA 1 END_STREAM 30 ${"x".repeat(30)}`]);
    }
  });

  test("[h2-211] windows down and up again within one read", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 10 });
    call(0).respond(answer(30));
    await server.run();
    server.peer.take();
    server.peer.batch(() => {
      server.peer.settings({ INITIAL_WINDOW_SIZE: 0 });
      server.peer.windowUpdate(1, 10);
      server.peer.settings({ INITIAL_WINDOW_SIZE: 30 });
    });
    await expectFrames(server, ["SETTINGS ACK", "SETTINGS ACK", `DATA 1 END_STREAM 20 ${"x".repeat(20)}`]);
  });

  test("[h2-206, h2-210] in many small grants: each is used at once, and none gives an empty frame", async () => {
    const { server, call } = await asked(1, { INITIAL_WINDOW_SIZE: 0 });
    call(0).respond(answer(40));
    await expectFrames(server, [head(1, 40)]);
    for (let granted = 1; granted < 40; granted++) {
      server.peer.windowUpdate(1, 1);
      await expectFrames(server, ["DATA 1 1 x"]);
    }
    server.peer.windowUpdate(1, 1);
    await expectFrames(server, ["DATA 1 END_STREAM 1 x"]);
    server.peer.windowUpdate(1, 1);
    await expectQuiet(server);
  });

  test("[h2-212] any sequence of sizes: windows below zero and back, all content in the end", async () => {
    const { server, call } = await asked(3, { INITIAL_WINDOW_SIZE: 500 });
    for (let i = 0; i < 3; i++) call(i).respond(answer(20_000));
    let seed = 12_345;
    for (let round = 0; round < 300; round++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      server.peer.settings({ INITIAL_WINDOW_SIZE: seed % 20_000 });
      if (round % 10 === 0) await server.run();
    }
    server.peer.settings({ INITIAL_WINDOW_SIZE: 2 ** 31 - 1 });
    await server.run();
    for (const id of [1, 3, 5]) expect(server.peer.contentOf(id).length).toBe(20_000);
    expect(server.outcome).toBe(undefined);
  });
});

describe("wrong windows", () => {
  for (const role of roles) {
    test(`[h2-198] ${role}: an increment of 0 resets the stream`, async () => {
      const target = await startWithStream(role);
      target.peer.windowUpdate(1, 0);
      await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    });

    test(`[h2-198] ${role}: an increment of 0 for the connection ends it`, async () => {
      const target = await startWithStream(role);
      target.peer.windowUpdate(0, 0);
      const message = "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)";
      await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "WINDOW_UPDATE_ZERO");
    });

    test(`[h2-199] ${role}: a window of a stream beyond 2^31-1 resets it; 2^31-1 is fine`, async () => {
      const target = await startWithStream(role);
      target.peer.windowUpdate(1, 2 ** 31 - 1 - 65_535);
      await expectQuiet(target);
      target.peer.windowUpdate(1, 1);
      await expectFrames(target, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    });

    test(`[h2-199] ${role}: a window of the connection beyond 2^31-1 ends it; 2^31-1 is fine`, async () => {
      const target = await startWithStream(role);
      target.peer.windowUpdate(0, 2 ** 31 - 1 - 65_535);
      await expectQuiet(target);
      target.peer.windowUpdate(0, 2 ** 31 - 1);
      const message =
        "WINDOW_UPDATE: window must not exceed 2^31-1, got 2147483647 and 2147483647 more (RFC 9113 6.9.1)";
      await expectGoAway(target, lastOf(role), "FLOW_CONTROL_ERROR", message, "protocol", "WINDOW_OVERFLOW");
    });

    test(`[h2-200] ${role}: SETTINGS that raise a window of a stream beyond 2^31-1 end the connection`, async () => {
      const target = await startWithStream(role);
      target.peer.windowUpdate(1, 1);
      await expectQuiet(target);
      target.peer.settings({ INITIAL_WINDOW_SIZE: 2 ** 31 - 1 });
      const message = "SETTINGS: window of stream 1 must not exceed 2^31-1, got 65536 and 2147418112 more";
      await expectGoAway(target, lastOf(role), "FLOW_CONTROL_ERROR", message, "protocol", "SETTINGS_WINDOW_OVERFLOW");
    });

    test(`[h2-200] ${role}: the largest INITIAL_WINDOW_SIZE is fine for a stream that was given nothing more`, async () => {
      const target = await startWithStream(role);
      target.peer.settings({ INITIAL_WINDOW_SIZE: 2 ** 31 - 1 });
      await expectFrames(target, ["SETTINGS ACK"]);
    });
  }

  test("[h2-199] other streams go on", async () => {
    const { server, call } = await asked(2, { INITIAL_WINDOW_SIZE: 5 });
    call(0).respond(answer(20));
    call(1).respond(answer(20));
    await server.run();
    server.peer.take();
    server.peer.windowUpdate(1, 2 ** 31 - 1);
    server.peer.windowUpdate(1, 2 ** 31 - 1);
    server.peer.windowUpdate(3, 15);
    await expectFrames(server, [
      `DATA 1 END_STREAM ${15} ${"x".repeat(15)}`,
      `DATA 3 END_STREAM ${15} ${"x".repeat(15)}`,
    ]);
    expect(call(0).request.signal.aborted).toBe(false);
  });

  test("[h2-199] a stream that waits for window is reset, its content dropped, and the program told", async () => {
    const { server, call } = await asked(2, { INITIAL_WINDOW_SIZE: 0 });
    call(0).respond(answer(20));
    call(1).respond(answer(20));
    await expectFrames(server, [head(1, 20), head(3, 20)]);
    server.peer.windowUpdate(1, 0);
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(call(0).request.signal.reason).toMatchObject({ kind: "protocol", code: "WINDOW_UPDATE_ZERO", reason: 1 });
    server.peer.windowUpdate(1, 10);
    server.peer.windowUpdate(3, 20);
    await expectFrames(server, [`DATA 3 END_STREAM 20 ${"x".repeat(20)}`]);
  });

  test("[h2-217] as many as are allowed are answered; one more ends the connection", async () => {
    const server = await serveRecorded(() => new Promise(() => {}), { provokedResetsBurst: 10 });
    for (let i = 0; i < 10; i++) {
      server.peer.headers(1 + 2 * i, post());
      server.peer.windowUpdate(1 + 2 * i, 0);
      await expectFrames(server, [`RST_STREAM ${1 + 2 * i} PROTOCOL_ERROR`]);
    }
    server.peer.headers(21, post());
    server.peer.windowUpdate(21, 0);
    const message = "too_many_internal_resets: at most 10 at once and 33 per second are accepted";
    await expectGoAway(server, 21, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_PROVOKED_RESETS");
  });

  test("[h2-213] WINDOW_UPDATE on a closed stream is ignored, were it beyond any window", async () => {
    const server = await serveRecorded();
    await expectServes(server, 1);
    server.peer.windowUpdate(1, 2 ** 31 - 1);
    server.peer.windowUpdate(1, 2 ** 31 - 1);
    await expectQuiet(server);
    await expectServes(server, 3);
  });
});

describe("[h2-220] content larger than the default windows, on many streams", () => {
  const size = 200_000;
  const byteAt = (stream: number, index: number): number => (stream * 31 + index * 7 + (index >> 8)) & 0xff;
  const contentOf = (stream: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => byteAt(stream, i));

  test("from a server to a client by hand", async () => {
    const { server, call } = await asked(4, {});
    for (let i = 0; i < 4; i++) call(i).respond(new HttpResponse(200, undefined, full(contentOf(i))));
    for (let round = 0; round < 40; round++) {
      await server.run();
      for (const id of [0, 1, 3, 5, 7]) server.peer.windowUpdate(id, 40_000);
    }
    await server.run();
    for (let i = 0; i < 4; i++) expect(Buffer.compare(server.peer.contentOf(1 + 2 * i), contentOf(i))).toBe(0);
    expect(server.outcome).toBe(undefined);
  });

  test("both ways between a client and a server with windows of 65,535", async () => {
    const windows = { initialWindowBytes: 65_535, connectionWindowBytes: 65_535 } as const;
    const joined = await join((request) => new HttpResponse(200, undefined, request.body), {
      client: windows,
      server: { ...windows, ...plain },
    });
    const received = [0, 1, 2, 3, 4, 5, 6, 7].map(async (i) => {
      const request = HttpRequest.post("http://a.test/", full(contentOf(i)));
      const response = await joined.sender.send(request);
      return (await collect(response.body)).bytes();
    });
    let done: Uint8Array[] | undefined;
    Promise.all(received).then((all) => {
      done = all;
    });
    for (let round = 0; round < 200 && done === undefined; round++) await joined.run();
    expect(done?.length).toBe(8);
    for (const [i, content] of (done ?? []).entries()) expect(Buffer.compare(content, contentOf(i))).toBe(0);
  });
});

test("nothing is left over: what was granted beyond what is sent stays the stream's own", async () => {
  const target = await start("server");
  target.peer.headers(1, get(), { endStream: true });
  await expectFrames(target, [okText(1)]);
  expect(target.peer.granted(0)).toBe(65_535);
});

test("a client whose response ends while its request waits for window keeps the response", async () => {
  const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 3 } });
  const sent = send(client, HttpRequest.post("http://a.test/", full("content")));
  await client.run();
  client.peer.take();
  client.peer.headers(1, status(200));
  client.peer.data(1, "answer", { endStream: true });
  await expectSent(client, sent, "200");
  const reading = readResponse(sent);
  await expectQuiet(client);
  expect(reading).toMatchObject({ pieces: ["answer"], outcome: "ended" });
  client.peer.windowUpdate(1, 100);
  await expectFrames(client, ["DATA 1 END_STREAM 4 tent"]);
});
