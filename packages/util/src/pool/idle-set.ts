/**
 * What is idle in one pool or in many, the longest idle first: bounds how many there are and for how long.
 *
 * All members have the same time limit, so the first one is always the next to expire: one alarm, and constant time for each
 * that comes and goes, however many there are.
 */
import type { Alarm, Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, wholeNumber } from "../options.ts";
import { type Linked, LinkedList } from "./linked-list.ts";

/** Options of an `IdleSet`. */
export interface IdleSetOptions {
  /** Most that are idle; beyond it the longest idle goes. Default: no limit. */
  readonly maxIdle?: number;
  /** How long one may be idle, in milliseconds; 0 for any time. Default 90,000. */
  readonly idleTimeoutMs?: number;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

const known = ["maxIdle", "idleTimeoutMs", "timer"];

/** The least time between two looks for what has expired. */
const minSweepMs = 90;

/** One thing's place among the idle ones. */
export class IdleMember implements Linked<IdleMember> {
  before: IdleMember | undefined = undefined;
  after: IdleMember | undefined = undefined;
  /** When it became idle; NaN while it is not. */
  since: number = Number.NaN;
  /** Closes the thing; it has left the set. */
  readonly evict: () => void;

  constructor(evict: () => void) {
    this.evict = evict;
  }
}

/** What is idle in one pool or in many, the longest idle first: bounds how many there are and for how long. */
export class IdleSet {
  readonly #maxIdle: number;
  readonly #idleTimeoutMs: number;
  readonly #timer: Timer;
  readonly #members = new LinkedList<IdleMember>();
  #alarm: Alarm | undefined;
  #sweptAt: number = Number.NEGATIVE_INFINITY;

  /** @throws TypeError or RangeError for options that make no sense. */
  constructor(options: IdleSetOptions = {}) {
    knownOptions("idle set", options, known);
    this.#maxIdle = wholeNumber("maxIdle", options.maxIdle ?? Number.POSITIVE_INFINITY, 0);
    this.#idleTimeoutMs = wholeNumber("idleTimeoutMs", options.idleTimeoutMs ?? 90_000, 0) || Number.POSITIVE_INFINITY;
    this.#timer = options.timer ?? nodeTimer;
  }

  /** Takes the alarm back, for an owner that adds nothing any more. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  /** How many are idle. */
  get size(): number {
    return this.#members.size;
  }

  /** Adds one that is not in the set. */
  add(member: IdleMember): void {
    member.since = this.#timer.now();
    this.#members.push(member);
    while (this.#members.size > this.#maxIdle) this.#evictFirst();
    this.#arm();
  }

  /** Takes one out that is in the set; false if it has been idle for too long. */
  remove(member: IdleMember): boolean {
    const fresh = !this.#isExpired(member, this.#timer.now());
    member.since = Number.NaN;
    this.#members.remove(member);
    return fresh;
  }

  #isExpired(member: IdleMember, now: number): boolean {
    return now - member.since >= this.#idleTimeoutMs;
  }

  #evictFirst(): void {
    const member = this.#members.shift();
    if (member === undefined) return;
    member.since = Number.NaN;
    member.evict();
  }

  #arm(): void {
    const first = this.#members.first;
    if (this.#alarm !== undefined || first === undefined || this.#idleTimeoutMs === Number.POSITIVE_INFINITY) return;
    const now = this.#timer.now();
    const due = Math.max(first.since + this.#idleTimeoutMs, this.#sweptAt + minSweepMs);
    this.#alarm = this.#timer.schedule(Math.max(0, due - now), this.#sweep);
  }

  readonly #sweep = (): void => {
    this.#alarm = undefined;
    const now = this.#timer.now();
    this.#sweptAt = now;
    let first = this.#members.first;
    while (first !== undefined && this.#isExpired(first, now)) {
      this.#evictFirst();
      first = this.#members.first;
    }
    this.#arm();
  };
}
