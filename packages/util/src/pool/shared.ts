/**
 * Things that each serve several users at a time, such as HTTP/2 connections with a limited number of streams: one as long as it
 * has room, a further one when it has not.
 *
 * Each is a `Singleton`, so that all who come while one is being made share that making.
 */
import { knownOptions, wholeNumber } from "../options.ts";
import { canceledWait, poolClosed } from "./pool-errors.ts";
import { Singleton } from "./singleton.ts";

/** Options of a `Shared`. */
export interface SharedOptions<T> {
  /** Makes one. `signal` aborts when nobody waits for it any more. */
  readonly connect: (signal: AbortSignal) => Promise<T>;
  /** Whether it can still be used. */
  readonly isOpen: (value: T) => boolean;
  /** Whether it could serve one more at once. */
  readonly hasRoom: (value: T) => boolean;
  /** Is told that one is given out, in the same turn in which it was found to have room. Default: nothing to do. */
  readonly claim?: ((value: T) => void) | undefined;
  /** How many wait on it for room; the one with the least is chosen when none has room. */
  readonly load: (value: T) => number;
  /** Lets go of one. */
  readonly close: (value: T) => void;
  /** Most there are at a time. Default: no limit. */
  readonly maxOpen?: number | undefined;
}

const known = ["connect", "isOpen", "hasRoom", "claim", "load", "close", "maxOpen"];

/** Things that each serve several users at a time: one as long as it has room, a further one when it has not. */
export class Shared<T> {
  readonly #options: SharedOptions<T>;
  readonly #maxOpen: number;
  /** Those there are and those being made; empty ones are dropped when one is looked for. */
  #members: Singleton<T>[] = [];
  #isClosed = false;

  /** @throws TypeError or RangeError for options that make no sense. */
  constructor(options: SharedOptions<T>) {
    knownOptions("shared", options, known);
    this.#options = options;
    this.#maxOpen = wholeNumber("maxOpen", options.maxOpen ?? Number.POSITIVE_INFINITY, 1);
  }

  /** Those that can be used now. */
  get values(): T[] {
    return this.#members.map((member) => member.current).filter((value) => value !== undefined);
  }

  /** How many are being made. */
  get connecting(): number {
    return this.#members.filter((member) => member.isConnecting).length;
  }

  get isEmpty(): boolean {
    return this.#members.every((member) => member.isEmpty);
  }

  /** One that has room now, without waiting. */
  tryGet(): T | undefined {
    for (const member of this.#members) {
      const { current } = member;
      if (current !== undefined && this.#options.hasRoom(current)) return this.#claim(current);
    }
    return undefined;
  }

  /**
   * One that has room; if there is none, a further one is made, or at the limit the one with the least load. Whoever waits for one
   * may find it taken up by those before him, and looks again.
   *
   * Rejects with what `connect` failed with, and with an `HttpError`: kind `canceled`, code `CANCELED` when `signal` aborts;
   * kind `closed`, code `POOL_CLOSED` after `close`.
   */
  async get(signal?: AbortSignal): Promise<T> {
    for (;;) {
      if (this.#isClosed) throw poolClosed();
      if (signal?.aborted === true) throw canceledWait(signal.reason);
      const roomy = this.tryGet();
      if (roomy !== undefined) return roomy;
      this.#dropEmpty();
      const connecting = this.#members.find((member) => member.isConnecting);
      if (connecting === undefined && this.#members.length >= this.#maxOpen) return this.#claim(this.#leastLoaded());
      const made = await (connecting ?? this.#add()).get(signal);
      if (this.#isClosed) throw poolClosed();
      // One that was closed at once is given out all the same: who has waited for it does not wait for ever.
      if (!this.#options.isOpen(made) || this.#options.hasRoom(made)) return this.#claim(made);
    }
  }

  /** Takes in one that was made elsewhere, in place of one that is being made; it is closed if there is no need of it. */
  offer(value: T): void {
    this.#dropEmpty();
    const connecting = this.#members.find((member) => member.isConnecting);
    if (connecting !== undefined) connecting.offer(value);
    else if (this.#isClosed || this.#members.length >= this.#maxOpen || this.#hasRoom) this.#options.close(value);
    else this.#add().offer(value);
  }

  /** Closes those for which `keep` is false. */
  retain(keep: (value: T) => boolean): void {
    for (const member of this.#members) member.retain(keep);
  }

  /** Closes all, stops making new ones, refuses whoever waits. */
  close(): void {
    this.#isClosed = true;
    for (const member of this.#members) member.clear(poolClosed());
    this.#members = [];
  }

  get #hasRoom(): boolean {
    return this.values.some((value) => this.#options.hasRoom(value));
  }

  #dropEmpty(): void {
    this.#members = this.#members.filter((member) => !member.isEmpty);
  }

  #claim(value: T): T {
    this.#options.claim?.(value);
    return value;
  }

  #add(): Singleton<T> {
    const { connect, isOpen, close } = this.#options;
    const member = new Singleton<T>({ connect, isOpen, close });
    this.#members.push(member);
    return member;
  }

  #leastLoaded(): T {
    const { values } = this;
    const first = values[0];
    if (first === undefined) throw poolClosed();
    const { load } = this.#options;
    return values.reduce((least, value) => (load(value) < load(least) ? value : least), first);
  }
}
