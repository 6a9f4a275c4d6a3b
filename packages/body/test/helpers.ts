/** The vocabulary of this package's tests: a body that keeps books, and short words for frames. */

import { expect } from "vitest";
import { BaseBody, type Body, BodyError, type Frame, HeaderMap, isData, SizeHint, Trailers } from "../src/index.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function text(frame: Frame | null): string {
  if (frame === null) return "null";
  return isData(frame) ? decoder.decode(frame) : `{${[...frame.fields].map(([name, value]) => `${name}=${value}`)}}`;
}

export function trailers(fields: Record<string, string>): Trailers {
  return new Trailers(new HeaderMap(fields));
}

/** Lets everything happen that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** All frames as text. */
export async function readAll(body: Body): Promise<string[]> {
  const frames: string[] = [];
  for (;;) {
    const frame = await body.frame();
    if (frame === null) return frames;
    frames.push(text(frame));
  }
}

/** The next frame, which must be at hand. */
export function now(body: Body): Frame | null {
  const frame = body.frame();
  if (frame instanceof Promise) throw new Error("a promise where a frame was to be at hand");
  return frame;
}

/** What `run` throws or rejects with. */
export async function failure(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error("it was to fail");
}

export async function expectBodyError(run: () => unknown, code: string): Promise<BodyError> {
  const error = await failure(run);
  expect(error).toSatisfy(BodyError.is);
  expect((error as BodyError).code).toBe(code);
  return error as BodyError;
}

/** A step of a {@link SpyBody}: a frame, an error to fail with, or a function called when the step is due. */
export type Step = Frame | Error | (() => Frame | null | Promise<Frame | null>);

export interface SpyOptions {
  /** How frames come: at hand, in promises, or never (until cancelled). Default: `sync`. */
  readonly mode?: "sync" | "async" | "mixed" | "stuck";
  /** Give an exact size hint and a true end flag. Default: neither. */
  readonly hints?: boolean;
}

/** A source that gives what it was told to, and notes what it was asked. */
export class SpyBody extends BaseBody {
  pulls = 0;
  /** The reasons of its cancellations. */
  readonly cancels: unknown[] = [];
  /** How often it was cancelled after its own end. */
  lateCancels = 0;
  readonly #steps: Step[];
  readonly #options: SpyOptions;
  #over = false;
  #reject: ((error: unknown) => void) | undefined;

  constructor(steps: readonly Step[], options: SpyOptions = {}) {
    super();
    this.#steps = [...steps];
    this.#options = options;
  }

  frame(): Frame | null | Promise<Frame | null> {
    this.pulls++;
    if (this.#over) throw new Error("a source was asked after its end");
    const { mode } = this.#options;
    if (mode === "stuck") {
      return new Promise((_, reject) => {
        this.#reject = reject;
      });
    }
    if (mode === "async" || (mode === "mixed" && this.pulls % 2 === 0)) {
      return new Promise((resolve, reject) => {
        this.#reject = reject;
        queueMicrotask(() => {
          if (this.cancels.length > 0) return;
          try {
            resolve(this.#next());
          } catch (error) {
            reject(error);
          }
        });
      });
    }
    return this.#next();
  }

  #next(): Frame | null | Promise<Frame | null> {
    const step = this.#steps.shift();
    if (step === undefined) {
      this.#over = true;
      return null;
    }
    if (step instanceof Error) {
      this.#over = true;
      throw step;
    }
    return typeof step === "function" ? step() : step;
  }

  /** Whether it came to its end, or failed, by itself. */
  get ended(): boolean {
    return this.#over && this.cancels.length === 0;
  }

  override isEndStream(): boolean {
    return this.#options.hints === true && this.#steps.length === 0;
  }

  override sizeHint(): SizeHint {
    if (this.#options.hints !== true) return SizeHint.unknown;
    let length = 0;
    for (const step of this.#steps) if (step instanceof Uint8Array) length += step.byteLength;
    return SizeHint.exact(length);
  }

  cancel(reason?: unknown): void {
    if (this.ended) {
      this.lateCancels++;
      return;
    }
    this.cancels.push(reason);
    this.#over = true;
    this.#reject?.(reason ?? new BodyError("canceled", "spy"));
  }
}
