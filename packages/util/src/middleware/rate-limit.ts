/**
 * A limit on how often requests may come: so many at once, and so many per second over time, of all or of each key.
 *
 * Each key has a bucket. Buckets nobody waits at are forgotten, the least recently used first, once there are more than `maxKeys`: a
 * key that comes back then finds a full one. So memory is bounded by `maxKeys` and `maxQueued`, whatever keys are made up.
 */
import { HttpError, type HttpRequest, HttpResponse, type Timer } from "@sluice/core";
import { holdProcess, releaseProcess } from "../client/process-hold.ts";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, objectOption, wholeOption } from "../options.ts";
import type { Middleware } from "./compose.ts";
import { Pace, PaceWaiter } from "./pace.ts";
import { callbackFailed, givenUp, signalOf } from "./signal.ts";

/** Options of `rateLimit`. */
export interface RateLimitOptions {
  /** Requests per second over time, above 0 and up to 1,000,000; may be a fraction. */
  readonly perSecond: number;
  /** Most requests at once, 1 or more. Default: `perSecond`, rounded up. */
  readonly burst?: number | undefined;
  /** Requests with the same key are counted together. Default: all are. What it throws ends the call (`CALLBACK_FAILED`). */
  readonly key?: ((request: HttpRequest) => string) | undefined;
  /**
   * What becomes of a request beyond the limit: it waits its turn, or is answered with 429 or 503 and a `Retry-After` in seconds.
   * Default `wait`.
   */
  readonly onLimit?: "wait" | 429 | 503 | undefined;
  /** Longest wait in milliseconds; a request that would wait longer fails at once. Default 60,000. */
  readonly maxWaitMs?: number | undefined;
  /** Most requests that wait, of all keys together. Default 1,024. */
  readonly maxQueued?: number | undefined;
  /** Most keys that are remembered. Default 10,000. */
  readonly maxKeys?: number | undefined;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

const known: readonly string[] = [
  ...["perSecond", "burst", "key", "onLimit", "maxWaitMs", "maxQueued", "maxKeys", "timer"],
];
const maxPerSecond = 1_000_000;

/**
 * Limits the rate of requests. One that waits keeps the process alive, and leaves the line when its signal (`signalOf`) aborts.
 *
 * With `wait`, rejects with an `HttpError` of kind `limit`: code `RATE_LIMIT` for a wait beyond `maxWaitMs`, `QUEUE_FULL` beyond
 * `maxQueued`; kind `canceled` when the signal aborts. The body of the request is then untouched.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  knownOptions("rateLimit", options, known);
  const { perSecond, onLimit = "wait", key = () => "" } = options;
  if (typeof perSecond !== "number")
    throw new TypeError(`rateLimit: perSecond must be a number, got ${String(perSecond)}`);
  if (!(perSecond > 0 && perSecond <= maxPerSecond)) {
    throw new RangeError(`rateLimit: perSecond must be above 0 and at most ${maxPerSecond}, got ${perSecond}`);
  }
  if (typeof key !== "function") throw new TypeError(`rateLimit: key must be a function, got ${String(key)}`);
  if (onLimit !== "wait" && onLimit !== 429 && onLimit !== 503) {
    throw new TypeError(`rateLimit: onLimit must be wait, 429 or 503, got ${String(onLimit)}`);
  }
  const burst = wholeOption("rateLimit", "burst", options.burst, Math.ceil(perSecond), 1, Number.MAX_SAFE_INTEGER);
  const maxWaitMs = wholeOption("rateLimit", "maxWaitMs", options.maxWaitMs, 60_000, 0, Infinity);
  const maxQueued = wholeOption("rateLimit", "maxQueued", options.maxQueued, 1024, 0, Number.MAX_SAFE_INTEGER);
  const maxKeys = wholeOption("rateLimit", "maxKeys", options.maxKeys, 10_000, 1, Number.MAX_SAFE_INTEGER);
  const timer = objectOption("rateLimit", "timer", options.timer, "schedule", () => nodeTimer);
  /** The least recently used first. */
  const paces = new Map<string, Pace>();
  let queued = 0;

  function paceOf(request: HttpRequest): Pace {
    const name = keyOf(request);
    let pace = paces.get(name);
    if (pace === undefined) {
      if (paces.size >= maxKeys) forgetOne();
      pace = new Pace(timer, 1000 / perSecond, burst);
    } else {
      paces.delete(name);
    }
    paces.set(name, pace);
    return pace;
  }

  function keyOf(request: HttpRequest): string {
    try {
      const name: unknown = key(request);
      if (typeof name === "string") return name;
      throw new TypeError(`key must return a string, returned a ${typeof name}`);
    } catch (cause) {
      throw callbackFailed("key", cause);
    }
  }

  function forgetOne(): void {
    for (const [name, pace] of paces) {
      if (pace.waiting > 0) continue;
      paces.delete(name);
      return;
    }
  }

  function checkRoom(pace: Pace): void {
    if (queued >= maxQueued) {
      throw new HttpError("limit", "QUEUE_FULL", `maxQueued = ${maxQueued} requests wait already`);
    }
    const { waitMs } = pace;
    if (waitMs <= maxWaitMs) return;
    const message = `the request would wait ${Math.ceil(waitMs)} ms, longer than maxWaitMs = ${maxWaitMs} ms`;
    throw new HttpError("limit", "RATE_LIMIT", message);
  }

  function wait(pace: Pace, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(givenUp(signal.reason));
        return;
      }
      const end = (): void => {
        queued--;
        releaseProcess();
        signal.removeEventListener("abort", abort);
      };
      const waiter = new PaceWaiter(() => {
        end();
        resolve();
      });
      function abort(): void {
        pace.leave(waiter);
        end();
        reject(givenUp(signal.reason));
      }
      queued++;
      holdProcess();
      signal.addEventListener("abort", abort);
      pace.join(waiter);
    });
  }

  return (inner) => ({
    call(request) {
      const pace = paceOf(request);
      if (pace.tryTake()) return inner.call(request);
      if (onLimit !== "wait") {
        const seconds = Math.max(1, Math.ceil(pace.waitMs / 1000));
        return new HttpResponse(onLimit, { "retry-after": String(seconds) });
      }
      checkRoom(pace);
      return wait(pace, signalOf(request)).then(() => inner.call(request));
    },
  });
}
