/**
 * What those who wait for a pool can be told.
 */
import { HttpError } from "@sluice/core";

/** Their signal has aborted. */
export function canceledWait(reason: unknown): HttpError {
  return new HttpError("canceled", "CANCELED", "waiting for a connection was given up", { cause: reason });
}

export function poolClosed(): HttpError {
  return new HttpError("closed", "POOL_CLOSED", "the pool was closed");
}

export function queueFull(maxWaiting: number): HttpError {
  return new HttpError("limit", "POOL_QUEUE_FULL", `at most ${maxWaiting} requests may wait for a connection`);
}
