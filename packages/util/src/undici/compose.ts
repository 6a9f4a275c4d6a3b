/**
 * Interceptors: functions that take a `dispatch` and give another, of whatever generation.
 *
 * What an interceptor hands on may be of one generation while what lies below calls the other, so each is handed something that
 * answers to both.
 */
import type { Duplex } from "node:stream";
import type { DispatchOptions } from "./dispatch-options.ts";
import { type DispatchController, type DispatchHandler, isNewHandler } from "./handler.ts";
import { type RawFields, rawOfRecord, recordOfRaw } from "./raw-fields.ts";

export type Dispatch = (options: DispatchOptions, handler: DispatchHandler) => boolean;
export type Interceptor = (dispatch: Dispatch) => Dispatch;

/** The controller of a handler of the newer generation below which the older one is called. */
class OldStyleController implements DispatchController {
  aborted = false;
  paused = false;
  reason: unknown = null;
  rawHeaders: RawFields | null = null;
  rawTrailers: RawFields | null = null;
  whenResumed: (() => void) | undefined;
  readonly #abort: (reason?: unknown) => void;

  constructor(abort: (reason?: unknown) => void) {
    this.#abort = abort;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.whenResumed?.();
  }

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#abort(reason);
  }
}

/** Answers to both generations for a handler of the older. */
function fromOld(handler: DispatchHandler): DispatchHandler {
  return {
    onConnect: (abort, context) => handler.onConnect?.(abort, context),
    onHeaders: (status, raw, resume, text) => handler.onHeaders?.(status, raw, resume, text),
    onUpgrade: (status, raw, socket) => handler.onUpgrade?.(status, raw, socket),
    onData: (chunk) => handler.onData?.(chunk),
    onComplete: (trailers) => handler.onComplete?.(trailers),
    onError: (error) => handler.onError?.(error),
    onRequestStart: (controller, context) => handler.onConnect?.((reason) => controller.abort(reason), context),
    onResponseStart(controller, status, headers, text) {
      const resume = (): void => controller.resume();
      if (handler.onHeaders?.(status, rawOfRecord(headers), resume, text ?? "") === false) controller.pause();
    },
    onRequestUpgrade: (_controller, status, headers, socket) =>
      handler.onUpgrade?.(status, rawOfRecord(headers), socket),
    onResponseData(controller, chunk) {
      if (handler.onData?.(chunk) === false) controller.pause();
    },
    onResponseEnd: (_controller, trailers) => handler.onComplete?.(rawOfRecord(trailers)),
    onResponseError: (_controller, error) => handler.onError?.(error),
    ...common(handler),
  };
}

/** Answers to both generations for a handler of the newer. */
function fromNew(handler: DispatchHandler): DispatchHandler {
  let controller = new OldStyleController(() => {});
  return {
    onRequestStart: (given, context) => handler.onRequestStart?.(given, context),
    onResponseStart: (given, status, headers, text) => handler.onResponseStart?.(given, status, headers, text),
    onRequestUpgrade: (given, status, headers, socket) => handler.onRequestUpgrade?.(given, status, headers, socket),
    onResponseData: (given, chunk) => handler.onResponseData?.(given, chunk),
    onResponseEnd: (given, trailers) => handler.onResponseEnd?.(given, trailers),
    onResponseError: (given, error) => handler.onResponseError?.(given, error),
    onConnect(abort, context) {
      controller = new OldStyleController(abort);
      handler.onRequestStart?.(controller, context);
    },
    onHeaders(status, raw, resume, text) {
      controller.whenResumed = resume;
      controller.rawHeaders = raw;
      handler.onResponseStart?.(controller, status, recordOfRaw(raw), text);
      return !controller.paused;
    },
    onUpgrade(status: number, raw: RawFields, socket: Duplex) {
      controller.rawHeaders = raw;
      handler.onRequestUpgrade?.(controller, status, recordOfRaw(raw), socket);
    },
    onData(chunk) {
      handler.onResponseData?.(controller, chunk);
      return !controller.paused;
    },
    onComplete(trailers) {
      controller.rawTrailers = trailers;
      handler.onResponseEnd?.(controller, recordOfRaw(trailers));
    },
    onError: (error) => handler.onResponseError?.(controller, error),
    ...common(handler),
  };
}

/** Only what there is: whether a handler has one of these decides whether it is told. */
function common(handler: DispatchHandler): DispatchHandler {
  return {
    onResponseStarted: () => handler.onResponseStarted?.(),
    ...(handler.onBodySent !== undefined && { onBodySent: (chunk: Uint8Array) => handler.onBodySent?.(chunk) }),
    ...(handler.onRequestSent !== undefined && { onRequestSent: () => handler.onRequestSent?.() }),
  };
}

/** A handler that answers to both generations. */
function bothGenerations(handler: DispatchHandler): DispatchHandler {
  if (typeof handler !== "object" || handler === null) return handler;
  // One that hears of no failure is for the dispatcher to refuse.
  if (!isNewHandler(handler)) return typeof handler.onError === "function" ? fromOld(handler) : handler;
  if (typeof handler.onResponseError !== "function") return handler;
  return typeof handler.onConnect === "function" ? handler : fromNew(handler);
}

/** `dispatch` with the interceptors in front of it, the last one outermost. @throws TypeError for what is no interceptor. */
export function composed(dispatch: Dispatch, interceptors: readonly (Interceptor | null | undefined)[]): Dispatch {
  let all = dispatch;
  for (const interceptor of interceptors) {
    if (interceptor === null || interceptor === undefined) continue;
    if (typeof interceptor !== "function") {
      throw new TypeError(`invalid interceptor, expected function received ${typeof interceptor}`);
    }
    const made: unknown = interceptor(all);
    if (typeof made !== "function") throw new TypeError("invalid interceptor");
    // What comes out of one may go into one of the other generation.
    all = (options, handler) => (made as Dispatch)(options, bothGenerations(handler));
  }
  return all;
}
