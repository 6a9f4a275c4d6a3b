/**
 * For properties: what escapes a connection, as rejections and exceptions that nobody handles.
 */
import { afterAll, beforeAll } from "vitest";

/** Watches while the tests of a file run. Returns what takes the escapes since the last call. */
export function watchUnhandled(): () => unknown[] {
  const escaped: unknown[] = [];
  const note = (reason: unknown): void => void escaped.push(reason);
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    process.on("unhandledRejection", note).on("uncaughtException", note);
    // Errors are made by the hundred thousand, and their stacks are much of the time.
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    process.off("unhandledRejection", note).off("uncaughtException", note);
    Error.stackTraceLimit = stackTraceLimit;
  });
  return () => escaped.splice(0);
}
