/**
 * What a connection tells about itself. Every method is optional and costs one check when it is absent.
 *
 * Methods are called in the middle of the connection's work and should return quickly. What they throw is dropped.
 */
import type { HeaderMap } from "@sluice/body";
import type { HttpError } from "./error.ts";
import type { HttpRequest } from "./message/request.ts";
import type { HttpResponse } from "./message/response.ts";

export interface Observer {
  /** Bytes received from the transport. */
  bytesRead?(count: number): void;
  /** Bytes handed to the transport. */
  bytesWritten?(count: number): void;
  /** A request head was received (server) or handed to the writer (client). */
  requestStarted?(request: HttpRequest): void;
  /** A 1xx response was sent or received. */
  informational?(request: HttpRequest, status: number, headers: HeaderMap): void;
  /** A final response head was handed to the writer (server) or received (client). */
  responseStarted?(request: HttpRequest, response: HttpResponse): void;
  /**
   * The exchange is over. `error` is absent when the response was received to its last byte (client), or written to its
   * last byte (server): on a server this tells whether the response went out completely. Should the transport fail with
   * bytes of it still in its own buffers, only `connectionClosed` can tell.
   */
  exchangeEnded?(request: HttpRequest, error?: HttpError): void;
  /** A service threw or rejected; `error` is what it threw. */
  serviceFailed?(request: HttpRequest, error: unknown): void;
  /** The connection is closed and its transport released; `error` says why, if it was not a clean end. */
  connectionClosed?(error?: HttpError): void;
}

const guards = new WeakMap<Observer, Observer>();

/** The same observer, made safe to call from where an exception would do harm. */
export function guarded(observer: Observer): Observer {
  let guard = guards.get(observer);
  if (guard === undefined) {
    guard = {};
    for (const name of names) {
      if (observer[name] !== undefined) Object.defineProperty(guard, name, { value: guardedMethod(observer, name) });
    }
    guards.set(observer, guard);
  }
  return guard;
}

const names = [
  "bytesRead",
  "bytesWritten",
  "requestStarted",
  "informational",
  "responseStarted",
  "exchangeEnded",
  "serviceFailed",
  "connectionClosed",
] as const satisfies readonly (keyof Observer)[];

function guardedMethod(observer: Observer, name: keyof Observer): (...facts: unknown[]) => void {
  return (...facts) => {
    try {
      (observer[name] as (...facts: unknown[]) => void)(...facts);
    } catch {
      // An observer only looks on.
    }
  };
}
