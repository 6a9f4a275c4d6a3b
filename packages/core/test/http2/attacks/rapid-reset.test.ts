/**
 * Rapid reset (CVE-2023-44487) and its relatives: streams that are opened and reset at once cost the peer nothing, and
 * free their place among the concurrent streams, while the work for them goes on.
 */
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackServer,
  blockedService,
  expectDefended,
  expectEndured,
  streamId,
  tally,
  times,
} from "../support/attack.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, post } from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import { ok, okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const limit = "at most 1000 at once and 100 per second are accepted of";
const tooManyResets = {
  code: "ENHANCE_YOUR_CALM",
  debug: `too_many_resets: ${limit} RST_STREAM received for streams that the peer opened`,
  errorCode: "TOO_MANY_RESETS",
} as const;

/** Streams from `first` on, each opened without END_STREAM and reset at once. */
function openAndReset(peer: Peer, first: number, count: number): void {
  peer.batch(() =>
    times(count, (index) => {
      peer.headers(streamId(first + index), post());
      peer.rst(streamId(first + index), "CANCEL");
    }),
  );
}

describe("CVE-2023-44487 rapid reset", () => {
  test("CVE-2023-44487: resets that cross ours are none: the requests were answered before they were looked at", async () => {
    const server = await attackServer(ok);
    for (let done = 0; done < 5000; done += 100) {
      openAndReset(server.peer, done, 100);
      await server.run();
    }
    expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
      "HEADERS END_STREAM :status=200 content-length=0": 5000,
      "RST_STREAM NO_ERROR": 5000,
    });
    expect([server.counts.get("resets"), server.counts.get("ignoredFrame")]).toEqual([undefined, 5000]);
    await expectEndured(server, []);
  });

  test("[h2-353] CVE-2023-44487: a thousand resets at once are let pass, one more is too many: GOAWAY 2001", async () => {
    const server = await attackServer(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return new HttpResponse(200);
    });
    // In batches, so that the service has answered in between and no request waits.
    for (let done = 0; done < 1000; done += 100) {
      openAndReset(server.peer, done, 100);
      await expectQuiet(server);
    }
    openAndReset(server.peer, 1000, 1);
    const answers = await expectDefended(server, {
      ...tooManyResets,
      lastStreamId: 2001,
      counter: ["resets", 1001],
    });
    expect(answers).toEqual([]);
    expect(server.requests).toHaveLength(1001);
    expect(server.requests.every((request) => request.signal.aborted)).toBe(true);
  });

  test("CVE-2023-44487: a hundred more a second are let pass", async () => {
    const server = await attackServer(() => new Promise(() => {}), {
      maxWaitingRequests: Number.POSITIVE_INFINITY,
    });
    openAndReset(server.peer, 0, 1000);
    await expectQuiet(server);
    for (let second = 1; second <= 20; second++) {
      await pass(server, 1000);
      openAndReset(server.peer, 1000 + 100 * (second - 1), 100);
      await expectQuiet(server);
    }
    await pass(server, 9);
    openAndReset(server.peer, 3000, 1);
    await expectDefended(server, { ...tooManyResets, lastStreamId: streamId(3000), counter: ["resets", 3001] });
  });

  test("CVE-2023-44487: resets on streams that are long over count as well", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.batch(() => times(1001, () => server.peer.rst(1, "CANCEL")));
    await expectDefended(server, { ...tooManyResets, lastStreamId: 1, counter: ["resets", 1001] });
  });
});

describe("work for streams that are gone", () => {
  const waiting =
    "too_many_early_resets: at most 512 are accepted of requests that wait for handlers of streams that were reset";

  test("[h2-248] CVE-2023-44487: no more calls of the service run than streams may be open, whatever is reset", async () => {
    const service = blockedService();
    const server = await attackServer(service.call, { maxConcurrentStreams: 10 });
    openAndReset(server.peer, 0, 500);
    await expectEndured(server, []);
    expect([service.running, server.requests.length]).toEqual([10, 10]);
    server.peer.headers(streamId(500), get("/live"), { endStream: true });
    await expectQuiet(server);
    // Those that were reset while they waited are never served.
    service.release();
    await expectQuiet(server);
    expect(server.requests.map((request) => request.target.path).slice(10)).toEqual(["/live"]);
    service.release();
    await expectFrames(server, [okText(streamId(500))]);
  });

  test("[h2-248, h2-358] CVE-2023-44487: ten blocked calls, and five times as many resets", async () => {
    const service = blockedService();
    const server = await attackServer(service.call, { maxConcurrentStreams: 10, maxWaitingRequests: 40 });
    openAndReset(server.peer, 0, 50);
    await expectQuiet(server);
    openAndReset(server.peer, 50, 1);
    await expectDefended(server, {
      lastStreamId: streamId(50),
      code: "ENHANCE_YOUR_CALM",
      debug: `${waiting.replace("512", "40")}, got 41`,
      errorCode: "TOO_MANY_WAITING_REQUESTS",
      counter: ["resets", 50],
    });
    expect([service.running, service.most]).toEqual([10, 10]);
  });

  test("[h2-358] CVE-2023-44487: by default 128 calls run, 512 requests wait, and not one more", async () => {
    const service = blockedService();
    const server = await attackServer(service.call);
    openAndReset(server.peer, 0, 640);
    await expectQuiet(server);
    openAndReset(server.peer, 640, 1);
    const answers = await expectDefended(server, {
      lastStreamId: streamId(640),
      code: "ENHANCE_YOUR_CALM",
      debug: `${waiting}, got 513`,
      errorCode: "TOO_MANY_WAITING_REQUESTS",
      counter: ["resets", 640],
    });
    expect([answers, service.most, server.requests.length]).toEqual([[], 128, 128]);
  });

  test("[h2-249] CVE-2023-26964: resets of streams that nobody has taken yet leave nothing behind", async () => {
    const service = blockedService();
    const server = await attackServer(service.call, { maxConcurrentStreams: 2 });
    // Two run; twenty-one that wait are reset, and the next ones get their turn in order.
    openAndReset(server.peer, 0, 23);
    await expectQuiet(server);
    times(2, (index) => server.peer.headers(streamId(23 + index), get(`/${index}`), { endStream: true }));
    service.release();
    await expectQuiet(server);
    expect(server.requests.map((request) => request.target.path)).toEqual(["/", "/", "/0", "/1"]);
    service.release();
    await expectFrames(server, [okText(47), okText(49)]);
    await server.bystander.expectUnharmed();
  });
});

test("CVE-2019-9514 reset flood: every invalid request is answered, until there are too many", async () => {
  const server = await attackServer(ok);
  server.peer.batch(() =>
    times(1024, (index) => server.peer.headers(streamId(index), [[":method", "GET"]], { endStream: true })),
  );
  await server.run();
  expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
    "RST_STREAM PROTOCOL_ERROR": 1024,
  });
  server.peer.headers(streamId(1024), [[":method", "GET"]], { endStream: true });
  const answers = await expectDefended(server, {
    lastStreamId: 0,
    code: "ENHANCE_YOUR_CALM",
    debug:
      "too_many_internal_resets: at most 1024 at once and 33 per second are accepted of stream errors that we had to answer with RST_STREAM",
    errorCode: "TOO_MANY_PROVOKED_RESETS",
    counter: ["provokedResets", 1025],
  });
  expect([answers, server.requests]).toEqual([[], []]);
});
