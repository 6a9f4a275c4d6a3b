/**
 * The assertions of whole-connection tests, on a connection that is played by hand: each sees what it is there to see.
 */
import { fromIterable, HeaderMap, Trailers } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  expectAborted,
  expectClosed,
  expectFailed,
  expectFrames,
  expectGoAway,
  expectQuiet,
} from "./support/expectations.ts";
import { rawFrame } from "./support/frames.ts";
import { ascii, joined } from "./support/octets.ts";
import { read } from "./support/reading.ts";
import { pass, shakeHands, stage, type UnderTest } from "./support/under-test.ts";

/** A server that has greeted its peer. */
function greeted(): UnderTest {
  const target = stage("client", {});
  target.io.write([rawFrame(4, 0, 0)]);
  target.peer.take();
  return target;
}

/** An assertion that does not hold, and no other error. */
const failed = /^expected /;

const message = "DATA: must belong to a stream";

/** A server that does what a connection error asks for, as far as `target` is not told otherwise. */
function failing(
  change: {
    readonly before?: Uint8Array;
    readonly last?: string;
    readonly error?: HttpError;
    readonly alarmMs?: number;
  } = {},
): UnderTest {
  const target = greeted();
  const { before = new Uint8Array(0), last = "00000001", alarmMs } = change;
  const { error = new HttpError("protocol", "DATA_STREAM_ZERO", message, { reason: 1 }) } = change;
  const goAway = joined([Buffer.from(`${last}00000001`, "hex"), ascii(message)]);
  target.io.write([before, rawFrame(7, 0, 0, goAway)]);
  target.io.shutdown(() => {});
  const release = (): void => {
    alarm.cancel();
    target.io.abort();
    target.outcome = error;
  };
  const alarm = target.timer.schedule(2000, release);
  if (alarmMs !== undefined) target.timer.schedule(alarmMs, () => {});
  target.io.read(release);
  return target;
}

const expectIt = (target: UnderTest, lingerMs?: number): Promise<void> =>
  expectGoAway(target, 1, "PROTOCOL_ERROR", "DATA: must", "protocol", "DATA_STREAM_ZERO", lingerMs);

describe("expectGoAway", () => {
  test("sees a connection error, when the peer ends its stream and when it does not", async () => {
    await expectIt(failing());
    await expectIt(failing(), 2000);
  });

  for (const [what, target, lingerMs] of [
    ["another frame beside it", () => failing({ before: rawFrame(6, 0, 0, "0011223344556677") }), undefined],
    ["another last stream", () => failing({ last: "00000003" }), undefined],
    [
      "another kind",
      () => failing({ error: new HttpError("limit", "DATA_STREAM_ZERO", message, { reason: 1 }) }),
      undefined,
    ],
    ["another code", () => failing({ error: new HttpError("protocol", "OTHER", message, { reason: 1 }) }), undefined],
    [
      "another reason",
      () => failing({ error: new HttpError("protocol", "DATA_STREAM_ZERO", message, { reason: 2 }) }),
      undefined,
    ],
    [
      "another message",
      () => failing({ error: new HttpError("protocol", "DATA_STREAM_ZERO", "x", { reason: 1 }) }),
      undefined,
    ],
    ["an alarm that was left", () => failing({ alarmMs: 5000 }), undefined],
    ["a transport that is released too early", () => failing(), 2001],
    ["a transport that is released too late", () => failing(), 1999],
    ["no end", () => greeted(), undefined],
  ] as const) {
    test(`does not take ${what} for it`, async () => {
      await expect(expectIt(target(), lingerMs)).rejects.toThrow(failed);
    });
  }

  test("all of the debug data, if no start is given", async () => {
    await expect(expectGoAway(failing(), 1, "PROTOCOL_ERROR", "", "protocol", "DATA_STREAM_ZERO")).rejects.toThrow(
      failed,
    );
  });
});

