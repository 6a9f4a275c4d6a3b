/**
 * Field lines on their way out (RFC 9112 section 5). Names and values were checked when they entered their `HeaderMap`.
 */
import type { HeaderMap } from "@sluice/body";
import { titleCase } from "./field-roles.ts";

export interface Spelling {
  /** Names are written as `Title-Case`. */
  readonly titleCaseHeaders: boolean;
  /** Names are written as they were received or appended, where that is known; this wins over `titleCaseHeaders`. */
  readonly preserveHeaderCase: boolean;
}

const maxTitles = 1024;
const titles = new Map<string, string>();

/** The line `index` of `headers`, with its CRLF. */
export function fieldLine(headers: HeaderMap, index: number, spelling: Spelling): string {
  return lineOf(spelledName(headers, index, spelling), headers.valueAt(index));
}

/** A line for a field of our own, `name` in lower case. */
export function ownLine(name: string, value: string, spelling: Spelling): string {
  return lineOf(spelling.titleCaseHeaders ? title(name) : name, value);
}

const maxLengthLines = 1024;
const lengthLines: string[] = [];

/** The Content-Length line; those of small contents are made once. */
export function lengthLine(length: number, spelling: Spelling): string {
  if (length >= maxLengthLines || spelling.titleCaseHeaders) return ownLine("content-length", String(length), spelling);
  if (lengthLines.length === 0) {
    for (let i = 0; i < maxLengthLines; i++) lengthLines.push(`content-length: ${i}\r\n`);
  }
  return lengthLines[length] as string;
}

function lineOf(name: string, value: string): string {
  return value === "" ? `${name}:\r\n` : `${name}: ${value}\r\n`;
}

function spelledName(headers: HeaderMap, index: number, spelling: Spelling): string {
  if (spelling.preserveHeaderCase) {
    const original = headers.originalNameAt(index);
    if (original !== undefined) return original;
  }
  const name = headers.nameAt(index);
  return spelling.titleCaseHeaders ? title(name) : name;
}

function title(name: string): string {
  let spelled = titles.get(name);
  if (spelled === undefined) {
    spelled = titleCase(name);
    if (titles.size < maxTitles) titles.set(name, spelled);
  }
  return spelled;
}
