/**
 * Calling back from where nobody catches: a promise's reaction, where a throw would be an unhandled rejection, or an event
 * listener that has more to do.
 */
import type { ReadDone } from "@sluice/core";
import { throwLater } from "../transport-error.ts";

/** What `drained` and `shutdown` are given. */
export type Done = (error?: unknown) => void;

/** Calls `done`, if there is one; what it throws becomes an exception nobody caught. */
export function tell(done: Done | undefined, error: unknown): void {
  try {
    if (error === undefined) done?.();
    else done?.(error);
  } catch (thrown) {
    throwLater(thrown);
  }
}

/** As `tell`, for the callback of a `read`. */
export function tellRead(done: ReadDone | undefined, chunk: Uint8Array | null, error: unknown): void {
  try {
    if (error === undefined) done?.(chunk);
    else done?.(chunk, error);
  } catch (thrown) {
    throwLater(thrown);
  }
}
