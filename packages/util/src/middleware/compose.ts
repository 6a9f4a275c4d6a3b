/**
 * Middleware: a function that takes a service and gives one. Nothing more is needed to put behaviour around a service, on
 * either side of the wire.
 */
import type { Service } from "@sluice/core";

/** Puts something around a service. */
export type Middleware = (inner: Service) => Service;

/**
 * One middleware of several: the first is the outermost, so it sees a request first and its response last. Of none it is the
 * service itself.
 *
 * Around a client, this order makes each do its work where it belongs: `accessLog`, `timeout` (of the whole), `decompress`,
 * `followRedirects`, `retry` (of each hop), `timeout` (of each try), `clientService(client)`.
 *
 * @throws TypeError for anything but functions.
 */
export function compose(...middleware: readonly Middleware[]): Middleware {
  for (const [index, one] of middleware.entries()) {
    if (typeof one !== "function") {
      throw new TypeError(
        `compose: argument ${index + 1} must be a function, got ${one === null ? "null" : typeof one}`,
      );
    }
  }
  return (service) => middleware.reduceRight((inner, wrap) => wrap(inner), service);
}
