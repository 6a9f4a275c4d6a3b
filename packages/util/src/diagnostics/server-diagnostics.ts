/** What a server publishes. */
import type { HttpRequest, Observer } from "@sluice/core";
import {
  type ConnectionMessages,
  channelsOf,
  connectionObserver,
  type DiagnosticsOptions,
} from "./connection-channels.ts";

/** Messages by what follows `sluice:http:server:` in the name of their channel. */
export interface ServerMessages extends ConnectionMessages {
  readonly "service:error": { readonly request: HttpRequest; readonly error: unknown };
}

/**
 * An observer for servers, one for any number of connections.
 *
 * @throws TypeError for options that make no sense.
 */
export function serverDiagnostics(options: DiagnosticsOptions = {}): Observer {
  const serviceError = channelsOf<ServerMessages>("server")("service:error");
  return {
    ...connectionObserver("serverDiagnostics", "server", options),
    serviceFailed(request, error) {
      if (serviceError.hasSubscribers) serviceError.publish({ request, error });
    },
  };
}
