/**
 * Huffman encoding (RFC 7541 section 5.2): the length is found first, so that the shorter form of a string can be
 * chosen and its length prefix written before it.
 */
import type { OctetWriter } from "../octet-writer.ts";
import { codeLengths, codes } from "./huffman-code.ts";

/**
 * The number of octets that `text` takes Huffman-encoded.
 * @throws TypeError if a char is above 255; nothing else stands between such text and the wire.
 */
export function huffmanEncodedBytes(text: string): number {
  let bits = 0;
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    seen |= unit;
    bits += codeLengths[unit & 0xff] as number;
  }
  if (seen > 0xff) throw new TypeError("a field name or value must be latin1: it has a character above U+00FF");
  return (bits + 7) >>> 3;
}

/** Writes `text`, of which `huffmanEncodedBytes` gave `length`. */
export function huffmanEncode(writer: OctetWriter, text: string, length: number): void {
  writer.reserve(length);
  const { bytes } = writer;
  let at = writer.end;
  // Bits that do not fill an octet yet, at most seven, in front of the next code, which has at most 30.
  let pending = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    let code = codes[unit] as number;
    let codeLength = codeLengths[unit] as number;
    if (codeLength > 24) {
      // Seven and 30 bits do not fit into 32: the first eight go ahead.
      codeLength -= 8;
      pending = (pending << 8) | (code >>> codeLength);
      bytes[at++] = pending >>> count;
      code &= (1 << codeLength) - 1;
    }
    pending = (pending << codeLength) | code;
    count += codeLength;
    while (count >= 8) {
      count -= 8;
      bytes[at++] = pending >>> count;
    }
  }
  // The padding is the start of EOS, all ones.
  if (count > 0) bytes[at++] = (pending << (8 - count)) | (0xff >>> count);
  writer.end = at;
}
