/**
 * Draws a wire log of `@sluice/util/observe`: one HTML page with a time line of connections and streams, which needs nothing
 * beside itself. The command `sluice-trace` does the same with files.
 */
import { pageOf } from "./page.ts";
import { linesOf } from "./read-trace.ts";
import { type TraceOptions, traceReader } from "./trace-options.ts";

export type { TraceOptions } from "./trace-options.ts";

/**
 * The page of a trace, as one text. Whatever the log holds is shown as text and does nothing; lines that cannot be read are
 * counted and named.
 *
 * @param log The text of a wire log, or its lines, or the events that they are in JSON.
 * @throws TypeError or RangeError for options that make no sense.
 */
export function renderTrace(log: string | Iterable<string | object>, options: TraceOptions = {}): string {
  const reader = traceReader(options);
  for (const line of typeof log === "string" ? linesOf(log) : log) reader.add(line);
  return pageOf(reader.done());
}
