import { describe, expect, test } from "vitest";
import { optionResolver } from "../../options.ts";
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from "../frame/error-code.ts";
import type { Http2Error } from "../http2-error.ts";
import { Defences } from "./defences.ts";
import { type DefenceOptions, defenceRules, gaugeRules, rateRules } from "./rules.ts";

const resolve = optionResolver<Partial<DefenceOptions>, DefenceOptions>("test", defenceRules, []);

function newDefences(options?: Partial<DefenceOptions>): Defences {
  return new Defences(resolve(options), 65_535);
}

function facts(error: Http2Error | undefined): unknown[] | undefined {
  if (error === undefined) return undefined;
  return [error.streamId, error.reason, error.kind, error.code, error.message];
}

type Step = (defences: Defences, now: number) => Http2Error | undefined;

/** Takes `step` as often as it may be, one past that, and once more when time has passed. */
function expectLimit(step: Step, burst: number, perSecond: number, code: string, message: string): void {
  const defences = newDefences();
  for (let i = 0; i < burst; i++) expect(step(defences, 0)).toBe(undefined);
  expect(facts(step(defences, 0))).toEqual([0, ENHANCE_YOUR_CALM, "limit", code, message]);
  const oneTokenMs = Math.ceil(1000 / perSecond);
  expect(step(defences, oneTokenMs)).toBe(undefined);
  expect(step(defences, oneTokenMs)?.code).toBe(code);
}

