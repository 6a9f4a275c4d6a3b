/**
 * The state machine behind every body that asks a source for its frames: combinators, iterables, streams.
 *
 * Per frame, `pull` asks the source and `accept` makes a frame of what it said. The machine keeps what all of them owe
 * the reader: one pending call, synchronous where the source is, errors given once, a source released at most once and
 * never after it failed by itself, a pending call that settles the moment the body is cancelled.
 */

import { BaseBody } from "./body.ts";
import { busy, canceled } from "./body-error.ts";
import type { Frame } from "./frame.ts";
import { isPromise } from "./is-promise.ts";

type State =
  /** Ready for a call of `frame()`. */
  | "open"
  /** The source, or a function of the reader's, is running right now. */
  | "busy"
  /** A promise was given out and is not settled. */
  | "waiting"
  /** Cancelled; the next call throws the reason. */
  | "failed"
  /** The end, an error or the reason of a cancellation was given. */
  | "ended";

interface Pending {
  resolve(frame: Frame | null): void;
  reject(error: unknown): void;
}

/** @typeParam Answer - what the source says when asked once. */
export abstract class PullBody<Answer> extends BaseBody {
  #state: State = "open";
  /** Why the body was cancelled; kept in state `failed`. */
  #reason: unknown;
  /** The call that waits; kept in state `waiting`. */
  #pending: Pending | undefined;

  /** Asks the source once. What it throws or rejects with ends the body; the source is then not released. */
  protected abstract pull(): Answer | Promise<Answer>;

  /** Makes a frame of an answer, `null` for the end. When it throws or rejects, the source is released. */
  protected abstract accept(answer: Answer): Frame | null | Promise<Frame | null>;

  /** Lets the source go early. Called at most once; what it throws is ignored, for nobody is left to be told. */
  protected abstract release(reason: unknown): void;

  /** The error the reader gets for an error of the source. */
  protected translate(error: unknown): unknown {
    return error;
  }

  /** Whether nothing more will come of the body, be it that an error is still to be given. */
  protected get isOver(): boolean {
    return this.#state === "ended" || this.#state === "failed";
  }

  /** Whether the end, or the error in its place, was given. */
  protected get isEnded(): boolean {
    return this.#state === "ended";
  }

  frame(): Frame | null | Promise<Frame | null> {
    if (this.#state !== "open") return this.#notOpen();
    this.#state = "busy";
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.pull();
    } catch (error) {
      throw this.#sourceFailed(error);
    }
    if (this.#isCanceled()) throw this.#leave(answer);
    if (isPromise(answer)) {
      const pending = this.#wait();
      answer.then(
        (value) => this.#onAnswer(value),
        (error: unknown) => this.#onSourceError(error),
      );
      return pending;
    }
    const frame = this.#accept(answer);
    if (isPromise(frame)) {
      const pending = this.#wait();
      this.#listen(frame);
      return pending;
    }
    this.#state = frame === null ? "ended" : "open";
    return frame;
  }

  cancel(reason?: unknown): void {
    switch (this.#state) {
      case "open":
        this.#state = "failed";
        this.#reason = reason;
        this.#release(reason);
        return;
      case "busy":
        // From within the source or a function of the reader's: the source is released when that has returned.
        this.#state = "failed";
        this.#reason = reason;
        return;
      case "waiting": {
        const pending = this.#settled("ended");
        this.#release(reason);
        pending?.reject(canceled(reason));
        return;
      }
      default:
    }
  }

  #notOpen(): null {
    if (this.#state === "ended") return null;
    if (this.#state === "failed") throw this.#takeReason();
    throw busy();
  }

  #accept(answer: Answer): Frame | null | Promise<Frame | null> {
    let frame: Frame | null | Promise<Frame | null>;
    try {
      frame = this.accept(answer);
    } catch (error) {
      this.#state = "ended";
      this.#release(error);
      throw error;
    }
    if (this.#isCanceled()) throw this.#leave(frame);
    return frame;
  }

  #wait(): Promise<Frame | null> {
    this.#state = "waiting";
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  #listen(frame: Promise<Frame | null>): void {
    frame.then(
      (value) => this.#onFrame(value),
      (error: unknown) => this.#onAcceptError(error),
    );
  }

  // What a promise brings after the body was cancelled (a state other than `waiting`) is dropped: the call was rejected.

  #onAnswer(answer: Answer): void {
    if (this.#state !== "waiting") return;
    this.#state = "busy";
    let frame: Frame | null | Promise<Frame | null>;
    try {
      frame = this.#accept(answer);
    } catch (error) {
      this.#settled("ended")?.reject(error);
      return;
    }
    this.#state = "waiting";
    if (isPromise(frame)) this.#listen(frame);
    else this.#onFrame(frame);
  }

  #onFrame(frame: Frame | null): void {
    if (this.#state !== "waiting") return;
    this.#settled(frame === null ? "ended" : "open")?.resolve(frame);
  }

  #onSourceError(error: unknown): void {
    if (this.#state !== "waiting") return;
    const pending = this.#settled("ended");
    pending?.reject(this.#sourceFailed(error));
  }

  #onAcceptError(error: unknown): void {
    if (this.#state !== "waiting") return;
    const pending = this.#settled("ended");
    this.#release(error);
    pending?.reject(error);
  }

  #settled(state: State): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#state = state;
    return pending;
  }

  #sourceFailed(error: unknown): unknown {
    this.#state = "ended";
    try {
      return this.translate(error);
    } catch (other) {
      return other;
    }
  }

  /** Read through a method: a call in between may have changed the state. */
  #isCanceled(): boolean {
    return this.#state === "failed";
  }

  /** Ends a step during which the body was cancelled; the outcome of the step is dropped. */
  #leave(outcome: unknown): unknown {
    if (isPromise(outcome)) outcome.then(ignore, ignore);
    const reason = this.#reason;
    this.#release(reason);
    return this.#takeReason();
  }

  #takeReason(): unknown {
    const reason = this.#reason;
    this.#reason = undefined;
    this.#state = "ended";
    return canceled(reason);
  }

  #release(reason: unknown): void {
    try {
      this.release(reason);
    } catch {
      // Cancelling never throws; the source was told, and nobody is left to be told of its trouble.
    }
  }
}

function ignore(): void {}
