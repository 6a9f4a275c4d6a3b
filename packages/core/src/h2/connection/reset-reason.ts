/**
 * Which code a stream is reset with when the program fails: the one it names, anywhere in the chain of causes.
 */
import { HttpError } from "../../error.ts";

/** The HTTP/2 error code that `error` or one of its causes carries, else `otherwise`. */
export function resetReason(error: unknown, otherwise: number): number {
  let current = error;
  for (let depth = 0; depth < 16; depth++) {
    if (HttpError.is(current) && current.reason !== undefined) return current.reason;
    if (typeof current !== "object" || current === null || !("cause" in current)) return otherwise;
    current = current.cause;
  }
  return otherwise;
}
