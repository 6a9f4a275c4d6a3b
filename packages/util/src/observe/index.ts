/**
 * Watching connections: a trace of what crosses the wire, and a printer for it.
 */
export { type FormatOptions, formatWireLog } from "./format-wire-log.ts";
export { type WireLogOptions, wireLog } from "./wire-log.ts";
