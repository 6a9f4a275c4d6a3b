/**
 * OpenTelemetry for servers and clients, by its stable conventions for HTTP. Needs `@opentelemetry/api`, an optional peer
 * dependency; without an SDK all of it does nothing.
 *
 * Wrappers make spans, for they stand around a call: `traced` reads the context from requests and runs the service in it,
 * `tracedClient` writes it into requests. Observers look on, and know when an exchange is really over: `serverTelemetry` and
 * `clientTelemetry` record metrics, end the spans, and add an event for each 1xx response. Either works without the other:
 *
 * |                                    | wrapper only                  | observer only               | both                    |
 * | ---------------------------------- | ----------------------------- | --------------------------- | ----------------------- |
 * | spans, propagation                 | yes                           | no                          | yes                     |
 * | a span ends                        | when its response was taken   |                             | when the exchange is over |
 * | events for 1xx, why a client retried | no                          |                             | yes                     |
 * | metrics                            | no                            | yes                         | yes                     |
 * | sizes of bodies of unknown length  | no                            | no                          | yes                     |
 * | requests that got no connection    | span                          | no                          | span and metrics        |
 */
export { clientTelemetry } from "./client-telemetry.ts";
export { routeKey } from "./exchange.ts";
export type { ServerTracingOptions, TelemetryOptions, TracingOptions } from "./options.ts";
export { defaultRedactedParameters, type RedactQuery } from "./redact-query.ts";
export { serverTelemetry } from "./server-telemetry.ts";
export { traced } from "./traced.ts";
export { type TracedClient, tracedClient } from "./traced-client.ts";
