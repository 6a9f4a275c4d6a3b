/**
 * Field sections by hand: the usual requests and responses as lists of lines, and an encoder that knows nothing. Each
 * line is a literal without indexing and without Huffman code (RFC 7541 section 6.2.2), so what a test sends depends
 * neither on what was sent before nor on the encoder of the engine.
 */
import type { Line } from "./hpack.ts";
import { ascii, joined } from "./octets.ts";

/** A field section, or the octets of a field block as they are. */
export type Fields = readonly Line[] | Uint8Array;

export function request(method: string, path: string, ...fields: readonly Line[]): Line[] {
  return [[":method", method], [":scheme", "http"], [":authority", "a.test"], [":path", path], ...fields];
}

export function get(path = "/", ...fields: readonly Line[]): Line[] {
  return request("GET", path, ...fields);
}

export function post(path = "/", ...fields: readonly Line[]): Line[] {
  return request("POST", path, ...fields);
}

export function status(code: number, ...fields: readonly Line[]): Line[] {
  return [[":status", String(code)], ...fields];
}

/** What `get("/")` looks like in the text of a frame. */
export const getText = ":method=GET :scheme=http :authority=a.test :path=/";

export function literalBlock(lines: readonly Line[]): Uint8Array {
  return joined(lines.flatMap(([name, value]) => [Uint8Array.of(0x00), literalString(name), literalString(value)]));
}

/** A string without Huffman code (RFC 7541 section 5.2). */
function literalString(text: string): Uint8Array {
  return joined([prefixed7(text.length), ascii(text)]);
}

/** An integer with a prefix of seven bits, the bit in front of them zero (RFC 7541 section 5.1). */
function prefixed7(value: number): Uint8Array {
  if (value < 127) return Uint8Array.of(value);
  const octets = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) octets.push((rest & 0x7f) | 0x80);
  return Uint8Array.of(...octets, rest);
}

export function blockOf(fields: Fields): Uint8Array {
  return fields instanceof Uint8Array ? fields : literalBlock(fields);
}
