/**
 * The connection's window (RFC 9113 sections 5.1, 6.9): of what was received on any streams in any order, whatever became
 * of it, each octet is open to the peer, held for a stream that has it, or about to be given back; and in the end, when
 * the streams are gone, nothing is held. With it, the streams are counted rightly at any time.
 */
import type { Body } from "@sluice/body";
import { full } from "@sluice/body";
import { type Connection, HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { rawFrame } from "../support/frames.ts";
import { post, status } from "../support/messages.ts";
import { frameTypes } from "../support/names.ts";
import { faults, machineOf } from "../support/scrutiny.ts";
import { stage, type UnderTest } from "../support/under-test.ts";
import { watchUnhandled } from "../support/unhandled.ts";

const unhandled = watchUnhandled();

/** What happens next, to one of the streams so far or to one that is new. */
interface Step {
  readonly what:
    | ("open" | "data" | "part of data" | "end" | "trailers" | "reset" | "break" | "acknowledge" | "go away")
    | ("answer" | "fail" | "take" | "cancel" | "release" | "window" | "connection window" | "shut down" | "wait");
  readonly stream: number;
  readonly length: number;
  readonly padding: number | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom<Step["what"]>(
    ...([
      "open",
      "open",
      "open",
      "data",
      "data",
      "data",
      "data",
      "data",
      "part of data",
      "end",
      "trailers",
      "reset",
    ] as const),
    ...(["break", "acknowledge", "go away", "answer", "answer", "fail", "take", "take", "cancel", "cancel"] as const),
    ...(["release", "window", "connection window", "shut down", "wait"] as const),
  ),
  stream: fc.nat(4),
  length: fc.oneof(fc.nat(20), fc.nat(3000)),
  padding: fc.option(fc.nat(255), { nil: undefined }),
});

const plan = fc.record({
  byHand: fc.boolean(),
  steps: fc.array(step, { maxLength: 25 }),
  /** Chunks end within frames. */
  cut: fc.integer({ min: 1, max: 2000 }),
  options: fc.record(
    {
      initialWindowBytes: fc.constantFrom(0, 3000, 100_000),
      connectionWindowBytes: fc.constantFrom(65_535, 70_000),
      maxBodyBytes: fc.constantFrom(2000, Number.POSITIVE_INFINITY),
      maxRememberedResets: fc.constantFrom(0, 1, 1000),
      rememberResetsMs: fc.constantFrom(0, 100),
      // No defence steps in.
      provokedResetsBurst: fc.constant(1000),
    },
    { requiredKeys: [] },
  ),
});

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

/** What the program has of a stream. */
interface Content {
  take(): void;
  cancel(): void;
  release(bytes: number): void;
  answer(): void;
  fail(): void;
}

interface Case {
  readonly target: UnderTest;
  readonly connection: http2.Http2Connection;
  /** By the order of streams; those that the program never saw are missing. */
  readonly contents: Map<number, Content>;
  /** Makes a new stream, on which the peer may send. */
  open(): void | Promise<void>;
  opened: number;
  /** What is to follow of a DATA frame. */
  rest: Uint8Array | undefined;
}

function ofBody(body: Body, answer: () => void, fail: () => void): Content {
  return {
    take: () => void settled(() => body.frame()),
    cancel: () => body.cancel(),
    release: () => {},
    answer,
    fail,
  };
}

function ofStream(body: http2.RecvStream, answer: () => void, fail: () => void): Content {
  if (body.id % 4 === 1) body.releaseManually();
  return {
    take: () => void settled(() => body.data()),
    cancel: () => body.discard(),
    release: (bytes) => body.flowControl.releaseCapacity(Math.min(bytes, body.flowControl.usedCapacity)),
    answer,
    fail,
  };
}

/** Somebody reads already, or it is over, or will be. */
async function settled(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch {}
}

function server({ byHand, cut, options }: Plan): Case {
  const target = stage("client", { tear: () => cut });
  const contents: Case["contents"] = new Map();
  const given = { ...options, maxConcurrentStreams: 4 };
  const at = (request: HttpRequest): number => Number(request.headers.get("x-at"));
  let connection: http2.Http2Connection;
  if (byHand) {
    const accepting = http2.accept(target.io, given);
    connection = accepting.connection;
    void settled(async () => {
      for await (const { request, body, respond } of accepting) {
        const answer = (): void => void settled(() => respond.sendResponse(new HttpResponse(200), true));
        contents.set(
          at(request),
          ofStream(body, answer, () => respond.sendReset()),
        );
      }
    });
  } else {
    const service = (request: HttpRequest): Promise<HttpResponse> =>
      new Promise((resolve, reject) => {
        const answer = (): void => resolve(new HttpResponse(200, undefined, full("fine")));
        contents.set(
          at(request),
          ofBody(request.body, answer, () => reject(new Error("no"))),
        );
      });
    connection = http2.serve(target.io, serviceFn(service), given);
  }
  target.peer.preface();
  target.peer.settings();
  const made: Case = {
    target,
    connection,
    contents,
    opened: 0,
    rest: undefined,
    open: () => {
      const index = made.opened++;
      target.peer.headers(1 + 2 * index, post("/", ["x-at", String(index)]));
    },
  };
  return made;
}

