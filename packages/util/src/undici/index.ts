/**
 * The pooled client behind the interface of undici, for programs and libraries that take a dispatcher.
 *
 * ```ts
 * const dispatcher = new SluiceDispatcher(new Client());
 * const response = await fetch("https://example.org/", { dispatcher });
 * await dispatcher.close();
 * ```
 */
export type { Dispatch, Interceptor } from "./compose.ts";
export { ConnectionEvents } from "./connection-events.ts";
export { DispatchError, type DispatchErrorCode, ParserError } from "./dispatch-error.ts";
export type { DispatchHeaders, DispatchOptions } from "./dispatch-options.ts";
export { type DoneCallback, SluiceDispatcher, type SluiceDispatcherOptions } from "./dispatcher.ts";
export type { DispatchController, DispatchHandler, NewHandler, OldHandler } from "./handler.ts";
export type { FieldRecord, RawFields } from "./raw-fields.ts";
