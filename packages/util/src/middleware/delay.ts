/**
 * Waiting between two tries of a request.
 */
import type { Timer } from "@sluice/core";
import { holdProcess, releaseProcess } from "../client/process-hold.ts";
import { givenUp } from "./signal.ts";

/** Waits for `ms` milliseconds; rejects as soon as `signal` aborts. Keeps the process alive meanwhile. */
export function delay(timer: Timer, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(givenUp(signal.reason));
      return;
    }
    holdProcess();
    const end = (): void => {
      releaseProcess();
      signal.removeEventListener("abort", abort);
    };
    const alarm = timer.schedule(ms, () => {
      end();
      resolve();
    });
    function abort(): void {
      alarm.cancel();
      end();
      reject(givenUp(signal.reason));
    }
    signal.addEventListener("abort", abort);
  });
}
