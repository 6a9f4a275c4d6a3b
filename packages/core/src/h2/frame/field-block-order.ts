/**
 * The fragments of a field block follow one another with nothing in between, on one stream (RFC 9113 sections 4.3,
 * 6.10), and there are not endlessly many of them: compressed size is bounded by the header list limit only as long as
 * fragments hold something, so their number has a limit of its own (CVE-2024-27316, CVE-2023-45288).
 */
import { connectionError } from "../http2-error.ts";
import { checkContinuationHeader } from "./continuation.ts";
import { ENHANCE_YOUR_CALM, PROTOCOL_ERROR } from "./error-code.ts";
import type { Frame } from "./frame-header.ts";
import { CONTINUATION, FLAG_END_HEADERS, frameTypeName, HEADERS, PUSH_PROMISE } from "./frame-type.ts";
import { defaultMaxFrameSize } from "./settings.ts";

/** Fewer CONTINUATION frames than this are never too many (as nghttp2's). */
const leastMaxContinuations = 8;

/**
 * How many CONTINUATION frames a field block may take: four times as many as a header list of `maxListBytes` fills in
 * frames of the default length. Peers need not send longer ones because they may.
 */
export function continuationLimit(maxListBytes: number): number {
  return Math.max(leastMaxContinuations, Math.ceil((4 * maxListBytes) / defaultMaxFrameSize) + 1);
}

export class FieldBlockOrder {
  readonly #maxContinuations: number;
  /** The stream whose field block is open, or 0. */
  #streamId = 0;
  #continuations = 0;
  /** Whether the last fragment was empty. */
  #empty = false;

  constructor(maxContinuations: number) {
    this.#maxContinuations = maxContinuations;
  }

  /** The stream whose field block is incomplete, or 0. */
  get openStreamId(): number {
    return this.#streamId;
  }

  /** Takes the header of the next frame. @throws Http2Error connection error. */
  check(frame: Frame): void {
    const { type } = frame;
    if (type === CONTINUATION) checkContinuationHeader(frame);
    if (this.#streamId !== 0) this.#checkWithin(frame);
    else if (type === CONTINUATION) {
      const message = "CONTINUATION: must follow a frame without END_HEADERS (RFC 9113 6.10)";
      throw connectionError(PROTOCOL_ERROR, "CONTINUATION_UNEXPECTED", message);
    } else if (type === HEADERS || type === PUSH_PROMISE) {
      if ((frame.flags & FLAG_END_HEADERS) !== 0) return;
      this.#streamId = frame.streamId;
      this.#continuations = 0;
      this.#empty = false;
    }
  }

  #checkWithin(frame: Frame): void {
    if (frame.type !== CONTINUATION || frame.streamId !== this.#streamId) {
      const got = `${frameTypeName(frame.type)} on stream ${frame.streamId}`;
      const message = `a field block on stream ${this.#streamId} must be continued by CONTINUATION, got ${got}`;
      throw connectionError(PROTOCOL_ERROR, "FIELD_BLOCK_INTERRUPTED", `${message} (RFC 9113 6.10)`);
    }
    if ((frame.flags & FLAG_END_HEADERS) !== 0) {
      this.#streamId = 0;
      return;
    }
    if (++this.#continuations >= this.#maxContinuations) {
      const message = `too_many_continuations: a field block must take at most ${this.#maxContinuations} of them`;
      throw connectionError(ENHANCE_YOUR_CALM, "TOO_MANY_CONTINUATIONS", message);
    }
    const empty = frame.length === 0;
    if (empty && this.#empty) {
      const message = "too_many_continuations: two in a row were empty and ended nothing";
      throw connectionError(ENHANCE_YOUR_CALM, "EMPTY_CONTINUATIONS", message);
    }
    this.#empty = empty;
  }
}
