/**
 * What the tests of HTTP/2 servers and clients share: a connection, its transport and clock, and a peer driven by hand.
 */
import type { Connection, HttpError } from "@sluice/core";
import { type FakeTimer, fakeTimer, type ScriptedIo, type ScriptedIoOptions, scriptedIo } from "@sluice/util/memory";
import { quiet } from "../../support/joined.ts";
import type { Role } from "./output-rules.ts";
import { Peer, type SettingEntries } from "./peer.ts";

export interface UnderTest {
  /** The transport; for what was written ask the peer. */
  readonly io: ScriptedIo;
  readonly timer: FakeTimer;
  readonly peer: Peer;
  /** The error `closed` rejected with; `null` once it resolved; `undefined` while it is open. */
  outcome: HttpError | null | undefined;
  /** Lets everything happen that takes no time. */
  run(): Promise<void>;
}

/** How a test starts, beside the options of the transport. */
export interface Setup extends Omit<ScriptedIoOptions, "timer"> {
  /** False to leave the exchange of prefaces to the test. Default: true. */
  readonly handshake?: boolean;
  /** The peer's first SETTINGS. Default: none of them. */
  readonly settings?: SettingEntries;
}

/** A transport, its clock, and the peer at its other end. */
export function stage(peerRole: Role, setup: Setup): UnderTest {
  const { handshake: _, settings: __, ...ioOptions } = setup;
  const timer = fakeTimer();
  const io = scriptedIo([], { ...ioOptions, timer });
  return { io, timer, peer: new Peer(io, peerRole), outcome: undefined, run: () => runAll(timer) };
}

function runAll(timer: FakeTimer): Promise<void> {
  return quiet(() => {
    if (timer.nextDelayMs > 0) return false;
    timer.advance(0);
    return true;
  });
}

/** Takes down how the connection ends. */
export function watch(connection: Connection, target: UnderTest): void {
  connection.closed.then(
    () => {
      target.outcome = null;
    },
    (error: HttpError) => {
      target.outcome = error;
    },
  );
}

/**
 * The exchange of prefaces and settings (RFC 9113 section 3.4), to its end: the peer speaks, each acknowledges the
 * other's SETTINGS, and what the connection wrote meanwhile was looked at.
 */
export async function shakeHands({ peer, run }: UnderTest, settings: SettingEntries = {}): Promise<void> {
  peer.batch(() => {
    if (peer.role === "client") peer.preface();
    peer.settings(settings);
  });
  await run();
  peer.settingsAck();
  await run();
  const seen = peer.take();
  const kinds = seen.map((line) => line.replace(/^SETTINGS (?!ACK).*/, "SETTINGS").replace(/ \+\d+$/, ""));
  const first = peer.role === "server" ? ["PREFACE", "SETTINGS"] : ["SETTINGS"];
  for (const expected of [
    [...first, "WINDOW_UPDATE 0", "SETTINGS ACK"],
    [...first, "SETTINGS ACK"],
  ]) {
    if (kinds.join() === expected.join()) return;
  }
  throw new Error(`the handshake went differently: ${seen.join(", ")}`);
}

/** Lets time pass, and then everything happen that takes none. */
export async function pass({ timer, run }: UnderTest, ms: number): Promise<void> {
  timer.advance(ms);
  await run();
}
