/**
 * A limit on how many exchanges are under way at once. Who comes later waits in line, first come first served.
 *
 * A place is given back when the response was read to its end, failed or was cancelled, or the call failed; it goes to the next
 * in line at once, so nobody can slip in between.
 */
import { type Alarm, HttpError, type HttpRequest, HttpResponse, type Service, type Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, limitOption, objectOption, wholeOption } from "../options.ts";
import { type Linked, LinkedList } from "../pool/linked-list.ts";
import type { Middleware } from "./compose.ts";
import { givenUp, isPromise, signalOf } from "./signal.ts";
import { watchResponse } from "./watch-response.ts";

/** Options of `concurrencyLimit`. */
export interface ConcurrencyLimitOptions {
  /** Most exchanges under way at once, 1 or more. */
  readonly max: number;
  /** Most requests that wait, 0 or more; one more fails at once. Default 1,024. */
  readonly maxQueued?: number | undefined;
  /** Longest wait in milliseconds, 0 for no limit. Default 60,000. */
  readonly queueTimeoutMs?: number | undefined;
  /** On a server: the status to answer with, without content, in place of the errors. Default: none. */
  readonly status?: number | undefined;
  /** Default: the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

/**
 * Limits the exchanges under way; a middleware counts all services it is put around together.
 *
 * Rejects with an `HttpError`: kind `limit`, code `QUEUE_FULL`; kind `timeout`, code `QUEUE_TIMEOUT`; kind `canceled` when the
 * signal of the request (`signalOf`) aborts while it waits. In these cases the service was not called, and the body of the request
 * is untouched.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions): Middleware {
  knownOptions("concurrencyLimit", options, ["max", "maxQueued", "queueTimeoutMs", "status", "timer"]);
  if (options.max === undefined) throw new TypeError("concurrencyLimit: max must be given");
  const max = wholeOption("concurrencyLimit", "max", options.max, 1, 1, Number.MAX_SAFE_INTEGER);
  const maxQueued = wholeOption("concurrencyLimit", "maxQueued", options.maxQueued, 1024, 0, Number.MAX_SAFE_INTEGER);
  const timeoutMs = limitOption("concurrencyLimit", "queueTimeoutMs", options.queueTimeoutMs, 60_000);
  const timer = objectOption("concurrencyLimit", "timer", options.timer, "schedule", () => nodeTimer);
  const status =
    options.status === undefined ? undefined : wholeOption("concurrencyLimit", "status", options.status, 503, 400, 599);
  const queue = new LinkedList<Waiter>();
  let active = 0;

  function release(): void {
    const next = queue.shift();
    if (next === undefined) active--;
    else next.admit();
  }

  function run(inner: Service, request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const answered = (response: HttpResponse): HttpResponse => {
      watchResponse(request, response, { onOver: release });
      return response;
    };
    const failed = (error: unknown): never => {
      release();
      throw error;
    };
    try {
      const answer = inner.call(request);
      return isPromise(answer) ? answer.then(answered).catch(failed) : answered(answer);
    } catch (error) {
      return failed(error);
    }
  }

  function refuse(error: HttpError): HttpResponse {
    if (status === undefined) throw error;
    return new HttpResponse(status);
  }

  /** Takes a place in line; resolves when its turn has come. */
  function wait(request: HttpRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = signalOf(request);
      if (signal.aborted) {
        reject(givenUp(signal.reason));
        return;
      }
      const leave = (error: HttpError): void => {
        queue.remove(waiter);
        waiter.forget();
        reject(error);
      };
      const abort = (): void => leave(givenUp(signal.reason));
      const alarm =
        timeoutMs === Infinity ? undefined : timer.schedule(timeoutMs, () => leave(queueTimeout(timeoutMs)));
      const waiter = new Waiter(resolve, alarm, () => signal.removeEventListener("abort", abort));
      queue.push(waiter);
      signal.addEventListener("abort", abort);
    });
  }

  return (inner) => ({
    call(request) {
      if (active < max) {
        active++;
        return run(inner, request);
      }
      if (queue.size >= maxQueued) {
        return refuse(new HttpError("limit", "QUEUE_FULL", `maxQueued = ${maxQueued} requests wait already`));
      }
      return wait(request).then(
        () => run(inner, request),
        (error: HttpError) => {
          if (error.code === "QUEUE_TIMEOUT") return refuse(error);
          throw error;
        },
      );
    },
  });
}

class Waiter implements Linked<Waiter> {
  before: Waiter | undefined = undefined;
  after: Waiter | undefined = undefined;
  readonly #resolve: () => void;
  readonly #alarm: Alarm | undefined;
  readonly #unlisten: () => void;

  constructor(resolve: () => void, alarm: Alarm | undefined, unlisten: () => void) {
    this.#resolve = resolve;
    this.#alarm = alarm;
    this.#unlisten = unlisten;
  }

  admit(): void {
    this.forget();
    this.#resolve();
  }

  /** Stops waiting for anything but its turn. */
  forget(): void {
    this.#alarm?.cancel();
    this.#unlisten();
  }
}

function queueTimeout(ms: number): HttpError {
  return new HttpError("timeout", "QUEUE_TIMEOUT", `the request waited longer than queueTimeoutMs = ${ms} ms`);
}