async function client({ byHand, cut, options }: Plan): Promise<Case> {
  const target = stage("server", { tear: () => cut });
  const contents: Case["contents"] = new Map();
  const streams = byHand ? http2.connect(target.io, options) : undefined;
  const made = streams === undefined ? await http2.handshake(target.io, options) : undefined;
  const connection = (streams?.connection ?? made?.connection) as http2.Http2Connection;
  target.peer.settings();
  const open = async (): Promise<void> => {
    const index = result.opened;
    const before = machineOf(connection).streams.store.lastLocalId;
    const controller = new AbortController();
    const request = HttpRequest.get("http://a.test/");
    const respond = (): void => target.peer.headers(1 + 2 * index, status(200));
    if (streams === undefined) {
      const response = made?.sender.send(request, { signal: controller.signal });
      const received = response?.then(({ body }) => {
        contents.set(
          index,
          ofBody(
            body,
            () => {},
            () => controller.abort(),
          ),
        );
      });
      received?.catch(() => {});
    } else {
      await settled(() => {
        const { response, send } = streams.sendRequest(request, { endStream: true });
        const received = response.then(({ body }) => {
          contents.set(
            index,
            ofStream(
              body,
              () => {},
              () => send.sendReset(),
            ),
          );
        });
        received.catch(() => {});
      });
    }
    target.timer.advance(0);
    if (machineOf(connection).streams.store.lastLocalId === before) return;
    result.opened++;
    respond();
  };
  const result: Case = { target, connection, contents, opened: 0, rest: undefined, open };
  return result;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

/** What the peer does, behind a frame that is whole. */
const byPeer: ReadonlySet<Step["what"]> = new Set([
  ...(["open", "data", "part of data", "end", "trailers", "reset", "break", "acknowledge", "go away"] as const),
]);

function complete(made: Case): void {
  const { rest, target } = made;
  made.rest = undefined;
  if (rest !== undefined) target.peer.octets(rest);
}

/** Does a step; what the peer sends keeps to the connection's window, whatever the stream's says. */
async function act(made: Case, next: Step): Promise<void> {
  const { target, connection, contents, opened } = made;
  const { peer, timer } = target;
  const { what, length, padding } = next;
  const index = next.stream % Math.max(1, opened);
  const id = 1 + 2 * index;
  const content = contents.get(index);
  if (byPeer.has(what)) complete(made);
  if (what === "open") await made.open();
  else if (what === "acknowledge") peer.settingsAck();
  else if (what === "window") connection.setInitialWindow(length);
  else if (what === "connection window") connection.setConnectionWindow(length * 40);
  else if (what === "shut down") connection.gracefulShutdown();
  else if (what === "wait") timer.advance(60);
  else if (opened === 0) return;
  else if (what === "data" || what === "end") {
    if (length + 256 > peer.allowance(0)) return;
    peer.data(id, length, { ...(padding === undefined ? {} : { padding }), endStream: what === "end" });
  } else if (what === "part of data") {
    if (length + 256 > peer.allowance(0)) return;
    const frame = rawFrame(frameTypes.DATA, 0, id, new Uint8Array(length));
    const first = 9 + Math.floor(length / 2);
    peer.octets(frame.subarray(0, first));
    if (first < frame.length) made.rest = frame.subarray(first);
  } else if (what === "trailers") peer.headers(id, [["x-trailer", "1"]], { endStream: true });
  else if (what === "reset") peer.rst(id, "CANCEL");
  else if (what === "break") peer.windowUpdate(id, 2 ** 31 - 1);
  else if (what === "go away" && peer.role === "server") peer.goAway(id);
  else if (what === "answer") content?.answer();
  else if (what === "fail") content?.fail();
  else if (what === "take") content?.take();
  else if (what === "cancel") content?.cancel();
  else if (what === "release") content?.release(length);
}

async function play(made: Case, { steps, byHand }: Plan): Promise<void> {
  const { target, connection, contents } = made;
  const machine = machineOf(connection as Connection);
  const { window } = machine.inbound;
  const found: string[] = [];
  const rest = async (): Promise<void> => {
    await turns();
    target.timer.advance(0);
    found.push(...faults(machine, byHand));
    const known = target.peer.allowance(0);
    // A frame counts from where it begins, for the peer when all of it was sent.
    if (machine.isOver || made.rest !== undefined) return;
    if (known !== window.window) found.push(`the peer knows of ${known}, not of ${window.window}`);
  };
  for (const next of steps) {
    await act(made, next);
    await rest();
  }
  for (const content of contents.values()) {
    content.fail();
    content.cancel();
  }
  complete(made);
  await rest();
  if (!machine.isOver) for (let index = 0; index < made.opened; index++) target.peer.rst(1 + 2 * index, "CANCEL");
  await rest();
  expect(found).toEqual([]);
  expect(window.held).toBe(0);
  expect(machine.streams.store.size).toBe(0);
  if (!machine.isOver) expect(target.peer.allowance(0) + window.unannounced).toBe(window.target);
  connection.abort();
  await turns();
  expect(target.timer.pending).toBe(0);
  expect(unhandled()).toEqual([]);
}

for (const [role, make] of [
  ["server", server],
  ["client", client],
] as const) {
  test(
    `[h2-180, h2-303] a ${role} accounts for all that it receives`,
    async () => {
      await fc.assert(
        fc.asyncProperty(plan, async (given) => play(await make(given), given)),
        runs(10_000),
      );
    },
    propertyTimeoutMs,
  );
}
