/**
 * The connection's window among streams (RFC 9113 section 6.9): capacity is taken when a frame is written, so a stream that
 * ends, rests, or waits for anything else holds none of it.
 */
import { BaseBody, channel, type Frame, full, SizeHint } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { type Held, serveHeld } from "./support/held.ts";
import { get, post, status } from "./support/messages.ts";

function octets(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x78);
}

function answer(length: number): HttpResponse {
  return new HttpResponse(200, undefined, full(octets(length)));
}

/** Streams 1 and 3 are to be answered, the connection's window is used up, and both responses wait for it. */
async function twoWaiting(settings: Record<string, number> = {}): Promise<Held> {
  const held = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 100_000, ...settings } });
  const { peer } = held.server;
  peer.headers(1, post());
  peer.headers(3, get(), { endStream: true });
  await expectQuiet(held.server);
  held.call(0).respond(answer(70_000));
  await held.server.run();
  held.call(1).respond(answer(1000));
  await held.server.run();
  expect(peer.granted(0)).toBe(0);
  expect(peer.take().at(-1)).toBe("HEADERS 3 :status=200 content-length=1000");
  return held;
}

/** Asks for and gives nothing but its end, when it is told. */
class Pulled extends BaseBody {
  pulls = 0;
  canceled = false;
  readonly #chunks: Uint8Array[];

  constructor(chunks: readonly Uint8Array[]) {
    super();
    this.#chunks = [...chunks];
  }

  frame(): Frame | null {
    this.pulls++;
    return this.#chunks.shift() ?? null;
  }

  override isEndStream(): boolean {
    return false;
  }

  override sizeHint(): SizeHint {
    return SizeHint.unknown;
  }

  cancel(): void {
    this.canceled = true;
  }
}

describe("[h2-184, h2-207, h2-208] a stream that is closed while it waits leaves the window to others", () => {
  for (const [what, close, frames] of [
    ["by the peer's reset", ({ server }: Held) => server.peer.rst(1, "CANCEL"), []],
    [
      "by a reset of ours for an error of the peer",
      ({ server }: Held) => server.peer.windowUpdate(1, 0),
      ["RST_STREAM 1 PROTOCOL_ERROR"],
    ],
  ] as const) {
    test(what, async () => {
      const held = await twoWaiting();
      const { server } = held;
      close(held);
      await expectFrames(server, frames);
      server.peer.windowUpdate(0, 600);
      await expectFrames(server, ["DATA 3 600"]);
      server.peer.windowUpdate(0, 600);
      await expectFrames(server, ["DATA 3 END_STREAM 400"]);
      expect(server.peer.granted(0)).toBe(200);
    });
  }

  test("by the program: a client gives a request up", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 100_000 } });
    const controller = new AbortController();
    const first = send(client, HttpRequest.post("http://a.test/", full(octets(70_000))), { signal: controller.signal });
    send(client, HttpRequest.post("http://a.test/", full(octets(1000))));
    await client.run();
    client.peer.take();
    expect(client.peer.granted(0)).toBe(0);
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, first, "canceled CANCELED");
    client.peer.windowUpdate(0, 1000);
    await expectFrames(client, ["DATA 3 END_STREAM 1000"]);
  });

  test("by the body's own failure", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 100_000 } });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(8);
    call(0).respond(new HttpResponse(200, undefined, body));
    await server.run();
    await sender.sendData(octets(65_535));
    await server.run();
    server.peer.take();
    sender.abort(new Error("broken"));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    call(1).respond(answer(10));
    server.peer.windowUpdate(0, 10);
    await expectFrames(server, ["HEADERS 3 :status=200 content-length=10", "DATA 3 END_STREAM 10 xxxxxxxxxx"]);
  });

  test("by its own end, whatever is left of its own window", async () => {
    const { server } = await twoWaiting();
    server.peer.windowUpdate(0, 4465 + 999);
    await server.run();
    const sizes = server.peer
      .takeFrames()
      .map((frame) => (frame.type === "DATA" ? [frame.streamId, frame.length] : []));
    expect(sizes.reduce((sum, [, size]) => sum + (size ?? 0), 0)).toBe(5464);
    expect(server.peer.granted(0)).toBe(0);
    server.peer.windowUpdate(0, 1);
    await server.run();
    expect([server.peer.contentOf(1).length, server.peer.contentOf(3).length]).toEqual([70_000, 1000]);
  });
});

