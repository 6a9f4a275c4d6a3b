/**
 * Tells a handler of either generation what happens, so that an exchange need not know which it has.
 */
import type { Duplex } from "node:stream";
import { HeaderMap } from "@sluice/body";
import { invalidArgument } from "./dispatch-error.ts";
import {
  type DispatchController,
  type DispatchHandler,
  isNewHandler,
  type NewHandler,
  type OldHandler,
} from "./handler.ts";
import { fieldRecord, rawFields, recordOfRaw } from "./raw-fields.ts";

const none: HeaderMap = new HeaderMap();

export interface Receiver {
  start(controller: DispatchController): void;
  head(controller: DispatchController, status: number, headers: HeaderMap, reason: string): void;
  data(controller: DispatchController, chunk: Buffer): void;
  end(controller: DispatchController, trailers: HeaderMap | undefined): void;
  /** Without a controller where nothing was begun. */
  error(controller: DispatchController | undefined, error: unknown): void;
  upgrade(controller: DispatchController, status: number, headers: HeaderMap, socket: Duplex): void;
}

class OldReceiver implements Receiver {
  readonly #handler: OldHandler;

  constructor(handler: OldHandler) {
    this.#handler = handler;
  }

  start(controller: DispatchController): void {
    this.#handler.onConnect?.((reason) => controller.abort(reason));
  }

  head(controller: DispatchController, status: number, headers: HeaderMap, reason: string): void {
    const resume = (): void => controller.resume();
    if (this.#handler.onHeaders?.(status, rawFields(headers), resume, reason) === false) controller.pause();
  }

  data(controller: DispatchController, chunk: Buffer): void {
    if (this.#handler.onData?.(chunk) === false) controller.pause();
  }

  end(_controller: DispatchController, trailers: HeaderMap | undefined): void {
    this.#handler.onComplete?.(rawFields(trailers ?? none));
  }

  error(_controller: DispatchController | undefined, error: unknown): void {
    this.#handler.onError?.(error);
  }

  upgrade(_controller: DispatchController, status: number, headers: HeaderMap, socket: Duplex): void {
    this.#handler.onUpgrade?.(status, rawFields(headers), socket);
  }
}

class NewReceiver implements Receiver {
  readonly #handler: NewHandler;

  constructor(handler: NewHandler) {
    this.#handler = handler;
  }

  start(controller: DispatchController): void {
    this.#handler.onRequestStart?.(controller);
  }

  head(controller: DispatchController, status: number, headers: HeaderMap, reason: string): void {
    controller.rawHeaders = rawFields(headers);
    this.#handler.onResponseStart?.(controller, status, fieldRecord(headers), reason);
  }

  data(controller: DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  end(controller: DispatchController, trailers: HeaderMap | undefined): void {
    controller.rawTrailers = rawFields(trailers ?? none);
    this.#handler.onResponseEnd?.(controller, recordOfRaw(controller.rawTrailers));
  }

  error(controller: DispatchController | undefined, error: unknown): void {
    this.#handler.onResponseError?.(controller, error);
  }

  upgrade(controller: DispatchController, status: number, headers: HeaderMap, socket: Duplex): void {
    controller.rawHeaders = rawFields(headers);
    this.#handler.onRequestUpgrade?.(controller, status, fieldRecord(headers), socket);
  }
}

/** A receiver for `handler`. @throws DispatchError code `UND_ERR_INVALID_ARG` for what is none. */
export function receiverOf(handler: DispatchHandler): Receiver {
  if (typeof handler !== "object" || handler === null) throw invalidArgument("handler must be an object");
  if (!isNewHandler(handler)) {
    requireMethod(handler, "onError");
    return new OldReceiver(handler);
  }
  // A failure that nobody hears of is not for a handler to choose.
  if (typeof handler.onResponseError !== "function") throw invalidArgument("invalid onResponseError method");
  return new NewReceiver(handler);
}

/** Checks what a handler of the older generation must have for a request. @throws as `receiverOf`. */
export function checkHandler(handler: DispatchHandler, isUpgrade: boolean): void {
  if (isNewHandler(handler)) return;
  requireMethod(handler, "onConnect");
  if (handler.onBodySent !== undefined) requireMethod(handler, "onBodySent");
  for (const name of isUpgrade ? (["onUpgrade"] as const) : (["onHeaders", "onData", "onComplete"] as const)) {
    requireMethod(handler, name);
  }
}

function requireMethod(handler: OldHandler, name: keyof OldHandler): void {
  if (typeof handler[name] !== "function") throw invalidArgument(`invalid ${name} method`);
}
