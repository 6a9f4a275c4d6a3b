/**
 * Outgoing bytes of one connection, gathered until they leave in one write.
 *
 * Heads and chunk lines arrive as latin1 text and are kept as text: V8 joins strings for free until somebody looks at
 * them. `take` turns everything small into one contiguous chunk cut from a shared slab and passes large chunks through
 * by reference, in order. Nothing is held between flushes.
 */
import { allocate, encodeLatin1Into } from "./latin1.ts";

/** A chunk of at least this many bytes is passed on by reference: copying it costs more than one more vector element. */
export const passThroughBytes = 8192;

/** How gathered chunks become the argument of one `Write.write`. */
export type WriteStrategy =
  /** Small chunks are joined, large ones passed by reference. */
  | "auto"
  /** Everything is joined into one chunk. */
  | "flatten"
  /** Bodies are always passed by reference; only heads and chunk lines are joined. */
  | "queue";

/** The parts of a buffer that holds none. */
const none: (string | Uint8Array)[] = [];

const slabBytes = 65_536;
let slab: Uint8Array = new Uint8Array(0);
let slabUsed = 0;

/** Cuts `size` bytes of arbitrary content from the shared slab; larger requests get memory of their own. */
function cut(size: number): Uint8Array {
  if (size > slabBytes / 4) return allocate(size);
  if (slabUsed + size > slab.length) {
    slab = allocate(slabBytes);
    slabUsed = 0;
  }
  const piece = slab.subarray(slabUsed, slabUsed + size);
  slabUsed += size;
  return piece;
}

/** Where a connection gathers what it sends. */
export interface OutputBuffer {
  /** Bytes gathered and not yet taken. */
  readonly length: number;
  /** Everything gathered, as the chunks of one write, in order. */
  take(): Uint8Array[];
  clear(): void;
}

export class WriteBuffer implements OutputBuffer {
  /** Bytes gathered and not yet taken. */
  length = 0;
  readonly #passThroughBytes: number;
  /** Text after the last element of `#parts`. */
  #text = "";
  #parts: (string | Uint8Array)[] = none;

  constructor(strategy: WriteStrategy = "auto") {
    this.#passThroughBytes =
      strategy === "auto" ? passThroughBytes : strategy === "queue" ? 1 : Number.POSITIVE_INFINITY;
  }

  /** Adds text whose chars are all below 256. */
  text(text: string): void {
    this.#text += text;
    this.length += text.length;
  }

  /** Adds bytes, which must not change any more. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#parts === none) this.#parts = [];
    if (this.#text !== "") {
      this.#parts.push(this.#text);
      this.#text = "";
    }
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** Everything gathered, as the chunks of one write, in order. */
  take(): Uint8Array[] {
    if (this.#parts.length === 0 && this.#text !== "") return [this.#takeText()];
    const parts = this.#parts;
    if (this.#text !== "") parts.push(this.#text);
    this.#text = "";
    this.#parts = none;
    this.length = 0;
    const chunks: Uint8Array[] = [];
    let from = 0;
    while (from < parts.length) {
      const first = parts[from] as string | Uint8Array;
      if (typeof first !== "string" && first.length >= this.#passThroughBytes) {
        chunks.push(first);
        from++;
        continue;
      }
      let to = from;
      let size = 0;
      for (; to < parts.length; to++) {
        const part = parts[to] as string | Uint8Array;
        if (typeof part !== "string" && part.length >= this.#passThroughBytes) break;
        size += part.length;
      }
      if (to === from + 1 && typeof first !== "string") {
        chunks.push(first);
        from = to;
        continue;
      }
      const joined = cut(size);
      let offset = 0;
      for (; from < to; from++) {
        const part = parts[from] as string | Uint8Array;
        if (typeof part === "string") encodeLatin1Into(part, joined, offset);
        else joined.set(part, offset);
        offset += part.length;
      }
      chunks.push(joined);
    }
    return chunks;
  }

  /** The common case: heads and short bodies, all text. */
  #takeText(): Uint8Array {
    const text = this.#text;
    const chunk = cut(text.length);
    encodeLatin1Into(text, chunk, 0);
    this.#text = "";
    this.length = 0;
    return chunk;
  }

  clear(): void {
    this.#parts = none;
    this.#text = "";
    this.length = 0;
  }
}
