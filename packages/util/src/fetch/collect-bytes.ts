/**
 * Reads a body whole, without a promise where all of it is at hand, and never beyond a limit.
 */
import { type Body, type HeaderMap, isData } from "@sluice/body";
import { HttpError } from "@sluice/core";

const none: Uint8Array = new Uint8Array(0);

export interface CollectedBytes {
  readonly bytes: Uint8Array;
  readonly trailers: HeaderMap | undefined;
}

/**
 * All data of `body`, in one piece.
 * @param maxBytes More than this is not read: the body is cancelled, and an `HttpError` of kind `limit`, code
 *   `BODY_TOO_LARGE` and status 413 is what becomes of it.
 */
export function collectBytes(body: Body, maxBytes: number): CollectedBytes | Promise<CollectedBytes> {
  if (body.sizeHint().lower > maxBytes) throw tooLarge(body, maxBytes);
  const next = body.frame();
  if (next === null) return { bytes: none, trailers: undefined };
  if (ArrayBuffer.isView(next)) {
    if (next.length > maxBytes) throw tooLarge(body, maxBytes);
    if (body.isEndStream()) return { bytes: next as Uint8Array, trailers: undefined };
  }
  return collectRest(body, maxBytes, next);
}

async function collectRest(body: Body, maxBytes: number, first: ReturnType<Body["frame"]>): Promise<CollectedBytes> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let trailers: HeaderMap | undefined;
  for (let next = first; ; next = body.frame()) {
    const frame = next !== null && "then" in next ? await next : next;
    if (frame === null) break;
    if (isData(frame)) {
      length += frame.length;
      if (length > maxBytes) throw tooLarge(body, maxBytes);
      chunks.push(frame);
    } else {
      trailers = frame.fields;
    }
  }
  return { bytes: joined(chunks, length), trailers };
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(body: Body, maxBytes: number): HttpError {
  const message = `the body is longer than the ${maxBytes} bytes that may be held in memory (maxBufferedBodyBytes)`;
  const error = new HttpError("limit", "BODY_TOO_LARGE", message, { status: 413 });
  body.cancel(error);
  return error;
}