describe("[h2-204] a stream that may send no more takes nothing", () => {
  test("because its own window is closed by SETTINGS", async () => {
    const { server } = await twoWaiting();
    server.peer.settings({ INITIAL_WINDOW_SIZE: 1000 });
    await expectFrames(server, ["SETTINGS ACK"]);
    server.peer.windowUpdate(0, 5000);
    await expectFrames(server, ["DATA 3 END_STREAM 1000"]);
    expect(server.peer.granted(0)).toBe(4000);
    server.peer.windowUpdate(1, 70_000 - 1000);
    await expectFrames(server, ["DATA 1 4000"]);
  });

  test("because its body gives nothing for now", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    call(1).respond(answer(65_535));
    await server.run();
    expect(server.peer.contentOf(3).length).toBe(65_535);
    await sender.sendData("late");
    await server.run();
    server.peer.take();
    server.peer.windowUpdate(0, 4);
    await expectFrames(server, ["DATA 1 4 late"]);
  });
});

describe("[h2-209] a request that waits for a stream takes nothing of the window", () => {
  test("nor when INITIAL_WINDOW_SIZE is raised; it gets it when its turn comes", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 10 } });
    const first = send(client, HttpRequest.post("http://a.test/", full("0123456789abcde")));
    const body = new Pulled([octets(10)]);
    const second = send(client, HttpRequest.post("http://a.test/", body));
    const headers = (id: number, length: string): string =>
      `HEADERS ${id} :method=POST :scheme=http :authority=a.test :path=/${length}`;
    await expectFrames(client, [headers(1, " content-length=15"), "DATA 1 10 0123456789"]);
    expect(body.pulls).toBe(0);
    client.peer.settings({ INITIAL_WINDOW_SIZE: 15 });
    await expectFrames(client, ["SETTINGS ACK", "DATA 1 END_STREAM 5 abcde"]);
    expect(body.pulls).toBe(0);
    expect(client.peer.granted(0)).toBe(65_535 - 15);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, first, "200");
    await expectFrames(client, [headers(3, ""), "DATA 3 10 xxxxxxxxxx", "DATA 3 END_STREAM 0"]);
    client.peer.headers(3, status(204), { endStream: true });
    await expectSent(client, second, "204");
  });
});

describe("[h2-210] a body is asked for no more than can be sent", () => {
  test("one frame ahead of the window, and on as the window opens; never for nothing", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const body = new Pulled([octets(4), octets(4), octets(4)]);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect(body.pulls).toBe(1);
    server.peer.windowUpdate(1, 3);
    await expectFrames(server, ["DATA 1 3 xxx"]);
    expect(body.pulls).toBe(1);
    server.peer.windowUpdate(1, 1);
    await expectFrames(server, ["DATA 1 1 x"]);
    expect(body.pulls).toBe(2);
    server.peer.windowUpdate(1, 5);
    await expectFrames(server, ["DATA 1 4 xxxx", "DATA 1 1 x"]);
    expect(body.pulls).toBe(3);
  });

  test("[h2-210, h2-219] a reset ends the wait: the body is given up and asked no more", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const body = new Pulled([octets(4), octets(4)]);
    call(0).respond(new HttpResponse(200, undefined, body));
    await server.run();
    server.peer.take();
    server.peer.windowUpdate(1, 0);
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect([body.pulls, body.canceled]).toEqual([1, true]);
    server.peer.windowUpdate(1, 10);
    await expectQuiet(server);
  });
});

describe("[h2-214] a reset does not wait for the content before it", () => {
  test("a client gives a request up that has no window", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const controller = new AbortController();
    const sent = send(client, HttpRequest.post("http://a.test/", full("content")), { signal: controller.signal });
    await client.run();
    client.peer.take();
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    client.peer.windowUpdate(1, 100);
    client.peer.settings({ INITIAL_WINDOW_SIZE: 100 });
    await expectFrames(client, ["SETTINGS ACK"]);
  });

  test("the body of a response fails behind content that has no window", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(4);
    call(0).respond(new HttpResponse(200, undefined, body));
    await sender.sendData("content");
    await server.run();
    server.peer.take();
    sender.abort(new Error("broken"));
    await expectQuiet(server);
    // One frame is taken ahead; the failure is seen when it was sent.
    server.peer.windowUpdate(1, 7);
    await expectFrames(server, ["DATA 1 7 content", "RST_STREAM 1 INTERNAL_ERROR"]);
  });
});

