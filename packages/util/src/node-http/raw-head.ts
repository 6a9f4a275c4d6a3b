/**
 * Heads of responses that were written as text: by Node's own methods for informational responses, and by those who answer
 * a request for an upgrade on its socket (RFC 9112 section 4).
 */
import { HeaderMap } from "@sluice/body";
import { HttpError } from "@sluice/core";

export interface RawHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: HeaderMap;
}

const statusLine = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: (.*))?$/;

/**
 * Reads a head, with or without the empty line behind it.
 * @throws HttpError kind `user`, code `HEAD_UNREADABLE`, or the error of a field that cannot be sent.
 */
export function parseRawHead(text: string): RawHead {
  const lines = text.split("\r\n");
  const start = statusLine.exec(lines[0] ?? "");
  if (start === null) throw unreadable(lines[0]);
  const fields = new HeaderMap();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line === "") break;
    const colon = line.indexOf(":");
    if (colon < 1) throw unreadable(line);
    fields.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return { status: Number(start[1]), reason: start[2] ?? "", fields };
}

/** The trailers that `addTrailers` has put down as lines; undefined for none. */
export function parseTrailerLines(text: string): HeaderMap | undefined {
  if (text === "") return undefined;
  const fields = new HeaderMap();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields.size === 0 ? undefined : fields;
}

function unreadable(line: string | undefined): HttpError {
  const shown = JSON.stringify((line ?? "").slice(0, 64));
  return new HttpError("user", "HEAD_UNREADABLE", `expected the head of an HTTP/1 response, got ${shown}`);
}
