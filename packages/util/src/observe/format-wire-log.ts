/**
 * Makes a wire log (see `wire-log.ts`) readable: one aligned line per event.
 *
 * A log may have been cut, mixed with other output, or written by somebody else. What cannot be read comes out as it is
 * behind a question mark, and nothing comes out that a terminal would act upon.
 */

export interface FormatOptions {
  /** Only what concerns this stream; 0 for the connection. Lines that cannot be read are kept. Default: everything. */
  readonly stream?: number | undefined;
}

/**
 * The lines of a timeline: time in milliseconds, connection if it has a name, direction, frame or event, stream, flags,
 * length, details. Lazy: a line comes out as soon as one was read, so columns fit what was seen so far.
 *
 * @param lines Lines of a wire log, with or without their line breaks. Empty ones are left out.
 */
export function* formatWireLog(lines: Iterable<string>, options: FormatOptions = {}): Iterable<string> {
  const format = wireLineFormatter(options);
  for (const line of lines) {
    const formatted = format(line);
    if (formatted !== undefined) yield formatted;
  }
}

/** The same line by line, for lines that come with time; `undefined` for a line that is left out. */
export function wireLineFormatter({ stream }: FormatOptions): (line: string) => string | undefined {
  const widths: Widths = { connection: 0, what: leastWhat, flags: leastFlags };
  return (line) => {
    const text = line.trimEnd();
    if (text === "") return undefined;
    try {
      const event: unknown = JSON.parse(text);
      if (isWireEvent(event)) {
        return stream === undefined || concerns(event, stream) ? shown(formatEvent(event, widths)) : undefined;
      }
    } catch {
      // Not JSON, or nested deeper than anybody wants to see.
    }
    return shown(`? ${text}`);
  };
}

/** An event: an object with these, and with anything else. */
interface WireEvent {
  readonly t: number;
  readonly c?: unknown;
  readonly ev: string;
  readonly [key: string]: unknown;
}

function isWireEvent(value: unknown): value is WireEvent {
  return isRecord(value) && typeof value["t"] === "number" && typeof value["ev"] === "string";
}

/** Whether the event happened on the stream, or is about it. */
function concerns(event: WireEvent, stream: number): boolean {
  const { promisedStreamId, prioritizedStreamId } = event;
  return event["stream"] === stream || promisedStreamId === stream || prioritizedStreamId === stream;
}

/** How wide columns have become. */
interface Widths {
  connection: number;
  what: number;
  flags: number;
}

/** Columns are at least this wide, so that most logs need no more. */
const leastWhat = "PRIORITY_UPDATE".length;
const leastFlags = "END_STREAM,END_HEADERS".length;
/** One long text must not push all that follows aside. */
const mostWidth = 40;
const timeWidth = "1234567.890".length;
/** `2147483647` is rare. */
const streamWidth = 5;
const lengthWidth = 6;

function formatEvent(event: WireEvent, widths: Widths): string {
  const { t, c, ev, type, stream, flags, length, ...details } = event;
  const isFrame = ev === "in" || ev === "out";
  const arrow = ev === "out" ? "->" : ev === "in" ? "<-" : "  ";
  const connection = c === undefined ? "" : plain(c);
  const what = isFrame ? plain(type) : ev;
  const flagText = plain(flags);
  widths.connection = widened(widths.connection, connection);
  widths.what = widened(widths.what, what);
  widths.flags = widened(widths.flags, flagText);
  const columns = [
    t.toFixed(3).padStart(timeWidth),
    ...(widths.connection > 0 ? [connection.padEnd(widths.connection)] : []),
    arrow,
    what.padEnd(widths.what),
    plain(stream).padStart(streamWidth),
    flagText.padEnd(widths.flags),
    plain(length).padStart(lengthWidth),
    isFrame || type === undefined ? detailText(ev, details) : detailText(ev, { type, ...details }),
  ];
  return columns.join("  ").trimEnd();
}

function widened(width: number, text: string): number {
  return Math.max(width, Math.min(text.length, mostWidth));
}

function detailText(ev: string, details: Readonly<Record<string, unknown>>): string {
  if (ev === "stream") {
    const { from, to, ...rest } = details;
    return [`${plain(from)} -> ${plain(to)}`, ...pairs(rest)].join(" ");
  }
  return pairs(details).join(" ");
}

function pairs(details: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(details).map(([name, value]) =>
    isFields(value)
      ? `${name}={${value.map(([field, text]) => `${field}=${quoted(text)}`).join(" ")}}`
      : isRecord(value)
        ? `${name}={${pairs(value).join(" ")}}`
        : `${name}=${quoted(plain(value))}`,
  );
}

/** The fields of a head: `[name, value]` each. */
function isFields(value: unknown): value is [string, string][] {
  const isText = (part: unknown): boolean => typeof part === "string";
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((line) => Array.isArray(line) && line.length === 2 && line.every(isText))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function plain(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(plain).join(",");
  return isRecord(value) ? JSON.stringify(value) : String(value);
}

function quoted(text: string): string {
  return text.includes(" ") ? `"${text}"` : text;
}

/** Without what moves a cursor or changes a terminal: controls, and marks that turn the direction of text around. */
function shown(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
