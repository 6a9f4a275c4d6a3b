/**
 * Peers that ask for much and take little: windows that stay shut or open by an octet at a time (CVE-2019-9511), and a
 * transport that takes nothing (CVE-2019-9517). What is kept is a frame of each body; and nothing is waited for without
 * end.
 */
import { BaseBody, type Body, type Frame, full } from "@sluice/body";
import { HttpResponse, HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  attackClient,
  attackServer,
  expectDefended,
  expectEndured,
  streamId,
  tally,
  times,
} from "../support/attack.ts";
import { expectSent, send } from "../support/client.ts";
import { expectAborted, expectFrames, expectQuiet } from "../support/expectations.ts";
import { get } from "../support/messages.ts";
import { pass } from "../support/under-test.ts";

const kib = 1024;

/** A body without end that counts what is taken of it. */
class Endless extends BaseBody {
  taken = 0;
  canceled = false;

  override frame(): Frame {
    this.taken++;
    return new Uint8Array(16 * kib);
  }

  override cancel(): void {
    this.canceled = true;
  }
}

function endless(bodies: Endless[]): () => HttpResponse {
  return () => {
    const body = new Endless();
    bodies.push(body);
    return new HttpResponse(200, {}, body as Body);
  };
}

const tooManyWindowUpdates = {
  lastStreamId: 1,
  code: "ENHANCE_YOUR_CALM",
  debug:
    "too_many_window_updates: at most 10000 at once and 330 per second are accepted of WINDOW_UPDATE received beyond ten per 16384 octets of DATA sent",
  errorCode: "TOO_MANY_WINDOW_UPDATES",
} as const;

describe("CVE-2019-9511 data dribble", () => {
  test("[h2-356] CVE-2019-9511: with windows of 0 one frame is taken of each body, and after stallTimeoutMs it is given up", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies), {}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const { peer } = server;
    times(128, (index) => peer.headers(streamId(index), get(), { endStream: true }));
    await expectFrames(
      server,
      Array.from({ length: 128 }, (_, index) => `HEADERS ${streamId(index)} :status=200`),
    );
    expect(tally(bodies.map(({ taken }) => String(taken)))).toEqual({ 1: 128 });
    await pass(server, 299_999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectEndured(
      server,
      Array.from({ length: 128 }, (_, index) => `RST_STREAM ${streamId(index)} CANCEL`),
    );
    expect(bodies.every(({ taken, canceled }) => taken === 1 && canceled)).toBe(true);
    expect(server.requests[0]?.signal.reason).toMatchObject({ kind: "timeout", code: "stallTimeoutMs" });
  });

  test("CVE-2019-9511: an octet at a time: ten thousand WINDOW_UPDATE are let pass beyond ten for each frame sent", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies), {}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const { peer } = server;
    peer.headers(1, get(), { endStream: true });
    await server.run();
    peer.take();
    // Each that is answered by a frame of an octet pays for ten of them: that goes on.
    times(20_000, () => peer.windowUpdate(1, 1));
    await server.run();
    expect(tally(peer.take())).toEqual({ "DATA 1 1": 20_000 });
    expect(bodies[0]?.taken).toBe(2);
    // A hundred at once are answered by one frame.
    const dribble = (rounds: number): void =>
      times(rounds, () => peer.batch(() => times(100, () => peer.windowUpdate(1, 1))));
    dribble(111);
    await server.run();
    expect(tally(peer.take())).toEqual({ "DATA 1 100": 111 });
    dribble(1);
    await expectDefended(server, { ...tooManyWindowUpdates, counter: ["windowUpdates", 31_111] });
  });

  test("CVE-2019-9511: WINDOW_UPDATE that lets nothing be sent", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies), {}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    const { peer } = server;
    peer.headers(1, get(), { endStream: true });
    await server.run();
    peer.take();
    peer.batch(() => times(10_000, () => peer.windowUpdate(0, 1)));
    await expectQuiet(server);
    peer.windowUpdate(0, 1);
    const answers = await expectDefended(server, {
      ...tooManyWindowUpdates,
      counter: ["windowUpdates", 10_001],
    });
    expect([answers, bodies[0]?.taken, bodies[0]?.canceled]).toEqual([[], 1, true]);
  });

  test("CVE-2019-9511: WINDOW_UPDATE on a stream that is over", async () => {
    const server = await attackServer(() => new HttpResponse(200));
    const { peer } = server;
    peer.headers(1, get(), { endStream: true });
    await server.run();
    peer.take();
    peer.batch(() => times(10_000, () => peer.windowUpdate(1, 1)));
    await expectQuiet(server);
    peer.windowUpdate(1, 1);
    await expectDefended(server, {
      ...tooManyWindowUpdates,
      counter: ["windowUpdates", 10_001],
    });
  });

  test("CVE-2019-9511: an octet now and then does not stall, so only the transport's owner can end it", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies), {}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    for (let round = 0; round < 10; round++) {
      await pass(server, 200_000);
      server.peer.windowUpdate(1, 1);
      await expectFrames(server, ["DATA 1 1"]);
    }
    expect(bodies[0]?.taken).toBe(1);
  });

  test("CVE-2019-9511: windows made smaller by SETTINGS: nothing is sent below 0, and what stalls is given up", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies));
    const { peer } = server;
    peer.headers(1, get(), { endStream: true });
    await server.run();
    expect([peer.contentOf(1).length, peer.granted(1)]).toEqual([65_535, 0]);
    peer.take();
    peer.settings({ INITIAL_WINDOW_SIZE: 0 });
    await expectFrames(server, ["SETTINGS ACK"]);
    peer.windowUpdate(0, 1_000_000);
    peer.windowUpdate(1, 65_535);
    await expectQuiet(server);
    await pass(server, 300_000);
    await expectEndured(server, ["RST_STREAM 1 CANCEL"]);
  });

  test("CVE-2019-9511: the window of the connection stays shut: all streams that wait for it are given up", async () => {
    const bodies: Endless[] = [];
    const server = await attackServer(endless(bodies));
    const { peer } = server;
    times(3, (index) => peer.headers(streamId(index), get(), { endStream: true }));
    await server.run();
    expect(peer.granted(0)).toBe(0);
    peer.take();
    await pass(server, 299_999);
    await expectQuiet(server);
    await pass(server, 1);
    await server.run();
    expect(peer.take().sort()).toEqual(["RST_STREAM 1 CANCEL", "RST_STREAM 3 CANCEL", "RST_STREAM 5 CANCEL"]);
    expect(bodies.every(({ canceled }) => canceled)).toBe(true);
    await server.bystander.expectUnharmed();
  });

  test("[h2-356] CVE-2019-9511: an upload that the server lets stall is given up by the client", async () => {
    const client = await attackClient();
    const body = new Endless();
    const sent = send(client, new Requests("POST", "http://a.test/", {}, body), { timeouts: { requestTimeoutMs: 0 } });
    await client.run();
    expect(client.peer.contentOf(1).length).toBe(65_535);
    client.peer.take();
    await pass(client, 299_999);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "timeout stallTimeoutMs");
    expect([body.taken, body.canceled]).toEqual([4, true]);
    await client.bystander.expectUnharmed();
  });
});

