/**
 * What is wrong with received HTTP/2 bytes, and how much of the connection it ends (RFC 9113 section 5.4).
 *
 * A connection error is answered with GOAWAY and closes the connection; a stream error is answered with RST_STREAM and
 * ends one stream. `reason` is the HTTP/2 error code to send, `code` a stable name for the rule that was broken, and
 * `message` plain ASCII that says what was received against what was expected: it serves as GOAWAY debug data as it is.
 */
import { HttpError } from "../error.ts";
import { ENHANCE_YOUR_CALM } from "./frame/error-code.ts";

/** An error in the peer's use of HTTP/2. Its `reason` is always set. */
export class Http2Error extends HttpError {
  declare readonly reason: number;
  /** The stream to reset, or 0 if the whole connection ends. */
  readonly streamId: number;

  constructor(streamId: number, reason: number, code: string, message: string) {
    // Too much of what is allowed is not a breach of the protocol.
    super(reason === ENHANCE_YOUR_CALM ? "limit" : "protocol", code, message, { reason });
    this.streamId = streamId;
  }

  /** Whether the error ends the connection (RFC 9113 section 5.4.1), not just a stream (5.4.2). */
  get isConnectionError(): boolean {
    return this.streamId === 0;
  }
}

/** An error that ends the connection. */
export function connectionError(reason: number, code: string, message: string): Http2Error {
  return new Http2Error(0, reason, code, message);
}

/** An error that ends one stream. */
export function streamError(streamId: number, reason: number, code: string, message: string): Http2Error {
  return new Http2Error(streamId, reason, code, message);
}
