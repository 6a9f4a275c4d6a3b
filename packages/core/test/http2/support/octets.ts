/**
 * Octets as tests write and read them: hexadecimal with blanks anywhere.
 */

export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 === 1 || /[^0-9a-f]/i.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

export function toHex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** `octets` in pieces that end at `cuts`, each a copy of its own so that nothing can be read beyond it. */
export function cutAt(octets: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...new Set([...cuts, octets.length])].filter((cut) => cut <= octets.length).sort((a, b) => a - b);
  let start = 0;
  return ends.map((end) => {
    const piece = octets.slice(start, end);
    start = end;
    return piece;
  });
}

export function singly(octets: Uint8Array): Uint8Array[] {
  return Array.from(octets, (octet) => Uint8Array.of(octet));
}
