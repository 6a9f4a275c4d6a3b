/**
 * Watching connections: a trace of what crosses the wire, and a printer for it; several observers in the place of one.
 */
export { type FormatOptions, formatWireLog } from "./format-wire-log.ts";
export { observeAll } from "./observe-all.ts";
export { type WireLogOptions, wireLog } from "./wire-log.ts";