describe("several writes", () => {
  test("[h2-215] many small frames in a row leave as they are, in one write", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    call(0).respond(
      new HttpResponse(200, undefined, new Pulled(["a", "bc", "def", "g"].map((text) => Buffer.from(text)))),
    );
    await server.run();
    expect(server.peer.takeWrites()).toEqual([
      ["HEADERS 1 :status=200", "DATA 1 1 a", "DATA 1 2 bc", "DATA 1 3 def", "DATA 1 1 g", "DATA 1 END_STREAM 0"],
    ]);
  });

  test("[h2-216] what is sent while the transport is full leaves once it drains, without anything else to wake it", async () => {
    const { server, call } = await serveHeld({}, { capacityBytes: 200 });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    server.io.drain();
    call(0).respond(answer(300));
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=300", "DATA 1 END_STREAM 300"]);
    // Now it is full.
    call(1).respond(answer(10));
    await expectQuiet(server);
    server.io.drain();
    await expectFrames(server, ["HEADERS 3 :status=200 content-length=10", "DATA 3 END_STREAM 10 xxxxxxxxxx"]);
  });

  test("[h2-216] content larger than the transport takes goes on with each drain, to the end", async () => {
    const { server, call } = await serveHeld({}, { capacityBytes: 20_000, settings: { INITIAL_WINDOW_SIZE: 2 ** 20 } });
    server.peer.windowUpdate(0, 2 ** 20);
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    call(0).respond(answer(300_000));
    let drains = 0;
    for (; server.peer.contentOf(1).length < 300_000 && drains < 100; drains++) {
      await server.run();
      server.io.drain();
    }
    expect(server.peer.contentOf(1).length).toBe(300_000);
    expect(drains).toBeGreaterThan(3);
  });
});

describe("[h2-219] a reset of the peer's ends what waits to be sent", () => {
  test("a body that waits for window, and one that waits for its own content", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    const body = new Pulled([octets(4)]);
    const { body: idle, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    call(1).respond(new HttpResponse(200, undefined, idle));
    await server.run();
    server.peer.take();
    server.peer.rst(1, "CANCEL");
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    expect(body.canceled).toBe(true);
    expect(sender.isClosed).toBe(true);
    for (const index of [0, 1]) {
      expect(call(index).request.signal.reason).toMatchObject({ kind: "incomplete", code: "STREAM_RESET", reason: 8 });
    }
  });

  test("a request of a client: its body is given up, and the request fails", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const body = new Pulled([octets(4)]);
    const sent = send(client, HttpRequest.post("http://a.test/", body));
    await client.run();
    client.peer.take();
    client.peer.rst(1, "INTERNAL_ERROR");
    await expectSent(client, sent, "incomplete STREAM_RESET INTERNAL_ERROR");
    expect(body.canceled).toBe(true);
    await expectQuiet(client);
  });

  test("a service that has not answered yet: its answer is dropped, and its body given up", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    server.peer.rst(1, "CANCEL");
    await server.run();
    const body = new Pulled([octets(4)]);
    call(0).respond(new HttpResponse(200, undefined, body));
    await expectQuiet(server);
    expect([body.pulls, body.canceled]).toEqual([0, true]);
  });
});

describe("frames that need no window never wait behind content that does (RFC 9113 5.2.2)", () => {
  test("PONG, SETTINGS ACK, HEADERS and RST_STREAM", async () => {
    const held = await twoWaiting();
    const { server } = held;
    server.peer.ping();
    server.peer.settings({ MAX_FRAME_SIZE: 20_000 });
    server.peer.headers(5, get("/ok"), { endStream: true });
    server.peer.headers(7, [[":method", "GET"]]);
    await expectFrames(server, [
      "PING ACK 0011223344556677",
      "SETTINGS ACK",
      "HEADERS 5 END_STREAM :status=200 content-length=0",
      "RST_STREAM 7 PROTOCOL_ERROR",
    ]);
  });
});
