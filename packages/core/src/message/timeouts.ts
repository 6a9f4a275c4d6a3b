/**
 * Time limits of one exchange, replaced while it runs.
 */
import { exchangeOfRequest, type HttpRequest } from "./request.ts";

/** All in milliseconds; 0 switches a limit off; absent leaves it as it is. */
export interface ExchangeTimeouts {
  /** Longest wait for the next bytes of the peer's body while they are wanted. */
  readonly bodyTimeoutMs?: number;
  /** Longest time the transport may take no more of our bytes. */
  readonly writeTimeoutMs?: number;
  /**
   * Longest time for the whole: on a server until the request has been received, on a client until the response has.
   * Counted from now.
   */
  readonly requestTimeoutMs?: number;
}

/**
 * Replaces time limits for the exchange of a received request, until its response has been sent.
 * @throws RangeError for a negative or fractional limit.
 */
export function setTimeouts(request: HttpRequest, timeouts: ExchangeTimeouts): void {
  checkTimeouts(timeouts);
  exchangeOfRequest(request)?.setTimeouts(request, timeouts);
}

export function checkTimeouts(timeouts: ExchangeTimeouts): void {
  for (const [name, value] of Object.entries(timeouts) as [string, unknown][]) {
    if (value === undefined) continue;
    if (typeof value === "number" && value >= 0 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))
      continue;
    throw new RangeError(`${name} must be a whole number of milliseconds, or 0 for no limit, got ${String(value)}`);
  }
}
