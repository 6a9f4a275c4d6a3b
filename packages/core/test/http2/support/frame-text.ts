/**
 * A frame in one line of text, the form in which tests compare them. First the type, then the stream, then what the
 * frame says; words in capitals are of the frame, words in small letters are fields:
 *
 * ```
 * PREFACE
 * SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=262144
 * SETTINGS ACK
 * HEADERS 1 END_STREAM :status=200 content-type="text/plain; charset=utf-8"
 * DATA 1 END_STREAM 5 hello
 * DATA 1 16384                                   longer content is told by its length alone
 * DATA 1 5 PADDING=3 hello                       five octets of content, three of padding
 * HEADERS 3 END_STREAM 16384...                  a fragment of a field block, and more to come
 * CONTINUATION 3 211 :status=200 x=<16000 octets>
 * PUSH_PROMISE 1 -> 2 :method=GET
 * HEADERS 1 DEPENDENCY=3 WEIGHT=16 EXCLUSIVE :method=GET
 * PRIORITY 5 DEPENDENCY=3 WEIGHT=16
 * PRIORITY_UPDATE 1 "u=1, i"
 * RST_STREAM 1 CANCEL
 * GOAWAY 1 PROTOCOL_ERROR: what went wrong
 * WINDOW_UPDATE 0 +65535
 * PING 0011223344556677
 * PING ACK 0011223344556677
 * ```
 *
 * A value that is empty, or holds anything but visible ASCII, or a quote or a backslash, stands in quotes, escaped.
 */
import type { Line } from "./hpack.ts";
import type { Priority, Received } from "./received.ts";

/** Longer values, and longer content, are told by their length alone. */
const longestShown = 64;

export function frameText(frame: Received): string {
  switch (frame.type) {
    case "PREFACE":
      return "PREFACE";
    case "DATA":
      return words(
        "DATA",
        frame.streamId,
        frame.endStream && "END_STREAM",
        frame.data.length,
        frame.padding !== undefined && `PADDING=${frame.padding}`,
        content(Buffer.from(frame.data).toString("latin1")),
      );
    case "HEADERS":
      return words(
        "HEADERS",
        frame.streamId,
        frame.endStream && "END_STREAM",
        frame.padding !== undefined && `PADDING=${frame.padding}`,
        frame.priority !== undefined && priority(frame.priority),
        frame.endHeaders ? fields(frame.fields) : `${frame.fragment.length}...`,
      );
    case "PUSH_PROMISE":
      return words(
        "PUSH_PROMISE",
        frame.streamId,
        "->",
        frame.promised,
        frame.padding !== undefined && `PADDING=${frame.padding}`,
        frame.endHeaders ? fields(frame.fields) : `${frame.fragment.length}...`,
      );
    case "CONTINUATION":
      if (!frame.endHeaders) return words("CONTINUATION", frame.streamId, `${frame.length}...`);
      return words("CONTINUATION", frame.streamId, frame.length, fields(frame.fields));
    case "SETTINGS":
      return words("SETTINGS", frame.ack && "ACK", ...frame.entries.map(([name, value]) => `${name}=${value}`));
    case "PRIORITY":
      return words("PRIORITY", frame.streamId, priority(frame.priority));
    case "RST_STREAM":
      return words("RST_STREAM", frame.streamId, frame.code);
    case "PING":
      return words("PING", frame.ack && "ACK", frame.payload);
    case "GOAWAY": {
      const text = words("GOAWAY", frame.lastStreamId, frame.code);
      return frame.debug === "" ? text : `${text}: ${visible(frame.debug)}`;
    }
    case "WINDOW_UPDATE":
      return words("WINDOW_UPDATE", frame.streamId, `+${frame.increment}`);
    case "PRIORITY_UPDATE":
      return words("PRIORITY_UPDATE", frame.streamId, word(frame.value));
  }
}

/** Lines as they stand in the text of a frame. */
function fields(lines: readonly Line[] | undefined): string {
  return words(...(lines ?? []).map(([name, value]) => `${name}=${word(value)}`));
}

function words(...parts: readonly (string | number | false)[]): string {
  return parts.filter((part) => part !== false && part !== "").join(" ");
}

function priority({ dependency, weight, exclusive }: Priority): string {
  return words(`DEPENDENCY=${dependency}`, `WEIGHT=${weight}`, exclusive && "EXCLUSIVE");
}

/** Content that is text and short; the length stands in front of it in any case. */
function content(text: string): string {
  return text === "" || text.length > longestShown || /[^\x20-\x7e\t\r\n]/.test(text) ? "" : word(text);
}

function word(text: string): string {
  if (text.length > longestShown) return `<${text.length} octets>`;
  return /^[\x21-\x7e]+$/.test(text) && !/["\\]/.test(text) ? text : `"${visible(text.replace(/["\\]/g, "\\$&"))}"`;
}

function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\r") return "\\r";
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
