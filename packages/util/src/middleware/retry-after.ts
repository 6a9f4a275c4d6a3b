/**
 * `Retry-After` (RFC 9110 10.2.3), and dates in the three formats a recipient has to know (RFC 9110 5.6.7).
 */
import type { HttpResponse } from "@sluice/core";

/**
 * How long a response asks to wait, in milliseconds; `undefined` if it does not say, or not in a way that can be understood. A date
 * is taken relative to the `Date` of the response, so that the clocks need not agree; to ours if there is none.
 */
export function retryAfterMs({ headers }: HttpResponse): number | undefined {
  const values = headers.getAll("retry-after");
  const [value] = values;
  if (value === undefined || values.length > 1) return undefined;
  if (/^[0-9]{1,10}$/.test(value)) return Number(value) * 1000;
  const until = parseHttpDate(value);
  if (until === undefined) return undefined;
  const now = parseHttpDate(headers.get("date") ?? "") ?? Date.now();
  return Math.max(0, until - now);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const formats: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/,
];

/** The time of an HTTP-date in milliseconds since 1970. The day of the week is not checked. */
export function parseHttpDate(text: string): number | undefined {
  for (const format of formats) {
    const parts = format.exec(text)?.groups;
    if (parts === undefined) continue;
    const month = months.indexOf(parts["month"] ?? "");
    const [hours = 0, minutes = 0, seconds = 0] = (parts["time"] ?? "").split(":").map(Number);
    const day = Number(parts["day"]);
    if (month < 0 || day < 1 || day > 31 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
    return Date.UTC(fullYear(parts["year"] ?? ""), month, day, hours, minutes, seconds);
  }
  return undefined;
}

/** RFC 9110 5.6.7: two digits that seem to be more than 50 years ahead are of the past. */
function fullYear(digits: string): number {
  if (digits.length === 4) return Number(digits);
  const now = new Date().getUTCFullYear();
  const year = now - (now % 100) + Number(digits);
  return year > now + 50 ? year - 100 : year;
}
