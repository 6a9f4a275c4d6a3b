/**
 * Tries a request again where that is safe, not too often, not too soon, and not when everybody does.
 *
 * Each try but the first is a copy of the request with a body of its own; a response that is not the last has its body
 * cancelled before the wait. While it waits a call holds one alarm and one listener.
 */
import type { Body } from "@sluice/body";
import { type HttpRequest, type HttpResponse, isUnsent, type Service, type Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, objectOption, wholeOption } from "../options.ts";
import { type BodySource, bodySource } from "./body-source.ts";
import type { Middleware } from "./compose.ts";
import { copyRequest } from "./copy-request.ts";
import { delay } from "./delay.ts";
import { retryAfterMs } from "./retry-after.ts";
import { RetryBudget } from "./retry-budget.ts";
import { type Attempt, isSafeToRetry } from "./retry-classifier.ts";
import { callbackFailed, callUntil, cancelBody, signalOf } from "./signal.ts";

/** Options of `retry`. */
export interface RetryOptions {
  /** How often one request is tried again at most, 0 to 100. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Requests for which it is false pass through untouched. Asked once, before the first try. Default: all. */
  readonly scope?: ((request: HttpRequest) => boolean) | undefined;
  /** Whether to try again. Default: `isSafeToRetry`. */
  readonly classify?: ((attempt: Attempt) => boolean) | undefined;
  /** How many retries there may be in all; `null` for no limit. Default: a `RetryBudget` of its own. */
  readonly budget?: Pick<RetryBudget, "deposit" | "withdraw"> | null | undefined;
  /** Before retry n, from 0, a random time is waited from 0 to this much times 2^n milliseconds. 0 for none. Default 100. */
  readonly backoffMs?: number | undefined;
  /** The longest such time. Default 10,000. */
  readonly maxBackoffMs?: number | undefined;
  /** Longest `Retry-After` that is waited for, in milliseconds; a response that asks for more is returned. Default 30,000. */
  readonly maxRetryAfterMs?: number | undefined;
  /** A number from 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Is told of each retry, and how long it waits. What it throws is dropped. */
  readonly onRetry?: ((attempt: Attempt, delayMs: number) => void) | undefined;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

const known: readonly string[] = [
  ...["maxRetries", "scope", "classify", "budget", "backoffMs", "maxBackoffMs", "maxRetryAfterMs", "random", "onRetry"],
  "timer",
];

/**
 * Tries requests again. A request can be repeated when its body can be made anew: an empty one, a `full` one, or one that was
 * given by `replayableBody`; one whose body was not touched (`isUnsent`) can be repeated with any. When it is not tried
 * again, the last response is returned, or the last error thrown, as it is.
 *
 * A callback that throws ends the call with an `HttpError` of kind `user`, code `CALLBACK_FAILED`.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function retry(options: RetryOptions = {}): Middleware {
  knownOptions("retry", options, known);
  const { scope = () => true, classify = isSafeToRetry, random = Math.random, onRetry } = options;
  const maxRetries = wholeOption("retry", "maxRetries", options.maxRetries, 2, 0, 100);
  const baseMs = wholeOption("retry", "backoffMs", options.backoffMs, 100, 0, 3_600_000);
  const maxBackoffMs = wholeOption("retry", "maxBackoffMs", options.maxBackoffMs, 10_000, 0, 3_600_000);
  const maxRetryAfterMs = wholeOption("retry", "maxRetryAfterMs", options.maxRetryAfterMs, 30_000, 0, 86_400_000);
  const timer = objectOption("retry", "timer", options.timer, "schedule", () => nodeTimer);
  const budget =
    options.budget === null
      ? undefined
      : objectOption("retry", "budget", options.budget, "withdraw", () => new RetryBudget({ timer }));
  for (const [name, value] of Object.entries({ scope, classify, random, onRetry: onRetry ?? random })) {
    if (typeof value !== "function") throw new TypeError(`retry: ${name} must be a function, got ${String(value)}`);
  }

  /** How long to wait before the next try; `undefined` if there is none. */
  function decide(attempt: Attempt, isRepeatable: boolean): number | undefined {
    if (attempt.retries >= maxRetries || !isRepeatable || signalOf(attempt.request).aborted) return undefined;
    if (!guarded("classify", () => classify(attempt))) return undefined;
    const askedMs = attempt.response === undefined ? 0 : (retryAfterMs(attempt.response) ?? 0);
    if (askedMs > maxRetryAfterMs) return undefined;
    if (budget?.withdraw() === false) return undefined;
    // Full jitter: those who failed together do not come back together.
    const backoffMs = guarded("random", random) * Math.min(maxBackoffMs, baseMs * 2 ** attempt.retries);
    return Math.max(askedMs, backoffMs);
  }

  function tell(attempt: Attempt, delayMs: number): void {
    try {
      onRetry?.(attempt, delayMs);
    } catch {
      // It only looks on.
    }
  }

  async function run(inner: Service, request: HttpRequest): Promise<HttpResponse> {
    const signal = signalOf(request);
    const source = bodySource(request);
    let current = request;
    for (let retries = 0; ; retries++) {
      const attempt = await tryOnce(inner, current, request, retries);
      const { response, error } = attempt;
      const untouched = response === undefined && isUnsent(error) ? current.body : undefined;
      let delayMs: number | undefined;
      try {
        delayMs = decide(attempt, source !== undefined || untouched !== undefined);
      } catch (failure) {
        if (response !== undefined) cancelBody(response, failure);
        throw failure;
      }
      if (delayMs === undefined) {
        if (response === undefined) throw error;
        return response;
      }
      tell(attempt, delayMs);
      if (response !== undefined) cancelBody(response);
      // A body that was made for this try and not read may hold a file open.
      if (untouched === undefined) cancelBody(current);
      await delay(timer, delayMs, signal);
      current = copyRequest(request, { body: untouched ?? nextBody(source, request), source });
    }
  }

  return (inner) => ({
    call(request) {
      if (!guarded("scope", () => scope(request))) return inner.call(request);
      budget?.deposit();
      return run(inner, request);
    },
  });
}

async function tryOnce(inner: Service, current: HttpRequest, request: HttpRequest, retries: number): Promise<Attempt> {
  try {
    return { request, response: await callUntil(inner, current, signalOf(request)), retries };
  } catch (error) {
    return { request, error, retries };
  }
}

function nextBody(source: BodySource | undefined, { body }: HttpRequest): Body {
  return source === undefined ? body : guarded("replayableBody: make", source);
}

function guarded<T>(name: string, callback: () => T): T {
  try {
    return callback();
  } catch (cause) {
    throw callbackFailed(name, cause);
  }
}
