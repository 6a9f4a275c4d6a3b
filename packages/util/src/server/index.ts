/**
 * Serving more than one connection: both versions of HTTP on one port, the accept loop, and its end.
 */
export * as auto from "./auto.ts";
export type { AutoConnection, Protocol } from "./auto-connection.ts";
export type { AutoOptions } from "./auto-options.ts";
export { GracefulShutdown, type ShutdownOptions, type ShutdownOutcome } from "./graceful-shutdown.ts";
export { type Connections, type MakeService, type ServeAllOptions, type Serving, serveAll } from "./serve-all.ts";
