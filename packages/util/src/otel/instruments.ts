/** The instruments of the OpenTelemetry conventions for HTTP: names, units and bucket boundaries as they say. */
import { type Attributes, type Histogram, type Meter, type UpDownCounter, ValueType } from "@opentelemetry/api";
import { methodOf, protocolVersion } from "./attributes.ts";
import type { Exchange, Side } from "./exchange.ts";

/** Seconds. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const connectionBuckets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** What both sides record of an exchange. */
export class ExchangeInstruments {
  readonly #duration: Histogram;
  readonly #requestBytes: Histogram;
  readonly #responseBytes: Histogram;

  constructor(meter: Meter, side: Side) {
    const requests = `HTTP ${side} requests`;
    this.#duration = seconds(meter, `http.${side}.request.duration`, `Duration of ${requests}.`, requestBuckets);
    this.#requestBytes = bytes(meter, `http.${side}.request.body.size`, `Size of ${side} request bodies.`);
    this.#responseBytes = bytes(meter, `http.${side}.response.body.size`, `Size of ${side} response bodies.`);
  }

  /** @param further Attributes of the side's own. */
  record(exchange: Exchange, error: unknown, durationMs: number, further: Attributes): void {
    const attributes = { ...exchangeAttributes(exchange, error), ...further };
    this.#duration.record(durationMs / 1000, attributes);
    // Of what was cut short only the peer knows how much has arrived.
    if (error !== undefined) return;
    exchange.requestBytes.whenKnown((size) => this.#requestBytes.record(size, attributes));
    exchange.responseBytes.whenKnown((size) => this.#responseBytes.record(size, attributes));
  }
}

function exchangeAttributes(exchange: Exchange, error: unknown): Attributes {
  const { request, scheme, status, version, route } = exchange;
  const failure = exchange.errorType(error);
  return {
    "http.request.method": methodOf(request),
    "url.scheme": scheme,
    ...(status !== undefined && { "http.response.status_code": status }),
    ...(failure !== undefined && { "error.type": failure }),
    ...(route !== undefined && { "http.route": route }),
    ...(version !== undefined && { "network.protocol.version": protocolVersion(version) }),
  };
}

export function activeRequests(meter: Meter): UpDownCounter {
  const description = "Number of active HTTP server requests.";
  return meter.createUpDownCounter("http.server.active_requests", {
    unit: "{request}",
    description,
    valueType: ValueType.INT,
  });
}

export function openConnections(meter: Meter): UpDownCounter {
  const description = "Number of outbound HTTP connections that are currently active or idle.";
  return meter.createUpDownCounter("http.client.open_connections", {
    unit: "{connection}",
    description,
    valueType: ValueType.INT,
  });
}

export function connectionDuration(meter: Meter): Histogram {
  const description = "The duration of successfully established outbound HTTP connections.";
  return seconds(meter, "http.client.connection.duration", description, connectionBuckets);
}

function seconds(meter: Meter, name: string, description: string, explicitBucketBoundaries: number[]): Histogram {
  return meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries } });
}

function bytes(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, { unit: "By", description, valueType: ValueType.INT });
}
