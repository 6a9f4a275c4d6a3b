/**
 * How a transport cuts what a peer sends means nothing: the same octets, right or wrong, bring about the same events, the
 * same frames and the same end, in whatever pieces they come.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { joined } from "../support/octets.ts";
import type { Role } from "../support/output-rules.ts";
import { Session } from "../support/session.ts";
import { octetsOf, type Traffic, traffic } from "../support/traffic.ts";

/** The sizes of pieces, over and over. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2000 })), {
  minLength: 1,
  maxLength: 6,
});

function* pieces(octets: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, index = 0; at < octets.length; index++) {
    const end = at + (lengths[index % lengths.length] ?? 1);
    yield octets.slice(at, end);
    at = end;
  }
}

interface Outcome {
  readonly events: readonly string[];
  readonly settled: readonly string[];
  readonly answers: readonly string[];
  readonly end: string | undefined;
  readonly credit: number;
  readonly stalls: number;
}

/** Plays the traffic with a rest behind each `stride` acts, and tells what came of it. */
async function outcome(
  role: Role,
  plan: Traffic,
  stride: number,
  cut: (octets: Uint8Array) => Iterable<Uint8Array>,
): Promise<Outcome> {
  const session = await Session.start(role);
  const acts = octetsOf(plan, role === "server" ? "client" : "server");
  for (let at = 0; at < acts.length; at += stride) {
    const octets = joined(acts.slice(at, at + stride));
    if (octets.length === 0) continue;
    for (const piece of cut(octets)) session.io.push(piece);
    await session.rest();
  }
  const window = session.machine?.inbound.window;
  // Credit is given back sooner or later, but all of it is accounted for.
  const credit = window === undefined ? 0 : window.window + window.unannounced;
  session.io.push(null);
  await session.finish();
  const { events, settled, answers, outcome: end, stalls } = session;
  return { events, settled: settled.sort(), answers, end, credit, stalls };
}

test(
  "pieces of any sizes bring about what the whole does",
  async () => {
    const scenario = fc.tuple(
      fc.constantFrom<Role>("server", "client"),
      traffic(2),
      fc.integer({ min: 1, max: 16 }),
      sizes,
    );
    await fc.assert(
      fc.asyncProperty(scenario, async ([role, plan, stride, lengths]) => {
        const whole = await outcome(role, plan, stride, (octets) => [octets]);
        const cut = await outcome(role, plan, stride, (octets) => pieces(octets, lengths));
        // What waits for a window is sent when all that came with the window has been looked at.
        if (whole.stalls === 0 && cut.stalls === 0) expect(cut).toEqual(whole);
        expect(cut.end).toEqual(whole.end);
      }),
      runs(20_000),
    );
  },
  propertyTimeoutMs,
);
