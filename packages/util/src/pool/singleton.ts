/**
 * One thing that serves any number of users at a time, such as an HTTP/2 connection (hyper-util `client::pool::singleton`).
 *
 * Made when first asked for; whoever asks meanwhile shares that making and its outcome. When it is of no more use it is
 * forgotten, and the next one who asks has another made.
 */
import type { HttpError } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { canceledWait, poolClosed } from "./pool-errors.ts";
import { WaitingList } from "./waiting-list.ts";

/** Options of a `Singleton`. */
export interface SingletonOptions<T> {
  /** Makes one. `signal` aborts when nobody waits for it any more. */
  readonly connect: (signal: AbortSignal) => Promise<T>;
  /** Whether it can still be used. */
  readonly isOpen: (value: T) => boolean;
  /** Lets go of it. Default: nothing to do. */
  readonly close?: ((value: T) => void) | undefined;
}

const known = ["connect", "isOpen", "close"];

/** One thing that serves any number of users at a time: made when first asked for, anew when it is of no more use. */
export class Singleton<T> {
  readonly #options: SingletonOptions<T>;
  readonly #waiting = new WaitingList<T>(() => this.#waiterLeft());
  #value: T | undefined;
  #attempt: AbortController | undefined;

  /** @throws TypeError for options that make no sense. */
  constructor(options: SingletonOptions<T>) {
    knownOptions("singleton", options, known);
    this.#options = options;
  }

  /** The thing, if there is one that can be used. */
  get current(): T | undefined {
    if (this.#value !== undefined && !this.#options.isOpen(this.#value)) this.#value = undefined;
    return this.#value;
  }

  get isConnecting(): boolean {
    return this.#attempt !== undefined;
  }

  /** Whether there is none, none being made and nobody waiting. */
  get isEmpty(): boolean {
    return this.current === undefined && this.#attempt === undefined && this.#waiting.size === 0;
  }

  /**
   * The thing; made if there is none. Rejects with what `connect` failed with, the same error for all who waited, or with an
   * `HttpError` of kind `canceled`, code `CANCELED`, when `signal` aborts.
   */
  get(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(canceledWait(signal.reason));
    const { current } = this;
    if (current !== undefined) return Promise.resolve(current);
    const got = this.#waiting.join(signal);
    if (this.#attempt === undefined) void this.#connect(new AbortController());
    return got;
  }

  /** Takes in one that was made elsewhere, in place of one that is being made; it is closed if there is one already. */
  offer(value: T): void {
    const { current } = this;
    if (current === undefined) this.#value = value;
    else if (current !== value) this.#options.close?.(value);
    while (this.#waiting.give(current ?? value));
    this.#giveUp(canceledWait(undefined));
  }

  /** Closes the thing unless `keep` says otherwise. */
  retain(keep: (value: T) => boolean): void {
    const { current } = this;
    if (current === undefined || keep(current)) return;
    this.#value = undefined;
    this.#options.close?.(current);
  }

  /** Closes the thing and gives up making one; whoever waits is told `error`. */
  clear(error: HttpError = poolClosed()): void {
    this.retain(() => false);
    while (this.#waiting.fail(error));
    this.#giveUp(error);
  }

  async #connect(attempt: AbortController): Promise<void> {
    this.#attempt = attempt;
    let value: T;
    try {
      value = await this.#options.connect(attempt.signal);
    } catch (error) {
      // One that was given up concerns nobody any more.
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      while (this.#waiting.fail(error));
      return;
    }
    if (this.#attempt !== attempt) {
      this.#options.close?.(value);
      return;
    }
    this.#attempt = undefined;
    this.offer(value);
  }

  #waiterLeft(): void {
    if (this.#waiting.size === 0) this.#giveUp(canceledWait(undefined));
  }

  /** Nobody waits for what is being made. */
  #giveUp(reason: HttpError): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.abort(reason);
  }
}
