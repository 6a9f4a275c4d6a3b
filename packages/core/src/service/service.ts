/**
 * A service turns a request into a response. It is all a server connection knows of the program it serves.
 */
import type { HttpRequest } from "../message/request.ts";
import type { HttpResponse } from "../message/response.ts";

/** What turns a request into a response: all a server connection knows of the program it serves. */
export interface Service {
  /**
   * Answers one request; a response returned without a promise costs none. On HTTP/2 calls overlap.
   *
   * A throw or rejection before the response head becomes a 500 with `connection: close` on HTTP/1 and a reset of the
   * stream on HTTP/2; it is reported to the observer and never becomes an unhandled rejection.
   */
  call(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
}

/** Makes a service of a function. */
export function serviceFn(call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>): Service {
  return { call };
}
