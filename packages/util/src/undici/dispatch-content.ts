/**
 * What a dispatch sends: each kind as a body of the engine, told apart by structure.
 */
import { Readable } from "node:stream";
import { type Body, type BodyChunk, empty, fromIterable, fromReadableStream, full } from "@sluice/body";
import { contentOfForm } from "../fetch/form-content.ts";
import { DispatchError, invalidArgument } from "./dispatch-error.ts";

export interface DispatchContent {
  readonly body: Body;
  /** Makes it once more; absent for what can be sent once only. */
  readonly again?: (() => Body) | undefined;
  /** What Content-Type should say where the program says nothing. */
  readonly type?: string | undefined;
  /** The Node stream it is read from, which has to be destroyed when nobody reads it to its end. */
  readonly stream?: Readable | undefined;
}

/** What streams, even very old ones, have in common. */
interface StreamLike {
  pipe(...given: unknown[]): unknown;
  on(event: string, listener: (...given: never[]) => void): unknown;
  read?(size?: number): unknown;
  readonly _readableState?: { readonly objectMode?: boolean; readonly ended?: boolean; readonly length?: number };
}

interface BlobLike {
  readonly size: number;
  readonly type: string;
  stream(): ReadableStream<Uint8Array>;
}

/**
 * The content for `given`.
 * @param declared What Content-Length says, which counts for content whose length is not known by itself.
 * @throws DispatchError code `UND_ERR_INVALID_ARG` for what is no content, and `UND_ERR_REQ_CONTENT_LENGTH_MISMATCH` for content of
 *   another length.
 */
export function dispatchContent(given: unknown, declared: number | undefined): DispatchContent {
  if (given === null || given === undefined) return { body: empty() };
  if (isStream(given)) return ofStream(given, declared);
  const bytes = bytesOf(given);
  if (bytes !== undefined) {
    checkLength(bytes.length, declared);
    return bytes.length === 0 ? { body: empty() } : { body: full(bytes), again: () => full(bytes) };
  }
  if (isTagged(given, "FormData")) {
    const { open, type } = contentOfForm(given as FormData);
    return { body: open(), again: open, type: type ?? undefined };
  }
  if (isBlob(given)) return ofBlob(given, declared);
  if (isIterable(given))
    return { body: fromIterable(given, declared === undefined ? undefined : { length: declared }) };
  throw invalidArgument("body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable");
}

/** Content that is at hand whole. */
function bytesOf(given: unknown): Uint8Array | undefined {
  if (typeof given === "string") return Buffer.from(given);
  if (given instanceof Uint8Array) return given;
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  if (isTagged(given, "ArrayBuffer") || isTagged(given, "SharedArrayBuffer"))
    return new Uint8Array(given as ArrayBuffer);
  return undefined;
}

function ofStream(given: StreamLike, declared: number | undefined): DispatchContent {
  // A stream that has ended already says so once it is asked to read.
  if (typeof given.read === "function") given.read(0);
  const { objectMode, ended, length: held } = given._readableState ?? {};
  const known = objectMode === false && ended === true && typeof held === "number" ? held : undefined;
  if (known !== undefined) checkLength(known, declared);
  const length = known ?? declared;
  const stream =
    Symbol.asyncIterator in given ? (given as unknown as Readable) : new Readable().wrap(given as unknown as Readable);
  return { body: fromIterable(chunksOf(stream), length === undefined ? undefined : { length }), stream };
}

/**
 * Leaves the stream as it is when no more is asked for: whoever has read the declared length stops before the end, and a stream
 * destroyed for that would report an error.
 */
function chunksOf(stream: Readable): AsyncIterable<BodyChunk> {
  const hasIterator = typeof stream.iterator === "function";
  if (!hasIterator) return stream as AsyncIterable<BodyChunk>;
  return { [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }) };
}

function ofBlob(blob: BlobLike, declared: number | undefined): DispatchContent {
  checkLength(blob.size, declared);
  const open = (): Body => fromReadableStream(blob.stream(), { length: blob.size });
  return { body: open(), again: open, type: blob.type === "" ? undefined : blob.type };
}

function checkLength(length: number, declared: number | undefined): void {
  if (length > 0 && declared !== undefined && declared !== length) {
    throw new DispatchError("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH");
  }
}

function isStream(given: unknown): given is StreamLike {
  if (typeof given !== "object" || given === null) return false;
  return "pipe" in given && typeof given.pipe === "function" && "on" in given && typeof given.on === "function";
}

function isTagged(given: unknown, tag: string): boolean {
  return Object.prototype.toString.call(given) === `[object ${tag}]`;
}

function isBlob(given: unknown): given is BlobLike {
  if (!isTagged(given, "Blob") && !isTagged(given, "File")) return false;
  return typeof (given as BlobLike).stream === "function" && typeof (given as BlobLike).size === "number";
}

function isIterable(given: unknown): given is Iterable<BodyChunk> | AsyncIterable<BodyChunk> {
  return typeof given === "object" && given !== null && (Symbol.asyncIterator in given || Symbol.iterator in given);
}
