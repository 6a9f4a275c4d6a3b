/**
 * Field blocks as tests write and read them: lists of lines.
 */
import type { FieldSink, HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import type { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { FIELD_SENSITIVE } from "../../../src/h2/hpack/static-table.ts";
import type { Http2Error } from "../../../src/h2/http2-error.ts";
import { OctetWriter } from "../../../src/h2/octet-writer.ts";

export type Line = readonly [name: string, value: string];

export class Lines implements FieldSink {
  readonly lines: Line[] = [];
  readonly flags: number[] = [];

  field(name: string, value: string, flags: number): void {
    this.lines.push([name, value]);
    this.flags.push(flags);
  }

  get sensitive(): boolean[] {
    return this.flags.map((flags) => (flags & FIELD_SENSITIVE) !== 0);
  }
}

/**
 * Decodes one block, given in fragments. Each is moved into the middle of a larger chunk, as a transport would have it.
 */
export function decodeLines(decoder: HpackDecoder, ...fragments: readonly Uint8Array[]): Lines {
  const lines = new Lines();
  decoder.begin(lines);
  for (const fragment of fragments) {
    const chunk = new Uint8Array(fragment.length + 4).fill(0xff);
    chunk.set(fragment, 2);
    decoder.decode(chunk, 2, 2 + fragment.length);
    chunk.fill(0xff);
  }
  decoder.end();
  return lines;
}

/** Encodes one block; lines whose position is in `sensitive` are marked. */
export function encodeLines(
  encoder: HpackEncoder,
  lines: readonly Line[],
  sensitive: readonly boolean[] = [],
): Uint8Array {
  const writer = new OctetWriter();
  encoder.begin(writer);
  for (const [at, [name, value]] of lines.entries()) encoder.field(writer, name, value, sensitive[at] ?? false);
  return writer.take();
}

/** The error that `action` throws, in a form to compare: scope, error code, name of the rule, message. */
export function errorOf(action: () => unknown): { stream: number; reason: number; code: string; message: string } {
  try {
    action();
  } catch (error) {
    const { streamId: stream, reason, code, message, name } = error as Http2Error;
    if (name !== "HttpError") throw error;
    return { stream, reason, code, message };
  }
  throw new Error("nothing was thrown");
}

/** What is in a dynamic table, newest first, as RFC 7541 appendix C shows it. */
export function tableLines(table: HpackDecoder["table"]): Line[] {
  const lines: Line[] = [];
  for (let index = 0; ; index++) {
    const entry = table.at(index);
    if (entry === undefined) return lines;
    lines.push([entry.name, entry.value]);
  }
}
