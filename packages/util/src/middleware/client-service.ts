/**
 * The bottom of a client's middleware: hands what travels with a request on to the pooled client, which is told of it by
 * options.
 */
import type { HttpRequest, HttpResponse, Service } from "@sluice/core";
import type { RequestOptions } from "../client/options.ts";
import { bodySource } from "./body-source.ts";
import { signalOf } from "./signal.ts";

/** What is needed of a client. */
export interface Requester {
  /** Sends a request, as `Client.request` does. */
  request(request: HttpRequest, options?: RequestOptions): Promise<HttpResponse>;
}

/**
 * `client` as a service that can be given up: by the signal of the request (`signalOf`), at any time. The client itself is a
 * service too, but one that goes on working for nobody when a timeout has passed.
 *
 * @param options What else to tell the client of a request; a `signal` in it takes the place of the request's.
 */
export function clientService(client: Requester, options?: (request: HttpRequest) => RequestOptions): Service {
  return {
    call(request) {
      const replayBody = bodySource(request);
      const common: RequestOptions = { signal: signalOf(request), ...(replayBody !== undefined && { replayBody }) };
      return client.request(request, { ...common, ...options?.(request) });
    },
  };
}
