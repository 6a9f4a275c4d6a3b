/**
 * CONTINUATION (RFC 9113 section 6.10): all of its payload is a fragment of a field block, so there is nothing to
 * decode. Its place, behind another fragment of the same block, is checked by `field-block-order.ts`.
 */
import { requireStream } from "./checks.ts";
import type { Frame } from "./frame-header.ts";

/** @throws Http2Error for what the header alone shows to be wrong. */
export function checkContinuationHeader(frame: Frame): void {
  requireStream(frame, "6.10");
}
