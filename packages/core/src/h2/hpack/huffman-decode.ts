/**
 * Huffman decoding, an octet of input at a time (RFC 7541 section 5.2).
 *
 * A state is an inner node of the code tree: the bits read since the last complete symbol. There are 256 of them. For
 * each state and each octet a table holds the one or two symbols that are completed, since no code is shorter than five
 * bits, and the next state; so decoding has no branches but the loop's own. The table (256 KiB) is made when the first
 * string is decoded, from steps of four bits, which takes less than a millisecond.
 */
import { codeLengths, codes, EOS } from "./huffman-code.ts";

/** Returned for a string that contains EOS. */
export const HUFFMAN_EOS = -1;
/** Returned for a string whose last bits are not the start of EOS, or are more than seven. */
export const HUFFMAN_PADDING = -2;

/** What an output must have room for beyond the decoded string: both symbols of a step are always stored. */
export const huffmanSlackBytes = 2;

// An element of the table: the symbols in bits 0-7 and 8-15, their number in 16-17, EOS_SEEN in 18, the state in 24-31.
const EOS_SEEN = 1 << 18;

/** The largest number of octets that `length` octets may decode to: the shortest code has five bits. */
export function maxDecodedBytes(length: number): number {
  return Math.floor((length * 8) / 5);
}

/**
 * Decodes the octets from `start` up to `end` into `output`, which has room for `maxDecodedBytes` of them, or for the
 * result of `huffmanDecodedBytes`, and `huffmanSlackBytes`. Returns the number of octets written, or one of the
 * negative constants above.
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, output: Uint8Array): number {
  const { steps, final } = tables ?? (tables = buildTables());
  let step = 0;
  let seen = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    step = steps[((step >>> 16) & 0xff00) | (bytes[at] as number)] as number;
    seen |= step;
    output[length] = step;
    output[length + 1] = step >>> 8;
    length += (step >>> 16) & 3;
  }
  if ((seen & EOS_SEEN) !== 0) return HUFFMAN_EOS;
  return final[step >>> 24] === 1 ? length : HUFFMAN_PADDING;
}

/** What `huffmanDecode` would return, without writing anything. */
export function huffmanDecodedBytes(bytes: Uint8Array, start: number, end: number): number {
  const { steps, final } = tables ?? (tables = buildTables());
  let step = 0;
  let seen = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    step = steps[((step >>> 16) & 0xff00) | (bytes[at] as number)] as number;
    seen |= step;
    length += (step >>> 16) & 3;
  }
  if ((seen & EOS_SEEN) !== 0) return HUFFMAN_EOS;
  return final[step >>> 24] === 1 ? length : HUFFMAN_PADDING;
}

interface Tables {
  /** By state and octet. */
  readonly steps: Int32Array;
  /** 1 for the states a string may end in: at most seven bits, all ones, are left. */
  readonly final: Uint8Array;
}

let tables: Tables | undefined;

function buildTables(): Tables {
  const { children, final } = buildTree();
  // Four bits complete at most one symbol, which is kept with the state that follows.
  const symbols = new Int16Array(256 * 16);
  const states = new Uint8Array(256 * 16);
  for (let state = 0; state < 256; state++) {
    for (let bits = 0; bits < 16; bits++) {
      let node = state;
      let symbol = -1;
      for (let bit = 3; bit >= 0; bit--) {
        node = children[node * 2 + ((bits >>> bit) & 1)] as number;
        if (node >= 0) continue;
        symbol = ~node;
        node = 0;
      }
      symbols[state * 16 + bits] = symbol;
      states[state * 16 + bits] = node;
    }
  }
  const steps = new Int32Array(256 * 256);
  for (let state = 0; state < 256; state++) {
    for (let octet = 0; octet < 256; octet++) {
      const high = state * 16 + (octet >>> 4);
      const low = (states[high] as number) * 16 + (octet & 15);
      const first = symbols[high] as number;
      const second = symbols[low] as number;
      let step = (states[low] as number) << 24;
      let count = 0;
      for (const symbol of [first, second]) {
        if (symbol === EOS) step |= EOS_SEEN;
        else if (symbol >= 0) step |= symbol << (8 * count++);
      }
      steps[state * 256 + octet] = step | (count << 16);
    }
  }
  return { steps, final };
}

/** The two children of each inner node, the root being 0: another inner node, or the complement of a symbol. */
function buildTree(): { readonly children: Int16Array; readonly final: Uint8Array } {
  const children = new Int16Array(256 * 2);
  const final = new Uint8Array(256);
  final[0] = 1;
  let nodes = 1;
  for (const [symbol, length] of codeLengths.entries()) {
    const code = codes[symbol] as number;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const child = node * 2 + ((code >>> bit) & 1);
      if (bit === 0) {
        children[child] = ~symbol;
      } else {
        // The root is nobody's child, so 0 means that there is none yet.
        if (children[child] === 0) children[child] = nodes++;
        node = children[child] as number;
        // The code of EOS is all ones.
        if (symbol === EOS && length - bit <= 7) final[node] = 1;
      }
    }
  }
  return { children, final };
}