describe("Defences", () => {
  test("[h2-353] the 1001st RST_STREAM at once is too many, and more are let pass with time", () => {
    expectLimit(
      (defences, now) => defences.resetReceived(now),
      1000,
      100,
      "TOO_MANY_RESETS",
      "too_many_resets: at most 1000 at once and 100 per second are accepted of " +
        "RST_STREAM received for streams that the peer opened",
    );
  });

  test("a stream that we give up pays for three frames that may be under way for it, one that we open for one", () => {
    const defences = newDefences({ glitchesBurst: 3, glitchesPerSecond: 0 });
    for (let i = 0; i < 3; i++) expect(defences.ignoredFrame(0)).toBe(undefined);
    for (let round = 0; round < 5000; round++) {
      defences.streamOpened();
      expect(defences.ignoredFrame(0)).toBe(undefined);
      defences.streamGivenUp();
      for (let i = 0; i < 3; i++) expect(defences.ignoredFrame(0)).toBe(undefined);
    }
    expect(defences.ignoredFrame(0)?.code).toBe("TOO_MANY_GLITCHES");
  });

  test("the 1025th stream error at once is too many, whatever its code", () => {
    const reasons = [PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED];
    let turn = 0;
    expectLimit(
      (defences, now) => defences.resetSent(now, reasons[turn++ % 3] as number, false),
      1024,
      33,
      "TOO_MANY_PROVOKED_RESETS",
      "too_many_internal_resets: at most 1024 at once and 33 per second are accepted of " +
        "stream errors that we had to answer with RST_STREAM",
    );
  });

  test("[h2-217] the eleventh wrong WINDOW_UPDATE ends the connection if ten are allowed", () => {
    const defences = newDefences({ provokedResetsBurst: 10, provokedResetsPerSecond: 0 });
    for (let i = 0; i < 10; i++) expect(defences.resetSent(i, PROTOCOL_ERROR, false)).toBe(undefined);
    const error = defences.resetSent(10, PROTOCOL_ERROR, false);
    expect(error?.reason).toBe(ENHANCE_YOUR_CALM);
    expect(error?.isConnectionError).toBe(true);
    expect(error?.message).toMatch(/^too_many_internal_resets: /);
  });

  test("[h2-360] 5000 cancellations of ours, and what they bring about, are not charged", () => {
    const defences = newDefences({ provokedResetsBurst: 1 });
    for (let i = 0; i < 5000; i++) {
      for (const reason of [NO_ERROR, INTERNAL_ERROR, CANCEL, REFUSED_STREAM]) {
        expect(defences.resetSent(0, reason, false)).toBe(undefined);
      }
      expect(defences.resetSent(0, STREAM_CLOSED, true)).toBe(undefined);
    }
    expect(defences.counts()).toMatchObject({ provokedResets: 0 });
  });

  test("streams beyond the limit", () => {
    const what = "streams opened beyond MAX_CONCURRENT_STREAMS";
    const message = `too_many_refused_streams: at most 1000 at once and 100 per second are accepted of ${what}`;
    expectLimit((defences, now) => defences.streamRefused(now), 1000, 100, "TOO_MANY_REFUSALS", message);
  });

  test("PING", () => {
    const defences = newDefences();
    for (let i = 0; i < 10_000; i++) expect(defences.pingReceived(0)).toBe(undefined);
    const message = "too_many_pings: at most 10000 at once and 10000 per second are accepted of PING received";
    expect(facts(defences.pingReceived(0))).toEqual([0, ENHANCE_YOUR_CALM, "limit", "TOO_MANY_PINGS", message]);
  });

  test("SETTINGS", () => {
    const message = "too_many_settings: at most 1000 at once and 33 per second are accepted of SETTINGS received";
    expectLimit((defences, now) => defences.settingsReceived(now), 1000, 33, "TOO_MANY_SETTINGS_FRAMES", message);
  });

  test("[h2-351] the 101st empty DATA frame that ends nothing is too many", () => {
    const what = "empty DATA frames that ended nothing";
    const message = `too_many_data_frames: at most 100 at once and 10 per second are accepted of ${what}`;
    expectLimit((defences, now) => defences.emptyData(now), 100, 10, "TOO_MANY_EMPTY_DATA", message);
  });

  test("WINDOW_UPDATE is paid for by DATA sent, large frames paying for more", () => {
    const defences = newDefences({ windowUpdatesBurst: 20, windowUpdatesPerSecond: 0 });
    const take = (count: number): void => {
      for (let i = 0; i < count; i++) expect(defences.windowUpdateReceived(0)).toBe(undefined);
    };
    take(20);
    for (const [bytes, count] of [
      [0, 10],
      [1, 10],
      [16_384, 10],
      [16_385, 20],
      [1_000_000, 20],
    ] as const) {
      defences.dataSent(bytes);
      take(count);
    }
    expect(facts(defences.windowUpdateReceived(0))).toEqual([
      0,
      ENHANCE_YOUR_CALM,
      "limit",
      "TOO_MANY_WINDOW_UPDATES",
      "too_many_window_updates: at most 20 at once and 0 per second are accepted of " +
        "WINDOW_UPDATE received beyond ten per 16384 octets of DATA sent",
    ]);
    expect(defences.counts()).toMatchObject({ windowUpdates: 91, glitches: 0 });
  });

  test("[h2-235] what is ignored shares one limit, and the last straw is named", () => {
    const glitches: readonly (readonly [string, Step])[] = [
      ["priority", (defences, now) => defences.priorityReceived(now)],
      ["priorityUpdate", (defences, now) => defences.priorityUpdateReceived(now)],
      ["unknownFrame", (defences, now) => defences.unknownFrame(now)],
      ["ignoredFrame", (defences, now) => defences.ignoredFrame(now)],
      ["emptyContinuation", (defences, now) => defences.emptyContinuation(now)],
      ["repeatedGoAway", (defences, now) => defences.repeatedGoAway(now)],
      ["headersOverLimit", (defences, now) => defences.headersOverLimit(now)],
    ];
    const limit = "at most 10000 at once and 330 per second are accepted of frames that are ignored";
    for (const [name, step] of glitches) {
      expectLimit(step, 10_000, 330, "TOO_MANY_GLITCHES", `too_many_glitches: ${limit}; last: ${name}`);
    }
    const defences = newDefences({ glitchesBurst: 7, glitchesPerSecond: 0 });
    for (const [, step] of glitches) expect(step(defences, 0)).toBe(undefined);
    expect(defences.priorityReceived(0)?.code).toBe("TOO_MANY_GLITCHES");
    expect(defences.counts()).toEqual({
      resets: 0,
      provokedResets: 0,
      refusals: 0,
      pings: 0,
      settings: 0,
      emptyData: 0,
      windowUpdates: 0,
      glitches: 8,
      priority: 2,
      priorityUpdate: 1,
      unknownFrame: 1,
      ignoredFrame: 1,
      emptyContinuation: 1,
      repeatedGoAway: 1,
      headersOverLimit: 1,
    });
  });

  test("what is counted is told as it happens, a glitch by its own name, what is not counted is not", () => {
    const told: unknown[] = [];
    const options = resolve({ glitchesBurst: 7, glitchesPerSecond: 0 });
    const defences = new Defences(options, 65_535, (...count) => told.push(count));
    const step = (act: () => Http2Error | undefined): (string | undefined)[] => [
      act()?.code,
      ...told.splice(0).flat().map(String),
    ];
    expect(step(() => defences.resetReceived(0))).toEqual([undefined, "resets", "1"]);
    expect(step(() => defences.resetReceived(0))).toEqual([undefined, "resets", "2"]);
    expect(step(() => defences.resetSent(0, PROTOCOL_ERROR, false))).toEqual([undefined, "provokedResets", "1"]);
    expect(step(() => defences.resetSent(0, CANCEL, false))).toEqual([undefined]);
    expect(step(() => defences.streamRefused(0))).toEqual([undefined, "refusals", "1"]);
    expect(step(() => defences.pingReceived(0))).toEqual([undefined, "pings", "1"]);
    expect(step(() => defences.settingsReceived(0))).toEqual([undefined, "settings", "1"]);
    expect(step(() => defences.emptyData(0))).toEqual([undefined, "emptyData", "1"]);
    expect(step(() => defences.windowUpdateReceived(0))).toEqual([undefined, "windowUpdates", "1"]);
    expect(step(() => defences.priorityReceived(0))).toEqual([undefined, "priority", "1"]);
    expect(step(() => defences.priorityUpdateReceived(0))).toEqual([undefined, "priorityUpdate", "1"]);
    expect(step(() => defences.unknownFrame(0))).toEqual([undefined, "unknownFrame", "1"]);
    expect(step(() => defences.ignoredFrame(0))).toEqual([undefined, "ignoredFrame", "1"]);
    expect(step(() => defences.emptyContinuation(0))).toEqual([undefined, "emptyContinuation", "1"]);
    expect(step(() => defences.repeatedGoAway(0))).toEqual([undefined, "repeatedGoAway", "1"]);
    expect(step(() => defences.headersOverLimit(0))).toEqual([undefined, "headersOverLimit", "1"]);
    expect(step(() => defences.unknownFrame(0))).toEqual(["TOO_MANY_GLITCHES", "unknownFrame", "2"]);
    expect(step(() => defences.requestsWaiting(1))).toEqual([undefined]);
    expect(defences.counts()).toMatchObject({ resets: 2, unknownFrame: 2, glitches: 8 });
  });

  test("[h2-248] more requests wait for handlers than four times as many as run", () => {
    const defences = newDefences();
    expect(defences.requestsWaiting(512)).toBe(undefined);
    const error = defences.requestsWaiting(513);
    expect([error?.reason, error?.code]).toEqual([ENHANCE_YOUR_CALM, "TOO_MANY_WAITING_REQUESTS"]);
    expect(error?.message).toMatch(/^too_many_early_resets: /);
  });
});

