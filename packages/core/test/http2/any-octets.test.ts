/**
 * Whatever comes and however it is cut: the same octets mean the same, nothing escapes the connection, and everything
 * settles.
 */
import { fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { type ScriptedIoOptions, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { connectH2, outcomeOf, type Sent, send } from "./support/client.ts";
import { expectAborted, expectQuiet } from "./support/expectations.ts";
import { frameText } from "./support/frame-text.ts";
import { encodeLines } from "./support/hpack.ts";
import { get, post, status } from "./support/messages.ts";
import { joined } from "./support/octets.ts";
import { Peer } from "./support/peer.ts";
import { read } from "./support/reading.ts";
import { roles, start } from "./support/roles.ts";
import { serveH2 } from "./support/server.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

/** The octets that a peer sends by `play`, from its preface on. */
function session(role: "client" | "server", play: (peer: Peer) => void): Uint8Array {
  const chunks: Uint8Array[] = [];
  const io = scriptedIo();
  const peer = new Peer(io, role);
  const { push } = io;
  io.push = (...steps) => {
    chunks.push(...(steps as Uint8Array[]));
    return push.call(io, ...steps);
  };
  if (role === "client") peer.preface();
  play(peer);
  return joined(chunks);
}

/** A client that does a bit of everything that is legal. */
const fromClient = session("client", (peer) => {
  const encoder = new HpackEncoder();
  peer.settings({ INITIAL_WINDOW_SIZE: 100, HEADER_TABLE_SIZE: 4096 });
  peer.settingsAck();
  peer.headers(1, encodeLines(encoder, get("/", ["x-entry", "value"])), { endStream: true, padding: 3 });
  peer.headers(3, encodeLines(encoder, post("/echo", ["x-entry", "value"])), { endHeaders: false });
  peer.continuation(3, new Uint8Array(0));
  peer.priority(7, { dependency: 3 });
  peer.data(3, "some content", { padding: 10 });
  peer.ping();
  peer.data(3, "and more");
  peer.raw(0x1f, 0xff, 5, "0011223344");
  peer.windowUpdate(0, 1000);
  peer.headers(3, encodeLines(encoder, [["x-trailer", "t"]]), { endStream: true });
  peer.headers(5, encodeLines(encoder, post("/echo")), { priority: { weight: 3 } });
  peer.windowUpdate(5, 5);
  peer.rst(5, "CANCEL");
  peer.priorityUpdate(9, "u=1");
  peer.headers(9, encodeLines(encoder, get("/big")), { endStream: true });
  peer.windowUpdate(9, 200);
  peer.settings([
    ["INITIAL_WINDOW_SIZE", 50],
    ["INITIAL_WINDOW_SIZE", 300],
  ]);
  peer.headers(11, encodeLines(encoder, get("/", ["X-Wrong", "1"])), { endStream: true });
  peer.data(1, "late");
});

const fromServer = session("server", (peer) => {
  const encoder = new HpackEncoder();
  peer.settings({ MAX_CONCURRENT_STREAMS: 10, INITIAL_WINDOW_SIZE: 10 });
  peer.settingsAck();
  peer.headers(1, encodeLines(encoder, status(103, ["link", "</x>"])));
  peer.headers(1, encodeLines(encoder, status(200, ["x-entry", "value"])), { endHeaders: false });
  peer.continuation(1, new Uint8Array(0));
  peer.windowUpdate(3, 10);
  peer.data(1, "some content", { padding: 255 });
  peer.ping();
  peer.windowUpdate(0, 100);
  peer.headers(3, encodeLines(encoder, status(404, ["x-entry", "value"])), { endStream: true });
  peer.data(1, "");
  peer.headers(1, encodeLines(encoder, [["x-trailer", "t"]]), { endStream: true });
  peer.headers(5, encodeLines(encoder, status(200, ["X-Wrong", "1"])));
  peer.headers(7, encodeLines(encoder, status(200)));
  peer.rst(7, 0x1234);
  peer.goAway(9, "NO_ERROR", "enough");
});

interface Run {
  readonly target: UnderTest;
  /** What the program saw. */
  seen(): unknown;
}

async function serverRun(octets: Uint8Array, io: ScriptedIoOptions = {}): Promise<Run> {
  const seen: unknown[] = [];
  const server = await serveH2(
    (request) => {
      const reading = read(request.body);
      seen.push([request.method, request.target.toString(), [...request.headers], reading]);
      if (request.target.path === "/big") return new HttpResponse(200, {}, full("b".repeat(1000)));
      return new HttpResponse(200, [["x-entry", "value"]], full("a"));
    },
    {},
    { ...io, handshake: false },
  );
  await push(server, octets);
  return { target: server, seen: () => seen.map((entry) => withText(entry)) };
}

async function clientRun(octets: Uint8Array, io: ScriptedIoOptions = {}): Promise<Run> {
  const client = await connectH2({}, { ...io, handshake: false });
  const trailers = (): Trailers => new Trailers(new HeaderMap([["x-end", "1"]]));
  const requests = [
    HttpRequest.get("http://a.test/"),
    HttpRequest.post("http://a.test/", full("0123456789".repeat(5))),
    HttpRequest.get("http://a.test/", { "x-entry": "value" }),
    HttpRequest.get("http://a.test/"),
    HttpRequest.post("http://a.test/", fromIterable(["x", trailers()])),
    HttpRequest.get("http://a.test/"),
  ];
  const sent = requests.map((request): Sent => send(client, request));
  await client.run();
  await push(client, octets);
  const bodies = sent.map(({ response }) => (response === undefined ? undefined : read(response.body)));
  await client.run();
  return {
    target: client,
    seen: () => sent.map((each, at) => [outcomeOf(each), [...(each.response?.headers ?? [])], withText([bodies[at]])]),
  };
}

/** Content as one text: how it is cut is not what a program may depend on. */
function withText(entry: unknown): unknown {
  return (entry as unknown[]).map((part) => {
    const reading = part as Partial<ReturnType<typeof read>> | undefined;
    return reading?.pieces === undefined ? part : { ...reading, pieces: reading.pieces.join("") };
  });
}

/** What a connection wrote: its frames in order, but content by stream, for its frames are as large as windows allow. */
function saidBy({ peer }: UnderTest): { readonly frames: readonly string[]; readonly content: readonly string[] } {
  const frames = peer.takeFrames();
  const streams = [...new Set(frames.flatMap((frame) => (frame.type === "DATA" ? frame.streamId : [])))].sort();
  return {
    frames: frames.filter((frame) => frame.type !== "DATA").map(frameText),
    content: streams.map((streamId) => {
      const ends = frames.some((frame) => frame.type === "DATA" && frame.streamId === streamId && frame.endStream);
      return `${streamId} ${Buffer.from(peer.contentOf(streamId)).toString()} ${ends ? "ended" : "open"}`;
    }),
  };
}

async function push(target: UnderTest, octets: Uint8Array): Promise<void> {
  if (octets.length > 0) target.peer.octets(octets);
  await target.run();
}

const sides = [
  ["server", fromClient, serverRun],
  ["client", fromServer, clientRun],
] as const;

describe.each(sides)("a %s", (_role, octets, run) => {
  test("[h2-059] sees and says the same, one octet at a time or all at once", async () => {
    const whole = await run(octets);
    const said = saidBy(whole.target);
    expect(said.frames.length).toBeGreaterThan(8);
    for (const size of [1, 2, 7, 9, 50]) {
      const cut = await run(octets, { tear: () => size });
      expect(cut.seen()).toEqual(whole.seen());
      expect(saidBy(cut.target)).toEqual(said);
      expect(cut.target.outcome).toEqual(whole.target.outcome);
    }
  });

  test("[h2-052] ends at any octet, and everything settles", async () => {
    for (let end = 0; end < octets.length; end++) {
      const { target, seen } = await run(octets.subarray(0, end));
      target.peer.end();
      await target.run();
      await pass(target, 1_000_000);
      expect([end, target.io.isAborted, target.timer.pending]).toEqual([end, true, 0]);
      expect(target.outcome === null || target.outcome?.kind !== undefined).toBe(true);
      expect(JSON.stringify(seen())).not.toMatch(/"pending"|"open"/);
    }
  });

  test("[h2-057] takes octets that were changed anywhere, without an exception and without an end to it", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 400; round++) {
      const changed = octets.slice();
      for (let count = 1 + random(4); count > 0; count--) {
        const at = random(2) === 0 ? random(changed.length) : Math.min(24 + random(200), changed.length - 1);
        changed[at] = random(3) === 0 ? (changed[at] as number) ^ (1 << random(8)) : random(256);
      }
      const from = random(8) === 0 ? random(changed.length) : 0;
      const { target, seen } = await run(joined([changed.subarray(0, from), changed]), { tear: () => 1 + random(60) });
      target.peer.end();
      await target.run();
      await pass(target, 1_000_000);
      const internal = target.outcome?.reason === 2;
      expect([round, internal, target.io.isAborted, target.timer.pending]).toEqual([round, false, true, 0]);
      expect(JSON.stringify(seen())).not.toMatch(/"pending"|"open"/);
      // What was written is well formed and allowed, or the peer throws.
      target.peer.take();
    }
  });
});

describe.each(roles)("a %s whose transport takes no more", (role) => {
  /** It has written more than there was room for. */
  async function blocked(): Promise<UnderTest> {
    const target = await start(role, { idleTimeoutMs: 0 }, { capacityBytes: 2000 });
    for (let i = 0; i < 150; i++) target.peer.ping();
    await target.run();
    target.peer.take();
    target.peer.batch(() => {
      for (let i = 0; i < 50; i++) target.peer.ping("00000000000000ff");
    });
    return target;
  }

  test("[h2-058] waits until it does, and does not spin", async () => {
    const target = await blocked();
    await expectQuiet(target);
    await pass(target, 29_999);
    await expectQuiet(target);
    target.io.drain();
    await target.run();
    expect(target.peer.take().filter((line) => line === "PING ACK 00000000000000ff").length).toBe(50);
  });

  test("[h2-058] gives up after writeTimeoutMs", async () => {
    const target = await blocked();
    await pass(target, 29_999);
    await expectQuiet(target);
    await pass(target, 1);
    await expectAborted(target, [], "timeout", "writeTimeoutMs");
  });
});
