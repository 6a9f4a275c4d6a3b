/**
 * Informational responses (RFC 9110 15.2) on the server: sent while the final one is being made.
 */
import { type HeaderInit, HeaderMap } from "@sluice/body";
import { exchangeOfRequest, type HttpRequest } from "./request.ts";

/**
 * Sends a 1xx response now, such as 103 with `link` fields (RFC 8297).
 *
 * @returns false if it was not sent: the final response has begun, the exchange is over, or the peer speaks HTTP/1.0.
 * @throws RangeError for a status that is not 1xx, or 101, which belongs to an upgrade.
 */
export function sendInformational(request: HttpRequest, status: number, headers?: HeaderInit): boolean {
  if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
    throw new RangeError(`an informational status is from 100 to 199 and not 101, got ${String(status)}`);
  }
  const fields = headers instanceof HeaderMap ? headers : new HeaderMap(headers);
  return exchangeOfRequest(request)?.informational(request, status, fields) ?? false;
}
