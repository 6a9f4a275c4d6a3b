/**
 * What a server tells of its exchanges: metrics, the events of spans, and their end. Spans themselves are made by `traced`,
 * for an observer cannot run the service in their context.
 */
import type { Observer } from "@sluice/core";
import { hasNoContent } from "../middleware/watch-response.ts";
import { methodOf } from "./attributes.ts";
import { declaredBytes } from "./byte-count.ts";
import { Exchange, schemeOf, serverExchangeKey } from "./exchange.ts";
import { activeRequests, ExchangeInstruments } from "./instruments.ts";
import { resolveTelemetry, type TelemetryOptions } from "./options.ts";

/**
 * An observer for servers, one for any number of connections.
 *
 * Records `http.server.request.duration`, `http.server.active_requests`, and `http.server.request.body.size` and
 * `http.server.response.body.size`, where the length is known beforehand or, with `traced`, was counted. Ends the spans of
 * `traced` when their exchange is over, and adds an event `http.informational` for each 1xx response.
 *
 * @throws TypeError for options that make no sense.
 */
export function serverTelemetry(options: TelemetryOptions = {}): Observer {
  const { meter, timer, scheme } = resolveTelemetry("serverTelemetry", options);
  const instruments = new ExchangeInstruments(meter, "server");
  const active = activeRequests(meter);
  return {
    requestStarted(request) {
      const startMs = timer.now();
      const exchange = new Exchange(request, "server", schemeOf(request, scheme));
      const attributes = { "http.request.method": methodOf(request), "url.scheme": exchange.scheme };
      exchange.isObserved = true;
      exchange.onOver = (_, error) => {
        active.add(-1, attributes);
        instruments.record(exchange, error, timer.now() - startMs, {});
      };
      exchange.requestBytes.set(declaredBytes(request.body));
      request.extensions.set(serverExchangeKey, exchange);
      active.add(1, attributes);
    },
    informational: (request, status) => request.extensionsIfAny?.get(serverExchangeKey)?.informational(status),
    responseStarted(request, response) {
      const exchange = request.extensionsIfAny?.get(serverExchangeKey);
      if (exchange === undefined) return;
      exchange.answered(response.status, response.version);
      exchange.responseBytes.set(hasNoContent(request, response) ? 0 : declaredBytes(response.body));
    },
    exchangeEnded: (request, error) => request.extensionsIfAny?.get(serverExchangeKey)?.over(error),
  };
}
