/**
 * A pool of things that serve one user at a time, such as HTTP/1 connections (hyper-util `client::pool::cache`).
 *
 * Whoever takes gets what is idle, else waits in line while new ones are made: as many as there are waiters, within the limit.
 * A thing that is given back goes to the first in line, who may overtake the making of his own; what was made in vain becomes
 * idle. So a failure to make one concerns a waiter only when no other making is left for him.
 */
import type { HttpError } from "@sluice/core";
import { knownOptions, wholeNumber } from "../options.ts";
import { IdleMember, IdleSet } from "./idle-set.ts";
import { Lease } from "./lease.ts";
import { type Linked, LinkedList } from "./linked-list.ts";
import { canceledWait, poolClosed, queueFull } from "./pool-errors.ts";
import { WaitingList } from "./waiting-list.ts";

export type { Lease };

export interface CacheOptions<T> {
  /** Makes a new one, each time another. `signal` aborts when nobody waits for it any more, or the pool was closed. */
  readonly connect: (signal: AbortSignal) => Promise<T>;
  /** Whether one that is idle can be used; asked before it is given out and before it is kept. */
  readonly isOpen: (value: T) => boolean;
  /** Lets go of one; must not throw. */
  readonly close: (value: T) => void;
  /** Most that are idle; 0 keeps none. Default: no limit. */
  readonly maxIdle?: number | undefined;
  /** Most there are at a time: idle, in use and being made. Default: no limit. */
  readonly maxOpen?: number | undefined;
  /** Most that wait beyond those for whom one can be made; more are refused. Default: no limit. */
  readonly maxWaiting?: number | undefined;
  /** Which of the idle ones is given out: the one used last, or the one that has rested longest. Default `newest`. */
  readonly order?: "newest" | "oldest" | undefined;
  /** Bounds the idle ones by time and, shared with other pools, in total. Default: one of its own, 90 s. */
  readonly idle?: IdleSet | undefined;
}

const known = ["connect", "isOpen", "close", "maxIdle", "maxOpen", "maxWaiting", "order", "idle"];

const IDLE = 0;
const IN_USE = 1;
const GONE = 2;

/** One thing in the pool. */
class Entry<T> implements Linked<Entry<T>> {
  before: Entry<T> | undefined = undefined;
  after: Entry<T> | undefined = undefined;
  readonly value: T;
  readonly member: IdleMember;
  state: typeof IDLE | typeof IN_USE | typeof GONE = IN_USE;
  /** Whether it was given out, or has been idle. */
  isReused = false;

  constructor(value: T, evict: (entry: Entry<T>) => void) {
    this.value = value;
    this.member = new IdleMember(() => evict(this));
  }
}

/** The making of one thing. */
class Attempt<T> implements Linked<Attempt<T>> {
  before: Attempt<T> | undefined = undefined;
  after: Attempt<T> | undefined = undefined;
  readonly controller: AbortController = new AbortController();
  /** Tells whoever has asked for it without waiting in line that it was given up; undefined if nobody has. */
  refuse: ((reason: HttpError) => void) | undefined = undefined;
  /** Gives what is made to the one it is made for; undefined if it is for whoever is first in line. */
  claim: ((lease: Lease<T>) => void) | undefined = undefined;
  isOver = false;
}

/** How many there are. */
export interface CacheCounts {
  readonly idle: number;
  readonly inUse: number;
  readonly connecting: number;
  readonly waiting: number;
}

export class Cache<T> {
  readonly #options: CacheOptions<T>;
  readonly #maxIdle: number;
  readonly #maxOpen: number;
  readonly #maxWaiting: number;
  readonly #idleSet: IdleSet;
  readonly #idle = new LinkedList<Entry<T>>();
  readonly #waiting = new WaitingList<Lease<T>>(() => this.#giveUpUnneeded());
  readonly #attempts = new LinkedList<Attempt<T>>();
  /** How many of the attempts are each for somebody who is not in line. */
  #claimed = 0;
  readonly #entries = new Map<T, Entry<T>>();
  #isClosed = false;