describe("the options of the defences", () => {
  test("each rule has its options with its defaults", () => {
    const options: Readonly<Record<string, number>> = resolve(undefined);
    for (const rule of rateRules) {
      expect(options[`${rule.option}Burst`]).toBe(rule.burst);
      expect(options[`${rule.option}PerSecond`]).toBe(rule.perSecond);
    }
    for (const rule of gaugeRules) expect(options[rule.option]).toBe(rule.max);
    expect(Object.keys(options)).toHaveLength(2 * rateRules.length + gaugeRules.length + 1);
  });

  test("names, codes and debug strings tell rules apart", () => {
    const rules = [...rateRules, ...gaugeRules];
    for (const facet of ["option", "code", "debug"] as const) {
      expect(new Set(rules.map((rule) => rule[facet])).size).toBe(rules.length);
    }
  });

  test("infinity switches a limit off", () => {
    const defences = newDefences({ resetsBurst: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 5000; i++) expect(defences.resetReceived(0)).toBe(undefined);
  });

  test("values out of bounds are refused", () => {
    expect(() => newDefences({ resetsBurst: 0 })).toThrow(RangeError);
    expect(() => newDefences({ pingsPerSecond: -1 })).toThrow(RangeError);
    expect(() => newDefences({ dataBudgetBytes: 255 })).toThrow(RangeError);
  });
});
