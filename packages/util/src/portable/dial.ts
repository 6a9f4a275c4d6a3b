/**
 * Waits for a connection that is being made, no longer than allowed. One that comes after the waiting has ended is given
 * up at once, so none is ever left open without an owner.
 */
import { HttpError, type Timer } from "@sluice/core";
import { transportError } from "../transport-error.ts";

export interface DialLimits {
  readonly timer: Timer;
  /** Milliseconds; 0 for no limit. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const defaultTimeoutMs = 10_000;

/** @throws RangeError for a `connectTimeoutMs` that is not a number of milliseconds from 0. */
export function connectTimeout(value: number = defaultTimeoutMs): number {
  if (value >= 0) return value;
  throw new RangeError(`connectTimeoutMs: must be at least 0, got ${String(value)}`);
}

/**
 * Rejects with an `HttpError`: kind `io` for what `dialing` rejects with, kind `timeout` and code `CONNECT_TIMEOUT`, kind
 * `canceled` and code `CONNECT_CANCELED` when `signal` aborts.
 *
 * @param discard Closes a connection that came too late.
 * @param abandon Is called when the waiting ends early, to stop what can be stopped.
 */
export function dialWithin<T>(
  limits: DialLimits,
  dialing: Promise<T>,
  discard: (late: T) => void,
  abandon: (error: HttpError) => void,
): Promise<T> {
  const { timer, timeoutMs, signal } = limits;
  return new Promise<T>((resolve, reject) => {
    let over = false;
    const end = (): void => {
      over = true;
      alarm?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: HttpError): void => {
      if (over) return;
      end();
      reject(error);
    };
    const giveUp = (error: HttpError): void => {
      if (over) return;
      fail(error);
      abandon(error);
    };
    const onAbort = (): void =>
      giveUp(new HttpError("canceled", "CONNECT_CANCELED", "connecting was given up", { cause: signal?.reason }));
    const alarm =
      timeoutMs > 0 && timeoutMs < Number.POSITIVE_INFINITY
        ? timer.schedule(timeoutMs, () =>
            giveUp(new HttpError("timeout", "CONNECT_TIMEOUT", `no connection within ${timeoutMs} ms`)),
          )
        : undefined;
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    dialing.then(
      (made) => {
        if (over) return discard(made);
        end();
        resolve(made);
      },
      (error: unknown) => fail(transportError(error, "CONNECT_FAILED")),
    );
  });
}