  /** @throws TypeError or RangeError for options that make no sense. */
  constructor(options: CacheOptions<T>) {
    knownOptions("cache", options, known);
    const { order } = options;
    if (order !== undefined && order !== "newest" && order !== "oldest") {
      throw new TypeError(`order: must be "newest" or "oldest", got ${String(order)}`);
    }
    this.#options = options;
    this.#maxIdle = wholeNumber("maxIdle", options.maxIdle ?? Number.POSITIVE_INFINITY, 0);
    this.#maxOpen = wholeNumber("maxOpen", options.maxOpen ?? Number.POSITIVE_INFINITY, 1);
    this.#maxWaiting = wholeNumber("maxWaiting", options.maxWaiting ?? Number.POSITIVE_INFINITY, 0);
    this.#idleSet = options.idle ?? new IdleSet();
  }

  get counts(): CacheCounts {
    return {
      idle: this.#idle.size,
      inUse: this.#entries.size - this.#idle.size,
      connecting: this.#attempts.size,
      waiting: this.#waiting.size,
    };
  }

  /** Whether there is nothing in it, nothing being made and nobody waiting. */
  get isEmpty(): boolean {
    return this.#entries.size === 0 && this.#attempts.size === 0 && this.#waiting.size === 0;
  }

  /** One that is idle now, without waiting and without making one. */
  tryTake(): Lease<T> | undefined {
    // Nobody is passed over: while anybody waits, none is idle.
    for (;;) {
      const entry = this.#options.order === "oldest" ? this.#idle.first : this.#idle.last;
      if (entry === undefined) return undefined;
      const fresh = this.#unpark(entry);
      if (fresh && this.#options.isOpen(entry.value)) return this.#lease(entry);
      this.#drop(entry);
    }
  }

  /**
   * One that is idle, or else the first to become free or to be made.
   *
   * Rejects with what `connect` failed with, and with an `HttpError`: kind `canceled`, code `CANCELED` when `signal` aborts;
   * kind `limit`, code `POOL_QUEUE_FULL` when too many wait; kind `closed`, code `POOL_CLOSED` after `close`.
   */
  take(signal?: AbortSignal): Promise<Lease<T>> {
    if (this.#isClosed) return Promise.reject(poolClosed());
    if (signal?.aborted === true) return Promise.reject(canceledWait(signal.reason));
    const idle = this.tryTake();
    if (idle !== undefined) return Promise.resolve(idle);
    const makeable = this.#spare - this.#claimed;
    if (this.#waiting.size >= this.#maxWaiting + makeable) return Promise.reject(queueFull(this.#maxWaiting));
    const taken = this.#waiting.join(signal);
    this.#connectForWaiting();
    return taken;
  }

  /**
   * A new one, whatever is idle, for somebody who has found that idle ones are dead: the others may be no better. At the limit the
   * longest idle makes room; when none is idle, this is `take`.
   *
   * Rejects as `take` does.
   */
  takeNew(signal?: AbortSignal): Promise<Lease<T>> {
    if (this.#isClosed) return Promise.reject(poolClosed());
    if (signal?.aborted === true) return Promise.reject(canceledWait(signal.reason));
    if (this.#attempts.size >= this.#spare) {
      const longest = this.#idle.first;
      if (longest === undefined) return this.take(signal);
      this.#unpark(longest);
      this.#drop(longest);
    }
    return this.#claimOne(signal);
  }

  /**
   * Takes in one that was made elsewhere: for the first in line, or as an idle one. At the limit it takes the place of one that is
   * being made, or is closed.
   */
  offer(value: T): void {
    const isFull = this.#attempts.size >= this.#spare;
    const replaced = isFull ? this.#unwanted() : undefined;
    if (this.#isClosed || !this.#options.isOpen(value) || (isFull && replaced === undefined)) {
      this.#options.close(value);
      return;
    }
    this.#place(this.#enter(value));
    if (replaced?.isOver === false) this.#giveUp(replaced, canceledWait(undefined));
  }

  /**
   * Makes as many as are missing to `count`, within the limit; those that are idle, in use or being made are counted. Resolves when
   * the missing ones are made; rejects with the first failure, and as `take` does.
   *
   * @throws RangeError unless `count` is a whole number.
   */
  async warm(count: number, signal?: AbortSignal): Promise<void> {
    const wanted = Math.min(wholeNumber("count", count, 0), this.#maxOpen);
    if (wanted === Number.POSITIVE_INFINITY) throw new RangeError("count: must be finite where maxOpen is not set");
    if (this.#isClosed) throw poolClosed();
    if (signal?.aborted === true) throw canceledWait(signal.reason);
    const missing = wanted - this.#entries.size - this.#attempts.size;
    const attempts: Promise<void>[] = [];
    for (let i = 0; i < missing; i++) attempts.push(this.#warmOne(signal));
    await Promise.all(attempts);
  }

  /** Closes the idle ones for which `keep` is false, and those that cannot be used any more. */
  retain(keep: (value: T) => boolean): void {
    for (const entry of [...this.#idle]) {
      if (entry.state !== IDLE || (this.#options.isOpen(entry.value) && keep(entry.value))) continue;
      this.#unpark(entry);
      this.#drop(entry);
    }
  }

  /** `value` has closed by itself: it is not given out again, and its place is free. */
  remove(value: T): void {
    const entry = this.#entries.get(value);
    if (entry === undefined) return;
    if (entry.state === IDLE) this.#unpark(entry);
    this.#forget(entry);
    this.#connectForWaiting();
  }

  /** Closes the idle ones, stops making new ones, refuses whoever waits; those in use are closed when given back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.retain(() => false);
    // An abort runs whatever listens to it, which may change the list.
    for (let { first } = this.#attempts; first !== undefined; { first } = this.#attempts) {
      this.#giveUp(first, poolClosed());
    }
    while (this.#waiting.fail(poolClosed()));
    if (this.#options.idle === undefined) this.#idleSet.stop();
  }

  /** How many more there may be; those being made are not counted. */
  get #spare(): number {
    return this.#maxOpen - this.#entries.size;
  }

  /** How many are being made for those in line. */
  get #unclaimed(): number {
    return this.#attempts.size - this.#claimed;
  }

  #enter(value: T): Entry<T> {
    const entry = new Entry(value, this.#evicted);
    this.#entries.set(value, entry);
    return entry;
  }

  #lease(entry: Entry<T>): Lease<T> {
    entry.state = IN_USE;
    const { isReused } = entry;
    entry.isReused = true;
    return new Lease(entry.value, isReused, (reusable) => this.#settle(entry, reusable));
  }

  /** The use of `entry` is over. */
  #settle(entry: Entry<T>, reusable: boolean): void {
    if (entry.state === GONE) return;
    if (!reusable || this.#isClosed || !this.#options.isOpen(entry.value)) {
      this.#drop(entry);
      this.#connectForWaiting();
    } else {
      this.#place(entry);
    }
  }

  /** Gives `entry` to the first in line, or keeps it. */
  #place(entry: Entry<T>): void {
    if (this.#waiting.size > 0) {
      this.#waiting.give(this.#lease(entry));
    } else if (this.#idle.size >= this.#maxIdle) {
      this.#drop(entry);
    } else {
      entry.state = IDLE;
      entry.isReused = true;
      this.#idle.push(entry);
      this.#idleSet.add(entry.member);
    }
  }

  /** Takes `entry` out of the idle ones; false if it has been idle for too long. */
  #unpark(entry: Entry<T>): boolean {
    this.#idle.remove(entry);
    entry.state = IN_USE;
    return this.#idleSet.remove(entry.member);
  }

  readonly #evicted = (entry: Entry<T>): void => {
    this.#idle.remove(entry);
    this.#drop(entry);
  };

  #drop(entry: Entry<T>): void {
    this.#forget(entry);
    this.#options.close(entry.value);
  }

  #forget(entry: Entry<T>): void {
    entry.state = GONE;
    this.#entries.delete(entry.value);
  }

  #connectForWaiting(): void {
    while (this.#unclaimed < this.#waiting.size && this.#attempts.size < this.#spare) {
      this.#connect(new Attempt<T>()).catch(ignore);
    }
  }

  async #connect(attempt: Attempt<T>): Promise<void> {
    this.#attempts.push(attempt);
    let value: T;
    try {
      value = await this.#make(attempt.controller.signal);
    } catch (error) {
      // One that was given up concerns nobody any more.
      if (attempt.isOver) throw error;
      this.#end(attempt);
      // A failure is told to one who waits, unless there is still a making for each of them.
      if (attempt.claim === undefined && this.#unclaimed < this.#waiting.size) this.#waiting.fail(error);
      this.#connectForWaiting();
      throw error;
    }
    if (attempt.isOver) {
      this.offer(value);
      return;
    }
    this.#end(attempt);
    const entry = this.#enter(value);
    // One that has closed at once is as good as a failure: it is given out, lest whoever waits has them made for ever.
    if (attempt.claim !== undefined) attempt.claim(this.#lease(entry));
    else if (this.#unclaimed < this.#waiting.size || this.#options.isOpen(value)) this.#place(entry);
    else this.#drop(entry);
  }

  /** Asynchronous whatever `connect` does: what it throws is told later, like what it rejects with. */
  async #make(signal: AbortSignal): Promise<T> {
    return this.#options.connect(signal);
  }

  #claimOne(signal: AbortSignal | undefined): Promise<Lease<T>> {
    return new Promise((resolve, reject) => {
      const attempt = new Attempt<T>();
      const abort = (): void => {
        // It has failed, which is about to be told.
        if (attempt.isOver) return;
        // Those in line may have what is being made.
        attempt.refuse = undefined;
        attempt.claim = undefined;
        this.#claimed--;
        reject(canceledWait(signal?.reason));
        this.#giveUpUnneeded();
      };
      const forget = (): void => signal?.removeEventListener("abort", abort);
      attempt.refuse = (reason) => {
        forget();
        reject(reason);
      };
      attempt.claim = (lease) => {
        forget();
        resolve(lease);
      };
      this.#claimed++;
      signal?.addEventListener("abort", abort, { once: true });
      this.#connect(attempt).catch((error: unknown) => {
        forget();
        reject(error);
      });
    });
  }

  #warmOne(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt = new Attempt<T>();
      const abort = (): void => {
        const reason = canceledWait(signal?.reason);
        attempt.refuse = undefined;
        reject(reason);
        this.#giveUpUnneeded();
      };
      const forget = (): void => signal?.removeEventListener("abort", abort);
      attempt.refuse = (reason) => {
        forget();
        reject(reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#connect(attempt).then(resolve, reject).finally(forget);
    });
  }

  #giveUp(attempt: Attempt<T>, reason: HttpError): void {
    this.#end(attempt);
    attempt.refuse?.(reason);
    attempt.controller.abort(reason);
  }

  #end(attempt: Attempt<T>): void {
    attempt.isOver = true;
    if (attempt.claim !== undefined) this.#claimed--;
    this.#attempts.remove(attempt);
  }

  /** The last making that nobody has asked for but those in line. */
  #unwanted(): Attempt<T> | undefined {
    let attempt = this.#attempts.last;
    while (attempt?.refuse !== undefined) attempt = attempt.before;
    return attempt;
  }

  /** Somebody has given up: what is made for nobody is given up too. */
  #giveUpUnneeded(): void {
    if (this.#unclaimed <= this.#waiting.size) return;
    const attempt = this.#unwanted();
    if (attempt !== undefined) this.#giveUp(attempt, canceledWait(undefined));
  }
}

function ignore(): void {}
