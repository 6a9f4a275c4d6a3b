/**
 * What a connection tells about itself. Every method is optional and costs one check when it is absent.
 *
 * Methods are called in the middle of the connection's work and should return quickly. What they throw is dropped.
 */
import type { HeaderMap } from "@sluice/body";
import type { HttpError } from "./error.ts";
import type { FrameFacts } from "./h2/observe/frame-facts.ts";
import type { HttpRequest } from "./message/request.ts";
import type { HttpResponse } from "./message/response.ts";

/**
 * What keeps something from being sent: a flow-control window (RFC 9113 section 5.2), the transport, which holds enough
 * bytes, or the peer's MAX_CONCURRENT_STREAMS (section 5.1.2).
 */
export type StallCause = "stream window" | "connection window" | "transport" | "stream limit";

/**
 * What a connection tells about itself. Every method is optional, is called in the middle of the connection's work and
 * should return quickly; what it throws is dropped.
 */
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
  /** HTTP/2: a frame was received; its payload has not been judged yet. */
  frameReceived?(frame: FrameFacts): void;
  /** HTTP/2: a frame was handed to the transport, to its last octet. */
  frameSent?(frame: FrameFacts): void;
  /** HTTP/2: a stream changed its state (RFC 9113 section 5.1), told in words: `open`, `half-closed (remote)`. */
  streamChanged?(streamId: number, from: string, to: string): void;
  /** HTTP/2: what waits to be sent on a stream cannot be. Stream 0 means the whole connection. */
  stalled?(streamId: number, by: StallCause): void;
  /**
   * HTTP/2: something happened that a defence counts, for the `count`th time on this connection. `name` is the stem of
   * the names of the defence's options (`resets` of `resetsBurst`), or for frames that are ignored, which share one
   * limit, the name of what was ignored (`unknownFrame`).
   */
  defenceCounted?(name: string, count: number): void;
  /** HTTP/2: a PING of ours was answered, `rttMs` milliseconds after it was sent. */
  pingAnswered?(rttMs: number): void;
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

/** Every method; the compiler sees that none is missing. */
const methods: Readonly<Record<keyof Observer, true>> = {
  bytesRead: true,
  bytesWritten: true,
  requestStarted: true,
  informational: true,
  responseStarted: true,
  exchangeEnded: true,
  serviceFailed: true,
  connectionClosed: true,
  frameReceived: true,
  frameSent: true,
  streamChanged: true,
  stalled: true,
  defenceCounted: true,
  pingAnswered: true,
};

const names = Object.keys(methods) as readonly (keyof Observer)[];

function guardedMethod(observer: Observer, name: keyof Observer): (...facts: unknown[]) => void {
  return (...facts) => {
    try {
      (observer[name] as (...facts: unknown[]) => void)(...facts);
    } catch {
      // An observer only looks on.
    }
  };
}
