/**
 * Responses that come before the request has been sent whole (RFC 9113 section 8.1), and requests that are given up while
 * they are being sent.
 */
import { type Body, fromIterable } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectWorks } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { status } from "./support/messages.ts";
import { read } from "./support/reading.ts";

interface Endless {
  readonly body: Body;
  /** How often the body was given up. */
  returned: number;
}

/** Content of one octet, and then nothing for ever. */
function endless(): Endless {
  let started = false;
  const result: Endless = {
    returned: 0,
    body: fromIterable({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (started) return new Promise<IteratorResult<Uint8Array>>(() => {});
          started = true;
          return Promise.resolve({ done: false as const, value: Uint8Array.of(0x61) });
        },
        return: () => {
          result.returned++;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    }),
  };
  return result;
}

async function posting(
  options: http2.SendOptions = {},
): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent; readonly content: Endless }> {
  const client = await connectH2();
  const content = endless();
  const sent = send(client, HttpRequest.post("http://a.test/", content.body), options);
  await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/", "DATA 1 1 a"]);
  return { client, sent, content };
}

describe("a client whose response comes early", () => {
  test.each([
    ["without trailers", undefined],
    ["with trailers", [["t", "1"]] as const],
  ])("[hyper-195] gets it all, %s, and goes on sending", async (_, trailers) => {
    const { client, sent, content } = await posting();
    client.peer.headers(1, status(200));
    client.peer.data(1, "early", { endStream: trailers === undefined });
    if (trailers !== undefined) client.peer.headers(1, trailers, { endStream: true });
    await expectSent(client, sent, "200");
    const reading = read((sent.response as HttpResponse).body);
    await expectQuiet(client);
    expect(reading).toEqual({ pieces: ["early"], trailers, outcome: "ended" });
    expect(content.returned).toBe(0);
  });

  test.each([
    ["without trailers", undefined],
    ["with trailers", [["t", "1"]] as const],
  ])(
    "[hyper-195] keeps it, %s, when the server resets the rest with NO_ERROR (RFC 9113 8.1), read or unread",
    async (_, trailers) => {
      for (const early of [true, false]) {
        const { client, sent, content } = await posting();
        client.peer.batch(() => {
          client.peer.headers(1, status(200));
          client.peer.data(1, "early", { endStream: trailers === undefined });
          if (trailers !== undefined) client.peer.headers(1, trailers, { endStream: true });
          if (early) client.peer.rst(1, "NO_ERROR");
        });
        await expectSent(client, sent, "200");
        const reading = read((sent.response as HttpResponse).body);
        await client.run();
        if (!early) client.peer.rst(1, "NO_ERROR");
        await expectQuiet(client);
        expect(reading).toEqual({ pieces: ["early"], trailers, outcome: "ended" });
        expect(content.returned).toBe(1);
        await expectWorks(client, 3);
      }
    },
  );

  test("stops sending for a status of 300 and more, and gives the stream up when the response is whole", async () => {
    const { client, sent, content } = await posting();
    client.peer.headers(1, status(413));
    await expectSent(client, sent, "413");
    expect(content.returned).toBe(1);
    const reading = read((sent.response as HttpResponse).body);
    await expectQuiet(client);
    client.peer.data(1, "too much", { endStream: true });
    await expectFrames(client, ["RST_STREAM 1 NO_ERROR"]);
    expect(reading).toEqual({ pieces: ["too much"], trailers: undefined, outcome: "ended" });
    await expectWorks(client, 3);
  });

  test("loses a response that is reset before its end, whatever the code", async () => {
    for (const code of ["NO_ERROR", "CANCEL"] as const) {
      const { client, sent, content } = await posting();
      client.peer.headers(1, status(200));
      client.peer.data(1, "half");
      await expectSent(client, sent, "200");
      const reading = read((sent.response as HttpResponse).body);
      await client.run();
      client.peer.rst(1, code);
      await expectQuiet(client);
      expect(reading).toEqual({ pieces: ["half"], trailers: undefined, outcome: `incomplete STREAM_RESET ${code}` });
      expect(content.returned).toBe(1);
      await expectWorks(client, 3);
    }
  });
});

describe("a client that gives up", () => {
  test("[hyper-196] the response it waits for: its content is not asked for any more", async () => {
    const controller = new AbortController();
    const { client, sent, content } = await posting({ signal: controller.signal });
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    expect(content.returned).toBe(1);
    await expectWorks(client, 3);
  });

  test("[hyper-196] the response it reads: the same", async () => {
    const { client, sent, content } = await posting();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    sent.response?.body.cancel();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    expect(content.returned).toBe(1);
    client.peer.data(1, "late", { endStream: true });
    await expectQuiet(client);
    await expectWorks(client, 3);
  });
});

describe("a stream that rests", () => {
  test("[hyper-197] holds nothing of the connection's window: others may use all of it", async () => {
    const { client } = await posting();
    const other = send(client, HttpRequest.post("http://a.test/", fromIterable([new Uint8Array(65_534)])));
    await client.run();
    expect(client.peer.contentOf(3).length).toBe(65_534);
    expect(client.peer.granted(0)).toBe(0);
    client.peer.headers(3, status(200), { endStream: true });
    await expectSent(client, other, "200");
  });

  test("[hyper-197] for want of its own window neither", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    send(client, HttpRequest.post("http://a.test/", fromIterable([new Uint8Array(100_000)])));
    send(client, HttpRequest.post("http://a.test/", fromIterable([new Uint8Array(65_535)])));
    await client.run();
    client.peer.windowUpdate(3, 100_000);
    await client.run();
    expect([client.peer.contentOf(1).length, client.peer.contentOf(3).length]).toEqual([0, 65_535]);
  });

  test("[hyper-197] with content that nobody reads, it holds no more than its own window", async () => {
    const client = await connectH2({ initialWindowBytes: 20_000, connectionWindowBytes: 65_535 });
    const first = send(client, HttpRequest.get("http://a.test/"));
    const second = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    client.peer.data(1, 16_000);
    client.peer.headers(3, status(200));
    await expectSent(client, first, "200");
    await expectSent(client, second, "200");
    const reading = read((second.response as HttpResponse).body);
    for (let frame = 0; frame < 20; frame++) {
      client.peer.data(3, 10_000);
      await client.run();
      expect(client.peer.allowance(0)).toBeGreaterThan(10_000);
    }
    expect(reading.pieces.join("").length).toBe(200_000);
    expect(client.peer.allowance(1)).toBe(4_000);
  });
});