describe("the other expectations", () => {
  test("expectFrames and expectQuiet: exactly these, and nothing is ended", async () => {
    const target = greeted();
    await expectQuiet(target);
    target.io.write([rawFrame(6, 0, 0, "0011223344556677")]);
    await expect(expectQuiet(target)).rejects.toThrow(failed);
    target.io.write([rawFrame(6, 0, 0, "0011223344556677")]);
    await expectFrames(target, ["PING 0011223344556677"]);
    target.io.shutdown(() => {});
    await expect(expectQuiet(target)).rejects.toThrow(failed);
  });

  test("what is due at once has happened before they look", async () => {
    const target = greeted();
    target.timer.schedule(0, () =>
      Promise.resolve().then(() =>
        target.timer.schedule(0, () => target.io.write([rawFrame(7, 0, 0, "0000000000000000")])),
      ),
    );
    target.timer.schedule(1, () => target.io.write([rawFrame(6, 0, 0, "0011223344556677")]));
    await expectFrames(target, ["GOAWAY 0 NO_ERROR"]);
    await pass(target, 1);
    await expectFrames(target, ["PING 0011223344556677"]);
  });

  test("expectClosed and expectFailed: with and without an error", async () => {
    const frame = `GOAWAY 1 PROTOCOL_ERROR: ${message}`;
    await expectFailed(failing(), [frame], "protocol", "DATA_STREAM_ZERO");
    await expect(expectFailed(failing(), [frame], "protocol", "OTHER")).rejects.toThrow(failed);
    await expect(expectClosed(failing(), [frame])).rejects.toThrow(failed);
    const target = greeted();
    target.io.shutdown(() => {});
    target.io.abort();
    target.outcome = null;
    await expectClosed(target);
  });

  test("expectAborted: no orderly end", async () => {
    const target = greeted();
    target.io.abort();
    target.outcome = new HttpError("io", "RESET", "x");
    await expectAborted(target, [], "io", "RESET");
    await expect(
      expectAborted(failing(), [`GOAWAY 1 PROTOCOL_ERROR: ${message}`], "protocol", "DATA_STREAM_ZERO"),
    ).rejects.toThrow(failed);
  });
});

describe("shakeHands", () => {
  /** A server that answers the peer's first chunk with `frames`. */
  function answering(...frames: readonly Uint8Array[]): UnderTest {
    const target = stage("client", {});
    target.io.read(() => void target.io.write(frames));
    return target;
  }
  const settings = rawFrame(4, 0, 0, "000300000080");
  const ack = rawFrame(4, 1, 0);

  test("leaves nothing to look at, with a window for the connection or without", async () => {
    for (const frames of [
      [settings, ack],
      [settings, rawFrame(8, 0, 0, "00000001"), ack],
    ]) {
      const target = answering(...frames);
      await shakeHands(target, { INITIAL_WINDOW_SIZE: 5 });
      expect(target.peer.take()).toEqual([]);
      expect(target.peer.frames).toHaveLength(frames.length);
      expect(target.peer.granted(1)).toBe(5);
    }
  });

  test("does not put up with anything else", async () => {
    const odd = answering(settings, ack, rawFrame(6, 0, 0, "0011223344556677"));
    await expect(shakeHands(odd)).rejects.toThrow(
      "the handshake went differently: SETTINGS MAX_CONCURRENT_STREAMS=128, SETTINGS ACK, PING 0011223344556677",
    );
    await expect(shakeHands(answering(settings))).rejects.toThrow("went differently");
  });
});

describe("read", () => {
  test("takes down content, trailers and the end", async () => {
    const target = greeted();
    const reading = read(fromIterable(["ab", "c", new Trailers(new HeaderMap({ sum: "1" }))]));
    expect(reading).toEqual({ pieces: [], trailers: undefined, outcome: "open" });
    await target.run();
    expect(reading).toEqual({ pieces: ["ab", "c"], trailers: [["sum", "1"]], outcome: "ended" });
  });

  test("takes down what was there before an error", async () => {
    const target = greeted();
    const reading = read(
      fromIterable(
        (function* () {
          yield "ab";
          throw new HttpError("canceled", "STREAM_RESET", "x", { reason: 8 });
        })(),
      ),
    );
    await target.run();
    expect(reading.pieces).toEqual(["ab"]);
    expect(reading.outcome).toContain("canceled STREAM_RESET CANCEL");
  });
});
