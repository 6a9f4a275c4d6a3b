/**
 * Counts what a peer can do too often, each by its own rule (see `rules.ts`), and says when it is too much.
 *
 * Every method takes what happened and returns nothing, or the connection error to end with. What we bring about
 * ourselves is not held against the peer: a stream that we cancelled is never charged, however it ends.
 */
import { CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM } from "../frame/error-code.ts";
import { connectionError, type Http2Error } from "../http2-error.ts";
import { DataBudget } from "./data-budget.ts";
import {
  type DefenceOptions,
  EMPTY_DATA,
  GLITCHES,
  gaugeRules,
  PINGS,
  REFUSALS,
  RESETS_PROVOKED,
  RESETS_RECEIVED,
  rateRules,
  SETTINGS_FRAMES,
  WAITING_REQUESTS,
  WINDOW_UPDATES,
} from "./rules.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What counts as a glitch. */
const glitchNames = [
  "priority",
  "priorityUpdate",
  "unknownFrame",
  "ignoredFrame",
  "emptyContinuation",
  "repeatedGoAway",
  "headersOverLimit",
] as const;

type GlitchName = (typeof glitchNames)[number];

const PRIORITY = 0;
const PRIORITY_UPDATE = 1;
const UNKNOWN_FRAME = 2;
const IGNORED_FRAME = 3;
const EMPTY_CONTINUATION = 4;
const REPEATED_GOAWAY = 5;
const HEADERS_OVER_LIMIT = 6;

/** WINDOW_UPDATE frames that so much content of ours may bring about. */
const windowUpdatesPerData = 10;
const dataBytes = 16_384;

/** Frames that may come behind a reset of ours without content: the head of the message, its trailers, RST_STREAM. */
const ignoredPerReset = 3;

/** How often each thing has happened, by the stem of its option's name or the name of the glitch. */
export type DefenceCounts = {
  readonly [Name in (typeof rateRules)[number]["option"] | GlitchName]: number;
};

/** Takes what happened, as in `DefenceCounts`, and how often it has happened so far. */
export type OnCount = (name: keyof DefenceCounts, count: number) => void;

export class Defences {
  /** What small DATA frames cost while they wait to be read. */
  readonly data: DataBudget;
  readonly #options: DefenceOptions;
  /** By rule; each is made when something is counted for the first time. */
  readonly #buckets: (TokenBucket | undefined)[] = new Array<TokenBucket | undefined>(rateRules.length).fill(undefined);
  /** How often each glitch has happened; made for the first. */
  #glitches: number[] | undefined;
  readonly #onCount: OnCount | undefined;

  /**
   * @param windowBytes The receive window of the connection.
   * @param onCount Called for each thing that happens, before it is judged; for a glitch with the name of the glitch.
   */
  constructor(options: DefenceOptions, windowBytes: number, onCount?: OnCount) {
    this.#onCount = onCount;
    this.#options = options;
    this.data = new DataBudget(options.dataBudgetBytes, windowBytes);
  }

  /** RST_STREAM was received for a stream of the peer. */
  resetReceived(now: number): Http2Error | undefined {
    return this.#count(RESETS_RECEIVED, now);
  }

  /** We have opened a stream, behind the end of which the peer may say once that it needs no more of it. */
  streamOpened(): void {
    this.#buckets[GLITCHES]?.give(1);
  }

  /** We have given a stream up, of which something may be under way. */
  streamGivenUp(): void {
    this.#buckets[GLITCHES]?.give(ignoredPerReset);
  }

  /**
   * The engine sends RST_STREAM. Only errors of the peer count: not refusals, nor failures of our own, nor what the
   * program resets or the answer to frames that are late because of that (`ownCancel`).
   */
  resetSent(now: number, reason: number, ownCancel: boolean): Http2Error | undefined {
    if (ownCancel || isOurs(reason)) return undefined;
    return this.#count(RESETS_PROVOKED, now);
  }

  /** A stream was refused because there are too many. */
  streamRefused(now: number): Http2Error | undefined {
    return this.#count(REFUSALS, now);
  }

  /** PING without ACK was received. */
  pingReceived(now: number): Http2Error | undefined {
    return this.#count(PINGS, now);
  }

  /** SETTINGS without ACK was received. */
  settingsReceived(now: number): Http2Error | undefined {
    return this.#count(SETTINGS_FRAMES, now);
  }

  /** DATA without octets, padding aside, and without END_STREAM was received. It need not be handed on. */
  emptyData(now: number): Http2Error | undefined {
    return this.#count(EMPTY_DATA, now);
  }

  /** WINDOW_UPDATE was received. */
  windowUpdateReceived(now: number): Http2Error | undefined {
    return this.#count(WINDOW_UPDATES, now);
  }

