/**
 * What can be said about one request beside the request itself.
 */
import type { HeaderMap } from "@sluice/body";
import type { ExchangeTimeouts } from "../message/timeouts.ts";

/** Time limits of one request; those absent are the connection's. All in milliseconds, 0 for none. */
export interface RequestTimeouts extends ExchangeTimeouts {
  /** Longest wait for the response head once the request has been sent. */
  readonly headTimeoutMs?: number;
  /** Longest wait for 100 (Continue) before the content is sent all the same. */
  readonly expectContinueTimeoutMs?: number;
}

export interface SendOptions {
  /** Gives the exchange up: on HTTP/1 that ends the connection, on HTTP/2 it resets the stream with CANCEL. */
  readonly signal?: AbortSignal | undefined;
  /** Is called for each 1xx response but 101, before the final one. A throw ends the exchange as an abort would. */
  readonly onInformational?: ((status: number, headers: HeaderMap) => void) | undefined;
  readonly timeouts?: RequestTimeouts | undefined;
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
