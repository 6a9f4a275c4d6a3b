/**
 * What a fetch sends (Fetch 5.2, "extract a body"): each kind as a body of the engine, and whether it can be made once more, for a
 * redirect or a second attempt.
 */
import { type Body, fromIterable, fromReadableStream, full } from "@sluice/body";
import { boundaryOf, contentOfForm } from "./form-content.ts";
import { type BodyInit, lengthOfRequest, NativeResponse, sourceOfRequest } from "./platform.ts";

export interface RequestContent {
  /** A new body; of what can be sent once only, the first time only. */
  open(): Body;
  readonly isRepeatable: boolean;
  /** What a Content-Type should say where the program says nothing. */
  readonly type: string | null;
}

const textType = "text/plain;charset=UTF-8";
const formType = "application/x-www-form-urlencoded;charset=UTF-8";

function atHand(data: string | Uint8Array, type: string | null): RequestContent {
  return { open: () => full(data), isRepeatable: true, type };
}

/** Content of `init.body`. @throws TypeError for a stream that is locked, or was read. */
export function contentOfInit(body: unknown): RequestContent {
  if (typeof body === "string") return atHand(body, textType);
  if (body instanceof URLSearchParams) return atHand(body.toString(), formType);
  // Copied, since a redirect may need them later.
  if (ArrayBuffer.isView(body))
    return atHand(new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(), null);
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer)
    return atHand(new Uint8Array(body).slice(), null);
  if (body instanceof Blob) return contentOfBlob(body);
  if (body instanceof FormData) return contentOfForm(body);
  if (isAsyncIterable(body)) return contentOfStream(body);
  return atHand(String(body), textType);
}

/** Whether content can be sent once only, so that a fetch has to say `duplex: "half"`. */
export function isOnce(body: unknown): boolean {
  return !(body instanceof Blob) && !(body instanceof FormData) && !ArrayBuffer.isView(body) && isAsyncIterable(body);
}

/** Content of a native request that nobody else will read; `null` if it has none. */
export function contentOfRequestObject(request: Request): RequestContent | null {
  if (request.body === null) return null;
  const stream = request.body as ReadableStream<Uint8Array>;
  const source = sourceOfRequest(request);
  const length = lengthOfRequest(request);
  if (source === undefined) {
    const once = length === undefined ? fromReadableStream(stream) : fromReadableStream(stream, { length });
    return { open: () => once, isRepeatable: false, type: null };
  }
  stream.cancel().catch(() => {});
  if (source instanceof FormData) {
    return contentOfForm(source, boundaryOf(request.headers.get("content-type")));
  }
  return { ...contentOfInit(source), type: null };
}

function contentOfBlob(blob: Blob): RequestContent {
  const open = (): Body => fromReadableStream(blob.stream() as ReadableStream<Uint8Array>, { length: blob.size });
  return { open, isRepeatable: true, type: blob.type === "" ? null : blob.type };
}

function contentOfStream(body: AsyncIterable<Uint8Array>): RequestContent {
  let once: Body;
  if (body instanceof ReadableStream) {
    // The platform's own look at a stream that was read before.
    if (new NativeResponse(body as unknown as BodyInit).bodyUsed || body.locked)
      throw new TypeError("Body is unusable");
    once = fromReadableStream(body);
  } else {
    once = fromIterable(body);
  }
  return { open: () => once, isRepeatable: false, type: null };
}

function isAsyncIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
