/**
 * What a connection says of its end (RFC 9113 section 6.8): the last stream of a GOAWAY is never higher than that of the one
 * before, no stream above it comes to anything, and none that was under way is left out; in whatever order streams come and
 * go, the program shuts the connection down, time passes, and the peer breaks the rules.
 */
import { HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { get, post } from "../support/messages.ts";
import { faults, machineOf } from "../support/scrutiny.ts";
import { stage, watch } from "../support/under-test.ts";
import { watchUnhandled } from "../support/unhandled.ts";

const unhandled = watchUnhandled();

interface Step {
  readonly what:
    | ("open" | "open far" | "end" | "reset" | "answer" | "shut down" | "go away" | "wait")
    | ("pong" | "goaway of the peer" | "break a rule" | "end of input");
  readonly stream: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom<Step["what"]>(
    ...(["open", "open", "open", "open", "open far", "end", "reset", "answer", "answer", "shut down"] as const),
    ...([
      "shut down",
      "go away",
      "wait",
      "pong",
      "pong",
      "goaway of the peer",
      "break a rule",
      "end of input",
    ] as const),
  ),
  stream: fc.nat(4),
});

const plan = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 14 }),
  maxConcurrentStreams: fc.constantFrom(1, 100),
  maxRequestsPerConnection: fc.constantFrom(2, Number.POSITIVE_INFINITY),
});

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

async function play({ steps, ...options }: Plan): Promise<void> {
  const target = stage("client", {});
  const { peer, timer, io } = target;
  const answers: (() => void)[] = [];
  /** The highest stream that the service was called for. */
  let served = 0;
  const service = serviceFn(({ headers }) => {
    served = Math.max(served, Number(headers.get("x-stream")));
    return new Promise<HttpResponse>((resolve) => answers.push(() => resolve(new HttpResponse(204))));
  });
  const connection = http2.serve(io, service, options);
  watch(connection, target);
  const machine = machineOf(connection);
  const rest = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) await Promise.resolve();
    timer.advance(0);
  };
  const found: string[] = [];
  const pings: string[] = [];
  let last = Number.POSITIVE_INFINITY;
  let isFatal = false;
  const look = (): void => {
    for (const frame of peer.takeFrames()) {
      if (isFatal) found.push(`${frame.type} behind an error`);
      if (frame.type === "PING" && !frame.ack) pings.push(frame.payload);
      if (frame.type !== "GOAWAY") continue;
      if (frame.lastStreamId > last) found.push(`GOAWAY ${frame.lastStreamId} behind GOAWAY ${last}`);
      // What the program has seen, it may have acted upon.
      if (frame.lastStreamId < served) found.push(`GOAWAY ${frame.lastStreamId}, but ${served} was served`);
      last = frame.lastStreamId;
      isFatal = frame.code !== "NO_ERROR";
    }
    if (served > last) found.push(`${served} was served behind GOAWAY ${last}`);
  };

  peer.preface();
  peer.settings();
  let next = 1;
  for (const { what, stream } of steps) {
    const id = 1 + 2 * stream;
    if (what === "open" || what === "open far") {
      if (what === "open far") next += 2 * stream;
      const fields = [["x-stream", String(next)]] as const;
      if (stream % 2 === 0) peer.headers(next, get("/", ...fields), { endStream: true });
      else peer.headers(next, post("/", ...fields));
      next += 2;
    } else if (what === "end") {
      if (id < next) peer.data(id, 3, { endStream: true });
    } else if (what === "reset") {
      if (id < next) peer.rst(id, "CANCEL");
    } else if (what === "answer") answers.shift()?.();
    else if (what === "shut down") connection.gracefulShutdown();
    else if (what === "go away") connection.goAway(stream);
    else if (what === "wait") timer.advance(500);
    else if (what === "pong") peer.pingAck(pings.shift() ?? "0011223344556677");
    else if (what === "goaway of the peer") peer.goAway(0);
    else if (what === "break a rule") peer.continuation(1, get());
    else peer.end();
    await rest();
    look();
    found.push(...faults(machine));
    if (what === "end of input") break;
  }
  for (const answer of answers) answer();
  while (timer.pending > 0) {
    timer.advance(Math.max(1, timer.nextDelayMs));
    await rest();
  }
  look();
  expect(found).toEqual([]);
  expect(target.outcome).not.toBe(undefined);
  expect(machine.streams.store.size).toBe(0);
  expect(unhandled()).toEqual([]);
}

test(
  "a server's GOAWAY never takes back what it said, and means it",
  async () => {
    await fc.assert(fc.asyncProperty(plan, play), runs(20_000));
  },
  propertyTimeoutMs,
);