describe("CVE-2019-9517 internal data buffering", () => {
  test("[h2-356] CVE-2019-9517: windows wide open, and the transport takes nothing: a frame or two of each body are kept, for writeTimeoutMs", async () => {
    const bodies: Endless[] = [];
    const capacityBytes = 100 * kib;
    const setup = { settings: { INITIAL_WINDOW_SIZE: 2 ** 31 - 1 }, capacityBytes };
    const server = await attackServer(endless(bodies), {}, setup);
    const { peer } = server;
    peer.windowUpdate(0, 2 ** 31 - 1 - 65_535);
    times(128, (index) => peer.headers(streamId(index), get(), { endStream: true }));
    await server.run();
    const written = server.io.written.length;
    // What the transport takes before it says no, and 64 KiB that leave in the same write.
    expect(written).toBeLessThanOrEqual(capacityBytes + 96 * kib);
    const taken = bodies.reduce((sum, body) => sum + body.taken, 0);
    expect(taken * 16 * kib - written).toBeLessThanOrEqual((128 + 5) * 16 * kib);
    peer.take();
    await pass(server, 29_999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectAborted(server, [], "timeout", "writeTimeoutMs");
    expect(bodies.reduce((sum, body) => sum + body.taken, 0)).toBe(taken);
    expect(bodies.every(({ canceled }) => canceled)).toBe(true);
    await server.bystander.expectUnharmed();
  });

  test("[h2-356] each octet that the transport takes gives it time again", async () => {
    const setup = { settings: { INITIAL_WINDOW_SIZE: 2 ** 31 - 1 }, capacityBytes: 1000 };
    const server = await attackServer(() => new HttpResponse(200, {}, full(new Uint8Array(4 * 1024 * kib))), {}, setup);
    server.peer.windowUpdate(0, 2 ** 31 - 1 - 65_535);
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    for (let round = 0; round < 5; round++) {
      await pass(server, 29_000);
      server.io.drain();
      await server.run();
      expect(server.outcome).toBe(undefined);
    }
    server.peer.take();
    await pass(server, 30_000);
    await expectAborted(server, [], "timeout", "writeTimeoutMs");
  });
});
