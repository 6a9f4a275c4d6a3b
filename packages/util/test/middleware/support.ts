/**
 * The vocabulary of the tests of middleware: bodies that tell what becomes of them, services that answer by a list, and
 * turns of the event loop.
 */
import { BaseBody, type Frame } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, type Service, serviceFn } from "@sluice/core";
import { expect } from "vitest";

/** A body that gives `frames`, then the end; or, if it is `open`, nothing more until it is cancelled. */
export class SpyBody extends BaseBody {
  /** What it was cancelled with. */
  readonly cancels: unknown[] = [];
  /** How often it was asked. */
  asked = 0;
  readonly #frames: Frame[];
  readonly #isOpen: boolean;
  #isOver = false;
  #pending: ((error: unknown) => void) | undefined;

  constructor(frames: readonly Frame[] = [], end: "open" | "closed" = "closed") {
    super();
    this.#frames = [...frames];
    this.#isOpen = end === "open";
  }

  frame(): Frame | null | Promise<Frame | null> {
    this.asked++;
    if (this.#isOver && this.cancels.length > 0) throw this.cancels[0];
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    if (!this.#isOpen) {
      this.#isOver = true;
      return null;
    }
    return new Promise((_, reject) => {
      this.#pending = reject;
    });
  }

  cancel(reason?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.cancels.push(reason);
    this.#pending?.(reason);
  }
}

/** A response, an error that is thrown, or a function that is called. */
export type Answer = HttpResponse | Error | ((request: HttpRequest) => HttpResponse | Promise<HttpResponse>);

/** A service that takes the answers in turn, and keeps the requests. */
export function answering(...answers: readonly Answer[]): Service & { readonly requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const service = serviceFn((request) => {
    const answer = answers[requests.length];
    requests.push(request);
    if (typeof answer === "function") return answer(request);
    if (answer instanceof HttpResponse) return answer;
    throw answer ?? new Error("not expected to be called again");
  });
  return { ...service, requests };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A call as a promise, whatever the service does. */
export async function call(
  service: Service,
  request: HttpRequest = HttpRequest.get("http://a.test/"),
): Promise<HttpResponse> {
  return await service.call(request);
}

/** The error `promise` rejects with, as kind and code. */
export async function failure(promise: Promise<unknown>): Promise<HttpError> {
  try {
    await promise;
  } catch (error) {
    if (HttpError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a rejection");
}

/** Lets everything run that can run now. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise, and what settles it. */
export function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Counts the listeners on a signal from now on. */
export function countListeners(signal: AbortSignal): () => number {
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  return () => listeners.size;
}

export function expectError(error: unknown, kind: string, code: string): void {
  expect(HttpError.is(error) && [error.kind, error.code]).toEqual([kind, code]);
}
