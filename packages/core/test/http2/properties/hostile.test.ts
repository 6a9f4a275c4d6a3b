/**
 * Whatever a peer sends, right, wrong or cut off: nothing is thrown, the books stay even, no more is held than is said here,
 * and behind an error that ends the connection nothing comes of anything any more.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { joined } from "../support/octets.ts";
import type { Role } from "../support/output-rules.ts";
import type { Received } from "../support/received.ts";
import { faults } from "../support/scrutiny.ts";
import { Session } from "../support/session.ts";
import { type Act, octetsOf, traffic } from "../support/traffic.ts";
import { watchUnhandled } from "../support/unhandled.ts";

const unhandled = watchUnhandled();

const role = fc.constantFrom<Role>("server", "client");
const otherRole = { server: "client", client: "server" } as const;

const options = fc.record(
  {
    maxConcurrentStreams: fc.constantFrom(0, 1, 2),
    initialWindowBytes: fc.constantFrom(0, 100, 5000),
    connectionWindowBytes: fc.constant(65_535),
    maxHeaderListBytes: fc.constantFrom(150, 1000),
    maxHeaders: fc.constantFrom(2, 128),
    maxBodyBytes: fc.constantFrom(10, Number.POSITIVE_INFINITY),
    maxRememberedResets: fc.constantFrom(0, 1000),
    headerTableBytes: fc.constantFrom(0, 4096),
    glitchesBurst: fc.constantFrom(1, 1000),
    emptyDataBurst: fc.constantFrom(1, 100),
    resetsBurst: fc.constantFrom(1, 100),
    provokedResetsBurst: fc.constantFrom(1, 100),
  },
  { requiredKeys: [] },
);

/**
 * Gives the connection octets as far as it takes them. Returns what was wrong with it at any rest.
 * @param shutAt Before which piece it is shut down.
 */
async function feed(session: Session, pieces: readonly Uint8Array[], shutAt = -1): Promise<string[]> {
  const found: string[] = [];
  for (const [at, piece] of pieces.entries()) {
    if (at === shutAt) await session.shutDown();
    if (piece.length === 0) continue;
    session.io.push(piece);
    await session.rest();
    if (session.machine !== undefined) found.push(...faults(session.machine), ...excess(session, piece.length));
  }
  return found;
}

const frameBytes = 9 + 16_384;

/**
 * What a connection holds beyond its bounds, of what was received and of what it would answer if the transport took it.
 * Fields are as large as the limit on them times four at most, which `header-bombs.test.ts` shows.
 */
function excess({ backlog, machine }: Session, chunkBytes: number): string[] {
  if (machine === undefined || machine.isOver) return [];
  const { inbound, streams, driver } = machine;
  const unread = streams.store.all().reduce((sum, { queue }) => sum + (queue?.length ?? 0), 0);
  const bounds: readonly (readonly [what: string, is: number, bound: number])[] = [
    // One frame that is not complete, and the chunk where reading was stopped.
    ["of frames", backlog, frameBytes + chunkBytes],
    ["of content", unread, inbound.window.held],
    ["of the window", inbound.window.held, inbound.window.target],
    // What stops reading, and one answer.
    ["to be sent", driver.output.length, 65_536 + frameBytes],
  ];
  return bounds.filter(([, is, bound]) => is > bound).map((excessive) => excessive.join(" "));
}

function goAways(frames: readonly Received[]): number[] {
  return frames.flatMap((frame) => (frame.type === "GOAWAY" ? frame.lastStreamId : []));
}

describe("octets of any kind", () => {
  test(
    "leave a connection in order, or end it for good",
    async () => {
      const ending = fc.constantFrom("end", "reset", "silence");
      const flood = fc.constantFrom(0, 0, 0, 30);
      // Many are never shut down.
      const shutAt = fc.nat(20);
      const scenario = fc.tuple(role, traffic(3), flood, options, ending, fc.boolean(), traffic(0), shutAt);
      await fc.assert(
        fc.asyncProperty(scenario, async ([side, plan, times, given, end, stuck, more, shut]) => {
          const session = await Session.start(side, { options: given, ...(stuck && { capacityBytes: 100 }) });
          const again = new Array<readonly Act[]>(times).fill(plan.acts.slice(-1)).flat();
          const octets = octetsOf({ ...plan, acts: [...plan.acts, ...again] }, otherRole[side]);
          const flooded = octets.length - again.length;
          const pieces = [...octets.slice(0, flooded), joined(octets.slice(flooded))];
          const found = await feed(session, pieces, shut);
          expect(found).toEqual([]);
          if (session.machine?.isOver === true) await expectOver(session, octetsOf(more, otherRole[side]));
          if (end === "end") session.io.push(null);
          if (end === "reset") session.io.push(new Error("reset"));
          await session.finish();
          expectEnd(session);
        }),
        runs(20_000),
      );
    },
    propertyTimeoutMs,
  );

  test(
    "sent over and over do not fill the memory, whether what is answered is taken or not",
    async () => {
      const what = fc.constantFrom<Act["what"]>(
        "ping",
        "settings",
        "open",
        "data",
        "data",
        "window",
        "head",
        "unknown",
      );
      const size = fc.constantFrom(0, 1, 40, 400);
      const end = fc.nat(5).map((number) => number === 5);
      const one = fc.record({ what, variant: fc.nat(11), size, end });
      const scenario = fc.tuple(role, one, options, fc.boolean(), fc.integer({ min: 1, max: 200 }));
      await fc.assert(
        fc.asyncProperty(scenario, async ([side, repeated, given, stuck, chunk]) => {
          const session = await Session.start(side, { options: given, ...(stuck && { capacityBytes: 100 }) });
          const act: Act = { stream: 0, padding: undefined, continued: 0, ...repeated };
          const first: Act = { ...act, what: "open", variant: 9, end: false };
          const all = [first, ...new Array<Act>(6000).fill(act)];
          const octets = octetsOf({ acts: all, flaws: [] }, otherRole[side]);
          const chunks: Uint8Array[] = [];
          for (let at = 0; at < octets.length; at += chunk) chunks.push(joined(octets.slice(at, at + chunk)));
          expect(await feed(session, chunks)).toEqual([]);
          await session.finish();
          expectEnd(session);
        }),
        runs(60),
      );
    },
    propertyTimeoutMs,
  );
});

/** The connection has ended itself: whatever comes now is taken, and nobody is told. */
async function expectOver(session: Session, pieces: readonly Uint8Array[]): Promise<void> {
  const { io } = session;
  io.drain();
  await session.rest();
  const { deliveries } = session;
  const told = session.events.length;
  const written = session.io.written.length;
  io.push(joined(pieces));
  await session.rest();
  expect(session.deliveries).toBe(deliveries);
  expect(session.events.slice(told)).toEqual([]);
  expect(io.written.length).toBe(written);
  if (!io.isAborted) expect(io.remaining).toBe(0);
}

/** Nothing is left, and what was said last was the least. */
function expectEnd(session: Session): void {
  const { machine, io, timer, outcome, frames } = session;
  expect(unhandled()).toEqual([]);
  expect(outcome).not.toBe(undefined);
  expect(io.isAborted).toBe(true);
  expect(timer.pending).toBe(0);
  expect(machine?.closing.openStreams).toBe(0);
  if (machine !== undefined) expect(faults(machine)).toEqual([]);
  const last = goAways(frames);
  expect(last).toEqual([...last].sort((a, b) => b - a));
  const fatal = frames.findIndex((frame) => frame.type === "GOAWAY" && frame.code !== "NO_ERROR");
  if (fatal >= 0) expect(frames.slice(fatal + 1)).toEqual([]);
}
