/**
 * One line of a wire log as an event with known parts, or what is wrong with it. A log may have been cut, mixed with other
 * output or written by somebody else: everything is looked at, long texts are shortened, and only what is known is kept.
 */

import type { Failure } from "./model.ts";

export interface WireEvent {
  readonly t: number;
  /** The connection's name; empty if it has none. */
  readonly connection: string;
  readonly ev: string;
  /** 0 if there is none. */
  readonly stream: number;
  readonly exchange: number | undefined;
  /** The other parts, as they came. */
  readonly parts: Readonly<Record<string, unknown>>;
}

/** Longer texts are shortened. */
const maxText = 2048;
/** More fields of a head are left out. */
const maxFields = 256;
const maxStream = 0x7fff_ffff;

/** The event, or why there is none. */
export function wireEventOf(line: unknown): WireEvent | string {
  let value: unknown = line;
  if (typeof line === "string") {
    try {
      value = JSON.parse(line);
    } catch {
      return "is not JSON";
    }
  }
  if (!isRecord(value)) return "is not an object";
  const { t, c = "", ev, stream = 0, exchange } = value;
  if (typeof t !== "number" || !Number.isFinite(t)) return "has no time `t`";
  if (typeof ev !== "string") return "has no kind `ev`";
  if (typeof c !== "string" && typeof c !== "number") return "has a connection `c` that is no name";
  if (!isWhole(stream, 0, maxStream)) return "has a `stream` that is no stream identifier";
  if (exchange !== undefined && !isWhole(exchange, 1, Number.MAX_SAFE_INTEGER))
    return "has an `exchange` that is no number";
  if ((ev === "in" || ev === "out") && typeof value["type"] !== "string") return "has a frame without a `type`";
  return { t, connection: shortened(String(c)), ev: shortened(ev), stream, exchange, parts: value };
}

/** A text part, shortened; `undefined` if there is none. */
export function textPart({ parts }: WireEvent, name: string): string | undefined {
  const part = parts[name];
  return typeof part === "string" ? shortened(part) : undefined;
}

/** A whole number of 0 or more; `undefined` if there is none. */
export function countPart({ parts }: WireEvent, name: string): number | undefined {
  const part = parts[name];
  return isWhole(part, 0, Number.MAX_SAFE_INTEGER) ? part : undefined;
}

/** The fields of a head; what is no field is left out. */
export function fieldsPart({ parts }: WireEvent): [string, string][] | undefined {
  const { fields } = parts;
  if (!Array.isArray(fields)) return undefined;
  const kept: [string, string][] = [];
  for (const line of fields.slice(0, maxFields)) {
    if (!Array.isArray(line)) continue;
    const [name, value] = line as unknown[];
    if (typeof name === "string" && typeof value === "string") kept.push([shortened(name), shortened(value)]);
  }
  if (fields.length > maxFields) kept.push(["…", `${fields.length - maxFields} more`]);
  return kept;
}

/** The numbers of a record, for SETTINGS. */
export function numbersPart({ parts }: WireEvent, name: string): [string, number][] {
  const part = parts[name];
  if (!isRecord(part)) return [];
  const pairs = Object.entries(part).slice(0, maxFields);
  return pairs.flatMap(([key, value]): [string, number][] =>
    typeof value === "number" ? [[shortened(key), value]] : [],
  );
}

/** Texts of a list, joined, for flags. */
export function listPart({ parts }: WireEvent, name: string): string {
  const part = parts[name];
  if (!Array.isArray(part)) return "";
  return shortened(
    part
      .slice(0, maxFields)
      .filter((item) => typeof item === "string")
      .join(" "),
  );
}

/** The error of an event; `undefined` if there was none. */
export function failureOf(event: WireEvent): Failure | undefined {
  const kind = textPart(event, "kind");
  const code = textPart(event, "code");
  if (kind === undefined && code === undefined) return undefined;
  return { ...(kind !== undefined && { kind }), ...(code !== undefined && { code }) };
}

export function shortened(text: string, most: number = maxText): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length - most} more)`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
