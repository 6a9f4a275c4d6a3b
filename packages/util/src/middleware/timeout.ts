/**
 * A limit on how long an exchange may take: until its head is there, and until the last of its body was read.
 *
 * When a limit passes, all that is below learns of it: through the signal of the request (`signalOf`), the body of the request
 * and the body of the response, which are cancelled. Whatever becomes of an exchange, no alarm and no listener is left.
 */
import { type Alarm, HttpError, type HttpRequest, HttpResponse, type Service, type Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, limitOption, objectOption, wholeOption } from "../options.ts";
import type { Middleware } from "./compose.ts";
import { callUntil, cancelBody, givenUp, isPromise, signalKey, signalOf } from "./signal.ts";
import { watchResponse } from "./watch-response.ts";

/** Times in milliseconds, 0 for no limit. At least one limit must be given. */
export interface TimeoutOptions {
  /** From the call until the body of the response was read to its end, failed or was cancelled. Default: no limit. */
  readonly totalMs?: number | undefined;
  /** From the call until the head of the response is there. Default: no limit. */
  readonly headMs?: number | undefined;
  /**
   * On a server: the status to answer with, without content, when a limit passes before the head. Default: none, and the
   * call rejects, which a connection answers with 500.
   */
  readonly status?: number | undefined;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

interface Limits {
  readonly totalMs: number;
  readonly headMs: number;
  readonly status: number | undefined;
  readonly timer: Timer;
}

/**
 * Limits the time an exchange takes.
 *
 * Before the head the call rejects with an `HttpError` of kind `timeout`, code `TOTAL_TIMEOUT` or `HEAD_TIMEOUT`; after it the
 * body of the response fails with the same. Above `retry` it limits all tries together, below it each of them.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function timeout(options: TimeoutOptions): Middleware {
  knownOptions("timeout", options, ["totalMs", "headMs", "status", "timer"]);
  if (options.totalMs === undefined && options.headMs === undefined) {
    throw new TypeError("timeout: totalMs or headMs must be given");
  }
  const { status } = options;
  const limits: Limits = {
    totalMs: limitOption("timeout", "totalMs", options.totalMs, 0),
    headMs: limitOption("timeout", "headMs", options.headMs, 0),
    status: status === undefined ? undefined : wholeOption("timeout", "status", status, 503, 400, 599),
    timer: objectOption("timeout", "timer", options.timer, "schedule", () => nodeTimer),
  };
  return (inner) => ({ call: (request) => new TimedExchange(limits, request).run(inner) });
}

class TimedExchange {
  readonly #limits: Limits;
  readonly #request: HttpRequest;
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #previous: AbortSignal | undefined;
  #total: Alarm | undefined;
  #head: Alarm | undefined;
  #response: HttpResponse | undefined;
  /** The limit that passed. */
  #expired: HttpError | undefined;

  constructor(limits: Limits, request: HttpRequest) {
    this.#limits = limits;
    this.#request = request;
    this.#parent = signalOf(request);
    this.#previous = request.extensionsIfAny?.get(signalKey);
  }

  run(inner: Service): HttpResponse | Promise<HttpResponse> {
    const { signal } = this.#controller;
    if (this.#parent.aborted) this.#controller.abort(this.#parent.reason);
    else this.#start(signal);
    try {
      const answer = callUntil(inner, this.#request, signal);
      return isPromise(answer) ? answer.then(this.#answered).catch(this.#failed) : this.#answered(answer);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #start(signal: AbortSignal): void {
    const { totalMs, headMs, timer } = this.#limits;
    this.#parent.addEventListener("abort", this.#onParentAbort);
    this.#request.extensions.set(signalKey, signal);
    if (totalMs !== Infinity) {
      this.#total = timer.schedule(totalMs, () => this.#expire("TOTAL_TIMEOUT", "totalMs", totalMs, "was not over"));
    }
    if (headMs !== Infinity) {
      this.#head = timer.schedule(headMs, () => this.#expire("HEAD_TIMEOUT", "headMs", headMs, "had no response head"));
    }
  }

  readonly #answered = (response: HttpResponse): HttpResponse => {
    this.#head?.cancel();
    this.#response = response;
    watchResponse(this.#request, response, { onOver: () => this.#end() });
    return response;
  };

  readonly #failed = (error: unknown): HttpResponse => {
    this.#end();
    const { status } = this.#limits;
    if (error === this.#expired && status !== undefined) return new HttpResponse(status);
    throw error;
  };

  readonly #onParentAbort = (): void => this.#stop(givenUp(this.#parent.reason));

  #expire(code: string, option: string, ms: number, what: string): void {
    this.#expired = new HttpError("timeout", code, `the exchange ${what} within ${option} = ${ms} ms`);
    this.#stop(this.#expired);
  }

  #stop(error: HttpError): void {
    this.#end();
    // The reader is told first: what it would hear from below is not the reason.
    if (this.#response !== undefined) cancelBody(this.#response, error);
    cancelBody(this.#request, error);
    this.#controller.abort(error);
  }

  #end(): void {
    this.#total?.cancel();
    this.#head?.cancel();
    this.#parent.removeEventListener("abort", this.#onParentAbort);
    const extensions = this.#request.extensionsIfAny;
    if (extensions?.get(signalKey) !== this.#controller.signal) return;
    if (this.#previous === undefined) extensions.remove(signalKey);
    else extensions.set(signalKey, this.#previous);
  }
}
