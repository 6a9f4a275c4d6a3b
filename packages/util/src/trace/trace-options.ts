/** What can be asked of a page, checked once. */
import { knownOptions, wholeOption } from "../options.ts";
import { TraceReader } from "./read-trace.ts";

/** What can be asked of a page. */
export interface TraceOptions {
  /** The heading of the page. Default: `Sluice trace`. */
  readonly title?: string;
  /** Most events that are shown; the lines behind them are counted. From 1 to 1,000,000. Default: 200,000. */
  readonly maxEvents?: number;
}

const face = "renderTrace";
const known = ["title", "maxEvents"];
const defaultTitle = "Sluice trace";
const defaultMaxEvents = 200_000;
const mostEvents = 1_000_000;

/** A reader for a log. @throws TypeError or RangeError for options that make no sense. */
export function traceReader(options: TraceOptions): TraceReader {
  knownOptions(face, options, known);
  const { title = defaultTitle } = options;
  if (typeof title !== "string") throw new TypeError(`${face}: title must be a text, got ${String(title)}`);
  return new TraceReader({
    title,
    maxEvents: wholeOption(face, "maxEvents", options.maxEvents, defaultMaxEvents, 1, mostEvents),
  });
}
