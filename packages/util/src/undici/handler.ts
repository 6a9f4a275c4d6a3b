/**
 * The two generations of handlers, told apart by what methods they have: those that undici 6 knows (Node 20 to 24 call with them) and
 * those that came with 7 and are all there is in 8 (Node 26).
 */
import type { Duplex } from "node:stream";
import type { FieldRecord, RawFields } from "./raw-fields.ts";

/** What a handler of the newer generation controls its exchange with. */
export interface DispatchController {
  readonly aborted: boolean;
  readonly paused: boolean;
  /** What it was aborted with; `null` before. */
  readonly reason: unknown;
  /** Of the last head: names and values in turn. */
  rawHeaders: RawFields | null;
  rawTrailers: RawFields | null;
  /** No further data is given until `resume`. */
  pause(): void;
  /** Goes on after `pause`. */
  resume(): void;
  /** Gives the exchange up; the handler is told at once, of `reason`. */
  abort(reason?: unknown): void;
}

/** What both generations may have. */
export interface CommonHandler {
  /** The first byte of the response is there. */
  onResponseStarted?(): void;
  /** A chunk of the request's content was written. */
  onBodySent?(chunk: Uint8Array): void;
  /** The request was sent to its last byte. */
  onRequestSent?(): void;
}

/** Up to undici 7. `false` from `onHeaders` or `onData` pauses until `resume` is called. */
export interface OldHandler extends CommonHandler {
  /** The request is about to be sent; `abort` gives it up. */
  onConnect?(abort: (reason?: unknown) => void, context?: unknown): void;
  /** The connection was upgraded, and is the handler's. */
  onUpgrade?(statusCode: number, rawHeaders: RawFields, socket: Duplex): void;
  /** A response head, an informational one (1xx) included. */
  // biome-ignore lint/suspicious/noConfusingVoidType: handlers return nothing or a boolean.
  onHeaders?(statusCode: number, rawHeaders: RawFields, resume: () => void, statusText: string): boolean | void;
  /** Content of the response. */
  // biome-ignore lint/suspicious/noConfusingVoidType: as above.
  onData?(chunk: Buffer): boolean | void;
  /** The response is complete. */
  onComplete?(trailers: RawFields): void;
  /** The exchange failed; nothing else is called any more. */
  onError?(error: unknown): void;
}

/** Since undici 7. */
export interface NewHandler extends CommonHandler {
  /** The request is about to be sent; `controller` gives it up. */
  onRequestStart?(controller: DispatchController, context?: unknown): void;
  /** The connection was upgraded, and is the handler's. */
  onRequestUpgrade?(controller: DispatchController, statusCode: number, headers: FieldRecord, socket: Duplex): void;
  /** A response head, an informational one (1xx) included. */
  onResponseStart?(
    controller: DispatchController,
    statusCode: number,
    headers: FieldRecord,
    statusMessage?: string,
  ): void;
  /** Content of the response. */
  onResponseData?(controller: DispatchController, chunk: Buffer): void;
  /** The response is complete. */
  onResponseEnd?(controller: DispatchController, trailers: FieldRecord): void;
  /** The exchange failed; nothing else is called any more. */
  onResponseError?(controller: DispatchController | undefined, error: unknown): void;
}

/** A handler of either generation: which one, its methods tell. */
export type DispatchHandler = OldHandler & NewHandler;

/** Whether a handler is of the newer generation, or of both; then it is called as the newer. */
export function isNewHandler(handler: DispatchHandler): boolean {
  return typeof handler.onRequestStart === "function";
}
