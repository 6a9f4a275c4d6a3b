/** Tells an answer that is at hand from one that has to be waited for. */

/** Whether `value` is a promise, of whatever realm or library. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
