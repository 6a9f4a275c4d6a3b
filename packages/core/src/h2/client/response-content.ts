/**
 * What the head of a response says of its content (RFC 9110 section 6.4.1, RFC 9113 section 8.1.1).
 */
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { ResponseHead } from "../head/response-head.ts";
import { streamError } from "../http2-error.ts";

/** There is no content, whatever `content-length` says. */
export const NO_CONTENT = 0;
/** Content, as long as `content-length` says if it says anything. */
export const CONTENT = 1;
/** CONNECT was granted: what follows is no content, and `content-length` means nothing (RFC 9110 9.3.6). */
export const TUNNEL = 2;

/**
 * What follows the final head of the response to a request with `method`.
 * @throws Http2Error stream error if the content announced cannot come any more.
 */
export function contentOf(method: string, head: ResponseHead, streamId: number, endStream: boolean): number {
  const { status, contentLength } = head;
  if (method === "CONNECT" && status < 300) return TUNNEL;
  if (method === "HEAD" || status === 204 || status === 304) return NO_CONTENT;
  if (endStream && contentLength > 0) {
    const message = `content-length must be the length of the content, got ${contentLength} with END_STREAM`;
    const code = "CONTENT_LENGTH_WITHOUT_CONTENT";
    throw streamError(streamId, PROTOCOL_ERROR, code, `HEADERS: ${message} (RFC 9113 8.1.1)`);
  }
  return CONTENT;
}
