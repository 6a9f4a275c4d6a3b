/**
 * The current time as an IMF-fixdate (RFC 9110 5.6.7), and the `date` line with it, made at most once a second.
 */
import { ownLine, type Spelling } from "./field-writer.ts";

/** The second of `text` ends before this, and began a second earlier. */
let until = 0;
let text = "";
let lowerCaseLine = "";
let titleCaseLine = "";

export function httpDate(): string {
  const now = Date.now();
  if (now >= until || now < until - 1000) renew(now);
  return text;
}

/** The whole line, as it stands in a response head. */
export function dateLine(spelling: Spelling): string {
  httpDate();
  return spelling.titleCaseHeaders ? titleCaseLine : lowerCaseLine;
}

function renew(now: number): void {
  until = (Math.floor(now / 1000) + 1) * 1000;
  text = new Date(now).toUTCString();
  lowerCaseLine = ownLine("date", text, { titleCaseHeaders: false, preserveHeaderCase: false });
  titleCaseLine = ownLine("date", text, { titleCaseHeaders: true, preserveHeaderCase: false });
}
