/**
 * Heads and trailer sections as tests write and read them: through octets, as on a connection.
 */
import type { HeaderMap } from "@sluice/body";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import type { Http2Error } from "../../../src/h2/http2-error.ts";
import { OctetWriter } from "../../../src/h2/octet-writer.ts";
import { decodeLines, encodeLines, type Line } from "./hpack.ts";

/** Whatever takes a field section. */
export interface Section {
  begin(): void;
  field(name: string, value: string, flags: number): void;
}

/** Lines as in `:method: GET`, one each. */
export function lines(text: string): Line[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const colon = line.indexOf(":", 1);
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}

/** Feeds a section twice: with literals, and with what is in the tables by then. Those in `sensitive` are marked. */
export function feed(section: Section, fields: readonly Line[], sensitive: readonly boolean[] = []): void {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder({ maxListBytes: 1_000_000 });
  for (let round = 0; round < 2; round++) {
    const block = encodeLines(encoder, fields, sensitive);
    section.begin();
    decoder.begin(section);
    decoder.decode(block, 0, block.length);
    decoder.end();
  }
}

/** An error as far as a peer or a log gets to see it. */
export function shown(error: Http2Error | undefined): unknown {
  if (error === undefined) return undefined;
  const { kind, streamId, reason, code, message } = error;
  return { kind, streamId, reason, code, message };
}

/** What `shown` gives for a malformed section on stream `streamId` (RFC 9113 8.1.1). */
export function malformed(streamId: number, code: string, message: string): unknown {
  return { kind: "protocol", streamId, reason: 1, code, message: `HEADERS: ${message}` };
}

/** The lines that a writer of heads writes. */
export function writtenLines(writer: { write(octets: OctetWriter, encoder: HpackEncoder): void }): {
  readonly lines: Line[];
  readonly sensitive: boolean[];
} {
  const octets = new OctetWriter();
  const encoder = new HpackEncoder();
  encoder.begin(octets);
  writer.write(octets, encoder);
  const { lines: decoded, sensitive } = decodeLines(new HpackDecoder({ maxListBytes: 1_000_000 }), octets.take());
  return { lines: decoded, sensitive };
}

/** The size of a header list (RFC 9113 6.5.2). */
export function listSize(fields: readonly Line[]): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

export function linesOf(map: HeaderMap): Line[] {
  return [...map];
}

/** The lines of a map that are marked. */
export function sensitiveLinesOf(map: HeaderMap): Line[] {
  return linesOf(map).filter((_, at) => map.sensitiveAt(at));
}
