/**
 * What can be said about one request beside the request itself.
 */
import type { HeaderMap } from "@sluice/body";
import type { HttpError } from "../error.ts";
import type { ExchangeTimeouts } from "../message/timeouts.ts";

/** Time limits of one request; those absent are the connection's. All in milliseconds, 0 for none. */
export interface RequestTimeouts extends ExchangeTimeouts {
  /** Longest wait for the response head once the request has been sent. */
  readonly headTimeoutMs?: number;
  /** Longest wait for 100 (Continue) before the content is sent all the same. */
  readonly expectContinueTimeoutMs?: number;
}

/** What can be said about one request beside the request itself. */
export interface SendOptions {
  /** Gives the exchange up: on HTTP/1 that ends the connection, on HTTP/2 it resets the stream with CANCEL. */
  readonly signal?: AbortSignal | undefined;
  /** Is called for each 1xx response but 101, before the final one. A throw ends the exchange as an abort would. */
  readonly onInformational?: ((status: number, headers: HeaderMap) => void) | undefined;
  readonly timeouts?: RequestTimeouts | undefined;
  /**
   * Is called once the exchange is over: the request was sent and the response received, both to the last byte, or `error`
   * ended it. An HTTP/1 connection that goes on takes the next request from then on. What it throws is
   * dropped. Not called for a request that was refused at once.
   */
  readonly onEnd?: ((error?: HttpError) => void) | undefined;
}

/** Tells whoever wants to know that an exchange is over. */
export function tellEnd(options: SendOptions, error?: HttpError): void {
  try {
    options.onEnd?.(error);
  } catch {
    // It is called in the middle of the connection's work, which must go on.
  }
}

/** The time limits of one request, each its own or the connection's. */
export type RequestLimits = Required<RequestTimeouts>;

/** The limits of one request: those given for it, else the connection's. */
export function limitsOf(given: RequestTimeouts | undefined, connection: RequestLimits): RequestLimits {
  if (given === undefined) return connection;
  return {
    headTimeoutMs: given.headTimeoutMs ?? connection.headTimeoutMs,
    requestTimeoutMs: given.requestTimeoutMs ?? connection.requestTimeoutMs,
    bodyTimeoutMs: given.bodyTimeoutMs ?? connection.bodyTimeoutMs,
    writeTimeoutMs: given.writeTimeoutMs ?? connection.writeTimeoutMs,
    expectContinueTimeoutMs: given.expectContinueTimeoutMs ?? connection.expectContinueTimeoutMs,
  };
}
