/**
 * A `FormData` as `multipart/form-data` (RFC 7578, and the HTML standard's encoding algorithm for names): part after part, files as
 * streams, with a length that is known beforehand.
 */
import { type Body, fromIterable } from "@sluice/body";
import type { RequestContent } from "./request-content.ts";

const encoder = new TextEncoder();

interface Part {
  readonly head: Uint8Array;
  readonly value: Uint8Array | Blob;
}

/** @param boundary One that a Content-Type names already; a new one otherwise. */
export function contentOfForm(form: FormData, boundary: string = newBoundary()): RequestContent {
  // As they are now: the form may be changed later.
  const parts = [...form].map(([name, value]) => partOf(boundary, name, value));
  const end = encoder.encode(`--${boundary}--\r\n`);
  const length = parts.reduce((sum, { head, value }) => sum + head.length + lengthOf(value) + 2, end.length);
  const open = (): Body => fromIterable(chunksOf(parts, end), { length });
  return { open, isRepeatable: true, type: `multipart/form-data; boundary=${boundary}` };
}

/** The boundary a Content-Type names. */
export function boundaryOf(type: string | null): string | undefined {
  return /^multipart\/form-data;\s*boundary=("?)([^";]+)\1$/i.exec(type ?? "")?.[2];
}

async function* chunksOf(parts: readonly Part[], end: Uint8Array): AsyncGenerator<Uint8Array> {
  const lineEnd = encoder.encode("\r\n");
  for (const { head, value } of parts) {
    yield head;
    if (value instanceof Uint8Array) yield value;
    else yield* value.stream() as unknown as AsyncIterable<Uint8Array>;
    yield lineEnd;
  }
  yield end;
}

function partOf(boundary: string, name: string, value: string | Blob): Part {
  const start = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(withLineEnds(name))}"`;
  if (typeof value === "string")
    return { head: encoder.encode(`${start}\r\n\r\n`), value: encoder.encode(withLineEnds(value)) };
  const fileName = "name" in value ? String(value.name) : "blob";
  const file = `; filename="${escaped(fileName)}"\r\nContent-Type: ${value.type || "application/octet-stream"}\r\n\r\n`;
  return { head: encoder.encode(start + file), value };
}

/** What would end the quotes, or the line. */
function escaped(name: string): string {
  return name.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22");
}

function withLineEnds(text: string): string {
  return text.replace(/\r?\n|\r/g, "\r\n");
}

function lengthOf(value: Uint8Array | Blob): number {
  return value instanceof Uint8Array ? value.length : value.size;
}

function newBoundary(): string {
  return `----formdata-sluice-${crypto.randomUUID()}`;
}
