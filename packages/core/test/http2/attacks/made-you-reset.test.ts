/**
 * MadeYouReset (CVE-2025-8671): the six ways in which a client can make the server reset a stream whose request it has
 * taken for good, so that the work goes on and the place among the concurrent streams is free again.
 */
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

interface Primitive {
  readonly name: string;
  /** What the stream is reset with. */
  readonly code: string;
  /** Whether the request ends with its head. */
  readonly endStream: boolean;
  provoke(peer: Peer, id: number): void;
}

const primitives: readonly Primitive[] = [
  {
    name: "WINDOW_UPDATE of 0",
    code: "PROTOCOL_ERROR",
    endStream: true,
    provoke: (peer, id) => peer.windowUpdate(id, 0),
  },
  {
    name: "WINDOW_UPDATE beyond 2^31-1",
    code: "FLOW_CONTROL_ERROR",
    endStream: true,
    provoke: (peer, id) => peer.windowUpdate(id, 2 ** 31 - 1),
  },
  {
    name: "PRIORITY with a length other than 5",
    code: "FRAME_SIZE_ERROR",
    endStream: true,
    provoke: (peer, id) => peer.raw(0x2, 0, id, "00000000"),
  },
  {
    name: "PRIORITY that depends on itself",
    code: "PROTOCOL_ERROR",
    endStream: true,
    provoke: (peer, id) => peer.priority(id, { dependency: id }),
  },
  {
    name: "HEADERS behind END_STREAM",
    code: "STREAM_CLOSED",
    endStream: true,
    provoke: (peer, id) => peer.headers(id, [["late", "1"]], { endStream: true }),
  },
  {
    name: "DATA behind END_STREAM",
    code: "STREAM_CLOSED",
    endStream: true,
    provoke: (peer, id) => peer.data(id, "late"),
  },
];

function attack(peer: Peer, { provoke, endStream }: Primitive, first: number, count: number): void {
  peer.batch(() =>
    times(count, (index) => {
      const id = streamId(first + index);
      peer.headers(id, endStream ? get() : post(), { endStream });
      provoke(peer, id);
    }),
  );
}

for (const primitive of primitives) {
  describe(`CVE-2025-8671 MadeYouReset by ${primitive.name}`, () => {
    test("CVE-2025-8671: the handlers that go on are as many as streams may be open, and the rest ends the connection", async () => {
      const service = blockedService();
      const server = await attackServer(service.call);
      attack(server.peer, primitive, 0, 640);
      await server.run();
      expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
        [`RST_STREAM ${primitive.code}`]: 640,
      });
      expect([service.running, service.most, server.requests.length]).toEqual([128, 128, 128]);
      expect(server.requests.every(({ signal }) => signal.aborted)).toBe(true);
      attack(server.peer, primitive, 640, 1);
      const answers = await expectDefended(server, {
        lastStreamId: streamId(640),
        code: "ENHANCE_YOUR_CALM",
        debug:
          "too_many_early_resets: at most 512 are accepted of requests that wait for handlers of streams that were reset, got 513",
        errorCode: "TOO_MANY_WAITING_REQUESTS",
        counter: ["provokedResets", 640],
      });
      expect([answers, service.most]).toEqual([[], 128]);
    });

    test("CVE-2025-8671: 1024 resets that were provoked at once are let pass, one more is too many", async () => {
      const service = blockedService();
      const server = await attackServer(service.call);
      for (let done = 0; done < 1024; done += 128) {
        attack(server.peer, primitive, done, 128);
        await server.run();
        expect(server.peer.take()).toHaveLength(128);
        service.release();
        await expectQuiet(server);
      }
      attack(server.peer, primitive, 1024, 1);
      const answers = await expectDefended(server, {
        lastStreamId: streamId(1024),
        code: "ENHANCE_YOUR_CALM",
        debug:
          "too_many_internal_resets: at most 1024 at once and 33 per second are accepted of stream errors that we had to answer with RST_STREAM",
        errorCode: "TOO_MANY_PROVOKED_RESETS",
        counter: ["provokedResets", 1025],
      });
      expect([answers, service.most]).toEqual([[], 128]);
    });
  });
}

test("CVE-2025-8671: one reset that was provoked leaves the other streams alone", async () => {
  const service = blockedService();
  const server = await attackServer(service.call);
  server.peer.headers(1, get(), { endStream: true });
  server.peer.headers(3, get(), { endStream: true });
  server.peer.windowUpdate(1, 0);
  await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
  service.release();
  await expectEndured(server, [okText(3)]);
});

test("CVE-2025-8671: on streams that were answered at once, where nothing is left to reset", async () => {
  const server = await attackServer(ok);
  server.peer.batch(() =>
    times(1024, (index) => {
      server.peer.headers(streamId(index), get(), { endStream: true });
      server.peer.data(streamId(index), "");
    }),
  );
  await server.run();
  expect(tally(server.peer.take().map((line) => line.replace(/ \d+ /, " ")))).toEqual({
    "HEADERS END_STREAM :status=200 content-length=0": 1024,
    "RST_STREAM STREAM_CLOSED": 1024,
  });
  server.peer.headers(streamId(1024), get(), { endStream: true });
  server.peer.data(streamId(1024), "");
  const answers = await expectDefended(server, {
    lastStreamId: streamId(1024),
    code: "ENHANCE_YOUR_CALM",
    debug:
      "too_many_internal_resets: at most 1024 at once and 33 per second are accepted of stream errors that we had to answer with RST_STREAM",
    errorCode: "TOO_MANY_PROVOKED_RESETS",
    counter: ["provokedResets", 1025],
  });
  expect(answers).toEqual([okText(streamId(1024))]);
});
