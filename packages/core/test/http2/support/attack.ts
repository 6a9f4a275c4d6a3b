/**
 * The vocabulary of attack tests: a connection under attack, what its defences told the observer, and another
 * connection of the same process that must not notice any of it.
 *
 * ```ts
 * const target = await attackServer(ok);
 * target.peer.batch(() => times(1001, (i) => ...));
 * const answers = await expectDefended(target, { ..., counter: ["resets", 1001] });
 * ```
 */
import { isTrailers } from "@sluice/body";
import { type HttpRequest, HttpResponse, type Observer } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { expect } from "vitest";
import { latin1 } from "../../support/wire.ts";
import { type ClientUnderTest, connectH2 } from "./client.ts";
import { expectFrames } from "./expectations.ts";
import { frameText } from "./frame-text.ts";
import { get, post } from "./messages.ts";
import { type ErrorCode, errorCodes, errorNumber, nameOf } from "./names.ts";
import { okText, type ServerUnderTest, serveH2 } from "./server.ts";
import type { Setup, UnderTest } from "./under-test.ts";

export type Call = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** What was told to the observer of a connection. */
export interface Watched {
  /** The last count of each thing that defences count, as `defenceCounted` told it. */
  readonly counts: ReadonlyMap<string, number>;
  /** Requests that the service was called with. */
  readonly requests: readonly HttpRequest[];
  readonly bystander: Bystander;
}

/** A connection of the same process that is in the middle of a request while another one is attacked. */
export interface Bystander {
  /** It goes on as if nothing had happened. */
  expectUnharmed(): Promise<void>;
}

/** A server whose peer is going to attack it. */
export async function attackServer(
  call: Call,
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<ServerUnderTest & Watched> {
  const watched = await newWatched();
  const counted = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    watched.requests.push(request);
    return call(request);
  };
  const server = await serveH2(counted, { observer: watched.observer, ...options }, setup);
  return Object.assign(server, watched);
}

/** A client whose peer is going to attack it. */
export async function attackClient(
  options: http2.ClientOptions = {},
  setup: Setup = {},
): Promise<ClientUnderTest & Watched> {
  const watched = await newWatched();
  const client = await connectH2({ observer: watched.observer, ...options }, setup);
  return Object.assign(client, watched);
}

async function newWatched(): Promise<Watched & { requests: HttpRequest[]; observer: Observer }> {
  const counts = new Map<string, number>();
  const observer: Observer = { defenceCounted: (name, count) => void counts.set(name, count) };
  return { counts, observer, requests: [], bystander: await newBystander() };
}

async function newBystander(): Promise<Bystander> {
  const pieces: string[] = [];
  const server = await serveH2(async ({ body }) => {
    for await (const frame of body) if (!isTrailers(frame)) pieces.push(latin1(frame));
    return new HttpResponse(200);
  });
  server.peer.headers(1, post());
  server.peer.data(1, "first");
  await expectFrames(server, []);
  return {
    async expectUnharmed() {
      server.peer.data(1, "second", { endStream: true });
      await expectFrames(server, [okText(1)]);
      expect(pieces).toEqual(["first", "second"]);
    },
  };
}

/** How a connection ends that was attacked. */
export interface Defence {
  readonly lastStreamId: number;
  readonly code: ErrorCode;
  /** All of the debug data of GOAWAY, which is the message of the error as well. */
  readonly debug: string;
  readonly kind?: string;
  readonly errorCode: string;
  /** What the observer was told last, of this name. */
  readonly counter?: readonly [name: string, count: number];
}

/**
 * The attack has led to GOAWAY. What comes after that is swallowed, the transport is released once the peer ends its
 * side, no alarm stays behind, and the bystander goes on. Returns the frames that were written before GOAWAY.
 */
export async function expectDefended(target: UnderTest & Watched, defence: Defence): Promise<string[]> {
  const { lastStreamId, code, debug, kind = "limit", errorCode, counter } = defence;
  await target.run();
  const called = target.requests.length;
  moreOfEverything(target);
  await target.run();
  const frames = target.peer.takeFrames();
  const last = frames.pop();
  const codeName = nameOf(errorCodes, errorNumber(code));
  expect(last === undefined ? "nothing was written" : frameText(last)).toBe(
    frameText({ type: "GOAWAY", lastStreamId, code: codeName, debug }),
  );
  if (counter !== undefined) expect([counter[0], target.counts.get(counter[0])]).toEqual(counter);
  expect(target.requests).toHaveLength(called);
  expect([target.io.isShutdown, target.io.isAborted]).toEqual([true, false]);
  target.peer.end();
  await target.run();
  expect(target.peer.take()).toEqual([]);
  const { outcome, timer } = target;
  expect({ aborted: target.io.isAborted, pending: timer.pending, outcome: factsOf(outcome) }).toEqual({
    aborted: true,
    pending: 0,
    outcome: [kind, errorCode, errorNumber(code), debug],
  });
  await target.bystander.expectUnharmed();
  return frames.map(frameText);
}

/** The attack has led to nothing but these frames, and not to the end; the bystander goes on. */
export async function expectEndured(target: UnderTest & Watched, frames: readonly string[]): Promise<void> {
  await expectFrames(target, frames);
  await target.bystander.expectUnharmed();
}

/** Input that a connection which is over must not react to. */
function moreOfEverything({ peer }: UnderTest): void {
  const id = 0x7fff_fffd;
  peer.batch(() => {
    peer.ping("ffffffffffffffff");
    peer.settings({ INITIAL_WINDOW_SIZE: 1 });
    if (peer.role === "client") peer.headers(id, get("/too-late"), { endStream: true });
    peer.windowUpdate(0, 0);
    peer.raw(0x9, 0, 77, "00");
    peer.raw(0x3, 0, 0, "00");
  });
}

function factsOf(outcome: UnderTest["outcome"]): unknown {
  return outcome === undefined || outcome === null
    ? outcome
    : [outcome.kind, outcome.code, outcome.reason, outcome.message];
}

/** Calls `action` with 0, 1, 2, and so on. */
export function times(count: number, action: (index: number) => void): void {
  for (let index = 0; index < count; index++) action(index);
}

/** How often each line stands in a list. */
export function tally(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

/** The id of the `index`th stream of a client. */
export function streamId(index: number): number {
  return 2 * index + 1;
}

/** A service that does not answer before it is told to, and how many calls of it there are. */
export interface BlockedService {
  readonly call: Call;
  readonly running: number;
  /** The most calls at a time. */
  readonly most: number;
  release(): void;
}

export function blockedService(): BlockedService {
  let waiting: (() => void)[] = [];
  let most = 0;
  return {
    call: () =>
      new Promise((resolve) => {
        waiting.push(() => resolve(new HttpResponse(200)));
        most = Math.max(most, waiting.length);
      }),
    get running() {
      return waiting.length;
    },
    get most() {
      return most;
    },
    release() {
      const released = waiting;
      waiting = [];
      for (const go of released) go();
    },
  };
}
