/**
 * DATA that costs the receiver more than the sender: empty frames (CVE-2019-9518), which flow control does not see, and
 * tiny ones (RUSTSEC-2026-0258), of which a window holds far more than it holds octets of memory.
 */

import { HttpResponse, HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackClient,
  attackServer,
  blockedService,
  expectDefended,
  expectEndured,
  streamId,
  times,
} from "../support/attack.ts";
import { outcomeOf, send } from "../support/client.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { post, status } from "../support/messages.ts";
import { okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const pending = (): Promise<HttpResponse> => new Promise(() => {});

const tooManyEmpty = {
  lastStreamId: 1,
  code: "ENHANCE_YOUR_CALM",
  debug:
    "too_many_data_frames: at most 100 at once and 10 per second are accepted of empty DATA frames that ended nothing",
  errorCode: "TOO_MANY_EMPTY_DATA",
} as const;

describe("CVE-2019-9518 empty DATA", () => {
  for (const [what, padding] of [
    ["without anything", undefined],
    ["with padding alone", 10],
  ] as const) {
    const options = padding === undefined ? {} : { padding };

    test(`[h2-351] CVE-2019-9518: a hundred frames ${what} are let pass, ten more a second, and not one more`, async () => {
      const server = await attackServer(pending);
      server.peer.headers(1, post());
      server.peer.batch(() => times(100, () => server.peer.data(1, "", options)));
      await expectQuiet(server);
      await pass(server, 1000);
      server.peer.batch(() => times(10, () => server.peer.data(1, "", options)));
      await expectQuiet(server);
      server.peer.data(1, "", options);
      expect(await expectDefended(server, { ...tooManyEmpty, counter: ["emptyData", 111] })).toEqual([]);
    });

    test(`[h2-351] CVE-2019-9518: frames ${what} on a client`, async () => {
      const client = await attackClient();
      const sent = send(client, Requests.get("http://a.test/"));
      await client.run();
      client.peer.take();
      client.peer.headers(1, status(200));
      client.peer.batch(() => times(100, () => client.peer.data(1, "", options)));
      await expectQuiet(client);
      client.peer.data(1, "", options);
      const answers = await expectDefended(client, { ...tooManyEmpty, lastStreamId: 0, counter: ["emptyData", 101] });
      expect([answers, outcomeOf(sent)]).toEqual([[], "200"]);
      expect(() => sent.response?.body.frame()).toThrow(/^too_many_data_frames: /);
    });
  }

  test("[h2-351] frames that end a stream are none too many", async () => {
    const service = blockedService();
    const server = await attackServer(service.call);
    for (let done = 0; done < 1280; done += 128) {
      server.peer.batch(() =>
        times(128, (index) => {
          server.peer.headers(streamId(done + index), post());
          server.peer.data(streamId(done + index), "", { endStream: true });
        }),
      );
      await expectQuiet(server);
      service.release();
      await expectFrames(
        server,
        Array.from({ length: 128 }, (_, index) => okText(streamId(done + index))),
      );
    }
    expect(server.counts.get("emptyData")).toBe(undefined);
    await expectEndured(server, []);
  });

  test("[h2-352] no empty frame reaches whoever reads", async () => {
    let frames = 0;
    let octets = 0;
    const server = await attackServer(async ({ body }) => {
      for await (const frame of body) {
        frames++;
        octets += (frame as Uint8Array).length;
      }
      return pending();
    });
    server.peer.headers(1, post());
    for (let round = 0; round < 30; round++) {
      times(3, () => server.peer.data(1, "", round % 2 === 0 ? {} : { padding: 5 }));
      server.peer.data(1, "x");
      await expectQuiet(server);
    }
    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    expect([frames, octets]).toEqual([30, 30]);
  });

  test("CVE-2019-9518: empty frames on a stream that we have reset are no way around: they are glitches", async () => {
    const server = await attackServer(pending, { rememberResetsMs: 60_000 });
    server.peer.headers(1, post());
    server.peer.windowUpdate(1, 0);
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    server.peer.batch(() => times(10_000, () => server.peer.data(1, "")));
    await expectQuiet(server);
    server.peer.data(1, "");
    await expectDefended(server, {
      lastStreamId: 1,
      code: "ENHANCE_YOUR_CALM",
      debug:
        "too_many_glitches: at most 10000 at once and 330 per second are accepted of frames that are ignored; last: ignoredFrame",
      errorCode: "TOO_MANY_GLITCHES",
      counter: ["ignoredFrame", 10_001],
    });
  });
});

describe("RUSTSEC-2026-0258 small DATA", () => {
  test("RUSTSEC-2026-0258: frames of one octet that nobody reads fill their window and no more; one more breaks it", async () => {
    const window = 20_000;
    const server = await attackServer(pending, { initialWindowBytes: window });
    server.peer.headers(1, post());
    for (let done = 0; done < window; done += 1000)
      server.peer.batch(() => times(1000, () => server.peer.data(1, "x")));
    await expectQuiet(server);
    expect(server.peer.allowance(1)).toBe(0);
    server.peer.data(1, "x");
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    await server.bystander.expectUnharmed();
  });

  test("RUSTSEC-2026-0258: what is joined costs the reader one chunk, not one for each frame", async () => {
    const frames: number[] = [];
    let start: (() => void) | undefined;
    const server = await attackServer(async ({ body }) => {
      await new Promise<void>((resolve) => {
        start = resolve;
      });
      for await (const frame of body) frames.push((frame as Uint8Array).length);
      return pending();
    });
    server.peer.headers(1, post());
    server.peer.batch(() => times(20_000, () => server.peer.data(1, "x")));
    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    start?.();
    await expectQuiet(server);
    expect(frames).toEqual([16_384, 3616]);
  });

  test("RUSTSEC-2026-0258: small parts that cannot be joined stop the connection from reading, and reading them lets it go on", async () => {
    // The smallest windows, and more streams than their budget has room for.
    const reading: (() => void)[] = [];
    const server = await attackServer(
      async ({ body }) => {
        await new Promise<void>((resolve) => reading.push(resolve));
        for await (const _ of body);
        return pending();
      },
      { connectionWindowBytes: 65_535, maxConcurrentStreams: 200 },
    );
    const { peer } = server;
    peer.batch(() => times(200, (index) => peer.headers(streamId(index), post())));
    await expectQuiet(server);
    // Each costs 255 octets beside its own; half of the budget of 64 KiB is what reading stops at.
    times(200, (index) => peer.data(streamId(index), "x"));
    await expectQuiet(server);
    expect([server.io.isReading, server.io.remaining]).toEqual([false, 200 - 129]);
    peer.ping();
    await expectQuiet(server);
    for (const read of reading) read();
    await expectEndured(server, ["PING ACK 0011223344556677"]);
    expect([server.io.isReading, server.io.remaining]).toEqual([true, 0]);
  });

  test("RUSTSEC-2026-0258: content that is given up gives its costs back", async () => {
    const server = await attackServer(
      async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return new HttpResponse(200);
      },
      { connectionWindowBytes: 65_535, maxConcurrentStreams: 60 },
    );
    const { peer } = server;
    for (let round = 0; round < 20; round++) {
      const first = 60 * round;
      peer.batch(() => times(60, (index) => peer.headers(streamId(first + index), post())));
      peer.batch(() => times(60, (index) => peer.data(streamId(first + index), "x")));
      peer.batch(() => times(60, (index) => peer.rst(streamId(first + index), "CANCEL")));
      await expectQuiet(server);
      expect(server.io.isReading).toBe(true);
      await pass(server, 1000);
    }
    // Those that wait to be called have nothing to read either.
    const service = blockedService();
    const other = await attackServer(service.call, { connectionWindowBytes: 65_535, maxConcurrentStreams: 60 });
    for (let round = 0; round < 5; round++) {
      const ids = Array.from({ length: 60 }, (_, index) => streamId(60 * round + index));
      other.peer.batch(() => {
        for (const id of ids) other.peer.headers(id, post());
        for (const id of ids) other.peer.data(id, "x");
        for (const id of ids) other.peer.rst(id, "CANCEL");
      });
      await expectQuiet(other);
      expect(other.io.isReading).toBe(true);
    }
    await expectEndured(other, []);
  });
});
