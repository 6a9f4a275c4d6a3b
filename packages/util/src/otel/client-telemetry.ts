/**
 * What a client tells of its requests and its pool: metrics, the events of spans, and their end. Spans themselves are made by
 * `tracedClient`, for an observer cannot put their context into requests.
 */
import type { HttpRequest } from "@sluice/core";
import type { ClientObserver } from "../client/client-observer.ts";
import { serverOf } from "./attributes.ts";
import { declaredBytes, declaredResponseBytes } from "./byte-count.ts";
import { clientExchangeKey, Exchange, schemeOf } from "./exchange.ts";
import { ExchangeInstruments } from "./instruments.ts";
import { OpenConnections } from "./open-connections.ts";
import { resolveTelemetry, type TelemetryOptions } from "./options.ts";

/**
 * An observer for clients and for single client connections, one for any number of them.
 *
 * Records `http.client.request.duration`, `http.client.request.body.size` and `http.client.response.body.size`, where the length
 * is known beforehand or, with `tracedClient`, was counted; of a pooled client also `http.client.open_connections` and
 * `http.client.connection.duration`. Requests that got no connection are known to `tracedClient` only. Ends the spans of
 * `tracedClient` when their attempt is over, and adds an event `http.informational` for each 1xx response.
 *
 * @throws TypeError for options that make no sense.
 */
export function clientTelemetry(options: TelemetryOptions = {}): ClientObserver {
  const { meter, timer, scheme } = resolveTelemetry("clientTelemetry", options);
  const instruments = new ExchangeInstruments(meter, "client");
  const connections = new OpenConnections(meter, timer);

  /** What is known of the attempt that `request` is part of; something new, unless `isKnown`. */
  function attempt(request: HttpRequest, isKnown: (known: Exchange) => boolean): Exchange {
    const known = request.extensionsIfAny?.get(clientExchangeKey);
    const isSame = known !== undefined && !known.isOver && isKnown(known);
    const exchange = isSame ? known : new Exchange(request, "client", schemeOf(request, scheme));
    if (!isSame) request.extensions.set(clientExchangeKey, exchange);
    if (exchange.onOver === undefined) {
      const startMs = timer.now();
      exchange.requestBytes.set(declaredBytes(request.body));
      exchange.onOver = (_, error) => {
        connections.release(exchange);
        const server = serverOf(request.authority, exchange.scheme);
        instruments.record(exchange, error, timer.now() - startMs, server);
      };
    }
    return exchange;
  }

  return {
    connectSucceeded: (origin, connected) => connections.opened(origin, connected),
    connectionLost: (_, connected) => connections.lost(connected),
    requestQueued: (_, request) => void attempt(request, (known) => known.onOver === undefined),
    connectionAssigned: (_, request, connected) =>
      connections.assign(
        attempt(request, (known) => known.request === request),
        connected,
      ),
    requestRetried(_, request, error) {
      const exchange = request.extensionsIfAny?.get(clientExchangeKey);
      exchange?.over(error);
      exchange?.onRetry?.();
    },
    requestStarted(request) {
      const exchange = attempt(request, () => true);
      exchange.isObserved = true;
      connections.take(exchange);
    },
    informational: (request, status) => request.extensionsIfAny?.get(clientExchangeKey)?.informational(status),
    responseStarted(request, response) {
      const exchange = request.extensionsIfAny?.get(clientExchangeKey);
      exchange?.answered(response.status, response.version);
      exchange?.responseBytes.set(declaredResponseBytes(request, response));
    },
    exchangeEnded: (request, error) => request.extensionsIfAny?.get(clientExchangeKey)?.over(error),
  };
}
