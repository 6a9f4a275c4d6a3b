/**
 * Bodies to be sent are the program's: what they give may be anything at all, and they may throw whenever they are asked.
 */
import { type Body, type Frame, isData } from "@sluice/body";
import { HttpError } from "../error.ts";

/** Whether what `frame()` gave is a promise. */
export function isPending(frame: Frame | null | Promise<Frame | null>): frame is Promise<Frame | null> {
  return frame !== null && !isData(frame as Frame) && typeof frame === "object" && "then" in frame;
}

/** Whether a body of the user's says that it has ended. */
export function endsQuietly(body: Body): boolean {
  try {
    return body.isEndStream();
  } catch {
    return false;
  }
}

/** Cancels a body of the user's, whose own failure to do so is nobody's concern any more. */
export function cancelQuietly(body: Body, reason: unknown): void {
  try {
    body.cancel(reason);
  } catch {
    // Nothing is left to be freed by us.
  }
}

/** A body gave an error instead of a frame. */
export function bodyFailed(cause: unknown): HttpError {
  if (HttpError.is(cause) && cause.kind === "user") return cause;
  return new HttpError("user", "BODY_FAILED", "the body being sent failed", { cause });
}
