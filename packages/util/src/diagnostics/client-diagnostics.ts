/** What a client publishes: its connections, and its pool. */
import type { HttpError, HttpRequest } from "@sluice/core";
import type { ClientObserver } from "../client/client-observer.ts";
import type { Connected } from "../connect/connector.ts";
import {
  type ConnectionMessages,
  channelsOf,
  connectionObserver,
  type DiagnosticsOptions,
} from "./connection-channels.ts";

/** Messages by what follows `sluice:http:client:` in the name of their channel. */
export interface ClientMessages extends ConnectionMessages {
  readonly "connect:start": { readonly origin: string };
  readonly "connect:end": { readonly origin: string; readonly connected: Connected };
  readonly "connect:error": { readonly origin: string; readonly error: unknown };
  readonly "pool:queued": { readonly origin: string; readonly request: HttpRequest };
  readonly "pool:assigned": {
    readonly origin: string;
    readonly request: HttpRequest;
    readonly connected: Connected;
    readonly isReused: boolean;
  };
  readonly "pool:retried": {
    readonly origin: string;
    readonly request: HttpRequest;
    readonly error: HttpError;
    readonly attempt: number;
  };
  readonly "pool:lost": { readonly origin: string; readonly connected: Connected; readonly error: unknown };
}

/**
 * An observer for clients and for single client connections, one for any number of them.
 *
 * @throws TypeError for options that make no sense.
 */
export function clientDiagnostics(options: DiagnosticsOptions = {}): ClientObserver {
  return { ...connectionObserver("clientDiagnostics", "client", options), ...poolObserver() };
}

function poolObserver(): ClientObserver {
  const named = channelsOf<ClientMessages>("client");
  const connectStart = named("connect:start");
  const connectEnd = named("connect:end");
  const connectError = named("connect:error");
  const queued = named("pool:queued");
  const assigned = named("pool:assigned");
  const retried = named("pool:retried");
  const lost = named("pool:lost");
  return {
    connectStarted(origin) {
      if (connectStart.hasSubscribers) connectStart.publish({ origin });
    },
    connectSucceeded(origin, connected) {
      if (connectEnd.hasSubscribers) connectEnd.publish({ origin, connected });
    },
    connectFailed(origin, error) {
      if (connectError.hasSubscribers) connectError.publish({ origin, error });
    },
    requestQueued(origin, request) {
      if (queued.hasSubscribers) queued.publish({ origin, request });
    },
    connectionAssigned(origin, request, connected, isReused) {
      if (assigned.hasSubscribers) assigned.publish({ origin, request, connected, isReused });
    },
    requestRetried(origin, request, error, attempt) {
      if (retried.hasSubscribers) retried.publish({ origin, request, error, attempt });
    },
    connectionLost(origin, connected, error) {
      if (lost.hasSubscribers) lost.publish({ origin, connected, error });
    },
  };
}
