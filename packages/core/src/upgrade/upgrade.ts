/**
 * Leaving HTTP on a connection: waiting for the transport.
 */
import { HttpError } from "../error.ts";
import { exchangeOfRequest, HttpRequest } from "../message/request.ts";
import { exchangeOfResponse, type HttpResponse } from "../message/response.ts";
import type { Upgraded } from "./upgraded.ts";

/**
 * Waits until the exchange `message` belongs to has left HTTP and gives its transport. On a server pass the request,
 * before or after answering it with 101 or, to CONNECT, a 2xx; on a client pass the response.
 *
 * Rejects with an `HttpError`: kind `user` and code `NO_UPGRADE` if the message was no upgrade or was answered
 * otherwise, `MANUAL_UPGRADE` if `intoParts()` of the connection was used to take the transport; kind `canceled` if the
 * connection ended first.
 */
export function upgradeOn(message: HttpRequest | HttpResponse): Promise<Upgraded> {
  const exchange = message instanceof HttpRequest ? exchangeOfRequest(message) : exchangeOfResponse(message);
  if (exchange !== undefined) return exchange.upgrade(message);
  return Promise.reject(new HttpError("user", "NO_UPGRADE", "the message did not come from a connection"));
}