  /** DATA of `bytes` octets was sent, which a few WINDOW_UPDATE frames may answer. */
  dataSent(bytes: number): void {
    this.#buckets[WINDOW_UPDATES]?.give(windowUpdatesPerData * Math.max(1, Math.ceil(bytes / dataBytes)));
  }

  /** PRIORITY was received; the fields of the same meaning in HEADERS cost nothing of their own. */
  priorityReceived(now: number): Http2Error | undefined {
    return this.#glitch(PRIORITY, now);
  }

  /** PRIORITY_UPDATE was received. */
  priorityUpdateReceived(now: number): Http2Error | undefined {
    return this.#glitch(PRIORITY_UPDATE, now);
  }

  /** A frame of a type that is not used was received. */
  unknownFrame(now: number): Http2Error | undefined {
    return this.#glitch(UNKNOWN_FRAME, now);
  }

  /**
   * Another frame was ignored: one without content on a stream that we have reset, RST_STREAM on a stream of ours that is
   * over, an ACK of a PING never sent.
   */
  ignoredFrame(now: number): Http2Error | undefined {
    return this.#glitch(IGNORED_FRAME, now);
  }

  /** CONTINUATION was empty and ended nothing. Two in a row are an error of their own. */
  emptyContinuation(now: number): Http2Error | undefined {
    return this.#glitch(EMPTY_CONTINUATION, now);
  }

  /** GOAWAY was received, and not for the first time. */
  repeatedGoAway(now: number): Http2Error | undefined {
    return this.#glitch(REPEATED_GOAWAY, now);
  }

  /** A header list exceeds the limit that is answered with 431 or a stream error; far above it the decoder gives up. */
  headersOverLimit(now: number): Http2Error | undefined {
    return this.#glitch(HEADERS_OVER_LIMIT, now);
  }

  /** There are `count` requests that wait for handlers to finish. */
  requestsWaiting(count: number): Http2Error | undefined {
    return this.#gauge(WAITING_REQUESTS, count);
  }

  /** How often each thing has happened so far, for an observer. */
  counts(): DefenceCounts {
    const counts: Record<string, number> = {};
    for (const [index, rule] of rateRules.entries()) counts[rule.option] = this.#buckets[index]?.count ?? 0;
    for (const [index, name] of glitchNames.entries()) counts[name] = this.#glitches?.[index] ?? 0;
    return counts as DefenceCounts;
  }

  #glitch(kind: number, now: number): Http2Error | undefined {
    this.#glitches ??= new Array<number>(glitchNames.length).fill(0);
    const count = (this.#glitches[kind] as number) + 1;
    this.#glitches[kind] = count;
    const bucket = this.#bucket(GLITCHES);
    bucket.count++;
    if (this.#onCount !== undefined) this.#onCount(glitchNames[kind] as GlitchName, count);
    const error = this.#take(bucket, GLITCHES, now);
    if (error === undefined) return undefined;
    return connectionError(error.reason, error.code, `${error.message}; last: ${glitchNames[kind]}`);
  }

  #count(index: number, now: number): Http2Error | undefined {
    const bucket = this.#bucket(index);
    const count = ++bucket.count;
    if (this.#onCount !== undefined) this.#onCount((rateRules[index] as (typeof rateRules)[number]).option, count);
    return this.#take(bucket, index, now);
  }

  #take(bucket: TokenBucket, index: number, now: number): Http2Error | undefined {
    if (bucket.take(now)) return undefined;
    const { option, debug, what, code } = rateRules[index] as (typeof rateRules)[number];
    const most = `at most ${bucket.burst} at once and ${this.#options[`${option}PerSecond`]} per second`;
    return connectionError(ENHANCE_YOUR_CALM, code, `${debug}: ${most} are accepted of ${what}`);
  }

  #bucket(index: number): TokenBucket {
    return this.#buckets[index] ?? this.#newBucket(index);
  }

  #newBucket(index: number): TokenBucket {
    const { option } = rateRules[index] as (typeof rateRules)[number];
    const bucket = new TokenBucket(this.#options[`${option}Burst`], this.#options[`${option}PerSecond`]);
    this.#buckets[index] = bucket;
    return bucket;
  }

  #gauge(index: number, count: number): Http2Error | undefined {
    const { option, debug, what, code } = gaugeRules[index] as (typeof gaugeRules)[number];
    const max = this.#options[option];
    if (count <= max) return undefined;
    return connectionError(ENHANCE_YOUR_CALM, code, `${debug}: at most ${max} are accepted of ${what}, got ${count}`);
  }
}

/** Whether RST_STREAM with this error code is not about what the peer did wrong. */
function isOurs(reason: number): boolean {
  return reason === NO_ERROR || reason === INTERNAL_ERROR || reason === REFUSED_STREAM || reason === CANCEL;
}
