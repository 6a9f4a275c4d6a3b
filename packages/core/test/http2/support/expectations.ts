/**
 * How a connection stands, in both roles: what it wrote since the last look and nothing else, and how it ended. Each
 * lets everything happen first.
 */
import { expect } from "vitest";
import { frameText } from "./frame-text.ts";
import { type ErrorCode, errorCodes, errorNumber, nameOf } from "./names.ts";
import { pass, type UnderTest } from "./under-test.ts";

/** Exactly these frames were written since the last look (see `frame-text.ts`), and nothing is ended. */
export async function expectFrames(target: UnderTest, frames: readonly string[]): Promise<void> {
  await target.run();
  expect(target.peer.take()).toEqual(frames);
  expect(standing(target)).toEqual(open);
}

/** Nothing was written since the last look, and nothing is ended. */
export async function expectQuiet(target: UnderTest): Promise<void> {
  await expectFrames(target, []);
}

/** Behind these frames our stream was ended; once the peer ends its own, the connection is over without an error. */
export async function expectClosed(target: UnderTest, frames: readonly string[] = []): Promise<void> {
  await target.run();
  expect(target.peer.take()).toEqual(frames);
  await expectEnd(target, null);
}

/** As `expectClosed`, with an error of this kind and code. */
export async function expectFailed(
  target: UnderTest,
  frames: readonly string[],
  kind: string,
  errorCode: string,
): Promise<void> {
  await target.run();
  expect(target.peer.take()).toEqual(frames);
  await expectEnd(target, `${kind} ${errorCode}`);
}

/**
 * A connection error: this GOAWAY and nothing else was written since the last look, and our stream was ended behind it.
 * Once the peer has ended its own, the transport is released, and `closed` rejects with the same reason and message.
 *
 * @param messageStart How the debug data begin; all of them if empty.
 * @param lingerMs If given, the peer does not end its stream, and the transport is released after exactly this long.
 */
export async function expectGoAway(
  target: UnderTest,
  lastStreamId: number,
  code: ErrorCode,
  messageStart: string,
  kind: string,
  errorCode: string,
  lingerMs?: number,
): Promise<void> {
  await target.run();
  const frames = target.peer.takeFrames();
  const [frame] = frames;
  const debug = frame?.type === "GOAWAY" ? frame.debug : "";
  const start = messageStart === "" ? debug : debug.slice(0, messageStart.length);
  const texts = frames.map((other) => frameText(other.type === "GOAWAY" ? { ...other, debug: start } : other));
  const codeName = nameOf(errorCodes, errorNumber(code));
  expect(texts).toEqual([frameText({ type: "GOAWAY", lastStreamId, code: codeName, debug: messageStart })]);
  await expectEnd(target, `${kind} ${errorCode}`, lingerMs);
  expect([target.outcome?.reason, target.outcome?.message]).toEqual([errorNumber(code), debug]);
}

/** Behind these frames the transport was reset, without an orderly end, because of an error of this kind and code. */
export async function expectAborted(
  target: UnderTest,
  frames: readonly string[],
  kind: string,
  errorCode: string,
): Promise<void> {
  await target.run();
  expect(target.peer.take()).toEqual(frames);
  expect({ ...standing(target), pending: target.timer.pending }).toEqual({
    shutdown: false,
    aborted: true,
    outcome: `${kind} ${errorCode}`,
    pending: 0,
  });
}

interface Standing {
  readonly shutdown: boolean;
  readonly aborted: boolean;
  readonly outcome: string | null | undefined;
}

const open: Standing = { shutdown: false, aborted: false, outcome: undefined };

function standing({ io, outcome }: UnderTest): Standing {
  return {
    shutdown: io.isShutdown,
    aborted: io.isAborted,
    outcome: outcome === undefined || outcome === null ? outcome : `${outcome.kind} ${outcome.code}`,
  };
}

/** Our stream was ended; the transport is released when the peer ends its own, or without that after `lingerMs`. */
async function expectEnd(target: UnderTest, outcome: string | null, lingerMs?: number): Promise<void> {
  expect(target.io.isShutdown).toBe(true);
  if (lingerMs !== undefined) {
    await pass(target, lingerMs - 1);
    expect(target.io.isAborted).toBe(false);
    await pass(target, 1);
  } else if (!target.io.isAborted) {
    target.peer.end();
    await target.run();
  }
  expect(target.peer.take()).toEqual([]);
  expect({ ...standing(target), pending: target.timer.pending }).toEqual({
    shutdown: true,
    aborted: true,
    outcome,
    pending: 0,
  });
}
