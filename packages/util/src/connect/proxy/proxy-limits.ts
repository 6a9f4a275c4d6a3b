/**
 * Keeps what is said to a proxy within its time, and lets the caller give it up.
 */
import type { Timer } from "@sluice/core";
import { connectCanceled, connectTimeout } from "../connect-errors.ts";

export interface ProxyLimits {
  readonly timer: Timer;
  readonly signal: AbortSignal | undefined;
  /** In milliseconds; Infinity for no limit. */
  readonly timeoutMs: number;
  /** What takes its time, for messages. */
  readonly what: string;
}

/**
 * The outcome of `talk`. If the time is over or the signal aborts before, or `talk` fails, `release` is called with the error
 * before this rejects with it; what `talk` comes to afterwards is dropped.
 */
export function withinLimits<T>(
  { timer, signal, timeoutMs, what }: ProxyLimits,
  talk: () => Promise<T>,
  release: (error: unknown) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      alarm?.cancel();
      signal?.removeEventListener("abort", aborted);
      return true;
    };
    const fail = (error: unknown): void => {
      if (!settle()) return;
      release(error);
      reject(error);
    };
    const aborted = (): void => fail(connectCanceled(signal?.reason));
    const expired = (): void => fail(connectTimeout("timeoutMs", timeoutMs, what));
    const alarm = timeoutMs === Infinity ? undefined : timer.schedule(timeoutMs, expired);
    if (signal?.aborted === true) {
      aborted();
      return;
    }
    signal?.addEventListener("abort", aborted);
    talk().then((value) => {
      if (settle()) resolve(value);
    }, fail);
  });
}
